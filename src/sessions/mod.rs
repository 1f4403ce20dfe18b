//! Client sessions of the servers: how many there are, and those that are ended where the write name
//! has left.
//!
//! ```text
//! Chronicle ──write_changed──▶ kicker ──▶ kick of db1: look, end, and once more after a TTL
//! Reader ─────who is the writer──┘             │
//! admin ──Order::Sessions──▶ report of db1 ────┼─▶ one visit at a time to each server
//! admin ──Order::Kick──────▶ once, by hand ────┘
//! ```
//!
//! A visit is a login of its own that ends with its work: nothing is connected while nobody asks and
//! no name moves. Nobody waits for a kick, and one that fails changes no answer.

mod by_hand;
mod error;
mod kick;
mod kick_watcher;
mod mysql;
mod postgres;
mod report;
mod server;
mod session;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};

pub use self::error::{Fault, SessionsError};
use self::{kick_watcher::KickWatcher, report::report, server::Server};
use crate::{
    chronicle::Chronicle,
    clock,
    config::Config,
    engine::{Failure, FailureKind},
    metrics::KickCounts,
    publish::Reader,
    report::SessionReport,
    wall_time::WallTime,
};

/// The running kicks. Dropping it ends them.
#[derive(Debug)]
pub struct Sessions {
    /// One task, which owns the kicks.
    kicker: JoinSet<()>,
    handle: SessionsHandle,
}

/// What can be asked and told meanwhile. Clones share it.
#[derive(Clone, Debug)]
pub struct SessionsHandle {
    config: watch::Sender<Arc<Config>>,
    context: KickContext,
}

/// What kicks work with. Clones are the same.
#[derive(Clone, Debug)]
struct KickContext {
    config: watch::Receiver<Arc<Config>>,
    reader: Reader,
    chronicle: Chronicle,
    counts: KickCounts,
    desks: ServerQueues,
}

/// The desk of each server, by cluster and name.
type ServerQueues = Arc<Mutex<HashMap<(Box<str>, Box<str>), Arc<ServerQueue>>>>;

/// Where those wait who want to visit the same server.
#[derive(Debug, Default)]
struct ServerQueue {
    last: tokio::sync::Mutex<Option<(Instant, SessionReport)>>,
}

impl Sessions {
    /// Follows what is added to `chronicle` from now on, by what `config` says. Needs a running tokio
    /// runtime.
    pub fn start(
        config: Arc<Config>,
        reader: Reader,
        chronicle: &Chronicle,
        counts: KickCounts,
    ) -> Self {
        let (config, followed) = watch::channel(config);
        let (_, news) = chronicle.follow();
        let (chronicle, desks) = (chronicle.clone(), Arc::default());
        let context = KickContext { config: followed, reader, chronicle, counts, desks };
        let handle = SessionsHandle { config, context: context.clone() };
        Self { kicker: JoinSet::from_iter([KickWatcher::new(context, news).run()]), handle }
    }

    /// What can be asked and told.
    pub fn handle(&self) -> &SessionsHandle {
        &self.handle
    }

    /// Ends all of them, whatever they do.
    pub async fn stop(mut self) {
        self.kicker.shutdown().await;
    }
}

impl SessionsHandle {
    /// Goes on by another configuration.
    pub fn follow(&self, config: Arc<Config>) {
        self.config.send_replace(config);
    }

    /// The sessions of the server of this name, in any case of letters. One report may serve those
    /// who ask within a second.
    ///
    /// # Errors
    /// [`SessionsError`].
    pub async fn report(&self, name: &str) -> Result<SessionReport, SessionsError> {
        let config = Arc::clone(&self.config.borrow());
        let server = Server::named(&config, name)?;
        let deadline = Instant::now() + PATIENCE;
        let visited = timeout_at(deadline, reported(&server, &self.context.desks, deadline)).await;
        let reported = visited.unwrap_or_else(|_| {
            let detail = "it is asked by somebody else already, or does not answer";
            Err(Failure::new(FailureKind::TimedOut, detail).into())
        });
        reported.map_err(|fault| SessionsError::Failed { server: server.name.clone(), fault })
    }

    /// Ends at once the sessions on the server of this name that `[cluster.kick]` means, because
    /// `author` wishes it. Only of a server that no name says. Returns what was done, in one
    /// sentence.
    ///
    /// # Errors
    /// [`SessionsError`].
    pub async fn kick(&self, name: &str, author: &str) -> Result<String, SessionsError> {
        let config = Arc::clone(&self.config.borrow());
        by_hand::kick(&self.context, &Server::named(&config, name)?, author).await
    }
}

/// What is found on a server, or was found a moment ago.
async fn reported(
    server: &Server,
    desks: &ServerQueues,
    deadline: Instant,
) -> Result<SessionReport, Fault> {
    let desk = desk(desks, server);
    let mut last = desk.last.lock().await;
    if let Some((at, report)) = &*last
        && at.elapsed() < SHARED_FOR
    {
        return Ok(report.clone());
    }
    *last = None;
    let mut visit = server.visit(deadline).await?;
    let look = server.look(&mut visit, deadline).await;
    visit.leave().await;
    let now = WallTime::from_unix_millis(clock::unix_millis());
    let report = report(server, &look?, now);
    *last = Some((Instant::now(), report.clone()));
    Ok(report)
}

/// The desk of a server. There are as many as servers were ever asked for.
fn desk(desks: &ServerQueues, server: &Server) -> Arc<ServerQueue> {
    let mut desks = desks.lock().unwrap_or_else(PoisonError::into_inner);
    let place = (server.cluster.clone(), server.name.clone());
    Arc::clone(desks.entry(place).or_default())
}

/// How long a report may take: less than the admin API waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a report may be told again.
const SHARED_FOR: Duration = Duration::from_secs(1);
