//! The user of the probe: its SQL, made on the primary, and whether every server lets it in.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    EngineKind, InitError,
    asking::{lets_in, settings},
    server::Server,
};
use crate::{
    config::{ProbeConfig, ProbeTarget, Secret, TargetHost},
    engine::{Failure, FailureKind},
    plain_text::start_of_line,
    probe::{Dial, Visit, VisitError, grants},
};

/// The user, as `grants` names it.
pub const USER: &str = "pointsman";

/// What stands in the place of the password in what `grants` prints.
const PLACEHOLDER: &str = "'change me'";

/// How long a statement may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a replica may take to hear of a user.
const REPLICATION: Duration = Duration::from_secs(5);

/// A pause between two logins.
const PAUSE: Duration = Duration::from_millis(250);

/// SQLSTATE `duplicate_object`, and MySQL's `ER_CANNOT_USER`.
const EXISTS: [&str; 2] = ["42710", "1396"];

/// What `grants` prints for a server of this version.
pub fn sql(engine: EngineKind, version: &str) -> String {
    let version = Some(version).filter(|version| !version.is_empty());
    let of_version = |version| match engine {
        EngineKind::Postgres => grants::for_postgres(version),
        EngineKind::MySql => grants::for_mysql(version),
        EngineKind::MariaDb => grants::for_mariadb(version),
    };
    of_version(version).or_else(|_| of_version(None)).unwrap_or_default()
}

/// What is run of it, with this password.
pub fn statements(engine: EngineKind, sql: &str, password: &Secret) -> Vec<String> {
    let sql = sql.replace(PLACEHOLDER, &format!("'{}'", password.reveal()));
    let lines: Vec<_> = sql.lines().filter(|line| !line.starts_with("--")).collect();
    let text = lines.join("\n");
    match engine {
        // One message is one transaction: all of it or nothing.
        EngineKind::Postgres => vec![text.trim().to_owned()],
        EngineKind::MySql | EngineKind::MariaDb => {
            let statements = text.split(';').map(str::trim);
            statements.filter(|one| !one.is_empty()).map(str::to_owned).collect()
        }
    }
}

/// Makes the user on the primary at `at`.
///
/// # Errors
/// Why there is none.
pub async fn create(
    at: SocketAddr,
    engine: EngineKind,
    login: ProbeConfig,
    sql: &str,
    password: &Secret,
) -> Result<(), InitError> {
    let deadline = Instant::now() + PATIENCE;
    let no_user = |why: &str| {
        let why = why.replace(password.reveal(), "***");
        InitError::NoUser { at, why: start_of_line(&why, 300).into() }
    };
    let target = ProbeTarget { host: TargetHost::Address(at.ip()), port: at.port() };
    let mut dial = Dial::new(target, Arc::new(login));
    let begun = Visit::begin(engine.kind(), &mut dial, deadline).await;
    let mut visit = begun.map_err(|failure| no_user(&failure.detail))?;
    for statement in statements(engine, sql, password) {
        let fault = match visit.rows(&statement, deadline).await {
            Ok(_) => continue,
            Err(VisitError::Refused { code, .. }) if EXISTS.contains(&&*code) => {
                InitError::UserExists { at }
            }
            Err(VisitError::Refused { code, message }) => no_user(&format!("{code} {message}")),
            Err(VisitError::Broken(failure)) => no_user(&failure.detail),
        };
        visit.leave().await;
        return Err(fault);
    }
    visit.leave().await;
    Ok(())
}

/// Whether `server` lets the user in, once replication has had time to carry it there.
///
/// # Errors
/// How the last login failed.
pub async fn is_let_in(
    server: &Server,
    engine: EngineKind,
    password: &Secret,
) -> Result<(), Failure> {
    let end = Instant::now() + REPLICATION;
    loop {
        let config = settings(engine.kind(), USER, Some(password.clone()));
        let failure = match lets_in(server.at, engine.kind(), config).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        // A role without its rights yet, or no role yet.
        let may_pass = failure.kind == FailureKind::Misconfigured;
        if !may_pass || Instant::now() >= end {
            return Err(failure);
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{sql, statements};
    use crate::{config::Secret, init::EngineKind};

    #[test]
    fn what_is_run_has_the_password_and_no_remark() {
        let password = Secret::new("0123abcd");
        for (engine, version, count) in [
            (EngineKind::Postgres, "PostgreSQL 16.2 on x86_64", 1),
            (EngineKind::Postgres, "", 1),
            (EngineKind::MariaDb, "10.11.6-MariaDB-0+deb12u1", 2),
            (EngineKind::MySql, "8.0.36", 4),
            (EngineKind::MySql, "odd", 4),
        ] {
            let run = statements(engine, &sql(engine, version), &password);
            assert_eq!(run.len(), count, "{run:#?}");
            let text = run.join("\n");
            assert!(text.contains("'0123abcd'") && !text.contains("change me"), "{text}");
            assert!(!text.contains("--"), "{text}");
        }
    }
}
