//! Every error code of the language, each with a one-line title and a page in `docs/errors`.
//!
//! `E01xx` syntax and refusals, `E02xx` build stage, `E03xx` script errors of the run stage,
//! `E04xx` limits, `W0xxx` lints. A code is never used again for another error.

/// A stable code with its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// For example `E0203`.
    pub code: &'static str,
    /// One line: what is wrong.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal $title:literal;)*) => {
        $(#[doc = $title] pub const $name: ErrorCode = ErrorCode { code: $code, title: $title };)*
        /// All codes.
        pub const ALL: &[ErrorCode] = &[$($name),*];
    };
}

codes! {
    SYNTAX = "E0101" "the text is not valid JavaScript or TypeScript";
    REFUSED = "E0102" "a construct that is not part of the language";
    UNSUPPORTED_BUILT_IN = "E0103" "a built-in that is not part of the language";
    UNKNOWN_NAME = "E0104" "an unknown name";
    CONSTANT_ASSIGNED = "E0105" "an assignment to a constant";
    DUPLICATE_NAME = "E0106" "a name is declared twice";
    BAD_JUMP = "E0107" "`break` or `continue` without a target";
    MISPLACED = "E0108" "a statement that may not stand here";
    IMPORT = "E0109" "an import that cannot be resolved";

    HOST_MISUSE = "E0201" "a command, ref or handle is used as if it were a value";
    CAPTURE_ASSIGNED = "E0202" "a captured variable is assigned at the run stage";

    THROWN = "E0301" "an uncaught error";
    FROZEN = "E0302" "a frozen value is changed";
    NOT_A_MESSAGE = "E0303" "a value that cannot be sent or kept";
    STAGE = "E0304" "something of the build stage is used at the run stage";

    LIMIT_INSTRUCTIONS = "E0401" "too many instructions";
    LIMIT_MEMORY = "E0402" "too much memory";
    LIMIT_CALL_DEPTH = "E0403" "calls nest too deep";
    LIMIT_VALUE_DEPTH = "E0404" "a value nests too deep";
    LIMIT_VALUE_SIZE = "E0405" "a value is too large";
    LIMIT_NESTING = "E0406" "the source nests too deep";
    LIMIT_PROGRAM = "E0407" "the program is too large";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut codes: Vec<&str> = ALL.iter().map(|code| code.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
        assert!(
            ALL.iter().all(|code| code.code.len() == 5
                && code.code[1..].bytes().all(|byte| byte.is_ascii_digit()))
        );
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors");
        for code in ALL {
            let page =
                std::fs::read_to_string(format!("{folder}/{}.md", code.code)).unwrap_or_default();
            assert!(
                page.starts_with(&format!("# {}: {}", code.code, code.title)),
                "docs/errors/{}.md",
                code.code
            );
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            let language_page = name.len() == 8 && (name.starts_with('E') || name.starts_with('W'));
            if language_page
                && name.ends_with(".md")
                && name[1..5].bytes().all(|byte| byte.is_ascii_digit())
            {
                assert!(
                    ALL.iter().any(|code| name.starts_with(code.code)),
                    "docs/errors/{name} has no code"
                );
            }
        }
    }
}
