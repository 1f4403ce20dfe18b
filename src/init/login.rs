//! Who asks: user and password as `psql` and `mysql` find them.
//!
//! | engine | user | password |
//! | --- | --- | --- |
//! | PostgreSQL | `--user`, `PGUSER`, the system's user | `PGPASSWORD`, `PGPASSFILE` or `~/.pgpass` |
//! | MySQL, MariaDB | `--user`, `~/.my.cnf`, the system's user | `~/.my.cnf`, `MYSQL_PWD` |
//!
//! What is found nowhere is asked for on the terminal.

use std::env;

use crate::{
    client_files::{self, ClientFile, Wanted},
    config::Secret,
    engine::ClusterKind,
};

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
        let mut text_of = |file: ClientFile| {
            file.text().unwrap_or_else(|unread| {
                ignored.push(unread.to_string());
                None
            })
        };
        let variable = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        let given = user.map(Into::into);
        let (user, source) = match kind {
            ClusterKind::MySql => {
                let text = text_of(ClientFile::MyCnf);
                let file = text.map(|text| client_files::option_file(&text)).unwrap_or_default();
                let password = file.password.or_else(|| variable("MYSQL_PWD").map(Secret::new));
                (given.or(file.user), Source::Same(password))
            }
            ClusterKind::Postgres | ClusterKind::Tcp => {
                let user = given.or_else(|| variable("PGUSER").map(Into::into));
                let source = match variable("PGPASSWORD") {
                    Some(password) => Source::Same(Some(Secret::new(password))),
                    None => text_of(ClientFile::PgPass)
                        .map_or(Source::Same(None), |text| Source::PgPass(text.into())),
                };
                (user, source)
            }
        };
        let user = user.or_else(|| client_files::system_user().map(Into::into));
        Self { user: user.unwrap_or_else(|| "root".into()), source, typed: None, ignored }
    }

    /// The password for a server that goes by one of `hosts`; that of the first one asked where the
    /// file has none for it.
    pub fn password(&self, hosts: &[String], port: u16) -> Option<Secret> {
        let found = match &self.source {
            Source::Same(password) => password.clone(),
            Source::PgPass(text) => hosts.iter().find_map(|host| {
                let user = &self.user;
                client_files::password(text, Wanted { host, port, database: DATABASE, user })
            }),
        };
        found.or_else(|| self.typed.clone())
    }

    /// From now on this is the password where no other is found.
    pub fn keep(&mut self, password: Secret) {
        self.typed = Some(password);
    }
}
