//! `try`, `catch`, `finally`.
//!
//! Before: `statements`. After: `jumps`, which leads every way out through `finally`.
//! Guarantees: `finally` runs once on each way (end, throw, `return`, `break`, `continue`), and its
//! own jump wins. A limit can not be caught.

use oxc_ast::ast::{BindingPattern, BlockStatement, CatchClause, TryStatement};

use super::compiler::Compiler;
use super::jumps::{Context, Exit, Finally};
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl<'a> Compiler<'a> {
    pub(super) fn try_statement(&mut self, try_statement: &TryStatement<'a>) {
        match (&try_statement.handler, &try_statement.finalizer) {
            (Some(handler), None) => self.try_catch(&try_statement.block, handler),
            (handler, Some(finalizer)) => {
                let span = try_statement.span.into();
                self.with_slots(|compiler| {
                    compiler.try_finally(&try_statement.block, handler.as_deref(), finalizer, span);
                });
            }
            (None, None) => self.block(&try_statement.block),
        }
    }

    fn try_catch(&mut self, block: &BlockStatement<'a>, handler: &CatchClause<'a>) {
        let to_catch = self.jump(Instruction::PushHandler);
        self.current().contexts.push(Context::Handler);
        self.block(block);
        self.current().contexts.pop();
        self.emit(Instruction::PopHandler);
        let end = self.jump(Instruction::Jump);
        self.land(to_catch);
        self.scoped(handler.scope_id.get(), |compiler| {
            // The parameter may belong to the scope of the clause or to that of its body.
            compiler.enter_scope(handler.body.scope_id.get());
            match &handler.param {
                Some(parameter) => {
                    compiler.refuse_shared(&parameter.pattern);
                    compiler.bind(&parameter.pattern);
                }
                None => {
                    compiler.emit(Instruction::Pop);
                }
            }
            compiler.statements(&handler.body.body);
        });
        self.land(end);
    }

    /// Refuses a `var` inside the clause with the name of its parameter: the scopes know one variable, the standard
    /// two.
    fn refuse_shared(&mut self, parameter: &BindingPattern<'a>) {
        for identifier in parameter.get_binding_identifiers() {
            let Some(symbol) = identifier.symbol_id.get() else {
                continue;
            };
            if self.variables.is_declared_again(symbol) {
                let name = &identifier.name;
                let what = format!(
                    "a `var` with the name of the error of its `catch`, `{name}`, is not part of the language"
                );
                let diagnostic = Diagnostic::error(codes::REFUSED, identifier.span.into(), what);
                self.report(diagnostic.with_hint("give one of the two another name"));
            }
        }
    }

    fn try_finally(
        &mut self,
        block: &BlockStatement<'a>,
        handler: Option<&CatchClause<'a>>,
        finalizer: &BlockStatement<'a>,
        span: Span,
    ) {
        let (kind, value) = (self.new_slot(), self.new_slot());
        let to_throw = self.jump(Instruction::PushHandler);
        let finally = Finally {
            kind,
            value,
            exits: Vec::new(),
            jumps: Vec::new(),
        };
        self.current().contexts.push(Context::Finally(finally));
        match handler {
            Some(handler) => self.try_catch(block, handler),
            None => self.block(block),
        }
        let finally = match self.current().contexts.pop() {
            Some(Context::Finally(finally)) => finally,
            _ => return,
        };
        self.emit(Instruction::PopHandler);
        self.emit(Instruction::Integer(0));
        self.emit(Instruction::SetSlot(kind));
        let ended = self.jump(Instruction::Jump);
        self.land(to_throw);
        self.emit(Instruction::SetSlot(value));
        self.emit(Instruction::Integer(1));
        self.emit(Instruction::SetSlot(kind));
        self.land(ended);
        self.land_all(&finally.jumps);
        self.block(finalizer);
        self.go_on(1, kind, |compiler| {
            compiler.emit(Instruction::GetSlot(value));
            compiler.emit(Instruction::Throw);
        });
        for (at, exit) in finally.exits.into_iter().enumerate() {
            self.go_on(at as i32 + 2, kind, |compiler| {
                if exit == Exit::Return {
                    compiler.emit(Instruction::GetSlot(value));
                }
                compiler.exit(&exit, span);
            });
        }
    }

    /// Behind the `finally` block: what follows where the blocks ended in one way.
    fn go_on(&mut self, number: i32, kind: u16, then: impl FnOnce(&mut Self)) {
        self.emit(Instruction::GetSlot(kind));
        self.emit(Instruction::Integer(number));
        self.emit(Instruction::StrictEqual);
        let other = self.jump(Instruction::JumpIfFalse);
        then(self);
        self.land(other);
    }
}
