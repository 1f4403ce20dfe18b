//! One contestant at work before one cluster, with its user.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Stdio},
    time::Instant,
};

use pointsman_testbed::{account::Account, pointsman::PROBE_PASSWORD, process::ServerProcess};

use crate::{
    contestant::{Contestant, Place},
    sight::Told,
    watcher::Watcher,
};

/// A running contestant. Dropped, it ends.
pub(crate) struct Side {
    /// Which one.
    pub(crate) contestant: Contestant,
    /// Its user.
    pub(crate) watcher: Watcher,
    /// What it told last about the write name.
    pub(crate) last_write: Option<Told>,
    /// When it was started.
    pub(crate) started: Instant,
    process: ServerProcess,
    folder: String,
}

impl Side {
    /// Starts `contestant` with its files in `folder`, which is made anew.
    pub(crate) fn start(contestant: Contestant, place: &Place, folder: PathBuf) -> Self {
        let log = folder.with_extension("log");
        drop(fs::remove_dir_all(&folder));
        for part in ["run", "zones", "state"] {
            fs::create_dir_all(folder.join(part)).expect("a folder can be made");
        }
        let path = folder.display().to_string();
        let mut files = contestant.files(place, &path);
        files.push(("probe.password", PROBE_PASSWORD.to_owned()));
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file can be written");
        }
        let (program, arguments) = contestant.command(&path);
        let mut command = Account::monitor().command(program);
        command.args(arguments);
        let process = ServerProcess::spawn(command, &log);
        let watcher = Watcher::start(contestant.door(place), &place.servers, contestant.rhythm());
        let started = Instant::now();
        Self { contestant, watcher, last_write: None, started, process, folder: path }
    }

    /// Begins to tell it that something has changed; `None` when it cannot be told.
    pub(crate) fn hint(&self) -> Option<Child> {
        let (program, arguments) = self.contestant.hint(&self.folder)?;
        let mut command = Account::monitor().command(program);
        command.args(arguments).stdout(Stdio::null());
        Some(command.spawn().expect("the hint can be given"))
    }

    /// The end of its log.
    pub(crate) fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}
