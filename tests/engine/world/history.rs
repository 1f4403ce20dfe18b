//! Who wrote what and when: the identity of a history, and the clock of every change in it.

use pointsman::engine::Moment;

/// Who wrote: the server as it was installed then, and on which timeline.
///
/// The branch is known to the model alone: two servers that go on from one copy write different
/// histories, whatever they call themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    pub server: usize,
    /// How often that server had been installed anew.
    pub incarnation: u32,
    pub timeline: u32,
    pub branch: usize,
    /// The number before its first change: of this server on MySQL, of the domain on MariaDB.
    pub from: u64,
    /// MariaDB: the GTID domain.
    pub domain: u32,
}

/// Who wrote how many changes, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History(pub Vec<(Writer, u64)>);

impl History {
    pub(crate) fn length(&self) -> u64 {
        self.0.iter().map(|(_, changes)| changes).sum()
    }

    pub(crate) fn timeline(&self) -> u32 {
        self.0.last().map_or(1, |(writer, _)| writer.timeline)
    }

    pub(crate) fn add(&mut self, writer: Writer, changes: u64) {
        match self.0.last_mut() {
            Some((last, written)) if *last == writer => *written += changes,
            _ => self.0.push((writer, changes)),
        }
    }

    /// Whether `self` is a beginning of `other`, or all of it.
    pub(crate) fn begins(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.0, &other.0);
        ours.len() <= theirs.len()
            && ours.iter().zip(theirs).enumerate().all(|(at, (one, other))| {
                let last_of_ours = at + 1 == ours.len();
                one.0 == other.0 && (one.1 == other.1 || last_of_ours && one.1 < other.1)
            })
    }

    /// How many changes both have from the same writers.
    pub(crate) fn shared_with(&self, other: &Self) -> u64 {
        let mut shared = 0;
        for (one, other) in self.0.iter().zip(&other.0) {
            if one.0 != other.0 {
                break;
            }
            shared += one.1.min(other.1);
            if one.1 != other.1 {
                break;
            }
        }
        shared
    }

    /// The first so many changes.
    pub(crate) fn cut(&self, mut changes: u64) -> Self {
        let mut kept = Vec::new();
        for &(writer, written) in &self.0 {
            if changes == 0 {
                break;
            }
            kept.push((writer, written.min(changes)));
            changes -= written.min(changes);
        }
        Self(kept)
    }
}

/// When each branch had reached which length, counted from the beginning of the whole history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Vec<Vec<(Moment, u64)>>);

impl Journal {
    /// Opens another branch.
    pub(crate) fn branch(&mut self) -> usize {
        self.0.push(Vec::new());
        self.0.len() - 1
    }

    pub(crate) fn note(&mut self, branch: usize, now: Moment, length: u64) {
        self.0[branch].push((now, length));
    }

    /// How long a history was at a moment.
    pub(crate) fn length_at(&self, history: &History, moment: Moment) -> u64 {
        let mut below = history.length();
        for &(writer, changes) in history.0.iter().rev() {
            let entries = &self.0[writer.branch];
            let until = entries.partition_point(|(written, _)| *written <= moment);
            if let Some((_, length)) = entries[..until].last() {
                return below.min(*length);
            }
            below -= changes;
        }
        below
    }

    /// When the change after the first `length` ones of a history was written; `None` when the
    /// history ends there.
    pub(crate) fn written_after(&self, history: &History, length: u64) -> Option<Moment> {
        let mut reached = 0;
        for &(writer, changes) in &history.0 {
            reached += changes;
            if reached > length {
                let entries = &self.0[writer.branch];
                let at = entries.partition_point(|(_, known)| *known <= length);
                return entries.get(at).map(|(moment, _)| *moment);
            }
        }
        None
    }
}
