//! Compiles and runs one test of the suite, and says what became of it.
//!
//! Before: `suite`, which read it. After: `main`, which compares with the list of those that pass.

use vm::bytecode::FunctionIndex;
use vm::compile::{Names, compile_module};
use vm::data::Symbolic;
use vm::error::Trap;
use vm::host::{Host, Misuse, NoHost};
use vm::machine::Machine;
use vm::memory::Memory;
use vm::text::Text;
use vm::value::{HostRef, Value};
use vm::{BuildLimits, Data, Limits, Source, codes};

use crate::suite::{Expected, Test};

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// As it should be.
    Passed,
    /// It uses what the language does not have, and is told so when it is compiled; what.
    Refused(String),
    /// It does not do what the standard says; how.
    Failed(String),
}

/// A host with a time and with chance, both always the same.
struct Fixed;

impl<'p> Host<'p> for Fixed {
    fn ambient(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        NoHost.ambient(machine, name)
    }

    fn shorthand(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        NoHost.shorthand(machine, name)
    }

    fn call(
        &self,
        machine: &mut Machine<'p>,
        callee: HostRef,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        NoHost.call(machine, callee, arguments)
    }

    fn property(
        &self,
        machine: &mut Machine<'p>,
        object: HostRef,
        key: &Text,
    ) -> Result<Value<'p>, Trap> {
        NoHost.property(machine, object, key)
    }

    fn misuse(&self, machine: &mut Machine<'p>, value: HostRef, misuse: Misuse) -> Trap {
        NoHost.misuse(machine, value, misuse)
    }

    fn resolve(&self, _: Symbolic) -> Option<Data> {
        None
    }

    fn now_ms(&self) -> Result<f64, Trap> {
        Ok(1_700_000_000_000.0)
    }

    fn random_bits(&self) -> Result<u64, Trap> {
        Ok(0x9e37_79b9_7f4a_7c15)
    }

    fn print(&self, _: String) {}
}

struct NoNames;

impl Names for NoNames {
    fn is_ambient(&self, _: &str) -> bool {
        false
    }

    fn hint(&self, _: &str) -> Option<String> {
        None
    }
}

/// What the compiler says of a construct, name or built-in that the language does not have.
const REFUSALS: &[codes::ErrorCode] = &[
    codes::REFUSED,
    codes::UNSUPPORTED_BUILT_IN,
    codes::UNKNOWN_NAME,
];

fn limits() -> Limits {
    Limits {
        turn_instructions: 20_000_000,
        call_depth: 1_000,
        ..Limits::default()
    }
}

/// What becomes of a test.
pub(crate) fn judge(test: &Test) -> Verdict {
    let source = Source::new("test.js", test.module.clone());
    let module = match compile_module(&source, &NoNames, &BuildLimits::default()) {
        Ok(module) => module,
        Err(diagnostics) => {
            let refusal = diagnostics
                .iter()
                .find(|found| REFUSALS.contains(&found.code));
            return match (refusal, &test.expected) {
                (Some(refusal), _) => Verdict::Refused(refusal.message.clone()),
                (None, Expected::SyntaxError) => Verdict::Passed,
                (None, _) => {
                    let first = &diagnostics[0];
                    Verdict::Failed(format!("{} {}", first.code.code, first.message))
                }
            };
        }
    };
    if test.expected == Expected::SyntaxError {
        return Verdict::Failed("it compiles".to_owned());
    }
    let limits = limits();
    let memory = Memory::default();
    let mut machine = Machine::new(&module.code, &Fixed, &limits, &memory);
    let main =
        Data::function(FunctionIndex(0), Vec::new()).expect("a function without captures is flat");
    let main = machine.value(main);
    let result = machine.call(&main, &[]);
    match (result, &test.expected) {
        (Ok(_), Expected::End) => Verdict::Passed,
        (Ok(_), _) => Verdict::Failed("it throws nothing".to_owned()),
        (Err(trap), expected) => {
            let error = machine.script_error(trap);
            match expected {
                Expected::Throws(name) if error.message.starts_with(name.as_str()) => {
                    Verdict::Passed
                }
                _ => Verdict::Failed(format!("{} {}", error.code, error.message)),
            }
        }
    }
}
