//! What was heard of one server: its last facts, and how well it has answered since.

use std::time::Duration;

use super::{
    Check, Evidence, Facts, Failure, FailureKind, IoThread, Lag, Moment, MySqlFacts, Outcome,
    Position, PostgresFacts, PostgresRole, Thresholds,
    claim::WritableRun,
    heart::Heart,
    history::{Continuity, History},
    positions::PositionRing,
    reception::{Opinion, Origin, Received, Reception},
    trouble::{Liveness, Trouble},
    witness::Witnesses,
};

/// What was heard of one server. Folding is all that it does; what that adds up to stands in its
/// [`Conclusion`](super::conclusion::Conclusion).
///
/// Three things a judgement tells it, for nobody else can know: that a claim to be writable is over
/// ([`Self::end_run`]), that its history is the cluster's ([`History::mark_followed`]), and how far
/// back a lag is of use ([`Self::thin_out`]).
#[derive(Clone, Debug)]
pub struct Record {
    /// The last good reply.
    pub facts: Option<Facts>,
    /// When it was asked for: what it says was true then, or later.
    pub facts_at: Moment,
    /// When it came: what it says was true then, or earlier.
    pub facts_came: Moment,
    /// What it was last known to have.
    pub history: History,
    /// Good replies so far. A reply is known by its number.
    pub replies: u64,
    /// So many of them had come when a probe failed last.
    failed_after: u64,
    /// The reply by which it had begun its history anew while it ran; 0 for none.
    pub began_anew: u64,
    /// PostgreSQL: the reply by which it had replayed less than before, as a standby that was built
    /// anew has; 0 for none.
    pub rewound: u64,
    /// The last word of the probe task, good or bad.
    pub last_word: Option<Moment>,
    /// The failures since the last good reply.
    pub trouble: Option<Box<Trouble>>,
    /// Replies in a row with the same claim to be writable.
    pub writable: Option<WritableRun>,
    /// Its heartbeat writes.
    pub heart: Heart,
    /// MySQL and MariaDB: its own binary log coordinates, which only its direct replicas share.
    pub positions: PositionRing,
    /// PostgreSQL: the timeline that it showed when it was in recovery last, and when it was asked. A
    /// higher one that it has as a primary began later.
    pub recovered_on: Option<(u32, Moment)>,
    /// How far it has shown to have come as a replica, and when that last grew.
    pub advance: Option<(Position, Moment)>,
    /// What it has received as a replica.
    pub reception: Reception,
    /// How far it is supposed to be behind, in a copy of the engine that answers what-if.
    pub supposed_lag: Option<Lag>,
    /// What others say of it.
    pub witnesses: Witnesses,
}

impl Record {
    /// A server of which no more than probes were lost between two good replies that lie so close has not
    /// been started anew: that ends sessions, refuses connections, and takes its time.
    const RUNS_ON: Duration = Duration::from_secs(3);

    pub fn new(witnesses: &[Check]) -> Self {
        Self {
            facts: None,
            facts_at: Moment::START,
            facts_came: Moment::START,
            history: History::default(),
            replies: 0,
            failed_after: 0,
            began_anew: 0,
            rewound: 0,
            last_word: None,
            trouble: None,
            writable: None,
            heart: Heart::default(),
            positions: PositionRing::default(),
            recovered_on: None,
            advance: None,
            reception: Reception::default(),
            supposed_lag: None,
            witnesses: Witnesses::new(witnesses),
        }
    }

    /// Folds in what one probe, or one question to a witness, came to.
    pub fn fold(&mut self, outcome: Outcome, asked: Moment, thresholds: &Thresholds, now: Moment) {
        match outcome {
            Outcome::Answered(facts) => self.fold_facts(facts, asked, thresholds, now),
            Outcome::Failed(failure) => self.fold_failure(failure, now),
            Outcome::Witnessed(check, said) => self.witnesses.fold(check, said, thresholds, now),
        }
    }

    /// Whether it says, by its last good reply, that it is writable.
    pub fn claims_writable(&self) -> bool {
        self.facts.as_ref().is_some_and(Facts::claims_writable)
    }

    fn fold_facts(&mut self, facts: Facts, asked: Moment, thresholds: &Thresholds, now: Moment) {
        self.last_word = Some(now);
        self.replies += 1;
        let trouble = self.trouble.take();
        let interrupted = trouble.is_some();
        // Where a probe or two were lost the server has run on.
        let ran_on = trouble.is_none_or(|trouble| {
            trouble.only_lost
                && trouble.silent < thresholds.fall
                && now.since(self.facts_came) < Self::RUNS_ON
        });
        // PostgreSQL is promoted to another timeline; one that has the same was only restarted.
        let grows = |before: &Facts| match (before.shown_timeline(), facts.primary_timeline()) {
            (before, Some(timeline)) => before.is_some_and(|before| before < timeline),
            (_, None) => true,
        };
        let led = self.claims_writable();
        let denied = !led && self.facts.as_ref().is_some_and(grows);
        let continuity = self.history.fold(&facts, interrupted, led, now);
        if continuity == Continuity::Reset {
            self.began_anew = self.replies;
        }
        if matches!(continuity, Continuity::Lost | Continuity::Replaced) {
            // It is another one, that has claimed nothing yet.
            self.writable = None;
        }
        self.note_turn(&facts, led && continuity == Continuity::GoesOn);
        self.writable = facts.claims_writable().then(|| {
            let timeline = facts.primary_timeline();
            match self.writable {
                Some(run) if run.timeline == timeline => {
                    WritableRun { replies: run.replies.saturating_add(1), ..run }
                }
                _ => WritableRun {
                    since: now,
                    replies: 1,
                    turned: denied && (!interrupted || ran_on && timeline.is_none()),
                    promoted: denied && (ran_on || timeline.is_some()),
                    timeline,
                },
            }
        });
        self.heart.fold(facts.heartbeat(), self.writable.is_some(), thresholds, now);
        self.fold_positions(&facts, asked, now);
        self.facts = Some(facts);
        (self.facts_at, self.facts_came) = (asked, now);
    }

    /// MySQL and MariaDB: notes what a server had written when it turned writable, by its last
    /// reply before, if there is one.
    fn note_turn(&mut self, facts: &Facts, led: bool) {
        if led || !facts.claims_writable() {
            return;
        }
        // What it had written when an earlier process heard it last is known already.
        let is_known = self.facts.is_none() && !self.history.wrote_before.is_unknown();
        let shown = self.facts.as_ref().unwrap_or(facts).mysql().filter(|_| !is_known);
        if let Some(shown) = shown {
            self.history.note_turn(&shown.gtid);
        }
    }

    fn fold_positions(&mut self, facts: &Facts, asked: Moment, now: Moment) {
        match facts {
            Facts::Postgres(facts) => match facts.role {
                PostgresRole::Primary { .. } => {
                    (self.reception, self.advance) = (Reception::default(), None);
                }
                PostgresRole::Standby { receiver, received, heard, replayed, .. } => {
                    if let Some(on) = facts.standby_timeline() {
                        self.recovered_on = Some((on, asked));
                    }
                    let before = self.advance.map(|(before, _)| before);
                    if replayed.is_some() && replayed != before {
                        self.advance = replayed.map(|replayed| (replayed, now));
                        if replayed < before {
                            self.rewound = self.replies;
                        }
                    }
                    let connected = receiver.is_attached();
                    let received = Received { position: received, beats: heard, connected };
                    self.reception.note([("", received)].into_iter(), now);
                }
            },
            Facts::MySql(facts) => {
                if let Some(position) = facts.position {
                    let last = self.positions.last();
                    if last.is_some_and(|last| position < last) {
                        self.positions.clear();
                    }
                    self.positions.show(position, asked, last.is_some());
                }
                let channels = facts.channels.iter().flatten().map(|channel| {
                    let received = Received {
                        position: channel.received,
                        beats: channel.heartbeats,
                        connected: channel.io == IoThread::Running,
                    };
                    (&*channel.name, received)
                });
                self.reception.note(channels, now);
            }
            Facts::Tcp => {}
        }
    }

    fn fold_failure(&mut self, failure: Failure, now: Moment) {
        self.last_word = Some(now);
        self.failed_after = self.replies;
        let kind = failure.kind;
        // Two replies in a row are two with nothing between them but the end of a session: a fresh
        // connection tells more.
        let goes_on = |run: &WritableRun| {
            run.replies >= Thresholds::CONFIRM_WRITABLE || kind == FailureKind::Closed
        };
        self.writable = self.writable.filter(goes_on);
        let begin = || Box::new(Trouble::new(failure.clone(), now));
        self.trouble.get_or_insert_with(begin).note(failure, now);
    }

    /// Any server of any cluster was last heard then.
    pub fn note_heard(&mut self, last_heard: Option<Moment>) {
        if let Some(trouble) = &mut self.trouble {
            trouble.alone = last_heard.is_none_or(|heard| heard < trouble.since);
        }
    }

    /// Gives a server that has failed no longer than from `since` its full number of chances again,
    /// after a time in which failures proved nothing.
    pub fn forgive(&mut self, since: Moment, now: Moment) {
        if let Some(trouble) = self.trouble.as_mut().filter(|trouble| trouble.began >= since) {
            (trouble.silent, trouble.hard, trouble.since) = (0, 0, now);
        }
    }

    /// Silence up to now was ours: nobody could take in what the probe said.
    pub fn excuse_silence(&mut self, now: Moment) {
        self.last_word = self.last_word.map(|_| now);
    }

    /// It is gone: whatever it claims when it is back it claims anew.
    pub fn end_run(&mut self, now: Moment) {
        self.writable = None;
        self.heart.end(now);
    }

    /// Keeps no more of its own coordinates than lags of up to `reach` need.
    pub fn thin_out(&mut self, reach: Duration) {
        self.positions.thin_out(reach);
    }

    /// Good replies in a row since the reply of number `mark`.
    pub fn good_replies_since(&self, mark: u64) -> u64 {
        self.replies - mark.max(self.failed_after)
    }

    /// What it said last, if it is a PostgreSQL server.
    pub fn postgres(&self) -> Option<&PostgresFacts> {
        self.facts.as_ref()?.postgres()
    }

    /// What it said of its recovery last, if it is a PostgreSQL server.
    pub fn postgres_role(&self) -> Option<&PostgresRole> {
        self.postgres().map(|facts| &facts.role)
    }

    /// The timeline that it writes on as a PostgreSQL primary.
    pub fn primary_timeline(&self) -> Option<u32> {
        self.postgres()?.primary_timeline()
    }

    /// The timeline that it receives as a PostgreSQL standby, if it tells.
    pub fn received_timeline(&self) -> Option<u32> {
        self.postgres()?.received_timeline()
    }

    /// What it said last, if it is a MySQL or MariaDB server.
    pub fn mysql(&self) -> Option<&MySqlFacts> {
        self.facts.as_ref()?.mysql()
    }

    /// Whether the last probe failed in a way that may be our own network's fault.
    pub fn is_silent(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.failure.kind.may_be_ours())
    }

    /// How the server has answered lately.
    pub fn liveness(&self, thresholds: &Thresholds, now: Moment) -> Liveness {
        let Some(last_word) = self.last_word else {
            return Liveness::Unheard;
        };
        if now.since(last_word) > thresholds.stale_after {
            return Liveness::ProbeSilent;
        }
        let Some(trouble) = &self.trouble else {
            return Liveness::Answering;
        };
        let kind = trouble.failure.kind;
        if kind.evidence() == Evidence::Alive {
            return Liveness::Alive(kind);
        }
        let proves_nothing = trouble.alone && kind.may_be_ours();
        let silent = trouble.silent >= thresholds.fall && !proves_nothing;
        if trouble.hard >= Thresholds::HARD_FALL || silent {
            return Liveness::Gone(kind);
        }
        Liveness::Doubtful(kind)
    }

    /// Whether enough replies agree that the server is writable.
    pub fn is_confirmed_writable(&self) -> bool {
        self.writable.is_some_and(|run| run.replies >= Thresholds::CONFIRM_WRITABLE)
    }

    /// What it tells as a replica of the server at the origin of `channel`, silent `since` then.
    pub fn opinion(&self, channel: &str, origin: Origin, since: Moment, now: Moment) -> Opinion {
        match self.trouble {
            None => self.reception.opinion(channel, origin, since, now),
            Some(_) => Opinion::Nothing,
        }
    }

    /// Since when the server has been alive and refusing us as it does now.
    pub fn refuses_since(&self) -> Option<Moment> {
        let trouble = self.trouble.as_ref()?;
        trouble.refusal.filter(|(kind, _)| *kind == trouble.failure.kind).map(|(_, since)| since)
    }
}
