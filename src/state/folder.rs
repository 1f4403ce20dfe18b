//! The folder of the state file: one process at a time, and a file that is whole at every moment.
//!
//! | file | what |
//! | --- | --- |
//! | `pointsman.state` | the state, see [`format`](super::encode) |
//! | `pointsman.state.tmp` | the next one while it is written |
//! | `pointsman.state.broken-…` | one that was of no use, with the time at which it was set aside |
//! | `pointsman.lock` | locked by the process that uses the folder (flock(2)); holds its id |
//!
//! A new file is written beside the old one, synced, and put in its place by rename(2), so that a
//! kill at any moment leaves one of the two. What cannot be read now, as on a disk that is mounted
//! late, is set aside rather than overwritten.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
};
use tracing::{error, warn};

use super::{FormatError, Image, SetAside, decode, encode};
use crate::{answers::Serial, clock, wall_time::WallTime};

const STATE: &str = "pointsman.state";
const NEXT: &str = "pointsman.state.tmp";
const LOCK: &str = "pointsman.lock";
const BROKEN: &str = "pointsman.state.broken-";

/// Files of no use that are kept, for whoever wants to know why.
const BROKEN_KEPT: usize = 3;

/// A longer file is not ours: ten thousand clusters need a fifth of it.
const LONGEST: u64 = 256 << 20;

/// A folder, in our hands if it can be.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: Option<Flock<File>>,
    /// Whether what lies there has been read, so that it may be overwritten.
    has_been_read: bool,
    /// What was of no use.
    aside: Option<SetAside>,
}

/// What was found in a folder.
#[derive(Debug)]
pub struct Opened {
    /// The folder.
    pub folder: Folder,
    /// What an earlier process left; `None` when there is nothing that can be used.
    pub image: Option<Image>,
    /// The highest serial that an earlier process may have published, where known.
    pub serial: Option<Serial>,
}

/// Why a process does not start with a folder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two processes would overwrite each other's overrides.
    #[error(
        "the state folder {} is in use by {holder}; stop that one, or give each process a \
         `directory` of its own in [state]",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who uses it, as in `process 4711`.
        holder: Box<str>,
    },
}

/// Why the state could not be saved. It prints as one line with what to do.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The system refuses.
    #[error("cannot {what} {}: {error}; {}", path.display(), advice(error))]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The folder came to be after our start, and somebody else was there first.
    #[error(transparent)]
    InUse(#[from] OpenError),
    /// A fault of ours.
    #[error("the state cannot be told in JSON: {0}")]
    Content(#[from] serde_json::Error),
}

impl Folder {
    /// Takes the folder at `path` and reads what lies there. What is of no use is set aside. A
    /// folder that is missing or cannot be written to is told in the log, and is no reason not to
    /// start: saving may work later.
    ///
    /// # Errors
    /// [`OpenError`], when another process has it.
    pub fn open(path: &Path) -> Result<Opened, OpenError> {
        let path = path.to_owned();
        let mut folder = Self { path, lock: None, has_been_read: false, aside: None };
        if let Err(SaveError::InUse(in_use)) = folder.take() {
            return Err(in_use);
        }
        let mut opened = Opened { image: None, serial: None, folder };
        opened.read();
        Ok(opened)
    }

    /// What was given another name because it was of no use, if that is still there.
    pub(super) fn set_aside(&self) -> Option<&SetAside> {
        // Where the disk does not say, it may be there.
        self.aside.as_ref().filter(|aside| !matches!(aside.path.try_exists(), Ok(false)))
    }

    /// Puts `image` in the place of what is there, durably.
    ///
    /// # Errors
    /// [`SaveError`]; what was there before is still there.
    pub fn save(&mut self, image: &Image) -> Result<(), SaveError> {
        self.take()?;
        if !self.has_been_read {
            self.put_aside("it could not be read at the start")?;
        }
        let octets = encode(image)?;
        let next = self.path.join(NEXT);
        self.write(&next, &octets).inspect_err(|_| {
            // A disk that is full wants its room back.
            _ = fs::remove_file(&next);
        })
    }

    fn write(&self, next: &Path, octets: &[u8]) -> Result<(), SaveError> {
        // One that was left behind may have other rights.
        _ = fs::remove_file(next);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(next);
        let mut file = file.map_err(failed("make", next))?;
        file.write_all(octets).map_err(failed("write", next))?;
        file.sync_all().map_err(failed("sync", next))?;
        let state = self.path.join(STATE);
        fs::rename(next, &state).map_err(failed("put the new state in the place of", &state))?;
        self.sync()
    }

    /// Makes a rename durable.
    fn sync(&self) -> Result<(), SaveError> {
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        match synced {
            // Some file systems cannot, and say so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other.map_err(failed("sync", &self.path)),
        }
    }

    /// Locks the folder, if that has not been done.
    fn take(&mut self) -> Result<(), SaveError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let path = self.path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // Whoever could put a link here would have us write into a file of his choice.
        options.custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = options.open(&path).map_err(failed("make", &path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                // For people. On a full disk they have to do without.
                _ = lock.set_len(0).and_then(|()| writeln!(&*lock, "{}", process::id()));
                self.lock = Some(lock);
                Ok(())
            }
            Err((_, Errno::EWOULDBLOCK)) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let holder = match holder.trim().parse::<u32>() {
                    Ok(id) => format!("process {id}"),
                    Err(_) => "another process".to_owned(),
                };
                Err(OpenError::InUse { path: self.path.clone(), holder: holder.into() }.into())
            }
            Err((_, errno)) => Err(failed("lock", &path)(errno.into())),
        }
    }

    /// Gives a state file another name that is of no use, and `why`, if there is one, and forgets
    /// the oldest of those.
    fn put_aside(&mut self, why: impl fmt::Display) -> Result<(), SaveError> {
        let (state, aside) = (self.path.join(STATE), self.free_name());
        match fs::rename(&state, &aside) {
            Ok(()) => {
                warn!(event = "state_set_aside", "the state file is now {}", aside.display());
                self.aside = Some(SetAside { path: aside, why: why.to_string().into() });
                self.forget_oldest();
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.path.is_dir() => {}
            Err(error) => return Err(failed("set aside", &state)(error)),
        }
        self.has_been_read = true;
        Ok(())
    }

    /// A name with the time for a file of no use. It sorts behind those of all that are there, also when
    /// two are set aside within a millisecond or the clock went back.
    fn free_name(&self) -> PathBuf {
        let now = format!("{:.3}", WallTime::from_unix_millis(clock::unix_millis()));
        let by_time = self.path.join(format!("{BROKEN}{}", now.replace(['-', ':'], "")));
        match self.set_aside_before().pop() {
            Some(newest) if newest >= by_time => {
                let mut name = newest.into_os_string();
                name.push("-1");
                name.into()
            }
            _ => by_time,
        }
    }

    fn forget_oldest(&self) {
        let broken = self.set_aside_before();
        let many = broken.len().saturating_sub(BROKEN_KEPT);
        for path in broken.into_iter().take(many) {
            // The next one is tried again.
            _ = fs::remove_file(path);
        }
    }

    /// The files of no use, the oldest first: their names begin with a time.
    fn set_aside_before(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(&self.path) else { return Vec::new() };
        let is_broken = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BROKEN))
        };
        let mut broken: Vec<_> =
            files.flatten().map(|file| file.path()).filter(is_broken).collect();
        broken.sort();
        broken
    }
}

impl Opened {
    fn read(&mut self) {
        let path = self.folder.path.join(STATE);
        let octets = match contents(&path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.folder.has_been_read = self.folder.path.is_dir();
                return;
            }
            Err(error) => {
                error!(
                    event = "state_unread",
                    "{}; starting without it",
                    failed("read", &path)(error)
                );
                return;
            }
        };
        match decode(&octets) {
            Ok(image) => {
                self.folder.has_been_read = true;
                self.serial = image.published_up_to();
                self.image = Some(image);
            }
            Err(fault) => self.refuse(&path, &fault),
        }
    }

    fn refuse(&mut self, path: &Path, fault: &FormatError) {
        let advice = match fault {
            FormatError::TooNew { .. } => {
                "to go back to it, stop this one, start the newer version and give it its file back"
            }
            _ => "check the overrides that should be in force with `pointsman status`",
        };
        error!(
            event = "state_broken",
            "the state file {} is of no use: {fault}; starting without it; {advice}",
            path.display()
        );
        if let FormatError::TooNew { serial: Some(serial), .. } = fault {
            self.serial = Serial::new(*serial);
        }
        if let Err(error) = self.folder.put_aside(fault) {
            error!(event = "state_broken", "{error}");
        }
    }
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    // A device or a pipe could be read for ever.
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(io::Error::other("it is no file, or far too long for a state file"));
    }
    fs::read(path)
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SaveError {
    let path = path.to_owned();
    move |error| SaveError::Io { what, path, error }
}

/// What to do about an error of the system.
fn advice(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(Errno::ELOOP as i32) {
        return "remove the symbolic link, and see who may write into the folder";
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on that disk",
        io::ErrorKind::PermissionDenied => {
            "give the folder and its files to the user that Pointsman runs as"
        }
        io::ErrorKind::NotFound => "make the folder that `directory` in [state] names",
        io::ErrorKind::ReadOnlyFilesystem => {
            "make the file system writable (ReadWritePaths= or StateDirectory= of a systemd unit), \
             or name another `directory` in [state]"
        }
        _ => "check the disk and the `directory` in [state]",
    }
}

#[cfg(test)]
mod tests;
