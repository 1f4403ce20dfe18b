//! What one server was last known to have.
//!
//! A colleague keeps a diary with numbered pages and says now and then how far he is. Yesterday it
//! was page 100. If he says 40 today, this is not that diary: he has bought another one, or found an
//! old copy of it. We do not believe what it says of our common past until he has copied ours. If he
//! says 99, he may only have fallen into the water with page 100 still wet.
//!
//! A primary is at 100 at 10 s and at 500 at 13 s. It falls silent, and something answers in its
//! place. With 300 it is the same server, whose crash has lost the last moment: 100 was seen for more
//! than 2 s and is surely on its disk, and 500 was not. With 50 it has lost its history.
//!
//! A history never shrinks by itself. A server whose transactions no longer contain its own, or that
//! calls itself by another UUID, was installed anew or restored from an older copy while nobody
//! looked: it proves nothing until it has followed.

use std::time::Duration;

use super::{
    Facts, GtidState, Moment, MySqlFacts, Position, PostgresFacts, PostgresRole, Relation,
    RememberedHistory, ServerIndex, Writability,
};

/// The memory of what one server has.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// MySQL: its `server_uuid`.
    pub uuid: Option<Box<str>>,
    /// MySQL and MariaDB: its `server_id`; 0 when unknown.
    pub server_id: u32,
    /// MySQL and MariaDB: its transactions.
    pub gtid: GtidState,
    /// MySQL and MariaDB: those that it had written itself before it turned writable last.
    pub wrote_before: GtidState,
    /// MySQL and MariaDB: which of them a crash does not lose.
    flushed: Option<Box<Flushed>>,
    /// PostgreSQL: its system identifier.
    system: Option<u64>,
    /// PostgreSQL: what the system had that answered there before this one.
    earlier: Option<Box<Self>>,
    /// PostgreSQL: the timeline that it last wrote on, or has come to as a standby.
    pub timeline: Option<u32>,
    /// PostgreSQL: where it last wrote as a primary.
    written: Option<Written>,
    /// PostgreSQL: how far it was seen on which timeline, writing or receiving.
    pub reached: Option<(u32, Position)>,
    /// PostgreSQL: where it was first seen to write on its timeline: the fork, or somewhat later.
    pub began: Option<(u32, Position)>,
    /// It has lost what it had, and has not followed since.
    pub lost: bool,
    /// When that was seen first; at the start when an earlier process saw it.
    pub lost_since: Moment,
    /// By its last reply it has the beginning of what it had: a crash may lose the end of a binary
    /// log.
    pub lost_tail: Option<LostTail>,
    /// It has been a replica of this cluster, or its writer.
    pub followed: bool,
    /// It has been heard since the start of the process.
    heard: bool,
}

/// How far a PostgreSQL primary has written.
#[derive(Clone, Copy, Debug)]
struct Written {
    last: Position,
    at: Moment,
    /// A point that is surely on its disk: a crash of the host may lose what is younger.
    durable: Option<Position>,
}

impl Written {
    /// After so long what a primary has written is on its disk, whatever `synchronous_commit` says:
    /// the WAL writer flushes at least every three `wal_writer_delay` (manual, "Asynchronous
    /// Commit"), which is 30 s at the very most and 0.6 s by default.
    const DURABLE_AFTER: Duration = Duration::from_secs(2);

    /// A point that is surely on its disk now.
    fn surely(self, now: Moment) -> Option<Position> {
        let is_settled = now.since(self.at) >= Self::DURABLE_AFTER;
        if is_settled { Some(self.last) } else { self.durable }
    }
}

/// A server that has only the beginning of what it had, or calls itself by another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostTail {
    /// It has all that it had, under another UUID.
    Nothing,
    /// It has all that was surely on its disk.
    Unflushed,
    /// It was not known for long enough to tell what was on its disk.
    Unknown,
}

/// What is surely on the disk of a MySQL or MariaDB server.
#[derive(Clone, Debug)]
struct Flushed {
    last: GtidState,
    at: Moment,
    durable: Option<GtidState>,
}

impl Flushed {
    /// A process that crashes loses no more than the last moment of its binary log.
    const AFTER_CRASH: Duration = Duration::from_secs(2);

    /// With `sync_binlog = 0`, MariaDB's default, the kernel writes it, after half a minute
    /// (proc_sys_vm(5), dirty_expire_centisecs): so much a host may lose with it.
    const AFTER_POWER_CUT: Duration = Duration::from_secs(60);

    fn note(known: &mut Option<Box<Self>>, gtid: &GtidState, now: Moment) {
        let Some(known) = known else {
            *known = Some(Box::new(Self { last: gtid.clone(), at: now, durable: None }));
            return;
        };
        let after = match known.durable {
            None => Self::AFTER_CRASH,
            Some(_) => Self::AFTER_POWER_CUT,
        };
        if now.since(known.at) >= after {
            known.durable = Some(std::mem::replace(&mut known.last, gtid.clone()));
            known.at = now;
        }
    }
}

/// What a reply makes of the history before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It goes on.
    GoesOn,
    /// The server that went on running has begun it anew (`RESET BINARY LOGS AND GTIDS`).
    Reset,
    /// It is another one.
    Lost,
    /// It is another cluster's.
    Replaced,
}

impl History {
    /// Folds in one reply. `interrupted` when anything else than good replies came since the last;
    /// `led` when the last one said that it was writable.
    pub fn fold(&mut self, facts: &Facts, interrupted: bool, led: bool, now: Moment) -> Continuity {
        let interrupted = interrupted || !self.heard;
        let continuity = match facts {
            // A standby becomes a primary of the same timeline by a restart only.
            Facts::Postgres(facts) => self.fold_postgres(facts, interrupted || !led, now),
            Facts::MySql(facts) => self.fold_mysql(facts, interrupted, led, now),
            Facts::Tcp => Continuity::GoesOn,
        };
        self.heard = true;
        if continuity == Continuity::Lost {
            self.lost_since = if self.lost { self.lost_since } else { now };
            (self.lost, self.followed) = (true, false);
        }
        continuity
    }

    /// It follows a primary of this cluster: what it has is the cluster's.
    pub fn mark_followed(&mut self) {
        (self.lost, self.followed) = (false, true);
    }

    /// MySQL and MariaDB: its transactions but for those that it wrote itself: errant ones of a replica
    /// are nobody's heritage.
    pub fn inherited(&self) -> GtidState {
        self.gtid.without(self.uuid.as_deref(), self.server_id)
    }

    /// MySQL and MariaDB: it turns writable, and had this before.
    pub fn note_turn(&mut self, before: &GtidState) {
        self.wrote_before = before.begun_on(self.uuid.as_deref(), self.server_id);
    }

    /// MySQL and MariaDB: those that it had written itself by its last word that it was no primary.
    /// `leads` when it has turned writable since, or has not been heard since the start.
    pub fn written_before(&self, leads: bool) -> GtidState {
        if leads { self.wrote_before.clone() } else { self.written() }
    }

    /// MySQL and MariaDB: whether it carries the same mark as another one, as a copy does: what
    /// either writes has the numbers of both.
    pub fn has_mark_of(&self, other: &Self) -> bool {
        match (&self.uuid, &other.uuid) {
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            (None, None) => self.server_id != 0 && self.server_id == other.server_id,
            _ => false,
        }
    }

    /// MySQL and MariaDB: those that it wrote itself.
    pub fn written(&self) -> GtidState {
        self.gtid.begun_on(self.uuid.as_deref(), self.server_id)
    }

    /// MySQL and MariaDB: whether `other` has all that this one has, and more of the heritage `had`
    /// that it has not written itself.
    pub fn is_behind(&self, other: &Self, had: &GtidState) -> bool {
        other.inherited().known_to(had).relation(&self.gtid) == Relation::Ahead
    }

    /// The same, but for what this one has written itself.
    pub fn has_inherited_less(&self, other: &Self, had: &GtidState) -> bool {
        let ours = self.inherited().without(other.uuid.as_deref(), other.server_id);
        let theirs = other.inherited().without(self.uuid.as_deref(), self.server_id);
        theirs.known_to(had).relation(&ours.known_to(had)) == Relation::Ahead
    }

    fn fold_mysql(
        &mut self,
        facts: &MySqlFacts,
        interrupted: bool,
        led: bool,
        now: Moment,
    ) -> Continuity {
        // A replica begins its own anew only to be built anew.
        let leads = led && facts.writability == Writability::Writable;
        let known = self.uuid.as_deref();
        let renamed = known
            .zip(facts.identity.uuid.as_deref())
            .is_some_and(|(old, new)| !old.eq_ignore_ascii_case(new));
        let shrunk = facts.gtid.contains(&self.gtid) == Some(false);
        let is_beginning = shrunk && !renamed && self.gtid.contains(&facts.gtid) == Some(true);
        let durable = self.flushed.as_ref().and_then(|flushed| flushed.durable.as_ref());
        let has_all =
            renamed && !self.gtid.is_empty() && facts.gtid.contains(&self.gtid) == Some(true);
        self.lost_tail = match durable.filter(|durable| !durable.is_empty()) {
            // Whatever it is called now, it has lost nothing.
            _ if has_all => Some(LostTail::Nothing),
            _ if !is_beginning || facts.gtid.is_empty() => None,
            Some(durable) => {
                (facts.gtid.contains(durable) == Some(true)).then_some(LostTail::Unflushed)
            }
            None => Some(LostTail::Unknown),
        };
        if renamed || shrunk {
            self.flushed = None;
        }
        if facts.identity.uuid.is_some() {
            self.uuid.clone_from(&facts.identity.uuid);
        }
        if facts.identity.server_id != 0 {
            self.server_id = facts.identity.server_id;
        }
        if !facts.gtid.is_unknown() {
            self.gtid.clone_from(&facts.gtid);
            Flushed::note(&mut self.flushed, &facts.gtid, now);
        }
        match (renamed, shrunk) {
            (true, _) => Continuity::Lost,
            (false, true) if interrupted || !leads => Continuity::Lost,
            (false, true) => Continuity::Reset,
            (false, false) => Continuity::GoesOn,
        }
    }

    fn fold_postgres(
        &mut self,
        facts: &PostgresFacts,
        interrupted: bool,
        now: Moment,
    ) -> Continuity {
        let replaced = self.system.is_some_and(|system| system != facts.system_identifier)
            && !self.go_over_to(facts.system_identifier);
        self.system = Some(facts.system_identifier);
        let PostgresRole::Primary { timeline, position, .. } = facts.role else {
            let timeline = facts.standby_timeline().or(self.timeline);
            self.written = self.written.filter(|_| timeline == self.timeline);
            self.timeline = timeline;
            self.began = None;
            self.reached = self.reached_as_standby(facts);
            return if replaced { Continuity::Replaced } else { Continuity::GoesOn };
        };
        let before = self.written.filter(|_| self.timeline == Some(timeline));
        let older = self.timeline.is_some_and(|known| timeline < known);
        let shorter = before.and_then(|written| written.durable).is_some_and(|it| position < it)
            || self.reached.is_some_and(|(on, end)| on < timeline && position < end);
        let durable = before.and_then(|written| written.surely(now));
        self.timeline = Some(timeline);
        self.reached = Some((timeline, position));
        self.began = self.began.filter(|(on, _)| *on == timeline).or(self.reached);
        self.written = match before {
            Some(written) if now.since(written.at) < Written::DURABLE_AFTER && !shorter => {
                Some(Written { durable, ..written })
            }
            _ => Some(Written { last: position, at: now, durable: durable.filter(|_| !shorter) }),
        };
        match interrupted && (older || shorter) {
            _ if replaced => Continuity::Replaced,
            true => Continuity::Lost,
            false => Continuity::GoesOn,
        }
    }

    /// Another system answers: goes over to what is known of it, and keeps what this one had. Returns
    /// whether it is one that has answered before, with what it had then.
    ///
    /// Whether another one belongs here is not a question of its history.
    fn go_over_to(&mut self, system: u64) -> bool {
        let mut before = std::mem::take(self);
        let earlier = before.earlier.take();
        match earlier.filter(|earlier| earlier.system == Some(system)) {
            Some(earlier) => {
                *self = *earlier;
                true
            }
            None => {
                let system = Some(system);
                *self = Self { system, earlier: Some(Box::new(before)), ..Self::default() };
                false
            }
        }
    }

    fn reached_as_standby(&self, facts: &PostgresFacts) -> Option<(u32, Position)> {
        let PostgresRole::Standby { receiver, timeline, replayed, .. } = facts.role else {
            return None;
        };
        match receiver.is_attached() {
            true => timeline.zip(replayed),
            // Whoever shows less than before was built anew.
            false => self.reached.filter(|(_, end)| replayed >= Some(*end)),
        }
    }

    /// Whether a server that came up with this history may be on the volume that another one has left:
    /// it has what was surely on that one's disk, as far as anything is known of it.
    pub fn goes_on_from(&self, left: &Self) -> bool {
        let surely = left.written.and_then(|written| written.durable);
        let point = left.timeline.zip(surely);
        let is_known = point.is_some() || left.heard || left.timeline.is_none();
        let lsn = left.timeline <= self.timeline && is_known && point <= self.reached;
        let flushed = left.flushed.as_ref().and_then(|flushed| flushed.durable.as_ref());
        // Of one that an earlier process knew nothing tells what was on its disk.
        let durable = flushed.or_else(|| Some(&left.gtid).filter(|_| !left.heard));
        lsn && durable.is_none_or(|durable| self.gtid.contains(durable) != Some(false))
    }

    /// What a restart must not forget at this moment; `None` when nothing is known.
    pub fn remember(&self, server: ServerIndex, now: Moment) -> Option<RememberedHistory> {
        let known = self.uuid.is_some()
            || self.server_id != 0
            || self.timeline.is_some()
            || !self.gtid.is_unknown();
        known.then(|| RememberedHistory {
            server,
            uuid: self.uuid.clone(),
            server_id: self.server_id,
            timeline: self.timeline,
            reached: self.reached,
            durable: self.written.and_then(|written| written.surely(now)),
            gtid: self.gtid.clone(),
            lost: self.lost,
            followed: self.followed,
            denial: None,
            left_behind: None,
            cannot_write: false,
        })
    }

    /// What an earlier process has known.
    pub fn restored(remembered: &RememberedHistory) -> Self {
        Self {
            uuid: remembered.uuid.clone(),
            server_id: remembered.server_id,
            gtid: remembered.gtid.clone(),
            // It turned writable later.
            wrote_before: remembered
                .denial
                .as_ref()
                .map(|it| it.written.clone())
                .unwrap_or_default(),
            flushed: None,
            system: None,
            earlier: None,
            timeline: remembered.timeline,
            written: remembered.durable.map(|last| Written {
                last,
                at: Moment::START,
                durable: Some(last),
            }),
            reached: remembered.reached,
            began: None,
            lost: remembered.lost,
            lost_since: Moment::START,
            lost_tail: None,
            followed: remembered.followed,
            heard: false,
        }
    }
}
