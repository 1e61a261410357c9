//! Data of workers as values of the test's engine: maps, sets, dates and `undefined` as they are.

use rquickjs::function::Constructor;
use rquickjs::{Array, Ctx, FromJs, IntoJs, Object, Result, Value};
use vm::{Data, ScriptError};

/// The value of data. Its depth is bounded, as that of all data.
pub(super) fn value_of<'js>(ctx: &Ctx<'js>, data: &Data) -> Result<Value<'js>> {
    match data {
        Data::Undefined | Data::Symbolic(_) | Data::Function(_) => {
            Ok(Value::new_undefined(ctx.clone()))
        }
        Data::Null => Ok(Value::new_null(ctx.clone())),
        Data::Boolean(boolean) => boolean.into_js(ctx),
        Data::Number(number) => number.into_js(ctx),
        Data::Array(array) => list(ctx, array.items()),
        Data::Object(object) => {
            let made = Object::new(ctx.clone())?;
            for (key, value) in object.properties().iter() {
                made.set(key.to_string(), value_of(ctx, value)?)?;
            }
            Ok(made.into_value())
        }
        Data::Date(time) => construct(ctx, "Date", (*time).into_js(ctx)?),
        Data::Map(map) => {
            let pairs = Array::new(ctx.clone())?;
            for (at, (key, value)) in map.entries().iter().enumerate() {
                let pair = Array::new(ctx.clone())?;
                pair.set(0, value_of(ctx, key)?)?;
                pair.set(1, value_of(ctx, value)?)?;
                pairs.set(at, pair)?;
            }
            construct(ctx, "Map", pairs.into_value())
        }
        Data::Set(set) => construct(ctx, "Set", list(ctx, set.values())?),
        Data::RegExp(expression) => {
            let kind: Constructor<'js> = ctx.globals().get("RegExp")?;
            kind.construct((
                expression.source().to_string(),
                expression.flags().to_string(),
            ))
        }
        // Texts, errors and addresses, as their JSON has them.
        other => ctx.json_parse(other.to_json()),
    }
}

fn list<'js>(ctx: &Ctx<'js>, items: &[Data]) -> Result<Value<'js>> {
    let array = Array::new(ctx.clone())?;
    for (at, item) in items.iter().enumerate() {
        array.set(at, value_of(ctx, item)?)?;
    }
    Ok(array.into_value())
}

fn construct<'js>(ctx: &Ctx<'js>, kind: &str, argument: Value<'js>) -> Result<Value<'js>> {
    let kind: Constructor<'js> = ctx.globals().get(kind)?;
    let made: Value<'js> = kind.construct((argument,))?;
    Value::from_js(ctx, made)
}

/// An error of a script, with its code, message, stack and value.
pub(super) fn error_of<'js>(ctx: &Ctx<'js>, error: &ScriptError) -> Result<Value<'js>> {
    let made = Object::new(ctx.clone())?;
    made.set("code", error.code.as_str())?;
    made.set("message", error.message.as_str())?;
    if let Some(value) = &error.value {
        made.set("value", value_of(ctx, value)?)?;
    }
    let frames = error.stack.iter().map(|frame| {
        format!(
            "{} ({}:{}:{})",
            frame.function, frame.file, frame.line, frame.column
        )
    });
    made.set("stack", frames.collect::<Vec<_>>())?;
    Ok(made.into_value())
}
