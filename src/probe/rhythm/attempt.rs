//! One probe step by step: what is done next, after what has happened.

use std::time::Duration;

use super::{Rhythm, can_look, login::Login, stance::Stance};
use crate::{
    engine::{Evidence, Facts, Failure, FailureKind, Moment, Outcome},
    probe::{trouble::Trouble, wording::presentable},
};

/// What has happened.
pub enum Event {
    /// A probe is due; with a heartbeat, if the server takes it.
    Due { heartbeat: bool },
    /// A quiet look: whether it could tell that the server lives.
    Looked(Result<bool, Failure>),
    /// A login over a fresh connection.
    LoggedIn {
        /// It was waited for in an earlier probe.
        waited: bool,
        /// A login that was open before is still there after a failure.
        result: Result<(), Failure>,
    },
    /// The server was asked over the open login.
    Asked(Result<Reply, Trouble>),
    /// The deadline has passed. What it proves that nothing came.
    Silence(FailureKind),
}

/// What a server says of itself.
pub struct Reply {
    /// What it is.
    pub(in crate::probe) facts: Facts,
    /// The login has to be renewed before the server is asked again.
    pub(in crate::probe) spent: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// A quiet look.
    Look,
    /// Log in over a fresh connection, in the place of the login that is open, if there is one.
    LogIn,
    /// Ask over the login that is open.
    Ask { heartbeat: bool },
    /// Nothing more: this is what the probe came to.
    End(Outcome),
}

/// The probe that is under way.
#[derive(Debug, Default)]
pub struct Attempt {
    /// How long it may take.
    limit: Duration,
    heartbeat: bool,
    /// What is reported unless something else is seen: the server steadily refuses logins.
    refusal: Option<Failure>,
    /// The login was open before this probe.
    used: bool,
    /// When its last login began.
    login_began: Moment,
}

impl Attempt {
    /// How long it may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl Rhythm {
    /// What is to be done at `now`, after `event`. A fresh login is kept for a time that is
    /// stretched or shrunk by `jitter`.
    pub fn step(&mut self, event: Event, now: Moment, jitter: f64) -> Step {
        match event {
            Event::Due { heartbeat } => self.begin(heartbeat, now),
            Event::Looked(seen) => self.after_look(seen, now),
            Event::LoggedIn { waited, result } => self.after_login(waited, result, now, jitter),
            Event::Asked(reply) => match self.attempt.refusal.take() {
                Some(refusal) => self.after_parked_reply(refusal, reply),
                None => self.after_reply(reply, now),
            },
            Event::Silence(kind) => {
                // The connection is in the middle of something; nobody knows of what.
                self.expire();
                let detail = format!("no reply within {:?}", self.attempt.limit);
                self.finish(Outcome::Failed(Failure::new(kind, detail)))
            }
        }
    }

    /// Asks, or sees that a server that steadily refuses us is still there.
    fn begin(&mut self, heartbeat: bool, now: Moment) -> Step {
        self.ended = false;
        self.last_start = now;
        self.attempt = Attempt {
            limit: self.patience.limit(&self.config),
            heartbeat: heartbeat && self.config.heartbeat_write,
            ..Attempt::default()
        };
        match self.refusals.standing(now).cloned() {
            Some(refusal) if self.login.is_some() => self.ask_parked(refusal),
            Some(refusal) if can_look(self.kind) => {
                self.attempt.refusal = Some(refusal);
                Step::Look
            }
            _ => self.ask_in_earnest(now),
        }
    }

    fn after_look(&mut self, seen: Result<bool, Failure>, now: Moment) -> Step {
        match (seen, self.attempt.refusal.take()) {
            (Ok(true), Some(refusal)) => self.fail(refusal),
            (Ok(_), _) => self.ask_in_earnest(now),
            (Err(failure), _) => {
                self.refusals.end();
                self.fail(failure)
            }
        }
    }

    /// Asks over the open login. A fresh one shows now and then whether the server still lets new
    /// connections in.
    fn ask_in_earnest(&mut self, now: Moment) -> Step {
        match &self.login {
            Some(login) if !login.is_old(now) => {
                self.attempt.used = true;
                Step::Ask { heartbeat: self.attempt.heartbeat }
            }
            _ => self.log_in(now),
        }
    }

    fn log_in(&mut self, now: Moment) -> Step {
        self.attempt.login_began = now;
        Step::LogIn
    }

    /// When the server says that it lets nobody in, the old login is kept: it holds our slot in a
    /// full server, gives notice of a crash and still tells of a change of role.
    fn after_login(
        &mut self,
        waited: bool,
        result: Result<(), Failure>,
        now: Moment,
        jitter: f64,
    ) -> Step {
        let renews = self.login.is_some();
        if let Err(refusal) = result {
            if refusal.kind.evidence() != Evidence::Alive {
                self.login = None;
            }
            self.note_refusal(&refusal, now);
            return self.ask_parked(refusal);
        }
        // One that was waited for before says nothing of the server's speed.
        if renews || !waited {
            self.patience.note_fresh(now.since(self.attempt.login_began));
        }
        self.login = Some(Login::new(now, jitter));
        self.attempt.used = renews;
        Step::Ask { heartbeat: self.attempt.heartbeat }
    }

    /// Asks over the old login of a server that refuses fresh ones.
    fn ask_parked(&mut self, refusal: Failure) -> Step {
        if self.login.is_none() {
            return self.fail(refusal);
        }
        self.attempt.refusal = Some(refusal);
        Step::Ask { heartbeat: false }
    }

    /// The refusal is what is reported, unless the server's stance on writes has changed since:
    /// that counts for more.
    fn after_parked_reply(&mut self, refusal: Failure, reply: Result<Reply, Trouble>) -> Step {
        let Ok(Reply { facts, .. }) = reply else {
            self.expire();
            return self.fail(refusal);
        };
        let before = self.login.as_mut().map(|login| login.park(self.last));
        match before == Some(Stance::of_facts(&facts)) {
            true => self.fail(refusal),
            false => self.finish(Outcome::Answered(facts)),
        }
    }

    fn after_reply(&mut self, reply: Result<Reply, Trouble>, now: Moment) -> Step {
        let trouble = match reply {
            Ok(Reply { facts, spent }) => {
                self.refusals.end();
                if let Some(login) = self.login.as_mut().filter(|_| spent) {
                    login.spend(now);
                }
                return self.finish(Outcome::Answered(facts));
            }
            Err(trouble) => trouble,
        };
        self.login = None;
        let used = std::mem::take(&mut self.attempt.used);
        if used && matches!(trouble, Trouble::Expired) {
            return self.log_in(now);
        }
        let failure = trouble.into_failure();
        self.note_refusal(&failure, now);
        self.ended = used && failure.kind == FailureKind::Closed;
        self.fail(failure)
    }

    fn fail(&mut self, failure: Failure) -> Step {
        let failure = presentable(failure, &self.config);
        self.finish(Outcome::Failed(failure))
    }

    fn finish(&mut self, outcome: Outcome) -> Step {
        self.patience.note(&outcome);
        Step::End(outcome)
    }
}
