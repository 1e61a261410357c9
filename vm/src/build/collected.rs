//! The errors of one build, several at once.
//!
//! Before: expansion, freezing and lowering, which go on behind an error where what follows has nothing to
//! do with it. Guarantees: in the order of the source, each once; a limit that is reached ends the build.

use crate::diagnostic::Diagnostic;

/// Errors after which nothing more is looked for.
const ERRORS_MAX: usize = 20;

/// Errors so far.
#[derive(Debug, Default)]
pub(super) struct Collected(Vec<Diagnostic>);

/// Whether nothing can be said of what follows an error: what a limit stopped would stop again.
pub(super) fn ends(error: &Diagnostic) -> bool {
    error.code.code.starts_with("E04")
}

impl Collected {
    /// Adds an error.
    pub(super) fn add(&mut self, error: Diagnostic) {
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    /// Keeps an error, so that the build goes on; gives it back where it has to end.
    pub(super) fn keep(&mut self, error: Box<Diagnostic>) -> Result<(), Box<Diagnostic>> {
        if ends(&error) || self.0.len() + 1 >= ERRORS_MAX {
            return Err(error);
        }
        self.add(*error);
        Ok(())
    }

    /// With a last error.
    pub(super) fn and(mut self, last: Diagnostic) -> Collected {
        self.add(last);
        self
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in the order of the source.
    pub(super) fn sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort_by_key(|error| error.span);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuildLimits, Source, compile};

    fn errors(text: &str) -> Vec<&'static str> {
        let source = Source::new("a.js", text);
        let errors = compile(&source, &BuildLimits::default()).unwrap_err();
        assert!(errors.is_sorted_by_key(|error| error.span));
        errors.iter().map(|error| error.code.code).collect()
    }

    #[test]
    fn errors_of_a_build_are_counted_up_to_a_number() {
        let lines = "delay('soon'),\n".repeat(ERRORS_MAX * 2);
        let found = errors(&format!(
            "export const A = act(() => sequence(() => [{lines}]))"
        ));
        assert_eq!(found, vec!["E0206"; ERRORS_MAX]);
    }

    #[test]
    fn a_command_that_is_used_twice_is_wrong_once() {
        let text = "const c = delay('soon'); export const A = act(() => sequence([c, c]))";
        assert_eq!(errors(text), ["E0206"]);
    }

    #[test]
    fn a_limit_ends_the_build() {
        let text = "export const A = act(() => { for (;;); })
            export const B = act(() => delay('soon'))";
        assert_eq!(errors(text), ["E0401"]);
    }
}
