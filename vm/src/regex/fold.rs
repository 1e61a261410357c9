//! Which characters are the same without regard to case.
//!
//! Before: `class`, `matcher`. Guarantees: ECMAScript's `Canonicalize`: simple case folding where the
//! pattern is read by code points, else upper case where that is one unit and does not lead from
//! outside ASCII into it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use icu_casemap::CaseMapper;

use crate::unicode::upper_case;

/// How the case of letters is disregarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// It is not.
    None,
    /// By upper case, of units.
    Upper,
    /// By simple case folding, of code points.
    Simple,
}

/// From each character that has others like it to all of them, itself included.
type Alike = BTreeMap<u32, Vec<u32>>;

static UPPER: LazyLock<Alike> = LazyLock::new(|| alike(0x10000, Fold::Upper));
/// No letter above has a case.
static SIMPLE: LazyLock<Alike> = LazyLock::new(|| alike(0x1F000, Fold::Simple));

fn alike(end: u32, fold: Fold) -> Alike {
    let mut by_form: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for character in 0..end {
        let form = canonical(character, fold);
        if form != character {
            by_form.entry(form).or_default().push(character);
        }
    }
    let mut all = Alike::new();
    for (form, mut group) in by_form {
        // A form may itself have another: then it is not one of its own group.
        if canonical(form, fold) == form {
            group.push(form);
        }
        for character in &group {
            all.insert(*character, group.clone());
        }
    }
    all
}

/// The form under which characters are compared.
pub(super) fn canonical(character: u32, fold: Fold) -> u32 {
    let Some(letter) = char::from_u32(character) else {
        return character;
    };
    match fold {
        Fold::None => character,
        Fold::Simple => u32::from(CaseMapper::new().simple_fold(letter)),
        Fold::Upper => {
            let mut utf8 = [0; 4];
            let text = letter.encode_utf8(&mut utf8);
            let upper = upper_case(text);
            let mut upper = upper.chars();
            match (upper.next(), upper.next()) {
                (Some(upper), None) => {
                    let upper = u32::from(upper);
                    let leaves = upper > 0xFFFF || (character >= 128 && upper < 128);
                    if leaves { character } else { upper }
                }
                _ => character,
            }
        }
    }
}

/// All characters like one, itself included; empty where there is no other.
pub(super) fn all_like(character: u32, fold: Fold) -> &'static [u32] {
    let table = match fold {
        Fold::None => return &[],
        Fold::Upper => &*UPPER,
        Fold::Simple => &*SIMPLE,
    };
    table.get(&character).map_or(&[], Vec::as_slice)
}
