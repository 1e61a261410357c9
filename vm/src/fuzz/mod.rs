//! What no compiler and no client of ours made: changed programs, texts, patterns and bytes. Each is refused, or runs
//! within its limits, without a panic.
//!
//! Random choices come from `TROUPE_SEED` (0 unless set), which is printed; `TROUPE_FUZZ_ROUNDS` multiplies how much
//! is tried. One file for each kind.

mod patterns;
mod programs;
mod sources;
mod values;

/// How often something is tried: so often, times `TROUPE_FUZZ_ROUNDS`.
#[expect(
    clippy::disallowed_methods,
    reason = "the length of a test can be given"
)]
fn rounds(usual: usize) -> usize {
    let rounds = std::env::var("TROUPE_FUZZ_ROUNDS").ok();
    usual * rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}
