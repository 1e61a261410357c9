//! Upper and lower case of texts.
//!
//! Guarantees: Unicode's full mapping without a locale, from the tables that patterns use too. The standard library of
//! the compiler has tables of another version, which differs between builds: clippy refuses them here.

use icu_casemap::CaseMapper;

/// The tag of no language in particular.
const UNKNOWN_LANGUAGE: &str = "und";

/// A text in lower case; one letter may become several.
pub(crate) fn lower_case(text: &str) -> String {
    let language = UNKNOWN_LANGUAGE.parse().expect("a tag of the standard");
    let mapped = CaseMapper::new().lowercase_to_string(text, &language);
    mapped.into_owned()
}

/// A text in upper case; one letter may become several.
pub(crate) fn upper_case(text: &str) -> String {
    let language = UNKNOWN_LANGUAGE.parse().expect("a tag of the standard");
    let mapped = CaseMapper::new().uppercase_to_string(text, &language);
    mapped.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_the_newest_version_have_two_cases() {
        for (upper, lower) in [("\u{A7DD}", "\u{277}"), ("\u{1DF40}", "\u{1DF41}")] {
            assert_eq!(
                (upper_case(lower), lower_case(upper)),
                (upper.to_owned(), lower.to_owned())
            );
        }
    }

    #[test]
    fn a_letter_may_become_several_and_depend_on_its_place() {
        assert_eq!(upper_case("straße ﬁ"), "STRASSE FI");
        assert_eq!(lower_case("ΑΣ ΣΑΣ İ"), "ας σας i\u{307}");
    }
}
