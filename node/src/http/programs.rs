//! `POST /v1/programs`: compiles scripts and makes them active in the whole cluster.

use axum::Json;
use axum::extract::State;
use transport::Namespace;

use super::Context;
use super::request::{Body, Place};
use crate::api::{DeployRequest, DeployResponse, LintView, ProgramView, WorkerView};
use crate::door::{Deployed, DoorError, Scripts};

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
        workers: workers
            .map(|worker| WorkerView {
                name: worker.name.clone(),
                daemon: worker.options.daemon,
                keyed: worker.options.key.is_some(),
            })
            .collect(),
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
