//! What a monitor was told, server by server, and what it could know by that.

use std::time::Duration;

use pointsman::engine::{Facts, IoThread, Moment, Outcome, PostgresRole, Relation, Writability};

use super::truth::{Impostor, Truth};
use crate::world::World;

/// What it knows of one world.
#[derive(Clone)]
pub(super) struct Knowledge {
    pub servers: Vec<Told>,
    /// How far the cluster's history was shown to reach, and when that was first shown.
    shown: Vec<(Moment, u64)>,
    /// PostgreSQL: the highest timeline that any server of the cluster's history has shown.
    newest: Option<u32>,
    /// A primary of the cluster's history has been seen.
    has_seen_primary: bool,
    /// The last reign whose writer it has published.
    pub published_reign: Option<u32>,
    /// It has published a server that is no heir since it began without a memory.
    pub misled: bool,
    /// It has declared a split brain.
    pub split_brain: bool,
    /// A server has left its configuration for a time: what it knew of that one is forgotten.
    pub dropped: bool,
    /// It began without a memory, or with an old one, in the middle of the story.
    pub cold: bool,
}

/// What one server said.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// Its last facts.
    pub facts: Option<Facts>,
    pub facts_asked: Moment,
    /// Replies in a row that said writable.
    pub writable: u32,
    /// Good replies since it is what it is in the truth.
    pub replies: u32,
    /// Replies in a row that were later than the longest limit can excuse, by read name.
    pub late: Vec<u32>,
    /// It had shown what it had before it became what it is.
    pub was_known: bool,
    /// It was made anew, and has not been seen following anybody since.
    pub unproven: bool,
    /// It has been seen following somebody.
    pub attached: bool,
    /// It was writable beside the rightful writer, and lost that contest.
    pub lost_a_contest: bool,
    /// When it first said that it is writable, as what it is.
    writable_since: Option<Moment>,
}

impl Knowledge {
    pub(super) fn new(servers: usize) -> Self {
        Self {
            servers: vec![Told::default(); servers],
            shown: Vec::new(),
            newest: None,
            has_seen_primary: false,
            published_reign: None,
            misled: false,
            split_brain: false,
            dropped: false,
            cold: false,
        }
    }

    /// All that is known is forgotten.
    pub(super) fn forget(&mut self) {
        *self = Self { cold: true, ..Self::new(self.servers.len()) };
    }

    /// It is something else now, and nobody has been told yet.
    pub(super) fn begin_anew(&mut self, index: usize) {
        let told = &mut self.servers[index];
        let was_known = told.facts.is_some();
        *told = Told { facts: told.facts.take(), was_known, unproven: true, ..Told::default() };
    }

    /// The published, rightful writer has spoken: whoever was writable before that has lost to it.
    /// One that was published itself by then has taken over, as far as anybody can see.
    fn settle_contests(&mut self, writer: usize, asked: Moment) {
        for (index, told) in self.servers.iter_mut().enumerate() {
            let before = told.writable > 1 && told.writable_since.is_some_and(|it| it < asked);
            told.lost_a_contest |= index != writer && before;
        }
    }

    /// A reply that was asked at `asked`. The world is the one of that moment, or of one shortly
    /// after.
    pub(super) fn note(
        &mut self,
        index: usize,
        asked: Moment,
        outcome: &Outcome,
        seen: Seen,
        published: Option<usize>,
        limits: &[Duration],
    ) {
        let told = &mut self.servers[index];
        match outcome {
            Outcome::Answered(facts) => {
                told.writable = if facts.claims_writable() { told.writable + 1 } else { 0 };
                told.replies += 1;
                if facts.claims_writable() {
                    told.writable_since.get_or_insert(asked);
                } else {
                    told.writable_since = None;
                }
                told.unproven &= !is_attached(facts);
                told.attached |= is_attached(facts);
                told.facts = Some(facts.clone());
                told.facts_asked = asked;
            }
            Outcome::Failed(_) => {
                told.writable = 0;
                return;
            }
            Outcome::Witnessed(..) => return,
        }
        if seen.is_writer && published == Some(index) && self.servers[index].writable > 1 {
            self.settle_contests(index, asked);
        }
        let timeline = shown_timeline(outcome);
        if seen.shows > 0 {
            self.newest = self.newest.max(timeline);
            self.has_seen_primary |= is_primary(outcome);
        }
        // PostgreSQL numbers its timelines, and another promotion may have made the same number. Where no
        // primary was ever seen, nothing tells which of two is the cluster's.
        let looks_alike = seen.is_stray && (!self.has_seen_primary || timeline == self.newest);
        let reached = self.shown.partition_point(|(_, length)| *length <= seen.on_the_line);
        let missing = self.shown.get(reached).map(|(first, _)| asked.since(*first));
        let told = &mut self.servers[index];
        told.late.resize(limits.len(), 0);
        for (late, limit) in told.late.iter_mut().zip(limits) {
            let over = missing.is_some_and(|age| age > *limit + Duration::from_secs(3));
            *late = if over && !looks_alike { *late + 1 } else { 0 };
        }
        if self.shown.last().is_none_or(|(_, length)| *length < seen.shows) {
            self.shown.push((asked, seen.shows));
        }
    }

    /// The history goes on from there: what was beyond it is lost, and nobody lacks it.
    pub(super) fn fork_at(&mut self, length: u64) {
        self.shown.retain(|(_, shown)| *shown <= length);
    }

    /// Whether another server's last words are those of a primary with a newer history than that of
    /// `index`, or of one that is as good when a split brain empties the name.
    pub(super) fn is_challenged(&self, index: usize, by_any: bool) -> bool {
        let Some(ours) = &self.servers[index].facts else { return true };
        let others = self.servers.iter().enumerate().filter(|(other, _)| *other != index);
        others
            .filter_map(|(_, told)| told.facts.as_ref())
            .any(|theirs| by_any && theirs.claims_writable() || is_newer_primary(theirs, ours))
    }
}

/// What a reply shows of the cluster's history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// How much of it the server has replayed.
    on_the_line: u64,
    /// How far it shows that the history reaches.
    shows: u64,
    /// It is the rightful writer.
    is_writer: bool,
    /// It follows a promotion outside.
    is_stray: bool,
}

impl Seen {
    pub(super) fn of(index: usize, truth: &Truth, world: &World) -> Self {
        let (host, line) = (&world.hosts[index], truth.line(world));
        let shared = host.history.shared_with(line);
        let is_writer = index == truth.rightful && !truth.is_lost();
        let on_the_line = if is_writer { shared } else { shared.min(host.replayed) };
        // Only the writer's own word and what a follower has replayed is certain.
        let shows = if truth.impostors[index].is_none() { on_the_line } else { 0 };
        let is_stray = truth.impostors[index] == Some(Impostor::Stray);
        Self { on_the_line, shows, is_writer, is_stray }
    }
}

/// PostgreSQL: the timeline that a reply shows.
fn shown_timeline(outcome: &Outcome) -> Option<u32> {
    let Outcome::Answered(Facts::Postgres(facts)) = outcome else { return None };
    match facts.role {
        PostgresRole::Primary { timeline, .. } => Some(timeline),
        PostgresRole::Standby { timeline, recovery_timeline, .. } => {
            timeline.max(recovery_timeline)
        }
    }
}

/// Whether a reply is that of a PostgreSQL primary.
fn is_primary(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered(Facts::Postgres(facts))
        if matches!(facts.role, PostgresRole::Primary { .. }))
}

/// Whether a server says that it receives from another one.
fn is_attached(facts: &Facts) -> bool {
    match facts {
        Facts::Postgres(facts) => match facts.role {
            PostgresRole::Standby { receiver, .. } => receiver.is_attached(),
            PostgresRole::Primary { .. } => false,
        },
        Facts::MySql(facts) => {
            facts.channels.iter().flatten().any(|channel| channel.io == IoThread::Running)
        }
        Facts::Tcp => true,
    }
}

fn is_newer_primary(theirs: &Facts, ours: &Facts) -> bool {
    match (theirs, ours) {
        (Facts::Postgres(theirs), Facts::Postgres(ours)) => {
            let timeline = |role: &PostgresRole| match role {
                PostgresRole::Primary { timeline, .. } => Some(*timeline),
                PostgresRole::Standby { .. } => None,
            };
            timeline(&theirs.role) > timeline(&ours.role)
        }
        (Facts::MySql(theirs), Facts::MySql(ours)) => {
            let follows = theirs.channels.iter().flatten().any(|it| it.io == IoThread::Running);
            theirs.writability == Writability::Writable
                && !follows
                && matches!(theirs.gtid.relation(&ours.gtid), Relation::Ahead | Relation::Unknown)
        }
        _ => false,
    }
}
