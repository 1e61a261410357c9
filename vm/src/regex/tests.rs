//! Tests of the engine itself: what it costs, what it refuses, and that nothing makes it panic.

use super::*;

/// A search with a budget; what it found and what is left.
fn searched(
    source: &str,
    flags: &str,
    text: &str,
    steps: u64,
) -> (Result<Option<Captures>, Exhausted>, Budget) {
    let flags = Flags::parse(flags).unwrap();
    let program = Program::compile(&Text::from(source), flags).unwrap();
    let mut budget = Budget {
        steps,
        bytes: 64 << 20,
    };
    let from = From {
        place: 0,
        only_there: false,
    };
    let text = Text::from(text);
    let found = search(&program, &text, from, &mut Scratch::default(), &mut budget);
    (found, budget)
}

/// A generator of small numbers from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len() as u64) as usize]
    }
}

#[test]
fn a_catastrophic_pattern_runs_out_of_steps() {
    let text = "a".repeat(40);
    for source in [
        "(a+)+b",
        "(a|aa)+$b",
        "(?:a*)*b",
        "(?=(a+)+b)",
        "(?<=b(a+)+)c",
    ] {
        let text = format!("{text}c");
        let (found, budget) = searched(source, "", &text, 100_000);
        assert_eq!(found, Err(Exhausted::Steps), "{source}");
        assert_eq!(budget.steps, 0, "{source}");
    }
}

#[test]
fn a_stack_that_grows_is_paid_for() {
    let flags = Flags::default();
    let program = Program::compile(&Text::from("(?:a|b)*c"), flags).unwrap();
    let text = Text::from("ab".repeat(20_000));
    let mut budget = Budget {
        steps: u64::MAX,
        bytes: 100_000,
    };
    let from = From {
        place: 0,
        only_there: true,
    };
    let found = search(&program, &text, from, &mut Scratch::default(), &mut budget);
    assert_eq!(found, Err(Exhausted::Bytes));
}

#[test]
fn linear_patterns_take_linear_steps() {
    for (source, most) in [("[a-z]+\\d", 70_000), ("x", 4_000), ("\\w+@", 70_000)] {
        let text = format!("{}7", "a".repeat(200));
        let (_, budget) = searched(source, "", &text, 1_000_000);
        assert!(1_000_000 - budget.steps < most, "{source}: {budget:?}");
    }
    // A class that nothing fits is skipped over, several places a step.
    let (_, budget) = searched("x", "", &"a".repeat(80_000), 1_000_000);
    assert!(1_000_000 - budget.steps < 11_000, "{budget:?}");
}

#[test]
fn patterns_that_are_too_deep_or_long_are_refused() {
    let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    let classes = format!("{}a{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = "a".repeat(40_000);
    for (source, flags) in [(&deep, ""), (&classes, "v"), (&long, "")] {
        let flags = Flags::parse(flags).unwrap();
        assert!(Program::compile(&Text::from(source.as_str()), flags).is_err());
    }
    // What only looks deep is none of it.
    let flat = format!("[{}]", "(".repeat(5_000));
    assert!(Program::compile(&Text::from(flat), Flags::default()).is_ok());
}

#[test]
fn programs_stay_in_proportion_to_their_patterns() {
    let parts = [
        "(a)",
        "a??",
        "a|",
        "[a]",
        ".",
        "\\w",
        "\\p{L}",
        "(?<=a)",
        "\\b",
        "a{2,3}?",
        "(?:)*",
        "k",
        "[^\\p{L}x]",
        "()",
        "^",
        "(?=)",
        "ſ",
    ];
    for part in parts {
        let source = part.repeat(200);
        let flags = Flags::parse("iu").unwrap();
        let source = if part == "(?=)" {
            "(?=)".repeat(200)
        } else {
            source
        };
        let program = Program::compile(&Text::from(source.as_str()), flags).unwrap();
        let bytes = program.byte_size();
        let most = source.chars().count() * program::BYTES_PER_UNIT as usize + 256;
        assert!(bytes <= most, "{part}: {bytes} bytes, at most {most}");
    }
}

#[test]
fn flags_are_read_in_any_order_and_shown_in_one() {
    assert_eq!(Flags::parse("yg").unwrap().to_string(), "gy");
    for wrong in ["gg", "x", "uv", "G", "g "] {
        assert_eq!(Flags::parse(wrong), None, "{wrong}");
    }
    assert_eq!(Flags::from_bits(0b0110_0000), None);
}

/// Pieces that make patterns, valid ones and others.
const PIECES: &[&str] = &[
    "a",
    "b",
    "😀",
    ".",
    "\\d",
    "\\W",
    "[ab]",
    "[^a-c]",
    "(",
    ")",
    "(?:",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?<n>",
    "\\1",
    "\\k<n>",
    "*",
    "+?",
    "?",
    "{2}",
    "{1,3}?",
    "|",
    "^",
    "$",
    "\\b",
    "\\B",
    "\\p{L}",
    "[\\q{ab|}c]",
    "[a--b]",
    "\\u{61}",
    "\\ud83d",
    "-",
    "]",
    "\\",
    "(?i:",
    "{",
];

#[test]
fn random_patterns_never_panic_and_cost_the_same_each_time() {
    let mut compiled = 0;
    for seed in 0..20_000 {
        let mut numbers = Numbers(seed);
        let count = 1 + numbers.below(9);
        let source: String = (0..count).map(|_| numbers.pick(PIECES)).collect();
        let flags = numbers.pick(&["", "i", "u", "iu", "v", "iv", "m", "s", "y"]);
        let pattern = Text::from(source.as_str());
        let Ok(program) = Program::compile(&pattern, Flags::parse(flags).unwrap()) else {
            continue;
        };
        compiled += 1;
        let length = numbers.below(12);
        let text: String = (0..length)
            .map(|_| numbers.pick(&["a", "b", "A", "😀", "\n", "c"]))
            .collect();
        let text = Text::from(text);
        let run = |steps| {
            let mut budget = Budget {
                steps,
                bytes: 1 << 20,
            };
            let from = From {
                place: 0,
                only_there: false,
            };
            let found = search(&program, &text, from, &mut Scratch::default(), &mut budget);
            (found, steps - budget.steps)
        };
        let (found, used) = run(100_000);
        // What it needed is enough, and a step less is not.
        assert_eq!(
            run(used),
            (found.clone(), used),
            "seed {seed}: /{source}/{flags}"
        );
        if used > 0 {
            assert_eq!(
                run(used - 1).0,
                Err(Exhausted::Steps),
                "seed {seed}: /{source}/{flags}"
            );
        }
        for group in found.into_iter().flatten().flatten().flatten() {
            assert!(
                group.0 <= group.1 && group.1 <= text.len(),
                "seed {seed}: /{source}/{flags}"
            );
        }
    }
    assert!(compiled > 3_000, "{compiled} patterns are valid");
}
