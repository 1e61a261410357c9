//! Changes of the text that diagnostics carry: `check --fix` applies them, editors offer them.
//!
//! Before: diagnostics and lints, each with its place. After: whoever changes files. Guarantees: a fix keeps the
//! meaning of what it does not name; where the text is not of a form that is known, there is none. A file is parsed
//! again only where one of its diagnostics can have a fix.

mod apply;
mod call;
mod helper;
mod message;
mod read;

use crate::codes;
use crate::diagnostic::{Diagnostic, Fix};
use crate::parsed::{self, File};
use crate::source::{Lookup, Sources, Span};
pub use apply::{Applied, Changed, apply_fixes};

/// What a diagnostic knows that its text does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// The wait whose message a shorthand stands for.
    Message(Span),
    /// Which element of a list is no command.
    Element(usize),
    /// The function that returned none.
    Body(Span),
}

/// A change of one file: places in it, and what stands there instead.
type Edits = Vec<(Span, String)>;

/// Gives each diagnostic the fix that there is for it.
pub(crate) fn attach(diagnostics: &mut [Diagnostic], sources: &Sources) {
    for at in 0..sources.len() {
        let Some((source, base)) = sources.file(at) else {
            continue;
        };
        let is_here = |span: Span| {
            sources
                .around(span.start)
                .is_some_and(|(_, other)| other == base)
        };
        let wanted: Vec<usize> = (0..diagnostics.len())
            .filter(|at| may_have_fix(&diagnostics[*at]) && is_here(diagnostics[*at].span))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        parsed::with_file(source, |file| {
            for at in wanted {
                if let Some((place, fix)) = made(file, diagnostics, at, base) {
                    let global = |(span, text): (Span, String)| (span.shifted(base), text);
                    let edits = fix.edits.into_iter().map(global).collect();
                    diagnostics[at].fix = Some(Fix::new(fix.title, edits));
                    diagnostics[at].span =
                        place.map_or(diagnostics[at].span, |place| place.shifted(base));
                }
            }
        });
    }
}

fn may_have_fix(diagnostic: &Diagnostic) -> bool {
    let code = diagnostic.code;
    diagnostic.repair.is_some() || code == codes::UNKNOWN_NAME || code == codes::HOST_MISUSE
}

/// The fix of a diagnostic, and a better place for it where the text shows one.
fn made(
    file: &File<'_, '_>,
    diagnostics: &[Diagnostic],
    at: usize,
    base: u32,
) -> Option<(Option<Span>, Fix)> {
    let diagnostic = &diagnostics[at];
    let local = |span: Span| -> Option<Span> {
        let start = span.start.checked_sub(base)?;
        Some(Span::new(start, span.end.checked_sub(base)?))
    };
    let span = local(diagnostic.span)?;
    match &diagnostic.repair {
        Some(Repair::Element(index)) => {
            let (place, edits) = call::add_call(file, span, *index)?;
            Some((Some(place), Fix::new("call it", edits)))
        }
        Some(Repair::Body(body)) => {
            let (place, edits) = call::add_call_to_body(file, local(*body)?)?;
            Some((Some(place), Fix::new("call it", edits)))
        }
        Some(Repair::Message(wait)) => {
            let is_sure = |other: &Diagnostic| {
                other.span != diagnostic.span
                    || other.code != diagnostic.code
                    || other.repair == diagnostic.repair
            };
            // A command value may stand behind another wait elsewhere.
            if !diagnostics.iter().all(is_sure) {
                return None;
            }
            let same = |other: &&Diagnostic| other.repair == diagnostic.repair;
            let uses = diagnostics.iter().filter(same);
            let uses: Option<Vec<Span>> = uses.map(|other| local(other.span)).collect();
            let edits = message::name_message(file, local(*wait)?, &uses?)?;
            Some((None, Fix::new("name the message", edits)))
        }
        None if diagnostic.code == codes::HOST_MISUSE => {
            let edits = read::read_property(file, span)?;
            Some((None, Fix::new("read it with `readState`", edits)))
        }
        None => {
            let edits = helper::take_helper(file, span)?;
            Some((
                None,
                Fix::new("take it from the second parameter of `act`", edits),
            ))
        }
    }
}
