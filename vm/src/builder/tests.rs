//! The builder against scripts: the same tree has the same instructions, commands and functions alike.

use serde_json::json;

use super::{
    Act, Expr, Module, Object, Operand, act, apply, instance, list, reactive, service, state_of,
    value_of,
};
use crate::limits::BuildLimits;
use crate::source::Source;
use crate::testing::Script;

/// Instructions without the lines of the source, which differ.
fn instructions(program: &crate::Program) -> String {
    let lines = program.disassemble();
    let lines = lines.lines().map(|line| {
        let code = line.split("  ; line").next().unwrap_or_default();
        code.split(" (line ").next().unwrap_or_default().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Checks that a module and a script have the same instructions. The script names variables as the builder does:
/// they are in the table of names, for messages.
fn check(module: &Module, twin: &str) {
    let built = module.compile();
    let built = built.unwrap_or_else(|error| panic!("{error}\n{}", module.script()));
    let source = Source::new("twin.js", twin);
    let compiled = crate::build::compile(&source, &BuildLimits::default());
    let compiled = compiled.unwrap_or_else(|errors| panic!("{}", errors[0].render(&source, false)));
    assert_eq!(
        instructions(&built),
        instructions(&compiled.program),
        "\n{}",
        module.script()
    );
}

fn alone(act: Act) -> Module {
    Module::new().worker(act)
}

#[test]
fn a_counter_is_its_script() {
    let counter = act("Counter", |w| {
        w.with_state(0, |total| {
            w.while_loop(|_| {
                w.wait_for(
                    |m| m.field("type").equals("add"),
                    |add| {
                        w.sequence([
                            w.modify_state_given(total, [add], |n, [m]| n + m.field("amount")),
                            w.send(w.outbox(), w.read(total, |n| Object::new().set("total", n))),
                        ])
                    },
                )
            })
        })
        .named("total")
    });
    check(
        &alone(counter.daemon().key(|m| m.field("name"))),
        "export const Counter = act((self, { outbox }) =>
          withState(() => 0, v1 =>
            whileLoop(() =>
              waitFor(v3 => v3.type === 'add', v4 =>
                sequence(() => [
                  modifyState(v1, computeState([v4], v5 => v6 => v6 + v5.amount)),
                  send(outbox, readState(v1, v7 => ({ total: v7 }))),
                ]))), { as: 'total' }),
          { daemon: true, key: v8 => v8.name });",
    );
}

#[test]
fn every_command_of_the_first_table_is_its_script() {
    let child = act("Child", |w| w.complete(w.config()));
    let all = act("All", |w| {
        w.sequence_with(|outer| {
            vec![
                w.noop(),
                w.with_state_from(
                    w.config(),
                    |c| c.field("start"),
                    |state| {
                        w.while_loop(|repeated| {
                            w.when(
                                |m| m.field("go").equals(true),
                                |go| w.sequence([w.send(w.sender(go), go), w.again(repeated)]),
                                |_| {
                                    w.when_state(
                                        w.read(state, |s| s.greater_than(3)),
                                        w.done(outer),
                                        w.leave(repeated),
                                    )
                                },
                            )
                        })
                    },
                ),
                w.wait_for_given([w.config()], |m, [c]| m.equals(c), |_| w.noop()),
                w.spawn("Child", json!({ "a": [1, "x", null] }), |child| {
                    w.kill(child)
                })
                .watched(),
                w.delay(w.compute([w.config()], |[c]| c.field("ms") * 2)),
                w.send(
                    instance("Account", "ann"),
                    Operand::object([
                        ("me", w.myself()),
                        ("list", Operand::list([w.outbox(), 1.into()])),
                    ]),
                ),
                w.fail("enough"),
            ]
        })
    });
    check(
        &Module::new().child(child).worker(all),
        "const Child = act((self, { complete, config }) => complete(config));
        export const All = act((self, { config, fail, outbox }) =>
          sequence(({ done }) => [
            noop(),
            withState(computeState([config], v2 => () => v2.start), v3 =>
              whileLoop(v4 =>
                when(v5 => v5.go === true,
                  v6 => sequence(() => [send(sender(v6), v6), v4.continue()]),
                  () => whenState(readState(v3, v8 => v8 > 3), done(), v4.break())))),
            waitFor(computeState([config], v9 => v10 => v10 === v9), () => noop()),
            spawn(Child, { a: [1, 'x', null] }, v12 => kill(v12), { watch: true }),
            delay(computeState([config], v13 => v13.ms * 2)),
            send(worker('Account', 'ann'), { me: self, list: [outbox, 1] }),
            fail('enough'),
          ]));",
    );
}

#[test]
fn every_command_of_the_second_table_is_its_script() {
    let all = act("All", |w| {
        w.sequence([
            w.wait_for(|m| m.field("x"), |_| w.noop())
                .timeout(10)
                .otherwise(w.noop()),
            w.call(service("Http"), json!({ "url": "u" }), |answer| {
                w.send(service("Log"), answer)
            })
            .timeout(100)
            .otherwise(w.noop())
            .retry(3),
            w.wait_for(|_| true.into(), |m| w.reply(m, json!({ "ok": true }))),
            w.parallel([w.delay(1), w.race([w.delay(2), w.noop()])]),
            w.attempt(w.fail("x"), |error| w.send(service("Log"), error))
                .retry(2),
            w.saga(w.compensate(w.send(service("Log"), 1), w.send(service("Log"), 2))),
            w.for_each(w.config(), |item| {
                w.send(service("Log"), w.read(item, |i| i.field("a")))
            }),
        ])
    });
    check(
        &alone(all),
        "export const All = act((self, { config, fail }) =>
          sequence(() => [
            waitFor(v1 => v1.x, () => noop(), { timeout: 10, otherwise: noop() }),
            call(Http, { url: 'u' }, v3 => send(Log, v3), { timeout: 100, otherwise: noop(), retry: { attempts: 3 } }),
            waitFor(() => true, v5 => reply(v5, { ok: true })),
            parallel([delay(1), race([delay(2), noop()])]),
            attempt(fail('x'), { otherwise: v6 => send(Log, v6), retry: { attempts: 2 } }),
            saga(compensate(send(Log, 1), send(Log, 2))),
            forEach(config, v7 => send(Log, readState(v7, v8 => v8.a))),
          ]));",
    );
}

#[test]
fn reactive_functions_and_waits_for_values_are_their_scripts() {
    let minute = reactive("Minute", |r, []| r.clock(60_000) / 60_000);
    let busy = reactive("Busy", |r, [who, _]| {
        let orders = r
            .state_of("Desk", &who, "orders")
            .or(r.state_of_one("Shop", "open"));
        orders
            .and(r.value_of("Minute", []))
            .and(r.effect("Weather", Object::new().set("at", who)))
    });
    let all = act("All", |w| {
        w.spawn("Child", 1, |child| {
            w.sequence([
                w.wait_for_value(state_of(child, "phase"), |p| p.equals("done"), |_| w.noop()),
                w.wait_for_value(
                    value_of("Busy", [w.config(), 2.into()]),
                    |b| b,
                    |b| w.complete(b),
                )
                .timeout(50)
                .otherwise(w.noop()),
            ])
        })
    });
    let child = act("Child", |w| {
        w.with_state("new", |_| w.delay(1)).named("phase")
    });
    check(
        &Module::new().reactive(minute).reactive(busy).child(child).worker(all),
        "export const Minute = reactive(get => get(clock(60000)) / 60000);
        export const Busy = reactive((get, v1) =>
          (get(stateOf(worker('Desk', v1), 'orders')) || get(stateOf(Shop, 'open'))) &&
            get(Minute()) && get(effect(Weather, { at: v1 })));
        const Child = act(() => withState(() => 'new', () => delay(1), { as: 'phase' }));
        export const All = act((self, { complete, config }) =>
          spawn(Child, 1, v1 =>
            sequence(() => [
              waitForValue(stateOf(v1, 'phase'), v2 => v2 === 'done', () => noop()),
              waitForValue(Busy(config, 2), v4 => v4, v5 => complete(v5), { timeout: 50, otherwise: noop() }),
            ])));",
    );
}

#[test]
fn expressions_are_written_so_that_they_keep_their_shape() {
    let a = || Expr::from("a");
    let n = |number: i32| Expr::from(number);
    let cases: [(Expr, &str); 14] = [
        ((n(1) + 2) * 3, "(1 + 2) * 3"),
        (n(1) + n(2) * 3, "1 + 2 * 3"),
        (n(1) - (n(2) - 3), "1 - (2 - 3)"),
        (-n(-1), "-(-1)"),
        (n(5).method("toFixed", [1.into()]), "(5).toFixed(1)"),
        (!a().equals("b").and(true), "!(\"a\" === \"b\" && true)"),
        (a().or_else("b").or("c"), "(\"a\" ?? \"b\") || \"c\""),
        (a().or("b").or_else("c"), "(\"a\" || \"b\") ?? \"c\""),
        (
            a().choose(1, a().choose(2, 3)).field("x y"),
            "(\"a\" ? 1 : \"a\" ? 2 : 3)[\"x y\"]",
        ),
        (
            Object::new()
                .spread(a())
                .set("__proto__", 1)
                .set("a-b", f64::NAN)
                .into(),
            "{ ...\"a\", [\"__proto__\"]: 1, \"a-b\": NaN }",
        ),
        (list([n(1), n(2)]).item(0), "[1, 2][0]"),
        (
            apply("Math.max", [1.into(), f64::NEG_INFINITY.into()]),
            "Math.max(1, -Infinity)",
        ),
        (
            Expr::from(json!({ "a": [1.5, null] })).field("a"),
            "{ a: [1.5, null] }.a",
        ),
        (Expr::undefined().equals(1e21), "undefined === 1e+21"),
    ];
    for (expr, expected) in cases {
        assert_eq!(expr.to_string(), expected);
    }
}

#[test]
fn functions_inside_expressions_see_what_is_around_them() {
    let pairs = act("Pairs", |w| {
        w.wait_for(
            |m| m.field("all"),
            |m| {
                w.complete(w.read(m, |m| {
                    m.field("all").each("map", |x| {
                        m.field("all")
                            .each("filter", |y| y.less_than(&x))
                            .each("map", |y| list([x.clone(), y]))
                    })
                }))
            },
        )
    });
    let program = pairs.compile().unwrap();
    let mut worker = Script::of(program.into()).start().unwrap();
    worker.process_message(json!({ "all": [1, 2, 3] })).unwrap();
    assert_eq!(
        worker.result(),
        Some(json!([[], [[2, 1]], [[3, 1], [3, 2]]]))
    );
}

#[test]
fn texts_and_names_cannot_break_out_of_the_script() {
    let evil = "\"); throw `${x}`; //\n\u{2028}'";
    let echo = act("Echo", |w| {
        w.complete(w.read(w.config(), |c| list([c.field(evil), Expr::from(evil)])))
    });
    let program = echo.compile().unwrap();
    let config = json!({ evil: 5 });
    let worker = Script::of(program.into())
        .worker("Echo")
        .config(config)
        .start()
        .unwrap();
    assert_eq!(worker.result(), Some(json!([5, evil])));
}

#[test]
fn what_is_wrong_is_said_with_the_script() {
    let mut kept = None;
    let wrong = act("Wrong", |w| {
        w.sequence([
            w.wait_for(
                |_| true.into(),
                |m| {
                    kept = Some(m);
                    w.noop()
                },
            ),
            w.send(service("Log"), kept.map_or(Operand::from(0), Into::into)),
        ])
    });
    let error = wrong.compile().unwrap_err().to_string();
    assert!(
        error.contains("error[E0104]") && error.contains("send(Log, v2)"),
        "{error}"
    );
    let error = act("Odd", |w| w.noop().timeout(5))
        .compile()
        .unwrap_err()
        .to_string();
    assert!(error.contains("builder.js:2:"), "{error}");
    for name in ["not a name", "1st", "", "a = 1; b"] {
        let error = act(name, |w| w.noop()).compile().unwrap_err().to_string();
        let said = format!("`{name}` is no name for a worker");
        assert!(error.contains(&said), "{error}");
    }
    let odd = act("Odd", |w| {
        w.complete(w.read(w.config(), |_| apply("(() => 1)", [])))
    });
    let error = odd.compile().unwrap_err().to_string();
    assert!(error.contains("globalThis"), "{error}");
}
