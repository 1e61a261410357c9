//! Random regular expressions that are well formed, over the few letters that the random texts have.

use crate::generate::Random;

const ATOMS: &[&str] = &[
    "a",
    "b",
    "c",
    "1",
    "\\d",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    ".",
    "[a-c]",
    "[^a]",
    "[\\d_-]",
    "\\b",
    "\\B",
    "^",
    "$",
    "é",
    "[^\\w\\s]",
    "\\x61",
    "\\u0062",
    "-",
    "[B-b]",
    "[]",
    "[^]",
];
const UNICODE: &[&str] = &[
    "😀",
    "\\u{61}",
    "\\p{L}",
    "\\P{L}",
    "\\p{Lu}",
    "\\p{N}",
    "\\p{Script=Greek}",
    "[\\p{L}\\d]",
    "[^\\p{L}]",
    "\\ud83d",
    "[😀-😂]",
];
const SETS: &[&str] = &[
    "[\\w--\\d]",
    "[\\p{L}&&[a-z]]",
    "[\\q{ab|b|}c]",
    "[^[a-b]\\s]",
];
const COUNTS: &[&str] = &[
    "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{2,}",
];
const FLAGS: &[&str] = &[
    "", "", "g", "i", "gi", "m", "s", "y", "d", "gy", "u", "gu", "iu", "v", "iv", "dg",
];

/// A literal.
pub(crate) fn pattern(random: &mut Random) -> String {
    let flags = *random.pick(FLAGS);
    let mut writer = Writer {
        random,
        by_code_points: flags.contains(['u', 'v']),
        sets: flags.contains('v'),
        groups: 0,
        left: 9,
        out: String::new(),
    };
    writer.alternatives(3);
    format!("/{}/{flags}", writer.out)
}

struct Writer<'r> {
    random: &'r mut Random,
    by_code_points: bool,
    sets: bool,
    groups: usize,
    left: i32,
    out: String,
}

impl Writer<'_> {
    fn alternatives(&mut self, depth: u32) {
        self.sequence(depth);
        while self.random.below(4) == 0 {
            self.out.push('|');
            self.sequence(depth);
        }
        if self.out.is_empty() {
            self.out.push_str("(?:)");
        }
    }

    fn sequence(&mut self, depth: u32) {
        for _ in 0..1 + self.random.below(3) {
            self.left -= 1;
            if self.left < 0 {
                return;
            }
            self.term(depth);
        }
    }

    fn term(&mut self, depth: u32) {
        let mut may_repeat = true;
        match self.random.below(if depth == 0 { 6 } else { 12 }) {
            6..=7 => {
                self.groups += 1;
                let open = if self.groups == 1 { "(?<n>" } else { "(" };
                self.group(open, depth);
            }
            8 => self.group("(?:", depth),
            9 => {
                let open = *self.random.pick(&["(?=", "(?!", "(?<=", "(?<!"]);
                self.group(open, depth);
                may_repeat = false;
            }
            10 if self.groups > 0 => {
                let group = 1 + self.random.below(self.groups);
                // Behind it a digit would be part of the number.
                self.out.push_str(&format!("(?:\\{group})"));
            }
            _ => may_repeat = self.atom(),
        }
        if may_repeat && self.random.below(3) == 0 {
            let count = *self.random.pick(COUNTS);
            self.out.push_str(count);
        }
    }

    fn group(&mut self, open: &str, depth: u32) {
        self.out.push_str(open);
        self.alternatives(depth - 1);
        self.out.push(')');
    }

    /// Whether it may be repeated.
    fn atom(&mut self) -> bool {
        let atom = match self.random.below(4) {
            0 if self.by_code_points => *self.random.pick(UNICODE),
            1 if self.sets => *self.random.pick(SETS),
            _ => *self.random.pick(ATOMS),
        };
        // The flag v wants some marks escaped.
        let atom = match atom {
            "[\\d_-]" if self.sets => "[\\d_\\-]",
            // QuickJS takes the bare one for a mark of a class.
            "-" if self.sets => "_",
            other => other,
        };
        self.out.push_str(atom);
        !matches!(atom, "\\b" | "\\B" | "^" | "$")
    }
}
