//! What the files of a program share while they are compiled one behind the other: the tables of the code, the
//! function that runs them all, and what each exports.
//!
//! Before: a file that has been compiled. After: the next, or the build stage. Guarantees: tables hold each
//! entry once; what a file left behind has the places of the whole program, though each file is compiled as if it
//! stood alone.

use std::collections::BTreeMap;

use super::compiler::OpenFunction;
use super::exports::{Binding, Exports};
use super::{Export, Module};
use crate::bytecode::{Code, Function};
use crate::codes;
use crate::data::Data;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Sources, Span};
use crate::text::Text;
use crate::verify::VerifyError;

/// Diagnostics that are kept at most.
const DIAGNOSTICS_MAX: usize = 100;

/// What all files share.
#[derive(Default)]
pub(super) struct Linked {
    pub(super) code: Code,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) names_used: Vec<(String, Span)>,
    /// Comments that silence lints.
    pub(super) ignores: Vec<Span>,
    /// What the entry exports, with where each value is.
    pub(super) exported: Vec<(Export, Binding)>,
    /// Function 0, which runs the files one behind the other: so they can share variables.
    pub(super) root: Option<OpenFunction>,
    /// What the files exported that have been compiled.
    pub(super) finished: BTreeMap<usize, Exports>,
    pub(super) instructions: usize,
    keys: BTreeMap<Text, u32>,
    texts: BTreeMap<Text, u32>,
    numbers: BTreeMap<u64, u32>,
    natives: BTreeMap<String, u32>,
    ambients: BTreeMap<String, u32>,
}

/// How much there was before a file.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    functions: usize,
    diagnostics: usize,
    names_used: usize,
    ignores: usize,
    exported: usize,
    root_places: usize,
}

impl Linked {
    pub(super) fn new(sources: Sources) -> Linked {
        Linked {
            code: Code {
                sources,
                functions: vec![Function::default()],
                ..Code::default()
            },
            ..Linked::default()
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Goes on without a file that cannot be compiled.
    pub(super) fn without(mut self, file: usize, errors: Vec<Diagnostic>) -> Linked {
        errors.into_iter().for_each(|error| self.report(error));
        let exports = Exports {
            unknown: true,
            ..Exports::default()
        };
        self.finished.insert(file, exports);
        self
    }

    /// How much there is now.
    pub(super) fn mark(&self) -> Mark {
        let root = self.root.as_ref();
        Mark {
            functions: self.code.functions.len(),
            diagnostics: self.diagnostics.len(),
            names_used: self.names_used.len(),
            ignores: self.ignores.len(),
            exported: self.exported.len(),
            root_places: root.map_or(0, |root| root.function.places.len()),
        }
    }

    /// Gives all that a file added its place behind the files before.
    pub(super) fn shift(&mut self, since: Mark, base: u32) {
        let shift = |span: &mut Span| *span = span.shifted(base);
        for function in &mut self.code.functions[since.functions..] {
            shift(&mut function.span);
            function.places.iter_mut().for_each(|(_, span)| shift(span));
            function
                .assigned_captures
                .iter_mut()
                .for_each(|(_, span)| shift(span));
        }
        for diagnostic in &mut self.diagnostics[since.diagnostics..] {
            diagnostic.each_span(shift);
        }
        self.names_used[since.names_used..]
            .iter_mut()
            .for_each(|(_, span)| shift(span));
        self.ignores[since.ignores..].iter_mut().for_each(shift);
        self.exported[since.exported..]
            .iter_mut()
            .for_each(|(export, _)| shift(&mut export.span));
        if let Some(root) = &mut self.root {
            root.function.places[since.root_places..]
                .iter_mut()
                .for_each(|(_, span)| shift(span));
        }
    }

    /// The whole, once the entry has been compiled.
    pub(super) fn finish(mut self) -> Result<Module, Vec<Diagnostic>> {
        let has_errors = self
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error);
        if has_errors {
            self.diagnostics
                .sort_by_key(|diagnostic| diagnostic.span.start);
            return Err(self.diagnostics);
        }
        self.check_code().map_err(|diagnostic| vec![*diagnostic])?;
        Ok(Module {
            code: self.code,
            exports: self
                .exported
                .into_iter()
                .map(|(export, _)| export)
                .collect(),
            names_used: self.names_used,
            lints: self.diagnostics,
            ignores: self.ignores,
        })
    }

    /// Verifies and links the functions, as is done again wherever the program is read.
    fn check_code(&mut self) -> Result<(), Box<Diagnostic>> {
        let checked = match crate::verify::verify(&mut self.code) {
            Err(VerifyError::Operands { function }) => {
                let span = self.code.functions[function as usize].span;
                let message = "a function keeps too many values at once";
                let diagnostic = Diagnostic::error(codes::LIMIT_PROGRAM, span, message);
                return Err(Box::new(
                    diagnostic.with_hint("give parts of it names: `const part = …`"),
                ));
            }
            Err(error) => Err(error.to_string()),
            Ok(()) => {
                let linked = self.code.link();
                linked.map_err(|name| format!("`{name}` is not there"))
            }
        };
        checked.map_err(|error| {
            let message = format!("the compiler made code that its own check refuses ({error})");
            Box::new(Diagnostic::error(codes::INTERNAL, Span::default(), message))
        })
    }

    pub(super) fn key(&mut self, key: Text) -> u32 {
        let (keys, table) = (&mut self.keys, &mut self.code.keys);
        *keys.entry(key).or_insert_with_key(|key| {
            table.push(key.clone());
            table.len() as u32 - 1
        })
    }

    pub(super) fn constant(&mut self, data: Data) -> u32 {
        let table = &mut self.code.constants;
        let mut add = |data: Data| {
            table.push(data);
            table.len() as u32 - 1
        };
        match data {
            Data::Text(text) => *self
                .texts
                .entry(text)
                .or_insert_with_key(|text| add(Data::Text(text.clone()))),
            Data::Number(number) => *self
                .numbers
                .entry(number.to_bits())
                .or_insert_with(|| add(Data::Number(number))),
            other => add(other),
        }
    }

    pub(super) fn native(&mut self, name: &str) -> u32 {
        let table = &mut self.code.natives;
        *self
            .natives
            .entry(name.to_owned())
            .or_insert_with_key(|name| {
                table.push(name.clone());
                table.len() as u32 - 1
            })
    }

    pub(super) fn ambient(&mut self, name: &str) -> u32 {
        let table = &mut self.code.ambients;
        *self
            .ambients
            .entry(name.to_owned())
            .or_insert_with_key(|name| {
                table.push(Text::from(name.as_str()));
                table.len() as u32 - 1
            })
    }
}
