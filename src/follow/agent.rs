//! The agent: asks, has the connections judged, and cuts.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use tokio::{
    net::UnixListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{info, warn};

use super::{
    caches,
    follower::Follower,
    heard::{Answer, Heard, Port},
    hook,
    limits::Limits,
    lookup::Question,
    name_watch::Moved,
    owners,
    reason::{CutReason, Rules},
    report::Shared,
    sockets::{self, KernelSocket},
};

/// What the agent is to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The names, as applications use them.
    pub names: Vec<Box<str>>,
    /// Who is asked.
    pub server: SocketAddr,
    /// How the ports are known.
    pub port: Port,
    /// Between two questions, whatever the TTL; the TTL where it is less.
    pub interval: Duration,
    /// How long connections to a server that is alive may end their work.
    pub grace: Duration,
    /// What is done for each reason.
    pub rules: Rules,
    /// Whose connections may be cut.
    pub limits: Limits,
    /// Whether connections are only told and not cut.
    pub dry_run: bool,
    /// Whether the caches of the host are emptied.
    pub flush: bool,
    /// Programs that are run when a name has moved.
    pub hooks: Vec<PathBuf>,
    /// Where the agent tells of itself, if it does.
    pub socket: Option<PathBuf>,
}

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// A name is none.
    #[error("`{0}` is no DNS name")]
    Name(Box<str>),
    /// The connections of this host cannot be looked at.
    #[error("the kernel does not tell the connections of this host: {0}")]
    Kernel(#[source] io::Error),
    /// The socket cannot be made.
    #[error("cannot listen on `{}`: {source}; name another with --socket", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There are no signals.
    #[error("cannot hear signals: {0}")]
    Signals(#[source] io::Error),
}

/// Follows until SIGTERM or Ctrl-C.
///
/// # Errors
/// [`FollowError`], before anything was followed.
pub async fn run(settings: Settings) -> Result<(), FollowError> {
    let mut questions = BTreeMap::new();
    for name in &settings.names {
        let question = Question::about(name).ok_or_else(|| FollowError::Name(name.clone()))?;
        questions.insert(name.clone(), question);
    }
    sockets::established().map_err(FollowError::Kernel)?;
    let mut end = signal(SignalKind::terminate()).map_err(FollowError::Signals)?;
    let shared = Shared::default();
    let mut tasks = JoinSet::new();
    if let Some(path) = &settings.socket {
        tasks.spawn(shared.clone().serve(listen(path)?));
    }
    let names = settings.names.join(", ");
    let (server, dry_run) = (settings.server, settings.dry_run);
    info!(event = "follow", names, %server, dry_run, "follows {names} by {server}");
    let mut agent = Agent::new(settings, questions, shared);
    tokio::select! {
        () = agent.follow() => {}
        _ = end.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    info!(event = "follow", "ends; connections are left as they are");
    Ok(())
}

fn listen(path: &PathBuf) -> Result<UnixListener, FollowError> {
    // That of an agent that died. One that lives loses its reports and nothing else.
    _ = fs::remove_file(path);
    UnixListener::bind(path).map_err(|source| FollowError::Socket { path: path.clone(), source })
}

struct Agent {
    settings: Settings,
    questions: BTreeMap<Box<str>, Question>,
    follower: Follower,
    shared: Shared,
    began: Instant,
    /// When each name is asked next.
    due: BTreeMap<Box<str>, Instant>,
    /// The faults that were told.
    faults: BTreeMap<Box<str>, String>,
    /// Cookies of connections that were told or could not be cut: each is told once.
    told: BTreeSet<u64>,
    hooks: JoinSet<()>,
}

impl Agent {
    fn new(settings: Settings, questions: BTreeMap<Box<str>, Question>, shared: Shared) -> Self {
        let Settings { names, rules, limits, grace, interval, dry_run, .. } = settings.clone();
        let fresh = (interval * FRESH_INTERVALS).max(FRESH);
        let follower = Follower::new(names, rules, limits, grace, fresh);
        let began = Instant::now();
        let due = questions.keys().map(|name| (name.clone(), began)).collect();
        shared.with(|report| report.dry_run = dry_run);
        let (faults, told, hooks) = (BTreeMap::new(), BTreeSet::new(), JoinSet::new());
        Self { settings, questions, follower, shared, began, due, faults, told, hooks }
    }

    async fn follow(&mut self) {
        loop {
            self.ask().await;
            // Ended hooks leave.
            while self.hooks.try_join_next().is_some() {}
            if self.follower.wants_a_look(self.began.elapsed()) {
                self.cut();
            }
            let next = self.due.values().min().copied().unwrap_or_else(Instant::now);
            let pause = next.saturating_duration_since(Instant::now());
            sleep(pause.clamp(DOUBT, self.settings.interval.max(DOUBT))).await;
        }
    }

    /// Asks for the names that are due, all at the same time.
    async fn ask(&mut self) {
        let now = Instant::now();
        let due: Vec<_> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(name, _)| name.clone()).collect();
        let mut asked = JoinSet::new();
        for name in due {
            let question = self.questions[&name].clone();
            let Settings { server, port, .. } = self.settings;
            asked.spawn(async move { (question.ask(server, port).await, name) });
        }
        while let Some(asked) = asked.join_next().await {
            let Ok(((heard, kept), name)) = asked else { continue };
            self.hear(&name, heard, kept).await;
        }
    }

    async fn hear(&mut self, name: &str, heard: Heard, kept: Result<Duration, String>) {
        self.tell_lookup(name, &heard, kept.as_ref().err());
        let moved = self.follower.hear(self.began.elapsed(), name, heard);
        let pause = match kept {
            _ if self.follower.is_in_doubt(name) => DOUBT,
            Ok(ttl) => ttl.clamp(SOONEST, self.settings.interval.max(SOONEST)),
            Err(_) => self.settings.interval,
        };
        self.due.insert(name.into(), Instant::now() + pause.min(self.settings.interval));
        if let Some(moved) = moved {
            self.moved(name, &moved).await;
        }
    }

    fn tell_lookup(&mut self, name: &str, heard: &Heard, fault: Option<&String>) {
        if let Some(fault) = fault
            && self.faults.get(name) != Some(fault)
        {
            warn!(event = "lookup", name, "{name}: {fault}; nothing is cut meanwhile");
            self.faults.insert(name.into(), fault.clone());
        } else if fault.is_none() && self.faults.remove(name).is_some() {
            info!(event = "lookup", name, "{name} is answered again");
        }
        self.shared.with(|report| {
            let told = report.names.entry(name.to_owned()).or_default();
            told.lookups += 1;
            told.failed_lookups += u64::from(fault.is_some());
            told.fault = fault.cloned();
            told.servers = match &heard.answer {
                Answer::Servers(servers) => servers.iter().map(ToString::to_string).collect(),
                Answer::Nobody | Answer::Failed => Vec::new(),
            };
        });
    }

    /// What is done at once when a name says others.
    async fn moved(&mut self, name: &str, moved: &Moved) {
        let [from, to] = [&moved.from, &moved.to]
            .map(|servers| servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        let told = format!("{name} says {to}, and said {from}");
        info!(event = "moved", name, from, to, "{told}");
        self.shared.with(|report| report.names.entry(name.to_owned()).or_default().moves += 1);
        self.remember(told);
        for program in self.settings.hooks.clone() {
            let (name, moved) = (name.to_owned(), moved.clone());
            self.hooks.spawn(async move { hook::run(&program, &name, &moved).await });
        }
        if self.settings.flush && !self.settings.dry_run {
            // Before connections are cut, so that the next ones are led to the new server.
            for done in caches::flush(name).await {
                info!(event = "flush", name, "{done}");
                self.remember(done);
            }
        }
    }

    /// Looks at the connections and cuts those that are to be cut.
    fn cut(&mut self) {
        let mut found = match sockets::established() {
            Ok(found) => found,
            Err(error) => {
                warn!(event = "cut", "the kernel does not tell the connections: {error}");
                return;
            }
        };
        // There may be many to others, and whose a connection is costs a look at all open files.
        let now = self.began.elapsed();
        let suspects = self.follower.suspects(now);
        found.retain(|one| suspects.contains(&one.connection.remote));
        name_owners(&mut found);
        let connections: Vec<_> = found.iter().map(|one| one.connection.clone()).collect();
        let verdicts = self.follower.judge(now, &connections);
        let mut spared: BTreeMap<String, u64> = BTreeMap::new();
        let mut meant = Vec::new();
        for verdict in verdicts {
            match verdict.fate {
                Ok(()) => meant.push((verdict.place, verdict.name.to_owned(), verdict.reason)),
                Err(why) => *spared.entry(why.to_string()).or_default() += 1,
            }
        }
        self.shared.with(|report| report.spared = spared);
        for (place, name, reason) in meant {
            self.cut_one(&found[place], &name, reason);
        }
        let alive: BTreeSet<u64> = connections.iter().map(|one| one.cookie).collect();
        self.told.retain(|cookie| alive.contains(cookie));
    }

    fn cut_one(&mut self, target: &KernelSocket, name: &str, reason: CutReason) {
        let one = &target.connection;
        let is_new = self.told.insert(one.cookie);
        let whose = one.owner.process.as_deref().unwrap_or("a process that cannot be seen");
        let ends = format!("{} → {}, {whose}, user {}", one.local, one.remote, one.owner.uid);
        let done = match self.settings.dry_run {
            true => Ok("would be cut"),
            false => sockets::destroy(target).map(|()| "is cut"),
        };
        // One that lives on is told once.
        match done {
            Ok(_) if !is_new => {}
            Ok(done) => {
                let (uid, local, remote) = (one.owner.uid, one.local, one.remote);
                let why = reason.word();
                info!(
                    event = "cut", name, %local, %remote, uid, process = whose, reason = why,
                    dry_run = self.settings.dry_run, "{ends}: {done}: {reason}"
                );
                self.shared.with(|report| *report.cut.entry(why.to_owned()).or_default() += 1);
                self.remember(format!("{ends}: {done}: {name}: {reason}"));
            }
            Err(_) if !is_new => {}
            Err(error) => {
                warn!(event = "cut", name, "{ends}: cannot be cut: {error}; {RIGHT}");
                self.shared.with(|report| report.failures += 1);
                self.remember(format!("{ends}: cannot be cut: {error}"));
            }
        }
    }

    fn remember(&self, line: String) {
        self.shared.with(|report| {
            report.last.insert(0, line);
            report.last.truncate(REMEMBERED);
        });
    }
}

/// Puts the names of processes to the connections, as far as they can be seen.
fn name_owners(found: &mut [KernelSocket]) {
    if found.is_empty() {
        return;
    }
    let inodes = found.iter().map(|one| one.inode).collect();
    let names = owners::processes(&inodes);
    for one in found {
        one.connection.owner.process = names.get(&one.inode).cloned();
    }
}

/// What is mostly missing.
const RIGHT: &str = "it needs CAP_NET_ADMIN and a kernel with INET_DIAG_DESTROY";

/// Between two questions while an answer is in doubt.
const DOUBT: Duration = Duration::from_millis(50);

/// Names are asked for no more often than this, whatever their TTL.
const SOONEST: Duration = Duration::from_millis(200);

/// An answer is new enough for so long at least.
const FRESH: Duration = Duration::from_secs(3);

/// The same in intervals.
const FRESH_INTERVALS: u32 = 3;

/// Lines that `--status` shows.
const REMEMBERED: usize = 20;
