//! `Math`: functions and constants.
//!
//! Before: the machine. Guarantees: the same bits on every machine: transcendental functions come
//! from `libm`, the others from operations that IEEE 754 fixes.

use super::support::{argument, natives};
use super::{Constant, Family};
use crate::error::Trap;
use crate::machine::{Machine, power};
use crate::number::to_uint32;
use crate::value::Value;

macro_rules! of_one_number {
    ($function:expr) => {
        |machine: &mut Machine<'_>, _: &Value, arguments: &[Value]| {
            let number = machine.to_number(argument(arguments, 0))?;
            let function: fn(f64) -> f64 = $function;
            Ok(Value::number(function(number)))
        }
    };
}

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "Math.abs" / 1 => of_one_number!(f64::abs);
        "Math.floor" / 1 => of_one_number!(f64::floor);
        "Math.ceil" / 1 => of_one_number!(f64::ceil);
        "Math.trunc" / 1 => of_one_number!(f64::trunc);
        "Math.round" / 1 => of_one_number!(round);
        "Math.sign" / 1 => of_one_number!(sign);
        "Math.sqrt" / 1 => of_one_number!(f64::sqrt);
        "Math.cbrt" / 1 => of_one_number!(libm::cbrt);
        "Math.exp" / 1 => of_one_number!(libm::exp);
        "Math.expm1" / 1 => of_one_number!(libm::expm1);
        "Math.log" / 1 => of_one_number!(libm::log);
        "Math.log1p" / 1 => of_one_number!(libm::log1p);
        "Math.log2" / 1 => of_one_number!(libm::log2);
        "Math.log10" / 1 => of_one_number!(libm::log10);
        "Math.sin" / 1 => of_one_number!(libm::sin);
        "Math.cos" / 1 => of_one_number!(libm::cos);
        "Math.tan" / 1 => of_one_number!(libm::tan);
        "Math.asin" / 1 => of_one_number!(libm::asin);
        "Math.acos" / 1 => of_one_number!(libm::acos);
        "Math.atan" / 1 => of_one_number!(libm::atan);
        "Math.sinh" / 1 => of_one_number!(libm::sinh);
        "Math.cosh" / 1 => of_one_number!(libm::cosh);
        "Math.tanh" / 1 => of_one_number!(libm::tanh);
        "Math.asinh" / 1 => of_one_number!(libm::asinh);
        "Math.acosh" / 1 => of_one_number!(libm::acosh);
        "Math.atanh" / 1 => of_one_number!(libm::atanh);
        "Math.fround" / 1 => of_one_number!(|number| f64::from(number as f32));
        "Math.clz32" / 1 => of_one_number!(|number| f64::from(to_uint32(number).leading_zeros()));
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

fn two_numbers(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<(f64, f64), Trap> {
    let left = machine.to_number(argument(arguments, 0))?;
    let right = machine.to_number(argument(arguments, 1))?;
    Ok((left, right))
}

fn atan2(machine: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let (y, x) = two_numbers(machine, arguments)?;
    Ok(Value::number(libm::atan2(y, x)))
}

fn pow(machine: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let (base, exponent) = two_numbers(machine, arguments)?;
    Ok(Value::number(power(base, exponent)))
}

fn imul(machine: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    let (left, right) = two_numbers(machine, arguments)?;
    let product = to_uint32(left).wrapping_mul(to_uint32(right)) as i32;
    Ok(Value::number(f64::from(product)))
}

fn fold(
    machine: &mut Machine<'_>,
    arguments: &[Value],
    start: f64,
    take: impl Fn(f64, f64) -> bool,
) -> Result<Value, Trap> {
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

fn min(machine: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    fold(machine, arguments, f64::INFINITY, |number, least| {
        number < least || (number == 0.0 && least == 0.0 && number.is_sign_negative())
    })
}

fn max(machine: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
    fold(machine, arguments, f64::NEG_INFINITY, |number, greatest| {
        number > greatest || (number == 0.0 && greatest == 0.0 && number.is_sign_positive())
    })
}

/// The root of the sum of squares, scaled by the greatest and summed with compensation.
fn hypot(machine: &mut Machine<'_>, _: &Value, arguments: &[Value]) -> Result<Value, Trap> {
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
fn random(machine: &mut Machine<'_>, _: &Value, _: &[Value]) -> Result<Value, Trap> {
    let bits = machine.host.random_bits()?;
    Ok(Value::number((bits >> 11) as f64 / 9_007_199_254_740_992.0))
}
