//! `[cluster.kick]`: whose sessions are ended on a server that has lost the write name.

use std::{fmt, ops::Range, path::PathBuf};

use toml::Spanned;

use super::{
    Secret,
    password::{PasswordFields, VariableName, password},
    read::{Conversion, Field, Section, one_of, section},
    words::Words,
};
use crate::engine::ClusterKind;

section! {
    /// Whose sessions are ended on a server that has lost the write name.
    KickSection = "[cluster.kick]" {
        /// Whether they are.
        mode: KickMode,
        /// The users whose sessions are meant.
        users: Vec<Spanned<String>>,
        /// The databases whose sessions are meant.
        databases: Vec<Spanned<String>>,
        /// Who ends them, if not the probe's user.
        user: String,
        /// File with the password.
        password_file: PathBuf,
        /// Environment variable with the password.
        password_env: VariableName,
        /// File with the password in the systemd credentials folder.
        password_credential: PathBuf,
    }
}

/// What is done about sessions that hold on to a former primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickConfig {
    /// Whether anything is done.
    pub mode: KickMode,
    /// The users whose sessions are meant; all if it is empty.
    pub users: Vec<Box<str>>,
    /// The databases whose sessions are meant; all if it is empty. One of the two is not.
    pub databases: Vec<Box<str>>,
    /// Who ends them, if not the probe's user.
    pub login: Option<KickLogin>,
}

/// What `mode` of `[cluster.kick]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KickMode {
    /// Nothing is done.
    Off,
    /// Sessions are looked for and counted, and live on.
    DryRun,
    /// Sessions are ended.
    On,
}

/// A user of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickLogin {
    /// The role or user.
    pub user: Box<str>,
    /// Its password; `None` for servers that trust the user.
    pub password: Option<Secret>,
}

impl KickConfig {
    /// Whether sessions of `user` are meant. Case counts, as it does to the servers.
    pub fn means_user(&self, user: &str) -> bool {
        self.users.is_empty() || self.users.iter().any(|known| **known == *user)
    }

    /// Whether sessions in `database` are meant; `None` for sessions without one.
    pub fn means_database(&self, database: Option<&str>) -> bool {
        let is_named = |name: &str| self.databases.iter().any(|known| **known == *name);
        self.databases.is_empty() || database.is_some_and(is_named)
    }
}

impl KickMode {
    /// The word of the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DryRun => "dry-run",
            Self::On => "on",
        }
    }
}

impl fmt::Display for KickMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What stands around the section.
pub struct Around<'a> {
    pub kind: Option<ClusterKind>,
    /// Whether the cluster has a write name.
    pub has_write: bool,
    /// The probe's user; `None` or empty where nobody logs in.
    pub probe_user: Option<&'a str>,
}

/// The settings; `None` without the section, or once a fault has been reported.
pub fn convert(
    field: &Field<KickSection>,
    around: &Around<'_>,
    conversion: &mut Conversion<'_>,
) -> Option<KickConfig> {
    let Field::Given(section) = field else {
        return None;
    };
    let (place, section) = (section.span(), section.get_ref());
    if around.kind == Some(ClusterKind::Tcp) {
        let what = "[cluster.kick] has no effect here: \"tcp\" servers have no sessions";
        conversion.faults.add(place, what, "remove it");
        return None;
    }
    if !around.has_write {
        let what = "[cluster.kick] has no effect here: it follows the write name";
        conversion.faults.add(place.clone(), what, "add a [cluster.write], or remove it");
    }
    let example = (KickSection::TITLE, "mode = \"dry-run\"");
    let mode = conversion.required(&section.mode, &place, example).copied();
    if !section.users.is_present() && !section.databases.is_present() {
        let what = "[cluster.kick] names neither `users` nor `databases`";
        conversion.faults.add(place.clone(), what, "add users = [\"app\"], databases, or both");
    }
    let login = login(section, &place, around, conversion);
    let own = [around.probe_user, login.as_ref().map(|login| &*login.user)];
    let users = names(&section.users, "users", conversion);
    for (user, place) in &users {
        let what = if own.contains(&Some(&**user)) {
            format!("`users` names {user:?}, who is Pointsman itself")
        } else if is_privileged(around.kind, user) {
            format!("`users` names {user:?}, whose sessions are never ended")
        } else {
            continue;
        };
        conversion.faults.add(place.clone(), what, "name the users of the application");
    }
    let databases = names(&section.databases, "databases", conversion);
    let plain = |names: Vec<(Box<str>, _)>| names.into_iter().map(|(name, _)| name).collect();
    Some(KickConfig {
        mode: mode.unwrap_or(KickMode::Off),
        users: plain(users),
        databases: plain(databases),
        login,
    })
}

/// The user of its own.
fn login(
    section: &KickSection,
    place: &Range<usize>,
    around: &Around<'_>,
    conversion: &mut Conversion<'_>,
) -> Option<KickLogin> {
    let fields = PasswordFields {
        file: &section.password_file,
        env: &section.password_env,
        credential: &section.password_credential,
    };
    let Field::Given(user) = &section.user else {
        if !section.user.is_present() {
            let reason = "the probe's user has its password there; `user` is missing";
            conversion.useless(fields.file, "password_file", reason);
            conversion.useless(fields.env, "password_env", reason);
            conversion.useless(fields.credential, "password_credential", reason);
            if around.probe_user.is_some_and(str::is_empty) {
                let what = "[cluster.kick] has no `user`, and the probe logs in nowhere";
                let advice = "add user = \"pointsman_kick\" and the password's source";
                conversion.faults.add(place.clone(), what, advice);
            }
        }
        return None;
    };
    let password = password(&fields, conversion);
    Some(KickLogin { user: user.get_ref().as_str().into(), password })
}

/// The names of a list with their places.
fn names(
    field: &Field<Vec<Spanned<String>>>,
    key: &str,
    conversion: &mut Conversion<'_>,
) -> Vec<(Box<str>, Range<usize>)> {
    let Some(list) = field.given_with_place() else {
        return Vec::new();
    };
    if list.get_ref().is_empty() {
        let what = format!("`{key}` is an empty list");
        conversion.faults.add(list.span(), what, "name at least one, or remove it");
    }
    let mut names: Vec<(Box<str>, _)> = Vec::new();
    for item in list.get_ref() {
        let name = item.get_ref().as_str();
        if names.iter().any(|(earlier, _)| **earlier == *name) {
            let what = format!("{name:?} twice in `{key}`");
            conversion.faults.add(item.span(), what, "name every one once");
        }
        names.push((name.into(), item.span()));
    }
    names
}

/// Whether servers of this kind come with a superuser of that name. The others are known by their
/// rights when sessions are looked for.
fn is_privileged(kind: Option<ClusterKind>, user: &str) -> bool {
    let known: &[&str] = match kind {
        Some(ClusterKind::Postgres) => &["postgres", "rdsadmin", "cloudsqladmin", "azuresu"],
        Some(ClusterKind::MySql) => &[
            "root",
            "mysql",
            "mariadb.sys",
            "mysql.sys",
            "mysql.session",
            "mysql.infoschema",
            "rdsadmin",
            "event_scheduler",
            "system user",
        ],
        Some(ClusterKind::Tcp) | None => &[],
    };
    known.contains(&user)
}

/// What a reload says of it.
pub fn changes(was: Option<&KickConfig>, is: Option<&KickConfig>, words: &mut Words) {
    match (was, is) {
        (None, None) => {}
        (None, Some(is)) => words.add(format!("has a kick, {}", is.mode)),
        (Some(_), None) => words.add("has no kick any more"),
        (Some(was), Some(is)) => {
            let KickConfig { mode, users, databases, login } = is;
            words.setting("kick ", "mode", (&was.mode.name(), &mode.name()));
            words.setting("kick ", "users", (&was.users, users));
            words.setting("kick ", "databases", (&was.databases, databases));
            if was.login != *login {
                words.add("kick user or its password is another one");
            }
        }
    }
}

one_of! { KickMode, "\"off\", \"dry-run\" or \"on\"",
    "off" => Self::Off,
    "dry-run" => Self::DryRun,
    "on" => Self::On,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_databases_count_if_they_are_given() {
        let kick = |users: &[&str], databases: &[&str]| KickConfig {
            mode: KickMode::On,
            users: users.iter().map(|name| (*name).into()).collect(),
            databases: databases.iter().map(|name| (*name).into()).collect(),
            login: None,
        };
        let app = kick(&["app"], &[]);
        assert!(app.means_user("app") && !app.means_user("App") && !app.means_user("apps"));
        assert!(app.means_database(None) && app.means_database(Some("any")));
        let shop = kick(&[], &["shop"]);
        assert!(shop.means_user("anybody") && shop.means_database(Some("shop")));
        assert!(!shop.means_database(Some("shop2")) && !shop.means_database(None));
    }
}
