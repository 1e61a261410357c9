//! Assignments: `=`, compound and logical assignment, `++`, `--`, destructuring assignment.
//!
//! Before: `expressions`. After: `names`, `patterns`, instructions of properties. Guarantees: the
//! target is evaluated once and before the value; the result is the assigned value.

use oxc_ast::ast::{
    AssignmentExpression, AssignmentOperator, AssignmentTarget, ComputedMemberExpression,
    Expression, SimpleAssignmentTarget, StaticMemberExpression, UpdateExpression, UpdateOperator,
};
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::operators::{binary_instruction, keep_jump};
use super::refusals::Construct;
use crate::bytecode::Instruction;

impl<'a> Compiler<'a> {
    /// `→ value`
    pub(super) fn assignment(&mut self, assignment: &AssignmentExpression<'a>) {
        let operator = assignment.operator;
        match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(identifier) => {
                let value = |compiler: &mut Self| {
                    compiler.named_expression(&assignment.right, &identifier.name);
                };
                if operator == AssignmentOperator::Assign {
                    value(self);
                } else {
                    self.read(identifier);
                    if let Some(logical) = operator.to_logical_operator() {
                        let end = self.jump(keep_jump(logical));
                        value(self);
                        self.emit(Instruction::Duplicate);
                        self.place(assignment.span);
                        self.write(identifier);
                        self.land(end);
                        return;
                    }
                    value(self);
                    self.compound(assignment);
                }
                self.emit(Instruction::Duplicate);
                self.place(assignment.span);
                self.write(identifier);
            }
            AssignmentTarget::StaticMemberExpression(member) => {
                self.assign_static(assignment, member);
            }
            AssignmentTarget::ComputedMemberExpression(member) => {
                self.assign_computed(assignment, member);
            }
            AssignmentTarget::ArrayAssignmentTarget(_)
            | AssignmentTarget::ObjectAssignmentTarget(_) => {
                self.expression(&assignment.right);
                self.emit(Instruction::Duplicate);
                self.place(assignment.left.span());
                self.assign_target(&assignment.left);
            }
            AssignmentTarget::PrivateFieldExpression(member) => {
                self.refuse_value(Construct::PrivateName, member.span);
            }
            other => match other.get_expression() {
                Some(inner) => self.assign_through_types(assignment, inner),
                None => self.refuse_value(Construct::PrivateName, assignment.span),
            },
        }
    }

    /// `x = value` and `x += value` whose own value nobody wants; false where it is none of these.
    pub(super) fn assign_discarded(&mut self, assignment: &AssignmentExpression<'a>) -> bool {
        let AssignmentTarget::AssignmentTargetIdentifier(identifier) = &assignment.left else {
            return false;
        };
        if assignment.operator.is_logical() {
            return false;
        }
        if assignment.operator != AssignmentOperator::Assign {
            self.read(identifier);
        }
        self.named_expression(&assignment.right, &identifier.name);
        self.compound(assignment);
        self.write(identifier);
        true
    }

    /// `x++` and `x--` whose value nobody wants; false where it is none of these.
    pub(super) fn update_discarded(&mut self, update: &UpdateExpression<'a>) -> bool {
        let SimpleAssignmentTarget::AssignmentTargetIdentifier(identifier) = &update.argument
        else {
            return false;
        };
        self.read(identifier);
        self.place(update.span);
        self.emit(step_instruction(update.operator));
        self.write(identifier);
        true
    }

    /// `(x as T) = value`
    fn assign_through_types(
        &mut self,
        assignment: &AssignmentExpression<'a>,
        target: &Expression<'a>,
    ) {
        match target.get_inner_expression() {
            Expression::StaticMemberExpression(member) => self.assign_static(assignment, member),
            Expression::ComputedMemberExpression(member) => {
                self.assign_computed(assignment, member);
            }
            Expression::Identifier(identifier)
                if assignment.operator == AssignmentOperator::Assign =>
            {
                self.expression(&assignment.right);
                self.emit(Instruction::Duplicate);
                self.write(identifier);
            }
            _ => self.refuse_value(Construct::PrivateName, assignment.span),
        }
    }

    /// `left right → result` of a compound assignment.
    fn compound(&mut self, assignment: &AssignmentExpression<'a>) {
        self.place(assignment.span);
        if let Some(operator) = assignment.operator.to_binary_operator() {
            self.emit(binary_instruction(operator));
        }
    }

    fn assign_static(
        &mut self,
        assignment: &AssignmentExpression<'a>,
        member: &StaticMemberExpression<'a>,
    ) {
        self.expression(&member.object);
        let key = self.key(&member.property.name);
        let operator = assignment.operator;
        if operator == AssignmentOperator::Assign {
            self.named_expression(&assignment.right, &member.property.name);
        } else if let Some(logical) = operator.to_logical_operator() {
            self.place(member.span);
            self.emit(Instruction::GetMethod(key));
            let keep = self.jump(keep_jump(logical));
            self.expression(&assignment.right);
            self.place(assignment.span);
            self.emit(Instruction::SetProperty(key));
            let end = self.jump(Instruction::Jump);
            self.land(keep);
            self.emit(Instruction::Swap);
            self.emit(Instruction::Pop);
            self.land(end);
            return;
        } else {
            self.place(member.span);
            self.emit(Instruction::GetMethod(key));
            self.expression(&assignment.right);
            self.compound(assignment);
        }
        self.place(assignment.span);
        self.emit(Instruction::SetProperty(key));
    }

    fn assign_computed(
        &mut self,
        assignment: &AssignmentExpression<'a>,
        member: &ComputedMemberExpression<'a>,
    ) {
        self.expression(&member.object);
        self.expression(&member.expression);
        self.place(member.span);
        let operator = assignment.operator;
        if operator == AssignmentOperator::Assign {
            self.expression(&assignment.right);
            self.place(assignment.span);
            self.emit(Instruction::SetElement);
            return;
        }
        self.emit(Instruction::ToPropertyKey);
        self.emit(Instruction::DuplicatePair);
        self.emit(Instruction::GetElement);
        if let Some(logical) = operator.to_logical_operator() {
            let keep = self.jump(keep_jump(logical));
            self.expression(&assignment.right);
            self.place(assignment.span);
            self.emit(Instruction::SetElement);
            let end = self.jump(Instruction::Jump);
            self.land(keep);
            // object key value → value
            self.emit(Instruction::Swap);
            self.emit(Instruction::Pop);
            self.emit(Instruction::Swap);
            self.emit(Instruction::Pop);
            self.land(end);
            return;
        }
        self.expression(&assignment.right);
        self.compound(assignment);
        self.emit(Instruction::SetElement);
    }

    /// `→ value`, the old one where the operator stands behind.
    pub(super) fn update(&mut self, update: &UpdateExpression<'a>) {
        self.with_slots(|compiler| compiler.update_with_slot(update));
    }

    fn update_with_slot(&mut self, update: &UpdateExpression<'a>) {
        let step = step_instruction(update.operator);
        // The old value waits in a slot while the new one is assigned.
        let old = if update.prefix {
            None
        } else {
            Some(self.new_slot())
        };
        match &update.argument {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(identifier) => {
                self.read(identifier);
                self.step(update, step, old);
                self.emit(Instruction::Duplicate);
                self.write(identifier);
            }
            SimpleAssignmentTarget::StaticMemberExpression(member) => {
                self.expression(&member.object);
                let key = self.key(&member.property.name);
                self.place(update.span);
                self.emit(Instruction::GetMethod(key));
                self.step(update, step, old);
                self.emit(Instruction::SetProperty(key));
            }
            SimpleAssignmentTarget::ComputedMemberExpression(member) => {
                self.expression(&member.object);
                self.expression(&member.expression);
                self.place(update.span);
                self.emit(Instruction::ToPropertyKey);
                self.emit(Instruction::DuplicatePair);
                self.emit(Instruction::GetElement);
                self.step(update, step, old);
                self.emit(Instruction::SetElement);
            }
            _ => return self.refuse_value(Construct::PrivateName, update.span),
        }
        if let Some(old) = old {
            self.emit(Instruction::Pop);
            self.emit(Instruction::GetSlot(old));
        }
    }

    /// `value → value ± 1`
    fn step(&mut self, update: &UpdateExpression<'a>, step: Instruction, old: Option<u16>) {
        self.place(update.span);
        if let Some(old) = old {
            self.emit(Instruction::ToNumber);
            self.emit(Instruction::TeeSlot(old));
        }
        self.emit(step);
    }
}

fn step_instruction(operator: UpdateOperator) -> Instruction {
    match operator {
        UpdateOperator::Increment => Instruction::Increment,
        UpdateOperator::Decrement => Instruction::Decrement,
    }
}
