//! The tokens that changes over TCP need.
//!
//! Their files are read at each change, so that a new token counts at once and an old one no longer.
//! What is given is compared with every one of them, and each comparison takes the same time
//! wherever two tokens of one length differ.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use subtle::ConstantTimeEq;
use tracing::warn;

use super::caller::Caller;
use crate::{
    config::{AdminConfig, read_token},
    wall_time::WallTime,
};

/// All tokens of `[admin]`.
#[derive(Debug)]
pub struct Tokens(Vec<Known>);

/// A token and whose it is.
#[derive(Debug)]
struct Known {
    token: Token,
    caller: Caller,
    /// From then on it is good for nothing.
    until: Option<WallTime>,
}

/// Why a text is no token that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// None is set.
    NoneSet,
    /// No file holds a token that could be compared with; the log says why.
    Unusable,
    /// It is none of them.
    Unknown,
    /// It is of two at once, so that nobody can tell whose it is.
    Ambiguous,
    /// It has ended.
    Expired {
        /// Whose it was.
        name: Box<str>,
        /// When it ended.
        until: WallTime,
    },
}

impl Tokens {
    /// Those that `config` names.
    pub fn new(config: &AdminConfig) -> Self {
        let unnamed = config.token_file.as_deref().map(|file| Known {
            token: Token::new(file),
            caller: Caller::unnamed(),
            until: None,
        });
        let named = config.tokens.iter().map(|token| Known {
            token: Token::new(&token.file),
            caller: Caller::holder(token),
            until: token.until,
        });
        Self(unnamed.into_iter().chain(named).collect())
    }

    /// Whether none is set.
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Who may do what, by the token that was `given` at `now`.
    ///
    /// # Errors
    /// [`TokenError`], when it is nobody's.
    pub fn caller(&self, given: &str, now: WallTime) -> Result<Caller, TokenError> {
        if self.0.is_empty() {
            return Err(TokenError::NoneSet);
        }
        // Every one is compared, whichever it is.
        let compared: Vec<_> =
            self.0.iter().map(|known| (known, known.token.matches(given))).collect();
        let mut found = compared.iter().filter(|(_, same)| *same == Ok(true));
        match (found.next(), found.next()) {
            (Some((Known { caller, until, .. }, _)), None) => match until {
                Some(until) if now >= *until => Err(TokenError::Expired {
                    name: caller.name().unwrap_or_default().into(),
                    until: *until,
                }),
                _ => Ok(caller.clone()),
            },
            (Some(_), Some(_)) => Err(TokenError::Ambiguous),
            (None, _) if compared.iter().all(|(_, same)| same.is_err()) => {
                Err(TokenError::Unusable)
            }
            (None, _) => Err(TokenError::Unknown),
        }
    }
}

/// A token and where it is.
#[derive(Debug)]
struct Token {
    file: PathBuf,
    /// What is wrong with the file, as it was last logged.
    complaint: Mutex<Option<String>>,
}

/// The file holds no token that could be used; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unusable;

impl Token {
    /// The one in `file`. What is wrong with the file is logged now, and whenever something else is.
    fn new(file: &Path) -> Self {
        let token = Self { file: file.to_owned(), complaint: Mutex::default() };
        _ = token.read();
        token
    }

    /// Whether `given` is the token.
    ///
    /// # Errors
    /// When there is none to compare with.
    fn matches(&self, given: &str) -> Result<bool, Unusable> {
        let token = self.read()?;
        Ok(bool::from(token.as_bytes().ct_eq(given.as_bytes())))
    }

    fn read(&self) -> Result<String, Unusable> {
        let read = read_token(&self.file);
        let complaint = match &read {
            Ok(_) => None,
            Err(error) => Some(format!(
                "{} gives no token, so nobody can change anything over HTTP with it: {error}",
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
    use crate::config::{Clusters, Scope, TokenConfig};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// A file for each of three: unnamed, of ann, of bob until the first second.
    fn tokens(folder: &Path) -> Tokens {
        let named = |name: &str, until| TokenConfig {
            name: name.into(),
            file: folder.join(name),
            scope: Scope::Operate,
            clusters: Clusters::All,
            until,
        };
        let end = Some(WallTime::from_unix_millis(1_000));
        Tokens::new(&AdminConfig {
            token_file: Some(folder.join("all")),
            tokens: vec![named("ann", None), named("bob", end)],
            ..AdminConfig::default()
        })
    }

    #[test]
    fn each_token_is_its_holders_until_its_end() {
        let folder = tempdir().unwrap();
        let tokens = tokens(folder.path());
        let at = |millis, given: &str| {
            let caller = tokens.caller(given, WallTime::from_unix_millis(millis));
            caller.map(|caller| caller.name().unwrap_or("-").to_owned())
        };
        assert_eq!(at(0, SECRET), Err(TokenError::Unusable));
        let (ann, bob) = (SECRET.replace('0', "a"), SECRET.replace('0', "b"));
        fs::write(folder.path().join("ann"), &ann).unwrap();
        assert_eq!(at(0, SECRET), Err(TokenError::Unknown), "one that can be read is enough");
        fs::write(folder.path().join("all"), SECRET).unwrap();
        fs::write(folder.path().join("bob"), &bob).unwrap();
        assert_eq!(at(0, SECRET).as_deref(), Ok("-"));
        assert_eq!(at(5_000, &ann).as_deref(), Ok("ann"));
        assert_eq!(at(999, &bob).as_deref(), Ok("bob"));
        let until = WallTime::from_unix_millis(1_000);
        assert_eq!(at(1_000, &bob), Err(TokenError::Expired { name: "bob".into(), until }));
        for wrong in ["", &ann[..31], &format!("{ann}0"), &format!("{ann}{bob}"), "ann"] {
            assert_eq!(at(0, wrong), Err(TokenError::Unknown), "{wrong}");
        }
    }

    #[test]
    fn a_token_of_two_is_nobodys() {
        let folder = tempdir().unwrap();
        let tokens = tokens(folder.path());
        for name in ["ann", "bob"] {
            fs::write(folder.path().join(name), SECRET).unwrap();
        }
        let caller = tokens.caller(SECRET, WallTime::from_unix_millis(0));
        assert_eq!(caller.unwrap_err(), TokenError::Ambiguous);
        let none = Tokens::new(&AdminConfig::default());
        let caller = none.caller(SECRET, WallTime::from_unix_millis(0));
        assert_eq!(caller.unwrap_err(), TokenError::NoneSet);
    }

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
