#![allow(clippy::unwrap_used)]
fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let source = vm::Source::new(path, text);
    match vm::compile(&source, &vm::BuildLimits::default()) {
        Err(ds) => {
            for d in ds {
                println!("{}", d.render(&source, false));
            }
        }
        Ok(c) => {
            for d in &c.lints {
                println!("{}", d.render(&source, false));
            }
            println!("{} bytes {}", c.program.encode().len(), c.program.hash());
            for w in c.program.workers() {
                println!("{} exported {} {:?}", w.name, w.exported, w.options.restart);
            }
            let names: Vec<_> = c.program.names_used().collect();
            println!("{names:?}");
            let opts = vm::local::LocalOptions {
                worker: args.next(),
                ..Default::default()
            };
            let msgs: Vec<_> = args
                .map(|m| vm::local::parse_line(&m, &vm::Limits::default()).unwrap())
                .collect();
            match vm::local::LocalRun::new(&c.program, opts).and_then(|r| r.run(&msgs)) {
                Ok((ev, end)) => {
                    for e in ev {
                        println!("{}", e.to_line().unwrap_or_else(|| format!("{e:?}")));
                    }
                    println!("{}", end.to_line());
                }
                Err(e) => println!("{e}"),
            }
        }
    }
}
