//! What a file exports, and what other files and the build stage get of it.
//!
//! Before: the statements of a file that has run. After: `imports` of later files; for the entry, the array that
//! function 0 returns. Guarantees: an import is the variable itself, not a copy of its value.

use std::collections::BTreeMap;

use oxc_ast::ast::{
    BindingIdentifier, Declaration, ExportAllDeclaration, ExportDefaultDeclaration,
    ExportDefaultDeclarationKind, ExportFromDeclaration, ExportNamedDeclaration,
    ImportOrExportKind, ModuleExportName,
};
use oxc_semantic::{SymbolFlags, SymbolId};

use super::compiler::Compiler;
use super::{Export, ExportKind};
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Where the value of an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// A variable of function 0; `cell` where closures share it, `changes` where something assigns it.
    Slot {
        slot: u16,
        cell: bool,
        changes: bool,
    },
    /// All exports of a file.
    Namespace(usize),
    /// A name of the language.
    Language(String),
    /// A type: it has no value.
    Type,
    /// Two files export it, and each means another.
    Ambiguous,
    /// It could not be made, which has been said.
    Refused,
}

impl Binding {
    pub(super) fn has_value(&self) -> bool {
        !matches!(self, Binding::Type | Binding::Ambiguous | Binding::Refused)
    }
}

/// What a file exports.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    pub(super) names: BTreeMap<String, Binding>,
    /// Files whose exports are its own too, where it has no other of the name.
    pub(super) stars: Vec<(usize, Span)>,
    /// It could not be compiled far enough to know: nothing is said of what it lacks.
    pub(super) unknown: bool,
}

impl<'a> Compiler<'a> {
    /// Whether this is the file that the user named.
    pub(super) fn is_entry(&self) -> bool {
        self.file.index == 0
    }

    pub(super) fn export(&mut self, kind: ExportKind, span: Span, binding: Binding) {
        match &kind {
            ExportKind::Named(name) => {
                self.exports.names.insert(name.clone(), binding.clone());
            }
            ExportKind::Default => {
                let name = "default".to_owned();
                self.exports.names.insert(name, binding.clone());
            }
            ExportKind::Statement => {}
        }
        // A namespace or a name of the language is no worker.
        if self.is_entry() && matches!(binding, Binding::Slot { .. }) {
            let export = Export { kind, span };
            self.linked.exported.push((export, binding));
        }
    }

    fn export_symbol(&mut self, name: String, span: Span, symbol: SymbolId) {
        let binding = self.binding_of(symbol);
        self.export(kind_of(name), span, binding);
    }

    /// Where the value of a variable of this file is, or what its import stands for.
    fn binding_of(&self, symbol: SymbolId) -> Binding {
        if let Some(name) = self.imports.get(&symbol) {
            return Binding::Language(name.clone());
        }
        if let Some(file) = self.namespaces.get(&symbol) {
            return Binding::Namespace(*file);
        }
        let root = self.open.first();
        match root.and_then(|root| root.slots.get(&symbol)) {
            Some((slot, cell)) => Binding::Slot {
                slot: *slot,
                cell: *cell,
                changes: self.variables.semantic.scoping().symbol_is_mutated(symbol),
            },
            None => Binding::Type,
        }
    }

    pub(super) fn export_declared(&mut self, declaration: &Declaration<'a>) {
        let mut names: Vec<&BindingIdentifier<'a>> = Vec::new();
        match declaration {
            Declaration::VariableDeclaration(variables) if !variables.declare => {
                for declarator in &variables.declarations {
                    names.extend(declarator.id.get_binding_identifiers());
                }
            }
            Declaration::FunctionDeclaration(function) if function.body.is_some() => {
                names.extend(function.id.iter());
            }
            Declaration::TSEnumDeclaration(declaration) if !declaration.declare => {
                names.push(&declaration.id);
            }
            Declaration::TSInterfaceDeclaration(declaration) => {
                names.push(&declaration.id);
            }
            Declaration::TSTypeAliasDeclaration(declaration) => {
                names.push(&declaration.id);
            }
            _ => {}
        }
        for identifier in names {
            if let Some(symbol) = identifier.symbol_id.get() {
                self.export_symbol(identifier.name.to_string(), identifier.span.into(), symbol);
            }
        }
    }

    /// `export { a, b as c }`
    pub(super) fn export_names(&mut self, export: &ExportNamedDeclaration<'a>) {
        let all_types = export.export_kind == ImportOrExportKind::Type;
        for specifier in &export.specifiers {
            let name = specifier.exported.name().to_string();
            let span: Span = specifier.span.into();
            if all_types || specifier.export_kind == ImportOrExportKind::Type {
                self.export(kind_of(name), span, Binding::Type);
                continue;
            }
            let symbol = match &specifier.local {
                ModuleExportName::IdentifierReference(identifier) => self.symbol_of(identifier),
                _ => None,
            };
            match symbol {
                Some(symbol) => self.export_symbol(name, span, symbol),
                None => {
                    let local = specifier.local.name();
                    let message = format!("`{local}` is not declared in this module");
                    self.report(Diagnostic::error(codes::UNKNOWN_NAME, span, message));
                    self.export(kind_of(name), span, Binding::Refused);
                }
            }
        }
    }

    pub(super) fn export_default(&mut self, export: &ExportDefaultDeclaration<'a>) {
        let span: Span = export.span.into();
        match &export.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => {
                return self.export(ExportKind::Default, span, Binding::Type);
            }
            ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                self.export(ExportKind::Default, span, Binding::Refused);
                return self.refuse_class(class);
            }
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                if let Some(symbol) = function.id.as_ref().and_then(|id| id.symbol_id.get()) {
                    return self.export_symbol("default".to_owned(), span, symbol);
                }
                self.function(function, "default");
            }
            other => {
                if let Some(expression) = other.as_expression() {
                    self.named_expression(expression, "default");
                }
            }
        }
        let slot = self.keep_in_slot();
        self.export(ExportKind::Default, span, slot);
    }

    /// `value →`, kept for as long as the program is built.
    pub(super) fn keep_in_slot(&mut self) -> Binding {
        let slot = self.new_slot();
        self.emit(Instruction::SetSlot(slot));
        Binding::Slot {
            slot,
            cell: false,
            changes: false,
        }
    }

    /// `export { a } from './x.js'`
    pub(super) fn export_from(&mut self, export: &ExportFromDeclaration<'a>) {
        let all_types = export.export_kind == ImportOrExportKind::Type;
        for specifier in &export.specifiers {
            let name = specifier.exported.name().to_string();
            let span: Span = specifier.span.into();
            let is_type = all_types || specifier.export_kind == ImportOrExportKind::Type;
            let binding = if is_type {
                Binding::Type
            } else {
                let wanted = specifier.local.name().to_string();
                self.imported(export.source.value.as_str(), &wanted, span)
            };
            self.export(kind_of(name), span, binding);
        }
    }

    /// `export * from './x.js'`, `export * as x from './x.js'`
    pub(super) fn export_all(&mut self, export: &ExportAllDeclaration<'a>) {
        let span: Span = export.span.into();
        if export.export_kind == ImportOrExportKind::Type {
            self.exports.unknown = true;
            return;
        }
        if export.source.value == "troupe" {
            let message = "the language has no default or namespace to import";
            let hint = "leave it out: its names are known in every script";
            self.report(Diagnostic::error(codes::IMPORT, span, message).with_hint(hint));
            return;
        }
        let target = self.file.imports.get(export.source.value.as_str()).copied();
        match (target, &export.exported) {
            (Some(target), Some(name)) => {
                let kind = kind_of(name.name().to_string());
                self.export(kind, span, Binding::Namespace(target));
            }
            (Some(target), None) => self.exports.stars.push((target, span)),
            (None, Some(name)) => {
                self.export(kind_of(name.name().to_string()), span, Binding::Refused);
            }
            (None, None) => self.exports.unknown = true,
        }
    }

    /// Adds what other files export through this one: its own names come first.
    pub(super) fn export_stars(&mut self) {
        let own: Vec<String> = self.exports.names.keys().cloned().collect();
        for (target, span) in std::mem::take(&mut self.exports.stars) {
            let Some(exports) = self.linked.finished.get(&target).cloned() else {
                continue;
            };
            self.exports.unknown |= exports.unknown;
            for (name, binding) in exports.names {
                if name == "default" || own.contains(&name) {
                    continue;
                }
                if binding == Binding::Ambiguous && self.is_entry() {
                    self.report(ambiguous(&name, span));
                }
                match self.exports.names.get(&name) {
                    Some(other) if *other == binding => {}
                    Some(_) => {
                        self.exports.names.insert(name.clone(), Binding::Ambiguous);
                        if self.is_entry() {
                            self.report(ambiguous(&name, span));
                        }
                    }
                    None => self.export(kind_of(name), span, binding),
                }
            }
        }
    }

    /// Whether a name of this file is only ever used as a type.
    pub(super) fn is_only_type(&self, symbol: SymbolId) -> bool {
        let scoping = self.variables.semantic.scoping();
        let flags: SymbolFlags = self.variables.flags(symbol);
        self.file.source.is_typescript()
            && flags.contains(SymbolFlags::Import)
            && !scoping
                .get_resolved_references(symbol)
                .any(|reference| reference.is_value())
    }
}

fn kind_of(name: String) -> ExportKind {
    if name == "default" {
        ExportKind::Default
    } else {
        ExportKind::Named(name)
    }
}

/// A name that comes from two files.
pub(super) fn ambiguous(name: &str, span: Span) -> Diagnostic {
    let message = format!("two of the files behind `export *` export `{name}`");
    Diagnostic::error(codes::EXPORT_AMBIGUOUS, span, message).with_hint(format!(
        "say which is meant: `export {{ {name} }} from './file.js'`"
    ))
}
