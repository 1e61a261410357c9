//! What `check` found, for people and for programs.
//!
//! Guarantees: a file that several scripts import is spoken of once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vm::source::Lookup as _;
use vm::source::Span;
use vm::{Diagnostic, Program, Severity, Sources};

use crate::output;

/// Diagnostics and lints, each with the files that it is in.
#[derive(Default)]
pub(super) struct Found {
    groups: Vec<(Sources, Vec<Diagnostic>)>,
    known: BTreeSet<(String, u32, String)>,
}

impl Found {
    /// Adds what was found in the files of one script.
    pub(super) fn add(&mut self, sources: &Sources, diagnostics: Vec<Diagnostic>) {
        let mut new = Vec::with_capacity(diagnostics.len());
        for diagnostic in diagnostics {
            let Some((source, base)) = sources.around(diagnostic.span.start) else {
                continue;
            };
            let place = diagnostic.span.start - base;
            let message = diagnostic.message.clone();
            if self.known.insert((source.name.clone(), place, message)) {
                new.push(diagnostic);
            }
        }
        self.groups.push((sources.clone(), new));
    }

    fn all(&self) -> impl Iterator<Item = (&Sources, &Diagnostic)> {
        let groups = self.groups.iter();
        groups.flat_map(|(sources, all)| all.iter().map(move |one| (sources, one)))
    }

    /// How many of them stop a deploy.
    pub(super) fn errors(&self) -> usize {
        let is_error = |(_, one): &(&Sources, &Diagnostic)| one.severity == Severity::Error;
        self.all().filter(is_error).count()
    }

    /// How many of them do not.
    pub(super) fn lints(&self) -> usize {
        self.all().count() - self.errors()
    }

    /// Those of each script, with its files.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&Sources, &[Diagnostic])> {
        let groups = self.groups.iter();
        groups.map(|(sources, all)| (sources, all.as_slice()))
    }

    /// Prints all of them with their lines.
    pub(super) fn print(&self) {
        for (sources, diagnostic) in self.all() {
            eprintln!("{}\n", diagnostic.render(sources, output::colours()));
        }
    }

    /// All of them as one value, for editors and other programs. Lines and columns begin at 1, columns count
    /// characters, offsets count bytes.
    pub(super) fn to_json(&self, programs: &[Program]) -> Value {
        let diagnostics: Vec<Value> = self
            .all()
            .map(|(sources, diagnostic)| one(sources, diagnostic))
            .collect();
        let workers = programs.iter().flat_map(Program::workers);
        let workers: Vec<&str> = workers.map(|worker| worker.name.as_str()).collect();
        json!({
            "errors": self.errors(),
            "lints": self.lints(),
            "workers": workers,
            "diagnostics": diagnostics,
        })
    }
}

fn one(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .map(|(span, label)| place(sources, *span, "label", label))
        .collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let edits = fix.edits.iter();
        let edits: Vec<Value> = edits
            .map(|(span, text)| place(sources, *span, "text", text))
            .collect();
        json!({ "title": fix.title, "edits": edits })
    });
    let mut value = place(sources, diagnostic.span, "message", &diagnostic.message);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("severity".to_owned(), json!(severity));
        fields.insert("code".to_owned(), json!(diagnostic.code.code));
        fields.insert("label".to_owned(), json!(diagnostic.label));
        fields.insert("notes".to_owned(), json!(diagnostic.notes));
        fields.insert("hint".to_owned(), json!(diagnostic.hint));
        fields.insert("related".to_owned(), json!(related));
        fields.insert("fix".to_owned(), json!(fix));
    }
    value
}

/// A place with what is said of it.
fn place(sources: &Sources, span: Span, name: &str, text: &str) -> Value {
    let found = sources.around(span.start);
    let Some((source, base)) = found else {
        return json!({ name: text });
    };
    let position = |offset: u32| {
        let position = source.position(offset - base);
        json!({ "line": position.line, "column": position.column, "offset": offset - base })
    };
    json!({
        "file": source.name,
        "start": position(span.start),
        "end": position(span.end.max(span.start)),
        name: text,
    })
}
