//! Random pure functions, run by our machine and by QuickJS: both must give the same.
//!
//! `TROUPE_DIFFERENTIAL_SEED` runs one seed and those behind it, `TROUPE_DIFFERENTIAL_PROGRAMS` says how many.
//! A difference is shrunk and printed with its seed. What the two may answer differently by intention stands
//! in `intended.rs`, with a case each that is checked too.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod engines;
mod generate;
mod grammar;
mod intended;
mod patterns;

use std::collections::BTreeMap;

use engines::{Outcome, QuickJs, ours};
use generate::{Node, program};

/// Programs that one module of ours holds.
const BATCH: u64 = 40;
/// Programs that shrinking may try.
const TRIES: usize = 3_000;
/// Differences after which a run stops.
const DIFFERENCES_MAX: usize = 25;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a whole number"))
    })
}

/// What a run saw besides equal values.
#[derive(Default)]
struct Seen {
    equal: u64,
    threw: u64,
    too_much: u64,
    refused: BTreeMap<String, u64>,
    intended: BTreeMap<&'static str, u64>,
    differences: Vec<String>,
}

#[test]
fn our_machine_and_quickjs_agree() {
    let first = setting("TROUPE_DIFFERENTIAL_SEED", 1);
    let count = setting("TROUPE_DIFFERENTIAL_PROGRAMS", 10_000);
    let quickjs = QuickJs::new();
    let mut seen = Seen::default();
    let mut seed = first;
    while seed < first + count && seen.differences.len() < DIFFERENCES_MAX {
        let behind = (seed + BATCH).min(first + count);
        let programs: Vec<Node> = (seed..behind).map(program).collect();
        let texts: Vec<String> = programs.iter().map(Node::render).collect();
        for (at, mine) in ours(&texts).into_iter().enumerate() {
            let theirs = quickjs.run(&texts[at]);
            compare(
                &mut seen,
                &quickjs,
                (seed + at as u64, &programs[at]),
                (mine, theirs),
            );
        }
        seed = behind;
    }
    println!(
        "{} programs from seed {first}: {} equal ({} threw), {} over a limit, refused by one: {:?}, differ by intention: {:?}",
        seed - first,
        seen.equal,
        seen.threw,
        seen.too_much,
        seen.refused,
        seen.intended
    );
    assert!(
        seen.differences.is_empty(),
        "\n{}",
        seen.differences.join("\n")
    );
    // A generator that makes nothing of worth would pass too.
    assert!(
        seen.equal * 10 > (seed - first) * 8,
        "only {} programs ran in both",
        seen.equal
    );
}

fn compare(
    seen: &mut Seen,
    quickjs: &QuickJs,
    (seed, program): (u64, &Node),
    outcomes: (Outcome, Outcome),
) {
    match outcomes {
        (Outcome::Shown(mine), Outcome::Shown(theirs)) if mine == theirs => {
            seen.equal += 1;
            seen.threw += u64::from(mine.starts_with("threw "));
        }
        (Outcome::TooMuch, _) | (_, Outcome::TooMuch) => seen.too_much += 1,
        (Outcome::Refused(why), Outcome::Refused(_)) => {
            *seen.refused.entry(format!("both: {why}")).or_default() += 1;
        }
        _ => {
            let whole = difference(&program.render(), quickjs);
            let small = shrink(program, |text| difference(text, quickjs) == whole);
            let text = small.render();
            if let Some(reason) = intended::reason(&text) {
                *seen.intended.entry(reason).or_default() += 1;
                return;
            }
            let mine = ours(std::slice::from_ref(&text)).remove(0);
            let theirs = quickjs.run(&text);
            seen.differences.push(format!(
                "seed {seed}: {text}\n  ours    {mine:?}\n  QuickJS {theirs:?}"
            ));
        }
    }
}

/// How the two answers to a program differ. Shrinking keeps to one kind, else it ends at another difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// In what was computed.
    Value,
    /// Only in what was computed when.
    Order,
}

fn difference(text: &str, quickjs: &QuickJs) -> Option<Difference> {
    let mine = ours(&[text.to_owned()]).remove(0);
    let theirs = quickjs.run(text);
    let value = |shown: &str| shown.split(" after ").next().map(str::to_owned);
    match (&mine, &theirs) {
        (Outcome::TooMuch, _) | (_, Outcome::TooMuch) => None,
        (Outcome::Refused(_), Outcome::Refused(_)) => None,
        // A name that is bound nowhere comes from shrinking alone.
        (Outcome::Refused(why), _) if why.starts_with("E0104") => None,
        _ if mine == theirs => None,
        (Outcome::Shown(mine), Outcome::Shown(theirs)) if value(mine) == value(theirs) => {
            Some(Difference::Order)
        }
        _ => Some(Difference::Value),
    }
}

/// A smaller program for which the same holds.
fn shrink(program: &Node, differs: impl Fn(&str) -> bool) -> Node {
    let mut best = program.clone();
    let mut tries = 0;
    'again: loop {
        let mut smaller = best.smaller();
        smaller.sort_by_key(|node| node.render().len());
        let length = best.render().len();
        for candidate in smaller {
            let text = candidate.render();
            tries += 1;
            if tries > TRIES {
                return best;
            }
            if text.len() < length && differs(&text) {
                best = candidate;
                continue 'again;
            }
        }
        return best;
    }
}

/// Built-ins that random programs leave out, each for a reason.
const LEFT_OUT: &[&str] = &[
    // Time and chance.
    "Date.now",
    "now",
    "uuid",
    "Math.random",
    "console.log",
    // Not in QuickJS by itself.
    "structuredClone",
    // Plain forms here, another's locale there.
    "toLocaleString",
    "toLocaleDateString",
    "toLocaleTimeString",
    "toLocaleLowerCase",
    "toLocaleUpperCase",
];

#[test]
fn every_built_in_stands_in_the_rules() {
    let missing: Vec<&str> = vm::builtins::names()
        .filter(|name| {
            let last = name.rsplit(['.', ' ']).next().unwrap_or(name);
            let is_left_out = LEFT_OUT.contains(name) || LEFT_OUT.contains(&last);
            let mut rules = grammar::RULES.iter();
            !is_left_out && !rules.any(|(_, text)| text.contains(last))
        })
        .collect();
    assert!(missing.is_empty(), "no rule has {missing:?}");
}

#[test]
fn what_differs_is_shrunk_to_what_matters() {
    let found = (1..).map(program).find(|program| {
        let text = program.render();
        text.contains("toFixed") && text.len() > 200
    });
    let small = shrink(&found.unwrap(), |text| text.contains(".toFixed(")).render();
    assert!(small.len() < 30, "{small}");
}
