//! Bytes and texts that are read as values: refused, or a value that is written and read again as it is.
//!
//! Before: values of the manual's programs and messages, with damage; and bytes that are nothing at all.

use super::rounds;
use crate::data::Data;
use crate::limits::Limits;
use crate::program::Program;
use crate::test_support::{Random, manual};
use crate::worker::{Identity, Worker};

/// Cuts, lengthens or changes bytes.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next() as u8),
            2 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            3 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            _ => {
                let end = (at + random.below(9)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.extend(piece);
            }
        }
    }
}

#[test]
fn bytes_are_refused_or_a_value() {
    let mut random = Random::from_environment();
    let mut values: Vec<Data> = Vec::new();
    for (program, messages) in manual() {
        values.extend(program.content.code.constants.iter().cloned());
        values.extend(program.content.code.cells.iter().cloned());
        values.extend(messages);
    }
    let (mut read, mut refused) = (0, 0);
    for _ in 0..rounds(30_000) {
        let mut bytes = values[random.below(values.len())].encode();
        damage(&mut random, &mut bytes);
        match Data::decode(&bytes) {
            Ok(value) => {
                read += 1;
                let again = Data::decode(&value.encode()).unwrap();
                assert_eq!(again.encode(), value.encode());
            }
            Err(_) => refused += 1,
        }
    }
    println!("{refused} refused, {read} read");
    assert!(read > 100 && refused > 100);
}

#[test]
fn texts_are_refused_or_json() {
    let mut random = Random::from_environment();
    let limits = Limits::default();
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"$address\"",
        "\"__proto__\"",
        "\"\\ud800\"",
        "1",
        "-0",
        "1e400",
        "0.1",
        "true",
        "null",
        " ",
        "\"",
        "\\u00e9",
        "é",
        "\"b\":2",
        "\"NAME/KEY\"",
        "01",
        "-",
        "\n",
        "[[",
        "]]",
        "\"$x\"",
    ];
    let mut read = 0;
    for _ in 0..rounds(30_000) {
        let text: String = (0..random.below(14))
            .map(|_| pieces[random.below(pieces.len())])
            .collect();
        if let Ok(value) = Data::from_json(&text, &limits) {
            read += 1;
            let again = Data::from_json(&value.to_json(), &limits);
            // -0 is written as 0.
            assert_eq!(
                again.map(|again| again.to_json()),
                Ok(value.to_json()),
                "{text}"
            );
        }
    }
    assert!(read > 100, "only {read} texts were JSON");
}

#[test]
fn bytes_are_no_program_and_no_worker() {
    let mut random = Random::from_environment();
    let limits = Limits::default();
    let programs: Vec<Program> = manual().into_iter().map(|(program, _)| program).collect();
    for _ in 0..rounds(3_000) {
        let program = &programs[random.below(programs.len())];
        let definition = program.workers().next().unwrap();
        let identity = Identity {
            address: crate::data::Address::keyed(definition.name.clone(), "default"),
            run: [7; 16],
        };
        let worker = Worker::new(program, &definition.name, identity).unwrap();
        let mut bytes = worker.encode(program);
        damage(&mut random, &mut bytes);
        let _ = Worker::decode(&bytes, program, &limits);
        let length = random.below(200);
        let mut noise: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if let Some(first) = noise.first_mut() {
            *first = bytes.first().copied().unwrap_or_default();
        }
        assert!(Worker::decode(&noise, program, &limits).is_err());
        if let Some(first) = noise.first_mut() {
            *first = crate::program::PROGRAM_VERSION;
        }
        assert!(Program::decode(&noise, &limits).is_err());
    }
}
