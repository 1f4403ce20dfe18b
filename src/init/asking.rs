//! Asks one server who it is, who its kin are, and what its clients may not see.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::EngineKind;
use crate::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, Secret, TargetHost, TlsMode},
    discovery::Word,
    engine::{ClusterKind, Endpoint, Failure, ProbeKey},
    metrics::ProbeMeter,
    probe::{self, Dial, Row, Target, Visit, VisitError},
};

/// How long one server may take for everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server tells of itself beside its introduction.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Its version, as `SELECT version()` says it.
    pub version: Box<str>,
    /// Whether the user sees who follows it.
    pub sees_followers: bool,
    /// Replicas of MySQL and MariaDB with their own words for where they are; the host may be empty.
    pub replicas: Vec<Endpoint>,
}

/// How servers of `kind` are asked.
pub fn settings(kind: ClusterKind, user: &str, password: Option<Secret>) -> ProbeConfig {
    let database = match kind {
        ClusterKind::Postgres => super::login::DATABASE,
        ClusterKind::MySql | ClusterKind::Tcp => "",
    };
    ProbeConfig {
        user: user.into(),
        password,
        database: database.into(),
        tls: TlsMode::Prefer,
        auth: AuthConfig::default(),
        interval: Duration::from_secs(1),
        fast_interval: Duration::from_secs(1),
        candidate_interval: Duration::from_secs(1),
        timeout: PATIENCE,
        heartbeat_write: false,
    }
}

/// What the server at `at` is.
///
/// # Errors
/// How it failed.
pub async fn who(at: SocketAddr, kind: ClusterKind, config: ProbeConfig) -> Result<Word, Failure> {
    probe::introduced(&target(at, kind, config)).await
}

/// The same of a server that nobody vouches for, as discovery asks it.
///
/// # Errors
/// How it failed.
pub async fn who_unvouched(
    at: SocketAddr,
    kind: ClusterKind,
    config: ProbeConfig,
) -> Result<Word, Failure> {
    probe::stranger(&target(at, kind, config)).await
}

/// Whether the server at `at` lets in whom `config` names.
///
/// # Errors
/// How it failed.
pub async fn lets_in(
    at: SocketAddr,
    kind: ClusterKind,
    config: ProbeConfig,
) -> Result<(), Failure> {
    match probe::once(&target(at, kind, config)).await {
        crate::engine::Outcome::Failed(failure) => Err(failure),
        _ => Ok(()),
    }
}

fn target(at: SocketAddr, kind: ClusterKind, config: ProbeConfig) -> Target {
    Target {
        // It reports to no engine.
        key: ProbeKey(u64::MAX),
        target: place(at),
        kind,
        config: Arc::new(config),
        meter: ProbeMeter::default(),
        listener: None,
    }
}

fn place(at: SocketAddr) -> ProbeTarget {
    ProbeTarget { host: TargetHost::Address(at.ip()), port: at.port() }
}

/// What the server at `at` tells beside. Whatever it does not tell is missing.
pub async fn aside(at: SocketAddr, engine: EngineKind, config: ProbeConfig) -> Aside {
    let deadline = Instant::now() + PATIENCE;
    let mut dial = Dial::new(place(at), Arc::new(config));
    let Ok(mut visit) = Visit::begin(engine.kind(), &mut dial, deadline).await else {
        return Aside::default();
    };
    let mut aside = Aside::default();
    let statement = match engine {
        EngineKind::Postgres => OF_POSTGRES,
        EngineKind::MySql | EngineKind::MariaDb => OF_MYSQL,
    };
    if let Ok(rows) = visit.rows(statement, deadline).await
        && let [row] = &rows[..]
        && let [Some(version), Some(sees)] = &row[..]
    {
        aside.version = version.clone();
        aside.sees_followers = matches!(&**sees, "true" | "1");
    }
    if engine != EngineKind::Postgres {
        let mut rows = visit.rows("SHOW REPLICAS", deadline).await;
        // MySQL before 8.0.22 and MariaDB before 10.5.1 know the old words alone.
        if matches!(rows, Err(VisitError::Refused { .. })) {
            rows = visit.rows("SHOW SLAVE HOSTS", deadline).await;
        }
        aside.replicas = rows.unwrap_or_default().iter().filter_map(replica).collect();
    }
    visit.leave().await;
    aside
}

const OF_POSTGRES: &str = "SELECT version(), pg_has_role('pg_read_all_stats', 'USAGE')::text";

/// The list of privileges has those of others, too, for whoever may read them.
const OF_MYSQL: &str = "SELECT VERSION(), (SELECT COUNT(*) > 0 \
    FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN ('PROCESS', 'SUPER') \
    AND GRANTEE = CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', \
    SUBSTRING_INDEX(CURRENT_USER(), '@', -1), ''''))";

/// `Server_id`, `Host`, `Port`, and more.
fn replica(row: &Row) -> Option<Endpoint> {
    let [_, host, Some(port), ..] = &row[..] else { return None };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(Endpoint { host: host.clone().unwrap_or_default(), port })
}
