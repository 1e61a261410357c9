//! Operators: unary, binary, logical.
//!
//! Before: `expressions`. Guarantees: operands are evaluated from left to right; chains of the same
//! nesting do not deepen the compiler's own recursion.

use oxc_ast::ast::{
    BinaryExpression, BinaryOperator, Expression, LogicalExpression, LogicalOperator,
    UnaryExpression, UnaryOperator,
};

use super::compiler::Compiler;
use super::refusals::Construct;
use crate::bytecode::Instruction;

impl<'a> Compiler<'a> {
    pub(super) fn unary(&mut self, unary: &UnaryExpression<'a>) {
        if unary.operator == UnaryOperator::Delete {
            return self.delete(unary);
        }
        if let (UnaryOperator::UnaryNegation, Expression::NumericLiteral(literal)) =
            (unary.operator, &unary.argument)
        {
            return self.emit_number(-literal.value);
        }
        self.expression(&unary.argument);
        self.place(unary.span);
        match unary.operator {
            UnaryOperator::UnaryPlus => self.emit(Instruction::ToNumber),
            UnaryOperator::UnaryNegation => self.emit(Instruction::Negate),
            UnaryOperator::LogicalNot => self.emit(Instruction::Not),
            UnaryOperator::BitwiseNot => self.emit(Instruction::BitNot),
            UnaryOperator::Typeof => self.emit(Instruction::TypeOf),
            UnaryOperator::Void | UnaryOperator::Delete => {
                self.emit(Instruction::Pop);
                self.emit(Instruction::Undefined)
            }
        };
    }

    pub(super) fn binary(&mut self, binary: &BinaryExpression<'a>) {
        // `a + b + c + …` leans to the left: walk down, then emit on the way back.
        let mut chain = vec![binary];
        let mut left = &binary.left;
        while let Expression::BinaryExpression(inner) = left {
            chain.push(inner);
            left = &inner.left;
        }
        self.expression(left);
        for binary in chain.into_iter().rev() {
            if binary.operator == BinaryOperator::Instanceof {
                self.instance_of(binary);
                continue;
            }
            if self.compare_with_text(binary) {
                continue;
            }
            self.expression(&binary.right);
            self.place(binary.span);
            self.emit(binary_instruction(binary.operator));
        }
    }

    /// `value === 'text'` is one instruction; false where the expression is none of these.
    fn compare_with_text(&mut self, binary: &BinaryExpression<'a>) -> bool {
        let make = match binary.operator {
            BinaryOperator::StrictEquality => Instruction::StrictEqualConstant,
            BinaryOperator::StrictInequality => Instruction::StrictNotEqualConstant,
            _ => return false,
        };
        let Expression::StringLiteral(literal) = &binary.right else {
            return false;
        };
        let text = super::literals::source_text(literal.value.as_str(), literal.lone_surrogates);
        let constant = self.constant(crate::data::Data::Text(text));
        self.place(binary.span);
        self.emit(make(constant));
        true
    }

    fn instance_of(&mut self, binary: &BinaryExpression<'a>) {
        // Nothing is an instance of the last three: there are no objects around primitives.
        let known = [
            "Object", "Array", "Map", "Set", "Date", "Function", "RegExp", "String", "Number",
            "Boolean",
        ];
        let class = self
            .global_of(&binary.right)
            .filter(|name| known.contains(name) || name.ends_with("Error"));
        let Some(class) = class else {
            self.refuse(Construct::UserInstanceOf, binary.span);
            return;
        };
        let key = self.key(class);
        self.place(binary.span);
        self.emit(Instruction::InstanceOf(key));
    }

    pub(super) fn logical(&mut self, logical: &LogicalExpression<'a>) {
        let mut chain = vec![logical];
        let mut left = &logical.left;
        while let Expression::LogicalExpression(inner) = left {
            chain.push(inner);
            left = &inner.left;
        }
        self.expression(left);
        for logical in chain.into_iter().rev() {
            self.place(logical.span);
            let end = self.jump(keep_jump(logical.operator));
            self.expression(&logical.right);
            self.land(end);
        }
    }
}

/// The jump that keeps the left operand as the result.
pub(super) fn keep_jump(operator: LogicalOperator) -> fn(u32) -> Instruction {
    match operator {
        LogicalOperator::Or => Instruction::JumpIfTrueKeep,
        LogicalOperator::And => Instruction::JumpIfFalseKeep,
        LogicalOperator::Coalesce => Instruction::JumpIfNotNullishKeep,
    }
}

/// The instruction of an operator; `instanceof` has a form of its own.
pub(super) fn binary_instruction(operator: BinaryOperator) -> Instruction {
    match operator {
        BinaryOperator::Equality => Instruction::Equal,
        BinaryOperator::Inequality => Instruction::NotEqual,
        BinaryOperator::StrictEquality => Instruction::StrictEqual,
        BinaryOperator::StrictInequality => Instruction::StrictNotEqual,
        BinaryOperator::LessThan => Instruction::Less,
        BinaryOperator::LessEqualThan => Instruction::LessOrEqual,
        BinaryOperator::GreaterThan => Instruction::Greater,
        BinaryOperator::GreaterEqualThan => Instruction::GreaterOrEqual,
        BinaryOperator::Addition => Instruction::Add,
        BinaryOperator::Subtraction => Instruction::Subtract,
        BinaryOperator::Multiplication => Instruction::Multiply,
        BinaryOperator::Division => Instruction::Divide,
        BinaryOperator::Remainder => Instruction::Remainder,
        BinaryOperator::Exponential => Instruction::Power,
        BinaryOperator::ShiftLeft => Instruction::ShiftLeft,
        BinaryOperator::ShiftRight => Instruction::ShiftRight,
        BinaryOperator::ShiftRightZeroFill => Instruction::ShiftRightUnsigned,
        BinaryOperator::BitwiseOR => Instruction::BitOr,
        BinaryOperator::BitwiseXOR => Instruction::BitXor,
        BinaryOperator::BitwiseAnd => Instruction::BitAnd,
        BinaryOperator::In | BinaryOperator::Instanceof => Instruction::In,
    }
}
