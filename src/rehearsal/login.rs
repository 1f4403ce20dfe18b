//! As whom a rehearsal logs in: what the command line says, then what the clients of the databases
//! read.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::unistd::{User, getuid};

use super::option_files::{MyClient, my_client, pgpass};
use crate::{
    config::{AuthConfig, ProbeConfig, Secret, TlsMode},
    engine::ClusterKind,
};

/// What the command line says of the login.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user.
    pub user: Option<String>,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// PostgreSQL: the database.
    pub database: Option<String>,
    /// Encryption.
    pub tls: TlsMode,
}

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody says who logs in.
    #[error("nobody says as whom to log in; give --user")]
    NoUser,
}

impl Credentials {
    /// The login for a cluster whose servers are `hosts`, all on `port`.
    ///
    /// # Errors
    /// [`LoginError`].
    pub fn login(
        &self,
        kind: ClusterKind,
        hosts: &[String],
        port: u16,
    ) -> Result<Arc<ProbeConfig>, LoginError> {
        let client = match kind {
            ClusterKind::MySql => my_cnf()?,
            ClusterKind::Postgres | ClusterKind::Tcp => MyClient::default(),
        };
        let user_variable = if kind == ClusterKind::MySql { "USER" } else { "PGUSER" };
        let user = self.user.clone().or(client.user).or_else(|| env::var(user_variable).ok());
        let user = user.or_else(own_name).ok_or(LoginError::NoUser)?;
        let database = self.database.clone().or_else(|| env::var("PGDATABASE").ok());
        let database = database.unwrap_or_else(|| "postgres".to_owned());
        let password = match (&self.password_file, kind) {
            (Some(path), _) => Some(first_line(path)?),
            (None, ClusterKind::MySql) => client.password.or_else(|| env::var("MYSQL_PWD").ok()),
            (None, ClusterKind::Postgres | ClusterKind::Tcp) => match env::var("PGPASSWORD") {
                Ok(password) => Some(password),
                Err(_) => pgpass(&pgpass_text()?, hosts, port, &database, &user),
            },
        };
        Ok(Arc::new(ProbeConfig {
            user: user.into(),
            password: password.map(Secret::new),
            database: database.into(),
            tls: self.tls.clone(),
            auth: AuthConfig::default(),
            interval: PATIENCE,
            fast_interval: PATIENCE,
            candidate_interval: PATIENCE,
            timeout: PATIENCE,
            heartbeat_write: false,
        }))
    }
}

fn own_name() -> Option<String> {
    User::from_uid(getuid()).ok().flatten().map(|user| user.name)
}

fn first_line(path: &Path) -> Result<String, LoginError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| LoginError::File { path: path.to_owned(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// `~/.my.cnf`; empty when there is none.
fn my_cnf() -> Result<MyClient, LoginError> {
    let Some(home) = env::home_dir() else { return Ok(MyClient::default()) };
    Ok(my_client(&text_of(home.join(".my.cnf"))?))
}

/// The file of libpq; empty when there is none, and when others may read it, as libpq has it.
fn pgpass_text() -> Result<String, LoginError> {
    let named = env::var_os("PGPASSFILE").map(PathBuf::from);
    let Some(path) = named.or_else(|| Some(env::home_dir()?.join(".pgpass"))) else {
        return Ok(String::new());
    };
    let is_open = fs::metadata(&path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
    if is_open { Ok(String::new()) } else { text_of(path) }
}

fn text_of(path: PathBuf) -> Result<String, LoginError> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(LoginError::File { path, source }),
    }
}

/// How long one write or one new connection may take.
pub const PATIENCE: Duration = Duration::from_secs(1);
