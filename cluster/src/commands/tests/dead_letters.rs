//! Dead letters: sent again, or forgotten.

use super::*;
use crate::codes;
use crate::command::DeadLetterRequest;

#[test]
fn a_dead_letter_is_sent_again_once() {
    let mut bench = Bench::new();
    bench.start("Task/a", &[Do::Complete]);
    bench.send("Task/a", &[Do::Add(1)]);
    let (number, _) = query::dead_letters(bench.shard.store(), 0, 10).unwrap()[0].clone();
    bench.start("Task/a", &[]);
    let door = bench.door();
    let request = DeadLetterRequest { door, number };
    receipt(bench.one(Command::RetryDeadLetter(request.clone())));
    assert!(receipt(bench.one(Command::RetryDeadLetter(request))).duplicate);
    assert_eq!(bench.count("Task/a"), 1);
    let door = bench.door();
    let gone = refusal(bench.one(Command::RetryDeadLetter(DeadLetterRequest { door, number })));
    assert_eq!(gone.code, codes::UNKNOWN_DEAD_LETTER);
}

#[test]
fn dead_letters_are_bounded_and_can_be_discarded() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        dead_letters: 2,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    bench.start("Task/a", &[Do::Complete]);
    for _ in 0..4 {
        bench.send("Task/a", &[]);
    }
    let letters = query::dead_letters(bench.shard.store(), 0, 10).unwrap();
    let numbers: Vec<u64> = letters.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [3, 4]);
    let door = bench.door();
    receipt(bench.one(Command::DiscardDeadLetter(DeadLetterRequest {
        door,
        number: 3,
    })));
    assert_eq!(bench.dead().len(), 1);
}
