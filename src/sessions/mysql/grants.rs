//! What a line of `SHOW GRANTS` says.
//!
//! Rights begin with a capital letter and are never quoted; roles are quoted by all versions but
//! MariaDB's before 10.4, which write them as they are.

/// An account or a role: a name and a pattern of hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    pub user: Box<str>,
    /// Empty for a role of MariaDB.
    pub host: Box<str>,
}

/// What one line grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Rights on everything.
    Rights(Vec<Box<str>>),
    /// Roles.
    Roles(Vec<Account>),
    /// Nothing that concerns the whole server.
    Nothing,
    /// Something that is not understood.
    Unknown,
}

impl Account {
    /// Whether a session of this user may have come in as this account.
    pub fn may_be_of(&self, user: &str) -> bool {
        *self.user == *user || (self.user.is_empty() && !self.host.is_empty())
    }

    /// Whether its rights are everybody's: MariaDB's PUBLIC.
    pub fn is_for_all(&self) -> bool {
        &*self.user == "PUBLIC"
    }

    /// As statements name it, whatever the quotes of strings are.
    pub fn identified(&self) -> String {
        let quoted = |text: &str| format!("`{}`", text.replace('`', "``"));
        match &*self.host {
            "" => quoted(&self.user),
            host => format!("{}@{}", quoted(&self.user), quoted(host)),
        }
    }

    /// As people write it.
    pub fn quoted(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        format!("{}@{}", quoted(&self.user), quoted(&self.host))
    }
}

/// Reads one line.
pub fn read(line: &str) -> Granted {
    let Some(granted) = line.strip_prefix("GRANT ") else {
        // REVOKE takes away; the others set defaults.
        let is_harmless = ["REVOKE ", "SET DEFAULT ROLE ", "ALTER USER ", "CREATE USER "]
            .iter()
            .any(|known| line.starts_with(known));
        return if is_harmless { Granted::Nothing } else { Granted::Unknown };
    };
    if granted.starts_with(['`', '\'']) {
        return roles(granted).map_or(Granted::Unknown, Granted::Roles);
    }
    if let Some((rights, _)) = granted.split_once(" ON *.* TO ") {
        return Granted::Rights(rights.split(',').map(|right| right.trim().into()).collect());
    }
    match granted.split_once(" TO ") {
        Some((what, _)) if what.contains(" ON ") => Granted::Nothing,
        Some((role, _)) => {
            Granted::Roles(vec![Account { user: role.trim().into(), host: "".into() }])
        }
        None => Granted::Unknown,
    }
}

/// `` `a`@`%`,`b` TO `` …
fn roles(mut rest: &str) -> Option<Vec<Account>> {
    let mut roles = Vec::new();
    loop {
        let (user, after) = name(rest)?;
        let (host, after) = match after.strip_prefix('@') {
            Some(after) => name(after)?,
            None => (String::new(), after),
        };
        roles.push(Account { user: user.into(), host: host.into() });
        match after.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None => return after.starts_with(" TO ").then_some(roles),
        }
    }
}

/// A quoted name, and what follows it. A doubled quote stands for itself.
fn name(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|first| ['`', '\''].contains(first))?;
    let mut name = String::new();
    let mut rest = &text[1..];
    loop {
        let (before, after) = rest.split_once(quote)?;
        name.push_str(before);
        match after.strip_prefix(quote) {
            Some(after) => {
                name.push(quote);
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}
