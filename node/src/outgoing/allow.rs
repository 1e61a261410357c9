//! Which hosts workers may speak to. Comes after the settings; asked before every connection. Guarantees: a
//! host that no pattern matches is refused; a pattern without a port allows the usual port of the scheme
//! only. Leaves to others: what a host's name resolves to.

use cluster_raft::http::HttpError;
use url::Url;

/// A pattern that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "http_allow: `{pattern}` is no host: give `api.example.com`, `api.example.com:8443`, `*.example.com` or `*`"
)]
pub struct BadHost {
    /// As it was given.
    pub pattern: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// Every host at every port.
    Any,
    /// This host, in small letters, as a URL writes it.
    Exactly(String),
    /// Hosts that end with this, which begins with a dot.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    host: Host,
    port: Option<u16>,
}

/// Hosts that are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Rule>);

impl AllowList {
    /// The hosts that patterns name.
    ///
    /// # Errors
    /// A pattern that is no host; names it.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<AllowList, BadHost> {
        let rules = patterns.iter().map(|pattern| rule(pattern.as_ref().trim()));
        Ok(AllowList(rules.collect::<Result<_, _>>()?))
    }

    /// Refuses a host that is not allowed.
    pub(super) fn check(&self, url: &Url) -> Result<(), HttpError> {
        let host = url.host_str().unwrap_or("");
        let port = url.port_or_known_default();
        let usual = url.port().is_none();
        let allows = |rule: &Rule| {
            let port_fits = match (rule.port, &rule.host) {
                (None, Host::Any) => true,
                (None, _) => usual,
                (Some(wanted), _) => port == Some(wanted),
            };
            port_fits
                && match &rule.host {
                    Host::Any => true,
                    Host::Exactly(name) => host == name,
                    Host::Below(end) => host.ends_with(end.as_str()) && host.len() > end.len(),
                }
        };
        if self.0.iter().any(allows) {
            return Ok(());
        }
        Err(HttpError::NotAllowed {
            host: host_and_port(url),
        })
    }
}

fn rule(pattern: &str) -> Result<Rule, BadHost> {
    let bad = || BadHost {
        pattern: pattern.to_owned(),
    };
    if pattern == "*" {
        return Ok(Rule {
            host: Host::Any,
            port: None,
        });
    }
    let (below, rest) = match pattern.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    // A scheme without a usual port, so that `:80` and `:443` are not lost.
    let url = Url::parse(&format!("http://{rest}")).map_err(|_| bad())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    let host = url.host_str().unwrap_or("");
    if !is_bare || host.is_empty() || rest.contains(['/', '*', '@']) {
        return Err(bad());
    }
    let port = match url.port() {
        Some(port) => Some(port),
        None => rest.ends_with(":80").then_some(80),
    };
    let host = match below {
        true => Host::Below(format!(".{host}")),
        false => Host::Exactly(host.to_owned()),
    };
    Ok(Rule { host, port })
}

/// The host with its port, where that is not the usual one of the scheme.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(patterns: &[&str], url: &str) -> bool {
        let list = AllowList::new(patterns).unwrap();
        list.check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_said() {
        assert!(!allows(&[], "http://a.example/"));
        assert!(allows(&["*"], "https://a.example:8443/x"));
        assert!(allows(&["a.example"], "http://A.example/"));
        assert!(allows(&["a.example"], "https://a.example/"));
        assert!(!allows(&["a.example"], "https://a.example:8443/"));
        assert!(!allows(&["a.example"], "https://b.a.example/"));
        assert!(!allows(&["a.example"], "https://a.example.evil/"));
        assert!(!allows(&["a.example"], "https://a.example@evil/"));
    }

    #[test]
    fn ports_and_names_below_are_allowed_where_they_are_named() {
        assert!(allows(&["a.example:8443"], "https://a.example:8443/"));
        assert!(!allows(&["a.example:8443"], "https://a.example/"));
        assert!(allows(&["a.example:80"], "http://a.example/"));
        assert!(!allows(&["a.example:80"], "https://a.example/"));
        assert!(allows(&["*.example"], "https://a.b.example/"));
        assert!(!allows(&["*.example"], "https://example/"));
        assert!(!allows(&["*.example"], "https://notexample/"));
        assert!(allows(
            &["127.0.0.1:80", "[::1]:9000"],
            "http://[::1]:9000/"
        ));
    }

    #[test]
    fn what_is_no_host_is_refused_by_name() {
        for pattern in ["", "http://a", "a/b", "a b", "*.", "a.*", "a:b", "me@a"] {
            let error = AllowList::new(&[pattern]).unwrap_err();
            assert_eq!(error.pattern, pattern);
        }
    }

    #[test]
    fn a_refusal_says_how_to_allow_the_host() {
        let url = Url::parse("http://a.example:81/x").unwrap();
        let error = AllowList::default().check(&url).unwrap_err().to_string();
        for part in [
            "http_allow",
            "--http-allow a.example:81",
            "TROUPE_HTTP_ALLOW",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
