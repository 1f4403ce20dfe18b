//! Sessions of a MySQL or MariaDB server.
//!
//! `SHOW PROCESSLIST` takes no lock of a statement and no temporary table. Without PROCESS it shows
//! a user nothing but its own sessions, and says nothing of the others, so that right is looked up
//! first. A connection id is never given again.
//!
//! Who has special rights is read from `SHOW GRANTS` of every account of a name, and of the roles
//! granted to it: which of the accounts a session belongs to depends on host names that only the
//! server knows. What cannot be read counts as a special right.

mod grants;

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use self::grants::{Account, Granted};
use super::{
    error::Fault,
    session::{Session, SessionKind},
};
use crate::{
    config::KickConfig,
    probe::{Row, Visit, VisitError, mysql::Release},
};

/// What the server tells of its sessions, and why a kick may end none of them, if so. `own` are the
/// users of Pointsman.
pub async fn sessions(
    visit: &mut Visit,
    own: &[&str],
    kick: Option<&KickConfig>,
    deadline: Instant,
) -> Result<(Vec<Session>, Option<Fault>), Fault> {
    let us = Us::ask(visit, deadline).await?;
    if !us.may(&["PROCESS"]) {
        return Err(us.lacks("see the sessions of others", "PROCESS"));
    }
    let rows = visit.rows("SHOW PROCESSLIST", deadline).await?;
    let mut sessions = Vec::with_capacity(rows.len());
    for row in &rows {
        sessions.extend(session(row, us.id, own)?);
    }
    let Some(kick) = kick else {
        return Ok((sessions, None));
    };
    let meant = sessions.iter().filter(|session| {
        let Session { kind, user, database, .. } = session;
        *kind == SessionKind::Client
            && kick.means_user(user)
            && kick.means_database(database.as_deref())
    });
    let users: BTreeSet<_> = meant.map(|session| session.user.clone()).collect();
    let fault = match privileged(visit, &users, deadline).await {
        Ok(privileged) => {
            for session in &mut sessions {
                session.is_privileged = privileged.get(&session.user).copied().unwrap_or(true);
                session.may_end = us.may(&MAY_KILL);
            }
            (!us.may(&MAY_KILL)).then(|| us.lacks("end sessions of others", us.kill_right()))
        }
        Err(Fault::Refused { code, .. }) if DENIED.contains(&&*code) => {
            let account = us.account.quoted();
            Some(Fault::Missing {
                user: us.account.user.clone(),
                what: "see who has special rights",
                grant: format!("GRANT SELECT ON mysql.* TO {account};").into(),
            })
        }
        Err(fault @ (Fault::Broken(_) | Fault::Returned)) => return Err(fault),
        Err(fault) => Some(fault),
    };
    Ok((sessions, fault))
}

/// Ends `sessions`, one after the other while `may_go_on`, and says how many.
pub async fn end(
    visit: &mut Visit,
    sessions: &[&Session],
    may_go_on: &(dyn Fn() -> bool + Sync),
    deadline: Instant,
) -> (u64, Option<Fault>) {
    let mut ended = 0;
    for session in sessions {
        if !may_go_on() {
            return (ended, Some(Fault::Returned));
        }
        match visit.rows(&format!("KILL CONNECTION {}", session.id), deadline).await {
            Ok(_) => ended += 1,
            Err(VisitError::Refused { code, .. }) if &*code == GONE => {}
            Err(error) => return (ended, Some(error.into())),
        }
    }
    (ended, None)
}

/// Who we are to the server.
struct Us {
    id: u64,
    account: Account,
    version: Box<str>,
    rights: Vec<Box<str>>,
}

impl Us {
    async fn ask(visit: &mut Visit, deadline: Instant) -> Result<Self, Fault> {
        let statement = "SELECT CONNECTION_ID(), CURRENT_USER(), VERSION()";
        let rows = visit.rows(statement, deadline).await?;
        let odd = || Fault::Odd("CURRENT_USER()");
        let [row] = &rows[..] else { return Err(odd()) };
        let [Some(id), Some(account), Some(version)] = &row[..] else { return Err(odd()) };
        let (user, host) = account.rsplit_once('@').ok_or_else(odd)?;
        let mut rights = Vec::new();
        for row in visit.rows("SHOW GRANTS", deadline).await? {
            if let Some(Some(line)) = row.first()
                && let Granted::Rights(more) = grants::read(line)
            {
                rights.extend(more);
            }
        }
        Ok(Self {
            id: id.parse().map_err(|_| odd())?,
            account: Account { user: user.into(), host: host.into() },
            version: version.clone(),
            rights,
        })
    }

    /// Whether we have one of these rights.
    fn may(&self, one_of: &[&str]) -> bool {
        let has = |right: &str| one_of.contains(&right) || right == "ALL PRIVILEGES";
        self.rights.iter().any(|right| has(right))
    }

    fn lacks(&self, what: &'static str, right: &str) -> Fault {
        let account = self.account.quoted();
        Fault::Missing {
            user: self.account.user.clone(),
            what,
            grant: format!("GRANT {right} ON *.* TO {account};").into(),
        }
    }

    /// What this version calls the right to end sessions of others.
    fn kill_right(&self) -> &'static str {
        match Release::of(&self.version) {
            Some(Release::MySql) | None if self.version.starts_with("5.") => "SUPER",
            Some(Release::MySql) | None => "CONNECTION_ADMIN",
            Some(Release::MariaDb103) => "SUPER",
            Some(Release::MariaDb105 | Release::MariaDb1059) => "CONNECTION ADMIN",
        }
    }
}

/// Whether each of `users` has special rights, or may have them.
async fn privileged(
    visit: &mut Visit,
    users: &BTreeSet<Box<str>>,
    deadline: Instant,
) -> Result<BTreeMap<Box<str>, bool>, Fault> {
    let rows = visit.rows(&accounts_of(users), deadline).await?;
    let mut accounts = Vec::with_capacity(rows.len());
    for row in rows {
        let [Some(user), Some(host)] = &row[..] else {
            return Err(Fault::Odd("mysql.user"));
        };
        accounts.push(Account { user: user.clone(), host: host.clone() });
    }
    let mut seen = BTreeMap::new();
    let mut found = BTreeMap::new();
    for user in users {
        // A name without an account of its own has come in as the nameless one, or by a way that we
        // do not know.
        let has_account = accounts.iter().any(|account| account.may_be_of(user));
        let mut is_privileged = !has_account;
        for account in &accounts {
            let concerns = account.may_be_of(user) || account.is_for_all();
            if concerns && has_special_rights(visit, account, &mut seen, deadline).await? {
                is_privileged = true;
            }
        }
        found.insert(user.clone(), is_privileged);
    }
    Ok(found)
}

/// Whether an account has a special right, by itself or through a role. `seen` has what is known.
async fn has_special_rights(
    visit: &mut Visit,
    account: &Account,
    seen: &mut BTreeMap<Account, bool>,
    deadline: Instant,
) -> Result<bool, Fault> {
    let mut open = vec![account.clone()];
    let mut asked: BTreeSet<Account> = BTreeSet::new();
    let mut is_special = false;
    while let Some(next) = open.pop() {
        if let Some(known) = seen.get(&next) {
            is_special |= known;
            continue;
        }
        if !asked.insert(next.clone()) {
            continue;
        }
        let statement = format!("SHOW GRANTS FOR {}", next.identified());
        for row in visit.rows(&statement, deadline).await? {
            let line = row.first().and_then(Option::as_deref);
            match line.map_or(Granted::Unknown, grants::read) {
                Granted::Rights(rights) => {
                    is_special |= rights.iter().any(|right| SPECIAL.contains(&&**right));
                }
                Granted::Roles(roles) => open.extend(roles),
                Granted::Nothing => {}
                Granted::Unknown => is_special = true,
            }
        }
    }
    seen.insert(account.clone(), is_special);
    Ok(is_special)
}

/// The statement that finds the accounts of `users`, of the nameless and of everybody. Names are in
/// hexadecimal, so there is nothing to quote.
fn accounts_of(users: &BTreeSet<Box<str>>) -> String {
    let hex = |name: &str| name.bytes().map(|octet| format!("{octet:02X}")).collect::<String>();
    let names = users.iter().map(|user| format!("X'{}'", hex(user)));
    let list: Vec<_> = names.chain([format!("X'{}'", hex("PUBLIC"))]).collect();
    format!("SELECT User, Host FROM mysql.user WHERE User = '' OR User IN ({})", list.join(", "))
}

/// One row of SHOW PROCESSLIST; `None` for what is no session of anybody.
fn session(row: &Row, our_id: u64, own: &[&str]) -> Result<Option<Session>, Fault> {
    let odd = || Fault::Odd("SHOW PROCESSLIST");
    let [id, user, host, database, command, time, ..] = &row[..] else {
        return Err(odd());
    };
    let id: u64 = id.as_deref().and_then(|id| id.parse().ok()).ok_or_else(odd)?;
    let user = user.clone().unwrap_or_default();
    let command = command.clone().unwrap_or_default();
    let kind = match &*command {
        _ if NOBODY.contains(&&*user) => return Ok(None),
        "Daemon" | "Connect" | "Connect Out" | "Delayed insert" | "Delayed_insert" => {
            return Ok(None);
        }
        command if command.starts_with("Slave_") => return Ok(None),
        command
            if ["Binlog Dump", "Register ", "Table Dump"]
                .iter()
                .any(|known| command.starts_with(known)) =>
        {
            SessionKind::Replication
        }
        _ if id == our_id || own.contains(&&*user) => SessionKind::Own,
        _ => SessionKind::Client,
    };
    Ok(Some(Session {
        id,
        born: 0,
        kind,
        user,
        database: database.clone().filter(|name| !name.is_empty()),
        address: host.as_deref().map(|host| without_port(host).into()),
        state: command,
        // A clock that was set back makes it negative.
        age: time.as_deref().and_then(|time| time.parse().ok()),
        is_privileged: true,
        may_end: false,
    }))
}

/// `10.0.0.9:51234` without the port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((address, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => address,
        _ => host,
    }
}

/// Users of the server's own threads, and of logins that have not ended.
const NOBODY: [&str; 3] = ["system user", "event_scheduler", "unauthenticated user"];

/// One of these ends sessions of others.
const MAY_KILL: [&str; 3] = ["CONNECTION ADMIN", "CONNECTION_ADMIN", "SUPER"];

/// Rights that no application has: they pass `read_only` or a full server, change the server, or
/// let replicas in.
const SPECIAL: [&str; 12] = [
    "ALL PRIVILEGES",
    "SUPER",
    "CONNECTION ADMIN",
    "CONNECTION_ADMIN",
    "READ_ONLY ADMIN",
    "READ ONLY ADMIN",
    "SYSTEM_USER",
    "SYSTEM_VARIABLES_ADMIN",
    "SHUTDOWN",
    "REPLICATION SLAVE",
    "REPLICATION SLAVE ADMIN",
    "REPLICATION_SLAVE_ADMIN",
];

/// Error numbers of a missing right (MySQL: "Server Error Message Reference").
const DENIED: [&str; 4] = ["1044", "1142", "1143", "1227"];

/// There is no such connection any more (`ER_NO_SUCH_THREAD`).
const GONE: &str = "1094";

#[cfg(test)]
mod tests;
