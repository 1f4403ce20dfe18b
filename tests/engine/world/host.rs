//! One server of the model: what it really is, and what it is told to show.

use std::time::Duration;

use pointsman::engine::FailureKind;

use super::{
    errant::Errants,
    group::Membership,
    history::{History, Writer},
};

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub process: Process,
    pub role: Role,
    pub system: u64,
    /// Who wrote how many changes, oldest first: the identity of a history.
    pub history: History,
    /// As whom it writes while it is a primary.
    pub writes_as: Option<Writer>,
    /// Changes of the history that a standby has replayed.
    pub replayed: u64,
    pub paused: bool,
    /// The receiver is cut off from its upstream, which lives.
    pub unplugged: bool,
    /// The applier of a replica has stopped with an error.
    pub broken: bool,
    pub read_only: bool,
    /// In a ring: the server that it replicates from also as a primary.
    pub ring_of: Option<usize>,
    /// It answers, and writes hang.
    pub stalled: bool,
    /// Its probe is told to write a heartbeat.
    pub beats: bool,
    /// Every probe fails like this, whatever the server is.
    pub refuses: Option<FailureKind>,
    /// The monitor cannot reach it; the other servers can.
    pub cut_off: bool,
    /// How often a standby has heard from its upstream: changes, or a sign of life of an idle one.
    pub heard: u64,
    /// Ticks since then.
    pub quiet: u32,
    /// How often it was installed anew. MySQL makes a new uuid then.
    pub incarnation: u32,
    /// How often it was started: sessions do not outlive a start.
    pub starts: u32,
    /// `server_id`, which need not be its own alone.
    pub server_id: u32,
    /// MySQL: it was copied with `auto.cnf`, and carries the uuid of this one.
    pub uuid_of: Option<usize>,
    /// It replays only what is so old.
    pub lag: Duration,
    /// It is configured to replay only what is so old.
    pub delay: Duration,
    /// The lag that it shows itself, whatever it is.
    pub says_behind: Option<u64>,
    /// The probe may not see whether and from whom it replicates.
    pub hidden: bool,
    /// PostgreSQL: it recovers from an archive and has no receiver.
    pub archive: bool,
    /// PostgreSQL: the timeline in the control file, where it is not that of what it has.
    pub control_timeline: Option<u32>,
    /// PostgreSQL: the timeline of the receiver, where it is not that of what it has.
    pub received_timeline: Option<u32>,
    /// It follows a server outside, which was promoted there and goes on writing.
    pub stray: Option<Writer>,
    /// A channel that was stopped at the promotion and not removed: of whom.
    pub left_channel: Option<usize>,
    /// A second channel, from this member.
    pub second: Option<usize>,
    /// `STOP REPLICA`: neither thread of its channel runs.
    pub stopped: bool,
    /// What it has beside its history.
    pub errants: Errants,
    /// The same at the last tick.
    pub errants_before: Errants,
    /// MySQL and MariaDB: what it has written last is errant.
    pub errant_last: bool,
    /// A channel from a server outside the cluster.
    pub outside: Option<Outside>,
    /// Changes in the second GTID domain.
    pub side: u64,
    /// It leaves the second domain out.
    pub side_ignored: bool,
    /// Its applier of the second domain waits for a lock.
    pub side_blocked: bool,
    /// `RESET MASTER` at this length: GTIDs and positions count from here.
    pub reset_at: u64,
    /// Its probe task reports nothing.
    pub mute: bool,
    /// Percent of its probes that are lost.
    pub loss: usize,
    /// How long its replies take.
    pub slow: Duration,
    /// It belongs to a group.
    pub group: Option<Membership>,
}

/// A replication channel from a server that is no member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside {
    pub server_id: u32,
    pub running: bool,
    pub received: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    Running,
    /// Recovering after a start.
    Starting,
    Frozen,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Standby { of: usize },
}

impl Host {
    /// The server at this place, with the history of the founder.
    pub(crate) fn new(index: usize, founder: Writer, history: History) -> Self {
        Self {
            process: Process::Running,
            role: if index == 0 { Role::Primary } else { Role::Standby { of: 0 } },
            system: 1,
            replayed: history.length(),
            history,
            writes_as: (index == 0).then_some(founder),
            paused: false,
            unplugged: false,
            broken: false,
            read_only: false,
            ring_of: None,
            stalled: false,
            beats: false,
            refuses: None,
            cut_off: false,
            heard: 0,
            quiet: 0,
            incarnation: 0,
            starts: 0,
            server_id: u32::try_from(index + 1).expect("few servers"),
            uuid_of: None,
            lag: Duration::ZERO,
            delay: Duration::ZERO,
            says_behind: None,
            hidden: false,
            archive: false,
            control_timeline: None,
            received_timeline: None,
            stray: None,
            left_channel: None,
            outside: None,
            side: 0,
            side_ignored: false,
            second: None,
            stopped: false,
            errants: Errants::default(),
            errants_before: Errants::default(),
            errant_last: false,
            side_blocked: false,
            reset_at: 0,
            mute: false,
            loss: 0,
            slow: Duration::ZERO,
            group: None,
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.process == Process::Running
    }

    pub(crate) fn takes_writes(&self) -> bool {
        let may = match &self.group {
            Some(member) => member.takes_writes(),
            None => self.role == Role::Primary,
        };
        self.runs() && may && !self.read_only && !self.stalled
    }

    /// Installed anew on an empty disk or from a copy: what was set on the old one is gone.
    pub(super) fn reinstall(&mut self) {
        self.process = Process::Running;
        self.incarnation += 1;
        self.starts += 1;
        self.writes_as = None;
        (self.paused, self.unplugged, self.broken, self.stalled) = (false, false, false, false);
        (self.ring_of, self.left_channel, self.stray) = (None, None, None);
        (self.control_timeline, self.received_timeline) = (None, None);
        (self.lag, self.says_behind, self.uuid_of) = (Duration::ZERO, None, None);
        (self.archive, self.side_blocked, self.reset_at) = (false, false, 0);
        (self.second, self.stopped, self.errant_last) = (None, false, false);
        self.errants = Errants::default();
        self.errants_before = Errants::default();
    }
}
