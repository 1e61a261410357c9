//! Comments that silence lints: `// troupe-ignore W0003: reason`, at the end of the line or on a line of its own before.
//!
//! Before: the comments of all files, and all lints. After: the lints that are left. Guarantees: a comment that
//! silences nothing, gives no reason, or names what cannot be silenced is a lint itself, so that none is left behind.

use std::collections::BTreeSet;

use crate::codes;
use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::source::{Lookup, Source, Sources, Span};

/// The word that such a comment begins with.
pub(crate) const WORD: &str = "troupe-ignore";

/// What a comment says.
struct Ignore {
    span: Span,
    codes: Vec<String>,
    has_reason: bool,
    /// The file, by the offset at which it begins, and the line that it is about.
    line: (u32, u32),
    used: BTreeSet<String>,
}

/// The lints without those that comments silence; `comments` are the places of comments with the word.
pub(crate) fn apply(
    lints: Vec<Diagnostic>,
    comments: &[Span],
    sources: &Sources,
) -> Vec<Diagnostic> {
    let read = |span: &Span| ignore(*span, sources);
    let mut ignores: Vec<Ignore> = comments.iter().filter_map(read).collect();
    let mut left: Vec<Diagnostic> = Vec::new();
    for lint in lints {
        let line = sources.around(lint.span.start).map(|(source, base)| {
            let position = source.position(lint.span.start - base);
            (base, position.line)
        });
        let ignore = ignores.iter_mut().find(|ignore| {
            let named = ignore.codes.iter().any(|code| code == lint.code.code);
            Some(ignore.line) == line && named && lint.severity == Severity::Warning
        });
        match ignore {
            Some(ignore) => {
                ignore.used.insert(lint.code.code.to_owned());
            }
            None => left.push(lint),
        }
    }
    left.extend(ignores.iter().flat_map(complaints));
    left
}

fn ignore(span: Span, sources: &Sources) -> Option<Ignore> {
    let (source, base) = sources.around(span.start)?;
    let text = sources.slice(span);
    let text = text.trim_start_matches("//").trim_start_matches("/*");
    let text = text.trim_end_matches("*/").trim();
    let text = text.strip_prefix(WORD)?.trim();
    let (codes, reason) = text.split_once(':').unwrap_or((text, ""));
    let codes = codes
        .split([',', ' '])
        .filter(|code| !code.is_empty())
        .map(str::to_owned)
        .collect();
    Some(Ignore {
        span,
        codes,
        has_reason: !reason.trim().is_empty(),
        line: (base, line_meant(source, span.start - base)),
        used: BTreeSet::new(),
    })
}

/// The line of a comment; of one that stands alone, the next that holds more than a comment.
fn line_meant(source: &Source, offset: u32) -> u32 {
    let own = source.position(offset).line;
    let before = &source.text[..offset as usize];
    let is_alone = before.rsplit('\n').next().unwrap_or("").trim().is_empty();
    if !is_alone {
        return own;
    }
    let rest = source.text.lines().enumerate().skip(own as usize);
    let is_code = |line: &str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//")
    };
    let next = rest.into_iter().find(|(_, line)| is_code(line));
    next.map_or(own, |(at, _)| at as u32 + 1)
}

fn complaints(ignore: &Ignore) -> Vec<Diagnostic> {
    let lint = |code, message: String| Diagnostic::lint(code, ignore.span, message);
    let mut found = Vec::new();
    if ignore.codes.is_empty() || !ignore.has_reason {
        let example = "write `// troupe-ignore W0003: the reason`";
        let message = "the comment does not say what is ignored, or why".to_owned();
        found.push(lint(codes::BAD_IGNORE, message).with_hint(example));
    }
    for code in &ignore.codes {
        let is_lint = |known: &&codes::ErrorCode| known.code == code && known.code.starts_with('W');
        if !codes::ALL.iter().any(|known| is_lint(&known)) {
            let message = format!("`{code}` cannot be ignored: it is no lint");
            found.push(
                lint(codes::BAD_IGNORE, message).with_hint("lints have codes that begin with `W`"),
            );
        } else if !ignore.used.contains(code) {
            let message = format!("there is no {code} here to ignore");
            let unused = lint(codes::UNUSED_IGNORE, message).with_hint("remove the comment");
            // With other codes in it, a person decides.
            found.push(match ignore.codes.len() {
                1 => unused.with_fix(Fix::new(
                    "remove the comment",
                    vec![(ignore.span, String::new())],
                )),
                _ => unused,
            });
        }
    }
    found
}
