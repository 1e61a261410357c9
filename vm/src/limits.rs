//! All limits of the crate: name, unit, default and reason of each, for turns and for the build stage.
//!
//! The machine meters against them, the control level and the snapshot decoder check against them.
//! An error that comes from a limit names the limit and its setting. Tests shrink them.
//! Who may change them, and when, is left to the cluster (a logged command) and to the command line.

use serde::{Deserialize, Serialize};

macro_rules! limits {
    (
        $(#[$struct_doc:meta])*
        $struct:ident, $kind:ident, prefix $prefix:literal $(, also $other:ident: $other_type:ty)?;
        $( $(#[$doc:meta])* $field:ident: $type:ty, $variant:ident, $default:expr, $unit:literal; )*
    ) => {
        $(#[$struct_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $struct {
            $( $(#[$doc])* pub $field: $type, )*
            $(
                /// What running the code may use.
                pub $other: $other_type,
            )?
        }

        impl Default for $struct {
            fn default() -> $struct {
                $struct { $( $field: $default, )* $( $other: <$other_type>::default(), )? }
            }
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
            pub fn setting(self) -> &'static str {
                match self { $( $kind::$variant => concat!($prefix, ".", stringify!($field)), )* }
            }

            /// What is counted.
            pub fn unit(self) -> &'static str { match self { $( $kind::$variant => $unit, )* } }

            /// Its value in `limits`.
            pub fn of(self, limits: &$struct) -> u64 { match self { $( $kind::$variant => u64::from(limits.$field), )* } }

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
    /// Instructions in a turn, of both levels. Bounds the time of a turn: well under a second.
    turn_instructions: u64, TurnInstructions, 10_000_000, "instructions in one turn";
    /// Bytes allocated in a turn; nothing is given back before it ends. Bounds the memory of a turn.
    turn_allocated_bytes: u64, TurnAllocatedBytes, 64 << 20, "bytes allocated in one turn";
    /// Steps of the regular-expression engine in a turn. Bounds backtracking.
    turn_regex_steps: u64, TurnRegexSteps, 10_000_000, "regular-expression steps in one turn";
    /// Calls of script functions inside one another.
    call_depth: u32, CallDepth, 10_000, "nested calls";
    /// Built-ins that call script functions which call built-ins: these use the node's own stack.
    native_depth: u32, NativeDepth, 100, "nested calls through built-ins";
    /// Levels of nesting of a value that is kept or sent. At most `data::DEPTH_MAX`. Bounds every recursion over values.
    value_depth: u16, ValueDepth, 128, "levels of nesting in one value";
    /// Bytes of a value that is kept or sent, counted as a tree.
    value_bytes: u32, ValueBytes, 16 << 20, "bytes in one value";
    /// Bytes of all state of one worker. State is in memory and in every snapshot.
    state_bytes: u64, StateBytes, 16 << 20, "bytes of state in one worker";
    /// Bytes of one message after normalisation. Larger things belong in an object store.
    message_bytes: u64, MessageBytes, 8 << 20, "bytes in one message";
    /// Messages, spawns and kills in one turn. One turn is one log entry's worth of effects.
    turn_sends: u64, TurnSends, 10_000, "messages, spawns and kills in one turn";
    /// Messages that wait for one worker. Counted by whoever holds the mailbox.
    mailbox_messages: u64, MailboxMessages, 100_000, "messages waiting for one worker";
    /// Bytes of a program. A program travels whole and is held by every replica that runs it.
    program_bytes: u64, ProgramBytes, 8 << 20, "bytes in one program";
    /// Sources that one reactive function reads at a time. Each is a subscription, and looked up in each of its turns.
    reactive_sources: u32, ReactiveSources, 1_000, "sources of one reactive function";
    /// Bytes of console output that a turn may add to history.
    turn_console_bytes: u64, TurnConsoleBytes, 64 << 10, "bytes of console output in one turn";
}

limits! {
    /// What compiling and the build stage of one module may use.
    BuildLimits, BuildLimit, prefix "build", also run: Limits;
    /// Bytes of source of one module.
    source_bytes: u32, SourceBytes, 1 << 20, "bytes of source in one module";
    /// Files of one program: the entry and what it imports.
    modules: u32, Modules, 256, "modules in one program";
    /// Bytes of source of all files of one program. They travel with it.
    all_source_bytes: u64, AllSourceBytes, 4 << 20, "bytes of source in all modules of one program";
    /// Levels of brackets and operators inside one another: the parser uses the node's own stack.
    nesting_depth: u32, NestingDepth, 200, "levels of nesting in the source";
    /// Functions of one program.
    functions: u32, Functions, 20_000, "functions in one program";
    /// Instructions of all functions of one program.
    program_instructions: u32, ProgramInstructions, 1 << 20, "instructions in one program";
    /// Nesting of commands in one worker.
    command_depth: u32, CommandDepth, 150, "levels of nested commands";
    /// Commands of all workers of one module, after expansion.
    commands: u32, Commands, 100_000, "commands in one module";
    /// Bytes of the compiled program.
    program_bytes: u64, ProgramBytes, 8 << 20, "bytes in one compiled program";
}

/// Units of the pattern of one regular expression: its program takes a hundred times as much.
pub const PATTERN_UNITS_MAX: usize = 32 << 10;

/// Groups and classes inside one another in a pattern: its parser uses the node's own stack.
pub const PATTERN_DEPTH_MAX: usize = 50;

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
}
