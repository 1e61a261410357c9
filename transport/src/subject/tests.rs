//! What is a subject, what is a pattern, and what matches.

use proptest::prelude::*;

use super::*;

#[test]
fn what_no_bus_takes_is_refused() {
    for text in ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "é", "a\u{7f}"] {
        assert!(
            Subject::new(text).is_err() && Pattern::new(text).is_err(),
            "{text:?}"
        );
    }
    assert!(Subject::new(&"x".repeat(SUBJECT_BYTES_MAX)).is_ok());
    let long = Subject::new(&"x".repeat(SUBJECT_BYTES_MAX + 1));
    assert_eq!(
        long,
        Err(SubjectError::TooLong {
            bytes: SUBJECT_BYTES_MAX + 1
        })
    );
}

#[test]
fn wildcards_stand_alone_and_only_in_patterns() {
    for text in ["*", "a.*.b", ">", "a.>"] {
        assert!(
            Pattern::new(text).is_ok_and(|pattern| !pattern.is_plain()),
            "{text}"
        );
        assert!(
            matches!(Subject::new(text), Err(SubjectError::Wildcard { .. })),
            "{text}"
        );
    }
    for text in ["a*", "a.b*.c", "**", ">.a", "a.>b", "a.>.>"] {
        assert!(
            matches!(Pattern::new(text), Err(SubjectError::Wildcard { .. })),
            "{text}"
        );
    }
}

#[test]
fn matching_follows_the_bus() {
    let cases = [
        ("a.b", "a.b", true),
        ("a.b", "a.b.c", false),
        ("a.b.c", "a.b", false),
        ("a.*", "a.b", true),
        ("a.*", "a", false),
        ("a.*", "a.b.c", false),
        ("*.b", "a.b", true),
        ("a.>", "a.b", true),
        ("a.>", "a.b.c.d", true),
        ("a.>", "a", false),
        (">", "a", true),
        ("a.*.>", "a.b", false),
        ("a.*.>", "a.b.c", true),
    ];
    for (pattern, subject, expected) in cases {
        let (pattern, subject) = (
            Pattern::new(pattern).unwrap(),
            Subject::new(subject).unwrap(),
        );
        assert_eq!(pattern.matches(&subject), expected, "{pattern} {subject}");
    }
}

proptest! {
    #[test]
    fn a_subject_matches_itself_and_no_other(a in "[ab]{1,2}(\\.[ab]{1,2}){0,3}", b in "[ab]{1,2}(\\.[ab]{1,2}){0,3}") {
        let (a, b) = (Subject::new(&a).unwrap(), Subject::new(&b).unwrap());
        prop_assert!(a.pattern().matches(&a) && a.pattern().is_plain());
        prop_assert_eq!(a.pattern().matches(&b), a == b);
    }

    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC*") {
        if Subject::new(&text).is_ok() {
            prop_assert!(Pattern::new(&text).is_ok());
        }
    }
}
