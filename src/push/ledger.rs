//! What is wished of one name in somebody else's zone, what was read of it, and what is to be done: pure.
//!
//! An **epoch** counts the changes of the name, whoever makes them. Who wants a change takes the next number once, when
//! it first wants it, and writes only over lower ones. So of several that want different things, the one with the
//! highest number prevails, and whoever is late stops and says so, until it has news of its own.

use std::{collections::BTreeSet, mem, net::IpAddr, time::Duration};

use hickory_proto::rr::RecordType;

use super::{
    Fingerprint, Owner,
    reading::{OwnerText, Reading},
    update::{Guard, Update},
};
use crate::engine::Moment;

/// What is known of one name.
#[derive(Clone, Debug)]
pub struct Ledger {
    rules: PushRules,
    /// Of the last change that we wanted, or the last that said what we want.
    epoch: u64,
    /// What was wanted then.
    fingerprint: Option<Fingerprint>,
    /// What is wanted now; `None` before that is known.
    wish: Option<Wish>,
    /// Whether the wish still needs a number: the highest one is not known before the first reading.
    is_unnumbered: bool,
    /// The highest epoch that was read.
    highest: u64,
    /// When somebody else's change was last undone.
    righted: Option<Moment>,
    /// The addresses of the last reading were none of its owner record's.
    is_half: bool,
}

/// How a name may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRules {
    /// Whose the name is.
    pub id: Box<str>,
    /// Whether addresses without an owner record may be taken over.
    pub adopt: bool,
    /// Whether the name may lose all addresses.
    pub push_empty: bool,
}

/// What a name is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Their TTL in seconds. A TTL alone is no reason for a change.
    pub ttl: u32,
}

/// What a restart must not forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// See [`Ledger::remembered`].
    pub epoch: u64,
    /// What was wanted with it.
    pub fingerprint: Option<Fingerprint>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is not known yet what we say.
    Waiting,
    /// Nothing: it says what we say.
    Level,
    /// It is to be read again at once: an update that came between the questions would look the same.
    ReadAgain,
    /// This is to be sent.
    Write(Update, Why),
    /// Somebody has changed it; it is put right at that moment.
    RightAt(Moment),
    /// Nothing: it is not ours to change.
    Blocked(Block),
}

/// Why something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// What we say has changed, or is new.
    Change,
    /// Somebody has changed the addresses.
    Right,
}

/// Why a name is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// It has addresses and no owner record, and `adopt` is off.
    NotOurs,
    /// It has records of a type that is none of ours.
    Foreign(RecordType),
    /// At the place of the owner record stands something else.
    StrangeOwner,
    /// The owner record names somebody else.
    OtherOwner(Box<str>),
    /// Another writer has written something else with this epoch, and ours is not higher.
    Superseded(u64),
}

/// Somebody else's change is undone once in so long.
const RIGHT_EVERY: Duration = Duration::from_secs(10);

impl Ledger {
    /// One that goes on from what an earlier process knew.
    pub fn new(rules: PushRules, remembered: Option<Remembered>) -> Self {
        let Remembered { epoch, fingerprint } =
            remembered.unwrap_or(Remembered { epoch: 0, fingerprint: None });
        Self {
            rules,
            epoch,
            fingerprint,
            wish: None,
            is_unnumbered: false,
            highest: epoch,
            righted: None,
            is_half: false,
        }
    }

    /// What is to be kept: the epoch never goes back.
    pub fn remembered(&self) -> Remembered {
        Remembered { epoch: self.epoch, fingerprint: self.fingerprint }
    }

    /// What we say now. Returns whether that is another wish.
    pub fn want(&mut self, wish: Wish) -> bool {
        if wish.addresses.is_empty() && !self.rules.push_empty {
            return false;
        }
        let fingerprint = Fingerprint::of(&wish.addresses);
        let is_other = self.fingerprint != Some(fingerprint);
        if is_other {
            self.is_unnumbered = true;
            self.fingerprint = Some(fingerprint);
        }
        let differs = self.wish.as_ref().is_none_or(|known| known.addresses != wish.addresses);
        self.wish = Some(wish);
        differs
    }

    /// What is to be done after `reading`, at `now`.
    pub fn judge(&mut self, reading: &Reading, now: Moment) -> Verdict {
        let Some(wish) = self.wish.clone() else { return Verdict::Waiting };
        let is_half = self.is_half(reading);
        let was_half = mem::replace(&mut self.is_half, is_half);
        if is_half && !was_half {
            return Verdict::ReadAgain;
        }
        if let Some(kind) = reading.foreign {
            return Verdict::Blocked(Block::Foreign(kind));
        }
        match &reading.owner {
            OwnerText::Strange => Verdict::Blocked(Block::StrangeOwner),
            OwnerText::Owner(owner) if owner.id != self.rules.id => {
                Verdict::Blocked(Block::OtherOwner(owner.id.clone()))
            }
            OwnerText::Owner(owner) => self.judge_owned(wish, (owner, reading), now),
            OwnerText::Absent => self.judge_unowned(wish, reading),
        }
    }

    /// Whether addresses and owner record do not belong together: somebody has changed one of them, or an
    /// update has come between the questions.
    fn is_half(&self, reading: &Reading) -> bool {
        match &reading.owner {
            OwnerText::Absent => !reading.addresses.is_empty(),
            OwnerText::Owner(owner) => {
                owner.id == self.rules.id
                    && owner.fingerprint != Fingerprint::of(&reading.addresses)
            }
            OwnerText::Strange => false,
        }
    }

    fn judge_unowned(&mut self, wish: Wish, reading: &Reading) -> Verdict {
        if reading.addresses.is_empty() {
            if wish.addresses.is_empty() {
                return Verdict::Level;
            }
            return self.write(wish, Guard::Unused, Why::Change);
        }
        match self.rules.adopt {
            true => self.write(wish, Guard::Unowned(reading.addresses.clone()), Why::Change),
            false => Verdict::Blocked(Block::NotOurs),
        }
    }

    fn judge_owned(
        &mut self,
        wish: Wish,
        (owner, reading): (&Owner, &Reading),
        now: Moment,
    ) -> Verdict {
        self.highest = self.highest.max(owner.epoch);
        let is_same = Some(owner.fingerprint) == self.fingerprint;
        if is_same && (self.is_unnumbered || owner.epoch > self.epoch) {
            // Somebody who sees what we see was faster: its change is ours.
            self.is_unnumbered = false;
            self.epoch = self.epoch.max(owner.epoch);
        }
        self.number();
        if !is_same {
            return match owner.epoch < self.epoch {
                true => self.write(wish, Guard::Owner(owner.clone()), Why::Change),
                false => Verdict::Blocked(Block::Superseded(owner.epoch)),
            };
        }
        if reading.addresses == wish.addresses {
            return Verdict::Level;
        }
        match self.righted.map(|at| at + RIGHT_EVERY).filter(|next| *next > now) {
            Some(next) => Verdict::RightAt(next),
            None => {
                self.righted = Some(now);
                self.write(wish, Guard::Owner(owner.clone()), Why::Right)
            }
        }
    }

    /// Gives the wish its number, if it has none: once, so that who has lost does not take the next one.
    fn number(&mut self) {
        if mem::take(&mut self.is_unnumbered) {
            self.epoch = self.epoch.max(self.highest) + 1;
        }
    }

    fn write(&mut self, wish: Wish, guard: Guard, why: Why) -> Verdict {
        self.number();
        let owner = Owner {
            epoch: self.epoch,
            id: self.rules.id.clone(),
            fingerprint: Fingerprint::of(&wish.addresses),
        };
        let Wish { addresses, ttl } = wish;
        Verdict::Write(Update { guard, owner, addresses, ttl }, why)
    }
}

impl Update {
    /// What is there once it is done.
    pub fn outcome(&self) -> Reading {
        Reading {
            addresses: self.addresses.clone(),
            owner: OwnerText::Owner(self.owner.clone()),
            foreign: None,
        }
    }
}

#[cfg(test)]
mod tests;
