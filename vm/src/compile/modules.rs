//! A file as a whole: its statements in order, run by function 0.
//!
//! Before: `parse`. After: the next file, or the build stage, which calls function 0 and gets the exports of the
//! entry as an array. Guarantees: all files run in one function, each once, those that a file imports before it;
//! so an import is the variable of the other file itself. Exports have the values of their variables when the
//! program has been evaluated.

use oxc_ast::ast::{Declaration, ExportDefaultDeclarationKind, Program, Statement};
use oxc_span::GetSpan;

use super::ExportKind;
use super::compiler::{Compiler, OpenFunction};
use crate::bytecode::{Function, Instruction};
use crate::source::Span;

impl<'a> Compiler<'a> {
    pub(super) fn module(&mut self, program: &Program<'a>) {
        self.begin_module(program);
        for statement in &program.body {
            if let Statement::ImportDeclaration(import) = statement {
                self.import(import);
            }
        }
        self.enter_scope(program.scope_id.get());
        self.hoist_module_functions(&program.body);
        let has_exports = program.body.iter().any(is_export);
        let is_named = has_exports || !self.is_entry();
        for statement in &program.body {
            self.module_statement(statement, is_named);
        }
        self.export_stars();
        if self.is_entry() {
            self.return_exports();
        } else {
            self.linked.root = self.open.pop();
        }
    }

    /// Goes on in function 0 with the variables of this file alone.
    fn begin_module(&mut self, program: &Program<'a>) {
        let scope = self.variables.semantic.scoping().root_scope_id();
        let mut root = self
            .linked
            .root
            .take()
            .unwrap_or_else(|| OpenFunction::new(Function::default(), scope));
        root.begin_file(scope, program.span.into());
        self.open.push(root);
        // Nothing of this file is made one instruction with the last of the file before.
        self.here();
    }

    fn return_exports(&mut self) {
        let exported = std::mem::take(&mut self.linked.exported);
        for (export, binding) in &exported {
            let name = match &export.kind {
                ExportKind::Named(name) => name,
                ExportKind::Default | ExportKind::Statement => "default",
            };
            self.read_binding(binding, name, export.span);
        }
        self.emit(Instruction::NewArray(exported.len() as u32));
        self.emit(Instruction::Return);
        self.linked.exported = exported;
        if let Some(open) = self.open.pop() {
            self.linked.code.functions[0] = open.function;
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

    fn module_statement(&mut self, statement: &Statement<'a>, is_named: bool) {
        match statement {
            Statement::ImportDeclaration(_) => {}
            Statement::ExportDeclaration(export) => {
                self.declaration(&export.declaration);
                self.export_declared(&export.declaration);
            }
            Statement::ExportNamedDeclaration(export) => self.export_names(export),
            Statement::ExportDefaultDeclaration(export) => self.export_default(export),
            Statement::ExportAllDeclaration(export) => self.export_all(export),
            Statement::ExportFromDeclaration(export) => self.export_from(export),
            Statement::ExpressionStatement(expression) if !is_named => {
                self.expression(&expression.expression);
                let binding = self.keep_in_slot();
                let span: Span = expression.expression.span().into();
                self.export(ExportKind::Statement, span, binding);
            }
            other => self.statement(other),
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
