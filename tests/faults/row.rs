//! One row of the matrix: what happens, and what must be answered meanwhile, as data.

use std::{fmt, time::Duration};

use pointsman_testbed::group::Kind;

use crate::stage::Stage;

/// A fault and what is expected of Pointsman in each phase that it may strike in.
pub(crate) struct Row {
    /// Short and unique, for `POINTSMAN_FAULTS`.
    pub(crate) name: &'static str,
    /// What happens, for people; `docs/FAULTS.md` has it.
    pub(crate) story: &'static str,
    /// The engines to which it happens.
    pub(crate) kinds: &'static [Kind],
    /// Whom it befalls. When that is the primary, the fault itself is why the failover comes;
    /// when it is [`Place::B`], nobody tells that replica of the new primary until the fault ends.
    pub(crate) target: Place,
    /// How Pointsman is configured.
    pub(crate) settings: Settings,
    /// What is made ready before Pointsman starts, a proxy for example. All is well afterwards.
    pub(crate) prepare: Deed,
    /// The fault begins.
    pub(crate) begin: Deed,
    /// The fault ends. What is left to mend after that, [`Stage::restore`] mends.
    pub(crate) end: Deed,
    /// What is expected, by phase.
    pub(crate) courses: Vec<Course>,
    /// What the databases may log about the probe while the fault lasts.
    pub(crate) noise: Noise,
}

/// Something that is done to servers.
pub(crate) type Deed = fn(&mut Stage);

/// Rows that every engine has.
pub(crate) const ALL: &[Kind] = &[Kind::Postgres, Kind::MariaDb, Kind::MySql];
pub(crate) const POSTGRES: &[Kind] = &[Kind::Postgres];
pub(crate) const MARIADB: &[Kind] = &[Kind::MariaDb];
/// MySQL, and what came from it.
pub(crate) const MYSQLS: &[Kind] = &[Kind::MariaDb, Kind::MySql];

/// Who is who when the row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The primary.
    P,
    /// The replica that a failover promotes.
    A,
    /// The other replica.
    B,
}

/// When the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// All is well.
    Steady,
    /// The primary has just been killed, or the fault itself has befallen it; [`Place::A`] is
    /// promoted while the fault lasts.
    Failover,
    /// The fault is there when Pointsman starts.
    Start,
}

/// The expected timeline of one phase.
pub(crate) struct Course {
    pub(crate) phase: Phase,
    /// While the fault lasts; in a failover, after the promotion.
    pub(crate) during: Look,
    /// After its end, before anybody mends what is left.
    pub(crate) after: Look,
    /// What begins the fault in this phase, when it is not [`Row::begin`].
    pub(crate) begin: Option<Deed>,
    /// On the way to either there may be moments with nobody to write to, told by the servers.
    pub(crate) gap: bool,
    /// Readers that may be there on the way to what is seen during the fault, and after it.
    pub(crate) by_way_of: &'static [Place],
    /// States that must not come.
    pub(crate) never: &'static [(Place, &'static str)],
}

/// What must come to be seen, and then stay.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) write: Write,
    /// Exactly these.
    pub(crate) read: &'static [Place],
    /// The states that servers come into; any of those listed.
    pub(crate) states: &'static [(Place, &'static [&'static str])],
    /// How soon all of it.
    pub(crate) within: Duration,
}

/// What the write name says.
#[derive(Clone, Copy)]
pub(crate) enum Write {
    /// This server, and all is well.
    To(Place),
    /// This server, with these words in an Extended DNS Error.
    Held(Place, &'static str),
    /// One of A and B, with these words, and reads go there too.
    Either(&'static str),
    /// Nobody, with these words.
    Nobody(&'static str),
}

/// What may be in the database's log because of the probe while a fault lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// At most one line a minute and server.
    Quiet,
    /// More, for this reason.
    Loud(&'static str),
}

/// How Pointsman is configured for a row.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    /// `heartbeat_write`.
    pub(crate) heartbeats: bool,
    /// Questions may be left without a reply.
    pub(crate) mute: bool,
    /// Servers have certificates, and `tls` is `verify-full`.
    pub(crate) certificates: bool,
}

// Deadlines for a busy machine, which are no measure: `tests/bench/failover` measures.

/// For what the server says itself, or the kernel says for it.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(8);

/// For what only `fall` time-outs in a row tell.
pub(crate) const SOON: Duration = Duration::from_secs(16);

/// For what waits for a renewal of the session (10 s) or for the database itself.
pub(crate) const IN_TIME: Duration = Duration::from_secs(30);

impl Row {
    /// A row of every engine that befalls `target`, with no courses yet.
    pub(crate) fn new(name: &'static str, target: Place, story: &'static str) -> Self {
        Self {
            name,
            story,
            kinds: ALL,
            target,
            settings: Settings::default(),
            prepare: |_| {},
            begin: |_| {},
            end: |_| {},
            courses: Vec::new(),
            noise: Noise::Quiet,
        }
    }

    /// This is made ready before Pointsman starts; [`Stage::restore`] undoes it.
    pub(crate) fn prepare(self, prepare: Deed) -> Self {
        Self { prepare, ..self }
    }

    /// The fault is this.
    pub(crate) fn fault(self, begin: Deed, end: Deed) -> Self {
        Self { begin, end, ..self }
    }

    /// This is made ready before Pointsman starts.
    pub(crate) fn ready(self, prepare: Deed) -> Self {
        Self { prepare, ..self }
    }

    /// Pointsman itself is stopped at times, and owes no answers then.
    pub(crate) fn mute(self) -> Self {
        Self { settings: Settings { mute: true, ..self.settings }, ..self }
    }

    /// Every server has a good certificate, which Pointsman checks.
    pub(crate) fn certified(self) -> Self {
        Self { settings: Settings { certificates: true, ..self.settings }, ..self }
    }

    /// Only `kinds` of servers have this fault, or behave like this.
    pub(crate) fn only(self, kinds: &'static [Kind]) -> Self {
        Self { kinds, ..self }
    }

    /// The databases cannot but log more than a line a minute, for this reason.
    pub(crate) fn loud(self, reason: &'static str) -> Self {
        Self { noise: Noise::Loud(reason), ..self }
    }

    /// One more phase.
    pub(crate) fn course(mut self, course: Course) -> Self {
        self.courses.push(course);
        self
    }
}

/// A phase in which `during` is seen while the fault lasts and `after` after its end.
pub(crate) fn expect(phase: Phase, during: Look, after: Look) -> Course {
    Course { phase, during, after, begin: None, gap: false, by_way_of: &[], never: &[] }
}

impl Course {
    pub(crate) fn with_gap(self) -> Self {
        Self { gap: true, ..self }
    }

    /// In this phase the fault begins in another way.
    pub(crate) fn begun_by(self, begin: Deed) -> Self {
        Self { begin: Some(begin), ..self }
    }

    pub(crate) fn by_way_of(self, by_way_of: &'static [Place]) -> Self {
        Self { by_way_of, ..self }
    }

    pub(crate) fn never(self, never: &'static [(Place, &'static str)]) -> Self {
        Self { never, ..self }
    }
}

/// Writes go to this server, and all is well with that.
pub(crate) const fn to(place: Place, read: &'static [Place]) -> Look {
    look(Write::To(place), read)
}

/// Writes are held at this server, with these words.
pub(crate) const fn held(place: Place, words: &'static str, read: &'static [Place]) -> Look {
    look(Write::Held(place, words), read)
}

/// There is nobody to write to, with these words.
pub(crate) const fn nobody(words: &'static str, read: &'static [Place]) -> Look {
    look(Write::Nobody(words), read)
}

/// Writes and reads go to one of A and B, with these words.
pub(crate) const fn either(words: &'static str) -> Look {
    look(Write::Either(words), &[])
}

const fn look(write: Write, read: &'static [Place]) -> Look {
    Look { write, read, states: &[], within: AT_ONCE }
}

impl Look {
    pub(crate) const fn states(self, states: &'static [(Place, &'static [&'static str])]) -> Self {
        Self { states, ..self }
    }

    pub(crate) const fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }
}

impl Write {
    /// The server that is named.
    pub(crate) fn place(self) -> Option<Place> {
        match self {
            Self::To(place) | Self::Held(place, _) => Some(place),
            Self::Either(_) | Self::Nobody(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P => "P",
            Self::A => "A",
            Self::B => "B",
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steady => "steady",
            Self::Failover => "failover",
            Self::Start => "start",
        })
    }
}

/// `P and A`; the words stand in quotes.
impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.write {
            Write::To(place) => write!(f, "W {place}")?,
            Write::Held(place, words) => write!(f, "W {place} “{words}”")?,
            Write::Either(words) => return write!(f, "W and R A or B “{words}”"),
            Write::Nobody(words) => write!(f, "W – “{words}”")?,
        }
        let read: Vec<_> = self.read.iter().map(Place::to_string).collect();
        write!(f, ", R {}", read.join(" "))?;
        for (place, states) in self.states {
            write!(f, ", {place} {}", states.join(" or "))?;
        }
        Ok(())
    }
}
