//! Who asks: user and password as `psql` and `mysql` find them.
//!
//! | engine | user | password |
//! | --- | --- | --- |
//! | PostgreSQL | `--user`, `PGUSER`, the system's user | `PGPASSWORD`, `PGPASSFILE` or `~/.pgpass` |
//! | MySQL, MariaDB | `--user`, `~/.my.cnf`, the system's user | `~/.my.cnf`, `MYSQL_PWD` |
//!
//! What is found nowhere is asked for on the terminal.

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::{User, geteuid};

use super::{my_cnf, pgpass};
use crate::{config::Secret, engine::ClusterKind};

/// The login of the administrator.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who logs in.
    pub user: Box<str>,
    source: Source,
    /// What somebody has typed.
    typed: Option<Secret>,
    /// Files that are there and were left unread, and why.
    pub ignored: Vec<String>,
}

#[derive(Clone, Debug)]
enum Source {
    /// One password for every server, or none.
    Same(Option<Secret>),
    /// The text of a password file.
    PgPass(Box<str>),
}

/// The database that PostgreSQL is asked in.
pub const DATABASE: &str = "postgres";

impl Login {
    /// The login for servers of `kind`, of `user` if that is given.
    pub fn find(kind: ClusterKind, user: Option<&str>) -> Self {
        let mut ignored = Vec::new();
        let variable = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        let given = user.map(Into::into);
        let (user, source) = match kind {
            ClusterKind::MySql => {
                let path = home().map(|home| home.join(".my.cnf"));
                let text = path.and_then(|path| text_of(&path, 0o002, &mut ignored));
                let file = text.map(|text| my_cnf::read(&text)).unwrap_or_default();
                let password = file.password.or_else(|| variable("MYSQL_PWD").map(Secret::new));
                (given.or(file.user), Source::Same(password))
            }
            ClusterKind::Postgres | ClusterKind::Tcp => {
                let user = given.or_else(|| variable("PGUSER").map(Into::into));
                let mut file = || {
                    let named = variable("PGPASSFILE").map(PathBuf::from);
                    let path = named.or_else(|| home().map(|home| home.join(".pgpass")))?;
                    text_of(&path, 0o077, &mut ignored)
                };
                let source = match variable("PGPASSWORD") {
                    Some(password) => Source::Same(Some(Secret::new(password))),
                    None => file().map_or(Source::Same(None), |text| Source::PgPass(text.into())),
                };
                (user, source)
            }
        };
        let user = user.or_else(|| Some(User::from_uid(geteuid()).ok()??.name.into()));
        Self { user: user.unwrap_or_else(|| "root".into()), source, typed: None, ignored }
    }

    /// The password for a server that goes by one of `hosts`; that of the first one asked where the
    /// file has none for it.
    pub fn password(&self, hosts: &[String], port: u16) -> Option<Secret> {
        let found = match &self.source {
            Source::Same(password) => password.clone(),
            Source::PgPass(text) => hosts.iter().find_map(|host| {
                let user = &self.user;
                pgpass::find(text, pgpass::Wanted { host, port, database: DATABASE, user })
            }),
        };
        found.or_else(|| self.typed.clone())
    }

    /// From now on this is the password where no other is found.
    pub fn keep(&mut self, password: Secret) {
        self.typed = Some(password);
    }
}

/// The text of a file, unless its permissions are among those that clients do not accept.
fn text_of(path: &Path, forbidden: u32, ignored: &mut Vec<String>) -> Option<String> {
    let mode = fs::metadata(path).ok()?.mode();
    if mode & forbidden != 0 {
        let path = path.display();
        ignored.push(format!(
            "{path} is left unread, as `psql` and `mysql` do: others have rights to it (mode \
             {:03o}); run `chmod 600` on it",
            mode & 0o777
        ));
        return None;
    }
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            ignored.push(format!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

fn home() -> Option<PathBuf> {
    let named = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(User::from_uid(geteuid()).ok()??.dir))
}
