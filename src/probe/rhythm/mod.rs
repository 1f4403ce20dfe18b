//! The rhythm of the probes of one server: when to ask, in which way, and when to tell.
//!
//! It is pure: `now` is an argument, as are the random numbers. A shell of sockets tells it what
//! has happened and does what it says.
//!
//! Besides the advised cadence there are two extra probes, because two agreeing replies are needed
//! to judge and the second should not wait for the next tick: one soon after a first hard failure,
//! and one after a server's stance on writes changed. A connection that ends while it is idle is a
//! failure of its own and is checked at once. A server that ends every connection soon
//! after the login earns only one such check per fast interval. A hint moves the next probe forward
//! and makes it an earnest one. A server that steadily refuses to let the probe in is asked in
//! earnest ever more seldom: see [`refusal`].

mod attempt;
mod due;
mod held;
mod login;
mod patience;
mod refusal;
mod share;
mod stance;
mod stride;

use std::{sync::Arc, time::Duration};

use self::{
    attempt::Attempt,
    login::Login,
    patience::Patience,
    refusal::{Refusals, Watch},
};
pub use self::{
    attempt::{Event, Reply, Step},
    due::Due,
    held::{HELD_FOR, Held, Told},
    share::Share,
    stance::Stance,
    stride::Stride,
};
use crate::{
    config::ProbeConfig,
    engine::{ClusterKind, Failure, Moment, Outcome, Pace, ProbeAdvice},
};

/// What one task carries from probe to probe, its sockets apart.
pub struct Rhythm {
    kind: ClusterKind,
    config: Arc<ProbeConfig>,
    /// When the next probe is due.
    next: Due,
    /// When the last probe started.
    last_start: Moment,
    /// When a glance was last asked for.
    last_glance: Moment,
    /// When an idle connection was last found ended.
    last_end: Option<Moment>,
    /// What the last outcome showed.
    last: Stance,
    /// The last outcome was a connection that ended under us.
    ended: bool,
    /// Since when the advice has been to hurry, if it is.
    hurried_since: Option<Moment>,
    stride: Stride,
    patience: Patience,
    refusals: Refusals,
    /// The login that is open, if there is one.
    login: Option<Login>,
    /// The probe that is under way, or was the last one.
    attempt: Attempt,
}

impl Rhythm {
    /// That of a task that starts at `now`; its first probe comes after this `share` of the time (0
    /// to 1) in which all tasks start.
    pub fn new(kind: ClusterKind, config: Arc<ProbeConfig>, now: Moment, share: f64) -> Self {
        Self {
            kind,
            config,
            next: Due::first(now, share),
            last_start: now,
            last_glance: now,
            last_end: None,
            last: Stance::Unknown,
            ended: false,
            hurried_since: None,
            stride: Stride::default(),
            patience: Patience::default(),
            refusals: Refusals::default(),
            login: None,
            attempt: Attempt::default(),
        }
    }

    /// When the last probe started.
    pub fn last_start(&self) -> Moment {
        self.last_start
    }

    /// By when the probe that is under way must have its reply.
    pub fn deadline(&self) -> Moment {
        self.last_start + self.attempt.limit()
    }

    /// Whether a login is open. A shell that has one lets go of it when this says that it is not.
    pub fn is_logged_in(&self) -> bool {
        self.login.is_some()
    }

    /// When the next probe is due, with the advice to ask at this `pace` at `now`, and with this
    /// `share` of what all tasks may ask.
    pub fn due(&mut self, pace: Pace, share: Share, now: Moment) -> Moment {
        self.note_pace(pace, now);
        let rest = self.stride.rest(pace, share, &self.config);
        self.next.at(self.last_start, rest, self.blind_until())
    }

    /// Whether glances are asked for between probes, by this `advice`: at the published writer of a
    /// family that turns read-only without a word, while all is well with it.
    pub fn is_glancing(&self, advice: ProbeAdvice) -> bool {
        self.kind == ClusterKind::MySql && advice.heartbeat && self.login.is_some()
    }

    /// When a glance is due, by this `advice` and with this `share`; `None` where none is.
    pub fn glance_at(&self, advice: ProbeAdvice, share: Share) -> Option<Moment> {
        let last = self.last_glance.max(self.last_start);
        self.is_glancing(advice).then(|| last + share.glance())
    }

    /// A glance is asked for.
    pub fn glance(&mut self, now: Moment) {
        self.last_glance = now;
    }

    /// A glance has shown what the last probe did not.
    pub fn see_change(&mut self, now: Moment) {
        self.next = Due::At(now);
    }

    /// Somebody hinted at a change.
    pub fn hint(&mut self, now: Moment) {
        self.stride.doubt();
        self.refusals.doubt(now);
        self.next = Due::Hinted;
    }

    /// The server has ended the idle login because it was idle for long.
    pub fn expire(&mut self) {
        self.login = None;
        self.refusals.end();
    }

    /// The idle login has ended otherwise. That is an outcome of its own.
    pub fn end(&mut self) {
        self.expire();
        self.ended = true;
    }

    /// Remembers the outcome that is `latest` at `now` and sets when to ask again, by the advised
    /// cadence stretched or shrunk by `jitter`. What is to be told now; nothing when it is `held`.
    pub fn conclude(
        &mut self,
        latest: Told,
        held: &mut Held,
        pace: Pace,
        now: Moment,
        jitter: f64,
    ) -> Vec<Told> {
        self.stride.note(&latest.outcome, pace);
        self.next = self.next_after(&latest.outcome, pace, now).unwrap_or(Due::Paced(jitter));
        let at_once = self.ended && matches!(self.next, Due::At(_));
        if !held.waits(self.kind, &latest.outcome, at_once) {
            return held.with(Some(latest));
        }
        if !held.is_empty() {
            self.next = Due::second_look(now);
        }
        held.keep(latest);
        Vec::new()
    }

    /// When to ask again after `outcome`, with the advice of this `pace`; `None` is by that.
    fn next_after(&mut self, outcome: &Outcome, pace: Pace, now: Moment) -> Option<Due> {
        let stance = Stance::of(outcome);
        let before = std::mem::replace(&mut self.last, stance);
        if self.ended {
            let last_end = self.last_end.replace(now);
            let recently = last_end.is_some_and(|last| now.since(last) < self.config.fast_interval);
            return (!recently).then_some(Due::At(now));
        }
        let awaited = pace == Pace::Sprint && stance.is_promotion(before);
        let look = if awaited { Due::awaited_look } else { Due::second_look };
        stance.calls_for_second_look(before).then(|| look(now))
    }

    /// Notes whether the cluster is settling.
    fn note_pace(&mut self, pace: Pace, now: Moment) {
        match pace {
            Pace::Normal | Pace::Slow => self.hurried_since = None,
            Pace::Fast | Pace::Urgent | Pace::Sprint if self.hurried_since.is_some() => {}
            Pace::Fast | Pace::Urgent | Pace::Sprint => {
                self.hurried_since = Some(now);
                self.refusals.hurry(now);
            }
        }
    }

    /// Notes how a login or what followed it failed.
    fn note_refusal(&mut self, failure: &Failure, now: Moment) {
        let watched = self.login.is_some() || can_look(self.kind);
        let hurried = self.hurried_since.is_some_and(|since| now.since(since) < HURRIED_FOR);
        self.refusals.note(failure, Watch { watched, hurried }, now);
    }

    /// Until when a probe would be blind: no login is due, and nothing else tells of the server.
    fn blind_until(&self) -> Moment {
        let blind = self.login.is_none() && !can_look(self.kind);
        self.refusals.login_at().filter(|_| blind).unwrap_or(self.last_start)
    }
}

/// Whether a quiet look can tell anything of servers that speak this.
fn can_look(kind: ClusterKind) -> bool {
    kind == ClusterKind::Postgres
}

/// For how long a settling cluster hurries what fills a server's log.
const HURRIED_FOR: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
