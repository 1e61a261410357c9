//! Functions: arrows, function expressions, declarations, methods; parameters with defaults.
//!
//! Before: `expressions`, `statements`. After: entries of the code's table of functions.
//! Guarantees: parameters come first in the slots; what inner functions capture is collected while
//! they are compiled; `async`, generators and `this` are refused by name.

use oxc_ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, BindingPattern, Expression, FormalParameters,
    Function, FunctionBody,
};
use oxc_semantic::{ScopeId, SymbolFlags};

use super::compiler::{Compiler, OpenFunction};
use super::refusals::Construct;
use crate::bytecode::{self, Instruction};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimit;
use crate::text::Text;

impl<'a> Compiler<'a> {
    /// `→ closure`
    pub(super) fn arrow(&mut self, arrow: &ArrowFunctionExpression<'a>, name: &str) {
        if arrow.r#async {
            return self.refuse_value(Construct::Async, arrow.span);
        }
        self.begin_function(name, arrow.span, arrow.scope_id.get());
        self.parameters(&arrow.params);
        match &arrow.body {
            ArrowFunctionBody::FunctionBody(body) => self.function_body(body, arrow.scope_id.get()),
            other => {
                if let Some(expression) = other.as_expression() {
                    self.enter_scope(arrow.scope_id.get());
                    self.current().function.returns_function = is_function_literal(expression);
                    self.expression(expression);
                    self.emit(Instruction::Return);
                }
            }
        }
        self.end_function();
    }

    /// `→ closure`
    pub(super) fn function_expression(&mut self, function: &Function<'a>, name: &str) {
        let own_name = function.id.as_ref().map_or(name, |id| id.name.as_str());
        self.function(function, own_name);
    }

    /// `→ closure`
    pub(super) fn function(&mut self, function: &Function<'a>, name: &str) {
        if function.r#async {
            return self.refuse_value(Construct::Async, function.span);
        }
        if function.generator {
            return self.refuse_value(Construct::Generator, function.span);
        }
        if let Some(this) = &function.this_param {
            self.refuse(Construct::This, this.span);
        }
        let Some(body) = &function.body else {
            self.emit(Instruction::Undefined);
            return;
        };
        self.begin_function(name, function.span, function.scope_id.get());
        self.parameters(&function.params);
        self.bind_own_name(function);
        self.function_body(body, function.scope_id.get());
        self.end_function();
    }

    /// The name of a function expression is a variable inside it.
    fn bind_own_name(&mut self, function: &Function<'a>) {
        let symbol = function.id.as_ref().and_then(|id| id.symbol_id.get());
        let Some(symbol) = symbol else { return };
        let is_own = self
            .variables
            .flags(symbol)
            .contains(SymbolFlags::FunctionExpression);
        if is_own && !self.current().slots.contains_key(&symbol) {
            let slot = self.new_slot();
            let cell = self.variables.storage(symbol).cell;
            self.current().slots.insert(symbol, (slot, cell));
            self.emit(Instruction::Callee);
            self.emit(if cell {
                Instruction::InitCell(slot)
            } else {
                Instruction::SetSlot(slot)
            });
        }
    }

    fn begin_function(&mut self, name: &str, span: oxc_span::Span, scope: Option<ScopeId>) {
        let scope = scope.unwrap_or_else(|| self.variables.semantic.scoping().root_scope_id());
        let function = bytecode::Function {
            name: Text::from(name),
            span: span.into(),
            ..bytecode::Function::default()
        };
        self.open.push(OpenFunction::new(function, scope));
    }

    fn parameters(&mut self, parameters: &FormalParameters<'a>) {
        let count = parameters.items.len();
        let slots: Vec<u16> = parameters.items.iter().map(|_| self.new_slot()).collect();
        let rest_slot = parameters.rest.as_ref().map(|_| self.new_slot());
        let simple = parameters
            .items
            .iter()
            .take_while(|item| item.initializer.is_none())
            .count();
        let function = &mut self.current().function;
        function.parameters = count.min(usize::from(u16::MAX)) as u16;
        function.length = simple.min(usize::from(u16::MAX)) as u16;
        function.has_rest = rest_slot.is_some();
        // Names of plain parameters live where the arguments are.
        for (item, slot) in parameters.items.iter().zip(&slots) {
            self.claim_slot(&item.pattern, *slot);
        }
        if let (Some(rest), Some(slot)) = (&parameters.rest, rest_slot) {
            self.claim_slot(&rest.rest.argument, slot);
        }
        // Variables inside of patterns get slots before any default runs.
        let scope = self.current().scope;
        self.enter_parameter_scope(scope, parameters);
        for (item, slot) in parameters.items.iter().zip(&slots) {
            item.decorators
                .iter()
                .for_each(|decorator| self.refuse(Construct::Decorator, decorator.span));
            self.parameter(&item.pattern, item.initializer.as_deref(), *slot);
        }
        if let (Some(rest), Some(slot)) = (&parameters.rest, rest_slot) {
            self.parameter(&rest.rest.argument, None, slot);
        }
    }

    fn claim_slot(&mut self, pattern: &BindingPattern<'a>, slot: u16) {
        if let BindingPattern::BindingIdentifier(identifier) = pattern
            && let Some(symbol) = identifier.symbol_id.get()
        {
            let cell = self.variables.storage(symbol).cell;
            self.current().slots.insert(symbol, (slot, cell));
        }
    }

    fn enter_parameter_scope(&mut self, scope: ScopeId, parameters: &FormalParameters<'a>) {
        let is_plain =
            |pattern: &BindingPattern<'a>| matches!(pattern, BindingPattern::BindingIdentifier(_));
        let all_plain = parameters.items.iter().all(|item| is_plain(&item.pattern));
        let rest_plain = parameters
            .rest
            .as_ref()
            .is_none_or(|rest| is_plain(&rest.rest.argument));
        if !(all_plain && rest_plain) {
            self.enter_scope(Some(scope));
        }
    }

    /// Applies the default, takes patterns apart, and makes the cell of a captured parameter.
    fn parameter(
        &mut self,
        pattern: &BindingPattern<'a>,
        default: Option<&Expression<'a>>,
        slot: u16,
    ) {
        let name = pattern.get_identifier_name();
        let own = match pattern {
            BindingPattern::BindingIdentifier(identifier) => identifier.symbol_id.get(),
            _ => None,
        };
        let cell = own
            .and_then(|symbol| self.current().slots.get(&symbol).copied())
            .is_some_and(|(_, cell)| cell);
        if let Some(default) = default {
            self.emit(Instruction::GetSlot(slot));
            self.default_value(default, name.as_ref().map_or("", |name| name.as_str()));
            self.emit(Instruction::SetSlot(slot));
        }
        if cell {
            self.emit(Instruction::MakeCell(slot));
        }
        if own.is_none() {
            self.emit(Instruction::GetSlot(slot));
            self.bind(pattern);
        }
    }

    fn function_body(&mut self, body: &FunctionBody<'a>, scope: Option<ScopeId>) {
        self.enter_scope(scope);
        if let [oxc_ast::ast::Statement::ReturnStatement(only)] = body.statements.as_slice() {
            self.current().function.returns_function =
                only.argument.as_ref().is_some_and(is_function_literal);
        }
        self.statements(&body.statements);
        self.emit(Instruction::Undefined);
        self.emit(Instruction::Return);
    }

    /// Closes the innermost function and makes a closure of it in the one around it.
    fn end_function(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if self.linked.code.functions.len() >= self.limits.functions as usize {
            let message = BuildLimit::Functions.message(self.limits);
            self.report(Diagnostic::error(
                codes::LIMIT_PROGRAM,
                open.function.span,
                message,
            ));
        } else {
            self.linked.code.functions.push(open.function);
        }
        let index = self.linked.code.functions.len() as u32 - 1;
        self.emit(Instruction::Closure(index));
    }
}

/// Whether an expression is a function literal.
fn is_function_literal(expression: &Expression<'_>) -> bool {
    expression.is_function()
}
