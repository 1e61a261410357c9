//! Random trees of commands, and the generator that chooses.
//!
//! Before: tests that need workers nobody wrote. Guarantees: every script compiles; states, messages, loops, sequences
//! and undos are referred to only where they are open. Included by path, also by tests inside of the crate.

/// SplitMix64, for tests that choose at random.
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by `TROUPE_SEED` (0 unless set), which is printed.
    #[expect(clippy::disallowed_methods, reason = "a test's seed can be given")]
    pub(crate) fn from_environment() -> Random {
        let seed = std::env::var("TROUPE_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(0);
        println!("TROUPE_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than the bound; 0 where that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}

/// A module whose worker `Random` is a tree of commands put together at random.
pub(crate) fn worker_script(random: &mut Random) -> String {
    let mut writer = Writer { random, names: 0 };
    let body = writer.sequence(&Scope::default());
    format!(
        "export const Random = act((self, {{ outbox, complete, fail, config }}) => {body})\nexport const Child = act(self => noop())"
    )
}

/// What a command may refer to where it stands.
#[derive(Clone, Default)]
struct Scope {
    states: Vec<String>,
    messages: Vec<String>,
    /// Items, errors: anything that can be read.
    values: Vec<String>,
    /// `done`, and loops.
    jumps: Vec<String>,
    children: Vec<String>,
    in_saga: bool,
    depth: usize,
}

struct Writer<'r> {
    random: &'r mut Random,
    names: usize,
}

impl Writer<'_> {
    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn inner(scope: &Scope) -> Scope {
        Scope {
            depth: scope.depth + 1,
            ..scope.clone()
        }
    }

    fn command(&mut self, scope: &Scope) -> String {
        if scope.depth > 5 || self.random.below(3) == 0 {
            return self.leaf(scope);
        }
        let inner = Self::inner(scope);
        match self.random.below(17) {
            0 | 1 => self.sequence(&inner),
            2 => format!("parallel([{}])", self.list(&inner)),
            3 => format!("race([{}])", self.list(&inner)),
            4 => self.attempt(&inner),
            5 | 6 => self.saga(&inner),
            7 => self.each(&inner),
            8 => self.state(&inner),
            9 => self.repeated(&inner),
            10 => self.call(&inner),
            11 => self.when(&inner),
            12 => self.spawn(&inner),
            13 => self.branch(&inner),
            14 => self.value(&inner),
            _ => self.wait(&inner),
        }
    }

    fn list(&mut self, scope: &Scope) -> String {
        let count = 1 + self.random.below(3);
        let commands: Vec<String> = (0..count).map(|_| self.command(scope)).collect();
        commands.join(", ")
    }

    fn sequence(&mut self, scope: &Scope) -> String {
        let done = self.name("done");
        let mut scope = scope.clone();
        scope.jumps.push(format!("{done}()"));
        format!("sequence(({{ done: {done} }}) => [{}])", self.list(&scope))
    }

    fn leaf(&mut self, scope: &Scope) -> String {
        let number = self.random.below(4);
        let read: Vec<&String> = scope
            .values
            .iter()
            .chain(&scope.messages)
            .chain(&scope.states)
            .collect();
        match self.random.below(14) {
            0 => format!("delay({})", number * 10),
            1 => format!("waitFor(m => m === {number})"),
            2 if !scope.jumps.is_empty() => self.random.pick(&scope.jumps).clone(),
            3 => format!("fail({number})"),
            4 => "send(outbox, readState(config, c => c.a.b))".to_owned(),
            5 | 6 if !scope.states.is_empty() => {
                let state = self.random.pick(&scope.states);
                format!("modifyState({state}, n => n + {number})")
            }
            7 if !read.is_empty() => format!("send(outbox, {})", self.random.pick(&read)),
            8 if !scope.messages.is_empty() => {
                format!("reply({}, {number})", self.random.pick(&scope.messages))
            }
            9 if scope.in_saga => {
                let scope = Scope {
                    jumps: Vec::new(),
                    in_saga: false,
                    depth: scope.depth + 2,
                    ..scope.clone()
                };
                let step = self.leaf(&scope);
                format!("compensate({step}, {})", self.command(&scope))
            }
            11 if !scope.children.is_empty() => {
                let child = self.random.pick(&scope.children).clone();
                [format!("kill({child})"), format!("send({child}, {number})")][number % 2].clone()
            }
            12 if self.random.below(20) == 0 => "kill(self)".to_owned(),
            10 if self.random.below(8) == 0 => format!("complete({number})"),
            _ => format!("send(outbox, {number})"),
        }
    }

    fn timing(&mut self, scope: &Scope) -> String {
        let time = self.random.below(3) * 15;
        match self.random.below(3) {
            0 => String::new(),
            1 => format!(", {{ timeout: {time} }}"),
            _ => format!(
                ", {{ timeout: {time}, otherwise: {} }}",
                self.command(scope)
            ),
        }
    }

    fn wait(&mut self, scope: &Scope) -> String {
        let message = self.name("m");
        let number = self.random.below(4);
        let timing = self.timing(scope);
        let mut scope = scope.clone();
        scope.messages.push(message.clone());
        let then = self.command(&scope);
        format!("waitFor(m => m === {number} || m?.a, {message} => {then}{timing})")
    }

    fn when(&mut self, scope: &Scope) -> String {
        let message = self.name("m");
        let mut inner = scope.clone();
        inner.messages.push(message.clone());
        let (first, second) = (self.command(&inner), self.command(&inner));
        format!("when(m => m > 1, {message} => {first}, {message} => {second})")
    }

    fn spawn(&mut self, scope: &Scope) -> String {
        let child = self.name("c");
        let watch = ["", ", { watch: true }"][self.random.below(2)];
        let mut scope = scope.clone();
        scope.children.push(child.clone());
        scope.values.push(child.clone());
        format!(
            "spawn(Child, 1, {child} => {}{watch})",
            self.command(&scope)
        )
    }

    fn branch(&mut self, scope: &Scope) -> String {
        let (first, second) = (self.command(scope), self.command(scope));
        let read = scope.messages.iter().chain(&scope.states).last();
        let condition = read.map_or("config".to_owned(), |read| {
            format!("readState({read}, n => n > 1)")
        });
        format!("whenState({condition}, {first}, {second})")
    }

    fn value(&mut self, scope: &Scope) -> String {
        let value = self.name("v");
        let number = self.random.below(4);
        let timing = self.timing(scope);
        let mut scope = scope.clone();
        scope.messages.push(value.clone());
        let then = self.command(&scope);
        let source = ["stateOf(Peer, 's')", "Peer(1)"][self.random.below(2)];
        format!("waitForValue({source}, v => v === {number} || v.a, {value} => {then}{timing})")
    }

    fn call(&mut self, scope: &Scope) -> String {
        let message = self.name("r");
        let timing = match self.random.below(2) {
            0 => self.timing(scope),
            _ => format!(
                ", {{ timeout: 10, retry: {{ attempts: 2, backoff: 5 }}, otherwise: {} }}",
                self.command(scope)
            ),
        };
        let mut scope = scope.clone();
        scope.messages.push(message.clone());
        let then = self.command(&scope);
        format!(
            "call(Peer, {}, {message} => {then}{timing})",
            self.random.below(9)
        )
    }

    fn attempt(&mut self, scope: &Scope) -> String {
        let body = self.command(scope);
        let error = self.name("e");
        let retry = "retry: { attempts: 2, backoff: 10 }";
        let mut scope = scope.clone();
        scope.values.push(error.clone());
        match self.random.below(3) {
            0 => format!("attempt({body}, {{ {retry} }})"),
            1 => format!(
                "attempt({body}, {{ otherwise: {error} => {} }})",
                self.command(&scope)
            ),
            _ => format!(
                "attempt({body}, {{ {retry}, otherwise: {error} => {} }})",
                self.command(&scope)
            ),
        }
    }

    fn saga(&mut self, scope: &Scope) -> String {
        let scope = Scope {
            in_saga: true,
            ..scope.clone()
        };
        let body = self.list(&scope);
        format!("saga(sequence([{body}]))")
    }

    fn each(&mut self, scope: &Scope) -> String {
        let item = self.name("i");
        let mut scope = scope.clone();
        scope.values.push(item.clone());
        format!("forEach([1, 2], {item} => {})", self.command(&scope))
    }

    fn state(&mut self, scope: &Scope) -> String {
        let state = self.name("s");
        let mut scope = scope.clone();
        scope.states.push(state.clone());
        let body = self.list(&scope);
        format!("withState(() => 1, {state} => sequence([{body}]))")
    }

    fn repeated(&mut self, scope: &Scope) -> String {
        let name = self.name("loop");
        let mut scope = scope.clone();
        scope.jumps.push(format!("{name}.break()"));
        scope.jumps.push(format!("{name}.continue()"));
        let body = self.list(&scope);
        format!("whileLoop({name} => sequence([delay(5), {body}]))")
    }
}
