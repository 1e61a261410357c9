//! All limits of the crate: name, unit, default and reason of each, for turns and for the build stage.
//!
//! The machine meters against them, the control level and the snapshot decoder check against them.
//! An error that comes from a limit names the limit and its setting. Tests shrink them.
//! Who may change them, and when, is left to the cluster (a logged command) and to the command line.

use serde::{Deserialize, Serialize};

macro_rules! limits {
    (
        $(#[$struct_doc:meta])*
        $struct:ident, $kind:ident, prefix $prefix:literal;
        $( $(#[$doc:meta])* $field:ident, $variant:ident, $code:literal, $default:expr, $unit:literal; )*
    ) => {
        $(#[$struct_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $struct { $( $(#[$doc])* pub $field: u64, )* }

        impl Default for $struct {
            fn default() -> $struct { $struct { $( $field: $default, )* } }
        }

        /// Names one limit of the struct of the same family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind { $( $(#[$doc])* $variant, )* }

        impl $kind {
            /// Every limit of this family, in the order of the file.
            pub const ALL: &'static [$kind] = &[ $( $kind::$variant, )* ];

            /// The name of the limit, as in the struct.
            pub fn name(self) -> &'static str { match self { $( $kind::$variant => stringify!($field), )* } }

            /// The setting that changes it.
            pub fn setting(self) -> &'static str { match self { $( $kind::$variant => concat!($prefix, ".", stringify!($field)), )* } }

            /// What is counted.
            pub fn unit(self) -> &'static str { match self { $( $kind::$variant => $unit, )* } }

            /// The code of the error that reaching it gives.
            pub fn code(self) -> &'static str { match self { $( $kind::$variant => $code, )* } }

            /// Its value in `limits`.
            pub fn of(self, limits: &$struct) -> u64 { match self { $( $kind::$variant => limits.$field, )* } }

            /// The sentence of the error: what was exceeded, by which limit, and the setting to change.
            pub fn message(self, limits: &$struct) -> String {
                format!(
                    "more than {} {} (limit `{}`, setting `{}`)",
                    self.of(limits), self.unit(), self.name(), self.setting()
                )
            }
        }
    };
}

limits! {
    /// What one turn, one value, one message and one worker may use. All replicas of a shard use the same.
    Limits, Limit, prefix "limits";
    /// Instructions in a turn, of both levels. Bounds the time of a turn: about a second at the default.
    turn_instructions, TurnInstructions, "E0401", 50_000_000, "instructions in one turn";
    /// Bytes allocated in a turn, whether or not they are still in use. Bounds the memory of a turn.
    turn_allocated_bytes, TurnAllocatedBytes, "E0402", 256 * 1024 * 1024, "bytes allocated in one turn";
    /// Steps of the regular-expression engine in a turn. Bounds backtracking.
    turn_regex_steps, TurnRegexSteps, "E0403", 10_000_000, "regular-expression steps in one turn";
    /// Nested calls of script functions. Keeps the machine's own stack small.
    call_depth, CallDepth, "E0404", 1_000, "nested calls";
    /// Nesting of a value that is stored or sent. Bounds every recursion over values.
    value_depth, ValueDepth, "E0405", 200, "levels of nesting in one value";
    /// Bytes of one value that is stored, sent or captured.
    value_bytes, ValueBytes, "E0406", 16 * 1024 * 1024, "bytes in one value";
    /// Bytes of all state of one worker. State is in memory and in every snapshot.
    state_bytes, StateBytes, "E0407", 16 * 1024 * 1024, "bytes of state in one worker";
    /// Bytes of one message after normalisation. Larger things belong in an object store.
    message_bytes, MessageBytes, "E0408", 1024 * 1024, "bytes in one message";
    /// Messages, spawns and kills in one turn. One turn is one log entry's worth of effects.
    turn_sends, TurnSends, "E0409", 10_000, "messages, spawns and kills in one turn";
    /// Messages that wait for one worker. Counted by whoever holds the mailbox.
    mailbox_messages, MailboxMessages, "E0410", 100_000, "messages waiting for one worker";
    /// Bytes of a program. A program travels whole and is held by every replica that runs it.
    program_bytes, ProgramBytes, "E0411", 8 * 1024 * 1024, "bytes in one program";
    /// Bytes of console output that a turn may add to history.
    turn_console_bytes, TurnConsoleBytes, "E0412", 64 * 1024, "bytes of console output in one turn";
}

limits! {
    /// What compiling and the build stage of one module may use.
    BuildLimits, BuildLimit, prefix "build";
    /// Bytes of source of one module.
    source_bytes, SourceBytes, "E0451", 2 * 1024 * 1024, "bytes of source in one module";
    /// Nesting of the syntax of one module. Bounds every recursion of the compiler.
    syntax_depth, SyntaxDepth, "E0452", 200, "levels of nesting in the source";
    /// Instructions of the build stage.
    instructions, Instructions, "E0453", 50_000_000, "instructions at the build stage";
    /// Bytes allocated by the build stage.
    allocated_bytes, AllocatedBytes, "E0454", 256 * 1024 * 1024, "bytes allocated at the build stage";
    /// Nested calls at the build stage.
    call_depth, CallDepth, "E0455", 1_000, "nested calls at the build stage";
    /// Nesting of commands in one worker.
    command_depth, CommandDepth, "E0456", 200, "levels of nested commands";
    /// Commands of all workers of one module, after expansion.
    commands, Commands, "E0457", 100_000, "commands in one module";
    /// Nesting of a constant or captured value.
    value_depth, ValueDepth, "E0458", 200, "levels of nesting in one constant";
    /// Bytes of one constant or captured value.
    value_bytes, ValueBytes, "E0459", 4 * 1024 * 1024, "bytes in one constant";
    /// Bytes of the compiled program.
    program_bytes, ProgramBytes, "E0460", 8 * 1024 * 1024, "bytes in one compiled program";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_limit_and_setting() {
        let limits = Limits {
            turn_sends: 3,
            ..Limits::default()
        };
        assert_eq!(
            Limit::TurnSends.message(&limits),
            "more than 3 messages, spawns and kills in one turn (limit `turn_sends`, setting `limits.turn_sends`)"
        );
        assert_eq!(BuildLimit::Commands.setting(), "build.commands");
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<&str> = Limit::ALL.iter().map(|limit| limit.code()).collect();
        codes.extend(BuildLimit::ALL.iter().map(|limit| limit.code()));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
