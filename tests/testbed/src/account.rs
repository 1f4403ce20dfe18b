//! The system account that a database server runs under.
//!
//! PostgreSQL refuses to run as root. When the tests run as root, servers and their tools run as
//! the account of Debian's package; otherwise as whoever runs the tests.

use std::{
    ffi::{OsStr, OsString},
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::{MetadataExt, OpenOptionsExt as _, chown},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

/// The group that Pointsman runs in when the tests run as root. No account of a system is in it.
pub const MONITOR_GROUP: u32 = 64_953;

/// An account, resolved to numbers.
#[derive(Clone, Debug)]
pub struct Account {
    /// User and group; `None` runs everything as the current user.
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The account `name` when the tests run as root, else the current one.
    pub fn named(name: &str) -> Self {
        Self { ids: is_root().then(|| (number("-u", name), number("-g", name))) }
    }

    /// Whoever runs the tests.
    pub fn current() -> Self {
        Self { ids: None }
    }

    /// The account of Pointsman: whoever runs the tests, and when that is root, in a group of its
    /// own, by which a [`crate::namespace`] tells its connections from all others.
    pub fn monitor() -> Self {
        Self { ids: is_root().then_some((0, MONITOR_GROUP)) }
    }

    /// A command that runs `program` under this account, and that the kernel kills with the thread
    /// that started it, so that not even a killed test leaves a server behind.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((user, group)) = self.ids {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"))
                .arg("--clear-groups");
        }
        command.arg("--pdeathsig=KILL").arg(program).current_dir("/");
        command.env_remove("LD_LIBRARY_PATH");
        command
    }

    /// The same with these variables, which only `program` itself gets to see: a library that is
    /// preloaded may not survive the change of account.
    pub fn command_with(
        &self,
        environment: &[(OsString, OsString)],
        program: impl AsRef<OsStr>,
    ) -> Command {
        if environment.is_empty() {
            return self.command(program);
        }
        let mut command = self.command("env");
        for (name, value) in environment {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            command.arg(pair);
        }
        command.arg(program);
        command
    }

    /// A new directory of this account, removed when dropped.
    pub fn directory(&self, prefix: &str) -> TempDir {
        let directory = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir()
            .expect("a temporary directory can be made");
        self.own(directory.path());
        directory
    }

    /// Writes a file that nobody but this account may read.
    pub fn write_secret(&self, path: &Path, text: &str) {
        let made =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let mut file = made.expect("a file can be made");
        file.write_all(text.as_bytes()).expect("a file can be written");
        self.own(path);
    }

    /// Makes this account the owner of `path`.
    pub fn own(&self, path: &Path) {
        if let Some((user, group)) = self.ids {
            chown(path, Some(user), Some(group)).expect("root may give files away");
        }
    }
}

/// Runs `command` to its end and returns what it printed.
///
/// # Panics
/// When it cannot be started or fails; with its output.
pub fn run(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|own| own.uid() == 0)
}

fn number(which: &str, account: &str) -> u32 {
    let text = run(Command::new("id").arg(which).arg(account));
    text.trim().parse().expect("`id` prints a number")
}
