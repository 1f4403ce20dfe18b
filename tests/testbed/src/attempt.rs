//! One attempt at a story on real servers, and how it failed.
//!
//! A machine that others use too may stand still for seconds: a server misses its lease, a time-out
//! ends that nobody meant. A story that failed so is played once more, and both are told. Answers that
//! sent writes astray excuse nothing.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// How a story failed.
#[derive(Debug)]
pub enum Failure {
    /// An answer sent writes to a server that had no right to them; with what was seen.
    WritesAstray(String),
    /// Something else was not as it should be, or did not come in time; with what was seen.
    Otherwise(String),
}

impl Failure {
    /// A failure with these words, in which so many answers sent writes astray.
    pub fn of(astray: usize, words: String) -> Self {
        if astray > 0 { Self::WritesAstray(words) } else { Self::Otherwise(words) }
    }

    /// Ends the attempt that is running.
    ///
    /// # Panics
    /// Always; [`attempt`] returns the failure.
    pub fn end_attempt(self) -> ! {
        println!("{self}");
        resume_unwind(Box::new(self))
    }
}

/// What `work` returns, or how it failed.
///
/// # Errors
/// What [`Failure::end_attempt`] was called for, or the words of any other panic.
pub fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let payload = match payload.downcast::<Failure>() {
            Ok(failure) => return *failure,
            Err(payload) => payload,
        };
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Failure::Otherwise(text.unwrap_or_else(|| "a panic without words".to_owned()))
    })
}

/// Plays once, and a second time where a busy machine may be why the first failed: how that one failed,
/// and what came of the last.
pub fn at_most_twice(
    mut play: impl FnMut() -> Result<(), Failure>,
) -> (Option<String>, Result<(), Failure>) {
    match play() {
        Err(Failure::Otherwise(words)) => (Some(words), play()),
        result => (None, result),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WritesAstray(words) => write!(f, "writes went astray: {words}"),
            Self::Otherwise(words) => f.write_str(words),
        }
    }
}
