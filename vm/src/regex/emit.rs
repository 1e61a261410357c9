//! From the tree of a pattern to its program.
//!
//! Before: `parse`. After: `first`, `matcher`. Guarantees: each node is emitted once; what stands in a
//! look-behind is emitted to be read backwards. Recursion is bounded by the checked depth.

use std::collections::BTreeMap;

use oxc_regular_expression::ast::{
    Alternative, BoundaryAssertionKind, CapturingGroup, CharacterClass, CharacterClassEscape,
    CharacterClassEscapeKind, Disjunction, IgnoreGroup, LookAroundAssertion,
    LookAroundAssertionKind, Modifier, Modifiers, Pattern, Term,
};
use oxc_regular_expression::visit::{RegExpAstKind, Visit};

use super::class::{Class, Set};
use super::fold::{Fold, all_like};
use super::parse::group_name;
use super::program::{Op, Program, Single};
use super::property::Property;
use super::{Flags, PatternError};
use crate::text::Text;

/// Classes that many places of a pattern share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    Letter(u32),
    Dot,
    Digits(bool),
    Spaces(bool),
    Word(bool),
}

/// The program while it is made.
pub(super) struct Emitter {
    pub(super) program: Program,
    /// The flags here: groups may change some.
    flags: Flags,
    /// Whether the text is read towards its begin here.
    pub(super) back: bool,
    /// Where each group begins in the pattern, and its name.
    groups: Vec<(u32, Option<Text>)>,
    /// By class, flags that bear on it.
    shared: BTreeMap<(Shared, bool), u32>,
}

pub(super) fn emit(pattern: &Pattern<'_>, flags: Flags) -> Result<Program, PatternError> {
    let mut groups = Groups::default();
    groups.visit_pattern(pattern);
    let mut emitter = Emitter::new(flags, groups.0);
    emitter.disjunction(&pattern.body)?;
    emitter.emit(Op::Match);
    Ok(emitter.program)
}

/// The groups in the order of the text.
#[derive(Default)]
struct Groups(Vec<(u32, Option<Text>)>);

impl<'a> Visit<'a> for Groups {
    fn enter_node(&mut self, kind: RegExpAstKind<'a>) {
        if let RegExpAstKind::CapturingGroup(group) = kind {
            let name = group.name.as_ref().map(|name| group_name(name.as_str()));
            self.0.push((group.span.start, name));
        }
    }
}

impl Emitter {
    fn new(flags: Flags, groups: Vec<(u32, Option<Text>)>) -> Emitter {
        let count = groups.len() as u32 + 1;
        let mut names: Vec<(Text, Vec<u32>)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (at, (_, name)) in groups.iter().enumerate() {
            let Some(name) = name else { continue };
            let place = *places.entry(name.to_string()).or_insert(names.len());
            if place == names.len() {
                names.push((name.clone(), Vec::new()));
            }
            names[place].1.push(at as u32 + 1);
        }
        Emitter {
            program: Program {
                flags,
                ops: Vec::new(),
                classes: Vec::new(),
                loops: Vec::new(),
                runs: Vec::new(),
                references: Vec::new(),
                registers: count * 2,
                groups: count,
                names,
                first: None,
            },
            flags,
            back: false,
            groups,
            shared: BTreeMap::new(),
        }
    }

    /// Adds an instruction; gives its place.
    pub(super) fn emit(&mut self, op: Op) -> u32 {
        self.program.ops.push(op);
        self.program.ops.len() as u32 - 1
    }

    /// The place of the next instruction.
    pub(super) fn here(&self) -> u32 {
        self.program.ops.len() as u32
    }

    /// Lets an earlier jump lead here.
    pub(super) fn land(&mut self, jump: u32) {
        let here = self.here();
        match &mut self.program.ops[jump as usize] {
            Op::Jump(target) | Op::Try(target) | Op::Look { after: target, .. } => *target = here,
            _ => {}
        }
    }

    /// A new register.
    pub(super) fn register(&mut self) -> u32 {
        self.program.registers += 1;
        self.program.registers - 1
    }

    /// The groups that begin in a part of the pattern.
    pub(super) fn groups_within(&self, span: oxc_span::Span) -> (u32, u32) {
        let before = |at: u32| self.groups.partition_point(|(start, _)| *start < at) as u32 + 1;
        (before(span.start), before(span.end))
    }

    pub(super) fn fold(&self) -> Fold {
        match (
            self.flags.has(Flags::IGNORE_CASE),
            self.flags.by_code_points(),
        ) {
            (false, _) => Fold::None,
            (true, true) => Fold::Simple,
            (true, false) => Fold::Upper,
        }
    }

    pub(super) fn disjunction(
        &mut self,
        disjunction: &Disjunction<'_>,
    ) -> Result<(), PatternError> {
        let mut ends = Vec::new();
        let count = disjunction.body.len();
        for (at, alternative) in disjunction.body.iter().enumerate() {
            if at + 1 == count {
                self.alternative(alternative)?;
                break;
            }
            let next = self.emit(Op::Try(0));
            self.alternative(alternative)?;
            ends.push(self.emit(Op::Jump(0)));
            self.land(next);
        }
        ends.into_iter().for_each(|end| self.land(end));
        Ok(())
    }

    fn alternative(&mut self, alternative: &Alternative<'_>) -> Result<(), PatternError> {
        if self.back {
            alternative
                .body
                .iter()
                .rev()
                .try_for_each(|term| self.term(term))
        } else {
            alternative.body.iter().try_for_each(|term| self.term(term))
        }
    }

    pub(super) fn term(&mut self, term: &Term<'_>) -> Result<(), PatternError> {
        if let Some(single) = self.single(term)? {
            let back = self.back;
            self.emit(Op::One { single, back });
            return Ok(());
        }
        match term {
            Term::BoundaryAssertion(assertion) => {
                let multiline = self.flags.has(Flags::MULTILINE);
                let op = match assertion.kind {
                    BoundaryAssertionKind::Start => Op::Begin { multiline },
                    BoundaryAssertionKind::End => Op::End { multiline },
                    kind => Op::Boundary {
                        negated: kind == BoundaryAssertionKind::NegativeBoundary,
                        class: self.shared(Shared::Word(false)),
                    },
                };
                self.emit(op);
                Ok(())
            }
            Term::LookAroundAssertion(assertion) => self.look(assertion),
            Term::Quantifier(quantifier) => self.quantifier(quantifier),
            Term::CapturingGroup(group) => self.capturing(group),
            Term::IgnoreGroup(group) => self.ignoring(group),
            Term::CharacterClass(class) => self.class_with_texts(class),
            Term::IndexedReference(reference) => {
                if reference.index < self.program.groups {
                    self.reference(vec![reference.index]);
                }
                Ok(())
            }
            Term::NamedReference(reference) => {
                let name = group_name(reference.name.as_str());
                let found = self.program.names.iter().find(|(known, _)| *known == name);
                let groups = found.map(|(_, groups)| groups.clone()).unwrap_or_default();
                self.reference(groups);
                Ok(())
            }
            Term::UnicodePropertyEscape(escape) => Err(no_property(escape.span, &escape.name)),
            Term::Character(_) | Term::Dot(_) | Term::CharacterClassEscape(_) => Ok(()),
        }
    }

    fn reference(&mut self, groups: Vec<u32>) {
        self.program.references.push(groups);
        let table = self.program.references.len() as u32 - 1;
        let (back, fold) = (self.back, self.flags.has(Flags::IGNORE_CASE));
        self.emit(Op::Reference { table, back, fold });
    }

    fn capturing(&mut self, group: &CapturingGroup<'_>) -> Result<(), PatternError> {
        let index = self.groups_within(group.span).0;
        let (before, behind) = if self.back { (1, 0) } else { (0, 1) };
        self.emit(Op::Save(index * 2 + before));
        self.disjunction(&group.body)?;
        self.emit(Op::Save(index * 2 + behind));
        Ok(())
    }

    fn ignoring(&mut self, group: &IgnoreGroup<'_>) -> Result<(), PatternError> {
        let outer = self.flags;
        if let Some(modifiers) = &group.modifiers {
            self.flags = modified(outer, modifiers);
        }
        let result = self.disjunction(&group.body);
        self.flags = outer;
        result
    }

    fn look(&mut self, assertion: &LookAroundAssertion<'_>) -> Result<(), PatternError> {
        use LookAroundAssertionKind as Kind;
        let negative = matches!(
            assertion.kind,
            Kind::NegativeLookahead | Kind::NegativeLookbehind
        );
        let outer = self.back;
        self.back = matches!(assertion.kind, Kind::Lookbehind | Kind::NegativeLookbehind);
        let register = self.register();
        self.register();
        let look = self.emit(Op::Look {
            negative,
            register,
            after: 0,
        });
        let result = self.disjunction(&assertion.body);
        self.emit(Op::LookEnd { negative, register });
        self.land(look);
        self.back = outer;
        result
    }

    /// What a term that is one character must be.
    pub(super) fn single(&mut self, term: &Term<'_>) -> Result<Option<Single>, PatternError> {
        Ok(Some(match term {
            Term::Character(character) => self.letter(character.value),
            Term::Dot(_) if self.flags.has(Flags::DOT_ALL) => Single::Any,
            Term::Dot(_) => Single::Class(self.shared(Shared::Dot)),
            Term::CharacterClassEscape(escape) => {
                Single::Class(self.shared(shared_escape(escape.kind)))
            }
            Term::UnicodePropertyEscape(escape) if !escape.strings => {
                let set = self.property(escape)?;
                Single::Class(self.class(set))
            }
            Term::CharacterClass(class) => {
                let (set, texts) = self.class_parts(class)?;
                if !texts.is_empty() {
                    return Ok(None);
                }
                Single::Class(self.class(set))
            }
            _ => return Ok(None),
        }))
    }

    /// A character, with those like it.
    pub(super) fn letter(&mut self, character: u32) -> Single {
        if all_like(character, self.fold()).is_empty() {
            return Single::Exactly(character);
        }
        Single::Class(self.shared(Shared::Letter(character)))
    }

    fn shared(&mut self, shared: Shared) -> u32 {
        let key = (shared, self.flags.has(Flags::IGNORE_CASE));
        if let Some(class) = self.shared.get(&key) {
            return *class;
        }
        let set = match shared {
            Shared::Letter(letter) => Set::Ranges(vec![(letter, letter)]),
            Shared::Dot => Set::line_ends().negated(true),
            Shared::Digits(negated) => Set::digits().negated(negated),
            Shared::Spaces(negated) => Set::spaces().negated(negated),
            Shared::Word(negated) => Set::word().negated(negated),
        };
        let class = self.class(set);
        self.shared.insert(key, class);
        class
    }

    pub(super) fn class(&mut self, set: Set) -> u32 {
        let class = Class::new(set, self.fold());
        self.program.classes.push(class);
        self.program.classes.len() as u32 - 1
    }

    /// The set of `\p{…}`.
    pub(super) fn property(
        &self,
        escape: &oxc_regular_expression::ast::UnicodePropertyEscape<'_>,
    ) -> Result<Set, PatternError> {
        let value = escape.value.as_ref().map(|value| value.as_str());
        let property = Property::find(escape.name.as_str(), value);
        let property = property.ok_or_else(|| no_property(escape.span, &escape.name))?;
        // The flag `v` folds first and negates then; `u` the other way round.
        let late = self.flags.has(Flags::UNICODE_SETS) && escape.negative;
        let negated = escape.negative && !late;
        Ok(Set::Property { property, negated }.negated(late))
    }

    /// A class that holds texts of more than one character: the longest first.
    fn class_with_texts(&mut self, class: &CharacterClass<'_>) -> Result<(), PatternError> {
        let (set, texts) = self.class_parts(class)?;
        let mut texts: Vec<Vec<u32>> = texts.into_iter().collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let has_empty = texts.last().is_some_and(Vec::is_empty);
        texts.retain(|text| !text.is_empty());
        let mut ends = Vec::new();
        for mut text in texts {
            let next = self.emit(Op::Try(0));
            if self.back {
                text.reverse();
            }
            for character in text {
                let (single, back) = (self.letter(character), self.back);
                self.emit(Op::One { single, back });
            }
            ends.push(self.emit(Op::Jump(0)));
            self.land(next);
        }
        let empty = has_empty.then(|| self.emit(Op::Try(0)));
        let (single, back) = (Single::Class(self.class(set)), self.back);
        self.emit(Op::One { single, back });
        ends.extend(empty);
        ends.into_iter().for_each(|end| self.land(end));
        Ok(())
    }
}

fn shared_escape(kind: CharacterClassEscapeKind) -> Shared {
    match kind {
        CharacterClassEscapeKind::D => Shared::Digits(false),
        CharacterClassEscapeKind::NegativeD => Shared::Digits(true),
        CharacterClassEscapeKind::S => Shared::Spaces(false),
        CharacterClassEscapeKind::NegativeS => Shared::Spaces(true),
        CharacterClassEscapeKind::W => Shared::Word(false),
        CharacterClassEscapeKind::NegativeW => Shared::Word(true),
    }
}

/// The set of `\d`, `\S`, …
pub(super) fn escape_set(escape: &CharacterClassEscape) -> Set {
    match shared_escape(escape.kind) {
        Shared::Digits(negated) => Set::digits().negated(negated),
        Shared::Spaces(negated) => Set::spaces().negated(negated),
        Shared::Word(negated) => Set::word().negated(negated),
        Shared::Dot | Shared::Letter(_) => Set::Ranges(Vec::new()),
    }
}

pub(super) fn no_property(span: oxc_span::Span, name: &str) -> PatternError {
    PatternError {
        message: format!("the property `{name}` is not part of the language"),
        hint: Some("properties of texts are not there: `\\p{Emoji}` finds each character".into()),
        range: (span.start, span.end),
    }
}

fn modified(flags: Flags, modifiers: &Modifiers) -> Flags {
    let known = [
        (Modifier::I, Flags::IGNORE_CASE),
        (Modifier::M, Flags::MULTILINE),
        (Modifier::S, Flags::DOT_ALL),
    ];
    known.into_iter().fold(flags, |flags, (modifier, flag)| {
        if modifiers.enabling.contains(modifier) {
            flags.with(flag)
        } else if modifiers.disabling.contains(modifier) {
            flags.without(flag)
        } else {
            flags
        }
    })
}
