//! Settings of a node: a TOML file, `TROUPE_…` variables and flags, the later winning. Read once by the
//! command line; everything after it gets a finished `Config`. What is set here cannot change what a
//! script does: limits of turns are set through the log.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use transport_direct::{DirectOptions, TlsFiles};

use crate::arguments::{LogFormat, NodeArguments};
use crate::outgoing::AllowList;

/// Largest message of a client that can be allowed, KiB: what the limits of shards allow.
pub const MESSAGE_KIB_MAX: u64 = 8 << 10;

/// The bus of a single node.
pub const EMBEDDED: &str = "embedded";

/// All settings of a node, with their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The cluster's name: letters, digits, `-` and `_`.
    pub cluster: String,
    /// This node's name, for people.
    pub name: String,
    /// `nats://HOST:PORT`, or `embedded` for a single node.
    pub bus: String,
    /// Where direct connections of other nodes are taken; only the bus is used without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<String>,
    /// What other nodes connect to; without, the address of `direct`, or `name` where that is every address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_advertise: Option<String>,
    /// This node's certificate for direct connections, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_certificate: Option<PathBuf>,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_key: Option<PathBuf>,
    /// The authority that signed the certificates of all nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_authority: Option<PathBuf>,
    /// Where data is kept.
    pub data: PathBuf,
    /// Where HTTP is served.
    pub http: String,
    /// How many nodes a new cluster waits for before it begins.
    pub expect: u32,
    /// How many shards a new cluster gets.
    pub shards: u32,
    /// Where traces go; nowhere without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Memory for blocks read from the state store, MiB.
    pub store_cache_mib: u64,
    /// Memory for workers that stay decoded, over all shards of the node, MiB. The others are read from
    /// disk when a message comes.
    pub worker_memory_mib: u64,
    /// History that the shards of the node keep together, MiB; beyond it the oldest goes before its time.
    /// 0: all that `retention` leaves.
    pub history_mib: u64,
    /// Hosts that workers may send HTTP requests to: `api.example.com`, `api.example.com:8443`,
    /// `*.example.com`, or `*` for all. None where nothing is said.
    pub http_allow: Vec<String>,
    /// Free space below which new work is refused, MiB.
    pub disk_reserve_mib: u64,
    /// Changes of state that the disk does not have yet beyond which clients are told to come back, MiB.
    pub unflushed_mib: u64,
    /// Largest message that clients may send through this node, KiB. What the cluster takes, 8 MiB, at most.
    pub message_kib_max: u64,
    /// Requests of clients under way at a time.
    pub requests_max: u32,
    /// Requests that wait for one of those places; further ones are refused at once.
    pub requests_waiting_max: u32,
    /// What this node sends of snapshots in a second, over all of them, MiB.
    pub snapshot_mib_per_second: u64,
    /// Whether this start goes on alone as the system group; never in a file.
    #[serde(skip)]
    pub recover_system: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            cluster: "troupe".to_owned(),
            name: host_name(),
            bus: EMBEDDED.to_owned(),
            direct: None,
            direct_advertise: None,
            direct_certificate: None,
            direct_key: None,
            direct_authority: None,
            data: PathBuf::from("troupe-data"),
            http: "127.0.0.1:7070".to_owned(),
            expect: 1,
            shards: 16,
            otlp: None,
            log_format: LogFormat::Text,
            store_cache_mib: 8,
            worker_memory_mib: 256,
            history_mib: 8192,
            http_allow: Vec::new(),
            disk_reserve_mib: 256,
            unflushed_mib: 64,
            message_kib_max: MESSAGE_KIB_MAX,
            requests_max: 4_096,
            requests_waiting_max: 16_384,
            snapshot_mib_per_second: 64,
            recover_system: false,
        }
    }
}

impl Config {
    /// The settings of `troupe node`.
    ///
    /// # Errors
    /// The file cannot be read or has an unknown setting, or a value is out of its range; the error
    /// names it.
    pub fn of_node(arguments: &NodeArguments) -> anyhow::Result<Config> {
        let mut config = match &arguments.config {
            Some(path) => read(path)?,
            None => Config::default(),
        };
        macro_rules! take {
            ($($field:ident),*) => {$(
                if let Some(value) = &arguments.$field { config.$field = value.clone(); }
            )*};
        }
        take!(
            cluster, name, bus, data, http, expect, shards, log_format, http_allow
        );
        macro_rules! take_optional {
            ($($field:ident),*) => {$(
                if arguments.$field.is_some() { config.$field.clone_from(&arguments.$field); }
            )*};
        }
        take_optional!(
            otlp,
            direct,
            direct_advertise,
            direct_certificate,
            direct_key,
            direct_authority
        );
        config.recover_system = arguments.recover_system;
        config.check()?;
        Ok(config)
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
    pub fn check(&self) -> anyhow::Result<()> {
        let (name, bus, expect, shards) = (&self.cluster, &self.bus, self.expect, self.shards);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            bail!("cluster = `{name}`: a cluster's name is 1 to 64 of A-Z a-z 0-9 - _");
        }
        if bus != EMBEDDED && !bus.starts_with("nats://") && !bus.starts_with("tls://") {
            bail!("bus = `{bus}`: the bus is nats://HOST:PORT, tls://HOST:PORT or embedded");
        }
        if bus == EMBEDDED && expect > 1 {
            bail!("expect = {expect}: the embedded bus is for one node; give --bus nats://…");
        }
        if !matches!(expect, 1 | 3 | 5) {
            bail!("expect = {expect}: a cluster begins with 1, 3 or 5 nodes; more join later");
        }
        if !(1..=4096).contains(&shards) {
            bail!("shards = {shards}: a cluster has 1 to 4096 shards");
        }
        let counts = [
            ("unflushed_mib", self.unflushed_mib),
            ("requests_max", u64::from(self.requests_max)),
            ("snapshot_mib_per_second", self.snapshot_mib_per_second),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, value)| *value == 0) {
            bail!("{name} = 0: with none of it the node could do nothing; give at least 1");
        }
        let largest = self.message_kib_max;
        if !(1..=MESSAGE_KIB_MAX).contains(&largest) {
            bail!(
                "message_kib_max = {largest}: 1 to {MESSAGE_KIB_MAX}; entries, payloads and stores are made for messages \
                 of 8 MiB, whatever the bus takes in one"
            );
        }
        AllowList::new(&self.http_allow)?;
        self.check_direct()
    }

    fn check_direct(&self) -> anyhow::Result<()> {
        let files = [
            &self.direct_certificate,
            &self.direct_key,
            &self.direct_authority,
        ];
        let given = files.iter().filter(|file| file.is_some()).count();
        let Some(direct) = &self.direct else {
            if given > 0 || self.direct_advertise.is_some() {
                bail!("direct_… without direct: say where to take connections, --direct HOST:PORT");
            }
            return Ok(());
        };
        if self.bus == EMBEDDED {
            bail!("direct = `{direct}`: the embedded bus is for one node; give --bus nats://…");
        }
        if !matches!(given, 0 | 3) {
            bail!(
                "direct connections need the certificate, its key and the authority, or none of \
                 the three: direct_certificate, direct_key, direct_authority"
            );
        }
        Ok(())
    }

    /// Where direct connections of other nodes are taken, where they are.
    #[must_use]
    pub fn direct_options(&self) -> Option<DirectOptions> {
        let files = (
            &self.direct_certificate,
            &self.direct_key,
            &self.direct_authority,
        );
        let listen = self.direct.clone()?;
        // The name of this machine, where it listens on all of its addresses.
        let everywhere = listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:");
        let name = everywhere.then(|| self.name.clone());
        Some(DirectOptions {
            listen,
            advertise: self.direct_advertise.clone().or(name),
            tls: match files {
                (Some(certificate), Some(key), Some(authority)) => Some(TlsFiles {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    authority: authority.clone(),
                }),
                _ => None,
            },
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read settings from `{}`", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in `{}`", path.display()))
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "node".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "cluster = \"a\"\nhttp = \"0.0.0.0:1\"\n").unwrap();
        let arguments = NodeArguments {
            config: Some(file.path().to_owned()),
            cluster: Some("b".to_owned()),
            ..NodeArguments::default()
        };
        let config = Config::of_node(&arguments).unwrap();
        assert_eq!(
            (config.cluster.as_str(), config.http.as_str()),
            ("b", "0.0.0.0:1")
        );
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "clutser = \"a\"\n").unwrap();
        let arguments = NodeArguments {
            config: Some(file.path().to_owned()),
            ..NodeArguments::default()
        };
        let error = format!("{:#}", Config::of_node(&arguments).unwrap_err());
        assert!(error.contains("clutser"), "{error}");
    }

    #[test]
    fn the_largest_message_is_what_shards_take() {
        let of_shards = cluster::limits::ShardLimits::default().turn.message_bytes;
        assert_eq!(MESSAGE_KIB_MAX << 10, of_shards);
        assert_eq!(Config::default().message_kib_max, MESSAGE_KIB_MAX);
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().is_err()
        };
        assert!(refused(|config| config.cluster = "a b".to_owned()));
        assert!(refused(|config| config.expect = 3));
        assert!(refused(|config| config.shards = 0));
        assert!(refused(|config| config.requests_max = 0));
        assert!(refused(|config| config.message_kib_max = 0));
        assert!(refused(|config| config.message_kib_max = 8_193));
        assert!(refused(|config| config.unflushed_mib = 0));
        assert!(refused(
            |config| config.direct = Some("127.0.0.1:0".to_owned())
        ));
        assert!(refused(|config| {
            config.bus = "nats://a:4222".to_owned();
            config.direct = Some("127.0.0.1:0".to_owned());
            config.direct_key = Some(PathBuf::from("key.pem"));
        }));
        assert!(refused(
            |config| config.http_allow = vec!["http://a".to_owned()]
        ));
        assert!(refused(|config| config.bus = "127.0.0.1:4222".to_owned()));
    }
}
