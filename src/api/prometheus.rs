//! `/metrics`: the present as Prometheus reads it (text format 0.0.4), and the figures of the last
//! minutes.
//!
//! **Invariant:** no number of a caller, and no name but those of the configuration.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::api::door::Client;
use crate::api::error::ApiError;
use crate::api::guard::ConnectionHandle;
use crate::api::rules::Right;
use crate::api::views::word;
use crate::api::{Api, Health, figures};
use crate::center::snapshot::{CallState, Snapshot};
use crate::metrics::Judging;
use crate::words::{Activity, CallOutcome};

const CALL_STATES: [CallState; 5] = [
    CallState::InFlow,
    CallState::Waiting,
    CallState::Offered,
    CallState::Dialing,
    CallState::Talking,
];

/// Gauges and counters in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", security((), ("token" = [])),
    responses((status = 200, body = str), (status = 401, body = ApiError)))]
pub(super) async fn metrics(
    State(api): State<Api>,
    Extension(client): Extension<Client>,
    Extension(connection): Extension<ConnectionHandle>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_open = api.0.metrics_open_on_loopback && client.is_here && client.names_us;
    if !is_open {
        let who = api.who(&client, &connection, &headers)?;
        if !Right::Look.is_of(who.principal.role) {
            return Err(ApiError::forbidden(&who.principal, Right::Look.needs()));
        }
    }
    let snapshot = api.look(|board, _, now| board.snapshot(now)).await?;
    let health = api.health()?;
    let recent = |now| Ok(now - figures::RECENT..now + Duration::from_millis(1));
    // Whoever watches the server must see it also while the records cannot be read.
    let report = api.figures(recent, Judging::default()).await.unwrap_or_default();
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    let more = [&api.0.queue_metrics, &api.0.more_metrics];
    let more: String = more.into_iter().filter_map(|more| Some(more.get()?())).collect();
    Ok((content_type, text(&snapshot, &health) + &figures::prometheus(&report) + &more)
        .into_response())
}

pub(super) fn text(snapshot: &Snapshot, health: &Health) -> String {
    let mut out = Text(String::new());
    let (outbound, inbound): (Vec<_>, Vec<_>) =
        snapshot.calls.iter().partition(|call| call.via.is_outbound());
    let (own, calls): (Vec<_>, Vec<_>) =
        inbound.into_iter().partition(|call| call.via.agent().is_some());
    out.family("attendant_calls", "gauge", "Customers' calls that are up, by state.");
    for state in CALL_STATES {
        let count = calls.iter().filter(|call| call.state == state).count();
        out.sample("attendant_calls", Some(("state", &word(state))), count as u64);
    }
    let help = "Calls from agents' own telephones that are up.";
    out.single("attendant_agent_calls", "gauge", help, own.len() as u64);
    let help = "Calls that we began, by dialing the caller, that are up.";
    out.single("attendant_outbound_calls", "gauge", help, outbound.len() as u64);
    out.family("attendant_queue_waiting", "gauge", "Calls nobody answered yet, by queue.");
    for queue in &snapshot.queues {
        let label = Some(("queue", queue.name.as_str()));
        out.sample("attendant_queue_waiting", label, queue.waiting as u64);
    }
    out.family("attendant_queue_longest_wait_seconds", "gauge", "The longest wait, by queue.");
    for queue in &snapshot.queues {
        let label = Some(("queue", queue.name.as_str()));
        out.sample("attendant_queue_longest_wait_seconds", label, queue.longest_wait_ms / 1_000);
    }
    ended(&mut out, health);
    let mut agents: BTreeMap<Activity, u64> = BTreeMap::new();
    for agent in &snapshot.agents {
        *agents.entry(agent.state.activity()).or_default() += 1;
    }
    out.family("attendant_agents", "gauge", "Agents, by state.");
    for activity in Activity::ALL {
        let count = agents.get(&activity).copied().unwrap_or(0);
        out.sample("attendant_agents", Some(("state", activity.name())), count);
    }
    let flag = |on: bool| u64::from(on);
    out.single(
        "attendant_accepting",
        "gauge",
        "New calls should come here.",
        flag(health.accepting),
    );
    out.single("attendant_draining", "gauge", "SIGTERM was received.", flag(snapshot.draining));
    let registrations = health.registrations as u64;
    out.single("attendant_registrations", "gauge", "Registered telephones.", registrations);
    let help = "The journal cannot be written.";
    out.single("attendant_journal_failing", "gauge", help, flag(health.journal_failing));
    let help = "The records cannot be written.";
    out.single("attendant_records_failing", "gauge", help, flag(health.records_failing));
    let help = "Recordings cannot be written.";
    out.single("attendant_recordings_failing", "gauge", help, flag(health.recordings_failing));
    let help = "The database that records are delivered to cannot be written.";
    out.single("attendant_database_failing", "gauge", help, flag(health.database_failing));
    let help = "Changes of records that wait for it.";
    out.single("attendant_database_waiting", "gauge", help, health.database_waiting);
    let help = "Lines and records that wait in memory.";
    out.single("attendant_store_waiting", "gauge", help, health.store_waiting);
    let help = "Lines and records that were not kept.";
    out.single("attendant_store_lost_total", "counter", help, health.store_lost);
    out.0
}

/// What ended since the start.
fn ended(out: &mut Text, health: &Health) {
    let ended = "Customers' calls that ended since the start, by outcome.";
    out.family("attendant_calls_total", "counter", ended);
    for (outcome, count) in CallOutcome::OF_CUSTOMERS.into_iter().zip(health.calls_ended) {
        out.sample("attendant_calls_total", Some(("outcome", &word(outcome))), count);
    }
    let help = "Calls from agents' own telephones that ended since the start, but feature codes.";
    out.single("attendant_agent_calls_total", "counter", help, health.agent_calls_ended);
    let ended =
        "Calls that we began and that ended since the start, by whether they were answered.";
    out.family("attendant_outbound_calls_total", "counter", ended);
    for (reached, count) in ["no", "yes"].into_iter().zip(health.outbound_calls_ended) {
        out.sample("attendant_outbound_calls_total", Some(("reached", reached)), count);
    }
}

pub(super) struct Text(pub(super) String);

impl Text {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        let _ = match label {
            Some((key, label)) => {
                writeln!(self.0, "{name}{} {value}", Self::label(key, label))
            }
            None => writeln!(self.0, "{name} {value}"),
        };
    }

    pub(super) fn label(key: &str, label: &str) -> String {
        let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{{{key}=\"{label}\"}}")
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, None, value);
    }
}
