//! The other engine: QuickJS, which calls a function in a loop of its own.

use rquickjs::{Context, Ctx, Function, Runtime, Value};

/// A loop inside the engine, so that its calls cost what calls between its functions cost.
const LOOP: &str =
    "(f, argument) => times => { let last; while (times-- > 0) last = f(argument); return last }";

/// One context of the engine.
pub(crate) struct QuickJs {
    context: Context,
}

impl QuickJs {
    pub(crate) fn new() -> QuickJs {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        QuickJs { context }
    }

    /// Gives a function of the engine that calls one with an argument so many times, to be used
    /// inside; and what the function gives, as JSON.
    pub(crate) fn with<T>(
        &self,
        source: &str,
        argument: &str,
        inside: impl FnOnce(&mut dyn FnMut(u64), String) -> T,
    ) -> T {
        self.context.with(|ctx: Ctx<'_>| {
            let text = format!("'use strict'; ({LOOP})(({source}), ({argument}))");
            let repeated: Function<'_> = ctx.eval(text).unwrap();
            let mut repeat = |times: u64| {
                let _: Value<'_> = repeated.call((times as f64,)).unwrap();
            };
            let value: Value<'_> = repeated.call((1.0,)).unwrap();
            let json = ctx.json_stringify(value).unwrap();
            let json = json.map_or_else(String::new, |text| text.to_string().unwrap());
            inside(&mut repeat, json)
        })
    }
}
