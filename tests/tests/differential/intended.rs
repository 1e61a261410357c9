//! Where our machine and QuickJS answer differently by intention, with a case each.
//!
//! Before: `main`, which asks for the reason of a difference. Each case is checked to be one still.

use crate::engines::{Outcome, QuickJs, ours};

/// A difference: why, a program, what ours gives, what QuickJS gives.
struct Difference {
    reason: &'static str,
    /// Whether a small random program shows it; never, where the rules leave it out.
    shows: fn(&str) -> bool,
    program: &'static str,
    ours: &'static str,
    quickjs: &'static str,
}

const NEVER: fn(&str) -> bool = |_| false;

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "QuickJS: an empty class ends at the next bracket for `source`",
        shows: |program| {
            program.contains("RegExp(") && (program.contains("[]") || program.contains("[^]"))
        },
        program: "RegExp('[]/').source",
        ours: r#""[]\\/""#,
        quickjs: r#""[]/""#,
    },
    Difference {
        reason: "QuickJS: `source` shows separators of lines as they are",
        shows: |program| program.contains("RegExp(") && program.contains("\\u2028"),
        program: "RegExp('\\u2028').source",
        ours: r#""\\u2028""#,
        quickjs: "\u{2028}",
    },
    Difference {
        reason: "QuickJS: a bare `-` outside of a class is refused with the flag v",
        shows: NEVER,
        program: "/-/v.test('-')",
        ours: "true",
        quickjs: "invalid character in class",
    },
    Difference {
        reason: "QuickJS: the parts of a template become texts after all of them are computed",
        shows: |program| program.contains("`${") && program.contains("toString"),
        program: "`${{ toString: () => t('text', '') }}${t('next', '')}`",
        ours: r#""" after text,next"#,
        quickjs: r#""" after next,text"#,
    },
    Difference {
        reason: "QuickJS: groups of one name may both take part in a match",
        shows: |program| program.contains("RegExp(") && program.contains("(?<n>"),
        program: "RegExp('(?:(?<n>a)|)(?:(?<n>b)|)').source",
        ours: "threw SyntaxError",
        quickjs: "(?:(?<n>a)|)",
    },
    Difference {
        reason: "objects without a prototype are plain objects here",
        shows: NEVER,
        program: "String(Object.groupBy([], x => x))",
        ours: r#""[object Object]""#,
        quickjs: "threw TypeError",
    },
    Difference {
        reason: "QuickJS: whole numbers above 2 ** 53 lose digits in another radix",
        shows: NEVER,
        program: "(2 ** 53).toString(3)",
        ours: r#""1121202011211211122211100012101112""#,
        quickjs: r#""1121202011211211122211100012101120""#,
    },
    Difference {
        reason: "a hole of an array is `undefined`",
        shows: NEVER,
        program: "Object.keys([, 1])",
        ours: r#"["0","1"]"#,
        quickjs: r#"["1"]"#,
    },
    Difference {
        reason: "a comparator that contradicts itself sorts by one written algorithm",
        shows: NEVER,
        program: "[5, NaN, 0].sort((a, b) => a - b)",
        ours: "[0,5,NaN]",
        quickjs: "",
    },
    Difference {
        reason: "`localeCompare` is by code units",
        shows: NEVER,
        program: "'\\ufb01'.localeCompare('\\u{1f600}')",
        ours: "1",
        quickjs: "-1",
    },
];

/// The reason of a difference, where it is one that we intend.
pub(crate) fn reason(program: &str) -> Option<&'static str> {
    let mut shown = DIFFERENCES
        .iter()
        .filter(|difference| (difference.shows)(program));
    shown.next().map(|difference| difference.reason)
}

#[test]
fn intended_differences_are_what_they_were() {
    let quickjs = QuickJs::new();
    for case in DIFFERENCES {
        let said = |outcome: &Outcome| match outcome {
            Outcome::Shown(text) | Outcome::Refused(text) => text.clone(),
            Outcome::TooMuch => "too much".to_owned(),
        };
        let mine = said(&ours(&[case.program.to_owned()])[0]);
        let theirs = said(&quickjs.run(case.program));
        assert!(
            mine.starts_with(case.ours),
            "{}: ours gives {mine}",
            case.reason
        );
        assert!(
            theirs.contains(case.quickjs) && mine != theirs,
            "{}: QuickJS gives {theirs}",
            case.reason
        );
    }
}
