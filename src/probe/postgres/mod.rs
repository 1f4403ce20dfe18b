//! The probe of a PostgreSQL server, 12 or newer.

mod guard;
mod heartbeat;
mod introduction;
mod look;
mod noted;
mod row;
mod sql;
mod sqlstate;
mod wire;
mod wire_error;

use tokio::time::Instant;

use self::heartbeat::Heart;
pub use self::look::look;
pub use self::sql::COLUMNS;
pub(crate) use self::sql::FACTS;
pub use self::{sql::options, wire::Wire, wire_error::WireError};
use super::{dial::Dial, handshake::Place, trouble::Trouble};
use crate::{
    discovery::Introduction,
    engine::{Facts, Failure, FailureKind, PostgresRole},
};

/// One login, kept between probes, and on a primary with heartbeats a second one that only writes.
pub struct Session {
    wire: Wire,
    heart: Heart,
}

impl Session {
    /// Connects and logs in by `deadline`. A login that gets no reply by then is `kept`.
    pub(super) async fn connect(
        dial: &mut Dial,
        kept: &mut Place<Wire, WireError>,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let options = options(dial.config.timeout);
        Ok(Self {
            wire: Wire::open_patiently(dial, kept, &options, deadline).await?,
            heart: Heart::default(),
        })
    }

    /// Logs in anew by `deadline` and leaves the old login. The heartbeat's own is kept: a write
    /// that hangs there must not be forgotten, or each renewal would leave one more hanging session
    /// on the server.
    pub(super) async fn renew(
        &mut self,
        dial: &mut Dial,
        kept: &mut Place<Wire, WireError>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let options = options(dial.config.timeout);
        let fresh = Wire::open_patiently(dial, kept, &options, deadline).await?;
        std::mem::replace(&mut self.wire, fresh).close().await;
        Ok(())
    }

    /// Asks the one question by `deadline`.
    ///
    /// A promotion between two functions of the statement, or a conflict with replay, makes it fail
    /// although nothing is wrong. It is repeated at once.
    pub(super) async fn probe(
        &mut self,
        dial: &mut Dial,
        deadline: Instant,
        heartbeat: bool,
    ) -> Result<Facts, Trouble> {
        let mut repeats = 0;
        let reply = loop {
            dial.asks();
            match self.wire.ask(FACTS, deadline, dial.silence()).await {
                Err(error) if error.is_passing() && repeats < REPEATS_MAX => repeats += 1,
                result => break result?,
            }
        };
        let mut facts = row::facts(&reply.row()?)?;
        let writable = matches!(facts.role, PostgresRole::Primary { read_only: false, .. });
        if heartbeat && writable {
            facts.heartbeat = self.heart.beat(dial, deadline).await;
        } else {
            self.heart.rest().await;
        }
        Ok(Facts::Postgres(facts))
    }

    /// Asks what the server tells of itself and of others, by `deadline`. That it does not tell
    /// says nothing of what it is: the next probe finds out whether the login still works.
    pub(super) async fn introduce(&mut self, deadline: Instant) -> Option<Introduction> {
        let silence = FailureKind::TimedOut;
        let reply = self.wire.ask(introduction::STATEMENT, deadline, silence).await.ok()?;
        introduction::introduction(&reply.row().ok()?)
    }

    /// Waits for the server to end the idle login. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Trouble {
        self.wire.ended().await.into()
    }

    /// Sends Terminate on each login.
    pub(super) async fn close(mut self) {
        self.heart.rest().await;
        self.wire.close().await;
    }
}

/// How often the question is repeated at once. A promotion happens once; more than two conflicts
/// are a condition.
const REPEATS_MAX: u32 = 2;
