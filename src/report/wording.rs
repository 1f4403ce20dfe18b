//! The words of each change.

use super::{Change, Configuration, DropReason, Override, What, Wish, Words};
use crate::engine::{OverrideTurn, Word};

impl Change {
    /// The change in words.
    pub fn words(&self) -> Words {
        let reason =
            |reason: &dyn ToString| Words { reason: reason.to_string(), ..Words::default() };
        match &self.what {
            What::State { from, to, reason: why, detail, .. } => Words {
                from: Some(from.to_string()),
                to: Some(to.to_string()),
                detail: detail.to_string(),
                ..reason(why)
            },
            What::Witness { check, from, to, detail, .. } => Words {
                from: from.as_ref().map(Word::to_string),
                to: to.as_ref().map(Word::to_string),
                detail: detail.to_string(),
                ..reason(check)
            },
            What::Write { from, to, reason: why, .. } => Words {
                from: from.as_deref().map(str::to_owned),
                to: to.as_deref().map(str::to_owned),
                ..reason(why)
            },
            What::Read { from, to, reason: why, .. } => {
                Words { from: joined(from), to: joined(to), ..reason(why) }
            }
            What::Override { laid, turn } => of_override(laid, turn),
            What::OverrideDropped { wish, why, reason: laid_for, .. } => Words {
                from: Some(wish.to_string()),
                detail: laid_for.to_string(),
                ..reason(&format!("{wish} expired: {}", why.words()))
            },
            What::Accepted { by, because, .. } => Words {
                detail: because.to_string(),
                ..reason(&format!("history accepted by {by}"))
            },
            What::Isolated => {
                reason(&"no server of any cluster answers: our own network is suspected")
            }
            What::Reconnected => reason(&"a server answers again"),
            What::Configuration(Configuration::Changed { done, detail }) => {
                Words { detail: detail.to_string(), ..reason(done) }
            }
            What::Configuration(Configuration::Refused { faults }) => Words {
                detail: faults.to_string(),
                ..reason(&"not reloaded: the configuration has faults")
            },
            What::Kick { done, detail, .. } => Words { detail: detail.to_string(), ..reason(done) },
            What::Earlier(earlier) => earlier.words.clone(),
        }
    }
}

impl DropReason {
    fn words(self) -> &'static str {
        match self {
            Self::ServerGone => "its server is not configured any more",
            Self::TimeOver => "its time was over before the service started",
        }
    }
}

fn of_override(laid: &Override, turn: &OverrideTurn) -> Words {
    let wish: &Wish = &laid.wish;
    let name = Some(wish.to_string());
    let (reason, from, to) = match turn {
        OverrideTurn::Created => (format!("{wish} created by {}", laid.author), None, name),
        OverrideTurn::Lifted { .. } | OverrideTurn::Expired => {
            (format!("{wish} {turn}"), name, None)
        }
    };
    Words { from, to, reason, detail: laid.reason.to_string() }
}

/// With commas between; `None` for none.
fn joined(servers: &[Box<str>]) -> Option<String> {
    (!servers.is_empty()).then(|| servers.join(","))
}
