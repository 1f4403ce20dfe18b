//! One probe shown step by step, for an operator who asks where it breaks.
//!
//! It has a connection of its own, within the timeout of the server's own probes, and tells its
//! result to nobody else: the engine counts only what its own tasks find. One at a time per server,
//! and a handful in all, so that whoever asks in a loop costs a database one connection.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::facts::facts;
use crate::{
    admin::Operations,
    config::{Config, ServerConfig},
    control::{OrderError, Reply},
    engine::{ClusterKind, Failure, FailureKind, Outcome, ProbeKey},
    metrics::ProbeMeter,
    probe::{self, Leg, Shown, Step, Target},
    report::{BrokenStep, ProbeTrace, TracedStep},
};

/// Which servers are being probed for somebody, by name.
#[derive(Clone, Debug, Default)]
pub struct Showing(Arc<Mutex<HashSet<Box<str>>>>);

/// The place of one of them. It is free again when this is dropped.
#[derive(Debug)]
struct Place {
    showing: Showing,
    server: Box<str>,
}

/// What is to be shown.
struct Question {
    cluster: Box<str>,
    server: Box<str>,
    target: Target,
}

impl Showing {
    /// Probes `server` of `config` once, beside everything else, and tells how that went.
    pub fn show(
        &self,
        config: &Config,
        operations: &Operations,
        server: &str,
        reply: Reply<ProbeTrace>,
    ) {
        let begun = question(config, server)
            .and_then(|question| Ok((self.place(&question.server)?, question)));
        let (place, question) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                _ = reply.send(Err(error));
                return;
            }
        };
        let operations = operations.clone();
        // It ends by its own deadline.
        tokio::spawn(async move {
            let shown = probe::show(&question.target).await;
            drop(place);
            _ = reply.send(told(&question, shown, &operations));
        });
    }

    fn place(&self, server: &str) -> Result<Place, OrderError> {
        let mut servers = self.servers();
        if servers.contains(server) {
            return Err(OrderError::refused(format!(
                "{server} is being probed for somebody else; ask again in a moment"
            )));
        }
        if servers.len() >= SHOWN_MAX {
            return Err(OrderError::refused(format!(
                "{SHOWN_MAX} servers are being probed for somebody; ask again in a moment"
            )));
        }
        servers.insert(server.into());
        Ok(Place { showing: self.clone(), server: server.into() })
    }

    fn servers(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.showing.servers().remove(&self.server);
    }
}

/// How `server` is asked by its cluster's own settings.
fn question(config: &Config, server: &str) -> Result<Question, OrderError> {
    let Some((cluster, server)) = config.server(server) else {
        return Err(OrderError::refused(format!("there is no server `{}`", server.escape_debug())));
    };
    let ServerConfig { name, target, checks, .. } = server;
    if !checks.database {
        return Err(OrderError::refused(format!(
            "{name} is not asked itself, only its witnesses are: `pointsman why {name}` shows what \
             they say"
        )));
    }
    let mut settings = cluster.probe.clone();
    settings.timeout = settings.timeout.min(SHOWN_WITHIN);
    let target = Target {
        listener: None,
        // It reports to no engine.
        key: ProbeKey(u64::MAX),
        target: target.clone(),
        kind: cluster.kind,
        config: Arc::new(settings),
        meter: ProbeMeter::default(),
    };
    Ok(Question { cluster: cluster.name.clone(), server: (&**name).into(), target })
}

fn told(
    question: &Question,
    Shown { legs, outcome }: Shown,
    operations: &Operations,
) -> Result<ProbeTrace, OrderError> {
    let Question { cluster, server, target } = question;
    let Some(now) = operations.why(server) else {
        return Err(OrderError::refused(format!("{server} has left {cluster} meanwhile")));
    };
    let facts = match &outcome {
        Outcome::Answered(answered) => facts(answered),
        _ => Vec::new(),
    };
    let broken = match &outcome {
        Outcome::Failed(failure) => Some(broken(&legs, failure, target)),
        _ => None,
    };
    Ok(ProbeTrace {
        cluster: cluster.clone(),
        server: server.clone(),
        target: target.target.to_string(),
        steps: legs.into_iter().map(step).collect(),
        facts,
        broken,
        now,
    })
}

fn step(leg: Leg) -> TracedStep {
    TracedStep {
        step: leg.step,
        took: leg.took,
        detail: leg.words,
        error: leg.failure.map(|failure| failure.to_string()),
    }
}

fn broken(legs: &[Leg], failure: &Failure, target: &Target) -> BrokenStep {
    let broken = legs.iter().rev().find(|leg| leg.failure.is_some());
    let step = broken.map_or(Step::Query, |leg| leg.step);
    let advice = advice(step, failure, target);
    BrokenStep { step, error: failure.to_string(), advice }
}

/// What an operator does about a probe that breaks there and so.
fn advice(step: Step, failure: &Failure, target: &Target) -> String {
    let place = &target.target;
    let (speaks, engine) = match target.kind {
        ClusterKind::Postgres => ("PostgreSQL", "postgres"),
        ClusterKind::MySql => ("MySQL or MariaDB", "mysql"),
        ClusterKind::Tcp => ("anything", "tcp"),
    };
    match (step, failure.kind) {
        (_, FailureKind::Saturated) => {
            "the server has no free connection: `max_connections`, or the sessions that hold them"
                .to_owned()
        }
        (_, FailureKind::Starting) => {
            "the server is starting: wait, and see its log if it takes long; a standby with \
             `hot_standby = off` lets nobody in before it is promoted"
                .to_owned()
        }
        (_, FailureKind::ShuttingDown) => {
            "the server is being stopped: see its log for who asked for that".to_owned()
        }
        (_, FailureKind::Offline) => {
            "the server is out of service on purpose: end `offline_mode` when that is over"
                .to_owned()
        }
        (_, FailureKind::GroupUnready) => {
            "look at the members of the group on the server itself".to_owned()
        }
        (_, FailureKind::Troubled) if failure.detail.starts_with(POOLER) => format!(
            "a pooler answers on {place}: name the database behind it by `probe_address`, or see \
             the log of the pooler"
        ),
        (_, FailureKind::Troubled) => {
            "the server is there and in trouble: its log, its disks and its memory".to_owned()
        }
        (Step::Resolve, _) => format!(
            "see whether the resolver of the host where Pointsman runs knows the name of {place}, \
             or configure an address in its place"
        ),
        (Step::Connect, FailureKind::Refused) => format!(
            "nobody listens on {place}: see whether the server runs, and on which address and port"
        ),
        (Step::Connect, _) | (_, FailureKind::TimedOut) => format!(
            "nothing comes back from {place}: see whether the host is up, and the firewalls and \
             routes on the way"
        ),
        (Step::Tls, FailureKind::Misconfigured) => {
            "compare `tls` and `ca_file` of the cluster with what the server offers: whether it \
             has TLS at all, who signed its certificate, which names are in it and when it ends"
                .to_owned()
        }
        (Step::Login, FailureKind::Misconfigured) => format!(
            "compare user, password and database of the cluster with the server's users and host \
             rules; `pointsman grants {engine}` prints what the user needs"
        ),
        (Step::Query, FailureKind::Misconfigured) => format!(
            "the user is let in and may not ask: `pointsman grants {engine}` prints the rights \
             that are missing"
        ),
        (_, FailureKind::Garbled) => {
            format!("see what listens on {place}: it should be {speaks}, and no proxy or pooler")
        }
        (_, FailureKind::Unresponsive) => format!(
            "the network reaches {place}, which accepts connections and then says nothing: see \
             whether the server's process is stopped or waits for a disk or a lock (a login needs \
             the catalogue), and whether a proxy on the way has lost its server"
        ),
        _ => "the log of the server says why it ends the connection".to_owned(),
    }
}

/// protocol_violation: PostgreSQL has no reason to say so to the probe, PgBouncer has many.
const POOLER: &str = "08P01";

/// Probes that are shown at the same time.
const SHOWN_MAX: usize = 4;

/// How long one may take at most, whatever the timeout of its cluster: there must be a reply before
/// the connection of whoever asks is closed.
const SHOWN_WITHIN: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::{SHOWN_MAX, Showing};

    #[test]
    fn one_at_a_time_per_server_and_a_handful_in_all() {
        let showing = Showing::default();
        let first = showing.place("db1").expect("a place");
        assert!(showing.place("db1").is_err());
        drop(first);
        let places: Vec<_> = (0..SHOWN_MAX)
            .map(|number| showing.place(&format!("db{number}")).expect("a place"))
            .collect();
        assert!(showing.place("other").is_err());
        drop(places);
        assert!(showing.place("other").is_ok());
    }
}
