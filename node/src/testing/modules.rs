//! Gives the engine the modules of a bundle: files without types, our own in `js`, and for a script its
//! workers as classes and its reactive functions as sources, beside what else it exports.

use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result};

use super::bundle::{Bundle, LANGUAGE};

/// Our own modules. No file has such a name.
const OWN: [(&str, &str); 9] = [
    ("troupe:main", include_str!("js/main.js")),
    ("troupe:suite", include_str!("js/suite.js")),
    ("troupe:expect", include_str!("js/expect.js")),
    ("troupe:equality", include_str!("js/equality.js")),
    ("troupe:diff", include_str!("js/diff.js")),
    ("troupe:format", include_str!("js/format.js")),
    ("troupe:names", include_str!("js/names.js")),
    ("troupe:sources", include_str!("js/sources.js")),
    ("troupe:worker", include_str!("js/worker.js")),
];

/// What our own modules begin with.
pub(super) const OWN_PREFIX: &str = "troupe:";

/// Behind the path of a script: its text as a module, for what it exports besides workers.
const TEXT: &str = "#text";

/// The module that `import … from "troupe"` gives.
const LANGUAGE_MODULE: &str = "troupe:language";

/// The names of the language, as far as a script may use them before its factories run.
const COMMANDS: [&str; 34] = [
    "act",
    "attempt",
    "call",
    "compensate",
    "complete",
    "computeState",
    "delay",
    "effect",
    "fail",
    "forEach",
    "kill",
    "modifyState",
    "noop",
    "now",
    "parallel",
    "race",
    "reactive",
    "readState",
    "reply",
    "saga",
    "send",
    "sender",
    "sequence",
    "spawn",
    "stateOf",
    "uuid",
    "waitFor",
    "waitForValue",
    "when",
    "whenState",
    "whileLoop",
    "withState",
    "worker",
    "clock",
];

/// The names of tests, which a test file may import instead of taking them as globals.
const TEST_NAMES: [&str; 8] = [
    "test",
    "it",
    "describe",
    "expect",
    "beforeAll",
    "beforeEach",
    "afterEach",
    "afterAll",
];

/// The name of the file that a frame of a stack names.
pub(super) fn file_of(module: &str) -> &str {
    module.strip_suffix(TEXT).unwrap_or(module)
}

/// Finds and gives the modules of a bundle.
#[derive(Clone)]
pub(super) struct Modules {
    pub(super) bundle: Rc<Bundle>,
}

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if name.starts_with(OWN_PREFIX) && base.starts_with(OWN_PREFIX) || name.ends_with(TEXT) {
            return Ok(name.to_owned());
        }
        if LANGUAGE.contains(&name) {
            return Ok(LANGUAGE_MODULE.to_owned());
        }
        // Modules that were made here name others by what the bundle calls them.
        if self.bundle.modules.contains_key(name) || name == "troupe:worker" {
            return Ok(name.to_owned());
        }
        let module = self.bundle.modules.get(file_of(base));
        let target = module.and_then(|module| module.links.get(name));
        let hint = "only what a test file imports by name before it runs can be imported";
        target
            .cloned()
            .ok_or_else(|| Error::new_resolving_message(base, name, hint))
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let text = if let Some((_, text)) = OWN.iter().find(|(own, _)| *own == name) {
            (*text).to_owned()
        } else if name == LANGUAGE_MODULE {
            language()
        } else {
            let text = self.text(name);
            text.ok_or_else(|| Error::new_loading_message(name, "it is not part of the test"))?
        };
        Module::declare(ctx.clone(), name, text)
    }
}

impl Modules {
    /// The text of a file's module.
    fn text(&self, name: &str) -> Option<String> {
        let module = self.bundle.modules.get(file_of(name))?;
        match module.script {
            Some(script) if !name.ends_with(TEXT) => Some(self.script_module(name, script)),
            _ => Some(module.plain.text.clone()),
        }
    }

    /// A script as a test sees it: a class for each worker, what makes sources of each reactive function, and
    /// what else it exports as it is.
    fn script_module(&self, name: &str, script: usize) -> String {
        let program = self.bundle.scripts[script].script.program();
        let exported_worker = |name: &str| program.worker(name).filter(|worker| worker.exported);
        let mut text =
            "import { reactiveFunction, workerClass } from \"troupe:worker\";\n".to_owned();
        let exports = &self.bundle.modules[name].plain.exports;
        let default = program.source().stem();
        let mut others = false;
        for export in exports {
            let worker = if export == "default" { default } else { export };
            let is_twice = export == "default" && exports.iter().any(|each| each == worker);
            let value = match exported_worker(worker).filter(|_| !is_twice) {
                Some(found) if found.options.reactive => {
                    format!("reactiveFunction({})", quoted(worker))
                }
                Some(_) => format!("workerClass({script}, {})", quoted(worker)),
                None => {
                    others = true;
                    format!("module[{}]", quoted(export))
                }
            };
            text.push_str(&exported(export, &value));
        }
        if others {
            let own = format!("{name}{TEXT}");
            text.push_str(&format!("import * as module from {};\n", quoted(&own)));
        }
        text
    }
}

fn exported(name: &str, value: &str) -> String {
    if name == "default" {
        format!("export default {value};\n")
    } else {
        format!("export const {name} = {value};\n")
    }
}

/// The names of the language and of tests.
pub(super) fn language_names() -> impl Iterator<Item = &'static str> {
    COMMANDS.into_iter().chain(TEST_NAMES)
}

/// The names of the language and of tests, from the globals.
fn language() -> String {
    language_names()
        .map(|name| format!("export const {name} = globalThis.{name};\n"))
        .collect()
}

/// Stands for what is no global of a test file: services by their names, which are addresses, and the language
/// where the text of a script runs in the test's engine: its factories never do.
pub(super) fn stand_ins(bundle: &Bundle) -> String {
    let programs = || bundle.scripts.iter().map(|each| each.script.program());
    let mut text = "const standIn = name => new Proxy(function () {}, {
  get: (target, key) => key === '$address' ? name : typeof key === 'symbol' ? undefined : standIn(),
  apply: () => standIn(),
  construct: () => standIn(),
});
const define = (key, name) => {
  if (!(key in globalThis)) Object.defineProperty(globalThis, key, { value: standIn(name), configurable: true, writable: true });
};
"
    .to_owned();
    let mut modules = bundle.modules.values();
    if modules.any(|module| module.script.is_some()) {
        let workers = programs().flat_map(|program| program.workers());
        let own = workers.map(|worker| worker.name.as_str());
        for name in COMMANDS.into_iter().chain(own) {
            text.push_str(&format!("define({});\n", quoted(name)));
        }
    }
    for service in programs().flat_map(|program| program.names_used()) {
        let name = quoted(service);
        text.push_str(&format!("define({name}, {name});\n"));
    }
    format!("{{\n{text}}}\n")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
