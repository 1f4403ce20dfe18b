//! What is done about one server that the write name has left: its clients' sessions are ended in
//! two rounds.
//!
//! The first comes as soon as the server lives: at once, or whenever it answers again. The second
//! comes when the TTL of the write name has passed since then, for clients that came back by an old
//! answer. That is all, whatever comes back later; a server that gets the write name back is left
//! alone at once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::{
    KickContext, desk,
    error::Fault,
    server::{Server, SessionList},
    session::{Session, SessionKind},
    writer::{Place, Stance, stance},
};
use crate::{
    answers::NameRole,
    clock,
    config::{KickConfig, KickMode},
    metrics::KickTotals,
    report::{Change, What},
    wall_time::WallTime,
};

/// A server by its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KickTarget {
    cluster: Box<str>,
    server: Box<str>,
}

impl KickTarget {
    pub fn new(cluster: &str, server: &str) -> Self {
        Self { cluster: cluster.into(), server: server.into() }
    }
}

/// One kick.
pub struct Kick {
    target: KickTarget,
    context: KickContext,
    place: Place,
    /// Sessions that were counted: one that takes its time to end is counted once.
    counted: HashSet<(u64, i64)>,
    /// The last fault that was told.
    told: Option<Fault>,
}

/// What one round came to.
struct Round {
    /// Sessions that were ended or, in a dry run, would have been, and were not counted before.
    hit: u64,
    /// All others but replication's and our own.
    spared: u64,
    /// The hit ones by user.
    users: BTreeMap<Box<str>, u64>,
    /// Why it ended early.
    fault: Option<Fault>,
}

impl Kick {
    pub fn new(target: KickTarget, context: KickContext) -> Self {
        Self { target, context, place: Place::default(), counted: HashSet::new(), told: None }
    }

    /// Both rounds, with waits between them. Ends early when nothing is to be done any more.
    pub async fn run(mut self) {
        let KickTarget { cluster, server } = self.target.clone();
        // Known to the metrics from now on, with zeros.
        self.context.counts.count(&cluster, &server, KickTotals::default());
        let (mut rounds, mut failures) = (0, 0);
        let mut due = Instant::now();
        while rounds < ROUNDS && failures < FAILURES {
            match self.stance() {
                Stance::Over => return,
                Stance::Go if Instant::now() >= due => {}
                Stance::Go | Stance::Wait => {
                    sleep(LOOK_EVERY).await;
                    if self.is_called_off() {
                        return;
                    }
                    continue;
                }
            }
            let Some((target, ttl)) = self.target() else { return };
            let Some(kick) = target.kick() else { return };
            let begun = Instant::now();
            match self.round(&target, kick).await {
                Ok(round) => {
                    self.tell(kick.mode, &round);
                    let failed = matches!(&round.fault, Some(fault) if *fault != Fault::Returned);
                    if let (true, Some(fault)) = (failed, round.fault) {
                        self.failed(fault);
                        failures += 1;
                        due = Instant::now() + RETRY;
                        continue;
                    }
                    (rounds, failures) = (rounds + 1, 0);
                    due = begun + ttl + MARGIN;
                }
                Err(fault) => {
                    self.failed(fault);
                    failures += 1;
                    due = Instant::now() + RETRY;
                }
            }
        }
        if failures == FAILURES {
            warn!(
                event = "kick",
                cluster = &*cluster,
                server = &*server,
                "sessions on {server} are left alone: {FAILURES} attempts have failed"
            );
        }
    }

    /// Whether the configuration has changed and wants nothing of it any more.
    fn is_called_off(&mut self) -> bool {
        if !self.context.config.has_changed().unwrap_or(false) {
            return false;
        }
        self.context.config.mark_unchanged();
        self.target().is_none_or(|(target, _)| target.kick().is_none())
    }

    /// The server by the configuration of this moment, and the TTL of the write name.
    fn target(&self) -> Option<(Server, Duration)> {
        let config = Arc::clone(&self.context.config.borrow());
        let cluster = config.clusters.iter().find(|one| *one.name == *self.target.cluster)?;
        let write = cluster.names.iter().find(|name| name.role == NameRole::Write)?;
        let server = Server::named(&config, &self.target.server).ok()?;
        (server.cluster == self.target.cluster)
            .then(|| (server, Duration::from_secs(write.ttl.into())))
    }

    fn stance(&self) -> Stance {
        stance(&self.context.reader, &self.place, &self.target.cluster, &self.target.server)
    }

    /// Looks who is there and ends those who are meant.
    async fn round(&mut self, target: &Server, kick: &KickConfig) -> Result<Round, Fault> {
        let desk = desk(&self.context.desks, target);
        // Nobody else visits the server meanwhile, and what was told of it is old afterwards.
        let mut last = desk.last.lock().await;
        *last = None;
        let deadline = Instant::now() + PATIENCE;
        let mut visit = target.visit(deadline).await?;
        let look = target.look(&mut visit, deadline).await;
        let round = match look {
            Ok(SessionList { fault: Some(fault), .. }) | Err(fault) => Err(fault),
            Ok(SessionList { sessions, fault: None }) => {
                let (meant, spared) = chosen(&sessions, kick);
                let (ended, fault) = match kick.mode {
                    KickMode::On => {
                        let may_go_on = || self.stance() == Stance::Go;
                        target.end(&mut visit, &meant, &may_go_on, deadline).await
                    }
                    KickMode::DryRun | KickMode::Off => (count(meant.len()), None),
                };
                Ok(self.round_of(&meant, ended, spared, fault))
            }
        };
        visit.leave().await;
        round
    }

    /// What a round came to that has `ended` so many of `meant`.
    fn round_of(
        &mut self,
        meant: &[&Session],
        ended: u64,
        spared: u64,
        fault: Option<Fault>,
    ) -> Round {
        let mut users: BTreeMap<Box<str>, u64> = BTreeMap::new();
        let mut hit = 0;
        // One that has left by itself meanwhile is not known from one that was ended before it.
        for session in meant.iter().take(usize::try_from(ended).unwrap_or(usize::MAX)) {
            if self.counted.insert((session.id, session.born)) {
                *users.entry(session.user.clone()).or_default() += 1;
                hit += 1;
            }
        }
        Round { hit, spared, users, fault }
    }

    /// Tells the log, the metrics and the chronicle.
    fn tell(&mut self, mode: KickMode, round: &Round) {
        let KickTarget { cluster, server } = &self.target;
        let Round { hit, spared, users, .. } = round;
        let more = match mode {
            KickMode::On => KickTotals { ended: *hit, ..KickTotals::default() },
            KickMode::DryRun | KickMode::Off => KickTotals { found: *hit, ..KickTotals::default() },
        };
        self.context.counts.count(cluster, server, more);
        let were = if mode == KickMode::On { "were ended" } else { "would be ended" };
        let sessions = if *hit == 1 { "session" } else { "sessions" };
        let words = format!("{hit} {sessions} on {server} {were}: the write name has left it");
        let mode = mode.name();
        info!(
            event = "kick",
            cluster = &**cluster,
            server = &**server,
            mode,
            ended = hit,
            spared,
            "{words}"
        );
        if *hit > 0 {
            let users: Vec<_> = users.iter().map(|(user, hit)| format!("{user}: {hit}")).collect();
            self.enter(&words, &format!("{}; {spared} others live on", users.join(", ")));
        }
        self.told = None;
    }

    /// Tells of a round that has ended nothing, or not all. The same fault is told once.
    fn failed(&mut self, fault: Fault) {
        let KickTarget { cluster, server } = &self.target;
        self.context.counts.count(
            cluster,
            server,
            KickTotals { failures: 1, ..KickTotals::default() },
        );
        if self.told.as_ref() == Some(&fault) {
            return;
        }
        let words = format!("sessions on {server} are not ended: {fault}");
        warn!(event = "kick", cluster = &**cluster, server = &**server, "{words}");
        self.enter(&format!("sessions on {server} are not ended"), &fault.to_string());
        self.told = Some(fault);
    }

    fn enter(&self, reason: &str, detail: &str) {
        self.context.chronicle.add(Change {
            at: WallTime::from_unix_millis(clock::unix_millis()),
            cluster: Some(self.target.cluster.clone()),
            what: What::Kick {
                server: self.target.server.clone(),
                done: reason.into(),
                detail: detail.chars().take(DETAIL_CHARS).collect(),
            },
        });
    }
}

/// The sessions that a kick ends, and the number of clients' sessions that it spares.
pub fn chosen<'s>(sessions: &'s [Session], kick: &KickConfig) -> (Vec<&'s Session>, u64) {
    let meant: Vec<_> = sessions.iter().filter(|session| session.fate(kick).is_ok()).collect();
    let clients = sessions.iter().filter(|session| session.kind == SessionKind::Client).count();
    let spared = count(clients - meant.len());
    (meant, spared)
}

pub fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Rounds of one kick.
const ROUNDS: u32 = 2;

/// Attempts in a row that fail until a server is left alone.
const FAILURES: u32 = 12;

/// Between two attempts that fail.
const RETRY: Duration = Duration::from_secs(5);

/// Between two looks at who has the write name.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a resolver may be late beyond the TTL, which it counts in whole seconds.
const MARGIN: Duration = Duration::from_secs(1);

/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Characters of the chronicle about one round.
const DETAIL_CHARS: usize = 1_000;
