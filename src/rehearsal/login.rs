//! As whom a rehearsal logs in: what the command line says, then what the clients of the databases
//! read.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    client_files::{self, ClientFile, OptionFile, UnreadFile, Wanted},
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
            ClusterKind::MySql => client_files::option_file(&text_of(ClientFile::MyCnf)?),
            ClusterKind::Postgres | ClusterKind::Tcp => OptionFile::default(),
        };
        let user_variable = if kind == ClusterKind::MySql { "USER" } else { "PGUSER" };
        let user = self
            .user
            .clone()
            .or_else(|| client.user.map(String::from))
            .or_else(|| env::var(user_variable).ok());
        let user = user.or_else(client_files::system_user).ok_or(LoginError::NoUser)?;
        let database = self.database.clone().or_else(|| env::var("PGDATABASE").ok());
        let database = database.unwrap_or_else(|| "postgres".to_owned());
        let password = match (&self.password_file, kind) {
            (Some(path), _) => Some(Secret::new(first_line(path)?)),
            (None, ClusterKind::MySql) => {
                client.password.or_else(|| env::var("MYSQL_PWD").ok().map(Secret::new))
            }
            (None, ClusterKind::Postgres | ClusterKind::Tcp) => match env::var("PGPASSWORD") {
                Ok(password) => Some(Secret::new(password)),
                Err(_) => {
                    let text = text_of(ClientFile::PgPass)?;
                    let (database, user) = (&*database, &*user);
                    hosts.iter().find_map(|host| {
                        client_files::password(&text, Wanted { host, port, database, user })
                    })
                }
            },
        };
        Ok(Arc::new(ProbeConfig {
            user: user.into(),
            password,
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

fn first_line(path: &Path) -> Result<String, LoginError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| LoginError::File { path: path.to_owned(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The text of a client's file; empty when there is none, and when others have rights to it, as the
/// clients have it.
fn text_of(file: ClientFile) -> Result<String, LoginError> {
    match file.text() {
        Ok(text) => Ok(text.unwrap_or_default()),
        Err(UnreadFile::Open { .. }) => Ok(String::new()),
        Err(UnreadFile::System { path, source }) => Err(LoginError::File { path, source }),
    }
}

/// How long one write or one new connection may take.
pub const PATIENCE: Duration = Duration::from_secs(1);
