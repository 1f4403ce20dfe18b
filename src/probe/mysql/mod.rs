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
//! The caller sets the one deadline around [`Session::connect`] and [`Session::probe`] by dropping
//! their futures; a session whose probe was dropped or failed is to be dropped too.

mod error;
mod flavour;
mod grants;
mod group;
mod gtid;
mod heartbeat;
mod link;
mod options;
mod replica;
mod reply;
mod statements;
mod variables;

use tracing::warn;

use self::{
    error::{DENIED, Fault, SYNTAX, garbled},
    flavour::Server,
    heartbeat::Heart,
    link::Link,
    reply::{Reply, Settings},
    statements::{GROUP, Spelling, Statements},
};
use crate::{
    config::{ProbeConfig, ProbeTarget},
    engine::{
        Channel, Facts, Failure, Flavour, Group, Heartbeat, MySqlFacts, Position, Writability,
    },
};

pub use self::grants::{Release, sql as grants};

/// A logged-in probe connection to one server.
pub struct Session {
    link: Link,
    flavour: Flavour,
    statements: Statements,
    heart: Heart,
    target: ProbeTarget,
    /// The missing right was reported.
    warned: bool,
}

impl Session {
    /// Resolves the host, connects, logs in and finds out which family and version answers.
    ///
    /// The connection has no schema and names itself `pointsman` (`program_name` in
    /// `performance_schema.session_connect_attrs`).
    ///
    /// # Errors
    /// How it failed, by the table of error numbers in `error.rs`.
    pub async fn connect(target: &ProbeTarget, config: &ProbeConfig) -> Result<Self, Failure> {
        let mut link = Link::open(target, config).await?;
        let server = Server::detect(&link.query_one(flavour::STATEMENT).await?)?;
        Ok(Self {
            link,
            flavour: server.flavour,
            statements: Statements::for_server(server),
            heart: Heart::new(target, config, server.flavour),
            target: target.clone(),
            warned: false,
        })
    }

    /// Logs in anew and leaves the old connection; after a failure that is still there.
    ///
    /// The heartbeat's own connection is kept: a write that hangs there must not be forgotten, or
    /// each renewal could leave one more hanging statement on the server.
    ///
    /// # Errors
    /// As for [`Session::connect`].
    pub async fn renew(&mut self, config: &ProbeConfig) -> Result<(), Failure> {
        let mut fresh = Self::connect(&self.target, config).await?;
        std::mem::swap(&mut fresh.heart, &mut self.heart);
        fresh.warned = self.warned;
        std::mem::replace(self, fresh).quit().await;
        Ok(())
    }

    /// Asks for every fact once. `heartbeat` also writes the heartbeat row, if the server says it
    /// is writable.
    ///
    /// # Errors
    /// How it failed. The session is of no more use then.
    pub async fn probe(&mut self, heartbeat: bool) -> Result<Facts, Failure> {
        let replies = self.link.query(&self.statements.basics).await?;
        let [variables, status, gtid] = &replies[..] else {
            return Err(garbled(format!("{} results for three statements", replies.len())));
        };
        let (variables, status) = (variables.settings(), status.settings());
        let writability = variables::writability(&variables)?;
        let facts = MySqlFacts {
            flavour: self.flavour,
            identity: variables::identity(&variables)?,
            writability,
            channels: self.channels().await?,
            gtid: gtid::state(self.flavour, gtid, &variables),
            position: self.position(&variables, &status).await?,
            group: self.group(&variables, &status).await?,
            sessions: variables::sessions(&status, 1 + self.heart.connections())?,
            heartbeat: if heartbeat && writability == Writability::Writable {
                self.heart.beat().await
            } else {
                Heartbeat::NotTried
            },
        };
        Ok(Facts::MySql(facts))
    }

    /// Completes when the server ends the idle connection.
    ///
    /// It never does: the driver keeps its socket to itself and offers no way to wait for the end
    /// of an idle connection. The next probe finds out.
    pub async fn closed(&mut self) {
        std::future::pending().await
    }

    /// Says goodbye (COM_QUIT). A session that is dropped instead counts as an aborted client on the
    /// server.
    pub async fn quit(self) {
        self.heart.quit().await;
        self.link.quit().await;
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

    async fn position(
        &mut self,
        variables: &Settings,
        status: &Settings,
    ) -> Result<Option<Position>, Failure> {
        if !variables.is_on("log_bin") {
            return Ok(None);
        }
        if self.flavour == Flavour::MariaDb
            && let Some(position) = variables::position_counter(status)
        {
            return Ok(Some(position));
        }
        let reply = ask(&mut self.link, &mut self.statements.position).await?;
        Ok(reply.as_ref().and_then(variables::position))
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

#[cfg(test)]
mod tests {
    use super::Session;
    use crate::{
        config::{ProbeConfig, ProbeTarget},
        engine::{Facts, Failure},
    };

    fn may_move<T: Send>(thing: T) -> T {
        thing
    }

    /// Compiles only while a probe may run on any thread.
    async fn whole(target: &ProbeTarget, config: &ProbeConfig) -> Result<Facts, Failure> {
        let session = may_move(Session::connect(target, config)).await?;
        let mut session = may_move(session);
        let facts = may_move(session.probe(true)).await;
        may_move(session.quit()).await;
        facts
    }

    #[test]
    fn a_session_and_its_futures_may_move_between_threads() {
        let _ = whole;
    }
}
