//! Loops: `while`, `do`, `for`, `for…in`, `for…of`.
//!
//! Before: `statements`. Guarantees: each round of a `for` has its own `let` variables where closures
//! capture them; iterators live in slots, so that leaving a loop needs no clean-up.

use oxc_ast::ast::{
    DoWhileStatement, Expression, ForInStatement, ForOfStatement, ForStatement, ForStatementInit,
    ForStatementLeft, Statement, VariableDeclaration, WhileStatement,
};
use oxc_semantic::ScopeId;
use oxc_span::GetSpan;

use super::compiler::Compiler;
use super::jumps::Context;
use super::refusals::Construct;
use crate::bytecode::Instruction;

impl<'a> Compiler<'a> {
    fn open_loop(&mut self, labels: Vec<String>) {
        self.current().contexts.push(Context::Loop {
            labels,
            breaks: Vec::new(),
            continues: Vec::new(),
        });
    }

    fn close_loop(&mut self) {
        let (breaks, _) = self.close_context();
        self.land_all(&breaks);
    }

    fn jump_back(&mut self, to: u32) {
        self.emit(Instruction::Jump(to));
    }

    pub(super) fn while_loop(&mut self, while_loop: &WhileStatement<'a>, labels: Vec<String>) {
        self.open_loop(labels);
        let start = self.here();
        self.expression(&while_loop.test);
        self.place(while_loop.test.span());
        let end = self.jump(Instruction::JumpIfFalse);
        self.statement(&while_loop.body);
        self.land_continues();
        self.jump_back(start);
        self.land(end);
        self.close_loop();
    }

    pub(super) fn do_while_loop(&mut self, do_while: &DoWhileStatement<'a>, labels: Vec<String>) {
        self.open_loop(labels);
        let start = self.here();
        self.statement(&do_while.body);
        self.land_continues();
        self.expression(&do_while.test);
        self.place(do_while.test.span());
        self.emit(Instruction::JumpIfTrue(start));
        self.close_loop();
    }

    pub(super) fn for_loop(&mut self, for_loop: &ForStatement<'a>, labels: Vec<String>) {
        self.scoped(for_loop.scope_id.get(), |compiler| {
            let mut renewed = Vec::new();
            match &for_loop.init {
                Some(ForStatementInit::VariableDeclaration(declaration)) => {
                    compiler.variable_declaration(declaration);
                    renewed = compiler.cells_of(declaration);
                }
                Some(init) => {
                    if let Some(expression) = init.as_expression() {
                        compiler.discarded(expression);
                    }
                }
                None => {}
            }
            // What the head's own closures see stays as it is before the first round.
            for slot in &renewed {
                compiler.emit(Instruction::RenewCell(*slot));
            }
            compiler.open_loop(labels);
            let start = compiler.here();
            let end = for_loop.test.as_ref().map(|test| {
                compiler.expression(test);
                compiler.place(test.span());
                compiler.jump(Instruction::JumpIfFalse)
            });
            compiler.statement(&for_loop.body);
            compiler.land_continues();
            for slot in renewed {
                compiler.emit(Instruction::RenewCell(slot));
            }
            if let Some(update) = &for_loop.update {
                compiler.discarded(update);
            }
            compiler.jump_back(start);
            if let Some(end) = end {
                compiler.land(end);
            }
            compiler.close_loop();
        });
    }

    /// The slots of declared `let` variables that are in cells.
    fn cells_of(&mut self, declaration: &VariableDeclaration<'a>) -> Vec<u16> {
        if declaration.kind.is_var() {
            return Vec::new();
        }
        let mut cells = Vec::new();
        for declarator in &declaration.declarations {
            for identifier in declarator.id.get_binding_identifiers() {
                let symbol = identifier.symbol_id.get();
                if let Some((slot, true)) =
                    symbol.and_then(|symbol| self.current().slots.get(&symbol).copied())
                {
                    cells.push(slot);
                }
            }
        }
        cells
    }

    pub(super) fn for_of_loop(&mut self, for_of: &ForOfStatement<'a>, labels: Vec<String>) {
        if for_of.r#await {
            self.refuse(Construct::ForAwait, for_of.span);
        }
        let parts = IterationParts {
            left: &for_of.left,
            right: &for_of.right,
            body: &for_of.body,
            scope: for_of.scope_id.get(),
        };
        self.iteration_loop(&parts, Instruction::Iterate, labels);
    }

    pub(super) fn for_in_loop(&mut self, for_in: &ForInStatement<'a>, labels: Vec<String>) {
        let parts = IterationParts {
            left: &for_in.left,
            right: &for_in.right,
            body: &for_in.body,
            scope: for_in.scope_id.get(),
        };
        self.iteration_loop(&parts, Instruction::IterateKeys, labels);
    }

    fn iteration_loop(
        &mut self,
        parts: &IterationParts<'_, 'a>,
        iterate: Instruction,
        labels: Vec<String>,
    ) {
        self.with_slots(|compiler| {
            // The variables of the loop are declared, but not usable, while the iterable is computed.
            compiler.with_slots(|compiler| {
                compiler.enter_scope(parts.scope);
                compiler.expression(parts.right);
                compiler.forget_scope(parts.scope);
            });
            compiler.place(parts.right.span());
            compiler.emit(iterate);
            let iterator = compiler.new_slot();
            compiler.emit(Instruction::SetSlot(iterator));
            compiler.open_loop(labels);
            let start = compiler.here();
            compiler.place(parts.left.span());
            let end = compiler.emit(Instruction::IterateNext {
                slot: iterator,
                target: u32::MAX,
            });
            compiler.scoped(parts.scope, |compiler| {
                compiler.bind_left(parts.left);
                compiler.statement(parts.body);
            });
            compiler.land_continues();
            compiler.jump_back(start);
            compiler.land(end);
            compiler.close_loop();
        });
    }

    /// Lets a scope that was entered be entered again.
    fn forget_scope(&mut self, scope: Option<ScopeId>) {
        let Some(scope) = scope else { return };
        let scoping = self.variables.semantic.scoping();
        for symbol in scoping.get_bindings(scope).values() {
            self.open.last_mut().map(|open| open.slots.remove(symbol));
        }
    }

    /// `value →` into the variable or target of the loop.
    fn bind_left(&mut self, left: &ForStatementLeft<'a>) {
        match left {
            ForStatementLeft::VariableDeclaration(declaration) => {
                if let Some(declarator) = declaration.declarations.first() {
                    self.bind(&declarator.id);
                }
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

struct IterationParts<'e, 'a> {
    left: &'e ForStatementLeft<'a>,
    right: &'e Expression<'a>,
    body: &'e Statement<'a>,
    scope: Option<ScopeId>,
}
