//! Times pieces of work: the median of rounds, taken in turns where there are several pieces.
//!
//! What is measured is the CPU time of the thread, so that what else the computer does counts for little.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Rounds of each piece. Odd, so that the median is one of them.
const ROUNDS: usize = 21;

/// How long a round takes.
const ROUND: Duration = Duration::from_millis(10);

/// The nanoseconds of one call of a piece of work.
pub(crate) fn nanoseconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut many = |times: u64| {
        for _ in 0..times {
            black_box(work());
        }
    };
    medians(&mut [&mut many])[0]
}

/// The nanoseconds of each piece of work; a piece does its work as often as it is told.
pub(crate) fn medians(pieces: &mut [&mut dyn FnMut(u64)]) -> Vec<f64> {
    let times: Vec<u64> = pieces.iter_mut().map(|piece| calibrated(*piece)).collect();
    let mut rounds = vec![Vec::with_capacity(ROUNDS); pieces.len()];
    for _ in 0..ROUNDS {
        for ((piece, times), rounds) in pieces.iter_mut().zip(&times).zip(&mut rounds) {
            rounds.push(time_of(*piece, *times).as_nanos() as f64 / *times as f64);
        }
    }
    rounds.iter_mut().map(|rounds| median(rounds)).collect()
}

/// How often a piece of work has to be done to fill a round.
fn calibrated(piece: &mut dyn FnMut(u64)) -> u64 {
    let mut times = 1;
    loop {
        let took = time_of(piece, times);
        if took >= ROUND / 2 {
            let each = took.as_nanos() as u64 / times;
            return (ROUND.as_nanos() as u64 / each.max(1)).max(1);
        }
        times *= 2;
    }
}

fn time_of(piece: &mut dyn FnMut(u64), times: u64) -> Duration {
    let begin = cpu_time();
    piece(times);
    cpu_time() - begin
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
