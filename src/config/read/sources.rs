//! Where a configuration's other parts come from: files and environment variables.

use std::{ffi::OsString, fs, io, os::unix::fs::MetadataExt, path::Path};

/// What a configuration may refer to. A trait, so that tests need neither a disk nor a changed
/// environment.
pub trait Sources {
    /// The content of a file.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The permissions of a file, as stat(2) has them; `None` when there is no such file, or nobody
    /// knows.
    fn mode(&self, path: &Path) -> Option<u32> {
        _ = path;
        None
    }

    /// The value of an environment variable; `None` when it is not set.
    fn variable(&self, name: &str) -> Option<OsString>;
}

/// The files and the environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Sources for System {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        fs::metadata(path).ok().map(|metadata| metadata.mode())
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}
