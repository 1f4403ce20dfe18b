//! The optional heartbeat: one row of Pointsman's own table, updated on the primary with each
//! probe.
//!
//! Some servers answer every SELECT and write nothing: a full disk, FLUSH TABLES WITH READ LOCK,
//! semi-synchronous replication without acknowledgement. Only a write finds out.
//!
//! A write that hangs must not hang the probe, and must not pile up. So heartbeats have a
//! connection of their own, each is waited for until its deadline, and while one still hangs no
//! other is begun: there is never more than one stuck statement. On the server's side lock waits
//! end after a second, on MariaDB every wait (`max_statement_time`); MySQL has no statement timeout
//! for writes.
//!
//! The connection is the probe's own client (`link.rs`), with its limits on what a server may ask for:
//! this one logs in at the server's word, too.
//!
//! Only a write that was begun counts against the server. A missing table or right is the set-up's
//! fault: it is logged once, and counts as not tried. So does a login that fails: the server may be
//! full or behind a name that does not resolve just now, and goes on serving those who are in.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use super::{
    error::{Fault, is_read_only, kind},
    link::{KeptLogin, Link},
};
use crate::{
    config::{ProbeConfig, ProbeTarget},
    engine::{Failure, FailureKind, Flavour, Heartbeat},
    probe::{dial::Dial, trouble::GOODBYE, wording::presentable_text},
};

/// Ends waits for locks after their shortest settable time.
const SETUP: &str = "SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1";
const UPDATE: &str = "UPDATE pointsman.heartbeat SET beat = beat + 1 WHERE id = 1";

/// The heartbeat's own connection.
pub struct Heart {
    dial: Dial,
    /// A login that the server has not answered yet.
    kept: KeptLogin,
    flavour: Flavour,
    state: State,
    /// Set-up faults are reported once.
    warned: bool,
}

type Beating = Pin<Box<dyn Future<Output = (Link, Beat)> + Send>>;

enum State {
    /// Nothing is under way; the connection is kept if there is one.
    Idle(Option<Link>),
    /// A write that outlived its deadline.
    Hanging(Beating),
}

/// How one write ended.
enum Beat {
    Written,
    Failed,
    /// The table, the row or a right is missing, or the server has become read-only.
    Impossible(Box<str>),
}

impl Heart {
    /// A heart that has not connected yet.
    pub(super) fn new(target: &ProbeTarget, config: &Arc<ProbeConfig>, flavour: Flavour) -> Self {
        Self {
            dial: Dial::new(target.clone(), Arc::clone(config)),
            kept: KeptLogin::default(),
            flavour,
            state: State::Idle(None),
            warned: false,
        }
    }

    /// How many connections to the server it holds.
    pub(super) fn connections(&self) -> u32 {
        match &self.state {
            State::Idle(None) => 0,
            State::Idle(Some(_)) | State::Hanging(_) => 1,
        }
    }

    /// Writes once, or finds out whether the write that hung has ended; by `limit`, and sooner if
    /// there is time, so that the facts found meanwhile are still reported.
    pub(super) async fn beat(&mut self, limit: Instant) -> Heartbeat {
        let deadline = limit.min(Instant::now() + self.dial.config.timeout / 3);
        let mut beating = match std::mem::replace(&mut self.state, State::Idle(None)) {
            State::Hanging(beating) => beating,
            State::Idle(link) => match self.link(link, deadline).await {
                Some(link) => Box::pin(write(link, patience(&self.dial.config), self.flavour)),
                None => return Heartbeat::NotTried,
            },
        };
        let Ok((link, beat)) = timeout_at(deadline, &mut beating).await else {
            self.state = State::Hanging(beating);
            return Heartbeat::Failed;
        };
        self.state = State::Idle(Some(link).filter(Link::is_usable));
        match beat {
            Beat::Written => Heartbeat::Written,
            Beat::Failed => Heartbeat::Failed,
            Beat::Impossible(reason) => {
                self.complain(&reason);
                Heartbeat::NotTried
            }
        }
    }

    /// The connection to write over: the one at hand unless the server has ended it, or a new one if
    /// it can be had by `deadline`.
    async fn link(&mut self, at_hand: Option<Link>, deadline: Instant) -> Option<Link> {
        if let Some(mut link) = at_hand
            && !link.has_ended().await
        {
            return Some(link);
        }
        let failure = match timeout_at(deadline, self.open(deadline)).await {
            Ok(Ok(link)) => return Some(link),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::new(FailureKind::TimedOut, "the login got no reply"),
        };
        match failure.kind {
            FailureKind::Misconfigured | FailureKind::Saturated => {
                self.complain(&failure.to_string());
            }
            _ => {
                let failure = presentable_text(&failure.to_string(), &self.dial.config);
                debug!(server = %self.dial.target, failure, "no heartbeat");
            }
        }
        None
    }

    async fn open(&mut self, deadline: Instant) -> Result<Link, Failure> {
        self.dial.begin();
        let mut link = Link::open(&mut self.dial, &mut self.kept, deadline).await?;
        link.query_one(SETUP).await?;
        Ok(link)
    }

    fn complain(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            let reason = presentable_text(reason, &self.dial.config);
            warn!(server = %self.dial.target, reason, "cannot write the heartbeat");
        }
    }

    /// Says goodbye, unless a write hangs.
    pub(super) async fn quit(self) {
        if let State::Idle(Some(mut link)) = self.state {
            link.quit(Instant::now() + GOODBYE).await;
        }
    }
}

async fn write(mut link: Link, patience: f64, flavour: Flavour) -> (Link, Beat) {
    let statement = match flavour {
        Flavour::MySql => UPDATE.to_owned(),
        Flavour::MariaDb => {
            format!("SET STATEMENT max_statement_time = {patience} FOR {UPDATE}")
        }
    };
    let beat = match link.query_one(&statement).await {
        Ok(reply) if reply.affected_rows() == 0 => {
            Beat::Impossible("pointsman.heartbeat has no row with id 1".into())
        }
        Ok(_) => Beat::Written,
        Err(Fault::Broken(_)) => Beat::Failed,
        Err(Fault::Refused { code, message }) => refused(code, &message),
    };
    (link, beat)
}

fn refused(code: u16, message: &str) -> Beat {
    // 1146 no such table, 1054 no such column.
    let is_set_up_fault = matches!(code, 1146 | 1054)
        || is_read_only(code)
        || kind(code) == FailureKind::Misconfigured;
    if is_set_up_fault {
        Beat::Impossible(format!("{code} {message}").into())
    } else {
        Beat::Failed
    }
}

/// The server's own deadline in seconds with a fraction.
fn patience(config: &ProbeConfig) -> f64 {
    config.timeout.max(Duration::from_millis(3)).as_secs_f64() / 3.0
}

#[cfg(test)]
mod tests {
    use super::{Beat, refused};

    #[test]
    fn only_a_write_that_should_have_worked_counts_against_the_server() {
        for code in [1146, 1049, 1142, 1143, 1044, 1054, 1290, 1792, 1836, 1226] {
            let beat = refused(code, "why");
            assert!(matches!(beat, Beat::Impossible(_)), "{code}");
        }
        for code in [1205, 1969, 3024, 1021, 1114, 1317, 1047] {
            assert!(matches!(refused(code, "why"), Beat::Failed), "{code}");
        }
    }
}
