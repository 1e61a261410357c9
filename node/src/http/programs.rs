//! `POST /v1/programs`: compiles scripts and makes them active in the whole cluster.

use axum::Json;
use axum::extract::State;
use transport::Namespace;

use super::Context;
use super::request::{Body, Place};
use crate::api::{DeployRequest, DeployResponse, LintView, ProgramView, WorkerView};
use crate::door::{Deployed, DoorError};

/// Installs the files of the request: all of them or none.
pub(super) async fn deploy(
    State(context): State<Context>,
    place: Place,
    body: Body,
) -> Result<Json<DeployResponse>, DoorError> {
    let request: DeployRequest = body.json()?;
    if request.files.is_empty() {
        return Err(DoorError::BadRequest(
            "there is no file to deploy".to_owned(),
        ));
    }
    let namespace = Namespace::new(place.namespace())?;
    let files: Vec<(String, String)> = request
        .files
        .into_iter()
        .map(|file| (file.name, file.source))
        .collect();
    let deployed = context.door()?.deploy(&namespace, &files).await?;
    let unserved = context.door()?.unserved(&namespace, &deployed);
    Ok(Json(DeployResponse {
        programs: deployed.iter().map(program).collect(),
        unserved,
    }))
}

fn program(deployed: &Deployed) -> ProgramView {
    let workers = deployed.program.workers().filter(|worker| worker.exported);
    let source = deployed.program.source();
    ProgramView {
        hash: deployed.program.hash().to_string(),
        file: deployed.file.clone(),
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
                rendered: lint.render(source, false),
            })
            .collect(),
    }
}
