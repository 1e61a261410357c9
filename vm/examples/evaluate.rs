//! Evaluates modules: reads a JSON array of module texts from standard input, and writes a JSON array
//! with what each exports by default, a text, or `error: CODE`.
//!
//! Before: `differential.mjs`, which runs the same modules in Node and compares.

use std::io::Read;

use vm::bytecode::FunctionIndex;
use vm::compile::{Module, Names, compile_module};
use vm::data::Data;
use vm::host::NoHost;
use vm::limits::{BuildLimits, Limits};
use vm::machine::Machine;
use vm::memory::Memory;
use vm::source::Source;
use vm::value::Value;

struct NoNames;

impl Names for NoNames {
    fn is_ambient(&self, _: &str) -> bool {
        false
    }

    fn hint(&self, _: &str) -> Option<String> {
        None
    }
}

fn compile(text: &str) -> Result<Module, String> {
    let source = Source::new("module.js", text);
    compile_module(&source, &NoNames, &BuildLimits::default()).map_err(|diagnostics| {
        let first = &diagnostics[0];
        format!("error: {} {}", first.code.code, first.message)
    })
}

fn exported<'p>(machine: &mut Machine<'p>) -> Result<Value<'p>, String> {
    let main = Data::function(FunctionIndex(0), Vec::new()).map_err(|error| error.to_string())?;
    let main = machine.value(main);
    let exports = machine.call(&main, &[]).map_err(|trap| {
        let error = machine.script_error(trap);
        format!("error: {} {}", error.code, error.message)
    })?;
    Ok(machine.array_item(&exports, 0).unwrap_or(Value::Undefined))
}

fn evaluate(text: &str) -> String {
    let module = match compile(text) {
        Ok(module) => module,
        Err(error) => return error,
    };
    let limits = Limits::default();
    let memory = Memory::default();
    let mut machine = Machine::new(&module.code, &NoHost, &limits, &memory);
    match exported(&mut machine) {
        Ok(value) => machine
            .to_text(&value)
            .map_or_else(|_| "error".into(), |text| text.to_string()),
        Err(error) => error,
    }
}

fn main() -> anyhow::Result<()> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let modules: Vec<String> = serde_json::from_str(&input)?;
    let results: Vec<String> = modules.iter().map(|module| evaluate(module)).collect();
    println!("{}", serde_json::to_string(&results)?);
    Ok(())
}
