//! `switch`.
//!
//! Before: `statements`. Guarantees: cases are compared with `===` in the order of the text; one
//! scope for all of them; falling through works, `default` may stand anywhere.

use oxc_ast::ast::SwitchStatement;
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::jumps::Context;
use crate::bytecode::Instruction;

impl<'a> Compiler<'a> {
    pub(super) fn switch(&mut self, switch: &SwitchStatement<'a>, labels: Vec<String>) {
        self.expression(&switch.discriminant);
        self.with_slots(|compiler| {
            let value = compiler.new_slot();
            compiler.emit(Instruction::SetSlot(value));
            compiler.scoped(switch.scope_id.get(), |compiler| {
                compiler.cases(switch, labels, value);
            });
        });
    }

    fn cases(&mut self, switch: &SwitchStatement<'a>, labels: Vec<String>, value: u16) {
        self.current().contexts.push(Context::Switch {
            labels,
            breaks: Vec::new(),
        });
        for case in &switch.cases {
            self.hoist_functions(&case.consequent);
        }
        let mut entries: Vec<Option<usize>> = Vec::new();
        for case in &switch.cases {
            let entry = case.test.as_ref().map(|test| {
                self.emit(Instruction::GetSlot(value));
                self.expression(test);
                self.place(test.span());
                self.emit(Instruction::StrictEqual);
                self.jump(Instruction::JumpIfTrue)
            });
            entries.push(entry);
        }
        let otherwise = self.jump(Instruction::Jump);
        let mut has_default = false;
        for (case, entry) in switch.cases.iter().zip(entries) {
            match entry {
                Some(entry) => self.land(entry),
                None => {
                    has_default = true;
                    self.land(otherwise);
                }
            }
            case.consequent
                .iter()
                .for_each(|statement| self.statement(statement));
        }
        if !has_default {
            self.land(otherwise);
        }
        let (breaks, _) = self.close_context();
        self.land_all(&breaks);
    }
}
