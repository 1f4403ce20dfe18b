//! A clock that is wrong, for one process: libfaketime stands between the process and the wall
//! clock, and the test turns the hands while it runs. The monotonic clock is left alone.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A clock. Right at first.
#[derive(Debug)]
pub struct WrongClock {
    directory: TempDir,
    library: PathBuf,
}

impl WrongClock {
    /// A clock that shows the right time.
    ///
    /// # Panics
    /// When Debian's package `faketime` is not installed.
    pub fn right() -> Self {
        let directory = tempfile::Builder::new().prefix("pointsman-clock-").tempdir();
        let directory = directory.expect("a temporary directory can be made");
        let all = Permissions::from_mode(0o755); // Servers have accounts of their own.
        fs::set_permissions(directory.path(), all).expect("it is ours");
        let clock = Self { directory, library: library() };
        clock.turn(0);
        clock
    }

    /// It goes wrong by so many seconds, or right again. Processes look at it once a second.
    pub fn turn(&self, seconds: i64) {
        // A file that is replaced is never seen half written.
        let new = self.directory.path().join("new");
        fs::write(&new, format!("{seconds:+}\n")).expect("a file can be written");
        fs::rename(new, self.file()).expect("a file can be renamed");
    }

    /// What a process must find in its environment to look at this clock.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let set = |name: &str, value: OsString| (OsString::from(name), value);
        vec![
            set("LD_PRELOAD", self.library.clone().into()),
            set("FAKETIME_TIMESTAMP_FILE", self.file().into()),
            set("FAKETIME_CACHE_DURATION", "1".into()),
            set("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            set("DONT_FAKE_MONOTONIC", "1".into()), // Its name in older versions.
        ]
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}

impl Drop for WrongClock {
    /// The library leaves shared memory behind when its process is killed.
    fn drop(&mut self) {
        for left in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = left.file_name();
            let owner = name.to_str().and_then(|name| {
                let marks = ["faketime_shm_", "sem.faketime_sem_"];
                marks.iter().find_map(|mark| name.strip_prefix(mark)?.parse::<u32>().ok())
            });
            if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                drop(fs::remove_file(left.path()));
            }
        }
    }
}

/// The variant for programs with threads.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let files = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found = files.into_iter().find(|file| file.is_file());
    found.expect("faketime is not installed; tests/run installs it")
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::WrongClock;
    use crate::{
        account::{self, Account},
        patience,
    };

    /// How far the wall clock of a new process is ahead of ours, in seconds.
    fn ahead(clock: &WrongClock, account: &Account) -> i64 {
        let mut date = account.command_with(&clock.environment(), "date");
        let text = account::run(date.arg("+%s"));
        let theirs: i64 = text.trim().parse().expect("date prints a number");
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock of this age");
        theirs - i64::try_from(ours.as_secs()).expect("a clock of this age")
    }

    #[test]
    fn it_is_turned_forth_and_back() {
        let clock = WrongClock::right();
        for account in [Account::current(), Account::named("nobody")] {
            for seconds in [0, 3600, -3600, 0] {
                clock.turn(seconds);
                assert!((ahead(&clock, &account) - seconds).abs() <= 1, "{seconds}");
            }
        }
    }

    #[test]
    fn a_running_process_sees_it_turn() {
        let clock = WrongClock::right();
        let script = "s=$EPOCHSECONDS; until ((EPOCHSECONDS - s > 3000)); do sleep 0.05; done";
        let mut shell = Account::current().command_with(&clock.environment(), "bash");
        let mut shell = shell.args(["-c", script]).spawn().expect("bash");
        clock.turn(3600);
        patience::until("it notices", || shell.try_wait().expect("a child").is_some());
    }
}
