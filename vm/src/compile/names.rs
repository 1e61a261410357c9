//! Names: reading and writing variables, declaring them, and what free identifiers mean.
//!
//! Before: `variables`, which says how each is kept. After: instructions of variables.
//! Guarantees: a free identifier is a name of the language, a global, an address or the handle
//! shorthand, else an error with a guess; constants are never assigned.

use oxc_ast::ast::IdentifierReference;
use oxc_semantic::{ScopeId, SymbolFlags, SymbolId};

use super::compiler::Compiler;
use crate::bytecode::{CaptureSource, Instruction};
use crate::codes;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Where a variable is, seen from the function that is being compiled.
#[derive(Clone, Copy, Debug)]
enum Location {
    Slot(u16),
    Cell(u16),
    Capture(u16),
}

impl<'a> Compiler<'a> {
    /// The symbol that an identifier is resolved to.
    pub(super) fn symbol_of(&self, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
        let reference = identifier.reference_id.get()?;
        let scoping = self.variables.semantic.scoping();
        let symbol = scoping.get_reference(reference).symbol_id();
        // `declare const X: …` says of what type a name is that stands elsewhere.
        symbol.filter(|symbol| !self.variables.flags(*symbol).contains(SymbolFlags::Ambient))
    }

    /// `→ value`
    pub(super) fn read(&mut self, identifier: &IdentifierReference<'_>) {
        self.place(identifier.span);
        match self.symbol_of(identifier) {
            Some(symbol) => self.read_symbol(symbol, identifier.span.start),
            None => self.read_free(identifier.name.as_str(), identifier.span.into()),
        }
    }

    pub(super) fn read_symbol(&mut self, symbol: SymbolId, offset: u32) {
        if let Some(ambient) = self.imports.get(&symbol).cloned() {
            return self.read_free(&ambient, Span::new(offset, offset + ambient.len() as u32));
        }
        if self.namespaces.contains_key(&symbol) && !self.open[0].slots.contains_key(&symbol) {
            return self.refuse_namespace_write(symbol, offset);
        }
        let name = self.key(self.variables.name(symbol));
        let checked = self.variables.needs_check(symbol, offset);
        let early = self.variables.is_early_parameter(symbol, offset);
        let instruction = match self.locate(symbol, offset) {
            Some(Location::Slot(_) | Location::Cell(_)) if early => {
                let slot = self.new_slot();
                self.emit(Instruction::ClearSlot(slot));
                Instruction::GetSlotChecked { slot, name }
            }
            Some(Location::Slot(slot)) if checked => Instruction::GetSlotChecked { slot, name },
            Some(Location::Slot(slot)) => Instruction::GetSlot(slot),
            Some(Location::Cell(slot)) => Instruction::GetCell { slot, name },
            Some(Location::Capture(capture)) => Instruction::GetCapture { capture, name },
            None => Instruction::Undefined,
        };
        self.emit(instruction);
    }

    /// Only a write leads here: reads of members never ask for the namespace itself.
    fn refuse_namespace_write(&mut self, symbol: SymbolId, offset: u32) {
        let name = self.variables.name(symbol);
        let span = Span::new(offset, offset + name.len() as u32);
        let message = format!("what `{name}` stands for cannot be changed from another file");
        let diagnostic = Diagnostic::error(codes::CONSTANT_ASSIGNED, span, message);
        self.report(diagnostic.with_hint("export a function from that file, and call it here"));
        self.emit(Instruction::Undefined);
    }

    /// `→ value` of a slot of function 0 that belongs to another file.
    pub(super) fn read_root_slot(&mut self, slot: u16, cell: bool, name: &str, span: Span) {
        // No symbol of this file stands for it: it gets one behind those that there are.
        let known = self.variables.semantic.scoping().symbols_len();
        let symbol = SymbolId::from_usize(known + usize::from(slot));
        if let Some(root) = self.open.first_mut() {
            root.slots.insert(symbol, (slot, cell));
        }
        let name = self.key(name);
        let instruction = match self.locate(symbol, span.start) {
            Some(Location::Slot(slot)) => Instruction::GetSlot(slot),
            Some(Location::Cell(slot)) => Instruction::GetCell { slot, name },
            Some(Location::Capture(capture)) => Instruction::GetCapture { capture, name },
            None => Instruction::Undefined,
        };
        self.emit(instruction);
    }

    /// `value →`
    pub(super) fn write(&mut self, identifier: &IdentifierReference<'_>) {
        let span: Span = identifier.span.into();
        let Some(symbol) = self.symbol_of(identifier) else {
            let name = identifier.name.as_str();
            let message = format!("`{name}` is not declared, so it cannot be assigned");
            let diagnostic = Diagnostic::error(codes::UNKNOWN_NAME, span, message);
            self.report(diagnostic.with_hint(format!("declare it with `let {name}`")));
            return;
        };
        let flags = self.variables.flags(symbol);
        let fixed = SymbolFlags::ConstVariable | SymbolFlags::Import | SymbolFlags::Enum;
        if flags.intersects(fixed) || flags.contains(SymbolFlags::FunctionExpression) {
            let name = self.variables.name(symbol).to_owned();
            let declared = self.variables.semantic.scoping().symbol_span(symbol);
            let diagnostic = Diagnostic::error(
                codes::CONSTANT_ASSIGNED,
                span,
                format!("`{name}` is a constant"),
            );
            let diagnostic = diagnostic
                .with_label("assigned here")
                .with_related(declared.into(), "declared here");
            let hint = if flags.contains(SymbolFlags::Import) {
                "only its own file can change it: export a function from there, and call it here"
                    .to_owned()
            } else {
                format!("declare it with `let {name}`")
            };
            self.report(diagnostic.with_hint(hint));
            return;
        }
        let name = self.key(identifier.name.as_str());
        let checked = self.variables.needs_check(symbol, span.start);
        let instruction = match self.locate(symbol, span.start) {
            Some(Location::Slot(slot)) if checked => Instruction::SetSlotChecked { slot, name },
            Some(Location::Slot(slot)) => Instruction::SetSlot(slot),
            Some(Location::Cell(slot)) => Instruction::SetCell { slot, name },
            Some(Location::Capture(capture)) => {
                self.note_assigned(symbol, span);
                Instruction::SetCapture { capture, name }
            }
            None => Instruction::Pop,
        };
        self.emit(instruction);
    }

    /// Records in every function between here and the variable that it is assigned.
    fn note_assigned(&mut self, symbol: SymbolId, span: Span) {
        for open in &mut self.open {
            if let Some(capture) = open.captured.get(&symbol) {
                open.function.assigned_captures.push((*capture, span));
            }
        }
    }

    fn locate(&mut self, symbol: SymbolId, offset: u32) -> Option<Location> {
        let innermost = self.open.len() - 1;
        let owner = (0..=innermost)
            .rev()
            .find(|at| self.open[*at].slots.contains_key(&symbol));
        let Some(owner) = owner else {
            let name = self.variables.name(symbol).to_owned();
            let span = Span::new(offset, offset + name.len() as u32);
            let message = format!("`{name}` is a type here, not a value");
            self.report(Diagnostic::error(codes::UNKNOWN_NAME, span, message));
            return None;
        };
        let (slot, is_cell) = self.open[owner].slots[&symbol];
        if owner == innermost {
            return Some(if is_cell {
                Location::Cell(slot)
            } else {
                Location::Slot(slot)
            });
        }
        let mut source = CaptureSource::Slot(slot);
        for at in owner + 1..=innermost {
            let open = &mut self.open[at];
            let captures = &mut open.function.captures;
            let capture = *open.captured.entry(symbol).or_insert_with(|| {
                captures.push(source);
                captures.len() as u16 - 1
            });
            source = CaptureSource::Capture(capture);
        }
        match source {
            CaptureSource::Capture(capture) => Some(Location::Capture(capture)),
            CaptureSource::Slot(slot) => Some(Location::Slot(slot)),
        }
    }

    /// Gives the variables of a scope their slots and marks those that have no value yet.
    pub(super) fn enter_scope(&mut self, scope: Option<ScopeId>) {
        let Some(scope) = scope else { return };
        let variables = self.variables;
        let mut symbols: Vec<SymbolId> = variables
            .semantic
            .scoping()
            .get_bindings(scope)
            .values()
            .copied()
            .collect();
        symbols.sort_unstable();
        for symbol in symbols {
            let flags = variables.flags(symbol);
            let is_value =
                flags.intersects(SymbolFlags::Variable | SymbolFlags::Function | SymbolFlags::Enum);
            if !is_value
                || flags.contains(SymbolFlags::Ambient)
                || self.current().slots.contains_key(&symbol)
            {
                continue;
            }
            let slot = self.new_slot();
            let storage = variables.storage(symbol);
            self.current().slots.insert(symbol, (slot, storage.cell));
            let is_function = flags.contains(SymbolFlags::Function);
            match (storage.cell, storage.hoisted) {
                (true, true) if !is_function => {
                    self.emit(Instruction::MakeCell(slot));
                }
                (true, _) => {
                    self.emit(Instruction::ClearCell(slot));
                }
                (false, false) if storage.marked => {
                    self.emit(Instruction::ClearSlot(slot));
                }
                _ => {}
            }
        }
    }

    /// `value →` as the declaration of a variable.
    pub(super) fn initialise(&mut self, symbol: Option<SymbolId>) {
        let slot = symbol.and_then(|symbol| self.current().slots.get(&symbol).copied());
        let Some((slot, cell)) = slot else {
            self.emit(Instruction::Pop);
            return;
        };
        self.emit(if cell {
            Instruction::InitCell(slot)
        } else {
            Instruction::SetSlot(slot)
        });
    }

    /// `→ value` of a free identifier.
    pub(super) fn read_free(&mut self, name: &str, span: Span) {
        if self.names.is_ambient(name) {
            let ambient = self.ambient(name);
            self.emit(Instruction::Ambient(ambient));
        } else if self.read_global(name, span) {
            // Read, or refused by name.
        } else if name.starts_with(|first: char| first.is_uppercase()) {
            if !self
                .linked
                .names_used
                .iter()
                .any(|(known, _)| known == name)
            {
                self.linked.names_used.push((name.to_owned(), span));
            }
            let address = self.constant(Data::address(name));
            self.emit(Instruction::Constant(address));
        } else if name.len() > "Handle".len() && name.ends_with("Handle") {
            let key = self.key(name);
            self.emit(Instruction::Shorthand(key));
        } else {
            self.unknown_name(name, span);
            self.emit(Instruction::Undefined);
        }
    }

    fn unknown_name(&mut self, name: &str, span: Span) {
        if self.names.comes_later(name) {
            let message =
                format!("`{name}` belongs to the language, but this version does not have it yet");
            self.report(Diagnostic::error(codes::NOT_AVAILABLE, span, message));
            return;
        }
        let mut diagnostic = Diagnostic::error(
            codes::UNKNOWN_NAME,
            span,
            format!("`{name}` is not defined"),
        );
        let hint = self.names.hint(name).or_else(|| {
            let scoping = self.variables.semantic.scoping();
            let known = scoping
                .symbol_names()
                .chain(self.names.all().iter().copied());
            closest(name, known.chain(super::globals::NAMES.iter().copied()))
                .map(|guess| format!("did you mean `{guess}`?"))
        });
        if let Some(hint) = hint {
            diagnostic = diagnostic.with_hint(hint);
        }
        self.report(diagnostic);
    }
}

/// The candidate that a name was most likely meant to be.
#[must_use]
pub fn closest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let near = candidates.filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed);
    let measured = near.map(|candidate| (distance(name, candidate), candidate));
    let best = measured.min_by(|left, right| left.cmp(right))?;
    (best.0 <= allowed && best.1 != name).then_some(best.1)
}

/// How many letters must be changed, added, removed or swapped with the next (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let same = |row: usize, column: usize| left[row].eq_ignore_ascii_case(&right[column]);
    // The rows of the two letters before, and of this one.
    let mut rows = [
        vec![0; right.len() + 1],
        (0..=right.len()).collect(),
        Vec::new(),
    ];
    for row in 0..left.len() {
        let mut current = vec![row + 1];
        for column in 0..right.len() {
            let changed = rows[1][column] + usize::from(!same(row, column));
            let moved = rows[1][column + 1].min(current[column]) + 1;
            let is_swap = row > 0 && column > 0 && same(row, column - 1) && same(row - 1, column);
            let swapped = if is_swap {
                rows[0][column - 1] + 1
            } else {
                usize::MAX
            };
            current.push(changed.min(moved).min(swapped));
        }
        rows[2] = current;
        rows.rotate_left(1);
    }
    rows[1][right.len()]
}
