//! Members: `a.b`, `a[b]`, `a?.b`, `delete`.
//!
//! Before: `expressions`. After: instructions of properties. Guarantees: an optional chain that meets
//! `undefined` or `null` skips all of the rest of the chain and is `undefined`.

use oxc_ast::ast::{ChainElement, ChainExpression, Expression, UnaryExpression};
use oxc_span::{GetSpan, Span};

use super::compiler::Compiler;
use super::refusals::Construct;
use crate::bytecode::Instruction;

/// Jumps out of the optional chain that is being compiled, for links that met nothing.
#[derive(Debug, Default)]
pub(super) struct Skips(pub(super) Vec<usize>);

impl<'a> Compiler<'a> {
    /// `→ value`
    pub(super) fn member(&mut self, expression: &Expression<'a>) {
        // Outside a chain nothing is optional, so nothing is skipped.
        self.link(expression, &mut Skips::default());
    }

    pub(super) fn chain(&mut self, chain: &ChainExpression<'a>) {
        let mut skips = Skips::default();
        match &chain.expression {
            ChainElement::CallExpression(call) => self.call_link(call, &mut skips),
            ChainElement::TSNonNullExpression(inner) => self.link(&inner.expression, &mut skips),
            ChainElement::ComputedMemberExpression(member) => {
                self.computed_link(
                    &member.object,
                    &member.expression,
                    member.optional,
                    member.span,
                    &mut skips,
                );
            }
            ChainElement::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                self.static_link(
                    &member.object,
                    name,
                    member.optional,
                    member.span,
                    &mut skips,
                );
            }
            ChainElement::PrivateFieldExpression(member) => {
                self.refuse_value(Construct::PrivateName, member.span);
            }
        }
        self.skip_to(Instruction::Undefined, &skips);
    }

    /// Where the chain was skipped, the result is what `otherwise` pushes.
    fn skip_to(&mut self, otherwise: Instruction, skips: &Skips) {
        if skips.0.is_empty() {
            return;
        }
        let end = self.jump(Instruction::Jump);
        self.land_all(&skips.0);
        self.emit(otherwise);
        self.land(end);
    }

    /// `→ value` of one link of a chain.
    pub(super) fn link(&mut self, expression: &Expression<'a>, skips: &mut Skips) {
        match expression {
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                self.static_link(&member.object, name, member.optional, member.span, skips);
            }
            Expression::ComputedMemberExpression(member) => {
                self.computed_link(
                    &member.object,
                    &member.expression,
                    member.optional,
                    member.span,
                    skips,
                );
            }
            Expression::PrivateFieldExpression(member) => {
                self.refuse_value(Construct::PrivateName, member.span);
            }
            Expression::CallExpression(call) => self.call_link(call, skips),
            Expression::TSNonNullExpression(inner) => self.link(&inner.expression, skips),
            Expression::ParenthesizedExpression(inner) => self.expression(&inner.expression),
            other => self.expression(other),
        }
    }

    fn static_link(
        &mut self,
        object: &Expression<'a>,
        name: &str,
        optional: bool,
        span: Span,
        skips: &mut Skips,
    ) {
        if let Some(global) = self.global_of(object).filter(|_| !is_value_global(object)) {
            let global = global.to_owned();
            return self.read_global_member(&global, name, span.into());
        }
        if let Some(file) = self.namespace_of(object) {
            return self.namespace_member(file, name, span.into());
        }
        self.object_link(object, optional, skips);
        self.place(span);
        let key = self.key(name);
        self.emit(Instruction::GetProperty(key));
    }

    fn computed_link(
        &mut self,
        object: &Expression<'a>,
        key: &Expression<'a>,
        optional: bool,
        span: Span,
        skips: &mut Skips,
    ) {
        self.object_link(object, optional, skips);
        if let Expression::StringLiteral(literal) = key {
            let key = self.key_of(super::literals::source_text(
                literal.value.as_str(),
                literal.lone_surrogates,
            ));
            self.place(span);
            self.emit(Instruction::GetProperty(key));
            return;
        }
        self.expression(key);
        self.place(span);
        self.emit(Instruction::GetElement);
    }

    /// `→ object`, or skips the chain where it is optional and there is none.
    pub(super) fn object_link(
        &mut self,
        object: &Expression<'a>,
        optional: bool,
        skips: &mut Skips,
    ) {
        self.link(object, skips);
        if optional {
            self.place(object.span());
            let skip = self.jump(Instruction::JumpIfNullish);
            skips.0.push(skip);
        }
    }

    pub(super) fn delete(&mut self, unary: &UnaryExpression<'a>) {
        let mut skips = Skips::default();
        let mut argument = &unary.argument;
        while let Expression::TSNonNullExpression(inner) = argument {
            argument = &inner.expression;
        }
        match argument {
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::StaticMemberExpression(member) => {
                    self.object_link(&member.object, member.optional, &mut skips);
                    self.delete_named(member.property.name.as_str(), unary.span);
                }
                ChainElement::ComputedMemberExpression(member) => {
                    self.object_link(&member.object, member.optional, &mut skips);
                    self.delete_computed(&member.expression, unary.span);
                }
                _ => self.refuse_value(Construct::DeleteName, unary.span),
            },
            Expression::StaticMemberExpression(member) => {
                self.expression(&member.object);
                self.delete_named(member.property.name.as_str(), unary.span);
            }
            Expression::ComputedMemberExpression(member) => {
                self.expression(&member.object);
                self.delete_computed(&member.expression, unary.span);
            }
            _ => self.refuse_value(Construct::DeleteName, unary.span),
        }
        self.skip_to(Instruction::True, &skips);
    }

    fn delete_named(&mut self, name: &str, span: Span) {
        let key = self.key(name);
        self.place(span);
        self.emit(Instruction::DeleteProperty(key));
    }

    fn delete_computed(&mut self, key: &Expression<'a>, span: Span) {
        self.expression(key);
        self.place(span);
        self.emit(Instruction::DeleteElement);
    }
}

/// `undefined.x` and the like are reads from a value, not from a namespace.
pub(super) fn is_value_global(expression: &Expression<'_>) -> bool {
    let Expression::Identifier(identifier) = expression else {
        return false;
    };
    matches!(identifier.name.as_str(), "undefined" | "NaN" | "Infinity")
}
