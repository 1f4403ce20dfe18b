//! All that is remembered of one server: its last facts, and how well it has answered since.

use super::{
    Check, Evidence, Facts, Failure, FailureKind, GtidState, IoThread, Lag, Loss, Moment, Outcome,
    Position, PostgresRole, ServerIndex, StateReason, Stream, Thresholds,
    claim::WritableRun,
    gate::LagGate,
    heart::Heart,
    history::{Continuity, History, primary_timeline, shown_timeline, standby_timeline},
    positions::{PositionRing, Shown},
    reception::{Opinion, Origin, Received, Reception},
    superseded::Superseded,
    trouble::{Liveness, Trouble},
    verdict::Verdict,
    witness::Witnesses,
};

/// The memory of one server. Folding is all it does; what it adds up to is for `judge`.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The last good reply.
    pub(super) facts: Option<Facts>,
    /// When it was asked for: what it says was true then, or later.
    pub(super) facts_at: Moment,
    /// When it came: what it says was true then, or earlier.
    pub(super) facts_came: Moment,
    /// What it was last known to have.
    pub(super) history: History,
    /// Whether a good reply came since the last judgement.
    pub(super) fresh: bool,
    /// The last word of the probe task, good or bad.
    pub(super) last_word: Option<Moment>,
    /// The failures since the last good reply.
    pub(super) trouble: Option<Trouble>,
    /// Good replies in a row.
    pub(super) successes: u32,
    /// Replies in a row with the same claim to be writable.
    pub(super) writable: Option<WritableRun>,
    /// Its heartbeat writes.
    pub(super) heart: Heart,
    /// MySQL and MariaDB: its own binary log coordinates, which only its direct replicas share.
    pub(super) positions: PositionRing,
    /// How far it has shown to have come as a replica, and when that last grew.
    pub(super) advance: Option<(Position, Moment)>,
    /// The points that it showed last, stream by stream.
    pub(super) shown: Vec<Shown>,
    /// Its history was begun anew while it ran, since the last judgement.
    pub(super) reset: bool,
    /// What it has received as a replica.
    pub(super) reception: Reception,
    /// Since when it has been without a receiver although there is somebody to receive from.
    pub(super) detached_since: Option<Moment>,
    /// Since when it has followed what the primary has left: an older timeline, or a server that is
    /// none of the primary's.
    pub(super) dead_branch_since: Option<Moment>,
    /// It was proven to be on a branch that the cluster has left, for this reason. That stays true
    /// until it is seen on the right one, whoever else is there.
    pub(super) left_behind: Option<StateReason>,
    /// PostgreSQL: the timeline that it was on then, as long as it was not built anew. Where the right
    /// branch has the same one it disproves nothing unless the server receives from there.
    pub(super) left_on: Option<u32>,
    /// PostgreSQL: it was seen beyond the primary, and has not been away since, as it is when it is
    /// built anew.
    pub(super) beyond_primary: bool,
    /// PostgreSQL: the timeline that it has come to in recovery, and when a reply came that showed it
    /// there first, as long as it has not been away since.
    pub(super) came_to: Option<(u32, Moment)>,
    /// PostgreSQL: the timeline that it showed when it was in recovery last, and when it was asked. A
    /// higher one that it has as a primary began later.
    pub(super) recovered_on: Option<(u32, Moment)>,
    /// One gate per read name.
    pub(super) gates: Vec<LagGate>,
    /// It was gone or not ready since it was last the primary, by its own failures: others may have
    /// taken over meanwhile.
    pub(super) left_office: bool,
    /// It was gone or not ready; as a replica it must answer `rise` times before it is back.
    pub(super) away: bool,
    /// The write name was moved away from it: it must follow the new primary before its word counts
    /// again.
    pub(super) superseded: Option<Superseded>,
    /// It has been seen following since it was last superseded.
    pub(super) followed: bool,
    /// It has been fit for a read name at some time.
    pub(super) ever_fit: bool,
    /// How far it is supposed to be behind, in a copy of the engine that answers what-if.
    pub(super) supposed_lag: Option<Lag>,
    /// What others say of it.
    pub(super) witnesses: Witnesses,
    /// The present verdict, by what the server itself shows.
    pub(super) verdict: Verdict,
    /// The present verdict, less what its witnesses take away.
    pub(super) limited: Verdict,
    /// The last verdict that rests on a good reply.
    pub(super) settled: Option<Verdict>,
    /// When the present state began.
    pub(super) since: Moment,
}

impl Record {
    pub(super) fn new(read_names: usize, witnesses: &[Check]) -> Self {
        Self {
            facts: None,
            facts_at: Moment::START,
            facts_came: Moment::START,
            history: History::default(),
            fresh: false,
            last_word: None,
            trouble: None,
            successes: 0,
            writable: None,
            heart: Heart::default(),
            positions: PositionRing::default(),
            advance: None,
            shown: Vec::new(),
            reset: false,
            reception: Reception::default(),
            detached_since: None,
            dead_branch_since: None,
            left_behind: None,
            left_on: None,
            beyond_primary: false,
            came_to: None,
            recovered_on: None,
            gates: vec![LagGate::default(); read_names],
            away: false,
            left_office: false,
            superseded: None,
            followed: false,
            ever_fit: false,
            supposed_lag: None,
            witnesses: Witnesses::new(witnesses),
            verdict: Verdict::UNHEARD,
            limited: Verdict::UNHEARD,
            settled: None,
            since: Moment::START,
        }
    }

    /// Folds in what one probe, or one question to a witness, came to.
    pub(super) fn fold(
        &mut self,
        outcome: Outcome,
        asked: Moment,
        thresholds: &Thresholds,
        now: Moment,
    ) {
        match outcome {
            Outcome::Answered(facts) => self.fold_facts(facts, asked, thresholds, now),
            Outcome::Failed(failure) => self.fold_failure(failure, now),
            Outcome::Witnessed(check, said) => self.witnesses.fold(check, said, thresholds, now),
        }
    }

    /// Whether it says, by its last good reply, that it is writable.
    pub(super) fn claims_writable(&self) -> bool {
        self.facts.as_ref().is_some_and(Facts::claims_writable)
    }

    fn fold_facts(&mut self, facts: Facts, asked: Moment, thresholds: &Thresholds, now: Moment) {
        self.last_word = Some(now);
        let interrupted = self.trouble.take().is_some();
        // PostgreSQL is promoted to another timeline; one that has the same was only restarted.
        let grows = |before: &Facts| match (shown_timeline(before), primary_timeline(&facts)) {
            (before, Some(timeline)) => before.is_some_and(|before| before < timeline),
            (_, None) => true,
        };
        let led = self.claims_writable();
        let denied = !led && self.facts.as_ref().is_some_and(grows);
        let continuity = self.history.fold(&facts, interrupted, led, now);
        self.reset |= continuity == Continuity::Reset;
        if matches!(continuity, Continuity::Lost | Continuity::Replaced) {
            // It is another one, that has claimed nothing yet.
            self.writable = None;
        }
        self.successes = self.successes.saturating_add(1);
        self.writable = facts.claims_writable().then(|| {
            let timeline = primary_timeline(&facts);
            match self.writable {
                Some(run) if run.timeline == timeline => {
                    WritableRun { replies: run.replies.saturating_add(1), ..run }
                }
                _ => WritableRun {
                    since: now,
                    replies: 1,
                    turned: denied && !interrupted,
                    promoted: denied && (!interrupted || timeline.is_some()),
                    timeline,
                },
            }
        });
        self.heart.fold(facts.heartbeat(), self.writable.is_some(), thresholds, now);
        self.fold_positions(&facts, asked, now);
        self.facts = Some(facts);
        (self.facts_at, self.facts_came) = (asked, now);
        self.fresh = true;
    }

    fn fold_positions(&mut self, facts: &Facts, asked: Moment, now: Moment) {
        match facts {
            Facts::Postgres(facts) => match facts.role {
                PostgresRole::Primary { .. } => {
                    (self.reception, self.advance) = (Reception::default(), None);
                }
                PostgresRole::Standby { receiver, received, heard, replayed, .. } => {
                    if let Some(on) = standby_timeline(facts) {
                        let known = self.came_to.filter(|(known, _)| *known == on);
                        self.came_to = known.or(Some((on, now)));
                        self.recovered_on = Some((on, asked));
                    }
                    let before = self.advance.map(|(before, _)| before);
                    if replayed.is_some() && replayed != before {
                        self.advance = replayed.map(|replayed| (replayed, now));
                        self.left_on = self.left_on.filter(|_| replayed > before);
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
        self.successes = 0;
        let kind = failure.kind;
        // Two replies in a row are two with nothing between them but the end of a session: a fresh
        // connection tells more.
        let goes_on = |run: &WritableRun| {
            run.replies >= Thresholds::CONFIRM_WRITABLE || kind == FailureKind::Closed
        };
        self.writable = self.writable.filter(goes_on);
        let begin = || Trouble::new(failure.clone(), now);
        self.trouble.get_or_insert_with(begin).note(failure, now);
    }

    /// Any server of any cluster was last heard then.
    pub(super) fn note_heard(&mut self, last_heard: Option<Moment>) {
        if let Some(trouble) = &mut self.trouble {
            trouble.alone = last_heard.is_none_or(|heard| heard < trouble.since);
        }
    }

    /// Gives a server that has failed no longer than from `since` its full number of chances again,
    /// after a time in which failures proved nothing.
    pub(super) fn forgive(&mut self, since: Moment, now: Moment) {
        if let Some(trouble) = self.trouble.as_mut().filter(|trouble| trouble.began >= since) {
            (trouble.silent, trouble.hard, trouble.since) = (0, 0, now);
        }
    }

    /// Silence up to now was ours: nobody could take in what the probe said.
    pub(super) fn excuse_silence(&mut self, now: Moment) {
        if self.verdict.reason != StateReason::ProbeSilent {
            self.last_word = self.last_word.map(|_| now);
        }
    }

    /// The server is gone or not ready. When it returns as a replica it must prove itself, and its
    /// first reply tells whether it is late, whatever was known before.
    pub(super) fn mark_away(&mut self) {
        (self.away, self.successes) = (true, 0);
        (self.beyond_primary, self.came_to) = (false, None);
        self.forget_freshness();
    }

    /// Nothing measured of it means anything: its next measure decides.
    pub(super) fn forget_freshness(&mut self) {
        self.gates.fill(LagGate::default());
    }

    /// It is fresh for every read name, without being measured.
    pub(super) fn vouch_for_freshness(&mut self) {
        self.gates.iter_mut().for_each(LagGate::vouch);
    }

    /// It follows a primary: whatever it wrote on its own is gone.
    pub(super) fn mark_followed(&mut self) {
        (self.followed, self.superseded) = (true, None);
        self.history.mark_followed();
    }

    /// What it has is the cluster's history, by an operator's word.
    pub(super) fn accept_history(&mut self) {
        (self.left_behind, self.dead_branch_since, self.left_on) = (None, None, None);
        self.mark_followed();
    }

    /// Another server took over from it, or was right when both were writable.
    pub(super) fn mark_superseded(
        &mut self,
        by: Option<ServerIndex>,
        heir: &GtidState,
        loss: Loss,
    ) {
        let timeline = self.facts.as_ref().and_then(shown_timeline);
        let claim = self.writable.map(|run| run.since);
        self.followed = false;
        let heir = heir.clone();
        self.superseded.get_or_insert(Superseded { by, timeline, heir, loss, claim });
    }

    /// It is gone: whatever it claims when it is back it claims anew.
    pub(super) fn end_run(&mut self, now: Moment) {
        (self.writable, self.left_office) = (None, true);
        self.heart.end(now);
    }

    /// Notes the points that a fresh reply shows.
    pub(super) fn note_shown(&mut self, points: impl Iterator<Item = (Stream, Position)>) {
        // A stream that was not there before has begun since.
        let (asked, watched) = (self.facts_at, !self.shown.is_empty());
        let shown = points.map(|(stream, position)| {
            match self.shown.iter().find(|shown| shown.stream == stream) {
                Some(before) if before.position == position => before.clone(),
                before => {
                    let rose = before.map_or(watched, |before| before.position < position);
                    Shown { stream, position, since: asked, rose }
                }
            }
        });
        self.shown = shown.collect();
    }

    /// Whether the last probe failed in a way that may be our own network's fault.
    pub(super) fn is_silent(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.failure.kind.may_be_ours())
    }

    /// How the server has answered lately.
    pub(super) fn liveness(&self, thresholds: &Thresholds, now: Moment) -> Liveness {
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
    pub(super) fn is_confirmed_writable(&self) -> bool {
        self.writable.is_some_and(|run| run.replies >= Thresholds::CONFIRM_WRITABLE)
    }

    /// What it tells as a replica of the server at the origin of `channel`, silent `since` then.
    pub(super) fn opinion(
        &self,
        channel: &str,
        origin: Origin,
        since: Moment,
        now: Moment,
    ) -> Opinion {
        match self.trouble {
            None => self.reception.opinion(channel, origin, since, now),
            Some(_) => Opinion::Nothing,
        }
    }

    /// Since when the server has been alive and refusing us as it does now.
    pub(super) fn refuses_since(&self) -> Option<Moment> {
        let trouble = self.trouble.as_ref()?;
        trouble.refusal.filter(|(kind, _)| *kind == trouble.failure.kind).map(|(_, since)| since)
    }
}
