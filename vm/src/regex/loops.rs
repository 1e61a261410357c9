//! Repetition and the inside of classes, for the emitter.
//!
//! Before: `emit`. Guarantees: a repetition is a loop whatever its counts, so that nesting them does
//! not multiply the program; rounds that are empty end a loop, as the standard says.

use std::collections::BTreeSet;

use oxc_regular_expression::ast::{
    CharacterClass, CharacterClassContents, CharacterClassContentsKind, Disjunction, Quantifier,
    Term,
};
use oxc_span::GetSpan;

use super::PatternError;
use super::class::Set;
use super::emit::{Emitter, escape_set, no_property};
use super::fold::{Fold, canonical};
use super::program::{Loop, Op, Run, UNBOUNDED};

/// Texts of other lengths than one character.
type Texts = BTreeSet<Vec<u32>>;

impl Emitter {
    pub(super) fn quantifier(&mut self, quantifier: &Quantifier<'_>) -> Result<(), PatternError> {
        let bound = |count: u64| count.min(u64::from(UNBOUNDED) - 1) as u32;
        let minimum = bound(quantifier.min);
        let maximum = quantifier.max.map_or(UNBOUNDED, bound);
        let body = &quantifier.body;
        if maximum == 0 {
            return Ok(());
        }
        if (minimum, maximum) == (1, 1) {
            return self.term(body);
        }
        if quantifier.greedy
            && let Some(single) = self.single(body)?
        {
            self.program.runs.push(Run {
                single,
                minimum,
                maximum,
                back: self.back,
            });
            let run = self.program.runs.len() as u32 - 1;
            self.emit(Op::Run(run));
            return Ok(());
        }
        let may_be_empty = may_be_empty(body);
        if (minimum, maximum) == (0, 1) && !may_be_empty {
            return self.optional(body, quantifier.greedy);
        }
        self.repeated(quantifier, (minimum, maximum), may_be_empty)
    }

    fn optional(&mut self, body: &Term<'_>, is_greedy: bool) -> Result<(), PatternError> {
        let skip = self.emit(Op::Try(0));
        if is_greedy {
            self.term(body)?;
            self.land(skip);
            return Ok(());
        }
        let end = self.emit(Op::Jump(0));
        self.land(skip);
        self.term(body)?;
        self.land(end);
        Ok(())
    }

    fn repeated(
        &mut self,
        quantifier: &Quantifier<'_>,
        (minimum, maximum): (u32, u32),
        may_be_empty: bool,
    ) -> Result<(), PatternError> {
        let counter = self.register();
        let place = may_be_empty.then(|| self.register());
        let (first, behind) = self.groups_within(quantifier.body.span());
        let index = self.program.loops.len() as u32;
        self.emit(Op::LoopInit(index));
        let enter = self.emit(Op::LoopEnter(index));
        self.program.loops.push(Loop {
            minimum,
            maximum,
            is_greedy: quantifier.greedy,
            enter,
            exit: 0,
            counter,
            place,
            inside: (first * 2, behind * 2),
        });
        self.emit(Op::LoopRound(index));
        self.term(&quantifier.body)?;
        self.emit(Op::LoopEnd(index));
        let exit = self.here();
        self.program.loops[index as usize].exit = exit;
        Ok(())
    }

    /// The characters of a class, and its texts.
    pub(super) fn class_parts(
        &mut self,
        class: &CharacterClass<'_>,
    ) -> Result<(Set, Texts), PatternError> {
        let (set, texts) = match class.kind {
            CharacterClassContentsKind::Union => self.union(class)?,
            kind => {
                let mut sets = Vec::with_capacity(class.body.len());
                let mut left: Option<Texts> = None;
                for content in &class.body {
                    let (set, texts) = self.content(content)?;
                    sets.push(set);
                    left = Some(match left {
                        None => texts,
                        Some(left) if kind == CharacterClassContentsKind::Intersection => {
                            left.intersection(&texts).cloned().collect()
                        }
                        Some(left) => left.difference(&texts).cloned().collect(),
                    });
                }
                let set = match kind {
                    CharacterClassContentsKind::Intersection => Set::Intersection(sets),
                    _ => Set::Subtraction(sets),
                };
                (set, left.unwrap_or_default())
            }
        };
        Ok((set.negated(class.negative), texts))
    }

    fn union(&mut self, class: &CharacterClass<'_>) -> Result<(Set, Texts), PatternError> {
        let (mut ranges, mut sets, mut all_texts) = (Vec::new(), Vec::new(), Texts::new());
        for content in &class.body {
            let (set, texts) = self.content(content)?;
            all_texts.extend(texts);
            match set {
                Set::Ranges(more) => ranges.extend(more),
                set => sets.push(set),
            }
        }
        if sets.is_empty() {
            return Ok((Set::ranges(ranges), all_texts));
        }
        sets.insert(0, Set::ranges(ranges));
        Ok((Set::Union(sets), all_texts))
    }

    fn content(
        &mut self,
        content: &CharacterClassContents<'_>,
    ) -> Result<(Set, Texts), PatternError> {
        use CharacterClassContents as Content;
        let set = match content {
            Content::Character(character) => Set::Ranges(vec![(character.value, character.value)]),
            Content::CharacterClassRange(range) => {
                Set::Ranges(vec![(range.min.value, range.max.value)])
            }
            Content::CharacterClassEscape(escape) => escape_set(escape),
            Content::UnicodePropertyEscape(escape) if escape.strings => {
                return Err(no_property(escape.span, &escape.name));
            }
            Content::UnicodePropertyEscape(escape) => self.property(escape)?,
            Content::NestedCharacterClass(class) => return self.class_parts(class),
            Content::ClassStringDisjunction(texts) => {
                let fold = self.fold();
                let (mut single, mut longer) = (Vec::new(), Texts::new());
                for text in &texts.body {
                    let characters = text.body.iter().map(|character| character.value);
                    let characters: Vec<u32> = characters.collect();
                    match characters[..] {
                        [only] => single.push((only, only)),
                        _ => {
                            longer.insert(folded(characters, fold));
                        }
                    }
                }
                return Ok((Set::ranges(single), longer));
            }
        };
        Ok((set, Texts::new()))
    }
}

fn folded(characters: Vec<u32>, fold: Fold) -> Vec<u32> {
    let fold = |character| canonical(character, fold);
    characters.into_iter().map(fold).collect()
}

/// Whether a term may match without taking a character. Where that is not known, it may.
fn may_be_empty(term: &Term<'_>) -> bool {
    let some_empty = |body: &Disjunction<'_>| {
        let mut alternatives = body.body.iter();
        alternatives.any(|alternative| alternative.body.iter().all(may_be_empty))
    };
    match term {
        Term::Character(_)
        | Term::Dot(_)
        | Term::CharacterClassEscape(_)
        | Term::UnicodePropertyEscape(_) => false,
        Term::CharacterClass(class) => class.strings,
        Term::CapturingGroup(group) => some_empty(&group.body),
        Term::IgnoreGroup(group) => some_empty(&group.body),
        Term::Quantifier(quantifier) => quantifier.min == 0 || may_be_empty(&quantifier.body),
        Term::BoundaryAssertion(_)
        | Term::LookAroundAssertion(_)
        | Term::IndexedReference(_)
        | Term::NamedReference(_) => true,
    }
}
