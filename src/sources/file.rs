//! A file that is read at each question: whoever writes it renames it into place.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use tokio::task::JoinHandle;

use super::{AskError, REPLY_MAX};

/// One file.
#[derive(Debug, Default)]
pub struct File {
    /// A reading that outlived its question: a file system of the network may be without its server,
    /// and only one thread waits for that.
    pending: Option<(PathBuf, Reading)>,
}

/// A thread that reads.
type Reading = JoinHandle<Result<Vec<u8>, AskError>>;

impl File {
    /// All that is in the file at `path`. To be dropped at its deadline.
    ///
    /// # Errors
    ///
    /// [`AskError::File`], [`AskError::TooLong`].
    pub async fn read(&mut self, path: &Path) -> Result<Vec<u8>, AskError> {
        let begun = match self.pending.take() {
            Some((of, reading)) if of == path => reading,
            _ => {
                let path = path.to_owned();
                tokio::task::spawn_blocking(move || content(&path))
            }
        };
        let (_, reading) = self.pending.insert((path.to_owned(), begun));
        let read = reading.await;
        self.pending = None;
        read.unwrap_or_else(|error| {
            Err(AskError::File { path: path.to_owned(), source: io::Error::other(error) })
        })
    }
}

fn content(path: &Path) -> Result<Vec<u8>, AskError> {
    let cannot = |source| AskError::File { path: path.to_owned(), source };
    // A pipe would not end, and opening it might wait.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(cannot(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    let file = fs::File::open(path).map_err(cannot)?;
    let mut octets = Vec::new();
    let most = u64::try_from(REPLY_MAX).unwrap_or(u64::MAX);
    file.take(most + 1).read_to_end(&mut octets).map_err(cannot)?;
    match octets.len() > REPLY_MAX {
        true => Err(AskError::TooLong),
        false => Ok(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_anew_and_has_an_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("targets.json");
        let mut file = File::default();
        let error = file.read(&path).await.expect_err("there is none");
        assert!(error.to_string().contains("targets.json: No such file"), "{error}");
        for text in ["[]", "[{}]"] {
            fs::write(&path, text).expect("written");
            assert_eq!(file.read(&path).await.expect("read"), text.as_bytes());
        }
        fs::write(&path, vec![b' '; REPLY_MAX + 1]).expect("written");
        assert!(matches!(file.read(&path).await, Err(AskError::TooLong)));
        let error = file.read(folder.path()).await.expect_err("a folder");
        assert!(error.to_string().ends_with("it is no file"), "{error}");
    }
}
