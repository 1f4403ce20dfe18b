//! The words of each change.

use super::{
    Change, Configuration, Discovery, DropReason, Override, PublishTurn, SecondaryTurn, What, Wish,
    Words,
};
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
            What::Discovery(discovery) => of_discovery(discovery),
            What::Secondary { zone, name, turn } => match turn {
                SecondaryTurn::Behind { why } => Words {
                    detail: why.to_string(),
                    ..reason(&format!("the secondary {name} lacks changes of {zone}"))
                },
                SecondaryTurn::Level { after } => Words {
                    detail: format!("after {after} s"),
                    ..reason(&format!("the secondary {name} has all changes of {zone} again"))
                },
            },
            What::Publish { turn, .. } => of_publish(turn),
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

fn of_publish(turn: &PublishTurn) -> Words {
    let (reason, detail) = match turn {
        PublishTurn::Written { says, epoch } => {
            (format!("written to somebody else's zone: {says}"), format!("epoch {epoch}"))
        }
        PublishTurn::Righted { says } => {
            (format!("somebody had changed it, and it is put right: {says}"), String::new())
        }
        PublishTurn::Stopped { why } => {
            ("it is not kept in somebody else's zone".to_owned(), why.to_string())
        }
        PublishTurn::Level => {
            ("it says what we say in somebody else's zone again".to_owned(), String::new())
        }
    };
    Words { reason, detail, ..Words::default() }
}

fn of_discovery(discovery: &Discovery) -> Words {
    let (reason, detail) = match discovery {
        Discovery::Sighted { at, source } => {
            (format!("a server at {at} is named by {source}"), String::new())
        }
        Discovery::Joined { server, at, proof } => {
            (format!("{server} at {at} was found and joins"), proof.to_string())
        }
        Discovery::Left { server } => {
            let detail = "no source has named it for `forget_after`, and it was down";
            (format!("{server}, which was found, has left"), detail.to_owned())
        }
        Discovery::Stranger { at } => {
            let detail = "it is writable, and was never seen following a member: a restored copy?";
            (format!("a stranger at {at} carries our identity"), detail.to_owned())
        }
        Discovery::Source { source, why } => {
            (format!("the source {source} does not say all"), why.to_string())
        }
        Discovery::Held { servers } => {
            let detail = format!("{servers}: they stay until they have been gone for long");
            ("more than half of the servers would leave at once".to_owned(), detail)
        }
    };
    Words { reason, detail, ..Words::default() }
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
