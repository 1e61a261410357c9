//! Expressions: one entry that hands each kind to its file.
//!
//! Before: statements. After: `literals`, `operators`, `members`, `calls`, `assignments`, `functions`.
//! Guarantees: an expression leaves exactly one value on the stack; types are erased.

use oxc_ast::ast::{ConditionalExpression, Expression, SequenceExpression};
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::refusals::Construct;
use crate::bytecode::Instruction;

impl<'a> Compiler<'a> {
    /// `→ value`
    pub(super) fn expression(&mut self, expression: &Expression<'a>) {
        self.place(expression.span());
        match expression {
            Expression::BooleanLiteral(literal) => {
                self.emit(if literal.value {
                    Instruction::True
                } else {
                    Instruction::False
                });
            }
            Expression::NullLiteral(_) => {
                self.emit(Instruction::Null);
            }
            Expression::NumericLiteral(literal) => self.emit_number(literal.value),
            Expression::StringLiteral(literal) => self.string(literal),
            Expression::TemplateLiteral(template) => self.template(template),
            Expression::RegExpLiteral(literal) => self.regular_expression(literal),
            Expression::Identifier(identifier) => self.read(identifier),
            Expression::ArrayExpression(array) => self.array(array),
            Expression::ObjectExpression(object) => self.object(object),
            Expression::ArrowFunctionExpression(arrow) => self.arrow(arrow, ""),
            Expression::FunctionExpression(function) => self.function_expression(function, ""),
            Expression::AssignmentExpression(assignment) => self.assignment(assignment),
            Expression::UpdateExpression(update) => self.update(update),
            Expression::UnaryExpression(unary) => self.unary(unary),
            Expression::BinaryExpression(binary) => self.binary(binary),
            Expression::LogicalExpression(logical) => self.logical(logical),
            Expression::ConditionalExpression(conditional) => self.conditional(conditional),
            Expression::SequenceExpression(sequence) => self.sequence(sequence),
            Expression::CallExpression(call) => self.call(call),
            Expression::NewExpression(new) => self.new_expression(new),
            Expression::ChainExpression(chain) => self.chain(chain),
            Expression::ComputedMemberExpression(_)
            | Expression::StaticMemberExpression(_)
            | Expression::PrivateFieldExpression(_) => self.member(expression),
            Expression::ParenthesizedExpression(inner) => self.expression(&inner.expression),
            Expression::TSAsExpression(inner) => self.expression(&inner.expression),
            Expression::TSSatisfiesExpression(inner) => self.expression(&inner.expression),
            Expression::TSTypeAssertion(inner) => self.expression(&inner.expression),
            Expression::TSNonNullExpression(inner) => self.expression(&inner.expression),
            Expression::TSInstantiationExpression(inner) => self.expression(&inner.expression),
            other => self.refused_expression(other),
        }
    }

    fn refused_expression(&mut self, expression: &Expression<'a>) {
        let construct = match expression {
            Expression::BigIntLiteral(_) => Construct::BigInt,
            Expression::AwaitExpression(_) => Construct::Await,
            Expression::YieldExpression(_) => Construct::Generator,
            Expression::ClassExpression(_) => Construct::Class,
            Expression::ThisExpression(_) => Construct::This,
            Expression::Super(_) => Construct::Super,
            Expression::NewTarget(_) => Construct::NewTarget,
            Expression::ImportMeta(_) => Construct::ImportMeta,
            Expression::ImportExpression(_) => Construct::DynamicImport,
            Expression::TaggedTemplateExpression(_) => Construct::TaggedTemplate,
            Expression::PrivateInExpression(_) => Construct::PrivateName,
            Expression::V8IntrinsicExpression(_) => Construct::Intrinsic,
            _ => Construct::Jsx,
        };
        self.refuse_value(construct, expression.span());
    }

    /// An expression whose value nobody wants.
    pub(super) fn discarded(&mut self, expression: &Expression<'a>) {
        self.place(expression.span());
        match expression {
            Expression::UpdateExpression(update) if self.update_discarded(update) => {}
            Expression::AssignmentExpression(assignment) if self.assign_discarded(assignment) => {}
            other => {
                self.expression(other);
                self.emit(Instruction::Pop);
            }
        }
    }

    /// `→ value`, where an anonymous function gets a name from where it stands.
    pub(super) fn named_expression(&mut self, expression: &Expression<'a>, name: &str) {
        match expression {
            Expression::ArrowFunctionExpression(arrow) => self.arrow(arrow, name),
            Expression::FunctionExpression(function) if function.id.is_none() => {
                self.function_expression(function, name);
            }
            Expression::ParenthesizedExpression(inner) => {
                self.named_expression(&inner.expression, name);
            }
            Expression::TSAsExpression(inner) => self.named_expression(&inner.expression, name),
            Expression::TSSatisfiesExpression(inner) => {
                self.named_expression(&inner.expression, name);
            }
            other => self.expression(other),
        }
    }

    fn conditional(&mut self, conditional: &ConditionalExpression<'a>) {
        self.expression(&conditional.test);
        self.place(conditional.test.span());
        let otherwise = self.jump(Instruction::JumpIfFalse);
        self.expression(&conditional.consequent);
        let end = self.jump(Instruction::Jump);
        self.land(otherwise);
        self.expression(&conditional.alternate);
        self.land(end);
    }

    fn sequence(&mut self, sequence: &SequenceExpression<'a>) {
        for (at, expression) in sequence.expressions.iter().enumerate() {
            if at > 0 {
                self.emit(Instruction::Pop);
            }
            self.expression(expression);
        }
    }
}
