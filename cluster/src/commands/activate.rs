//! `Activate`: which programs serve which names from now on.
//!
//! Before it: a deploy, after every shard holds the programs. After it: daemons begin, and what
//! waited for a service of that name goes to the worker.
//! Guarantees: older activations never undo later ones; running instances keep their program.
//! Leaves to others: migrating running instances.

use transport::Address;

use crate::address::DEFAULT_KEY;
use crate::codes;
use crate::command::Activate;
use crate::message::{Parcel, ProgramId};
use crate::outcome::{Outcome, Refusal};
use crate::record::NameRecord;
use crate::shard::{Job, Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, activate: &Activate) -> Result<Outcome, ShardError> {
    if let Some(refusal) = check(shard, activate)? {
        return Ok(Outcome::Refused(refusal));
    }
    let names = activate.names.iter();
    let given = names.map(|(name, program)| (name, Some(*program)));
    let removed = activate.removed.iter().map(|name| (name, None));
    for (name, program) in removed.chain(given) {
        let Ok(address) = Address::bare(activate.namespace.clone(), name.as_str()) else {
            continue;
        };
        let tick = shard.programs.tick(&address);
        let record = NameRecord {
            program,
            version: activate.version,
            tick: None,
        };
        let renamed = shard
            .programs
            .rename(&mut *shard.store, &activate.namespace, name, record);
        if !renamed {
            continue;
        }
        shard.unschedule(tick);
        if let Some(program) = program {
            shard.schedule(&address)?;
            serve(shard, &address, program)?;
        }
    }
    shard.run_queue()?;
    Ok(Outcome::Done)
}

/// Every name must be an address, and every program must be here and have the worker.
fn check(shard: &mut Shard, activate: &Activate) -> Result<Option<Refusal>, ShardError> {
    for (name, id) in &activate.names {
        if let Err(error) = Address::bare(activate.namespace.clone(), name.as_str()) {
            return Ok(Some(Refusal::new(codes::BAD_ADDRESS, error.to_string())));
        }
        let Some(program) = shard.programs.get(&*shard.store, *id)? else {
            return Ok(Some(Refusal::new(
                codes::UNKNOWN_PROGRAM,
                format!("the program {id} for {name} is not installed here; install it first"),
            )));
        };
        if !program.worker(name).is_some_and(|facts| facts.exported) {
            return Ok(Some(Refusal::new(
                codes::UNKNOWN_WORKER,
                format!("the program {id} exports no worker {name}"),
            )));
        }
    }
    Ok(None)
}

fn serve(shard: &mut Shard, name: &Address, program: ProgramId) -> Result<(), ShardError> {
    for message in shard.service_drain(name)? {
        shard.push(Job::Parcel(Parcel::Message(message)));
    }
    let facts = shard
        .programs
        .get(&*shard.store, program)?
        .and_then(|program| program.worker(name.name()))
        .unwrap_or_default();
    if facts.reactive {
        for source in shard.sources.results_of(name) {
            shard.push(Job::Renew(source));
        }
    }
    if !facts.daemon || facts.keyed {
        return Ok(());
    }
    let Ok(instance) = name.with_key(DEFAULT_KEY) else {
        return Ok(());
    };
    let here = shard.shard_of(&instance) == shard.identity.shard;
    if here && shard.is_running(&instance)? != Some(true) {
        shard.start_root(instance, program);
    }
    Ok(())
}
