//! Finds what is TypeScript in statements, functions and expressions.

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeFlags;

use super::edits::Edits;
use super::{classes, enums, modules};
use crate::codes;
use crate::diagnostic::Diagnostic;

/// The text of a module without its types.
pub(super) fn without_types(
    text: &str,
    program: &Program<'_>,
    scoping: &Scoping,
) -> Result<String, Vec<Diagnostic>> {
    let mut finder = Finder {
        text,
        scoping,
        edits: Edits::default(),
        errors: Vec::new(),
    };
    finder.visit_program(program);
    if finder.errors.is_empty() {
        Ok(finder.edits.apply(text))
    } else {
        Err(finder.errors)
    }
}

pub(super) struct Finder<'t> {
    pub(super) text: &'t str,
    pub(super) scoping: &'t Scoping,
    pub(super) edits: Edits,
    errors: Vec<Diagnostic>,
}

impl Finder<'_> {
    fn refuse(&mut self, span: Span, what: &str, hint: &str) {
        let message = format!("{what} cannot be erased as a type");
        self.errors
            .push(Diagnostic::error(codes::REFUSED, span.into(), message).with_hint(hint));
    }

    /// Where a mark (`?`, `!`, a word) stands between two offsets.
    pub(super) fn find(&self, mark: &str, start: u32, end: u32) -> Option<u32> {
        let part = self.text.get(start as usize..end as usize)?;
        part.find(mark).map(|at| start + at as u32)
    }

    /// Makes a space of a mark between two offsets.
    pub(super) fn blank_mark(&mut self, mark: char, start: u32, end: u32) {
        if let Some(at) = self.find(mark.encode_utf8(&mut [0; 4]), start, end) {
            self.edits.blank(at, at + 1);
        }
    }

    /// Makes spaces of a type behind an expression. A line behind it that would now continue the
    /// expression is kept apart.
    fn blank_behind(&mut self, start: u32, end: u32) {
        let rest = self.text.get(end as usize..).unwrap_or_default();
        let next = rest.trim_start();
        let on_new_line = rest[..rest.len() - next.len()].contains('\n');
        if on_new_line && next.starts_with(['(', '[', '`']) {
            self.edits.blank_statement(Span::new(start, end));
        } else {
            self.edits.blank(start, end);
        }
    }

    /// Whether the declaration says nothing to an engine; it is blanked, then.
    fn is_type(&mut self, declaration: &Declaration<'_>, whole: Span) -> bool {
        let is_type = match declaration {
            Declaration::TSTypeAliasDeclaration(_)
            | Declaration::TSInterfaceDeclaration(_)
            | Declaration::TSExternalModuleDeclaration(_)
            | Declaration::TSGlobalDeclaration(_) => true,
            Declaration::VariableDeclaration(variables) => variables.declare,
            Declaration::FunctionDeclaration(function) => {
                function.declare || function.body.is_none()
            }
            Declaration::ClassDeclaration(class) => class.declare,
            Declaration::TSEnumDeclaration(known) => known.declare,
            Declaration::TSNamespaceDeclaration(known) => {
                if !known.declare {
                    let hint = "export the functions of the namespace from a module of their own";
                    self.refuse(known.span, "a `namespace`", hint);
                }
                true
            }
            Declaration::TSImportEqualsDeclaration(known) => {
                let hint = "write `import … from`";
                self.refuse(known.span, "`import … =`", hint);
                true
            }
        };
        if is_type {
            self.edits.blank_statement(whole);
        }
        is_type
    }
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_statement(&mut self, statement: &Statement<'a>) {
        if let Some(declaration) = statement.as_declaration()
            && self.is_type(declaration, statement.span())
        {
            return;
        }
        match statement {
            Statement::ExportDeclaration(export)
                if self.is_type(&export.declaration, export.span) => {}
            Statement::ExportDefaultDeclaration(export)
                if modules::is_default_type(&export.declaration) =>
            {
                self.edits.blank_statement(export.span);
            }
            Statement::ImportDeclaration(import) => modules::import(self, import),
            Statement::ExportNamedDeclaration(export) => {
                let kind = export.export_kind;
                modules::export_list(self, export.span, kind, &export.specifiers, None);
            }
            Statement::ExportFromDeclaration(export) => {
                let (kind, from) = (export.export_kind, Some(&export.source));
                modules::export_list(self, export.span, kind, &export.specifiers, from);
            }
            Statement::ExportAllDeclaration(export) if export.export_kind.is_type() => {
                self.edits.blank_statement(export.span);
            }
            Statement::TSExportAssignment(export) => {
                self.refuse(export.span, "`export =`", "write `export default`");
            }
            Statement::TSNamespaceExportDeclaration(export) => {
                self.edits.blank_statement(export.span);
            }
            _ => walk::walk_statement(self, statement),
        }
    }

    fn visit_ts_enum_declaration(&mut self, known: &TSEnumDeclaration<'a>) {
        let text = enums::as_object(self.text, known);
        self.edits.replace(known.span.start, known.span.end, text);
    }

    fn visit_variable_declarator(&mut self, declarator: &VariableDeclarator<'a>) {
        if declarator.definite {
            self.blank_mark('!', declarator.id.span().end, declarator.span.end);
        }
        walk::walk_variable_declarator(self, declarator);
    }

    fn visit_ts_type_annotation(&mut self, annotation: &TSTypeAnnotation<'a>) {
        self.edits.blank(annotation.span.start, annotation.span.end);
    }

    fn visit_ts_type_parameter_declaration(&mut self, known: &TSTypeParameterDeclaration<'a>) {
        self.edits.blank(known.span.start, known.span.end);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, known: &TSTypeParameterInstantiation<'a>) {
        self.edits.blank(known.span.start, known.span.end);
    }

    fn visit_ts_as_expression(&mut self, known: &TSAsExpression<'a>) {
        self.visit_expression(&known.expression);
        self.blank_behind(known.expression.span().end, known.span.end);
    }

    fn visit_ts_satisfies_expression(&mut self, known: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&known.expression);
        self.blank_behind(known.expression.span().end, known.span.end);
    }

    fn visit_ts_non_null_expression(&mut self, known: &TSNonNullExpression<'a>) {
        self.visit_expression(&known.expression);
        self.blank_behind(known.expression.span().end, known.span.end);
    }

    fn visit_ts_type_assertion(&mut self, known: &TSTypeAssertion<'a>) {
        self.edits
            .blank(known.span.start, known.expression.span().start);
        self.visit_expression(&known.expression);
    }

    fn visit_function(&mut self, function: &Function<'a>, flags: ScopeFlags) {
        if let Some(this) = &function.this_param {
            let first = function.params.items.first();
            let next = first.map(|first| first.span.start);
            let next = next.or(function.params.rest.as_ref().map(|rest| rest.span.start));
            let end = next.unwrap_or(this.span.end);
            self.edits.blank(this.span.start, end);
        }
        walk::walk_function(self, function, flags);
    }

    fn visit_ts_this_parameter(&mut self, _: &TSThisParameter<'a>) {}

    fn visit_arrow_function_expression(&mut self, arrow: &ArrowFunctionExpression<'a>) {
        if let Some(known) = &arrow.return_type {
            let Span { start, end, .. } = known.span;
            let lines = self.text[start as usize..end as usize]
                .matches('\n')
                .count();
            // No line may end between the parameters and `=>`: it ends behind it instead.
            if let (1.., Some(at)) = (lines, self.find("=>", end, arrow.body.span().start)) {
                let breaks = "\n".repeat(lines);
                self.edits.replace(start, at + 2, format!(" =>{breaks}"));
            }
        }
        walk::walk_arrow_function_expression(self, arrow);
    }

    fn visit_formal_parameter(&mut self, parameter: &FormalParameter<'a>) {
        let pattern = parameter.pattern.span();
        if parameter.accessibility.is_some() || parameter.readonly || parameter.r#override {
            classes::blank_modifiers(self, parameter.span.start, pattern.start);
        }
        if parameter.optional {
            self.blank_mark('?', pattern.end, parameter.span.end);
        }
        walk::walk_formal_parameter(self, parameter);
    }

    fn visit_class(&mut self, class: &Class<'a>) {
        classes::heading(self, class);
        walk::walk_class(self, class);
    }

    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}

    fn visit_class_element(&mut self, element: &ClassElement<'a>) {
        if classes::element(self, element) {
            walk::walk_class_element(self, element);
        }
    }
}
