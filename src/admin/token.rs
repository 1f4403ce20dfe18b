//! The token that changes over TCP need.
//!
//! Its file is read at each change, so that a new token counts at once and an old one no longer. The
//! comparison takes the same time wherever two tokens of one length differ.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use subtle::ConstantTimeEq;
use tracing::warn;

/// The token and where it is.
#[derive(Debug)]
pub struct Token {
    file: PathBuf,
    /// What is wrong with the file, as it was last logged.
    complaint: Mutex<Option<String>>,
}

/// The file holds no token that could be used; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable;

impl Token {
    /// The one in `file`. What is wrong with the file is logged now, and whenever something else is.
    pub fn new(file: &Path) -> Self {
        let token = Self { file: file.to_owned(), complaint: Mutex::default() };
        _ = token.read();
        token
    }

    /// Whether `given` is the token.
    ///
    /// # Errors
    /// When there is none to compare with.
    pub fn matches(&self, given: &str) -> Result<bool, Unusable> {
        let token = self.read()?;
        Ok(bool::from(token.as_bytes().ct_eq(given.as_bytes())))
    }

    fn read(&self) -> Result<String, Unusable> {
        let read = read(&self.file);
        let complaint = match &read {
            Ok(_) => None,
            Err(error) => Some(format!(
                "{} gives no token, so nothing can be changed over HTTP: {error}",
                self.file.display()
            )),
        };
        let mut last = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != complaint {
            if let Some(complaint) = &complaint {
                warn!(event = "admin_token", "{complaint}");
            }
            *last = complaint;
        }
        read.map_err(|_| Unusable)
    }
}

fn read(path: &Path) -> io::Result<String> {
    let fault = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    // A pipe would not end, and opening it might wait.
    if !fs::metadata(path)?.is_file() {
        return Err(fault("it is no file"));
    }
    let file = File::open(path)?;
    let mut text = String::new();
    file.take(OCTETS + 1).read_to_string(&mut text)?;
    let token = text.trim_ascii();
    match token.len() {
        0 => Err(fault("it is empty; `openssl rand -hex 32` makes a token")),
        length if length < SHORTEST => {
            Err(fault("a token has at least 16 characters; `openssl rand -hex 32` makes one"))
        }
        _ if text.len() as u64 > OCTETS => Err(fault("a token has at most 4096 characters")),
        _ if !token.bytes().all(|octet| octet.is_ascii_graphic()) => {
            Err(fault("a token is one line of ASCII without blanks"))
        }
        _ => Ok(token.to_owned()),
    }
}

/// Characters of a token: fewer can be guessed.
const SHORTEST: usize = 16;

/// Octets of the file.
const OCTETS: u64 = 4096;

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_the_token_of_this_moment_matches() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::new(&path);
        assert_eq!(token.matches(SECRET), Err(Unusable), "there is no file");
        fs::write(&path, format!("{SECRET}\n")).unwrap();
        assert_eq!(token.matches(SECRET), Ok(true));
        for wrong in ["", "0", &SECRET[1..], &format!("{SECRET}0"), &SECRET.to_uppercase()] {
            assert_eq!(token.matches(wrong), Ok(false), "{wrong}");
        }
        fs::write(&path, SECRET.replace('0', "f")).unwrap();
        assert_eq!(token.matches(SECRET), Ok(false), "the file has another one now");
    }

    #[test]
    fn a_file_that_holds_no_good_token_opens_nothing() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::new(&path);
        for text in ["", "\n", "short", "two words of many letters", &"x".repeat(5_000)] {
            fs::write(&path, text).unwrap();
            assert_eq!(token.matches(text.trim()), Err(Unusable), "{text}");
            assert!(token.complaint.lock().unwrap().is_some());
        }
        fs::write(&path, [0xff; 40]).unwrap();
        assert_eq!(token.matches(""), Err(Unusable));
        assert_eq!(Token::new(folder.path()).matches(SECRET), Err(Unusable), "a folder");
    }
}
