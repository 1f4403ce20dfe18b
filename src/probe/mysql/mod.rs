//! Asks MySQL (5.7 and newer, with Percona Server, Percona XtraDB Cluster and Aurora) and MariaDB
//! (10.3 and newer) servers what they are.
//!
//! One probe is two to four round trips on a persistent connection: variables, counters and GTIDs
//! together, then replication channels, MySQL's own binary log coordinate (when there is a binary
//! log) and the group's members (when the server is set up for Group Replication). Two steps differ
//! by family and version: see `statements.rs`.
//!
//! A server that answers but does not show its channels (no right to) is still known by its
//! variables: channels are then `None`. Whatever else is missing or odd is a failure and never
//! makes a server writable.
//!
//! The connection is ours down to the socket, and is watched between two probes: see `wire/` and
//! `link.rs`. A session whose probe was dropped or failed is to be dropped too.

mod error;
mod flavour;
mod grants;
mod group;
mod gtid;
mod heartbeat;
mod introduction;
mod link;
mod login;
mod replica;
mod reply;
mod statements;
mod text;
mod variables;
mod wire;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::warn;

use self::{
    error::{DENIED, SYNTAX, garbled},
    flavour::Server,
    heartbeat::Heart,
    reply::{Reply, Settings},
    statements::{GLANCE, GROUP, Spelling, Statements},
};
use crate::{
    config::ProbeTarget,
    discovery::Introduction,
    engine::{
        Channel, Evidence, Facts, Failure, FailureKind, Flavour, Group, Heartbeat, MySqlFacts,
        Writability,
    },
    probe::{
        dial::Dial,
        sign::Sign,
        trouble::{GOODBYE, Trouble},
    },
};

pub use self::grants::{Release, kick_sql as kick_grants, sql as grants};
pub use self::link::KeptLogin;
pub use self::{error::Fault, link::Link};

/// A logged-in probe connection to one server.
pub struct Session {
    link: Link,
    flavour: Flavour,
    statements: Statements,
    heart: Heart,
    target: ProbeTarget,
    /// The missing right was reported.
    warned: bool,
    /// Until when the own coordinate is not asked for, because that hung.
    position_after: Option<Instant>,
    /// It hung on this connection.
    spent: bool,
}

impl Session {
    /// Resolves the host, connects, logs in and finds out which family and version answers, by
    /// `deadline`. A login that gets no reply by then is `kept`.
    ///
    /// # Errors
    /// How it failed, by the table of error numbers in `error.rs`.
    pub async fn connect(
        dial: &mut Dial,
        kept: &mut KeptLogin,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let mut link = Link::open(dial, kept, deadline).await?;
        let server = match begin(&mut link, dial.config.interval, deadline).await {
            Ok(server) => server,
            Err(failure) => {
                link.quit(goodbye_by(deadline)).await;
                return Err(failure);
            }
        };
        dial.trail.say(|| format!("as {}: {server}", dial.config.user));
        Ok(Self {
            link,
            flavour: server.flavour,
            statements: Statements::for_server(server),
            heart: Heart::new(&dial.target, &dial.config, server.flavour),
            target: dial.target.clone(),
            warned: false,
            position_after: None,
            spent: false,
        })
    }

    /// Logs in anew by `deadline` and leaves the old connection; after a failure that is still
    /// there.
    ///
    /// The heartbeat's own connection is kept: a write that hangs there must not be forgotten, or
    /// each renewal could leave one more hanging statement on the server.
    ///
    /// # Errors
    /// As for [`Session::connect`].
    pub async fn renew(
        &mut self,
        dial: &mut Dial,
        kept: &mut KeptLogin,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let mut fresh = Self::connect(dial, kept, deadline).await?;
        std::mem::swap(&mut fresh.heart, &mut self.heart);
        fresh.warned = self.warned;
        fresh.position_after = self.position_after;
        std::mem::replace(self, fresh).link.quit(goodbye_by(deadline)).await;
        Ok(())
    }

    /// Asks for every fact once, by `deadline`. `heartbeat` also writes the heartbeat row, if the
    /// server says it is writable.
    ///
    /// # Errors
    /// How it failed. The session is of no more use then, and has said goodbye if it could.
    pub async fn probe(&mut self, deadline: Instant, heartbeat: bool) -> Result<Facts, Trouble> {
        let margin = deadline.saturating_duration_since(Instant::now()) / 10;
        let limit = deadline.checked_sub(margin).unwrap_or(deadline);
        let asked = timeout_at(deadline, self.ask(limit, heartbeat)).await;
        let facts = asked.unwrap_or_else(|_| {
            let detail = "logged in, but the question got no reply";
            Err(Failure::new(FailureKind::TimedOut, detail).into())
        });
        if facts.is_err() {
            self.link.quit(goodbye_by(deadline)).await;
        }
        facts
    }

    /// Asks what the server tells of itself and of others, by `deadline`. That it does not tell says
    /// nothing of what it is. A question without a reply leaves the session spent.
    pub async fn introduce(&mut self, deadline: Instant) -> Option<Introduction> {
        let asked = async {
            let variables = told(self.link.query_one(introduction::VARIABLES).await)?;
            let readers = told(self.link.query_one(introduction::READERS).await)?;
            let members = told(self.link.query_one(introduction::MEMBERS).await)?;
            Ok::<_, Fault>((variables, readers, members))
        };
        let Ok(Ok((variables, readers, members))) = timeout_at(deadline, asked).await else {
            self.spent = true;
            return None;
        };
        let settings = variables?.settings();
        Some(introduction::introduction(&settings, readers.as_ref(), members.as_ref()))
    }

    /// Whether the last probe has brought facts and left the connection in the middle of a reply.
    /// The session is to be renewed before it is asked again.
    pub fn is_spent(&self) -> bool {
        self.spent
    }

    /// Whether a glance may be asked for: nothing is under way.
    pub fn may_glance(&self) -> bool {
        !self.spent && self.link.is_usable() && !self.link.is_ahead()
    }

    /// Asks for a glance at whether clients may write, and leaves the reply for [`Self::sign`].
    ///
    /// # Errors
    /// The connection's end.
    pub async fn glance(&mut self) -> Result<(), Trouble> {
        self.link.send_ahead(GLANCE).await
    }

    /// Waits for what the server says between two probes: that it ends the idle connection, or what
    /// a glance has shown. Cancel-safe.
    pub async fn sign(&mut self) -> Sign {
        if self.spent {
            return std::future::pending().await;
        }
        if !self.link.is_ahead() {
            return Sign::Ended(self.link.ended().await);
        }
        let seen = match self.link.reply_ahead().await {
            Ok(reply) => reply,
            Err(Fault::Broken(trouble)) => return Sign::Ended(trouble),
            Err(refusal) => {
                return match Trouble::from(refusal) {
                    Trouble::Failed(failure) if failure.kind.evidence() != Evidence::Hard => {
                        Sign::Other
                    }
                    trouble => Sign::Ended(trouble),
                };
            }
        };
        let read_only = seen.into_rows().pop().and_then(|row| row.into_iter().next().flatten());
        match read_only.as_deref().map(variables::is_off) {
            Some(true) => Sign::Same,
            Some(false) | None => Sign::Other,
        }
    }

    /// Says goodbye (COM_QUIT). A session that is dropped instead counts as an aborted client on the
    /// server.
    pub async fn quit(mut self) {
        self.heart.quit().await;
        self.link.quit(Instant::now() + GOODBYE).await;
    }

    /// What role and history come from must be answered. The own coordinate and the heartbeat may be
    /// answered by `limit`, or stay unknown.
    async fn ask(&mut self, limit: Instant, heartbeat: bool) -> Result<Facts, Trouble> {
        let replies = self.link.query(&self.statements.basics).await?;
        let [variables, status, gtid] = &replies[..] else {
            return Err(garbled(format!("{} results for three statements", replies.len())).into());
        };
        let (variables, status) = (variables.settings(), status.settings());
        let writability = variables::writability(&variables)?;
        // Without these two a replica or a member could pass for a primary of its own. There is no
        // word for "did not say in time": the whole probe fails.
        let channels = self.channels().await?;
        let group = self.group(&variables, &status).await?;
        let sessions = variables::sessions(&status, 1 + self.heart.connections())?;
        let beats = heartbeat && writability == Writability::Writable;
        let beat = async {
            match beats {
                true => self.heart.beat(limit).await,
                false => Heartbeat::NotTried,
            }
        };
        let (link, statement) = (&mut self.link, &mut self.statements.position);
        let position = async {
            if !variables.is_on("log_bin") {
                return Ok::<_, Failure>(None);
            }
            if self.flavour == Flavour::MariaDb
                && let Some(counted) = variables::position_counter(&status)
            {
                return Ok(Some(counted));
            }
            // It waits for the lock of the binary log, as writes do whose disk is full: then others
            // cannot be measured by this server, and everything else is known. No session is left
            // to hang with each probe.
            if self.position_after.is_some_and(|after| Instant::now() < after) {
                return Ok(None);
            }
            match timeout_at(limit, ask(link, statement)).await {
                Ok(reply) => Ok(reply?.as_ref().and_then(variables::position)),
                Err(_) => {
                    self.position_after = Some(Instant::now() + HANGS_APART);
                    self.spent = true;
                    Ok(None)
                }
            }
        };
        let (position, heartbeat) = tokio::join!(position, beat);
        let facts = MySqlFacts {
            flavour: self.flavour,
            identity: variables::identity(&variables)?,
            writability,
            channels,
            gtid: gtid::state(self.flavour, gtid, &variables)?,
            position: position?,
            group,
            sessions,
            heartbeat,
        };
        let octets = facts.octets();
        if octets > FACTS_OCTETS_MAX {
            return Err(garbled(format!("{octets} octets of facts")).into());
        }
        Ok(Facts::MySql(facts))
    }

    async fn channels(&mut self) -> Result<Option<Vec<Channel>>, Failure> {
        let spelling = &mut self.statements.channels;
        match ask(&mut self.link, spelling).await? {
            Some(reply) => Ok(Some(replica::channels(&reply)?)),
            None => {
                if !std::mem::replace(&mut self.warned, true) {
                    let statement = self.statements.channels.current;
                    warn!(server = %self.target, statement, "the probe's user lacks the right");
                }
                Ok(None)
            }
        }
    }

    async fn group(
        &mut self,
        variables: &Settings,
        status: &Settings,
    ) -> Result<Option<Group>, Failure> {
        if let Some(node) = group::galera(variables, status)? {
            return Ok(Some(Group::Galera(node)));
        }
        if !group::is_replication(variables) {
            return Ok(None);
        }
        let replies = self.link.query(GROUP).await?;
        let [members, load] = &replies[..] else {
            return Err(garbled(format!("{} results for two statements", replies.len())));
        };
        let member = group::member(members, load, variables, status)?;
        Ok(Some(Group::Replication(member)))
    }
}

/// What a statement returned; `None` when the server refuses it.
fn told(asked: Result<Reply, Fault>) -> Result<Option<Reply>, Fault> {
    match asked {
        Ok(reply) => Ok(Some(reply)),
        Err(Fault::Refused { .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What is said first over every connection, by `deadline`.
async fn begin(link: &mut Link, interval: Duration, deadline: Instant) -> Result<Server, Failure> {
    let begun = async {
        let reply = link.query_one(flavour::STATEMENT).await.map_err(error::of_first_statement)?;
        let server = Server::detect(&reply)?;
        limit_idling(link, interval).await?;
        Ok(server)
    };
    timeout_at(deadline, begun).await.unwrap_or_else(|_| {
        let detail = "logged in, but the first statements got no reply";
        // The connection is as old as the attempt.
        Err(Failure::new(FailureKind::Unresponsive, detail))
    })
}

/// Tells the server to end this session by itself when nothing was asked for long: its own
/// `wait_timeout` is 8 hours, and a network that is gone takes our goodbye with it.
///
/// A server that does not allow that, such as some proxies, keeps its own limit.
async fn limit_idling(link: &mut Link, interval: Duration) -> Result<(), Failure> {
    let longest = IDLE_LONGEST.max(4 * interval).as_secs();
    match link.query(&format!("SET SESSION wait_timeout = {longest}")).await {
        Err(Fault::Broken(trouble)) => Err(trouble.into_failure()),
        Ok(_) | Err(Fault::Refused { .. }) => Ok(()),
    }
}

/// Until when a goodbye may take, within the caller's `deadline`.
fn goodbye_by(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + GOODBYE)
}

/// Asks in the spelling that the server knows. `None` when the right to it is missing.
async fn ask(link: &mut Link, spelling: &mut Spelling) -> Result<Option<Reply>, Failure> {
    let mut fault = match link.query_one(spelling.current).await {
        Ok(reply) => return Ok(Some(reply)),
        Err(fault) => fault,
    };
    if matches!(fault, Fault::Refused { code: SYNTAX, .. }) {
        match link.query_one(spelling.other).await {
            Ok(reply) => {
                spelling.switch();
                return Ok(Some(reply));
            }
            Err(other) => fault = other,
        }
    }
    match fault {
        Fault::Refused { code: DENIED, .. } => Ok(None),
        fault => Err(fault.into()),
    }
}

/// How many octets the facts of one probe may hold. They wait in a queue until the driver has time
/// (`driver::QUEUE`). The largest state of GTIDs that is judged has some 270 KiB, the 256 channels that a
/// MySQL server can have (manual, "Multi-Source Replication") 80.
const FACTS_OCTETS_MAX: usize = 384 * 1024;

/// How long the server keeps a session in which nothing is asked, at least. A parked session is
/// asked every few seconds.
const IDLE_LONGEST: Duration = Duration::from_secs(15);

/// From one statement that hangs to the next.
const HANGS_APART: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{KeptLogin, Session};
    use crate::{
        engine::Facts,
        probe::{Trouble, dial::Dial},
    };

    fn may_move<T: Send>(thing: T) -> T {
        thing
    }

    /// Compiles only while a probe may run on any thread.
    async fn whole(dial: &mut Dial, deadline: Instant) -> Result<Facts, Trouble> {
        let session = may_move(Session::connect(dial, &mut KeptLogin::default(), deadline)).await?;
        let mut session = may_move(session);
        let facts = may_move(session.probe(deadline, true)).await;
        may_move(session.sign()).await;
        may_move(session.quit()).await;
        facts
    }

    #[test]
    fn a_session_and_its_futures_may_move_between_threads() {
        let _ = whole;
    }
}
