//! How far a server's transactions reach, stream by stream.

use super::{GtidState, ending_from};
use crate::engine::Stream;

/// Intervals of one source, from its last, that are streams of their own. A group has nine members at
/// most.
const BLOCKS: usize = 16;

impl GtidState {
    /// How far it reaches in each stream, with the `server_id` of the last transaction where the
    /// stream does not name its source.
    ///
    /// A set with gaps reaches to the end of its first interval: what comes later may have overtaken
    /// what is missing. The others are streams of their own, for a gap may be there to stay: members
    /// of a group take their numbers from blocks.
    pub fn reach(&self) -> Vec<(Stream, u64, Option<u32>)> {
        match self {
            Self::Unknown => Vec::new(),
            Self::MySql(set) => {
                let streams = set.0.iter().flat_map(|(source, intervals)| {
                    let later = intervals.iter().enumerate().skip(1);
                    let blocks = later.skip(intervals.len().saturating_sub(1 + BLOCKS));
                    let streams = intervals.first().map(|&(_, last)| (source.clone(), last));
                    let named = blocks.map(move |(_, &(first, last))| (block(source, first), last));
                    streams.into_iter().chain(named)
                });
                streams.map(|(source, last)| (Stream::Source(source), last, None)).collect()
            }
            Self::MariaDb(state) => {
                let last = state.last.iter();
                last.map(|(&domain, &(server, last))| (Stream::Domain(domain), last, Some(server)))
                    .collect()
            }
        }
    }

    /// How far it reaches in one stream; `None` when it shows nothing of it.
    pub(in crate::engine) fn reaches(&self, stream: &Stream) -> Option<u64> {
        match (self, stream) {
            (Self::MySql(set), Stream::Source(name)) => {
                let (source, first) = source_and_first(name);
                ending_from(set.0.get(source)?, first).map(|(_, last)| last)
            }
            (Self::MariaDb(state), Stream::Domain(domain)) => {
                state.last.get(domain).map(|(_, last)| *last)
            }
            _ => None,
        }
    }

    /// The same of a replica, which is server `number`: what it has written itself and `had` lacks
    /// is no part of the stream. Such a number may be higher than all that it has received.
    ///
    /// Nor is what others have written, when it lacks the last transaction of `had`: then the two have
    /// gone different ways, and what they have in common counts.
    pub(in crate::engine) fn reaches_as_replica(
        &self,
        stream: &Stream,
        number: u32,
        had: &Self,
    ) -> Option<u64> {
        let (Self::MariaDb(own), Self::MariaDb(had), Stream::Domain(domain)) = (self, had, stream)
        else {
            return self.reaches(stream);
        };
        let (server, last) = *own.last.get(domain)?;
        let known = |of: u32| had.seen.get(&(*domain, of)).copied();
        let in_domain = || own.seen.iter().filter(|((of, _), _)| of == domain);
        if server == number {
            let received = in_domain().filter(|((_, of), _)| *of != number);
            let written = known(number).map(|known| known.min(last));
            return received.map(|(_, last)| *last).chain(written).max();
        }
        let has = |of: u32| own.seen.get(&(*domain, of)).copied();
        let lacks_end = had.last.get(domain).is_some_and(|&(of, end)| has(of) < Some(end));
        if !lacks_end || known(server) >= Some(last) {
            return Some(last);
        }
        let shared = in_domain().filter_map(|((_, of), last)| Some(known(*of)?.min(*last)));
        Some(shared.max().unwrap_or(0))
    }
}

/// The name of a stream of a source that begins after a gap.
fn block(source: &str, first: u64) -> Box<str> {
    format!("{source}:{first}").into()
}

/// The source of a stream, and where it begins after a gap, or the very beginning.
fn source_and_first(name: &str) -> (&str, u64) {
    let block =
        name.rsplit_once(':').and_then(|(source, first)| Some((source, first.parse().ok()?)));
    block.unwrap_or((name, 0))
}

impl Stream {
    /// Whether it begins after a gap, which may close.
    pub(in crate::engine) fn begins_after_a_gap(&self) -> bool {
        matches!(self, Self::Source(name) if source_and_first(name).1 > 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{GtidSet, GtidState, Stream};

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn mysql(text: &str) -> GtidState {
        GtidSet::parse(text).expect("a GTID set").into()
    }

    #[test]
    fn what_follows_a_gap_is_a_stream_of_its_own() {
        let stream = |name: &str| Stream::Source(format!("{A}{name}").into());
        let group = mysql(&format!("{A}:1-90:1000000-1000300"));
        let shown: Vec<_> = group.reach().into_iter().map(|(name, last, _)| (name, last)).collect();
        assert_eq!(shown, [(stream(""), 90), (stream(":1000000"), 1_000_300)]);
        let reaches = |set: &str, name: &str| mysql(&format!("{A}:{set}")).reaches(&stream(name));
        assert_eq!(reaches("1-90:1000000-1000200", ":1000000"), Some(1_000_200));
        assert_eq!(reaches("1-90", ":1000000"), None);
        assert_eq!(reaches("1-5:7-90", ""), Some(5), "what is missing may be locked");
        assert_eq!(reaches("50-90", ""), Some(90), "its beginning came with a copy");
        assert_eq!(reaches("1-2000000", ":1000000"), Some(2_000_000), "the gap has closed");
        let tagged = mysql(&format!("{A}:tag:1-4:8-9"));
        let last = tagged.reach().pop().expect("two streams");
        assert_eq!(last.0, stream(":tag:8"));
        assert!(last.0.begins_after_a_gap() && !stream(":tag").begins_after_a_gap());
    }

    #[test]
    fn numbers_of_two_histories_are_no_measure() {
        let state = |last: &str, seen: &str| {
            let parsed = crate::engine::BinlogState::parse(last, seen, "");
            GtidState::from(parsed.expect("GTIDs"))
        };
        let domain = Stream::Domain(0);
        let had = state("0-2-340", "0-1-200,0-2-340");
        let reaches = |it: GtidState| it.reaches_as_replica(&domain, 3, &had);
        assert_eq!(reaches(state("0-1-410", "0-1-410")), Some(200), "it has gone another way");
        assert_eq!(reaches(state("0-4-900", "0-4-900")), Some(0), "nothing is common");
        assert_eq!(reaches(state("0-1-190", "0-1-190")), Some(190), "it is late");
        assert_eq!(reaches(state("0-4-350", "0-1-200,0-2-340,0-4-350")), Some(350), "it goes on");
    }
}
