//! Patroni's REST API (Patroni manual, "REST API"): whether the server has the leader key, whether
//! it is an eligible replica, and what Patroni knows of PostgreSQL.
//!
//! `GET /primary` has the status of the leader key and the JSON that `GET /patroni` has too; a
//! replica is asked for its fitness with `GET /replica`. The JSON counts as a whole: an odd one is
//! no reply. Versions differ in words: `master` is `primary`, and a replica that streams is
//! `running` or `streaming`.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

use super::{
    Reply, WitnessTarget,
    http::{Answer, Client},
};
use crate::{
    config::{ProbeTarget, TlsMode},
    engine::{
        Evidence, Facts, Failure, FailureKind, Heartbeat, Outcome, Position, PostgresFacts,
        PostgresRole, Receiver, Testimony, Word,
    },
    probe::dial::Dial,
};

/// The API of one server's Patroni.
pub struct Patroni {
    client: Client,
    /// The path that asks for an eligible replica.
    replica: String,
}

impl Patroni {
    pub fn new(target: &WitnessTarget, port: u16, tls: &TlsMode, replica_lag: Option<u64>) -> Self {
        let replica = match replica_lag {
            Some(octets) => format!("/replica?lag={octets}"),
            None => "/replica".to_owned(),
        };
        let at = ProbeTarget { host: target.target.host.clone(), port };
        Self { client: Client::new(at, Arc::clone(&target.config), None, tls), replica }
    }

    /// How it is reached.
    pub fn dial(&mut self) -> &mut Dial {
        self.client.dial()
    }

    /// Asks once, with one GET or two.
    pub async fn ask(&mut self, deadline: Instant) -> Reply {
        let asked = self.client.get("/primary", JSON_MAX, deadline).await;
        match asked.and_then(|answer| read(&answer)) {
            Ok((status, leads)) => {
                let said = self.testimony(&status, leads, deadline).await;
                let outcome = match facts(&status) {
                    Ok(facts) => Outcome::Answered(Facts::Postgres(facts)),
                    Err(failure) => Outcome::Failed(failure),
                };
                Reply { said, outcome }
            }
            Err(failure) => {
                let outcome = Outcome::Failed(beside_the_database(&failure));
                Reply { said: Err(failure), outcome }
            }
        }
    }

    async fn testimony(
        &mut self,
        status: &Status,
        leads: bool,
        deadline: Instant,
    ) -> Result<Testimony, Failure> {
        let Status { state, role, .. } = status;
        let said = |word, detail: String| {
            let leads = (!status.pause).then_some(leads);
            Testimony { leads, ..Testimony::new(word, detail) }
        };
        if status.condition() != Condition::Runs {
            return Ok(said(Word::Down, format!("{role} is {state}")));
        }
        if status.is_primary() {
            let paused = if status.pause { ", the cluster is paused" } else { "" };
            let (word, key) = match leads || status.pause {
                true if leads => (Word::Up, "with the leader key"),
                true => (Word::Up, "without the leader key"),
                false => (Word::NotLeader, "without the leader key"),
            };
            return Ok(said(word, format!("{role} {key}{paused}")));
        }
        if &**role == "standby_leader" {
            return Ok(said(Word::Up, format!("{role} is {state}")));
        }
        if status.tags.noloadbalance == serde_json::Value::Bool(true) {
            return Ok(said(Word::Drain, format!("{role} with the tag noloadbalance")));
        }
        let Answer { status: code, .. } = self.client.get(&self.replica, 0, deadline).await?;
        let word = if code == 200 { Word::Up } else { Word::Down };
        Ok(said(word, format!("GET {}: {code}", self.replica)))
    }
}

/// What Patroni's JSON says, as far as it is of use.
#[derive(Debug, Deserialize)]
struct Status {
    state: Box<str>,
    role: Box<str>,
    timeline: Option<u32>,
    #[serde(default)]
    xlog: Xlog,
    replication_state: Option<Box<str>>,
    #[serde(default)]
    pause: bool,
    #[serde(default)]
    tags: Tags,
    database_system_identifier: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
struct Xlog {
    location: Option<u64>,
    received_location: Option<u64>,
    replayed_location: Option<u64>,
    #[serde(default)]
    paused: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Tags {
    #[serde(default)]
    noloadbalance: serde_json::Value,
}

/// What PostgreSQL does, by Patroni's word for it.
#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Runs,
    Starts,
    Stopped,
}

impl Status {
    fn is_primary(&self) -> bool {
        matches!(&*self.role, "primary" | "master")
    }

    fn condition(&self) -> Condition {
        match &*self.state {
            "running" | "streaming" | "in archive recovery" => Condition::Runs,
            "stopping" | "stopped" | "crashed" => Condition::Stopped,
            failed if failed.ends_with("failed") => Condition::Stopped,
            _ => Condition::Starts,
        }
    }
}

/// The JSON, and whether the server has the leader key.
fn read(answer: &Answer) -> Result<(Status, bool), Failure> {
    match serde_json::from_slice(&answer.body) {
        Ok(status) => Ok((status, answer.status == 200)),
        Err(error) => {
            let detail = format!("not Patroni's JSON, status {}: {error}", answer.status);
            Err(Failure::new(FailureKind::Garbled, detail))
        }
    }
}

/// The reply as that of the database.
fn facts(status: &Status) -> Result<PostgresFacts, Failure> {
    let Status { state, role, .. } = status;
    let kind = match status.condition() {
        Condition::Runs => None,
        Condition::Starts => Some(FailureKind::Starting),
        Condition::Stopped => Some(FailureKind::ShuttingDown),
    };
    if let Some(kind) = kind {
        return Err(Failure::new(kind, format!("Patroni says: {role} is {state}")));
    }
    let odd = |what: &str| {
        let detail = format!("Patroni says: {role} is {state}, but not its {what}");
        Failure::new(FailureKind::Garbled, detail)
    };
    let identifier = status.database_system_identifier.as_ref();
    let identifier = identifier.and_then(|digits| digits.parse().ok());
    // Zero is Patroni's word for "not known".
    let timeline = status.timeline.filter(|timeline| *timeline != 0);
    let role = if status.is_primary() {
        PostgresRole::Primary {
            read_only: false,
            timeline: timeline.ok_or_else(|| odd("timeline"))?,
            position: status.xlog.location.map(Position::lsn).ok_or_else(|| odd("position"))?,
        }
    } else {
        PostgresRole::Standby {
            receiver: match status.replication_state.as_deref().unwrap_or(&status.state) {
                "streaming" => Receiver::Streaming,
                // An old Patroni does not tell.
                "running" => Receiver::Hidden,
                _ => Receiver::Absent,
            },
            timeline,
            recovery_timeline: None,
            received: status.xlog.received_location.map(Position::lsn),
            replayed: status.xlog.replayed_location.map(Position::lsn),
            heard: None,
            replay_age: None,
            paused: status.xlog.paused,
            apply_delay: Duration::ZERO,
            sender: None,
        }
    };
    Ok(PostgresFacts {
        system_identifier: identifier.ok_or_else(|| odd("system identifier"))?,
        role,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    })
}

/// A failure to ask Patroni, as one of the database beside it: hard evidence against the one is
/// none against the other.
fn beside_the_database(failure: &Failure) -> Failure {
    let kind = match failure.kind.evidence() {
        Evidence::Hard => FailureKind::Troubled,
        Evidence::Soft | Evidence::Alive => failure.kind,
    };
    Failure::new(kind, format!("Patroni: {failure}"))
}

/// The most octets of JSON. A primary tells of each replica in about 200.
const JSON_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
