//! What run-stage functions may ask: time, chance, addresses of the running worker, the console.
//!
//! The machine asks, the turn answers. Chance is a generator seeded by the run id, the step and the
//! random number that came with the input; it is not for secrets.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use smallvec::SmallVec;

use super::reading::{self, Reading};
use crate::codes;
use crate::data::{Address, Data, Symbolic};
use crate::error::Trap;
use crate::host::{Host, Misuse};
use crate::limits::{Limit, Limits};
use crate::machine::Machine;
use crate::text::Text;
use crate::tree::Handle;
use crate::turn::{TurnContext, outbox_of};
use crate::value::{HostRef, Value};
use crate::worker::{Identity, Worker};

/// The functions of the language at the run stage, as `HostRef::index` numbers them.
pub(crate) const RUN_STAGE_NAMES: [&str; 4] = ["worker", "stateOf", "effect", "clock"];

/// What is wrong with any other use of them.
const FUNCTION_ONLY: &str = "a function of the language can only be called";

/// What a reactive function is given to read its sources.
pub(super) const GET: HostRef = HostRef::new(0, 4);

/// Answers the machine within one turn.
pub(crate) struct RunHost<'a> {
    now_ms: u64,
    seed: [u8; 32],
    generator: Cell<Option<[u64; 4]>>,
    identity: &'a Identity,
    outbox: RefCell<Cow<'a, Option<Address>>>,
    /// For each value on the stack: its handle, and the address that stands for it.
    slots: RefCell<SmallVec<[(Handle, Data); 4]>>,
    lines: RefCell<Vec<String>>,
    line_bytes: Cell<u64>,
    limits: &'a Limits,
    /// While a reactive function runs: what it reads.
    pub(super) reading: RefCell<Option<Reading>>,
}

impl<'a> RunHost<'a> {
    /// For one turn of a worker.
    pub(crate) fn new(worker: &'a Worker, context: &TurnContext<'a>) -> RunHost<'a> {
        let identity = &worker.identity;
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&identity.run);
        seed[16..].copy_from_slice(&context.seed);
        for (byte, step) in seed.iter_mut().zip(worker.step.to_le_bytes()) {
            *byte ^= step;
        }
        RunHost {
            now_ms: context.now_ms,
            seed,
            generator: Cell::new(None),
            identity,
            outbox: RefCell::new(Cow::Borrowed(&worker.outbox)),
            slots: RefCell::new(SmallVec::new()),
            lines: RefCell::new(Vec::new()),
            line_bytes: Cell::new(0),
            limits: context.limits,
            reading: RefCell::new(None),
        }
    }

    /// Says where output goes; the host publishes that of a worker without an outbox.
    pub(crate) fn set_outbox(&self, outbox: Option<Address>) {
        *self.outbox.borrow_mut() = Cow::Owned(outbox);
    }

    /// A block with a value was opened.
    pub(crate) fn push_slot(&self, handle: Handle, address: Data) {
        self.slots.borrow_mut().push((handle, address));
    }

    /// Blocks were left until so many values are on the stack.
    pub(crate) fn truncate_slots(&self, count: usize) {
        self.slots.borrow_mut().truncate(count);
    }

    /// The lines written to the console.
    pub(crate) fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.borrow_mut())
    }
}

impl<'p> Host<'p> for RunHost<'_> {
    fn ambient(&self, _: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        if let Some(index) = RUN_STAGE_NAMES.iter().position(|known| *name == **known) {
            let index = index as u32;
            return Ok(Value::Host(HostRef::new(0, index)));
        }
        let what = format!(
            "`{name}` makes a command, and commands are made when a worker is deployed: a function that runs later cannot make one"
        );
        Err(Trap::fatal(codes::STAGE, what))
    }

    fn shorthand(&self, _: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        let what = format!(
            "`{name}` stands for a message only where commands are made, not in a function that runs later"
        );
        Err(Trap::fatal(codes::STAGE, what))
    }

    fn call(
        &self,
        machine: &mut Machine<'p>,
        function: HostRef,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        match function.index() {
            0 => worker(machine, arguments),
            1 => reading::state_of(machine, arguments),
            2 => reading::effect(machine, arguments),
            3 => reading::clock(machine, arguments),
            _ => self.get(machine, arguments),
        }
    }

    fn call_address(
        &self,
        machine: &mut Machine<'p>,
        address: &Address,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        reading::result_of(machine, address, arguments)
    }

    fn property(&self, machine: &mut Machine<'p>, _: HostRef, _: &Text) -> Result<Value<'p>, Trap> {
        Err(machine.type_error(FUNCTION_ONLY))
    }

    fn misuse(&self, machine: &mut Machine<'p>, _: HostRef, _: Misuse) -> Trap {
        machine.type_error(FUNCTION_ONLY)
    }

    fn resolve(&self, symbolic: Symbolic) -> Option<Data> {
        match symbolic {
            Symbolic::Itself => Some(Data::from(self.identity.address.clone())),
            Symbolic::Outbox => {
                let outbox = self.outbox.borrow();
                let outbox = outbox.as_ref().clone();
                Some(Data::from(
                    outbox.unwrap_or_else(|| outbox_of(&self.identity.address)),
                ))
            }
            Symbolic::Child(handle) | Symbolic::Slot(handle) => {
                let slots = self.slots.borrow();
                slots
                    .iter()
                    .rev()
                    .find(|(known, _)| known.0 == handle)
                    .map(|(_, address)| address.clone())
            }
        }
    }

    fn now_ms(&self) -> Result<f64, Trap> {
        self.impure("time", "read `get(clock(1000))`")?;
        Ok(self.now_ms as f64)
    }

    fn random_bits(&self) -> Result<u64, Trap> {
        self.impure(
            "chance",
            "keep a random number in the state of a worker and read that",
        )?;
        let mut state = self.generator.get().unwrap_or_else(|| seeded(&self.seed));
        let bits = next_bits(&mut state);
        self.generator.set(Some(state));
        Ok(bits)
    }

    fn print(&self, line: String) {
        let bytes = self.line_bytes.get().saturating_add(line.len() as u64);
        let was_full = self.line_bytes.get() > self.limits.turn_console_bytes;
        self.line_bytes.set(bytes);
        if bytes <= self.limits.turn_console_bytes {
            self.lines.borrow_mut().push(line);
        } else if !was_full {
            let what = Limit::TurnConsoleBytes.message(self.limits);
            self.lines
                .borrow_mut()
                .push(format!("(the rest is left out: {what})"));
        }
    }
}

/// `worker("Name", key?)` of a running worker.
fn worker<'p>(machine: &mut Machine<'p>, arguments: &[Value<'p>]) -> Result<Value<'p>, Trap> {
    let name = match arguments.first().and_then(Value::as_text) {
        Some(name) if !name.is_empty() => name.to_string(),
        _ => {
            return Err(machine.type_error("`worker` needs a name, a string that is not empty"));
        }
    };
    let key = match arguments.get(1) {
        None | Some(Value::Undefined) => None,
        Some(key) => match key.as_data().map(|key| super::key_text(&key)) {
            Some(Ok(key)) => Some(key),
            Some(Err(error)) => return Err(machine.type_error(error.message)),
            None => {
                let what = "a key has to be a string that is not empty or an integer";
                return Err(machine.type_error(what));
            }
        },
    };
    Ok(machine.value(Data::from(Address { name, key })))
}

/// Four words of state from the seed, by BLAKE3.
fn seeded(seed: &[u8; 32]) -> [u64; 4] {
    let hash = blake3::keyed_hash(seed, b"troupe chance 1");
    let mut state = [0; 4];
    for (word, bytes) in state.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        *word = bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    state
}

/// xoshiro256** 1.0 (Blackman and Vigna, "Scrambled linear pseudorandom number generators").
fn next_bits(state: &mut [u64; 4]) -> u64 {
    let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
    let shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3].rotate_left(45);
    result
}
