//! What came of asking a source.

use std::fmt;

use super::Find;
use crate::plain_text::start_of_line;

/// What a source said when it was asked once.
///
/// A row that cannot be read spoils no other one: the rest is [`SourceReply::Partial`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceReply {
    /// All that it knows of. It may be empty.
    Whole(Vec<Find>),
    /// Some of it: rows could not be read, or there were more than [`FINDS_MAX`].
    Partial {
        /// What could be read.
        finds: Vec<Find>,
        /// What is missing and why, on one line.
        missing: Box<str>,
    },
    /// Nothing: it could not be asked, or its reply was none. Why, on one line.
    Failed(Box<str>),
}

/// Finds that are taken of one reply. No cluster has so many servers.
pub const FINDS_MAX: usize = 1_000;

impl SourceReply {
    /// A reply of `finds`, without some of them if `missing` says so or there are too many.
    pub fn of(mut finds: Vec<Find>, missing: Option<&str>) -> Self {
        let all = finds.len();
        finds.truncate(FINDS_MAX);
        match missing {
            Some(missing) => Self::Partial { finds, missing: line(missing) },
            None if all > FINDS_MAX => {
                let missing = format!("{all} servers, and only {FINDS_MAX} are looked at");
                Self::Partial { finds, missing: line(&missing) }
            }
            None => Self::Whole(finds),
        }
    }

    /// No reply, and why.
    pub fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(line(&why.to_string()))
    }

    /// Whatever it names.
    pub fn finds(&self) -> &[Find] {
        match self {
            Self::Whole(finds) | Self::Partial { finds, .. } => finds,
            Self::Failed(_) => &[],
        }
    }

    /// What is wrong with it, if anything is.
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Whole(_) => None,
            Self::Partial { missing, .. } => Some(missing),
            Self::Failed(why) => Some(why),
        }
    }
}

/// Characters of what is told of a reply.
const FAULT_CHARS: usize = 300;

fn line(text: &str) -> Box<str> {
    start_of_line(text, FAULT_CHARS).into()
}
