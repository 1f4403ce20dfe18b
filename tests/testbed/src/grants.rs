//! The SQL that `pointsman grants` prints, used as an operator would: with a password of its own in
//! the place of the one that is to be changed. The probe has these rights and no others, so every
//! test proves that they suffice.

use std::process::Command;

use crate::{account, binary, pointsman::PROBE_PASSWORD};

/// What stands where the password belongs.
const PLACEHOLDER: &str = "'change me'";

/// Begins the part that only heartbeats need. It is commented out.
const HEARTBEAT: &str = "-- Only with heartbeat_write = true";

/// Begins the part that only session kicks need. It is commented out.
const KICK: &str = "-- Only with [cluster.kick]";

/// What stands where the password of its user belongs.
const KICK_PLACEHOLDER: &str = "'change me too'";

/// The SQL for one version of a server.
#[derive(Clone, Debug)]
pub struct Grants {
    text: String,
}

impl Grants {
    /// What is printed for `engine`, `postgres` or `mysql`, and this version of a server.
    ///
    /// # Panics
    /// When that has no place for a password.
    pub fn printed(engine: &str, version: &str) -> Self {
        let mut command = Command::new(binary());
        let text = account::run(command.args(["grants", engine, "--server-version", version]));
        assert_eq!(text.matches(PLACEHOLDER).count(), 1, "one password is to be changed:\n{text}");
        Self { text: text.replace(PLACEHOLDER, &format!("'{PROBE_PASSWORD}'")) }
    }

    /// The statements that make the probe's user, each on one line.
    pub fn user(&self) -> Vec<String> {
        statements(self.text.lines().filter(|line| !line.starts_with("--")))
    }

    /// The statements that make the heartbeat's table, each on one line.
    pub fn heartbeat(&self) -> Vec<String> {
        let mut lines = self.text.lines();
        let found = lines.any(|line| line.starts_with(HEARTBEAT));
        assert!(found, "no part for heartbeats:\n{}", self.text);
        statements(lines.map_while(|line| line.strip_prefix("-- ")))
    }
}

impl Grants {
    /// The statements that only session kicks need, each on one line.
    pub fn kick(&self) -> Vec<String> {
        let mut lines = self.text.lines();
        let found = lines.any(|line| line.starts_with(KICK));
        assert!(found, "no part for kicks:\n{}", self.text);
        let text: Vec<_> = lines.map_while(|line| line.strip_prefix("-- ")).collect();
        let text = text.join("\n").replace(KICK_PLACEHOLDER, &format!("'{PROBE_PASSWORD}'"));
        statements(text.lines())
    }
}

fn statements<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let joined = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let statements = joined.split(';').map(str::trim);
    statements.filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}
