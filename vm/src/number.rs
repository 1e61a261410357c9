//! Numbers to text and back, by the rules of ECMAScript.
//!
//! Before: arithmetic, property keys, JSON. After: texts.
//! Guarantees: the same result on every machine; no libc float function is called.

use crate::text::Text;

/// A number as `String(number)` writes it.
pub fn number_to_text(number: f64) -> Text {
    let whole = number as i64;
    if whole as f64 == number && number.abs() < 1e15 {
        return whole_to_text(whole);
    }
    if let Some(text) = decimal_to_text(number) {
        return text;
    }
    if number.is_nan() {
        return Text::from("NaN");
    }
    if number.is_infinite() {
        return Text::from(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
    Text::from(ryu_js::Buffer::new().format(number))
}

/// A number of at most three decimals, as prices are. Fifteen digits name one double, so digits that give
/// the number back are the shortest that do, as long as the last is no 0: fewer decimals are tried first.
fn decimal_to_text(number: f64) -> Option<Text> {
    let magnitude = number.abs();
    if magnitude >= 1e11 || number.is_nan() {
        return None;
    }
    for (places, scale) in [(1, 10.0), (2, 100.0), (3, 1000.0)] {
        let mut rest = (magnitude * scale + 0.5) as u64;
        if rest as f64 / scale != magnitude {
            continue;
        }
        let mut digits = [b'0'; 17];
        let mut at = digits.len();
        while rest > 0 || at + places >= digits.len() - 1 {
            at -= 1;
            if at + places + 1 == digits.len() {
                digits[at] = b'.';
                continue;
            }
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if number < 0.0 {
            at -= 1;
            digits[at] = b'-';
        }
        return Text::from_ascii(&digits[at..]);
    }
    None
}

/// The digits of a whole number of at most fifteen, and its sign.
fn whole_to_text(number: i64) -> Text {
    let mut digits = [b'0'; 16];
    let mut rest = number.unsigned_abs();
    let mut at = digits.len();
    while rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    Text::from_ascii(&digits[at..]).expect("digits are ASCII")
}

/// A text as `Number(text)` reads it: NaN where it is no number.
pub fn text_to_number(text: &Text) -> f64 {
    let units = text.to_string_lossy();
    let trimmed = units.trim_matches(is_space);
    if trimmed.is_empty() {
        return 0.0;
    }
    let bytes = trimmed.as_bytes();
    if bytes.len() > 2 && bytes[0] == b'0' {
        let radix = match bytes[1] {
            b'x' | b'X' => 16,
            b'o' | b'O' => 8,
            b'b' | b'B' => 2,
            _ => 0,
        };
        if radix > 0 {
            return digits_to_number(&trimmed[2..], radix);
        }
    }
    if !bytes
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
    {
        return match trimmed {
            "Infinity" | "+Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => f64::NAN,
        };
    }
    trimmed.parse().unwrap_or(f64::NAN)
}

/// The value of digits in a radix, NaN where one is none; rounded to the nearest double.
pub fn digits_to_number(digits: &str, radix: u32) -> f64 {
    if digits.is_empty() {
        return f64::NAN;
    }
    let mut exact: u128 = 0;
    let mut exponent: i32 = 0;
    let mut sticky = false;
    for digit in digits.chars() {
        let Some(digit) = digit.to_digit(radix) else {
            return f64::NAN;
        };
        if exact < (1 << 120) {
            exact = exact * u128::from(radix) + u128::from(digit);
        } else {
            exponent += 1;
            sticky |= digit != 0;
        }
    }
    if sticky {
        exact |= 1;
    }
    let mut number = exact as f64;
    for _ in 0..exponent.min(2000) {
        number *= f64::from(radix);
    }
    number
}

/// Whether JavaScript treats a character as white space or line end.
pub fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{3000}'
                | '\u{feff}'
    )
}

/// `ToInt32`
#[inline(always)]
pub fn to_int32(number: f64) -> i32 {
    to_uint32(number) as i32
}

/// `ToUint32`
#[inline(always)]
pub fn to_uint32(number: f64) -> u32 {
    if number.abs() < 9e18 {
        return number as i64 as u32;
    }
    to_uint32_of_large(number)
}

#[inline(never)]
fn to_uint32_of_large(number: f64) -> u32 {
    if !number.is_finite() {
        return 0;
    }
    let rest = number.trunc() % 4_294_967_296.0;
    rest as i64 as u32
}

/// `ToIntegerOrInfinity`
pub fn to_integer(number: f64) -> f64 {
    // Adding 0 turns -0 into 0.
    if number as i64 as f64 == number {
        number + 0.0
    } else if number.is_nan() {
        0.0
    } else {
        number.trunc() + 0.0
    }
}

/// A time as ISO text (`Date.prototype.toISOString`), `None` for an invalid time.
pub fn iso_time(time_ms: f64) -> Option<String> {
    if time_ms.is_nan() || time_ms.abs() > 8.64e15 {
        return None;
    }
    let time_ms = time_ms as i64;
    let (days, in_day) = (
        time_ms.div_euclid(86_400_000),
        time_ms.rem_euclid(86_400_000),
    );
    let (year, month, day) = civil_date(days);
    let year = if (0..=9999).contains(&year) {
        format!("{year:04}")
    } else {
        format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs())
    };
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, rest) = (in_day / 1000 % 60, in_day % 1000);
    Some(format!(
        "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z"
    ))
}

/// Year, month (1 to 12) and day of a count of days since 1970-01-01, in the Gregorian calendar
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub fn civil_date(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_does() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (-1e21, "-1e+21"),
            (1e-7, "1e-7"),
            (123456789012345680000.0, "123456789012345680000"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number_to_text(number).to_string(), text);
        }
    }

    #[test]
    fn decimals_are_written_as_any_other_number() {
        let mut many = 0x9e37_79b9_7f4a_7c15u64;
        for round in 0..200_000u64 {
            many = many.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(round);
            let whole = (many >> (round % 48 + 16)) as f64;
            let near = whole / [10.0, 100.0, 1000.0, 10_000.0][round as usize % 4];
            for number in [near, -near, near.next_up(), near.next_down(), near + 0.1] {
                if number.fract() != 0.0 {
                    let expected = ryu_js::Buffer::new().format(number).to_owned();
                    assert_eq!(number_to_text(number).to_string(), expected);
                }
            }
        }
    }

    #[test]
    fn texts_are_read_as_javascript_does() {
        for (text, number) in [
            ("", 0.0),
            (" 12 ", 12.0),
            ("0x1f", 31.0),
            ("0b11", 3.0),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("+7", 7.0),
        ] {
            assert_eq!(text_to_number(&Text::from(text)), number, "{text}");
        }
        for text in [
            "1x", "inf", "nan", "0x", "--1", "1e", ".", "-0x1", "1 2", "e5",
        ] {
            assert!(text_to_number(&Text::from(text)).is_nan(), "{text}");
        }
    }

    #[test]
    fn integers_wrap() {
        assert_eq!(to_int32(4294967295.0), -1);
        assert_eq!(to_int32(2147483648.0), i32::MIN);
        assert_eq!(to_uint32(-1.0), u32::MAX);
        assert_eq!(to_int32(1e300), 0);
        assert_eq!(to_int32(f64::NAN), 0);
        assert_eq!(to_uint32(18446744073709551616.0 + 8192.0), 8192);
    }

    #[test]
    fn times_are_written_as_iso() {
        assert_eq!(iso_time(0.0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(iso_time(-1.0).as_deref(), Some("1969-12-31T23:59:59.999Z"));
        assert_eq!(
            iso_time(951_782_400_000.0).as_deref(),
            Some("2000-02-29T00:00:00.000Z")
        );
        assert_eq!(
            iso_time(8.64e15).as_deref(),
            Some("+275760-09-13T00:00:00.000Z")
        );
        assert_eq!(iso_time(f64::NAN), None);
    }
}
