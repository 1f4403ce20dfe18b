//! What is: everything, one cluster, one server. Read from what is published; nobody is asked.
//! What is told of the whole service is put into the words of the API here, the rest in `api`.

use axum::{extract::State, http::StatusCode, response::Response};

use super::{Operations, rejection::Rejection, reply::json, request::Named};
use crate::{
    api::{
        self, ClusterStatus, HookStatus, PublishState, PublishStatus, Refused, SecondaryStatus,
        StateStatus, Why, rfc3339,
    },
    hooks::HookTally,
    push::{PushState, PushView},
    report::Sought,
    state::StateReport,
    status::{Status, VERSION, severity_of_push, severity_of_secondary},
    transfer::{SecondaryState, SecondaryView},
};

/// Everything: clusters, names, servers, overrides.
#[utoipa::path(
    get, path = "/v1/status", tag = "look",
    responses((status = 200, description = "Everything", body = api::Status)),
)]
pub async fn status(State(operations): State<Operations>) -> Response {
    json(StatusCode::OK, &api::Status::from(&operations.status()))
}

/// One cluster.
#[utoipa::path(
    get, path = "/v1/clusters/{name}", tag = "look",
    params(("name" = String, Path, description = "The cluster, in any case of letters")),
    responses(
        (status = 200, description = "The cluster", body = ClusterStatus),
        (status = 404, description = "There is no such cluster", body = Refused),
    ),
)]
pub async fn cluster(
    State(operations): State<Operations>,
    Named(name): Named,
) -> Result<Response, Rejection> {
    let found = operations.cluster_status(&name);
    let found = found.ok_or_else(|| operations.unknown(Sought::Cluster, &name))?;
    Ok(json(StatusCode::OK, &ClusterStatus::from(&found)))
}

/// What one server is, and why it is in each name or not.
#[utoipa::path(
    get, path = "/v1/servers/{name}", tag = "look",
    params(("name" = String, Path, description = "The server, in any case of letters")),
    responses(
        (status = 200, description = "The server", body = Why),
        (status = 404, description = "There is no such server", body = Refused),
    ),
)]
pub async fn server(
    State(operations): State<Operations>,
    Named(name): Named,
) -> Result<Response, Rejection> {
    let found = operations.why(&name).ok_or_else(|| operations.unknown(Sought::Server, &name))?;
    Ok(json(StatusCode::OK, &Why::from(&found)))
}

impl From<&Status> for api::Status {
    fn from(status: &Status) -> Self {
        let process = &status.process;
        Self {
            version: VERSION.to_owned(),
            started: rfc3339(process.started),
            generation: status.generation,
            serial: status.serial,
            ready: status.is_ready(),
            faults: process.faults.clone(),
            severity: status.severity().into(),
            headline: status.headline(),
            isolated: status.isolated,
            warnings: status.warnings.clone(),
            state: process.state.as_ref().map(StateStatus::from),
            hooks: process.hooks.iter().map(HookStatus::from).collect(),
            secondaries: process.secondaries.iter().map(SecondaryStatus::from).collect(),
            published: process.pushes.iter().map(PublishStatus::from).collect(),
            queries: process.queries,
            clusters: status.clusters.iter().map(ClusterStatus::from).collect(),
        }
    }
}

impl From<&SecondaryView> for SecondaryStatus {
    fn from(view: &SecondaryView) -> Self {
        Self {
            zone: view.zone.to_string(),
            name: view.name.to_string(),
            address: view.address.to_string(),
            state: match view.state() {
                SecondaryState::NotReady => api::SecondaryState::NotReady,
                SecondaryState::Level => api::SecondaryState::Level,
                SecondaryState::Following => api::SecondaryState::Following,
                SecondaryState::Behind => api::SecondaryState::Behind,
            },
            severity: severity_of_secondary(view).into(),
            serial: view.serial,
            our_serial: view.ours,
            lag_ms: u64::try_from(view.lag.as_millis()).unwrap_or(u64::MAX),
            reason: view.reason(),
        }
    }
}

impl From<&PushView> for PublishStatus {
    fn from(view: &PushView) -> Self {
        let astray = view.astray.iter().map(|(server, what)| format!("{server} {what}"));
        Self {
            publish: view.publish.to_string(),
            from: view.from.to_string(),
            to: view.to.to_string(),
            state: match view.state {
                PushState::Waiting => PublishState::Waiting,
                PushState::Level => PublishState::Level,
                PushState::Writing => PublishState::Writing,
                PushState::Changed => PublishState::Changed,
                PushState::Blocked(_) => PublishState::Blocked,
                PushState::Failing(..) => PublishState::Failing,
            },
            severity: severity_of_push(view).into(),
            epoch: view.epoch,
            written: view.written,
            reason: view.state.reason(),
            astray: astray.collect(),
        }
    }
}

impl From<&StateReport> for StateStatus {
    fn from(report: &StateReport) -> Self {
        let (fault, since) = report.fault.clone().unzip();
        let aside = report.set_aside.as_ref();
        Self {
            saved: fault.is_none(),
            fault: fault.map(String::from),
            unsaved_since: since.map(rfc3339),
            serial_limited: report.is_serial_limited,
            set_aside: aside.map(|aside| aside.path.display().to_string()),
            set_aside_why: aside.map(|aside| aside.why.to_string()),
        }
    }
}

impl From<&HookTally> for HookStatus {
    fn from(tally: &HookTally) -> Self {
        Self {
            name: tally.name.to_string(),
            runs: tally.runs,
            failures: tally.failures,
            dropped: tally.dropped,
            pending: u64::try_from(tally.pending).unwrap_or(u64::MAX),
            failing_since: tally.failing_since.map(rfc3339),
        }
    }
}
