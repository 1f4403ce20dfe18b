//! What was concluded of one server from all that was heard: what it is now, and what the next
//! judgement must not forget.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Facts, GtidState, Loss, Moment, Position, PostgresFacts, ServerIndex, StateReason, Stream,
    gate::LagGate, history::LostTail, positions::Shown, record::Record, superseded::Superseded,
    upstream::Upstream, verdict::Verdict, written_beside::WrittenBeside,
};

/// What judgements have come to about one server. Nothing that is heard changes it: a reply that
/// speaks against it is seen by the next judgement.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// So many good replies of it were judged.
    judged: u64,
    /// MySQL and MariaDB: the reply whose missing end ([`History::lost_tail`]) was looked at.
    ///
    /// [`History::lost_tail`]: super::history::History::lost_tail
    tail_judged: u64,
    /// It follows, so that its history is the cluster's: the record is told after the judgement.
    rejoined: bool,
    /// Its claim to be writable is over: the record is told after the judgement.
    run_over: bool,
    /// The points that it showed last, stream by stream.
    pub shown: Vec<Shown>,
    /// Since when it has been without a receiver although there is somebody to receive from.
    pub detached_since: Option<Moment>,
    /// Since when it has followed what the primary has left: an older timeline, or a server that is
    /// none of the primary's.
    dead_branch_since: Option<Moment>,
    /// It was proven to be on a branch that the cluster has left, for this reason. That stays true
    /// until it is seen on the right one, whoever else is there.
    pub left_behind: Option<StateReason>,
    /// PostgreSQL: when that was shown first.
    left_since: Option<Moment>,
    /// PostgreSQL: those who could know better were asked since, and it was so all the same.
    pub left_for_sure: bool,
    /// PostgreSQL: the timeline that it was on then, as long as it was not built anew. Where the right
    /// branch has the same one it disproves nothing unless the server receives from there.
    pub left_on: Option<u32>,
    /// PostgreSQL: it was seen beyond the primary, and has not been away since, as it is when it is
    /// built anew.
    pub beyond_primary: bool,
    /// PostgreSQL: the timeline that it has come to in recovery, as long as it has not been away since.
    came_to: Option<Arrival>,
    /// PostgreSQL: what it has written on a timeline while it was not the one that is right.
    pub wrote_beside: Option<Box<WrittenBeside>>,
    /// One gate per read name.
    pub gates: Vec<LagGate>,
    /// MySQL and MariaDB: when it was asked last and was no primary by its own word. Whatever it lacked
    /// then it lacked when it turned writable, whoever saw that.
    denial: Option<Moment>,
    /// It was gone or not ready since it was last the primary, by its own failures: others may have
    /// taken over meanwhile.
    pub left_office: bool,
    /// It was gone or not ready when so many good replies had come; as a replica it must give `rise`
    /// more in a row before it is back.
    away: Option<u64>,
    /// The write name was moved away from it: it must follow the new primary before its word counts
    /// again.
    pub superseded: Option<Box<Superseded>>,
    /// On shared storage: since when it says that it is writable, and whether it lacked then what the
    /// last writer had left.
    pub came_up: Option<(Moment, bool)>,
    /// Whom it replicates from, as far as it tells.
    pub upstream: Option<Upstream<ServerIndex>>,
    /// When it was asked first and replicated from there.
    pub upstream_since: Option<Moment>,
    /// It has been eligible for a read name at some time.
    pub ever_fit: bool,
    /// The present verdict, by what the server itself shows.
    pub verdict: Verdict,
    /// The present verdict, less what its witnesses take away.
    pub limited: Verdict,
    /// The last verdict that rests on a good reply.
    pub settled: Option<Verdict>,
    /// When the present state began.
    pub since: Moment,
}

/// PostgreSQL: a server in recovery was seen on a timeline.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    timeline: u32,
    /// When the reply came that showed it there first.
    pub at: Moment,
    /// How far it had come then.
    pub came_to: Option<Position>,
    /// It was seen on no other one since it was away, so that nothing shows where it came from.
    pub is_first: bool,
}

impl Conclusion {
    /// Nothing yet of a server that is there since `now`, in a cluster with so many read names.
    pub fn new(read_names: usize, now: Moment) -> Self {
        Self {
            judged: 0,
            tail_judged: 0,
            rejoined: false,
            run_over: false,
            shown: Vec::new(),
            detached_since: None,
            dead_branch_since: None,
            left_behind: None,
            left_since: None,
            left_for_sure: false,
            left_on: None,
            beyond_primary: false,
            came_to: None,
            wrote_beside: None,
            gates: vec![LagGate::default(); read_names],
            denial: None,
            left_office: false,
            away: None,
            superseded: None,
            came_up: None,
            upstream: None,
            upstream_since: None,
            ever_fit: false,
            verdict: Verdict::UNHEARD,
            limited: Verdict::UNHEARD,
            settled: None,
            since: now,
        }
    }

    /// Whether a good reply has come since the last judgement.
    pub fn has_news(&self, record: &Record) -> bool {
        record.replies > self.judged
    }

    /// Whether it has begun its history anew, while it ran, since the last judgement.
    pub fn has_begun_anew(&self, record: &Record) -> bool {
        record.began_anew > self.judged
    }

    /// Whether it has lost what it had, and was not seen following since.
    pub fn has_lost_history(&self, record: &Record) -> bool {
        record.history.lost && !self.rejoined
    }

    /// Whether it has been a replica of this cluster, or its writer.
    pub fn has_followed(&self, record: &Record) -> bool {
        record.history.followed || self.rejoined
    }

    /// Whether it was gone or not ready, and has yet to prove itself.
    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Notes whom it replicates from.
    pub fn note_upstream(&mut self, upstream: Option<Upstream<ServerIndex>>, record: &Record) {
        if self.upstream != upstream {
            self.upstream_since = upstream.map(|_| record.facts_at);
        }
        self.upstream = upstream;
    }

    /// Whether it replicated from this member already when that was asked `at` some time, and has done
    /// so ever since.
    pub fn has_followed_since(&self, source: ServerIndex, at: Moment) -> bool {
        self.upstream == Some(Upstream::Member(source))
            && self.upstream_since.is_some_and(|since| since <= at)
    }

    /// When it was asked last and was no primary by its own word; `None` when it never was.
    pub fn last_denial(&self) -> Option<Moment> {
        self.denial
    }

    /// Its last good reply shows that it is no primary.
    pub fn note_denial(&mut self, record: &Record) {
        self.denial = Some(record.facts_at);
    }

    /// An earlier process has heard that it is no primary.
    pub fn restore_denial(&mut self, at: Option<Moment>) {
        self.denial = at;
    }

    /// How long it has been without a receiver; `None` when it has one, or nobody to receive from.
    pub fn detached_for(&self, now: Moment) -> Option<Duration> {
        self.detached_since.map(|since| now.since(since))
    }

    /// How long it has followed what the primary has left; `None` when it does not.
    pub fn astray_for(&self, now: Moment) -> Option<Duration> {
        self.dead_branch_since.map(|since| now.since(since))
    }

    /// A judgement begins: notes what new replies alone disprove.
    pub fn begin(&mut self, record: &Record) {
        if record.rewound > self.judged {
            self.left_on = None;
        }
    }

    /// A judgement has ended with this verdict: tells the record what it must know to fold what comes.
    pub fn end(&mut self, verdict: Verdict, record: &mut Record, now: Moment) {
        self.verdict = verdict;
        self.judged = record.replies;
        self.tell(record, now);
    }

    fn tell(&mut self, record: &mut Record, now: Moment) {
        if std::mem::take(&mut self.rejoined) {
            record.history.mark_followed();
        }
        if std::mem::take(&mut self.run_over) {
            record.end_run(now);
        }
    }

    /// The missing end of its history is looked at once: what it writes from then on says nothing of
    /// what it has lost.
    pub fn take_tail(&mut self, record: &Record) -> Option<LostTail> {
        let judged = std::mem::replace(&mut self.tail_judged, record.replies);
        record.history.lost_tail.filter(|_| judged != record.replies)
    }

    /// The server is gone or not ready. When it returns as a replica it must prove itself, and its
    /// first reply tells whether it is late, whatever was known before.
    pub fn mark_away(&mut self, record: &Record) {
        self.away = Some(record.replies);
        (self.beyond_primary, self.came_to) = (false, None);
        self.forget_freshness();
    }

    /// Notes the timeline that it has come to in recovery.
    pub fn note_recovery(&mut self, record: &Record) {
        if let Some(on) = record.postgres().and_then(PostgresFacts::standby_timeline)
            && self.arrival(Some(on)).is_none()
        {
            self.came_to = Some(Arrival {
                timeline: on,
                at: record.facts_came,
                came_to: record.postgres().and_then(PostgresFacts::standby_position),
                is_first: self.came_to.is_none(),
            });
        }
    }

    /// Since when it has been known to be in recovery on this timeline.
    pub fn in_recovery_since(&self, timeline: Option<u32>) -> Option<Moment> {
        self.arrival(timeline).map(|arrival| arrival.at)
    }

    /// How it was seen to come to this timeline, if it is in recovery there.
    pub fn arrival(&self, timeline: Option<u32>) -> Option<Arrival> {
        self.came_to.filter(|arrival| Some(arrival.timeline) == timeline)
    }

    /// It is proven to be on a branch that the cluster has left. `told` is since when everybody who could
    /// know better has been asked.
    pub fn leave_branch(&mut self, reason: StateReason, record: &Record, told: Option<Moment>) {
        self.left_behind = Some(reason);
        self.left_on = record.postgres().and_then(PostgresFacts::standby_timeline);
        let since = *self.left_since.get_or_insert(record.facts_came);
        self.left_for_sure |= told.is_some_and(|told| told >= since);
    }

    /// It is where the cluster is.
    pub fn return_to_branch(&mut self) {
        (self.left_behind, self.left_since, self.left_on) = (None, None, None);
        (self.left_for_sure, self.beyond_primary) = (false, false);
    }

    /// Enough good replies in a row bring back a server that was away.
    pub fn note_return(&mut self, record: &Record, rise: u32) {
        self.away = self.away.filter(|&mark| record.good_replies_since(mark) < u64::from(rise));
    }

    /// Good replies in a row since it was away; `None` when it is not.
    pub fn returned_replies(&self, record: &Record) -> Option<u64> {
        self.away.map(|mark| record.good_replies_since(mark))
    }

    /// It is back, whatever it has said since.
    pub fn mark_back(&mut self) {
        self.away = None;
    }

    /// Notes whether it is without a receiver although there is somebody to receive from.
    pub fn note_detached(&mut self, holds: bool, now: Moment) {
        self.detached_since = holds.then(|| self.detached_since.unwrap_or(now));
    }

    /// Notes whether it follows what the primary has left.
    pub fn note_astray(&mut self, holds: bool, now: Moment) {
        self.dead_branch_since = holds.then(|| self.dead_branch_since.unwrap_or(now));
    }

    /// Nothing measured of it means anything: its next measure decides.
    pub fn forget_freshness(&mut self) {
        self.gates.fill(LagGate::default());
    }

    /// It is fresh for every read name, without being measured.
    pub fn vouch_for_freshness(&mut self) {
        self.gates.iter_mut().for_each(LagGate::vouch);
    }

    /// It follows a primary: whatever it wrote on its own is gone.
    pub fn mark_followed(&mut self) {
        self.superseded = None;
        self.claim_history();
    }

    /// What it has is the cluster's, whoever is right.
    pub fn claim_history(&mut self) {
        self.rejoined = true;
    }

    /// What it has is the cluster's history, by an operator's word.
    pub fn accept_history(&mut self, record: &mut Record, now: Moment) {
        self.return_to_branch();
        self.dead_branch_since = None;
        self.mark_followed();
        self.tell(record, now);
    }

    /// Another server took over from it, or was right when both were writable.
    pub fn mark_superseded(
        &mut self,
        record: &Record,
        by: Option<ServerIndex>,
        heir: &GtidState,
        loss: Loss,
    ) {
        // One that was not heard since the start is where an earlier process has seen it.
        let remembered = || record.history.timeline;
        let timeline = record.facts.as_ref().map_or_else(remembered, Facts::shown_timeline);
        let claim = record.writable.map(|run| run.since);
        let heir = heir.clone();
        let lost = || Box::new(Superseded { by, timeline, heir, loss, claim });
        self.superseded.get_or_insert_with(lost);
    }

    /// It is gone: whatever it claims when it is back it claims anew.
    pub fn end_run(&mut self) {
        (self.run_over, self.left_office) = (true, true);
    }

    /// Notes the points that a new reply shows.
    pub fn note_shown(
        &mut self,
        record: &Record,
        points: impl Iterator<Item = (Stream, Position)>,
    ) {
        // A stream that was not there before has begun since.
        let (asked, watched) = (record.facts_at, !self.shown.is_empty());
        let before: BTreeMap<_, _> =
            self.shown.iter().map(|shown| (&shown.stream, shown)).collect();
        let shown = points.map(|(stream, position)| match before.get(&stream).copied() {
            Some(before) if before.position == position => before.clone(),
            before => {
                let rose = before.map_or(watched, |before| before.position < position);
                Shown { stream, position, since: asked, rose }
            }
        });
        let shown = shown.collect();
        self.shown = shown;
    }
}
