//! Applies fixes to texts: as many at once as do not touch each other.

use std::collections::BTreeMap;

use super::Edits;
use crate::codes::ErrorCode;
use crate::diagnostic::Diagnostic;
use crate::source::{Lookup, Position, Sources, Span};

/// A file with some fixes applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its path.
    pub path: String,
    /// The whole text as it is now.
    pub text: String,
    /// What was done, in the order of the file.
    pub applied: Vec<Applied>,
}

/// A fix that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Of what.
    pub code: ErrorCode,
    /// What it does.
    pub title: String,
    /// Where, in the text before.
    pub position: Position,
}

/// The files that the fixes of diagnostics change. Fixes that touch others are left out: look again at the
/// result, and apply what is left.
#[must_use]
pub fn apply_fixes(sources: &Sources, diagnostics: &[Diagnostic]) -> Vec<Changed> {
    let mut edits: BTreeMap<u32, (Edits, Vec<Applied>)> = BTreeMap::new();
    for diagnostic in diagnostics {
        let Some(fix) = &diagnostic.fix else { continue };
        let Some((_, base)) = sources.around(diagnostic.span.start) else {
            continue;
        };
        let (taken, applied) = edits.entry(base).or_default();
        // The same fix may come with several diagnostics.
        let touches =
            |(edit, _): &(Span, String)| taken.iter().any(|(other, _)| near(*edit, *other));
        if fix.edits.is_empty() || fix.edits.iter().any(touches) {
            continue;
        }
        taken.extend(fix.edits.iter().cloned());
        applied.push(Applied {
            code: diagnostic.code,
            title: fix.title.clone(),
            position: diagnostic.position(sources),
        });
    }
    let changed = edits
        .into_iter()
        .filter(|(_, (edits, _))| !edits.is_empty());
    let changed = changed.filter_map(|(base, (edits, applied))| {
        let (source, _) = sources.around(base)?;
        Some(Changed {
            path: source.name.clone(),
            text: edited(&source.text, base, edits),
            applied,
        })
    });
    changed.collect()
}

/// Whether one edit could change what another means.
fn near(one: Span, other: Span) -> bool {
    one.start <= other.end && other.start <= one.end
}

fn edited(text: &str, base: u32, mut edits: Edits) -> String {
    edits.sort_by_key(|(span, _)| *span);
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (span, new) in edits {
        let start = span.start.saturating_sub(base) as usize;
        let end = span.end.saturating_sub(base) as usize;
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(&new);
        at = at.max(end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{BuildLimits, compile_files};

    /// The text after all passes; panics where it still has errors.
    fn fixed(text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..20 {
            let files = BTreeMap::from([("a.js".to_owned(), text.clone())]);
            let (sources, diagnostics) =
                match compile_files("a.js", &files, &BuildLimits::default()) {
                    Ok(compiled) => (compiled.sources, compiled.lints),
                    Err(rejected) => (rejected.sources, rejected.diagnostics),
                };
            match apply_fixes(&sources, &diagnostics).pop() {
                Some(changed) => text = changed.text,
                None => {
                    let left: Vec<String> = diagnostics
                        .iter()
                        .map(|d| d.render(&sources, false))
                        .collect();
                    assert!(left.is_empty(), "{}\n{text}", left.join("\n"));
                    return text;
                }
            }
        }
        panic!("it goes on for ever: {text}");
    }

    #[test]
    fn helpers_are_taken_from_the_second_parameter() {
        for (before, after) in [
            (
                "() => complete(outbox)",
                "(self, { complete, outbox }) => complete(outbox)",
            ),
            ("me => complete(me)", "(me, { complete }) => complete(me)"),
            ("(me) => complete(me)", "(me, { complete }) => complete(me)"),
            (
                "(me, { fail }) => complete()",
                "(me, { fail, complete }) => complete()",
            ),
            ("(me, {}) => complete()", "(me, { complete }) => complete()"),
            (
                "(me, helpers) => complete()",
                "(me, helpers) => helpers.complete()",
            ),
            (
                "function (me) { return complete() }",
                "function (me, { complete }) { return complete() }",
            ),
        ] {
            let script = |factory: &str| format!("export const A = act({factory})");
            assert_eq!(fixed(&script(before)), script(after));
        }
    }

    #[test]
    fn functions_in_lists_are_called() {
        assert_eq!(
            fixed(
                "export const A = act(() => sequence(({ done }) => [noop, whileLoop(loop => sequence([delay(1), loop.break])), done]))"
            ),
            "export const A = act(() => sequence(({ done }) => [noop(), whileLoop(loop => sequence([delay(1), loop.break()])), done()]))"
        );
    }

    #[test]
    fn functions_that_factories_return_are_called() {
        assert_eq!(
            fixed(
                "export const A = act((self, { complete }) => waitFor(m => m, m => sequence(() => [whileLoop(loop => loop.break), withState(() => 0, s => complete)])))"
            ),
            "export const A = act((self, { complete }) => waitFor(m => m, m => sequence(() => [whileLoop(loop => loop.break()), withState(() => 0, s => complete())])))"
        );
    }

    #[test]
    fn properties_of_refs_are_read() {
        assert_eq!(
            fixed(
                "export const A = act((self, { config, outbox }) => waitFor(m => m, order => sequence(() => [\n  delay(config.wait.ms),\n  send(outbox, { id: order.id, all: [order.x] }),\n])))"
            ),
            "export const A = act((self, { config, outbox }) => waitFor(m => m, order => sequence(() => [\n  delay(readState(config, c => c.wait.ms)),\n  send(outbox, { id: readState(order, order => order.id), all: [readState(order, order => order.x)] }),\n])))"
        );
    }

    #[test]
    fn messages_of_shorthands_get_a_name() {
        assert_eq!(
            fixed(
                "export const A = act((self, { outbox, complete }) => sequence(() => [\n  waitFor(m => m.ok),\n  send(outbox, orderHandle),\n  send(outbox, { orderHandle }),\n  complete(),\n]))"
            ),
            "export const A = act((self, { outbox, complete }) => sequence(() => [\n  waitFor(m => m.ok, order => sequence(() => [\n  send(outbox, order),\n  send(outbox, { orderHandle: order }),\n  complete()])),\n]))"
        );
        assert_eq!(
            fixed(
                "const order = 1\nexport const A = act((self, { outbox }) => sequence(() => [waitFor(m => m.ok), send(outbox, [order, orderHandle]), waitFor(m => m.n), send(outbox, nextHandle)]))"
            ),
            "const order = 1\nexport const A = act((self, { outbox }) => sequence(() => [waitFor(m => m.ok, orderMessage => sequence(() => [ send(outbox, [order, orderMessage]), waitFor(m => m.n, next => sequence(() => [ send(outbox, next)]))]))]))"
        );
        assert_eq!(
            fixed(
                "export const A = act((self, { outbox }) => waitFor(m => m.ok, m => send(outbox, orderHandle)))"
            ),
            "export const A = act((self, { outbox }) => waitFor(m => m.ok, m => send(outbox, m)))"
        );
    }

    #[test]
    fn updaters_of_two_steps_become_refs() {
        assert_eq!(
            fixed(
                "export const A = act(() => withState(() => 0, sum => sequence(() => [\n  waitFor(m => m.ok),\n  modifyState(sum, add => sum => sum + add.n),\n])))"
            ),
            "export const A = act(() => withState(() => 0, sum => sequence(() => [\n  waitFor(m => m.ok, add => sequence(() => [\n  modifyState(sum, computeState([add], add => sum => sum + add.n))])),\n])))"
        );
        assert_eq!(
            fixed(
                "export const A = act(() => withState(() => 0, sum => waitFor(m => m.ok, m => modifyState(sum, add => sum => sum + add.n))))"
            ),
            "export const A = act(() => withState(() => 0, sum => waitFor(m => m.ok, m => modifyState(sum, computeState([m], add => sum => sum + add.n)))))"
        );
    }

    #[test]
    fn comments_that_ignore_nothing_go() {
        assert_eq!(
            fixed("export const A = act(() => noop()) // troupe-ignore W0003: none\n"),
            "export const A = act(() => noop()) \n"
        );
    }

    #[test]
    fn what_cannot_be_known_has_no_fix() {
        for text in [
            "export const A = act((self, { config }) => config.ms > 1 ? noop() : noop())",
            "export const A = act((self, { config }) => { config.steps.map(s => s); return noop() })",
            "export const A = act((self, { config, outbox }) => send(outbox, `${config.a}`))",
            "export const A = act((self, { config }) => sequence([config]))",
            "export const A = act((self, { config }) => waitFor(m => m, m => config))",
            "const list = [noop]; export const A = act(() => sequence(list))",
            "const f = () => complete(); export const A = act(() => f())",
        ] {
            let files = BTreeMap::from([("a.js".to_owned(), text.to_owned())]);
            let rejected = compile_files("a.js", &files, &BuildLimits::default()).unwrap_err();
            assert!(
                rejected.diagnostics.iter().all(|found| found.fix.is_none()),
                "{text}"
            );
        }
    }
}
