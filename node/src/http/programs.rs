//! `/v1/programs`: compiles scripts and makes them active in the whole cluster, shows which workers serve which
//! names, and takes names away.

use axum::Json;
use axum::extract::State;
use cluster::message::ProgramId;
use transport::{Address, Namespace};

use super::Context;
use super::request::{Body, Place};
use crate::api::{
    DeployRequest, DeployResponse, LintView, ProgramView, ServedPage, ServedView, WorkerView,
};
use crate::door::{Deployed, Door, DoorError, Scripts};

/// Installs the files of the request: all of them or none.
pub(super) async fn deploy(
    State(context): State<Context>,
    place: Place,
    body: Body,
) -> Result<Json<DeployResponse>, DoorError> {
    let request: DeployRequest = body.json()?;
    let namespace = Namespace::new(place.namespace())?;
    let scripts = scripts(request)?;
    let deployed = context.door()?.deploy(&namespace, &scripts).await?;
    let unserved = context.door()?.unserved(&namespace, &deployed);
    Ok(Json(DeployResponse {
        programs: deployed.iter().map(program).collect(),
        unserved,
    }))
}

/// `GET /v1/programs`: the workers that serve names.
pub(super) async fn list(
    State(context): State<Context>,
    place: Place,
) -> Result<Json<ServedPage>, DoorError> {
    let door = context.door()?;
    let namespace = Namespace::new(place.namespace())?;
    let mut workers = Vec::new();
    for (name, id) in door.names(&namespace) {
        let name = Address::bare(namespace.clone(), name.as_str())?;
        workers.extend(served(door, &name, id).await?);
    }
    Ok(Json(ServedPage { workers }))
}

/// `GET /v1/programs/{name}`: the worker that serves a name.
pub(super) async fn show(
    State(context): State<Context>,
    place: Place,
) -> Result<Json<ServedView>, DoorError> {
    let door = context.door()?;
    let name = door.address(place.namespace(), place.get("name"), None)?;
    let id = door.require_worker(&name).await?;
    let found = served(door, &name, id).await?;
    let missing = || DoorError::NotFound(format!("the program {id} has no worker {name}"));
    found.map(Json).ok_or_else(missing)
}

/// `DELETE /v1/programs/{name}`: takes a name away; answers with what served it.
pub(super) async fn undeploy(
    State(context): State<Context>,
    place: Place,
) -> Result<Json<ServedView>, DoorError> {
    let shown = show(State(context.clone()), place.clone()).await?;
    let door = context.door()?;
    let name = door.address(place.namespace(), place.get("name"), None)?;
    door.undeploy(&name).await?;
    Ok(shown)
}

async fn served(
    door: &Door,
    name: &Address,
    id: ProgramId,
) -> Result<Option<ServedView>, DoorError> {
    let program = door.program(id, name).await?;
    let worker = program.worker(name.name());
    Ok(worker.map(|found| ServedView {
        worker: worker_view(found),
        file: program.source().name.clone(),
        program: id.to_string(),
    }))
}

fn worker_view(worker: &vm::WorkerDefinition) -> WorkerView {
    WorkerView {
        name: worker.name.clone(),
        daemon: worker.options.daemon,
        keyed: worker.options.keyed(),
        reactive: worker.options.reactive,
    }
}

/// The files of a request by their paths.
fn scripts(request: DeployRequest) -> Result<Scripts, DoorError> {
    if request.files.is_empty() {
        return Err(DoorError::BadRequest(
            "there is no file to deploy".to_owned(),
        ));
    }
    let mut scripts = Scripts::default();
    let entries = request.files.len();
    for (at, file) in request.files.into_iter().chain(request.modules).enumerate() {
        let name = vm::modules::normal(&file.name);
        if name.is_empty() {
            return Err(DoorError::BadRequest("a file has no name".to_owned()));
        }
        if at < entries {
            scripts.entries.push(name.clone());
        }
        if scripts.files.insert(name.clone(), file.source).is_some() {
            let detail = format!("two files have the name `{name}`: give each its path");
            return Err(DoorError::BadRequest(detail));
        }
    }
    Ok(scripts)
}

fn program(deployed: &Deployed) -> ProgramView {
    let workers = deployed.program.workers().filter(|worker| worker.exported);
    ProgramView {
        hash: deployed.program.hash().to_string(),
        file: deployed.file.clone(),
        modules: deployed
            .program
            .sources()
            .iter()
            .skip(1)
            .map(|source| source.name.clone())
            .collect(),
        workers: workers.map(worker_view).collect(),
        lints: deployed
            .lints
            .iter()
            .map(|lint| LintView {
                code: lint.code.code.to_owned(),
                message: lint.message.clone(),
                rendered: lint.render(&deployed.sources, false),
            })
            .collect(),
    }
}
