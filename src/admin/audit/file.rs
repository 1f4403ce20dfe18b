//! The audit file: opened to append, one write a line, opened again when it was moved away.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use crate::api::{AuditEntry, AuditLog};

/// The file, open as far as it can be.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
    /// The last line has no end: the process died in it, or the disk was full.
    is_torn: bool,
}

impl AuditFile {
    /// The one at `path`. It is not opened yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it, or makes it, unless what is open is what is there.
    ///
    /// # Errors
    /// What the system says, or that there is no regular file.
    pub fn open(&mut self) -> io::Result<()> {
        self.current().map(|_| ())
    }

    /// Adds one line, with one write, and waits for the disk to have it.
    ///
    /// # Errors
    /// What the system says. Of the line there may be a part then, which the next line ends.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        let Open { file, is_torn, .. } = self.current()?;
        let text = format!("{}{line}\n", if *is_torn { "\n" } else { "" });
        let written = file.write(text.as_bytes())?;
        *is_torn = written < text.len() && (*is_torn || written > 0);
        if written < text.len() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "only a part could be written"));
        }
        file.sync_data()
    }

    fn current(&mut self) -> io::Result<&mut Open> {
        let there = fs::metadata(&self.path).ok().map(|found| identity(&found));
        let open = self.open.take().filter(|open| Some(open.identity) == there);
        let open = match open {
            Some(open) => open,
            None => open_at(&self.path)?,
        };
        Ok(self.open.insert(open))
    }
}

fn open_at(path: &Path) -> io::Result<Open> {
    // A pipe must not be waited for.
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(MODE)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut last = [b'\n'];
    if let Some(place) = found.len().checked_sub(1) {
        file.read_exact_at(&mut last, place)?;
    }
    Ok(Open { file, identity: identity(&found), is_torn: last != [b'\n'] })
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The newest entries of the file at `path` that are `wanted`, `most` of them, oldest first. No more
/// of the file is read than its last 4 MiB.
///
/// # Errors
/// What the system says; a file that is not there has no entries.
pub fn last(
    path: &Path,
    most: usize,
    wanted: impl Fn(&AuditEntry) -> bool,
) -> io::Result<AuditLog> {
    let mut log = AuditLog { entries: Vec::new(), unreadable: 0 };
    let mut file =
        match OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(log),
            Err(error) => return Err(error),
        };
    let begin = file.metadata()?.len().saturating_sub(READ_OCTETS);
    file.seek(SeekFrom::Start(begin))?;
    let mut octets = Vec::new();
    file.take(READ_OCTETS).read_to_end(&mut octets)?;
    let mut lines = octets.split(|octet| *octet == b'\n');
    if begin > 0 {
        // It begins somewhere in the middle.
        lines.next();
    }
    for line in lines.rev().filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<AuditEntry>(line) {
            Ok(entry) if wanted(&entry) => log.entries.push(entry),
            Ok(_) => {}
            Err(_) => log.unreadable += 1,
        }
        if log.entries.len() >= most {
            break;
        }
    }
    log.entries.reverse();
    Ok(log)
}

/// For the service's user alone.
const MODE: u32 = 0o600;

/// Octets that are read of the end.
const READ_OCTETS: u64 = 4 * 1024 * 1024;
