//! The token that changes over TCP need.
//!
//! Its file is read at each change, so that a new token counts at once and an old one no longer. The
//! comparison takes the same time wherever two tokens of one length differ.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use subtle::ConstantTimeEq;
use tracing::warn;

use crate::config::read_token;

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
        let read = read_token(&self.file);
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

#[cfg(test)]
mod tests {
    use std::fs;

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
