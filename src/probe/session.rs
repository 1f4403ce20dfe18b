//! A logged-in connection to one server, whatever it speaks. A closed set of engines, so an enum
//! and no trait.

use tokio::time::Instant;

use super::{
    dial::Dial, kept::Kept, mysql, postgres, sign::Sign, tcp, trail::Step, trouble::Trouble,
};
use crate::engine::{ClusterKind, Facts, Failure, FailureKind};

/// One connection, kept between probes.
pub enum Session {
    /// PostgreSQL.
    Postgres(Box<postgres::Session>),
    /// MySQL or MariaDB.
    MySql(Box<mysql::Session>),
    /// Nothing is kept: each probe connects.
    Tcp,
}

impl Session {
    /// Connects and logs in by `deadline`. A login that gets no reply by then is `kept`.
    pub(super) async fn open(
        kind: ClusterKind,
        dial: &mut Dial,
        kept: &mut Kept,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        match kind {
            ClusterKind::Postgres => {
                let session =
                    postgres::Session::connect(dial, &mut kept.postgres, deadline).await?;
                Ok(Self::Postgres(Box::new(session)))
            }
            ClusterKind::MySql => {
                let session = mysql::Session::connect(dial, &mut kept.mysql, deadline).await?;
                Ok(Self::MySql(Box::new(session)))
            }
            ClusterKind::Tcp => Ok(Self::Tcp),
        }
    }

    /// Replaces the connection by a fresh one, by `deadline`. After a failure the old one is still
    /// there.
    pub(super) async fn renew(
        &mut self,
        dial: &mut Dial,
        kept: &mut Kept,
        deadline: Instant,
    ) -> Result<(), Failure> {
        match self {
            Self::Postgres(session) => session.renew(dial, &mut kept.postgres, deadline).await,
            Self::MySql(session) => session.renew(dial, &mut kept.mysql, deadline).await,
            Self::Tcp => Ok(()),
        }
    }

    /// Asks the server what it is by `deadline`; `heartbeat` also writes, where that is due.
    pub(super) async fn probe(
        &mut self,
        dial: &mut Dial,
        deadline: Instant,
        heartbeat: bool,
    ) -> Result<Facts, Trouble> {
        match self {
            Self::Postgres(session) => {
                dial.trail.begin(Step::Query);
                let facts = session.probe(dial, deadline, heartbeat).await?;
                if dial.is_introduction_due() {
                    dial.introduction = session.introduce(deadline).await;
                }
                Ok(facts)
            }
            Self::MySql(session) => {
                dial.trail.begin(Step::Query);
                // The first statement tells of writes; what follows is as new or newer.
                dial.asks();
                let facts = session.probe(deadline, heartbeat).await;
                let facts = facts.map_err(|trouble| match trouble {
                    Trouble::Failed(failure) if failure.kind == FailureKind::TimedOut => {
                        Trouble::Failed(Failure::new(dial.silence(), failure.detail))
                    }
                    trouble => trouble,
                })?;
                if !session.is_spent() && dial.is_introduction_due() {
                    dial.introduction = session.introduce(deadline).await;
                }
                Ok(facts)
            }
            Self::Tcp => tcp::probe(dial, deadline).await.map_err(Trouble::Failed),
        }
    }

    /// Whether it has to be renewed before it is asked again, although the last probe went well.
    pub(super) fn is_spent(&self) -> bool {
        match self {
            Self::MySql(session) => session.is_spent(),
            Self::Postgres(_) | Self::Tcp => false,
        }
    }

    /// Whether a glance at the server may be asked for. PostgreSQL needs none: a server that takes no
    /// writes any more has ended the connection, or was never told so.
    pub(super) fn may_glance(&self) -> bool {
        match self {
            Self::MySql(session) => session.may_glance(),
            Self::Postgres(_) | Self::Tcp => false,
        }
    }

    /// Asks for a glance at whether clients may write; [`Self::sign`] tells what it shows.
    pub(super) async fn glance(&mut self) -> Result<(), Trouble> {
        match self {
            Self::MySql(session) => session.glance().await,
            Self::Postgres(_) | Self::Tcp => Ok(()),
        }
    }

    /// Waits for what the server says between two probes. Cancel-safe.
    pub(super) async fn sign(&mut self) -> Sign {
        match self {
            Self::Postgres(session) => Sign::Ended(session.ended().await),
            Self::MySql(session) => session.sign().await,
            Self::Tcp => std::future::pending().await,
        }
    }

    /// Says goodbye, so that the server logs no broken connection.
    pub(super) async fn close(self) {
        match self {
            Self::Postgres(session) => session.close().await,
            Self::MySql(session) => session.quit().await,
            Self::Tcp => {}
        }
    }
}

/// Looks by `deadline` whether the server lives, so that its log says nothing of it. Not so where
/// that cannot be known.
pub async fn look(kind: ClusterKind, dial: &mut Dial, deadline: Instant) -> Result<bool, Failure> {
    match kind {
        ClusterKind::Postgres => postgres::look(dial, deadline).await,
        ClusterKind::MySql | ClusterKind::Tcp => Ok(false),
    }
}
