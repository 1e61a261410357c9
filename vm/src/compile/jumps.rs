//! `break`, `continue`, `return`, and what they leave on their way: handlers and `finally` blocks.
//!
//! Before: `statements`, `loops`, `switches`, `tries`. Guarantees: operands are never left on the
//! stack by a jump (iterators and the like live in slots); a `finally` runs exactly once on each way.

use super::compiler::Compiler;
use crate::bytecode::Instruction;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Something around the current place that a jump may go to or must leave.
#[derive(Debug)]
pub(super) enum Context {
    /// A loop: `break` and `continue` go here.
    Loop {
        labels: Vec<String>,
        breaks: Vec<usize>,
        continues: Vec<usize>,
    },
    /// A `switch`: `break` goes here.
    Switch {
        labels: Vec<String>,
        breaks: Vec<usize>,
    },
    /// A labelled statement that is neither: `break label` goes here.
    Labelled {
        labels: Vec<String>,
        breaks: Vec<usize>,
    },
    /// The block of a `try` with `catch`: leaving it takes its handler down.
    Handler,
    /// The blocks of a `try` with `finally`: leaving them goes through it.
    Finally(Finally),
}

/// The state of a `try … finally`.
#[derive(Debug)]
pub(super) struct Finally {
    /// Slot of how the blocks ended: 0 by themselves, 1 by a throw, else 2 + index of `exits`.
    pub(super) kind: u16,
    /// Slot of the thrown or returned value.
    pub(super) value: u16,
    pub(super) exits: Vec<Exit>,
    /// Jumps to the `finally` block.
    pub(super) jumps: Vec<usize>,
}

/// Where a jump leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Out of the loop, switch or label; `None` is the innermost loop or switch.
    Break(Option<String>),
    /// To the next round of the loop; `None` is the innermost.
    Continue(Option<String>),
    /// Out of the function, with the value on the stack.
    Return,
}

impl Context {
    fn takes(&self, exit: &Exit) -> bool {
        let has = |labels: &[String], wanted: &str| labels.iter().any(|label| label == wanted);
        match (self, exit) {
            (Context::Loop { .. }, Exit::Break(None) | Exit::Continue(None)) => true,
            (Context::Switch { .. }, Exit::Break(None)) => true,
            (
                Context::Loop { labels, .. },
                Exit::Break(Some(label)) | Exit::Continue(Some(label)),
            ) => has(labels, label),
            (
                Context::Switch { labels, .. } | Context::Labelled { labels, .. },
                Exit::Break(Some(label)),
            ) => has(labels, label),
            _ => false,
        }
    }
}

impl Compiler<'_> {
    /// Emits the way out. For `Return` the value is on the stack.
    pub(super) fn exit(&mut self, exit: &Exit, span: Span) {
        let mut at = self.current().contexts.len();
        while at > 0 {
            at -= 1;
            if self.current().contexts[at].takes(exit) {
                let jump = self.jump(Instruction::Jump);
                match (&mut self.current().contexts[at], exit) {
                    (Context::Loop { continues, .. }, Exit::Continue(_)) => continues.push(jump),
                    (
                        Context::Loop { breaks, .. }
                        | Context::Switch { breaks, .. }
                        | Context::Labelled { breaks, .. },
                        _,
                    ) => breaks.push(jump),
                    _ => {}
                }
                return;
            }
            let through = match &mut self.current().contexts[at] {
                Context::Handler => None,
                Context::Finally(finally) => {
                    let known = finally.exits.iter().position(|known| known == exit);
                    let index = known.unwrap_or_else(|| {
                        finally.exits.push(exit.clone());
                        finally.exits.len() - 1
                    });
                    Some((finally.kind, finally.value, index as i32 + 2))
                }
                _ => continue,
            };
            if let Some((kind, value, number)) = through {
                if *exit == Exit::Return {
                    self.emit(Instruction::SetSlot(value));
                }
                self.emit(Instruction::PopHandler);
                self.emit(Instruction::Integer(number));
                self.emit(Instruction::SetSlot(kind));
                let jump = self.jump(Instruction::Jump);
                if let Context::Finally(finally) = &mut self.current().contexts[at] {
                    finally.jumps.push(jump);
                }
                return;
            }
            self.emit(Instruction::PopHandler);
        }
        if *exit == Exit::Return {
            self.emit(Instruction::Return);
        } else {
            self.report(Diagnostic::error(
                codes::BAD_JUMP,
                span,
                "there is no loop or label here to jump to",
            ));
        }
    }

    /// Closes a context and gives its jumps to break and to continue.
    pub(super) fn close_context(&mut self) -> (Vec<usize>, Vec<usize>) {
        match self.current().contexts.pop() {
            Some(Context::Loop {
                breaks, continues, ..
            }) => (breaks, continues),
            Some(Context::Switch { breaks, .. } | Context::Labelled { breaks, .. }) => {
                (breaks, Vec::new())
            }
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// Lets the jumps to `continue` of the innermost loop go to the next instruction.
    pub(super) fn land_continues(&mut self) {
        let continues = match self.current().contexts.last_mut() {
            Some(Context::Loop { continues, .. }) => std::mem::take(continues),
            _ => Vec::new(),
        };
        self.land_all(&continues);
    }
}
