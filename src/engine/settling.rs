//! Stable or settling: whether an answer may change soon.
//!
//! Under a blue sky people plan the whole day. When the first cloud comes up they look out of the
//! window every few minutes, and they do so until the sky has been clear for a while, not only until
//! that one cloud is gone. Rain that has fallen since the morning is no cloud: everybody knows it.
//!
//! At 100 s a replica misses a probe, and at 101 s it answers again. From 100 s on answers live for
//! `ttl_unstable`, and they do until 160 s. At 130 s another server misses one: now the cluster is stable at
//! 190 s. A replica that dies is a doubt while its failures are too few to tell, and a change when it
//! is Down; a minute later it is known, and answers live for `ttl` again though it stays Down.
//!
//! A cluster begins to settle with the first doubt anywhere in it, so that short-lived answers are out
//! before the change that they are for, and lasts until nothing has been in doubt and nothing has
//! changed for [`Thresholds::STABLE_AFTER`]. A cluster begins by settling. What an operator lays over
//! it, or takes away, is a change.
//!
//! A doubt is what the next probes may settle. A server that has been Down for hours, or a replica
//! that does not let the probe in, is known and no doubt: its return is announced by the first
//! good replies, which are one. A missing or held writer is a doubt for as long as it lasts, for
//! everybody waits for its successor.

use super::{
    Moment, ReadReason, ServerState, Stability, StateReason, Thresholds, WriteReason,
    conclusion::Conclusion, record::Record, trouble::Liveness,
};

/// When a cluster was last in doubt, and what that makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Settling {
    /// The last time of a doubt or a change.
    last: Moment,
    stability: Stability,
}

impl Settling {
    pub fn new(now: Moment) -> Self {
        Self { last: now, stability: Stability::Settling }
    }

    /// One judgement: whether anything is in doubt or has changed at `now`.
    pub fn note(&mut self, stirring: bool, now: Moment) {
        if stirring {
            self.last = now;
        }
        self.stability = match now < self.ends() {
            true => Stability::Settling,
            false => Stability::Stable,
        };
    }

    pub fn stability(&self) -> Stability {
        self.stability
    }

    /// When the cluster is stable if nothing stirs before; `None` when it is.
    pub fn deadline(&self) -> Option<Moment> {
        (self.stability == Stability::Settling).then(|| self.ends())
    }

    fn ends(&self) -> Moment {
        self.last + Thresholds::STABLE_AFTER
    }
}

/// Whether a write name with this reason waits for another one. One that an operator has settled
/// waits for nobody but the operator.
pub fn awaits_writer(reason: WriteReason) -> bool {
    !matches!(
        reason,
        WriteReason::Primary
            | WriteReason::MostPreferred
            | WriteReason::Incumbent
            | WriteReason::Held(ServerState::Misconfigured)
            | WriteReason::Pinned
            | WriteReason::HeldPinned(ServerState::Misconfigured)
            | WriteReason::PinnedUnsafe(_)
            | WriteReason::Drained
            | WriteReason::Frozen
            | WriteReason::Maintenance
    )
}

/// Whether a read name with this reason takes any server that comes back.
pub fn awaits_readers(reason: ReadReason) -> bool {
    matches!(
        reason,
        ReadReason::NotReady
            | ReadReason::Remembered
            | ReadReason::LastKnown
            | ReadReason::Isolated
    )
}

/// Whether the next replies of a server, or their absence, may change its verdict.
pub fn is_unsettled(
    record: &Record,
    conclusion: &Conclusion,
    thresholds: &Thresholds,
    now: Moment,
) -> bool {
    let reason = conclusion.verdict.reason;
    let waits = matches!(reason, StateReason::WritableUnconfirmed | StateReason::Returning);
    waits
        || record.witnesses.is_in_doubt()
        || match record.liveness(thresholds, now) {
            Liveness::Doubtful(_) => true,
            // Gates and heart stand still while it does not answer.
            Liveness::Answering => {
                record.heart.is_in_doubt(now)
                    || conclusion.gates.iter().any(|gate| gate.is_in_doubt())
            }
            Liveness::Unheard | Liveness::ProbeSilent | Liveness::Alive(_) | Liveness::Gone(_) => {
                false
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    #[test]
    fn stability_comes_a_minute_after_the_last_doubt() {
        let mut settling = Settling::new(at(1));
        assert_eq!(
            (settling.stability(), settling.deadline()),
            (Stability::Settling, Some(at(61)))
        );
        settling.note(true, at(10));
        assert_eq!(
            (settling.stability(), settling.deadline()),
            (Stability::Settling, Some(at(70)))
        );
        settling.note(false, at(69));
        assert_eq!(
            (settling.stability(), settling.deadline()),
            (Stability::Settling, Some(at(70)))
        );
        settling.note(false, at(70));
        assert_eq!((settling.stability(), settling.deadline()), (Stability::Stable, None));
        settling.note(true, at(500));
        assert_eq!(
            (settling.stability(), settling.deadline()),
            (Stability::Settling, Some(at(560)))
        );
    }

    #[test]
    fn a_held_or_missing_writer_is_waited_for_unless_we_know_why() {
        assert!(awaits_writer(WriteReason::Held(ServerState::Down)));
        assert!(awaits_writer(WriteReason::NotWritable));
        assert!(awaits_writer(WriteReason::HeldFlapping));
        assert!(!awaits_writer(WriteReason::Held(ServerState::Misconfigured)));
        assert!(!awaits_writer(WriteReason::Primary));
        assert!(awaits_writer(WriteReason::Remembered));
        assert!(awaits_writer(WriteReason::HeldPinned(ServerState::Down)));
        assert!(!awaits_writer(WriteReason::Frozen));
        assert!(!awaits_writer(WriteReason::Maintenance));
        assert!(awaits_readers(ReadReason::LastKnown));
        assert!(!awaits_readers(ReadReason::WithPrimary));
    }
}
