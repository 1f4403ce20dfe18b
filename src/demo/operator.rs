//! Whoever lays overrides over the demo while it is told.

use super::settings::HOSTS;
use crate::engine::{Event, OverrideTurn, WishKey};

/// What somebody has done so far, as the events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// Overrides in force.
    laid: Vec<WishKey>,
    /// Something was done that nothing ends: a history was accepted, a server added.
    stays: bool,
    was_here: bool,
}

impl Operator {
    /// Takes notice of `event`, and returns whether it is somebody's doing.
    pub fn sees(&mut self, event: &Event) -> bool {
        match event {
            Event::Override { laid, turn, .. } => {
                let key = laid.wish.as_ref().key().map(|server| *server);
                self.laid.retain(|other| *other != key);
                if *turn == OverrideTurn::Created {
                    self.laid.push(key);
                }
            }
            Event::Accepted { .. } => self.stays = true,
            Event::State { server, .. } if server.server.place() >= HOSTS.len() => {
                self.stays = true
            }
            _ => return false,
        }
        self.was_here = true;
        true
    }

    /// Whether the answers are his.
    pub fn is_here(&self) -> bool {
        self.stays || !self.laid.is_empty()
    }

    /// Whether they ever were.
    pub fn was_here(&self) -> bool {
        self.was_here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClusterId, Moment, Override, ServerIndex, Wish};

    fn drain(server: usize, turn: OverrideTurn) -> Event {
        let laid = Box::new(Override {
            wish: Wish::Drain { server: ServerIndex::new(server), force: false },
            author: "ann".into(),
            reason: "kernel".into(),
            since: Moment::START,
            until: None,
        });
        Event::Override { cluster: ClusterId(0), laid, turn }
    }

    #[test]
    fn he_is_here_until_the_last_override_ends() {
        let mut operator = Operator::default();
        assert!(!operator.sees(&Event::Isolated));
        assert!(!operator.was_here());
        // The second of db1 takes the place of the first.
        for server in [0, 1, 0] {
            assert!(operator.sees(&drain(server, OverrideTurn::Created)));
        }
        assert!(operator.sees(&drain(0, OverrideTurn::Expired)));
        assert!(operator.is_here());
        assert!(operator.sees(&drain(1, OverrideTurn::Lifted { by: "bob".into() })));
        assert!(!operator.is_here());
        assert!(operator.was_here());
    }
}
