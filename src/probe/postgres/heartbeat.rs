//! The optional heartbeat: updating one row of Pointsman's own table on the published primary.
//!
//! It is the only proof against a stalled disk, where every SELECT is answered from memory and
//! every commit hangs. Therefore it has a login of its own: a write that hangs blocks only the next
//! write, not the question for the role, and is never followed by a second one that would hang
//! beside it.
//!
//! Only a write that was begun counts against the server. A login that fails says nothing about the
//! disk: the server may be in a smart shutdown, full, or behind a name that does not resolve just
//! now, and goes on serving those who are in.
//!
//! Nor does a table that is missing, empty or forbidden. It is logged once, tried again once a
//! minute, and counts as not tried, so that a forgotten grant never takes a primary out of service
//! nor fills its log.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    sql,
    wire::{Reply, Wire},
};
use crate::{
    engine::{Evidence, Failure, FailureKind, Heartbeat},
    probe::{dial::Dial, trouble::Trouble, wording::presentable},
};

/// The login that writes.
#[derive(Default)]
pub struct Heart {
    wire: Option<Wire>,
    /// The misconfiguration that was found last, and when.
    complaint: Option<(Failure, Instant)>,
}

/// Why nothing was written.
enum Fault {
    /// Nobody was let in to write.
    Login(Failure),
    /// The write failed.
    Write(Failure),
}

impl Heart {
    /// Writes once, a little before `deadline`, so that the facts found meanwhile are still
    /// reported in time.
    pub(super) async fn beat(&mut self, dial: &mut Dial, deadline: Instant) -> Heartbeat {
        if let Some((_, since)) = &self.complaint
            && since.elapsed() < COMPLAINT_AGE
        {
            return Heartbeat::NotTried;
        }
        let limit = deadline.checked_sub(dial.config.timeout / 10).unwrap_or(deadline);
        let written = timeout_at(limit, self.write(dial, limit)).await;
        let fault = match written {
            // The login waits for the reply that is still owed.
            Err(_) if self.wire.as_ref().is_some_and(Wire::owes_reply) => return Heartbeat::Failed,
            Err(_) => return Heartbeat::NotTried,
            Ok(Ok(())) => {
                self.complaint = None;
                return Heartbeat::Written;
            }
            Ok(Err(fault)) => fault,
        };
        let (failure, outcome) = match fault {
            Fault::Login(failure) => (failure, Heartbeat::NotTried),
            Fault::Write(failure) => (failure, Heartbeat::Failed),
        };
        let failure = presentable(failure, &dial.config);
        if failure.kind.evidence() != Evidence::Alive {
            tracing::debug!(server = %dial.target, %failure, "no heartbeat");
            return outcome;
        }
        if self.complaint.as_ref().map(|(known, _)| known) != Some(&failure) {
            tracing::warn!(
                server = %dial.target,
                %failure,
                "heartbeat_write is on, but heartbeats cannot be written; \
                 `pointsman grants postgres` prints the table and its grants"
            );
        }
        self.complaint = Some((failure, Instant::now()));
        Heartbeat::NotTried
    }

    /// Leaves the login, unless a write hangs in it.
    pub(super) async fn rest(&mut self) {
        if let Some(wire) = self.wire.take_if(|wire| !wire.owes_reply()) {
            wire.close().await;
        }
    }

    async fn write(&mut self, dial: &mut Dial, limit: Instant) -> Result<(), Fault> {
        // A login that ended since the last beat is no news of its own; the second attempt is over
        // a fresh one.
        if self.wire.is_some() {
            match self.update().await {
                Err(Trouble::Expired) => {}
                Err(Trouble::Failed(failure)) if failure.kind == FailureKind::Closed => {}
                result => return judge(result).map_err(Fault::Write),
            }
        }
        let options = sql::heartbeat_options(dial.config.timeout);
        self.wire = Some(Wire::open(dial, &options, limit).await.map_err(Fault::Login)?);
        judge(self.update().await).map_err(Fault::Write)
    }

    /// Waits for the reply that is owed, then updates the row.
    async fn update(&mut self) -> Result<Reply, Trouble> {
        let Some(wire) = &mut self.wire else {
            return Err(Trouble::Expired);
        };
        let mut result = Ok(Reply::default());
        if wire.owes_reply() {
            result = wire.receive().await;
        }
        if result.is_ok() {
            result = match wire.send(sql::HEARTBEAT).await {
                Ok(()) => wire.receive().await,
                Err(error) => Err(error),
            };
        }
        if result.is_err() && !wire.is_up() {
            self.wire = None;
        }
        result.map_err(Trouble::from)
    }
}

/// Exactly one row must have changed.
fn judge(result: Result<Reply, Trouble>) -> Result<(), Failure> {
    match result.map_err(Trouble::into_failure)?.affected() {
        1 => Ok(()),
        rows => Err(Failure::new(
            FailureKind::Misconfigured,
            format!("pointsman.heartbeat has {rows} rows instead of one"),
        )),
    }
}

/// How long a misconfiguration is taken for granted. Each attempt leaves an error in the server's
/// log.
const COMPLAINT_AGE: Duration = Duration::from_secs(60);
