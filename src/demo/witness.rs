//! The witness: asks both names over DNS again and again, tells what it sees, and holds it against
//! what the story demands.
//!
//! A demand is met when everything in it holds at once, which must be so before [`PATIENCE`] is
//! over. Besides, every single answer must keep these rules, whatever is demanded:
//!
//! - The write name has at most one address, and only that of a server which may take writes in
//!   this scene.
//! - Once there has been an answer, a name never fails, the read name is never empty, and the write
//!   name only in a scene that says so.
//!
//! While somebody operates the demo, answers are his and not the story's: nothing is held against
//! them until the first scene after that.

use std::{fmt, io, time::Duration};

use hickory_proto::op::ResponseCode;
use tokio::{sync::mpsc, time::sleep};

use super::{
    operator::Operator,
    resolver::{Answer, AskError, Resolver},
    settings::{HOSTS, READ_NAME, WRITE_NAME, addresses},
    terminal::{News, Terminal},
    words::{Scenery, decision, last_of_each, name, told},
};
use crate::engine::{Event, ServerIndex, ServerState, StateReason};

/// Longer than any demand of the story takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a demand is waited for that somebody may have made impossible.
const PATIENCE_WITH_OPERATORS: Duration = Duration::from_secs(3);

/// Between two rounds of questions.
const ROUND: Duration = Duration::from_millis(25);

/// Asks, tells and judges.
#[derive(Debug)]
pub struct Witness {
    terminal: Terminal,
    resolver: Resolver,
    events: mpsc::UnboundedReceiver<Event>,
    /// Of each server, as last told by the engine.
    states: [ServerState; HOSTS.len()],
    rules: Rules,
    operator: Operator,
    /// What was last told of each answer.
    told: [Option<String>; 2],
    /// What has come before there was an answer: the servers are looked at one after the other.
    beginnings: Vec<Event>,
}

/// What every answer must keep.
#[derive(Clone, Debug, Default)]
struct Rules {
    /// Who may be in the write name.
    writers: Vec<ServerIndex>,
    /// The write name may be empty.
    may_withdraw: bool,
    /// There has been an answer.
    opened: bool,
    /// Somebody operates the demo, or did when the scene began: there are no rules.
    suspended: bool,
}

/// What both names shall say.
#[derive(Clone, Debug)]
pub struct Demand {
    write: Vec<ServerIndex>,
    write_note: Option<&'static str>,
    read: Vec<ServerIndex>,
    read_note: Option<&'static str>,
    states: Vec<(ServerIndex, ServerState)>,
}

/// Why the story ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum Objection {
    /// Nobody listens to the story.
    #[error("cannot write to the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// A name cannot be asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A demand was not met in time.
    #[error("demanded: {demanded}; answered after {PATIENCE:?}: {answered}")]
    Unmet {
        /// What was demanded.
        demanded: String,
        /// What was answered.
        answered: String,
    },
    /// A demand was met and then no longer, although nothing had happened.
    #[error("demanded to stay: {demanded}; answered: {answered}")]
    Left {
        /// What was demanded.
        demanded: String,
        /// What was answered.
        answered: String,
    },
    /// An answer broke a rule.
    #[error("{rule}; answered: {answered}")]
    Rule {
        /// The rule.
        rule: &'static str,
        /// What was answered.
        answered: String,
    },
}

impl Witness {
    /// A witness that has seen nothing yet.
    pub fn new(
        terminal: Terminal,
        resolver: Resolver,
        events: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        let states = [ServerState::Unknown; HOSTS.len()];
        let (rules, operator) = (Rules::default(), Operator::default());
        let told = [None, None];
        Self { terminal, resolver, events, states, rules, operator, told, beginnings: Vec::new() }
    }

    /// Where it tells.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Whether somebody has operated the demo since it began.
    pub fn was_operated(&self) -> bool {
        self.operator.was_here()
    }

    /// A new scene begins, in which only `writers` may be in the write name.
    pub fn scene(&mut self, title: &str, writers: &[ServerIndex]) -> Result<(), Objection> {
        let suspended = self.operator.is_here();
        let opened = self.rules.opened;
        self.rules = Rules { writers: writers.to_vec(), may_withdraw: false, opened, suspended };
        Ok(self.terminal.headline(title)?)
    }

    /// In this scene the write name may be empty.
    pub fn may_withdraw(&mut self) {
        self.rules.may_withdraw = true;
    }

    /// Tells what was done to the servers.
    pub fn happened(&self, text: impl fmt::Display) -> Result<(), Objection> {
        Ok(self.terminal.news(News::Happened, text)?)
    }

    /// Waits until `demand` is met.
    pub async fn until(&mut self, demand: &Demand) -> Result<(), Objection> {
        let begun = self.terminal.now();
        loop {
            let scenery = self.look().await?;
            let waited = self.terminal.now().since(begun);
            let given_up = self.rules.suspended && waited >= PATIENCE_WITH_OPERATORS;
            if given_up || demand.is_met_by(&scenery, &self.states) {
                for event in last_of_each(std::mem::take(&mut self.beginnings)) {
                    self.tell(&event)?;
                }
                self.rules.opened = true;
                return self.tell_answers(&scenery);
            }
            if waited >= PATIENCE && !self.rules.suspended {
                let (demanded, answered) = (demand.to_string(), scenery.to_string());
                return Err(Objection::Unmet { demanded, answered });
            }
            sleep(ROUND).await;
        }
    }

    /// Sees that `demand`, which is met, stays so for `time`.
    pub async fn stays(&mut self, demand: &Demand, time: Duration) -> Result<(), Objection> {
        let end = self.terminal.now() + time;
        while self.terminal.now() < end {
            let scenery = self.look().await?;
            if !self.rules.suspended && !demand.is_met_by(&scenery, &self.states) {
                let (demanded, answered) = (demand.to_string(), scenery.to_string());
                return Err(Objection::Left { demanded, answered });
            }
            sleep(ROUND).await;
        }
        Ok(())
    }

    /// Asks both names once, holds the answers against the rules and tells the engine's news.
    async fn look(&mut self) -> Result<Scenery, Objection> {
        let write = self.resolver.ask(WRITE_NAME).await?;
        let read = self.resolver.ask(READ_NAME).await?;
        let scenery = Scenery { write, read };
        while let Ok(event) = self.events.try_recv() {
            if let Event::State { server, to, .. } = &event
                && let Some(state) = self.states.get_mut(server.server.place())
            {
                *state = *to;
            }
            self.rules.suspended |= self.operator.sees(&event);
            match self.rules.opened {
                true => self.tell(&event)?,
                false => self.beginnings.push(event),
            }
        }
        match self.rules.broken_by(&scenery) {
            Some(rule) => Err(Objection::Rule { rule, answered: scenery.to_string() }),
            None => Ok(scenery),
        }
    }

    /// Tells what is said otherwise than it was last told.
    fn tell_answers(&mut self, scenery: &Scenery) -> Result<(), Objection> {
        let mut changed = false;
        for (last, (name, answer)) in self.told.iter_mut().zip(scenery.names()) {
            let text = told(name, answer);
            if last.as_ref() != Some(&text) {
                self.terminal.news(News::Answered, &text)?;
                *last = Some(text);
                changed = true;
            }
        }
        if !changed {
            self.terminal.news(News::Answered, "both names as before")?;
        }
        Ok(())
    }

    fn tell(&self, event: &Event) -> Result<(), Objection> {
        let terminal = &self.terminal;
        match event {
            Event::State { server, from, to, reason, detail } => {
                let name = name(server.server);
                let detail = match &**detail {
                    detail if to.is_alarming() && !detail.is_empty() => format!(" ({detail})"),
                    _ => String::new(),
                };
                let was = match from {
                    ServerState::Unknown => String::new(),
                    from => format!(", was {from}"),
                };
                let why = match reason {
                    // It was asked before the primary, which is told before it.
                    StateReason::LacksNothingShown if !self.rules.opened => String::new(),
                    reason => format!(": {reason}{detail}"),
                };
                let text = format!("{name} is {to}{was}{why}");
                terminal.news(News::Seen, text)?;
            }
            Event::Write { from, to, reason, .. } => {
                let (from, to) = (Vec::from_iter(*from), Vec::from_iter(*to));
                terminal.news(News::Decided, decision(WRITE_NAME, &from, &to, reason))?;
            }
            Event::Read { from, to, reason, .. } => {
                terminal.news(News::Decided, decision(READ_NAME, from, to, reason))?;
            }
            Event::Override { laid, turn, .. } => {
                let what = match laid.wish.as_ref().server() {
                    Some(server) => format!("{} of {}", laid.wish, name(*server)),
                    None => laid.wish.to_string(),
                };
                terminal.news(News::Operated, format!("{what}: {turn}"))?;
            }
            Event::Accepted { accepted, .. } => {
                let text = format!("the history of {} is accepted", name(accepted.server));
                terminal.news(News::Operated, text)?;
            }
            // The servers of the demo speak for themselves.
            Event::Witness { .. } => {}
            Event::Isolated => {
                let text = "no server answers: our own network is suspected, answers stand still";
                terminal.news(News::Seen, text)?;
            }
            Event::Reconnected => {
                terminal.news(News::Seen, "a server answers again: answers follow the probes")?;
            }
        }
        Ok(())
    }
}

impl Rules {
    /// The rule that is broken, if one is.
    fn broken_by(&self, scenery: &Scenery) -> Option<&'static str> {
        let Scenery { write, read } = scenery;
        if self.suspended {
            return None;
        }
        if write.addresses.len() > 1 {
            return Some("the write name must never have two addresses");
        }
        if !write.addresses.is_subset(&addresses(&self.writers)) {
            return Some("the write name must not name that server now");
        }
        if !self.opened {
            return None;
        }
        if [write, read].iter().any(|answer| answer.code != ResponseCode::NoError) {
            return Some("a name must never fail");
        }
        if read.addresses.is_empty() {
            return Some("the read name must never be empty");
        }
        (write.addresses.is_empty() && !self.may_withdraw)
            .then_some("the write name must not be empty now")
    }
}

impl Demand {
    /// The addresses of exactly these servers, and no complaint in either answer.
    pub fn new(write: &[ServerIndex], read: &[ServerIndex]) -> Self {
        Self {
            write: write.to_vec(),
            write_note: None,
            read: read.to_vec(),
            read_note: None,
            states: Vec::new(),
        }
    }

    /// The write name's Extended DNS Error must contain `words`.
    pub fn write_note(mut self, words: &'static str) -> Self {
        self.write_note = Some(words);
        self
    }

    /// The read name's Extended DNS Error must contain `words`.
    pub fn read_note(mut self, words: &'static str) -> Self {
        self.read_note = Some(words);
        self
    }

    /// The engine must hold `server` to be in `state`.
    pub fn state(mut self, server: ServerIndex, state: ServerState) -> Self {
        self.states.push((server, state));
        self
    }

    fn is_met_by(&self, scenery: &Scenery, states: &[ServerState]) -> bool {
        let says = |answer: &Answer, servers: &[ServerIndex], words: Option<&str>| {
            let note = match (&answer.note, words) {
                (None, None) => true,
                (Some(note), Some(words)) => note.contains(words),
                _ => false,
            };
            note && answer.addresses == addresses(servers)
        };
        says(&scenery.write, &self.write, self.write_note)
            && says(&scenery.read, &self.read, self.read_note)
            && self.states.iter().all(|(server, state)| states[server.place()] == *state)
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = Answer::of(&self.write, self.write_note);
        Scenery { write, read: Answer::of(&self.read, self.read_note) }.fmt(f)?;
        for (server, state) in &self.states {
            write!(f, ", {} {state}", name(*server))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB1: ServerIndex = ServerIndex::new(0);
    const DB2: ServerIndex = ServerIndex::new(1);
    const DB3: ServerIndex = ServerIndex::new(2);

    #[test]
    fn a_demand_is_met_by_everything_at_once() {
        let held = "demo: held: the last primary is Down and there is no other";
        let scenery =
            Scenery { write: Answer::of(&[DB1], Some(held)), read: Answer::of(&[DB3, DB2], None) };
        let states = [ServerState::Down, ServerState::Replica, ServerState::Replica];
        let met = |demand: Demand| demand.is_met_by(&scenery, &states);
        let demand = || Demand::new(&[DB1], &[DB2, DB3]);
        assert!(met(demand().write_note("held")));
        assert!(met(demand().write_note("held").state(DB1, ServerState::Down)));
        assert!(!met(demand()), "a complaint that was not demanded");
        assert!(!met(demand().write_note("isolated")));
        assert!(!met(demand().write_note("held").read_note("primary")));
        assert!(!met(demand().write_note("held").state(DB2, ServerState::Down)));
        assert!(!met(Demand::new(&[DB1], &[DB2]).write_note("held")));
        assert!(!met(Demand::new(&[], &[DB2, DB3]).write_note("held")));
    }

    #[test]
    fn every_answer_must_keep_the_rules() {
        let writers = vec![DB1, DB2];
        let opened = Rules { writers: writers.clone(), opened: true, ..Rules::default() };
        let broken = |rules: &Rules, write: &[ServerIndex], read: &[ServerIndex]| {
            let scenery = Scenery { write: Answer::of(write, None), read: Answer::of(read, None) };
            rules.broken_by(&scenery).is_some()
        };
        assert!(!broken(&opened, &[DB1], &[DB3]));
        assert!(!broken(&opened, &[DB2], &[DB3]));
        assert!(broken(&opened, &[DB3], &[DB3]), "not a writer of this scene");
        assert!(broken(&opened, &[DB1, DB2], &[DB3]), "two writers");
        assert!(broken(&opened, &[DB1], &[]), "nobody to read from");
        assert!(broken(&opened, &[], &[DB3]), "nobody to write to");
        assert!(!broken(&Rules { may_withdraw: true, ..opened.clone() }, &[], &[DB3]));
        let waiting = Rules { writers, ..Rules::default() };
        assert!(!broken(&waiting, &[], &[]));
        assert!(broken(&waiting, &[DB3], &[]));
        let mut failure = Answer::of(&[DB1], None);
        failure.code = ResponseCode::ServFail;
        let scenery = Scenery { write: failure, read: Answer::of(&[DB3], None) };
        assert!(opened.broken_by(&scenery).is_some());
        assert!(waiting.broken_by(&scenery).is_none());
        let suspended = Rules { suspended: true, ..opened };
        assert!(!broken(&suspended, &[], &[]), "somebody else operates it");
    }
}
