//! One followed name: whom it says, and whom it has left.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use super::{
    heard::{Answer, Heard, ServerWord},
    reason::CutReason,
};
use crate::engine::ServerState;

/// What is known of a name. Times are those since the start of the agent.
#[derive(Clone, Debug, Default)]
pub struct NameWatch {
    /// Whom it says, as two answers in a row have it; `None` before the first answer.
    said: Option<BTreeSet<SocketAddr>>,
    /// What it may say from now on.
    pending: Option<Pending>,
    /// Whom it has left, and when.
    left: BTreeMap<SocketAddr, Duration>,
    /// What was last said of the servers.
    servers: BTreeMap<SocketAddr, ServerWord>,
    /// When it last said anybody.
    seen: Duration,
    /// Whether the last answer was nobody, or none.
    is_silent: bool,
}

/// An answer that is not believed yet.
#[derive(Clone, Debug)]
struct Pending {
    servers: BTreeSet<SocketAddr>,
    since: Duration,
    answers: u32,
}

/// A name has come to say others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whom it said.
    pub from: BTreeSet<SocketAddr>,
    /// Whom it says.
    pub to: BTreeSet<SocketAddr>,
}

impl NameWatch {
    /// Takes what was answered. Tells when the name has come to say others.
    pub fn hear(&mut self, now: Duration, heard: Heard) -> Option<Moved> {
        let servers = match heard.answer {
            Answer::Servers(servers) if !servers.is_empty() => servers,
            Answer::Servers(_) | Answer::Nobody => {
                // What is said of the servers counts even while nobody has the name.
                self.servers = heard.servers;
                (self.pending, self.is_silent) = (None, true);
                return None;
            }
            Answer::Failed => {
                self.servers = BTreeMap::new();
                (self.pending, self.is_silent) = (None, true);
                return None;
            }
        };
        self.servers = heard.servers;
        let gap = now.saturating_sub(self.seen);
        (self.seen, self.is_silent) = (now, false);
        let Some(servers) = self.whole(&servers) else {
            // The two are of different moments; so may be the next answer.
            self.pending = Some(Pending { servers, since: now, answers: 0 });
            return None;
        };
        let said = match self.said.take() {
            Some(said) if gap <= FORGET => said,
            // The first answer, or as good as that.
            _ => {
                let known = std::mem::take(&mut self.servers);
                *self = Self { said: Some(servers), servers: known, seen: now, ..Self::default() };
                return None;
            }
        };
        if said == servers {
            (self.said, self.pending) = (Some(said), None);
            return None;
        }
        let (since, answers) = match self.pending.take() {
            Some(pending) if pending.servers == servers => (pending.since, pending.answers + 1),
            _ => (now, 1),
        };
        if answers < ANSWERS || now < since + self.patience(now, &servers) {
            self.said = Some(said);
            self.pending = Some(Pending { servers, since, answers });
            return None;
        }
        for server in said.difference(&servers) {
            self.left.insert(*server, now);
        }
        self.left.retain(|server, _| !servers.contains(server));
        self.said = Some(servers.clone());
        Some(Moved { from: said, to: servers })
    }

    /// How long an answer must stay the same. One that leads back may be an old one, out of a cache
    /// or of an instance that is late.
    fn patience(&self, now: Duration, servers: &BTreeSet<SocketAddr>) -> Duration {
        let is_back =
            |server: &SocketAddr| self.left.get(server).is_some_and(|left| now < *left + RETURN);
        if servers.iter().any(is_back) { HOLD } else { Duration::ZERO }
    }

    /// All that the name says: an answer may be a part of it (`max_answers`), the text beside the name
    /// has it all. `None` when the two contradict each other.
    fn whole(&self, answer: &BTreeSet<SocketAddr>) -> Option<BTreeSet<SocketAddr>> {
        if self.servers.is_empty() {
            return Some(answer.clone());
        }
        let all = self.servers.iter().filter(|(_, word)| word.is_in);
        let all: BTreeSet<_> = all.map(|(server, _)| *server).collect();
        answer.is_subset(&all).then_some(all)
    }

    /// Whether the next answer should be asked for soon.
    pub fn is_in_doubt(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether its servers may be about to lose it.
    pub fn is_uneasy(&self) -> bool {
        self.said.is_some() && (self.pending.is_some() || self.is_silent)
    }

    /// Whether it has left a server whose connections may be cut.
    pub fn has_left_somebody(&self, now: Duration) -> bool {
        self.lost(now).next().is_some()
    }

    /// The servers that it has left lately, or may be about to.
    pub fn suspects(&self, now: Duration) -> impl Iterator<Item = SocketAddr> + '_ {
        let leaving = self.said().copied().filter(|_| self.is_uneasy());
        leaving.chain(self.lost(now).map(|(server, ..)| server))
    }

    /// Whom it says, as far as that is known.
    pub fn said(&self) -> impl Iterator<Item = &SocketAddr> {
        self.said.iter().flatten()
    }

    /// Whether it may say `server`: it does, or the next answer may.
    pub fn may_say(&self, server: &SocketAddr) -> bool {
        let is_pending = self.pending.as_ref().is_some_and(|next| next.servers.contains(server));
        is_pending || self.said.as_ref().is_some_and(|said| said.contains(server))
    }

    /// Whether what is known is new enough and undisputed.
    pub fn is_sure(&self, now: Duration, fresh: Duration) -> bool {
        self.pending.is_none() && !self.is_silent && now <= self.seen + fresh
    }

    /// The servers that it has left lately, with when and the reason that speaks against them.
    pub fn lost(
        &self,
        now: Duration,
    ) -> impl Iterator<Item = (SocketAddr, Duration, CutReason)> + '_ {
        let lately = self.left.iter().filter(move |&(_, &left)| now <= left + LINGER);
        let lost = lately.map(|(server, left)| {
            (*server, *left, CutReason::of(self.servers.get(server).map(|word| word.state)))
        });
        let silent = self.said().filter(|server| {
            self.servers.get(*server).is_some_and(|word| word.state == ServerState::Down)
        });
        lost.chain(silent.map(|server| (*server, self.seen, CutReason::Silent)))
    }
}

/// So many answers in a row must say the same before they are believed.
const ANSWERS: u32 = 2;

/// How long a server that the name has left is one whose return is doubted.
const RETURN: Duration = Duration::from_secs(60);

/// How long an answer that leads back must be said.
const HOLD: Duration = Duration::from_secs(10);

/// How long connections are cut that come late, by old answers.
const LINGER: Duration = Duration::from_secs(60);

/// After so long without an answer the next one is as good as the first.
const FORGET: Duration = Duration::from_secs(3_600);
