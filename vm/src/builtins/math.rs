//! `Math`: functions and constants.
//!
//! Before: the machine. Guarantees: the same bits on every machine: transcendental functions come
//! from `libm`, the others from operations that IEEE 754 fixes.

use super::support::{argument, natives};
use super::{Constant, Family};
use crate::bytecode::OfOneNumber;
use crate::error::Trap;
use crate::machine::{Machine, power};
use crate::number::to_uint32;
use crate::value::Value;

/// Functions of one number: built-ins, and as they are for a machine that has a number.
macro_rules! of_one_number {
    ($($name:literal => $function:expr;)*) => {
        pub(super) static OF_ONE_NUMBER: Family = Family {
            natives: natives! {
                $($name / 1 => |machine, _, arguments| {
                    let number = machine.to_number(argument(arguments, 0))?;
                    let function: fn(f64) -> f64 = $function;
                    Ok(Value::number(function(number)))
                };)*
            },
            constants: &[],
        };

        /// The function of one number of that name.
        pub(crate) fn of_one_number(name: &str) -> Option<OfOneNumber> {
            Some(match name {
                $($name => $function,)*
                _ => return None,
            })
        }
    };
}

of_one_number! {
    "Math.abs" => f64::abs;
    "Math.floor" => f64::floor;
    "Math.ceil" => f64::ceil;
    "Math.trunc" => f64::trunc;
    "Math.round" => round;
    "Math.sign" => sign;
    "Math.sqrt" => f64::sqrt;
    "Math.cbrt" => libm::cbrt;
    "Math.exp" => libm::exp;
    "Math.expm1" => libm::expm1;
    "Math.log" => libm::log;
    "Math.log1p" => libm::log1p;
    "Math.log2" => libm::log2;
    "Math.log10" => libm::log10;
    "Math.sin" => libm::sin;
    "Math.cos" => libm::cos;
    "Math.tan" => libm::tan;
    "Math.asin" => libm::asin;
    "Math.acos" => libm::acos;
    "Math.atan" => libm::atan;
    "Math.sinh" => libm::sinh;
    "Math.cosh" => libm::cosh;
    "Math.tanh" => libm::tanh;
    "Math.asinh" => libm::asinh;
    "Math.acosh" => libm::acosh;
    "Math.atanh" => libm::atanh;
    "Math.fround" => |number| f64::from(number as f32);
    "Math.clz32" => |number| f64::from(to_uint32(number).leading_zeros());
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Math.atan2" / 2 => atan2;
        "Math.pow" / 2 => pow;
        "Math.imul" / 2 => imul;
        "Math.min" / 2 => min;
        "Math.max" / 2 => max;
        "Math.hypot" / 2 => hypot;
        "Math.random" / 0 => random;
    },
    constants: &[
        Constant {
            name: "Math.PI",
            value: std::f64::consts::PI,
        },
        Constant {
            name: "Math.E",
            value: std::f64::consts::E,
        },
        Constant {
            name: "Math.LN2",
            value: std::f64::consts::LN_2,
        },
        Constant {
            name: "Math.LN10",
            value: std::f64::consts::LN_10,
        },
        Constant {
            name: "Math.LOG2E",
            value: std::f64::consts::LOG2_E,
        },
        Constant {
            name: "Math.LOG10E",
            value: std::f64::consts::LOG10_E,
        },
        Constant {
            name: "Math.SQRT2",
            value: std::f64::consts::SQRT_2,
        },
        Constant {
            name: "Math.SQRT1_2",
            value: std::f64::consts::FRAC_1_SQRT_2,
        },
    ],
};

/// To the nearest integer, halves towards positive infinity; keeps -0.
fn round(number: f64) -> f64 {
    let down = number.floor();
    let rounded = if number - down >= 0.5 {
        down + 1.0
    } else {
        down
    };
    if rounded == 0.0 && number.is_sign_negative() {
        return -0.0;
    }
    rounded
}

fn sign(number: f64) -> f64 {
    if number > 0.0 {
        1.0
    } else if number < 0.0 {
        -1.0
    } else {
        number
    }
}

fn two_numbers<'p>(machine: &mut Machine<'p>, arguments: &[Value<'p>]) -> Result<(f64, f64), Trap> {
    let left = machine.to_number(argument(arguments, 0))?;
    let right = machine.to_number(argument(arguments, 1))?;
    Ok((left, right))
}

fn atan2<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let (y, x) = two_numbers(machine, arguments)?;
    Ok(Value::number(libm::atan2(y, x)))
}

fn pow<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let (base, exponent) = two_numbers(machine, arguments)?;
    Ok(Value::number(power(base, exponent)))
}

fn imul<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let (left, right) = two_numbers(machine, arguments)?;
    let product = to_uint32(left).wrapping_mul(to_uint32(right)) as i32;
    Ok(Value::number(f64::from(product)))
}

fn fold<'p>(
    machine: &mut Machine<'p>,
    arguments: &[Value<'p>],
    start: f64,
    take: impl Fn(f64, f64) -> bool,
) -> Result<Value<'p>, Trap> {
    machine.spend(arguments.len() as u64)?;
    let mut result = start;
    for value in arguments {
        let number = machine.to_number(value)?;
        if result.is_nan() {
            continue;
        }
        if number.is_nan() || take(number, result) {
            result = number;
        }
    }
    Ok(Value::number(result))
}

fn min<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    fold(machine, arguments, f64::INFINITY, |number, least| {
        number < least || (number == 0.0 && least == 0.0 && number.is_sign_negative())
    })
}

fn max<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    fold(machine, arguments, f64::NEG_INFINITY, |number, greatest| {
        number > greatest || (number == 0.0 && greatest == 0.0 && number.is_sign_positive())
    })
}

/// The root of the sum of squares, scaled by the greatest and summed with compensation.
fn hypot<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    arguments: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    machine.spend(arguments.len() as u64)?;
    machine.charge(arguments.len() * 8)?;
    let mut numbers = Vec::with_capacity(arguments.len());
    for value in arguments {
        numbers.push(machine.to_number(value)?.abs());
    }
    if numbers.contains(&f64::INFINITY) {
        return Ok(Value::number(f64::INFINITY));
    }
    if numbers.iter().any(|number| number.is_nan()) {
        return Ok(Value::number(f64::NAN));
    }
    let greatest = numbers.iter().copied().fold(
        0.0,
        |left: f64, right| {
            if right > left { right } else { left }
        },
    );
    if greatest == 0.0 {
        return Ok(Value::number(0.0));
    }
    let (mut sum, mut lost) = (0.0, 0.0);
    for number in numbers {
        let scaled = number / greatest;
        let term = scaled * scaled - lost;
        let next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    Ok(Value::number(f64::sqrt(sum) * greatest))
}

/// A number of `0 <= n < 1` from the host's chance.
fn random<'p>(
    machine: &mut Machine<'p>,
    _: &Value<'p>,
    _: &[Value<'p>],
) -> Result<Value<'p>, Trap> {
    let bits = machine.host.random_bits()?;
    Ok(Value::number((bits >> 11) as f64 / 9_007_199_254_740_992.0))
}
