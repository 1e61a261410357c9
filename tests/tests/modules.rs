//! Scripts of several files against another engine: random files that import, re-export and change each other's
//! variables run in our compiler and in QuickJS, in the same order and with the same values.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{CatchResultExt, Context, Ctx, Error, Module, Runtime};
use tests::random::{Random, seed};
use vm::BuildLimits;
use vm::local::{LocalOptions, LocalRun};

const PROGRAMS: usize = 300;

type Texts = BTreeMap<String, String>;

/// What a name that a file exports is.
#[derive(Clone)]
enum Kind {
    Number,
    Function,
    /// All exports of a file.
    Namespace(usize),
}

/// A file that has been written.
#[derive(Clone, Default)]
struct Written {
    exports: BTreeMap<String, Kind>,
    /// Whether one of them is assigned later: then its namespace is no value.
    changes: bool,
}

struct Writer {
    random: Random,
    files: Vec<Written>,
    names: usize,
}

impl Writer {
    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("x{}", self.names)
    }

    /// The text of the next file; `last` is the entry.
    fn file(&mut self, last: bool) -> String {
        let own = self.files.len();
        let mut text = "import { note, trace } from './m0.js'\n".to_owned();
        let mut written = Written::default();
        let mut values: Vec<String> = vec!["1".to_owned()];
        let mut namespaces: Vec<(String, usize)> = Vec::new();
        for _ in 0..=self.random.below(5) {
            let from = self.random.below(own);
            if from > 0 {
                self.import(from, &mut text, &mut written, &mut values, &mut namespaces);
            }
        }
        writeln!(text, "note('m{own}')").unwrap();
        let sum = self.sum(&values);
        writeln!(text, "export const a{own} = note({sum})").unwrap();
        written.exports.insert(format!("a{own}"), Kind::Number);
        if self.random.below(2) == 0 {
            let sum = self.sum(&values);
            writeln!(text, "export let b{own} = 1\nexport function f{own}() {{ b{own} += 3; return note(b{own} + {sum}) }}").unwrap();
            written.exports.insert(format!("b{own}"), Kind::Number);
            written.exports.insert(format!("f{own}"), Kind::Function);
            written.changes = true;
        }
        if self.random.below(2) == 0 {
            let sum = self.sum(&values);
            writeln!(text, "export default note({sum} * 2)").unwrap();
            written.exports.insert("default".to_owned(), Kind::Number);
        }
        if last {
            let shown: Vec<String> = namespaces
                .iter()
                .filter(|(_, file)| !self.changes(*file))
                .map(|(name, _)| format!("Object.keys({name}).join()"))
                .collect();
            let values = values.join(", ");
            writeln!(
                text,
                "const text = JSON.stringify([[{values}], [{}], trace])",
                shown.join(", ")
            )
            .unwrap();
            text.push_str("export const Out = act((self, { complete }) => complete(text))\n");
        }
        self.files.push(written);
        text
    }

    fn changes(&self, file: usize) -> bool {
        let written = &self.files[file];
        let inner = written
            .exports
            .values()
            .any(|kind| matches!(kind, Kind::Namespace(inner) if self.changes(*inner)));
        written.changes || inner
    }

    fn sum(&mut self, values: &[String]) -> String {
        let picked =
            (0..=self.random.below(3)).map(|_| values[self.random.below(values.len())].clone());
        picked.collect::<Vec<_>>().join(" + ")
    }

    /// One way in which a file refers to another.
    fn import(
        &mut self,
        from: usize,
        text: &mut String,
        written: &mut Written,
        values: &mut Vec<String>,
        namespaces: &mut Vec<(String, usize)>,
    ) {
        let exports: Vec<(String, Kind)> = self.files[from].exports.clone().into_iter().collect();
        let (name, kind) = exports[self.random.below(exports.len())].clone();
        let local = self.fresh();
        match self.random.below(6) {
            0 | 1 => {
                writeln!(text, "import {{ {name} as {local} }} from './m{from}.js'").unwrap();
                self.use_value(&local, &kind, values, namespaces);
            }
            2 => {
                writeln!(text, "import * as {local} from './m{from}.js'").unwrap();
                self.use_value(&local, &Kind::Namespace(from), values, namespaces);
            }
            3 => {
                writeln!(text, "export {{ {name} as {local} }} from './m{from}.js'").unwrap();
                written.exports.insert(local, kind);
                written.changes |= self.changes(from);
            }
            4 => {
                writeln!(text, "export * from './m{from}.js'").unwrap();
                let passed = exports.into_iter().filter(|(name, _)| name != "default");
                written.exports.extend(passed);
                written.changes |= self.changes(from);
            }
            _ => {
                writeln!(text, "export * as {local} from './m{from}.js'").unwrap();
                written.exports.insert(local, Kind::Namespace(from));
            }
        }
    }

    /// How an imported name is read.
    fn use_value(
        &mut self,
        local: &str,
        kind: &Kind,
        values: &mut Vec<String>,
        namespaces: &mut Vec<(String, usize)>,
    ) {
        match kind {
            Kind::Number => values.push(local.to_owned()),
            Kind::Function => values.push(format!("{local}()")),
            Kind::Namespace(file) => {
                namespaces.push((local.to_owned(), *file));
                for (name, kind) in self.files[*file].exports.clone() {
                    let member = format!("{local}.{name}");
                    match kind {
                        Kind::Number => values.push(member),
                        Kind::Function => values.push(format!("{member}()")),
                        // A few levels are enough.
                        Kind::Namespace(_) => {}
                    }
                }
            }
        }
    }
}

/// Random files, the entry last.
fn program(seed: u64) -> (String, Texts) {
    let mut writer = Writer {
        random: Random::new(seed),
        files: vec![Written::default()],
        names: 0,
    };
    let base = "export const trace = []\nexport const note = x => { trace.push(x); return x }\n";
    let mut texts = Texts::from([("m0.js".to_owned(), base.to_owned())]);
    let count = 2 + writer.random.below(5);
    for at in 1..=count {
        texts.insert(format!("m{at}.js"), writer.file(at == count));
    }
    (format!("m{count}.js"), texts)
}

fn ours(entry: &str, texts: &Texts) -> String {
    let compiled = match vm::compile_files(entry, texts, &BuildLimits::default()) {
        Ok(compiled) => compiled,
        Err(rejected) => return rejected.rendered(false).collect::<Vec<_>>().join("\n"),
    };
    let run = LocalRun::new(&compiled.program, LocalOptions::default()).unwrap();
    let (_, end) = run.run(&[]).unwrap();
    let line: serde_json::Value = serde_json::from_str(&end.to_line()).unwrap();
    line["result"].as_str().unwrap_or(&end.to_line()).to_owned()
}

#[derive(Clone)]
struct Memory(Texts);

impl Resolver for Memory {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Ok(name.trim_start_matches("./").to_owned())
    }
}

impl Loader for Memory {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let text = self.0.get(name).ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, text.as_str())
    }
}

fn theirs(entry: &str, texts: &Texts) -> String {
    let runtime = Runtime::new().unwrap();
    runtime.set_loader(Memory(texts.clone()), Memory(texts.clone()));
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let act = "globalThis.act = make => make({}, { complete: result => result })";
        ctx.eval::<(), _>(act).unwrap();
        let run = || -> rquickjs::Result<String> {
            let module = Module::declare(ctx.clone(), entry, texts[entry].as_str())?;
            let (module, promise) = module.eval()?;
            promise.finish::<()>()?;
            module.get("Out")
        };
        run().catch(&ctx).unwrap_or_else(|error| error.to_string())
    })
}

#[test]
fn files_run_as_another_engine_runs_them() {
    let seed = seed();
    let mut values = 0;
    for at in 0..PROGRAMS {
        let own = seed.wrapping_add(at as u64);
        let (entry, texts) = program(own);
        let (ours, theirs) = (ours(&entry, &texts), theirs(&entry, &texts));
        if ours != theirs {
            for (name, text) in &texts {
                eprintln!("// {name}\n{text}");
            }
            panic!("seed {own}, {entry}\nours:   {ours}\ntheirs: {theirs}");
        }
        values += ours.len();
    }
    assert!(values > 20 * PROGRAMS, "the programs do next to nothing");
}
