//! Helpers of tests: compile an expression or module, run it, show the result as a script would
//! write it (`undefined`, `NaN` and `-0` included).

use crate::compile::{Module, Names, compile_module};
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::error::ScriptError;
use crate::heap::ObjectKind;
use crate::host::NoHost;
use crate::limits::{BuildLimits, Limits};
use crate::local::parse_line;
use crate::machine::Machine;
use crate::program::Program;
use crate::source::Source;
use crate::text::Text;
use crate::value::Value;

#[path = "../tests/language/commands.rs"]
mod commands;

pub(crate) use commands::{Random, worker_script};

/// Names of the language for tests: none of them has a value.
struct TestNames;

impl Names for TestNames {
    fn is_ambient(&self, name: &str) -> bool {
        name == "act"
    }

    fn hint(&self, _: &str) -> Option<String> {
        None
    }

    fn all(&self) -> &[&str] {
        &["act"]
    }
}

pub(crate) fn compile(text: &str) -> Result<Module, Vec<Diagnostic>> {
    compile_named("test.ts", text)
}

pub(crate) fn compile_named(name: &str, text: &str) -> Result<Module, Vec<Diagnostic>> {
    compile_module(
        &Source::new(name, text),
        &TestNames,
        &BuildLimits::default(),
    )
}

/// Runs a module and shows its only export.
pub(crate) fn run(module: &Module, limits: &Limits) -> Result<String, ScriptError> {
    let memory = crate::memory::Memory::default();
    let mut machine = Machine::new(&module.code, &NoHost, limits, &memory);
    let main = Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap();
    let main = machine.value(main);
    match machine.call(&main, &[]) {
        Ok(exports) => {
            let value = machine.array_item(&exports, 0).unwrap_or(Value::Undefined);
            Ok(show(&machine, &value))
        }
        Err(trap) => Err(machine.script_error(trap)),
    }
}

/// The value of the default export of a module, or its error.
pub(crate) fn evaluate(text: &str) -> String {
    let text = if text.contains("export default") {
        text.to_owned()
    } else {
        format!("export default ({text});")
    };
    match compile(&text) {
        Ok(module) => match run(&module, &Limits::default()) {
            Ok(shown) => shown,
            Err(error) => format!("{}: {}", error.code, error.message),
        },
        Err(diagnostics) => {
            let lines = diagnostics
                .iter()
                .map(|diagnostic| format!("{}: {}", diagnostic.code.code, diagnostic.message));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// Checks a table of expressions (or modules with a default export) and what they show.
pub(crate) fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, expected)| {
            let found = evaluate(text);
            (found != *expected)
                .then(|| format!("{text}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The value as a script would write it.
pub(crate) fn show<'p>(machine: &Machine<'p>, value: &Value<'p>) -> String {
    show_to(machine, value, 30)
}

/// Shows so many levels: a value of the heap may contain itself.
fn show_to<'p>(machine: &Machine<'p>, value: &Value<'p>, levels: usize) -> String {
    if levels == 0 {
        return "…".into();
    }
    let pairs = |pairs: Vec<(&Text, Value<'p>)>| {
        let shown = pairs.into_iter().map(|(key, value)| {
            let mut quoted = String::new();
            crate::data::quote_json(key, &mut quoted);
            format!("{quoted}:{}", show_to(machine, &value, levels - 1))
        });
        format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
    };
    match value {
        Value::Undefined => "undefined".into(),
        Value::Number(number) if number.get().to_bits() == (-0.0f64).to_bits() => "-0".into(),
        Value::Number(number) => crate::number::number_to_text(number.get()).to_string(),
        Value::Array(id) => {
            let items = machine
                .heap
                .array(*id)
                .iter()
                .map(|item| show_to(machine, item, levels - 1));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        Value::Object(id) => {
            let object = machine.heap.object(*id);
            let all = object.all_properties();
            let shown = pairs(all.iter().map(|(key, value)| (key, *value)).collect());
            match object.kind {
                ObjectKind::Error(kind) => format!("{}{shown}", kind.name()),
                _ => shown,
            }
        }
        value if value.is_function() => "function".into(),
        other => match other.as_data() {
            Some(data) => data.to_json(),
            None => format!("{other:?}"),
        },
    }
}

/// The programs of the manual that compile, with the messages of their page: every command is among them.
pub(crate) fn manual() -> Vec<(Program, Vec<Data>)> {
    let mut examples = Vec::new();
    for text in pages() {
        let lines = blocks(&text, "messages").flat_map(str::lines);
        let messages: Vec<Data> = lines
            .filter_map(|line| Some(parse_line(line, &Limits::default()).ok()?.body))
            .collect();
        for script in blocks(&text, "js") {
            let source = Source::new("example.js", script);
            if let Ok(compiled) = crate::compile(&source, &BuildLimits::default()) {
                examples.push((compiled.program, messages.clone()));
            }
        }
    }
    examples
}

/// The scripts of the manual, right and wrong ones, each with its language.
pub(crate) fn scripts() -> Vec<(&'static str, String)> {
    let mut scripts = Vec::new();
    for text in pages() {
        for language in ["js", "ts"] {
            scripts.extend(blocks(&text, language).map(|body| (language, body.to_owned())));
        }
    }
    scripts
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pages of the manual are read"
)]
fn pages() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/lang");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// The blocks of a language of a page.
fn blocks<'t>(text: &'t str, language: &str) -> impl Iterator<Item = &'t str> {
    let fence = format!("\n```{language}\n");
    let starts: Vec<usize> = text.match_indices(&fence).map(|(at, _)| at).collect();
    starts.into_iter().map(move |at| {
        let body = &text[at + fence.len()..];
        &body[..body.find("```").unwrap_or(body.len())]
    })
}
