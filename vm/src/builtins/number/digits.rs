//! The exact decimal digits of a double, rounded where a format asks for it.
//!
//! Before: `formatting`. Guarantees: no rounding error: halves of the exact value go away from zero,
//! as `toFixed`, `toPrecision` and `toExponential` ask.

/// The exact value of a finite number that is not negative: `0.DIGITS × 10^point`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digits {
    /// Decimal digits, the first not 0; empty for 0.
    pub(super) digits: Vec<u8>,
    /// Where the decimal point stands, counted from before the first digit.
    pub(super) point: i32,
}

impl Digits {
    /// All digits of a number.
    pub(super) fn exact(number: f64) -> Digits {
        // A double has at most 1074 digits behind its point. Formatting is exact.
        let behind = if number.fract() == 0.0 { 0 } else { 1074 };
        Digits::of_plain(&format!("{number:.behind$}"))
    }

    /// The fewest digits that read back as the same number.
    pub(super) fn shortest(number: f64) -> Digits {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut shortest = Digits::of_plain(digits);
        shortest.point += exponent.parse::<i32>().unwrap_or(0);
        shortest
    }

    fn of_plain(text: &str) -> Digits {
        let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
        let all: Vec<u8> = whole.bytes().chain(behind.bytes()).collect();
        let zeros = all.iter().take_while(|digit| **digit == b'0').count();
        let mut digits: Vec<u8> = all[zeros..].iter().map(|digit| digit - b'0').collect();
        while digits.last() == Some(&0) {
            digits.pop();
        }
        Digits {
            point: if digits.is_empty() {
                0
            } else {
                whole.len() as i32 - zeros as i32
            },
            digits,
        }
    }

    /// Keeps some leading digits; rounds halves up. The result may be shorter than `count`.
    pub(super) fn round(&mut self, count: i32) {
        if count < 0 {
            self.digits.clear();
            return;
        }
        let count = count as usize;
        let up = self.digits.get(count).is_some_and(|digit| *digit >= 5);
        self.digits.truncate(count);
        if !up {
            return;
        }
        while self.digits.last() == Some(&9) {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                self.digits.push(1);
                self.point += 1;
            }
        }
    }

    /// The digit at a place counted from the first, 0 outside.
    pub(super) fn digit(&self, at: i32) -> char {
        let digit = usize::try_from(at)
            .ok()
            .and_then(|at| self.digits.get(at).copied());
        char::from(b'0' + digit.unwrap_or(0))
    }

    /// Digits from one place to before another as text.
    pub(super) fn text(&self, places: std::ops::Range<i32>) -> String {
        places.map(|at| self.digit(at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Digits;

    #[test]
    fn digits_are_exact_and_rounded_half_up() {
        let mut digits = Digits::exact(1.005);
        assert!(digits.digits.starts_with(&[1, 0, 0, 4, 9]));
        digits.round(3);
        assert_eq!(digits.text(0..3), "100");
        let mut half = Digits::exact(0.5);
        half.round(0);
        assert_eq!((half.point, half.text(0..1).as_str()), (1, "1"));
        let mut nines = Digits::exact(99.96);
        nines.round(3);
        assert_eq!((nines.point, nines.text(0..4).as_str()), (3, "1000"));
        assert_eq!(Digits::shortest(1e-7).point, -6);
        assert!(Digits::exact(0.0).digits.is_empty());
    }
}
