//! The module: imports, exports, and the function that runs it.
//!
//! Before: `parse`. After: the build stage, which calls function 0 and gets the exports as an array.
//! Guarantees: exports have the values of their variables when the module has ended; imports of the
//! language change nothing.

use oxc_ast::ast::{
    Declaration, ExportDefaultDeclaration, ExportDefaultDeclarationKind, ExportNamedDeclaration,
    ImportDeclaration, ImportDeclarationSpecifier, ImportOrExportKind, ModuleExportName, Program,
    Statement,
};
use oxc_semantic::SymbolId;
use oxc_span::GetSpan;

use super::compiler::{Compiler, OpenFunction};
use super::refusals::Construct;
use super::{Export, ExportKind};
use crate::bytecode::{Function, Instruction};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Where the value of an export is when the module has ended.
enum Exported {
    Variable(SymbolId, u32),
    Slot(u16),
}

impl<'a> Compiler<'a> {
    pub(super) fn module(&mut self, program: &Program<'a>) {
        let root = self.variables.semantic.scoping().root_scope_id();
        let function = Function {
            span: program.span.into(),
            ..Function::default()
        };
        self.code.functions.push(Function::default());
        self.open.push(OpenFunction::new(function, root));
        for statement in &program.body {
            if let Statement::ImportDeclaration(import) = statement {
                self.import(import);
            }
        }
        self.enter_scope(program.scope_id.get());
        self.hoist_module_functions(&program.body);
        let has_exports = program.body.iter().any(is_export);
        let mut exported: Vec<Exported> = Vec::new();
        for statement in &program.body {
            self.module_statement(statement, has_exports, &mut exported);
        }
        for export in &exported {
            match export {
                Exported::Variable(symbol, offset) => self.read_symbol(*symbol, *offset),
                Exported::Slot(slot) => {
                    self.emit(Instruction::GetSlot(*slot));
                }
            }
        }
        self.emit(Instruction::NewArray(exported.len() as u32));
        self.emit(Instruction::Return);
        if let Some(open) = self.open.pop() {
            self.code.functions[0] = open.function;
        }
    }

    fn hoist_module_functions(&mut self, statements: &[Statement<'a>]) {
        for statement in statements {
            match statement {
                Statement::FunctionDeclaration(function) => self.declare_function(function),
                Statement::ExportDeclaration(export) => {
                    if let Declaration::FunctionDeclaration(function) = &export.declaration {
                        self.declare_function(function);
                    }
                }
                Statement::ExportDefaultDeclaration(export) => {
                    if let ExportDefaultDeclarationKind::FunctionDeclaration(function) =
                        &export.declaration
                        && function.id.is_some()
                    {
                        self.declare_function(function);
                    }
                }
                _ => {}
            }
        }
    }

    fn module_statement(
        &mut self,
        statement: &Statement<'a>,
        has_exports: bool,
        exported: &mut Vec<Exported>,
    ) {
        match statement {
            Statement::ImportDeclaration(_) => {}
            Statement::ExportDeclaration(export) => {
                self.declaration(&export.declaration);
                self.export_declared(&export.declaration, exported);
            }
            Statement::ExportNamedDeclaration(export) => self.export_names(export, exported),
            Statement::ExportDefaultDeclaration(export) => self.export_default(export, exported),
            Statement::ExportAllDeclaration(export) => {
                self.refuse(Construct::ExportAll, export.span);
            }
            Statement::ExportFromDeclaration(export) => {
                self.refuse(Construct::ExportFrom, export.span);
            }
            Statement::ExpressionStatement(expression) if !has_exports => {
                self.expression(&expression.expression);
                let slot = self.new_slot();
                self.emit(Instruction::SetSlot(slot));
                exported.push(Exported::Slot(slot));
                let span: Span = expression.expression.span().into();
                self.exports.push(Export {
                    kind: ExportKind::Statement,
                    span,
                });
            }
            other => self.statement(other),
        }
    }

    fn export_declared(&mut self, declaration: &Declaration<'a>, exported: &mut Vec<Exported>) {
        let mut names: Vec<(String, SymbolId, Span)> = Vec::new();
        let mut add = |identifier: &oxc_ast::ast::BindingIdentifier<'a>| {
            if let Some(symbol) = identifier.symbol_id.get() {
                names.push((identifier.name.to_string(), symbol, identifier.span.into()));
            }
        };
        match declaration {
            Declaration::VariableDeclaration(variables) if !variables.declare => {
                for declarator in &variables.declarations {
                    declarator
                        .id
                        .get_binding_identifiers()
                        .into_iter()
                        .for_each(&mut add);
                }
            }
            Declaration::FunctionDeclaration(function) if function.body.is_some() => {
                function.id.iter().for_each(&mut add);
            }
            Declaration::TSEnumDeclaration(declaration) if !declaration.declare => {
                add(&declaration.id);
            }
            _ => {}
        }
        for (name, symbol, span) in names {
            self.export(
                ExportKind::Named(name),
                span,
                Exported::Variable(symbol, u32::MAX),
                exported,
            );
        }
    }

    fn export(
        &mut self,
        kind: ExportKind,
        span: Span,
        value: Exported,
        exported: &mut Vec<Exported>,
    ) {
        self.exports.push(Export { kind, span });
        exported.push(value);
    }

    fn export_names(&mut self, export: &ExportNamedDeclaration<'a>, exported: &mut Vec<Exported>) {
        if export.export_kind == ImportOrExportKind::Type {
            return;
        }
        for specifier in &export.specifiers {
            if specifier.export_kind == ImportOrExportKind::Type {
                continue;
            }
            let span: Span = specifier.span.into();
            let symbol = match &specifier.local {
                ModuleExportName::IdentifierReference(identifier) => self.symbol_of(identifier),
                _ => None,
            };
            let name = specifier.exported.name().to_string();
            let kind = if name == "default" {
                ExportKind::Default
            } else {
                ExportKind::Named(name)
            };
            match symbol {
                Some(symbol) => {
                    self.export(kind, span, Exported::Variable(symbol, u32::MAX), exported);
                }
                None => {
                    let message = format!(
                        "`{}` is not declared in this module",
                        specifier.local.name()
                    );
                    self.report(Diagnostic::error(codes::UNKNOWN_NAME, span, message));
                }
            }
        }
    }

    fn export_default(
        &mut self,
        export: &ExportDefaultDeclaration<'a>,
        exported: &mut Vec<Exported>,
    ) {
        let span: Span = export.span.into();
        match &export.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => return,
            ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                return self.refuse_class(class);
            }
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                if let Some(symbol) = function.id.as_ref().and_then(|id| id.symbol_id.get()) {
                    return self.export(
                        ExportKind::Default,
                        span,
                        Exported::Variable(symbol, u32::MAX),
                        exported,
                    );
                }
                self.function(function, "default");
            }
            other => {
                if let Some(expression) = other.as_expression() {
                    self.named_expression(expression, "default");
                }
            }
        }
        let slot = self.new_slot();
        self.emit(Instruction::SetSlot(slot));
        self.export(ExportKind::Default, span, Exported::Slot(slot), exported);
    }

    fn import(&mut self, import: &ImportDeclaration<'a>) {
        if import.import_kind == ImportOrExportKind::Type {
            return;
        }
        if import.source.value != "troupe" {
            let message = format!("`{}` cannot be imported", import.source.value);
            let hint = "this version takes one file at a time: move what you need into this file";
            self.report(
                Diagnostic::error(codes::IMPORT, import.source.span.into(), message)
                    .with_hint(hint),
            );
            // What it would have given stands as `undefined`, so that its uses are no errors too.
            let locals = import
                .specifiers
                .iter()
                .flatten()
                .filter_map(|specifier| specifier.local().symbol_id.get());
            self.imports
                .extend(locals.map(|symbol| (symbol, "undefined".to_owned())));
            return;
        }
        for specifier in import.specifiers.iter().flatten() {
            let ImportDeclarationSpecifier::ImportSpecifier(specifier) = specifier else {
                let hint = "name what you use: `import { act, sequence, send } from \"troupe\"`";
                let message = "the language has no default or namespace to import";
                self.report(
                    Diagnostic::error(codes::IMPORT, specifier.span().into(), message)
                        .with_hint(hint),
                );
                continue;
            };
            if specifier.import_kind == ImportOrExportKind::Type {
                continue;
            }
            let name = specifier.imported.name().to_string();
            match specifier.local.symbol_id.get() {
                Some(symbol) if self.names.is_ambient(&name) => {
                    self.imports.insert(symbol, name);
                }
                _ => {
                    let message = format!("`{name}` is not a name of the language");
                    self.report(Diagnostic::error(
                        codes::IMPORT,
                        specifier.span.into(),
                        message,
                    ));
                }
            }
        }
    }
}

fn is_export(statement: &Statement<'_>) -> bool {
    matches!(
        statement,
        Statement::ExportDeclaration(_)
            | Statement::ExportNamedDeclaration(_)
            | Statement::ExportDefaultDeclaration(_)
            | Statement::ExportAllDeclaration(_)
            | Statement::ExportFromDeclaration(_)
    )
}
