//! Random programs from a seed, as trees that can be shrunk.
//!
//! Before: `grammar`. After: `main`, which renders and runs them.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::grammar::{RULES, SIMPLEST};
use crate::patterns;

/// Small whole numbers from a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x0123_4567_89AB_CDEF)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    pub(crate) fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}

/// A part of a rule.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// A name that the rule binds.
    Name(char),
    /// An expression of a kind, inside which names are bound: letter, kind, whether it may be assigned.
    Hole(char, Vec<(char, char, bool)>),
    /// A name of a kind that may be assigned.
    Place(char),
}

struct Parsed {
    kind: char,
    pieces: Vec<Piece>,
    has_place: bool,
    is_leaf: bool,
}

static PARSED: LazyLock<Vec<Parsed>> = LazyLock::new(|| RULES.iter().map(parsed).collect());

fn parsed((kind, text): &(char, &'static str)) -> Parsed {
    let mut pieces = vec![Piece::Text(String::new())];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '«' => {
                let inside: String = characters
                    .by_ref()
                    .take_while(|next| *next != '»')
                    .collect();
                pieces.push(hole(&inside));
                pieces.push(Piece::Text(String::new()));
            }
            '@' => {
                pieces.extend(characters.next().map(Piece::Name));
                pieces.push(Piece::Text(String::new()));
            }
            other => {
                if let Some(Piece::Text(text)) = pieces.last_mut() {
                    text.push(other);
                }
            }
        }
    }
    let is = |test: fn(&Piece) -> bool| pieces.iter().any(test);
    Parsed {
        kind: *kind,
        has_place: is(|piece| matches!(piece, Piece::Place(_))),
        is_leaf: !is(|piece| matches!(piece, Piece::Hole(..) | Piece::Place(_))),
        pieces,
    }
}

fn hole(inside: &str) -> Piece {
    let (kind, names) = inside.split_once('|').unwrap_or((inside, ""));
    let mut letters = kind.chars();
    if let (Some('='), Some(kind)) = (letters.next(), letters.next()) {
        return Piece::Place(kind);
    }
    let names = names.split_whitespace().filter_map(|name| {
        let mut letters = name.chars();
        Some((
            letters.next()?,
            letters.next()?,
            letters.next() == Some('!'),
        ))
    });
    Piece::Hole(kind.chars().next().unwrap_or('V'), names.collect())
}

/// A program, or a part of one.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A rule with what fills its holes, in order.
    Rule {
        rule: usize,
        id: u32,
        children: Vec<Node>,
    },
    /// Something that has no parts.
    Leaf(char, String),
}

struct Name {
    name: String,
    kind: char,
    may_be_assigned: bool,
}

struct Generator {
    random: Random,
    names: Vec<Name>,
    next_id: u32,
    /// Nodes that may still be added.
    left: i32,
}

/// The program of a seed.
pub(crate) fn program(seed: u64) -> Node {
    let mut random = Random::new(seed);
    let left = 8 + random.below(40) as i32;
    let mut generator = Generator {
        random,
        names: Vec::new(),
        next_id: 0,
        left,
    };
    generator.node('V', 6)
}

impl Generator {
    fn node(&mut self, kind: char, depth: u32) -> Node {
        self.left -= 1;
        let kind = if kind == 'V' && self.random.below(3) > 0 {
            *self
                .random
                .pick(&['N', 'T', 'B', 'L', 'O', 'D', 'M', 'S', 'R', 'N', 'T', 'L'])
        } else {
            kind
        };
        let is_leaf = depth == 0 || self.left <= 0 || self.random.below(6) == 0;
        if is_leaf && let Some(leaf) = self.leaf(kind) {
            return leaf;
        }
        let can_assign = self.names.iter().any(|name| name.may_be_assigned);
        let rules: Vec<usize> = (0..PARSED.len())
            .filter(|rule| {
                let rule = &PARSED[*rule];
                rule.kind == kind && rule.is_leaf == is_leaf && (can_assign || !rule.has_place)
            })
            .collect();
        if rules.is_empty() {
            let simplest = SIMPLEST.iter().find(|(known, _)| *known == kind);
            return match simplest {
                Some((kind, text)) => Node::Leaf(*kind, (*text).to_owned()),
                // Kinds that are names alone have leaves only.
                None => self.any_of(kind),
            };
        }
        let rule = *self.random.pick(&rules);
        self.filled(rule, depth)
    }

    fn any_of(&mut self, kind: char) -> Node {
        let rules: Vec<usize> = (0..PARSED.len())
            .filter(|rule| PARSED[*rule].kind == kind)
            .collect();
        let rule = *self.random.pick(&rules);
        self.filled(rule, 0)
    }

    fn leaf(&mut self, kind: char) -> Option<Node> {
        let known: Vec<&Name> = self
            .names
            .iter()
            .filter(|name| name.kind == kind || kind == 'V')
            .collect();
        if !known.is_empty() && self.random.below(2) == 0 {
            return Some(Node::Leaf(kind, self.random.pick(&known).name.clone()));
        }
        match kind {
            'R' => Some(Node::Leaf('R', patterns::pattern(&mut self.random))),
            'N' if self.random.below(2) == 0 => Some(Node::Leaf('N', number(&mut self.random))),
            'T' if self.random.below(2) == 0 => Some(Node::Leaf('T', text(&mut self.random))),
            _ => None,
        }
    }

    fn filled(&mut self, rule: usize, depth: u32) -> Node {
        let id = self.next_id;
        self.next_id += 1;
        let mut children = Vec::new();
        for piece in &PARSED[rule].pieces {
            match piece {
                Piece::Hole(kind, names) => {
                    let outer = self.names.len();
                    self.names
                        .extend(names.iter().map(|(letter, kind, assigned)| Name {
                            name: format!("{letter}{id}"),
                            kind: *kind,
                            may_be_assigned: *assigned,
                        }));
                    let child = self.node(*kind, depth.saturating_sub(1));
                    children.push(child);
                    self.names.truncate(outer);
                }
                Piece::Place(kind) => {
                    let places = self.names.iter().filter(|name| name.may_be_assigned);
                    let fitting: Vec<&Name> = places.collect();
                    let same: Vec<&&Name> =
                        fitting.iter().filter(|name| name.kind == *kind).collect();
                    let place = match same.is_empty() {
                        true => self.random.pick(&fitting).name.clone(),
                        false => self.random.pick(&same).name.clone(),
                    };
                    children.push(Node::Leaf('=', place));
                }
                Piece::Text(_) | Piece::Name(_) => {}
            }
        }
        Node::Rule { rule, id, children }
    }
}

/// A literal of some length and exponent.
fn number(random: &mut Random) -> String {
    let digits = 1 + random.below(17);
    let mut text = String::from("(");
    if random.below(3) == 0 {
        text.push('-');
    }
    let first = 1 + random.below(9);
    text.push_str(&first.to_string());
    let point = random.below(digits + 1);
    for at in 1..digits {
        if at == point {
            text.push('.');
        }
        text.push_str(&random.below(10).to_string());
    }
    if random.below(3) == 0 {
        let exponent = random.below(620) as i64 - 330;
        text.push_str(&format!("e{exponent}"));
    }
    text + ")"
}

/// Pieces of random texts, as they stand in a literal.
const PIECES: &[&str] = &[
    "a", "b", "c", "A", "B", "1", "2", "0", " ", "-", "_", ".", ",", "é", "😀", "ß", "İ", "ı", "ſ",
    "Σ", "ς", "ﬁ", "ǅ", "K", "e\\u0301", "\\ud83d", "\\ude00", "\\n", "\\u2028", "\\ufeff",
    "\\u00a0", "$", "$1", "$<n>", "%20", "/", "\\\\", "\\'", "(", "[",
];

fn text(random: &mut Random) -> String {
    let count = random.below(7);
    let pieces: String = (0..count).map(|_| *random.pick(PIECES)).collect();
    format!("'{pieces}'")
}

impl Node {
    /// The text of the program.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Node::Leaf(_, text) => out.push_str(text),
            Node::Rule { rule, id, children } => {
                let mut children = children.iter();
                for piece in &PARSED[*rule].pieces {
                    match piece {
                        Piece::Text(text) => out.push_str(text),
                        Piece::Name(letter) => {
                            write!(out, "{letter}{id}").expect("a text can be written to");
                        }
                        Piece::Hole(..) | Piece::Place(_) => {
                            if let Some(child) = children.next() {
                                child.write(out);
                            }
                        }
                    }
                }
            }
        }
    }

    fn kind(&self) -> char {
        match self {
            Node::Leaf(kind, _) => *kind,
            Node::Rule { rule, .. } => PARSED[*rule].kind,
        }
    }

    /// Smaller programs: a part in place of the whole, the simplest of a kind in place of a part.
    pub(crate) fn smaller(&self) -> Vec<Node> {
        let mut all = Vec::new();
        if let Node::Rule { children, .. } = self {
            let kind = self.kind();
            let fits =
                |child: &&Node| child.kind() != '=' && (child.kind() != 'P') == (kind != 'P');
            all.extend(children.iter().filter(fits).cloned());
        }
        let simplest = SIMPLEST.iter().find(|(kind, _)| *kind == self.kind());
        if let Some((kind, text)) = simplest
            && self.render().len() > text.len()
        {
            all.push(Node::Leaf(*kind, (*text).to_owned()));
        }
        if let Node::Rule { rule, id, children } = self {
            for (at, child) in children.iter().enumerate() {
                for smaller in child.smaller() {
                    let mut children = children.clone();
                    children[at] = smaller;
                    all.push(Node::Rule {
                        rule: *rule,
                        id: *id,
                        children,
                    });
                }
            }
        }
        all
    }
}
