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

    INTERNAL = "E0110" "the compiler made a mistake";

    IMPORT_MISSING = "E0120" "an imported file is not there";
    EXPORT_MISSING = "E0121" "an imported file does not export that name";
    IMPORT_CYCLE = "E0122" "files that import each other";
    IMPORT_OUTSIDE = "E0123" "an import that leads out of the folder of the scripts";
    IMPORT_NOT_TEXT = "E0124" "a file that is not UTF-8 text";
    EXPORT_AMBIGUOUS = "E0125" "a name that two files export";
    CHANGING_NAMESPACE = "E0126" "a namespace whose exports change is used as a value";

    HOST_MISUSE = "E0201" "a command, ref or handle is used as if it were a value";
    CAPTURE_ASSIGNED = "E0202" "a captured variable is assigned at the run stage";
    NOT_A_COMMAND = "E0203" "a command was expected";
    OUTSIDE_BLOCK = "E0204" "a handle, loop or sequence is used outside its block";
    REF_CAPTURED = "E0205" "a ref is captured by a function of the run stage";
    BAD_ARGUMENT = "E0206" "an argument is not what the command takes";
    BAD_OPTION = "E0207" "an option that is not known or not valid";
    NOT_AVAILABLE = "E0208" "a part of the language that this version does not have yet";
    NO_WORKERS = "E0209" "a module without workers";
    WORKER_NAME = "E0210" "a worker without a name of its own";
    BUILD_THREW = "E0211" "the module threw an error while it was evaluated";
    CHANGES_GIVEN = "E0212" "a function changes what it is given, which is frozen";

    REACTIVE_MISUSED = "E0230" "a reactive function is used as a worker, or a worker as a reactive function";

    THROWN = "E0301" "an uncaught error";
    FROZEN = "E0302" "a frozen value is changed";
    NOT_A_MESSAGE = "E0303" "a value that cannot be sent or kept";
    STAGE = "E0304" "something of the build stage is used at the run stage";
    FAILED_BY_SCRIPT = "E0305" "the script failed its run";
    NOT_AN_ADDRESS = "E0306" "a target that is not an address";
    NOT_A_FUNCTION = "E0307" "a predicate, updater or initialiser that is not a function";
    DELAY_TIME = "E0308" "a delay or timeout whose time is not valid";
    CLOSED_BLOCK = "E0309" "an address is used outside the block of its child or message";
    BAD_KEY = "E0310" "a key that is neither a string nor an integer";
    NO_KEY = "E0311" "a worker without a key";
    ENDED = "E0312" "an input to a run that has ended";
    NOT_STARTED = "E0313" "an input to a run that has not started";
    NOT_LISTENING = "E0314" "a message to a worker that is in a delay or call";
    CORRUPT_WORKER = "E0315" "a worker that does not fit its program";
    NO_SENDER = "E0316" "a message without a sender that can be answered";
    TIMED_OUT = "E0317" "a wait or call whose time is over";
    NOT_AN_ARRAY = "E0318" "a `forEach` over a value that is no array";

    NOT_A_SOURCE = "E0340" "a value that is not a source of a reactive function";
    IMPURE = "E0341" "a reactive function uses time or chance of its own";
    CYCLE = "E0342" "reactive functions that read each other";
    SOURCE_FAILED = "E0343" "a worker waits for a value and its source has an error";
    UNREADABLE = "E0344" "something is read of a worker that it does not have";

    LIMIT_INSTRUCTIONS = "E0401" "too many instructions";
    LIMIT_MEMORY = "E0402" "too much memory";
    LIMIT_CALL_DEPTH = "E0403" "calls nest too deep";
    LIMIT_VALUE_DEPTH = "E0404" "a value nests too deep";
    LIMIT_VALUE_SIZE = "E0405" "a value is too large";
    LIMIT_NESTING = "E0406" "the source nests too deep";
    LIMIT_PROGRAM = "E0407" "the program is too large";
    LIMIT_STATE = "E0408" "the state of a worker is too large";
    LIMIT_MESSAGE = "E0409" "a message is too large";
    LIMIT_SENDS = "E0410" "too many messages, spawns and kills in one turn";
    LIMIT_COMMANDS = "E0411" "too many commands, or commands that nest too deep";
    LIMIT_REGEX = "E0412" "too many regular-expression steps";
    LIMIT_MODULES = "E0420" "too many files in one program";
    LIMIT_ALL_SOURCES = "E0421" "too much source in one program";

    LIMIT_SOURCES = "E0430" "a reactive function reads too many sources";

    HANDLE_SHORTHAND = "W0001" "a name that ends in `Handle` stands for a message";
    UPDATER_SHORTHAND = "W0002" "an updater of two steps is applied to a message";
    COMMAND_UNUSED = "W0003" "a command is made and never used";
    UNREACHABLE = "W0010" "a command that is never reached";
    ENDLESS_TURN = "W0011" "a loop that never waits";
    NEVER_TAKEN = "W0012" "a message that nobody takes";
    GROWING_STATE = "W0013" "a state that only grows";
    UNUSED_IGNORE = "W0014" "a comment ignores what is not there";
    BAD_IGNORE = "W0015" "a comment that ignores nothing that it names";
    UNKNOWN_STATE = "W0016" "a state that the worker does not have";
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
    #[expect(
        clippy::disallowed_methods,
        reason = "the test reads the pages of the manual"
    )]
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
