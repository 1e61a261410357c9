//! `troupe types`: prints the types of the language, for editors and `tsc`: `troupe types > troupe.d.ts`.
//! The text is the one that the tests check the examples with; it belongs to this binary's language.

/// Prints the types of the language, or those of tests.
pub(super) fn run(testing: bool) {
    let text = if testing {
        vm::TESTING_TYPES
    } else {
        vm::TYPES
    };
    crate::output::line(text.trim_end());
}
