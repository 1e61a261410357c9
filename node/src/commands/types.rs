//! `troupe types`: prints the types of the language, for editors and `tsc`: `troupe types > troupe.d.ts`.
//! The text is the one that the tests check the examples with; it belongs to this binary's language.

/// Prints the file.
pub(super) fn run() {
    crate::output::line(vm::TYPES.trim_end());
}
