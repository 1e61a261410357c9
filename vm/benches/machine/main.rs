//! Measures the machine on one core, without log or network, and prints tables.
//!
//! `cargo bench -p vm` runs all of it; `cargo bench -p vm -- lambdas state` only the named tables: `turns`,
//! `lambdas`, `state`, `memory`; a name of a function measures it alone. Every figure is a median; `measure` says of what. Functions run against
//! QuickJS, on the same source, in the same process. Memory is allocated by mimalloc, as in the product.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program that measures"
)]

mod lambdas;
mod measure;
mod memory;
mod quickjs;
mod state;
mod table;
mod turns;
mod workers;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let parts: [(&str, fn()); 4] = [
        ("turns", turns::print),
        ("lambdas", lambdas::print),
        ("state", state::print),
        ("memory", memory::print),
    ];
    for (name, print) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            print();
        }
    }
    lambdas::print_named(&wanted);
}
