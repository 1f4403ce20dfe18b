//! A rehearsal from its beginning to its report.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    future::pending,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    select,
    signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    },
    sync::mpsc,
    task::JoinSet,
    time::Instant,
};

use super::{
    beat::{BeatKind, Table, TableError},
    findings::{Aftermath, End, Findings, Subject},
    login::{Credentials, LoginError},
    record::Record,
    table,
    watch::{self, Post, Target},
};
use crate::{
    api::{ClusterStatus, ServerStatus, SessionReport},
    cli::{Client, ClientError},
    clock,
    engine::ClusterKind,
    follow::Question,
    plain_text::one_line,
};

/// What is to be rehearsed.
#[derive(Debug)]
pub struct Settings {
    /// The cluster.
    pub cluster: String,
    /// The service that serves it.
    pub client: Client,
    /// The resolvers; writes and connections go where the first one says.
    pub resolvers: Vec<SocketAddr>,
    /// As whom to log in.
    pub credentials: Credentials,
    /// A table for writes, as it was written.
    pub table: Option<String>,
    /// How long anything may take.
    pub target: Duration,
    /// How long to watch.
    pub timeout: Duration,
}

/// Why there is no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The service does not tell of the cluster.
    #[error(transparent)]
    Service(#[from] ClientError),
    /// Nobody logs in to its servers.
    #[error(
        "{0} is of engine \"tcp\": nobody can write there, so that there is nothing to rehearse"
    )]
    NoLogin(String),
    /// There is no name for writes.
    #[error("{0} has no write name, so that there is nothing to rehearse")]
    NoName(String),
    /// The write name says nobody.
    #[error("{name} says nobody: {reason}; a rehearsal begins while it says a server")]
    Nobody {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// There is no resolver.
    #[error("there is no resolver to ask; give --resolver")]
    NoResolver,
    /// A resolver does not say what the service says.
    #[error("the resolver {resolver} does not lead to {servers}: {what}; give --resolver another")]
    Resolver {
        /// Which.
        resolver: SocketAddr,
        /// To whom it should lead.
        servers: String,
        /// What it says.
        what: String,
    },
    /// The table is none.
    #[error("--table {text}: {source}")]
    Table {
        /// What was written.
        text: String,
        /// Why.
        source: TableError,
    },
    /// There is no login.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The server does not let us work.
    #[error("{0}")]
    Server(String),
}

/// Watches until everything has followed, the time is over, or Ctrl-C. `tell` is told what happens,
/// in lines.
///
/// # Errors
/// [`RehearsalError`], before anything was watched.
pub async fn run(
    settings: Settings,
    mut tell: impl FnMut(&str),
) -> Result<Findings, RehearsalError> {
    let stage = Stage::set(&settings).await?;
    let target = &stage.target;
    if let BeatKind::Insert(table) = &target.beat {
        table::create(target, table, stage.server).await.map_err(RehearsalError::Server)?;
    } else {
        table::check(target, stage.server).await.map_err(RehearsalError::Server)?;
    }
    let subject = Subject {
        cluster: settings.cluster.clone(),
        name: stage.name.clone(),
        engine: target.kind.name().to_owned(),
        beat: target.beat.clone(),
        target: settings.target,
        resolvers: settings.resolvers.iter().map(ToString::to_string).collect(),
        began: clock::wall_time(),
    };
    tell(&format!(
        "watches {} ({}) by {}, as {}; Ctrl-C ends that",
        stage.name,
        stage.from.join(", "),
        subject.resolvers.join(", "),
        target.login.user
    ));

    let mut record = Record::new(stage.from.clone(), stage.old.clone(), settings.resolvers.len());
    let (began, end) = stage.watch(&settings, &mut record, &mut tell).await;
    let lasted = began.elapsed();
    let after = stage.aftermath(&settings, &record).await;
    Ok(Findings::of(&subject, &record, end, lasted, after))
}

/// What is known before anything is watched.
struct Stage {
    name: String,
    /// For how long answers of the name may be kept.
    ttl: Duration,
    from: Vec<Box<str>>,
    old: BTreeSet<IpAddr>,
    /// The server that has the name.
    server: SocketAddr,
    target: Arc<Target>,
}

impl Stage {
    async fn set(settings: &Settings) -> Result<Self, RehearsalError> {
        let cluster = &settings.cluster;
        let status = settings.client.cluster(cluster).await?;
        let kind = kind_of(&status).ok_or_else(|| RehearsalError::NoLogin(cluster.clone()))?;
        let named = status.write_name();
        let named = named.ok_or_else(|| RehearsalError::NoName(cluster.clone()))?;
        let from: Vec<Box<str>> = named.servers.iter().map(|name| name.as_str().into()).collect();
        let of_name = |server: &&ServerStatus| named.servers.contains(&server.name);
        let old: BTreeSet<IpAddr> = status
            .servers
            .iter()
            .filter(of_name)
            .flat_map(|server| server.addresses.iter().filter_map(|text| text.parse().ok()))
            .collect();
        let first = status.servers.iter().find(of_name);
        let (Some(server), Some(address)) = (first, old.first()) else {
            let (name, reason) = (named.name.clone(), one_line(&named.reason));
            return Err(RehearsalError::Nobody { name, reason });
        };
        let port = server.port;
        let beat = match &settings.table {
            Some(text) => BeatKind::Insert(
                Table::parse(text, kind)
                    .map_err(|source| RehearsalError::Table { text: text.clone(), source })?,
            ),
            None => BeatKind::without_table(kind),
        };
        let question =
            Question::about(&named.name).ok_or_else(|| RehearsalError::NoName(cluster.clone()))?;
        let mut hosts = vec![named.name.trim_end_matches('.').to_owned()];
        hosts.extend(status.servers.iter().flat_map(|server| server.addresses.clone()));
        let login = settings.credentials.login(kind, &hosts, port)?;
        let resolver = *settings.resolvers.first().ok_or(RehearsalError::NoResolver)?;
        for resolver in &settings.resolvers {
            let what = match question.addresses(*resolver, port).await {
                Ok(said) if said.iter().any(|server| old.contains(&server.ip())) => continue,
                Ok(said) if said.is_empty() => "it knows no address of the name".to_owned(),
                Ok(said) => said.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                Err(why) => why,
            };
            let servers = from.join(", ");
            return Err(RehearsalError::Resolver { resolver: *resolver, servers, what });
        }
        Ok(Self {
            name: named.name.clone(),
            ttl: Duration::from_secs(named.ttl.into()),
            server: SocketAddr::new(*address, port),
            from,
            old,
            target: Arc::new(Target { kind, beat, login, question, resolver, port }),
        })
    }

    /// Fills `record`, and says when that began and why it ended.
    async fn watch(
        &self,
        settings: &Settings,
        record: &mut Record,
        tell: &mut impl FnMut(&str),
    ) -> (Instant, End) {
        let began = Instant::now();
        let (sender, mut seen) = mpsc::unbounded_channel();
        let post = Post { began, sender };
        let mut tasks = JoinSet::new();
        tasks.spawn(watch::service(
            settings.client.clone(),
            settings.cluster.clone(),
            post.clone(),
        ));
        for (place, resolver) in settings.resolvers.iter().enumerate() {
            let target = Arc::clone(&self.target);
            tasks.spawn(watch::resolver(target, place, *resolver, post.clone()));
        }
        tasks.spawn(watch::writes(Arc::clone(&self.target), post.clone()));
        tasks.spawn(watch::connects(Arc::clone(&self.target), post));
        let calm = self.ttl.max(CALM) + CALM;
        let watched = async {
            while let Some((at, sight)) = seen.recv().await {
                let before = Progress::of(record);
                record.note(at, sight);
                self.tell_progress(&before, &Progress::of(record), record, tell);
                if record.is_over(began.elapsed(), calm) {
                    break;
                }
            }
        };
        let mut ended = signal(SignalKind::terminate()).ok();
        let terminated = async {
            match &mut ended {
                Some(ended) => _ = ended.recv().await,
                None => pending().await,
            }
        };
        let end = select! {
            biased;
            _ = ctrl_c() => End::Interrupted,
            () = terminated => End::Interrupted,
            () = watched => End::Complete,
            () = tokio::time::sleep(settings.timeout) => End::TimedOut,
        };
        (began, end)
    }

    fn tell_progress(
        &self,
        before: &Progress,
        now: &Progress,
        record: &Record,
        tell: &mut impl FnMut(&str),
    ) {
        let noun = self.target.beat.noun();
        if now.is_ready && !before.is_ready {
            tell("everything works: begin the switchover now");
        }
        if now.moved != before.moved {
            let to = record.to.as_ref().map_or_else(String::new, |to| to.join(", "));
            tell(&format!("{} says {to}", self.name));
        }
        if now.first_good != before.first_good {
            tell(&format!("the first good {noun} on a new server"));
        }
        if now.has_failed
            && !before.has_failed
            && let Some((_, words)) = &record.writes.first_failure
        {
            tell(&format!("the first {noun} that failed: {words}"));
        }
    }

    /// Looks what is left, and takes away what is ours.
    async fn aftermath(&self, settings: &Settings, record: &Record) -> Aftermath {
        let mut after = Aftermath::default();
        if let BeatKind::Insert(table) = &self.target.beat {
            let at = match self.target.writer().await {
                Ok(server) => server,
                Err(_) => self.server,
            };
            let rows = table::take_away(&self.target, table, at, &record.acknowledged).await;
            (after.lost, after.left_behind) = (rows.lost, rows.left_behind);
        }
        if record.moved.is_some() {
            after.sessions = Some(self.sessions(settings).await);
        }
        after
    }

    /// The sessions of clients on the old servers.
    async fn sessions(&self, settings: &Settings) -> Result<u64, String> {
        let mut left = 0;
        let mut faults = String::new();
        for server in &self.from {
            match settings.client.sessions(server).await {
                Ok(SessionReport { clients, .. }) => left += clients,
                Err(error) => {
                    let comma = if faults.is_empty() { "" } else { "; " };
                    let words = one_line(&error.to_string());
                    write!(faults, "{comma}{words}").expect("a string can be written to");
                }
            }
        }
        if faults.is_empty() { Ok(left) } else { Err(faults) }
    }
}

/// What is told when it changes.
struct Progress {
    is_ready: bool,
    moved: Option<Duration>,
    first_good: Option<Duration>,
    has_failed: bool,
}

impl Progress {
    fn of(record: &Record) -> Self {
        Self {
            is_ready: record.is_ready(),
            moved: record.moved,
            first_good: record.writes.first_good,
            has_failed: record.writes.failed > 0,
        }
    }
}

/// The engine by its word; `None` for one that takes no logins.
fn kind_of(status: &ClusterStatus) -> Option<ClusterKind> {
    let kinds = [ClusterKind::Postgres, ClusterKind::MySql];
    kinds.into_iter().find(|kind| kind.name() == status.engine)
}

/// How long it must be calm at least, before and after the TTL.
const CALM: Duration = Duration::from_secs(1);
