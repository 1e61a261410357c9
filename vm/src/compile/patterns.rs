//! Destructuring: patterns of declarations and parameters, and targets of assignments.
//!
//! Before: `statements`, `functions`, `assignments`. Guarantees: as ECMAScript: defaults apply to
//! `undefined` alone and are evaluated when needed; the rest of an object leaves out the keys before.

use oxc_ast::ast::{
    ArrayAssignmentTarget, ArrayPattern, AssignmentTarget, AssignmentTargetMaybeDefault,
    AssignmentTargetProperty, BindingPattern, Expression, ObjectAssignmentTarget, ObjectPattern,
    PropertyKey,
};
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::literals::Key;
use super::refusals::Construct;
use crate::bytecode::Instruction;

impl<'a> Compiler<'a> {
    /// `value →` into the variables of a declared pattern.
    pub(super) fn bind(&mut self, pattern: &BindingPattern<'a>) {
        match pattern {
            BindingPattern::BindingIdentifier(identifier) => {
                self.initialise(identifier.symbol_id.get());
            }
            BindingPattern::AssignmentPattern(assignment) => {
                let name = assignment.left.get_identifier_name();
                self.default_value(
                    &assignment.right,
                    name.as_ref().map_or("", |name| name.as_str()),
                );
                self.bind(&assignment.left);
            }
            BindingPattern::ObjectPattern(object) => {
                self.with_slots(|compiler| compiler.bind_object(object));
            }
            BindingPattern::ArrayPattern(array) => {
                self.with_slots(|compiler| compiler.bind_array(array));
            }
        }
    }

    /// `value → value`, or the default where it is `undefined`.
    pub(super) fn default_value(&mut self, default: &Expression<'a>, name: &str) {
        let given = self.jump(Instruction::JumpIfDefinedKeep);
        self.named_expression(default, name);
        self.land(given);
    }

    fn bind_object(&mut self, object: &ObjectPattern<'a>) {
        self.place(object.span);
        self.emit(Instruction::RequireObject);
        let source = self.new_slot();
        self.emit(Instruction::SetSlot(source));
        let mut taken = Taken::new(object.rest.is_some());
        for property in &object.properties {
            self.take_property(&property.key, property.computed, source, &mut taken);
            self.bind(&property.value);
        }
        if let Some(rest) = &object.rest {
            self.place(rest.span);
            self.rest_of_object(source, &taken);
            self.bind(&rest.argument);
        }
    }

    /// `→ value` of a property of the source.
    fn take_property(
        &mut self,
        key: &PropertyKey<'a>,
        computed: bool,
        source: u16,
        taken: &mut Taken,
    ) {
        match self.property_key(key, computed) {
            Key::Plain(plain) => {
                let constant = self.key_of(plain.clone());
                taken.add(|| TakenKey::Plain(plain));
                self.place(key.span());
                self.emit(Instruction::GetSlot(source));
                self.emit(Instruction::GetProperty(constant));
            }
            Key::Computed(expression) => {
                self.expression(expression);
                self.place(key.span());
                self.emit(Instruction::ToPropertyKey);
                let slot = self.new_slot();
                self.emit(Instruction::SetSlot(slot));
                taken.add(|| TakenKey::Slot(slot));
                self.emit(Instruction::GetSlot(source));
                self.emit(Instruction::GetSlot(slot));
                self.emit(Instruction::GetElement);
            }
        }
    }

    /// `→ object` with what was not taken.
    fn rest_of_object(&mut self, source: u16, taken: &Taken) {
        self.emit(Instruction::GetSlot(source));
        for key in &taken.keys {
            match key {
                TakenKey::Plain(text) => self.emit_text(text.clone()),
                TakenKey::Slot(slot) => {
                    self.emit(Instruction::GetSlot(*slot));
                }
            }
        }
        self.emit(Instruction::ObjectRest(taken.keys.len() as u16));
    }

    fn bind_array(&mut self, array: &ArrayPattern<'a>) {
        let iterator = self.start_iteration(array.span);
        for element in &array.elements {
            self.place(array.span);
            self.emit(Instruction::IterateNextOrUndefined(iterator));
            match element {
                Some(element) => self.bind(element),
                None => {
                    self.emit(Instruction::Pop);
                }
            }
        }
        if let Some(rest) = &array.rest {
            self.place(rest.span);
            self.emit(Instruction::IterateRest(iterator));
            self.bind(&rest.argument);
        }
    }

    /// `iterable →`, and an iterator over it in a new slot.
    pub(super) fn start_iteration(&mut self, span: oxc_span::Span) -> u16 {
        self.place(span);
        self.emit(Instruction::Iterate);
        let iterator = self.new_slot();
        self.emit(Instruction::SetSlot(iterator));
        iterator
    }

    /// `value →` into the target of an assignment.
    pub(super) fn assign_target(&mut self, target: &AssignmentTarget<'a>) {
        match target {
            AssignmentTarget::AssignmentTargetIdentifier(identifier) => self.write(identifier),
            AssignmentTarget::StaticMemberExpression(member) => {
                self.expression(&member.object);
                self.emit(Instruction::Swap);
                let key = self.key(&member.property.name);
                self.place(member.span);
                self.emit(Instruction::SetProperty(key));
                self.emit(Instruction::Pop);
            }
            AssignmentTarget::ComputedMemberExpression(member) => self.with_slots(|compiler| {
                let value = compiler.new_slot();
                compiler.emit(Instruction::SetSlot(value));
                compiler.expression(&member.object);
                compiler.expression(&member.expression);
                compiler.emit(Instruction::GetSlot(value));
                compiler.place(member.span);
                compiler.emit(Instruction::SetElement);
                compiler.emit(Instruction::Pop);
            }),
            AssignmentTarget::ArrayAssignmentTarget(array) => {
                self.with_slots(|compiler| compiler.assign_array(array));
            }
            AssignmentTarget::ObjectAssignmentTarget(object) => {
                self.with_slots(|compiler| compiler.assign_object(object));
            }
            other => {
                self.refuse(Construct::PrivateName, other.span());
                self.emit(Instruction::Pop);
            }
        }
    }

    fn assign_array(&mut self, array: &ArrayAssignmentTarget<'a>) {
        let iterator = self.start_iteration(array.span);
        for element in &array.elements {
            self.place(array.span);
            self.emit(Instruction::IterateNextOrUndefined(iterator));
            match element {
                Some(element) => self.assign_maybe_default(element),
                None => {
                    self.emit(Instruction::Pop);
                }
            }
        }
        if let Some(rest) = &array.rest {
            self.place(rest.span);
            self.emit(Instruction::IterateRest(iterator));
            self.assign_target(&rest.target);
        }
    }

    fn assign_object(&mut self, object: &ObjectAssignmentTarget<'a>) {
        self.place(object.span);
        self.emit(Instruction::RequireObject);
        let source = self.new_slot();
        self.emit(Instruction::SetSlot(source));
        let mut taken = Taken::new(object.rest.is_some());
        for property in &object.properties {
            match property {
                AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(property) => {
                    let name = property.binding.name.as_str();
                    let key = self.key(name);
                    taken.add(|| TakenKey::Plain(name.into()));
                    self.place(property.span);
                    self.emit(Instruction::GetSlot(source));
                    self.emit(Instruction::GetProperty(key));
                    if let Some(default) = &property.init {
                        self.default_value(default, name);
                    }
                    self.write(&property.binding);
                }
                AssignmentTargetProperty::AssignmentTargetPropertyProperty(property) => {
                    self.take_property(&property.name, property.computed, source, &mut taken);
                    self.assign_maybe_default(&property.binding);
                }
            }
        }
        if let Some(rest) = &object.rest {
            self.place(rest.span);
            self.rest_of_object(source, &taken);
            self.assign_target(&rest.target);
        }
    }

    fn assign_maybe_default(&mut self, target: &AssignmentTargetMaybeDefault<'a>) {
        match target {
            AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(with_default) => {
                self.default_value(&with_default.init, "");
                self.assign_target(&with_default.binding);
            }
            other => match other.as_assignment_target() {
                Some(target) => self.assign_target(target),
                None => {
                    self.emit(Instruction::Pop);
                }
            },
        }
    }
}

/// Keys that a pattern took, for the rest behind them.
struct Taken {
    wanted: bool,
    keys: Vec<TakenKey>,
}

enum TakenKey {
    Plain(crate::text::Text),
    Slot(u16),
}

impl Taken {
    fn new(wanted: bool) -> Taken {
        Taken {
            wanted,
            keys: Vec::new(),
        }
    }

    fn add(&mut self, key: impl FnOnce() -> TakenKey) {
        if self.wanted {
            self.keys.push(key());
        }
    }
}
