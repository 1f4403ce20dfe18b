//! What is right, by the words alone: a memory of what was said and published, which shares nothing
//! with the engine, and the promises that every answer must keep.

use std::time::Duration;

use pointsman::engine::Moment;

use crate::{
    word::{History, Word, is_ahead},
    world::Product,
};

/// A promise, by the name under which it is looked up in the table of allowed classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Promise {
    /// The published server has not said itself that it is not writable.
    Denied,
    /// Nobody is published on a failed probe, or on fewer than two replies that agree.
    Unconfirmed,
    /// Who succeeds has inherited. PostgreSQL: it is on a higher timeline than the last published
    /// writer was seen on. MySQL: it has lost nothing, was not left, and nobody who is not its own
    /// replica has more.
    Heir,
    /// A living, writable, published server is left for a proven newer history only.
    Deposed,
    /// A server whose volume was lost is not published.
    Stranger,
    /// The name is not emptied, but by the published server's own word or a member that was seen as
    /// a primary on a newer history.
    Emptied,
    /// The one server that may take writes is published in time.
    Unpublished,
    /// One odd word of a writer that is well again moves the name.
    NeedlessMove,
    /// The published server died, came back as it was, and nobody else was published: it is again.
    NotReturned,
    /// A restart with the memory of before changes nothing of what the write name says.
    Forgotten,
    /// Who is published in the end depends on who was heard first.
    WriteOrder,
    /// Who is read from in the end depends on who was heard first.
    ReadOrder,
}

/// More servers than any world has.
pub(crate) const SERVERS: usize = 3;

/// So long may a second writer be a doubt; beyond it the contest is settled, and the loser known.
const CONTEST: Duration = Duration::from_secs(3);

/// What is known of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    last: Option<Word>,
    before_last: Option<Word>,
    /// The last replies, failures aside.
    reply: Option<Word>,
    before_reply: Option<Word>,
    /// Replies in a row that claim to be writable, and agree.
    claims: u32,
    /// When the last run of such replies began, failures between them aside.
    run_since: Option<Moment>,
    /// Failures in a row, and refusals in a row at the end of them.
    silent: u32,
    refused: u32,
    /// The highest timeline on which it was seen as a primary.
    primary_on: u32,
    /// Its volume was lost, and it has not followed since.
    stranger: bool,
    /// The name was moved away from it to this server, or it lost a contest against that one, and
    /// it has not followed since.
    left_for: Option<usize>,
    /// Since when it has been a second writer beside the published one.
    rival_since: Option<Moment>,
}

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    product: Product,
    servers: usize,
    known: [Known; SERVERS],
    published: Option<usize>,
    /// The last published server, and the timeline that it has shown as such.
    writer: Option<usize>,
    writer_timeline: u32,
    since: Moment,
    /// Whether somebody else than the last published one has been published since the mark.
    moved: bool,
}

impl Known {
    fn hear(&mut self, word: Word, now: Moment) {
        (self.before_last, self.last) = (self.last, Some(word));
        if word.is_failure() {
            self.claims = 0;
            self.silent = if word == Word::Locked { 0 } else { self.silent + 1 };
            self.refused = if word == Word::Refused { self.refused + 1 } else { 0 };
            return;
        }
        let agrees = self.reply.is_none_or(|before| before.timeline() == word.timeline());
        let goes_on = agrees && self.reply.is_some_and(Word::claims);
        if word.claims() && !goes_on {
            self.run_since = Some(now);
        }
        self.claims = match word.claims() {
            true if agrees => self.claims + 1,
            true => 1,
            false => 0,
        };
        (self.before_reply, self.reply) = (self.reply, Some(word));
        (self.silent, self.refused) = (0, 0);
        match word {
            Word::Primary(timeline) => self.primary_on = timeline,
            // One that was never heard with a history has lost none: somebody begins with it.
            Word::Reinstalled => {
                self.stranger |= self.before_reply.is_some_and(|before| before != word);
            }
            Word::Replica { .. } => (self.stranger, self.left_for) = (false, None),
            _ => {}
        }
    }

    fn is_gone(&self) -> bool {
        self.refused >= 2 || self.silent >= 3
    }

    /// It lives and takes writes: two words in a row say so.
    fn takes_writes(&self) -> bool {
        self.claims >= 2
    }

    fn history(&self) -> History {
        self.reply.and_then(Word::history).unwrap_or("")
    }

    /// One of its last two replies says that it is not writable.
    fn has_denied(&self) -> bool {
        [self.reply, self.before_reply].into_iter().flatten().any(Word::denies)
    }
}

impl Ledger {
    pub(crate) fn new(product: Product, servers: usize) -> Self {
        Self {
            product,
            servers,
            known: [Known::default(); SERVERS],
            published: None,
            writer: None,
            writer_timeline: 0,
            since: Moment::START,
            moved: false,
        }
    }

    fn others(&self, server: usize) -> impl Iterator<Item = usize> {
        (0..self.servers).filter(move |&other| other != server)
    }

    /// The last published server.
    pub(crate) fn writer(&self) -> Option<usize> {
        self.writer
    }

    pub(crate) fn published(&self) -> Option<usize> {
        self.published
    }

    pub(crate) fn last(&self, server: usize) -> Option<Word> {
        self.known[server].last
    }

    pub(crate) fn mark(&mut self) {
        self.moved = false;
    }

    pub(crate) fn has_moved(&self) -> bool {
        self.moved
    }

    pub(crate) fn hear(&mut self, server: usize, word: Word, now: Moment) {
        let denied = self.known[server].reply.is_some_and(Word::denies);
        self.known[server].hear(word, now);
        if self.published == Some(server)
            && let Word::Primary(timeline) = word
        {
            self.writer_timeline = self.writer_timeline.max(timeline);
        }
        // It was seen to turn writable while its heir is gone: somebody wants it to take writes.
        if let Some(heir) = self.known[server].left_for
            && denied
            && word.claims()
            && self.known[heir].is_gone()
        {
            self.known[server].left_for = None;
        }
        for rival in 0..self.servers {
            self.note_rival(rival, now);
        }
    }

    fn note_rival(&mut self, rival: usize, now: Moment) {
        let lost = matches!(self.product, Product::MySql | Product::MariaDb)
            && self.published.is_some_and(|published| {
                published != rival
                    && self.known[published].takes_writes()
                    && self.known[rival].takes_writes()
                    && !self.known[rival].history().starts_with(self.known[published].history())
            });
        let known = &mut self.known[rival];
        if !lost {
            known.rival_since = None;
            return;
        }
        if now.since(*known.rival_since.get_or_insert(now)) >= CONTEST {
            known.left_for = self.published;
        }
    }

    /// Takes note of what is published now, and says which promise that breaks.
    pub(crate) fn publish(&mut self, write: Option<usize>, now: Moment) -> Option<Promise> {
        let before = self.published;
        let broken = match write {
            None => self.writer.filter(|&writer| self.is_emptied(writer)).map(|_| Promise::Emptied),
            Some(server) => self.broken_by(server),
        };
        if before != write {
            self.since = now;
        }
        self.published = write;
        if let Some(server) = write {
            if let Some(left) = self.writer.filter(|&writer| writer != server) {
                self.known[left].left_for = Some(server);
                self.known[server].left_for = None;
                self.moved = true;
                self.writer_timeline = 0;
            }
            self.writer = Some(server);
            if let Some(Word::Primary(timeline)) = self.known[server].reply {
                self.writer_timeline = self.writer_timeline.max(timeline);
            }
        }
        broken
    }

    fn broken_by(&self, server: usize) -> Option<Promise> {
        let known = &self.known[server];
        if known.last.is_some_and(Word::denies) {
            return Some(Promise::Denied);
        }
        if known.stranger && known.claims >= 2 {
            return Some(Promise::Stranger);
        }
        if self.published == Some(server) {
            return None;
        }
        let has_roles =
            matches!(self.product, Product::Postgres | Product::MySql | Product::MariaDb);
        let confirmed = if has_roles { known.claims >= 2 } else { known.claims >= 1 };
        let donor = known.last == Some(Word::Donor);
        let returns = self.writer == Some(server);
        if !confirmed && !donor && !returns {
            return Some(Promise::Unconfirmed);
        }
        let writer = self.writer.filter(|&writer| writer != server)?;
        if self.published == Some(writer)
            && self.known[writer].takes_writes()
            && !self.is_newer(server, writer)
            && !self.is_double(server, writer)
        {
            return Some(Promise::Deposed);
        }
        let inherits = self.has_inherited(server) || self.is_double(server, writer);
        (!inherits).then_some(Promise::Heir)
    }

    /// Whether two were promoted at nearly the same time: which of them is right is decided by other
    /// facts than who was heard first, and the name may move once more for it.
    fn is_double(&self, server: usize, writer: usize) -> bool {
        let (one, other) = (&self.known[server], &self.known[writer]);
        let together = |one: Moment, other| one.since(other).max(other.since(one)) <= CONTEST;
        let runs = one.run_since.zip(other.run_since);
        runs.is_some_and(|(one, other)| together(one, other))
            && one.primary_on == other.primary_on
            && !one.stranger
    }

    /// Whether `newer` was seen as a primary with a history beyond that of `older`, the writer.
    fn is_newer(&self, newer: usize, older: usize) -> bool {
        let (newer, older) = (&self.known[newer], &self.known[older]);
        match self.product {
            Product::Postgres => newer.primary_on > self.writer_timeline,
            Product::MySql | Product::MariaDb => {
                newer.reply.is_some_and(Word::claims) && is_ahead(newer.history(), older.history())
            }
            Product::Galera => false,
            Product::GroupReplication => newer.reply == Some(Word::Elected),
        }
    }

    /// Whether a server may take over from the last writer, which is another one.
    fn has_inherited(&self, server: usize) -> bool {
        let known = &self.known[server];
        match self.product {
            Product::Postgres => known.primary_on > self.writer_timeline,
            Product::MySql | Product::MariaDb => {
                !known.stranger && !self.is_superseded(server) && !self.is_behind(server)
            }
            Product::Galera | Product::GroupReplication => true,
        }
    }

    /// Whether a server was left for another one, or lost against it, and that still counts.
    fn is_superseded(&self, server: usize) -> bool {
        self.known[server].left_for.is_some_and(|heir| {
            let (known, heir) = (&self.known[server], &self.known[heir]);
            let contains = known.history().starts_with(heir.history());
            let gave_way = heir.last.and_then(Word::source) == Some(server);
            !contains && !gave_way && !heir.stranger
        })
    }

    /// Whether another server, which lives and is not its replica, has what this one lacks. The last
    /// writer may: asynchronous replicas lose its last words.
    fn is_behind(&self, server: usize) -> bool {
        self.others(server).filter(|&other| Some(other) != self.writer).any(|other| {
            let other = &self.known[other];
            let lives = other.last.is_some_and(|word| !word.is_failure());
            let follows = other.last.and_then(Word::source) == Some(server);
            lives
                && !follows
                && !other.stranger
                && is_ahead(other.history(), self.known[server].history())
        })
    }

    /// Whether the name has no reason to be empty while this one was the last writer.
    fn is_emptied(&self, writer: usize) -> bool {
        let known = &self.known[writer];
        if known.has_denied() || known.stranger {
            return false;
        }
        if self.others(writer).any(|other| self.is_newer(other, writer)) {
            return false;
        }
        // Once it is empty, two replies in a row fill it again.
        match self.published == Some(writer) {
            true => known.reply.is_some_and(Word::claims),
            false => known.takes_writes(),
        }
    }

    /// Who has to be published in the stillness, by when at the latest, if the words leave no doubt.
    /// `before` is the last published writer when it began.
    pub(crate) fn right(&self, before: Option<usize>) -> Option<(usize, Duration)> {
        let mut claim =
            (0..self.servers).filter(|&server| self.known[server].last.is_some_and(Word::claims));
        let server = claim.next().filter(|_| claim.next().is_none())?;
        let fed = self.others(server).any(|other| {
            self.known[other].last.and_then(Word::source).is_some_and(|of| of != server)
        });
        let known = &self.known[server];
        let old = self.writer.filter(|&writer| writer != server).map(|writer| &self.known[writer]);
        let before = before.filter(|&before| before != server);
        let locked = before.is_some_and(|old| self.known[old].last == Some(Word::Locked));
        let certain = match self.product {
            Product::Postgres => {
                let newest = self
                    .others(server)
                    .all(|other| self.known[other].primary_on < known.primary_on);
                let succeeds = old.is_none() || known.primary_on > self.writer_timeline;
                !fed && newest && succeeds
            }
            Product::MySql | Product::MariaDb => {
                let succeeds = old.is_none_or(|old| {
                    let ahead = is_ahead(known.history(), old.history());
                    ahead || old.is_gone() || !locked && known.history() == old.history()
                });
                !fed && succeeds && !known.stranger && self.has_inherited(server)
            }
            Product::Galera => !locked,
            Product::GroupReplication => true,
        };
        let bound = match self.product {
            Product::Postgres => 2,
            _ if locked || self.product == Product::GroupReplication => 45,
            Product::Galera => 6,
            _ => 20,
        };
        certain.then_some((server, Duration::from_secs(bound)))
    }

    /// Since when the name has said what it says.
    pub(crate) fn since(&self) -> Moment {
        self.since
    }
}
