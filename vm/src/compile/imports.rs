//! Imports: of the language, and of other files by name, as default or as a namespace.
//!
//! Before: `modules`, with the exports of all files that this one imports. After: `names`, which reads an imported
//! variable as one of this file. Guarantees: a name that a file does not export is an error with a guess; what
//! was refused stands as `undefined`, so that its uses are no errors too.

use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, ImportDeclaration, ImportDeclarationSpecifier, ImportOrExportKind};
use oxc_semantic::SymbolId;
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::exports::{Binding, ambiguous};
use super::names::closest;
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl<'a> Compiler<'a> {
    pub(super) fn import(&mut self, import: &ImportDeclaration<'a>) {
        if import.import_kind == ImportOrExportKind::Type {
            return;
        }
        let file = import.source.value.as_str();
        for specifier in import.specifiers.iter().flatten() {
            let Some(symbol) = specifier.local().symbol_id.get() else {
                continue;
            };
            let span: Span = specifier.span().into();
            let wanted = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(named) => {
                    if named.import_kind == ImportOrExportKind::Type {
                        continue;
                    }
                    named.imported.name().to_string()
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => "default".to_owned(),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => {
                    self.import_namespace(file, symbol, span);
                    continue;
                }
            };
            // Its types are in no table of names: the declarations for editors have them.
            let is_type = file == "troupe" && self.is_only_type(symbol);
            if !is_type {
                let binding = self.imported(file, &wanted, span);
                self.bind_import(symbol, binding);
            }
        }
    }

    fn bind_import(&mut self, symbol: SymbolId, binding: Binding) {
        match binding {
            Binding::Slot { slot, cell, .. } => {
                self.current().slots.insert(symbol, (slot, cell));
            }
            Binding::Namespace(target) => self.bind_namespace(symbol, target),
            Binding::Language(name) => {
                self.imports.insert(symbol, name);
            }
            Binding::Type => {}
            Binding::Refused | Binding::Ambiguous => {
                self.imports.insert(symbol, "undefined".to_owned());
            }
        }
    }

    /// What a name of another file, or of the language, stands for.
    pub(super) fn imported(&mut self, file: &str, wanted: &str, span: Span) -> Binding {
        if file == "troupe" {
            return self.imported_from_language(wanted, span);
        }
        match self.file.imports.get(file).copied() {
            Some(target) => self.export_of(target, wanted, span),
            None => Binding::Refused,
        }
    }

    fn imported_from_language(&mut self, wanted: &str, span: Span) -> Binding {
        if self.names.is_ambient(wanted) {
            return Binding::Language(wanted.to_owned());
        }
        let diagnostic = if wanted == "default" {
            let message = "the language has no default or namespace to import";
            let hint = "name what you use: `import { act, sequence, send } from \"troupe\"`";
            Diagnostic::error(codes::IMPORT, span, message).with_hint(hint)
        } else {
            let message = format!("`{wanted}` is not a name of the language");
            let diagnostic = Diagnostic::error(codes::IMPORT, span, message);
            match closest(wanted, self.names.all().iter().copied()) {
                Some(guess) => diagnostic.with_hint(format!("did you mean `{guess}`?")),
                None => diagnostic,
            }
        };
        self.report(diagnostic);
        Binding::Refused
    }

    /// What a file exports under a name.
    fn export_of(&mut self, target: usize, wanted: &str, span: Span) -> Binding {
        let Some(exports) = self.linked.finished.get(&target) else {
            return Binding::Refused;
        };
        match exports.names.get(wanted) {
            Some(Binding::Ambiguous) => {
                self.report(ambiguous(wanted, span));
                Binding::Refused
            }
            Some(binding) => binding.clone(),
            None if exports.unknown => Binding::Refused,
            None => {
                let diagnostic = self.missing_export(target, wanted, span);
                self.report(diagnostic);
                Binding::Refused
            }
        }
    }

    fn missing_export(&self, target: usize, wanted: &str, span: Span) -> Diagnostic {
        let name = self.linked.code.sources.file(target);
        let name = name.map_or("the file", |(source, _)| source.name.as_str());
        let exports = self.linked.finished.get(&target);
        let all: Vec<&str> = exports
            .iter()
            .flat_map(|exports| exports.names.keys().map(String::as_str))
            .collect();
        let message = if wanted == "default" {
            format!("`{name}` has no default export")
        } else {
            format!("`{name}` does not export `{wanted}`")
        };
        let hint = match closest(wanted, all.iter().copied()) {
            Some(guess) => format!("did you mean `{guess}`?"),
            None if all.is_empty() => {
                "it exports nothing: write `export` before what is needed elsewhere".to_owned()
            }
            None if wanted == "default" => format!(
                "it exports {}: `import {{ {} }} from …`",
                listed(&all),
                all[0]
            ),
            None => format!("it exports {}", listed(&all)),
        };
        Diagnostic::error(codes::EXPORT_MISSING, span, message).with_hint(hint)
    }

    fn import_namespace(&mut self, file: &str, symbol: SymbolId, span: Span) {
        if file == "troupe" {
            let binding = self.imported_from_language("default", span);
            return self.bind_import(symbol, binding);
        }
        match self.file.imports.get(file).copied() {
            Some(target) => self.bind_namespace(symbol, target),
            None => self.bind_import(symbol, Binding::Refused),
        }
    }

    /// `ns.name` is that variable of the file. An object is made only where something else is done with `ns`.
    fn bind_namespace(&mut self, symbol: SymbolId, target: usize) {
        self.namespaces.insert(symbol, target);
        if let Some(use_as_value) = self.use_as_value(symbol) {
            self.place(use_as_value);
            self.namespace_object(target, use_as_value.into());
            if let Binding::Slot { slot, cell, .. } = self.keep_in_slot() {
                self.current().slots.insert(symbol, (slot, cell));
            }
        }
    }

    /// The first use of a namespace that is not the read of a member by its name, nor another export of it.
    fn use_as_value(&self, symbol: SymbolId) -> Option<oxc_span::Span> {
        let semantic = self.variables.semantic;
        let references = semantic.scoping().get_resolved_references(symbol);
        let values = references.filter(|reference| reference.is_value());
        let mut spans = values.filter_map(|reference| {
            let node = reference.node_id();
            let span = semantic.nodes().kind(node).span();
            match semantic.nodes().parent_kind(node) {
                AstKind::StaticMemberExpression(member) if member.object.span() == span => None,
                AstKind::ExportSpecifier(_) => None,
                _ => Some(span),
            }
        });
        spans.next()
    }

    /// `→ object` with all exports of a file, frozen, in the order of their names.
    fn namespace_object(&mut self, target: usize, span: Span) {
        let exports = self
            .linked
            .finished
            .get(&target)
            .cloned()
            .unwrap_or_default();
        let mut keys = Vec::new();
        for (name, binding) in exports.names {
            if !binding.has_value() {
                continue;
            }
            if let Binding::Slot { changes: true, .. } = binding {
                let message =
                    format!("the namespace is used as a value, and its export `{name}` changes");
                self.report(
                    Diagnostic::error(codes::CHANGING_NAMESPACE, span, message).with_hint(format!(
                        "read what you need by name, as in `ns.{name}`, or export a function that gives its value"
                    )),
                );
            }
            self.read_binding(&binding, &name, span);
            keys.push(self.key(&name));
        }
        self.linked.code.templates.push(keys);
        let template = self.linked.code.templates.len() as u32 - 1;
        self.emit(Instruction::ObjectLiteral(template));
        let native = self.native("Object.freeze");
        let arguments = 1;
        self.emit(Instruction::CallNative { arguments, native });
    }

    /// `→ value` of an export of any file, from anywhere in this one.
    pub(super) fn read_binding(&mut self, binding: &Binding, name: &str, span: Span) {
        match binding {
            Binding::Slot { slot, cell, .. } => self.read_root_slot(*slot, *cell, name, span),
            Binding::Namespace(target) => self.namespace_object(*target, span),
            Binding::Language(name) => self.read_free(name, span),
            Binding::Type | Binding::Ambiguous | Binding::Refused => {
                self.emit(Instruction::Undefined);
            }
        }
    }

    /// The file whose exports an expression stands for.
    pub(super) fn namespace_of(&self, expression: &Expression<'a>) -> Option<usize> {
        match expression {
            Expression::Identifier(identifier) => {
                let symbol = self.symbol_of(identifier)?;
                self.namespaces.get(&symbol).copied()
            }
            Expression::StaticMemberExpression(member) => {
                let outer = self.namespace_of(&member.object)?;
                let exports = self.linked.finished.get(&outer)?;
                match exports.names.get(member.property.name.as_str()) {
                    Some(Binding::Namespace(inner)) => Some(*inner),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `→ value` of a member of a namespace.
    pub(super) fn namespace_member(&mut self, target: usize, name: &str, span: Span) {
        let binding = self.export_of(target, name, span);
        self.place(oxc_span::Span::new(span.start, span.end));
        if binding == Binding::Type {
            let message = format!("`{name}` is a type, not a value");
            self.report(Diagnostic::error(codes::UNKNOWN_NAME, span, message));
        }
        self.read_binding(&binding, name, span);
    }
}

/// A list for people.
fn listed(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 8;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    let rest = if names.len() > SHOWN_MAX { ", …" } else { "" };
    format!("{}{rest}", shown.join(", "))
}
