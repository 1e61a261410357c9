//! The state of compiling one file, and the small steps that all of it is made of.
//!
//! Before: `parse`, with what the files before have left in `linked`. After: the files for expressions, statements and patterns, which emit through it.
//! Guarantees: tables hold each entry once; indices fit their instructions, or the program is
//! refused; each instruction knows its place in the source.

use std::collections::BTreeMap;

use oxc_ast::ast::Program;
use oxc_semantic::{ScopeId, SymbolId};

use super::Names;
use super::exports::Exports;
use super::jumps::Context;
use super::linked::Linked;
use super::variables::Variables;
use crate::bytecode::{Function, Instruction};
use crate::codes;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::limits::{BuildLimit, BuildLimits};
use crate::source::{Source, Span};
use crate::text::Text;

/// The state of compiling one file.
pub(super) struct Compiler<'a> {
    pub(super) names: &'a dyn Names,
    pub(super) limits: &'a BuildLimits,
    pub(super) variables: &'a Variables<'a>,
    /// The file: its number, and whether it is the one that the user named.
    pub(super) file: File<'a>,
    /// What all files share.
    pub(super) linked: Linked,
    /// Functions that are being compiled, the innermost last.
    pub(super) open: Vec<OpenFunction>,
    /// Names of the language that were imported under another name.
    pub(super) imports: BTreeMap<SymbolId, String>,
    /// Imported names that stand for all exports of a file.
    pub(super) namespaces: BTreeMap<SymbolId, usize>,
    /// What this file exports.
    pub(super) exports: Exports,
}

/// The file that is being compiled.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) index: usize,
    pub(super) source: &'a Source,
    /// The files that its specifiers lead to.
    pub(super) imports: &'a BTreeMap<String, usize>,
}

/// A function that is being compiled.
pub(super) struct OpenFunction {
    pub(super) function: Function,
    pub(super) scope: ScopeId,
    next_slot: u32,
    /// Slot of each variable, and whether it holds a cell.
    pub(super) slots: BTreeMap<SymbolId, (u16, bool)>,
    pub(super) captured: BTreeMap<SymbolId, u16>,
    /// Loops, labels and `try` blocks around the current place, the innermost last.
    pub(super) contexts: Vec<Context>,
    place: Span,
    /// The last instruction that something jumps to: it must stay where it is.
    landing: usize,
}

impl OpenFunction {
    pub(super) fn new(function: Function, scope: ScopeId) -> OpenFunction {
        let place = function.span;
        OpenFunction {
            function,
            scope,
            next_slot: 0,
            slots: BTreeMap::new(),
            captured: BTreeMap::new(),
            contexts: Vec::new(),
            place,
            landing: 0,
        }
    }
}

impl OpenFunction {
    /// Goes on with another file, which sees nothing of the variables before.
    pub(super) fn begin_file(&mut self, scope: ScopeId, span: Span) {
        self.scope = scope;
        self.slots.clear();
        self.captured.clear();
        self.place = span;
        self.function.span = span;
    }

    /// Takes back instructions that make one with the next, where nothing jumps between them.
    fn fuse(&mut self, next: Instruction) -> Instruction {
        let instructions = &self.function.instructions;
        let free = instructions.len().saturating_sub(self.landing);
        let fused = match (instructions.as_slice(), next) {
            ([.., Instruction::GetSlot(slot)], Instruction::GetProperty(key)) if free >= 1 => {
                Some((1, Instruction::GetSlotProperty { slot: *slot, key }))
            }
            ([.., Instruction::Integer(number)], Instruction::Add) if free >= 1 => {
                Some((1, Instruction::AddInteger(*number)))
            }
            (
                [.., Instruction::GetSlot(from), Instruction::Increment],
                Instruction::SetSlot(to),
            ) if *from == to && free >= 2 => Some((2, Instruction::IncrementSlot(to))),
            _ => None,
        };
        let Some((taken, fused)) = fused else {
            return next;
        };
        let kept = instructions.len() - taken;
        self.function.instructions.truncate(kept);
        while self
            .function
            .places
            .last()
            .is_some_and(|(from, _)| *from as usize >= kept)
        {
            self.function.places.pop();
        }
        fused
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        file: File<'a>,
        names: &'a dyn Names,
        limits: &'a BuildLimits,
        variables: &'a Variables<'a>,
        linked: Linked,
    ) -> Compiler<'a> {
        Compiler {
            names,
            limits,
            variables,
            file,
            linked,
            open: Vec::new(),
            imports: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            exports: Exports::default(),
        }
    }

    /// Compiles the file behind those before.
    pub(super) fn compile(mut self, program: &Program<'a>) -> Linked {
        self.module(program);
        self.linked.finished.insert(self.file.index, self.exports);
        self.linked
    }

    pub(super) fn current(&mut self) -> &mut OpenFunction {
        self.open
            .last_mut()
            .expect("something is compiled only inside a function")
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.linked.report(diagnostic);
    }

    /// From here on instructions belong to this place.
    pub(super) fn place(&mut self, span: oxc_span::Span) {
        self.current().place = span.into();
    }

    pub(super) fn emit(&mut self, instruction: Instruction) -> usize {
        self.linked.instructions += 1;
        if self.linked.instructions == self.limits.program_instructions as usize + 1 {
            let message = BuildLimit::ProgramInstructions.message(self.limits);
            let place = self.current().place;
            self.report(Diagnostic::error(codes::LIMIT_PROGRAM, place, message));
        }
        let open = self.current();
        let instruction = open.fuse(instruction);
        let at = open.function.instructions.len();
        if open.function.places.last().map(|(_, span)| *span) != Some(open.place) {
            let place = open.place;
            open.function.places.push((at as u32, place));
        }
        open.function.instructions.push(instruction);
        at
    }

    /// The place of the next instruction, for a jump to it.
    pub(super) fn here(&mut self) -> u32 {
        let open = self.current();
        open.landing = open.function.instructions.len();
        open.landing as u32
    }

    /// Emits a jump whose target `land` sets.
    pub(super) fn jump(&mut self, make: fn(u32) -> Instruction) -> usize {
        self.emit(make(u32::MAX))
    }

    /// Lets a jump go to the next instruction.
    pub(super) fn land(&mut self, jump: usize) {
        let here = self.here();
        if let Some(instruction) = self.current().function.instructions.get_mut(jump) {
            instruction.set_target(here);
        }
    }

    pub(super) fn land_all(&mut self, jumps: &[usize]) {
        jumps.iter().for_each(|jump| self.land(*jump));
    }

    pub(super) fn new_slot(&mut self) -> u16 {
        let open = self.current();
        let slot = open.next_slot;
        open.next_slot += 1;
        open.function.slots = open
            .function
            .slots
            .max(open.next_slot.min(u32::from(u16::MAX)) as u16);
        if open.next_slot == u32::from(u16::MAX) {
            let span = open.function.span;
            self.report(Diagnostic::error(
                codes::LIMIT_PROGRAM,
                span,
                "the function has too many variables",
            ));
        }
        slot as u16
    }

    /// Runs with slots that are free again afterwards.
    pub(super) fn with_slots<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.current().next_slot;
        let result = run(self);
        self.current().next_slot = before;
        result
    }

    pub(super) fn key(&mut self, text: &str) -> u32 {
        self.key_of(Text::from(text))
    }

    pub(super) fn key_of(&mut self, key: Text) -> u32 {
        self.linked.key(key)
    }

    pub(super) fn constant(&mut self, data: Data) -> u32 {
        self.linked.constant(data)
    }

    pub(super) fn emit_text(&mut self, text: Text) {
        let constant = self.constant(Data::Text(text));
        self.emit(Instruction::Constant(constant));
    }

    pub(super) fn emit_number(&mut self, number: f64) {
        let whole = number as i32;
        if f64::from(whole) == number && (number != 0.0 || number.is_sign_positive()) {
            self.emit(Instruction::Integer(whole));
        } else {
            let constant = self.constant(Data::from(number));
            self.emit(Instruction::Constant(constant));
        }
    }

    pub(super) fn native(&mut self, name: &str) -> u32 {
        self.linked.native(name)
    }

    pub(super) fn ambient(&mut self, name: &str) -> u32 {
        self.linked.ambient(name)
    }
}
