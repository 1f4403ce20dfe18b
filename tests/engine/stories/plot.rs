//! What will happen in a story: a few chapters at random times, which overlap.

use std::time::Duration;

use pointsman::engine::{FailureKind, Moment};

use super::happening::{Happening, Who};
use crate::{simulation::SplitMix, world::Breed};

/// The first seconds are quiet, so that everybody is known; in some stories not even they.
pub(super) const BEGINS: Duration = Duration::from_secs(4);
/// Chapters begin within this time.
const CHAPTERS: u64 = 16;

pub(super) fn plot(random: &mut SplitMix, breed: Breed) -> Vec<(Moment, Happening)> {
    let mut plot = Vec::new();
    let chapters = 1 + random.below(4);
    for _ in 0..chapters {
        let begins = Moment::START + BEGINS + tenths(random, 10 * CHAPTERS);
        let chapter = match (breed.is_group(), random.below(10)) {
            (true, 0..7) => group(random),
            (true, _) | (false, 9) => monitor(random),
            (false, 0..3) => failover(random),
            (false, 3..5) => lost(random),
            (false, 5..7) => replica(random, breed),
            (false, _) => network(random),
        };
        plot.extend(chapter.into_iter().map(|(after, what)| (begins + after, what)));
    }
    if random.below(8) == 0 {
        late_network(random, &mut plot);
    }
    // Servers come back, and with them old writers.
    if random.below(2) == 0 {
        let ends = Moment::START + BEGINS + Duration::from_secs(CHAPTERS + 12);
        let all = [Who::Founder, Who::Other(0), Who::Other(1), Who::Other(2)];
        plot.extend(all.map(|who| (ends, Happening::Start(who))));
    }
    plot.sort_by_key(|(at, _)| *at);
    plot
}

/// What operators do by hand, step by step, is added to a story.
pub(super) fn add_handiwork(random: &mut SplitMix, plot: &mut Vec<(Moment, Happening)>) {
    for _ in 0..1 + random.below(2) {
        let begins = Moment::START + BEGINS + tenths(random, 10 * CHAPTERS);
        plot.extend(handiwork(random).into_iter().map(|(after, what)| (begins + after, what)));
    }
    plot.sort_by_key(|(at, _)| *at);
}

/// Replicas take changes of their own, are put below each other and promoted, and former writers
/// come back with what nobody else has.
pub(super) fn add_errants(random: &mut SplitMix, plot: &mut Vec<(Moment, Happening)>) {
    use Happening as H;
    for _ in 0..1 + random.below(3) {
        let mut at = Moment::START + BEGINS + tenths(random, 10 * CHAPTERS);
        let (who, domain) = (other(random), [0, 0, 9][random.below(3)]);
        let changes = [1, 3, 500][random.below(3)];
        if random.below(3) == 0 {
            plot.push((at, H::Cascade(other(random), who)));
            at = at + tenths(random, 30);
        }
        plot.push((at, H::Errant(who, changes, domain)));
        at = at + tenths(random, 60);
        let ends = match random.below(5) {
            0 => vec![H::Kill(Who::Writer), H::Promote(who)],
            1 => vec![H::Cascade(other(random), Who::Writer), H::CutOff(Who::Writer, true)],
            2 => vec![H::Switchover],
            _ => vec![H::Kill(Who::Writer), H::Failover(false), H::Repoint],
        };
        for what in ends {
            plot.push((at, what));
            at = at + tenths(random, 40);
        }
        let back = [H::RejoinWithItsEnd(Who::Founder), H::Rebuild(Who::Founder), H::Repoint];
        plot.push((at, H::Start(Who::Founder)));
        plot.push((at + Duration::from_secs(1), back[random.below(3)]));
        plot.push((at + Duration::from_secs(2), H::CutOff(Who::Writer, false)));
    }
    plot.sort_by_key(|(at, _)| *at);
}

/// A switchover in steps, or one that is undone; a writer whose disk hangs; a promotion of one that
/// lacks what another one has.
fn handiwork(random: &mut SplitMix) -> Chapter {
    use Happening as H;
    let (first, second, third) = (tenths(random, 30), tenths(random, 40), tenths(random, 60));
    let begins =
        [H::ReadOnly(Who::Writer, true), H::Stall(Who::Writer, true), H::Kill(Who::Writer)];
    let begins = begins[random.below(3)];
    let takes_over = match random.below(4) {
        0 => None,
        1 => Some(H::Promote(other(random))),
        _ => Some(H::Failover(false)),
    };
    let mut chapter = vec![(Duration::ZERO, begins)];
    chapter.extend(takes_over.map(|what| (first, what)));
    if random.below(4) > 0 {
        chapter.push((first + second, H::Repoint));
    }
    let back = match random.below(4) {
        0 => H::Rejoin(Who::Founder),
        1 => H::Rebuild(Who::Founder),
        2 => H::Start(Who::Founder),
        _ => H::ReadOnly(Who::Founder, false),
    };
    chapter.push((first + third, back));
    let ends = Duration::from_secs(13);
    let all = [Who::Writer, Who::Other(0), Who::Other(1), Who::Other(2)];
    chapter.extend(all.map(|who| (ends, H::Stall(who, false))));
    chapter.push((ends, H::ReadOnly(Who::Writer, false)));
    chapter
}

type Chapter = Vec<(Duration, Happening)>;

fn tenths(random: &mut SplitMix, limit: u64) -> Duration {
    let limit = usize::try_from(limit).expect("small");
    Duration::from_millis(100 * random.below(limit) as u64)
}

fn other(random: &mut SplitMix) -> Who {
    Who::Other(random.below(3))
}

/// The writer dies or hangs, another one is promoted, and the old one returns in some way.
fn failover(random: &mut SplitMix) -> Chapter {
    use Happening as H;
    let who = other(random);
    if random.below(4) == 0 {
        return vec![(Duration::ZERO, H::Switchover)];
    }
    let ends = match random.below(3) {
        0 => H::Freeze(Who::Writer),
        1 => H::Refuses(Who::Writer, Some(refusal(random))),
        _ => H::Kill(Who::Writer),
    };
    let mut at = tenths(random, 30);
    let mut chapter = vec![(Duration::ZERO, ends)];
    if matches!(ends, H::Refuses(..)) {
        chapter.push((at, H::Kill(Who::Writer)));
    }
    at += tenths(random, 40);
    chapter.push((at, H::Failover(random.below(6) == 0)));
    chapter.push((at + tenths(random, 40), H::Repoint));
    at += tenths(random, 60);
    let back = match random.below(5) {
        0 => vec![H::Start(Who::Founder)],
        1 => vec![H::Start(who)],
        2 => vec![H::Thaw(Who::Founder), H::Thaw(who)],
        3 => vec![H::Rebuild(Who::Founder)],
        _ => vec![],
    };
    chapter.extend(back.into_iter().map(|what| (at, what)));
    if random.below(3) == 0 {
        chapter.push((at + tenths(random, 60), H::Rebuild(Who::Founder)));
    }
    chapter
}

/// Servers lose what they had, or are more than they should be; sometimes the writer is gone for
/// good and an operator says so.
fn lost(random: &mut SplitMix) -> Chapter {
    use Happening as H;
    let who = other(random);
    let what = match random.below(5) {
        0 => H::Copy(who),
        1 => H::LoseVolume(who),
        2 => H::Restore(who),
        3 => H::Stray(who, 1 + u32::from(random.below(3) == 0)),
        _ => H::LoseVolume(Who::Writer),
    };
    let mut chapter = vec![(Duration::ZERO, what)];
    let at = tenths(random, 60);
    match random.below(4) {
        0 => chapter.extend([(at, H::Kill(Who::Writer)), (at * 2, H::Start(Who::Writer))]),
        1 => chapter.push((at, H::Rebuild(who))),
        2 => {
            chapter.extend([(at, H::Kill(Who::Writer)), (at + Duration::from_secs(4), H::Accept)]);
        }
        _ => chapter.push((at, H::Failover(false))),
    }
    chapter
}

/// A replica is late, cut, paused, broken, hidden, in a chain, from an archive.
fn replica(random: &mut SplitMix, breed: Breed) -> Chapter {
    use Happening as H;
    let (who, at) = (other(random), tenths(random, 100));
    let (begins, ends) = match (random.below(11), breed) {
        (0, _) => (H::Plugged(who, false), H::Plugged(who, true)),
        (1, _) => (H::Paused(who, true), H::Paused(who, false)),
        (2, Breed::Postgres) => (H::Archive(who), H::Rebuild(who)),
        (2, _) => (H::Broken(who, true), H::Broken(who, false)),
        (3, Breed::Postgres) => (H::OldControlFile(who, true), H::OldControlFile(who, false)),
        (3, _) => (H::Migrates(who, true), H::Migrates(who, false)),
        (4, Breed::MariaDb) => (H::DomainBlocked(who, true), H::DomainBlocked(who, false)),
        (4 | 5, _) => (H::Late(who, 60), H::Late(who, 0)),
        (6, _) => (H::Delayed(who, 5), H::Delayed(who, 0)),
        (7, _) => (H::Hidden(who, true), H::Hidden(who, false)),
        (8, _) => (H::Writes(false), H::Writes(true)),
        _ => (H::Cascade(who, other(random)), H::Cascade(who, Who::Writer)),
    };
    let mut chapter = vec![(Duration::ZERO, begins)];
    if random.below(3) > 0 {
        chapter.push((at, ends));
    }
    chapter
}

fn refusal(random: &mut SplitMix) -> FailureKind {
    use FailureKind as K;
    [K::Misconfigured, K::Saturated, K::Starting, K::Garbled, K::Troubled][random.below(5)]
}

/// Something lies between the monitors and the servers.
fn network(random: &mut SplitMix) -> Chapter {
    use Happening as H;
    let who = if random.below(2) == 0 { Who::Writer } else { other(random) };
    let at = tenths(random, 60);
    let (begins, ends) = match random.below(3) {
        0 => (H::Refuses(who, Some(refusal(random))), H::Refuses(who, None)),
        1 => (H::CutOff(who, true), H::CutOff(who, false)),
        _ => {
            let monitor = random.below(3) / 2;
            (H::Isolated(monitor, true), H::Isolated(monitor, false))
        }
    };
    vec![(Duration::ZERO, begins), (at, ends)]
}

/// A monitor is restarted, gets another configuration, or an operator speaks.
fn monitor(random: &mut SplitMix) -> Chapter {
    use Happening as H;
    let (who, monitor) = (other(random), random.below(3) / 2);
    let who = if random.below(3) == 0 { Who::Writer } else { who };
    let at = tenths(random, 80);
    match random.below(9) {
        0..3 => vec![(at, H::RestartWarm(monitor))],
        3 => vec![(at, H::RestartCold(monitor))],
        4 => vec![(Duration::ZERO, H::Remember(monitor)), (at, H::RestartOld(monitor))],
        5 => vec![(at, H::Rename(monitor, who))],
        6 => vec![(Duration::ZERO, H::Remove(monitor, who)), (at, H::Complete(monitor))],
        7 => vec![(at, H::Swap(monitor, who, other(random)))],
        _ => vec![(
            at,
            [H::Pin(monitor, who), H::Drain(monitor, who), H::Hold(monitor)][random.below(3)],
        )],
    }
}

/// Views of a group change.
fn group(random: &mut SplitMix) -> Chapter {
    use Happening as H;
    let who = if random.below(2) == 0 { Who::Writer } else { other(random) };
    let at = tenths(random, 80);
    match random.below(9) {
        0..4 => vec![(Duration::ZERO, H::Kill(who)), (at, H::Start(who))],
        4 => vec![(at, H::Async(other(random), Who::Writer))],
        5 => vec![(Duration::ZERO, H::Partition(who)), (at, H::Bootstrap(who))],
        6 => vec![(Duration::ZERO, H::Partition(who)), (at, H::Reunite(who, other(random)))],
        _ => vec![(Duration::ZERO, H::Donor(who, true)), (at, H::Donor(who, false))],
    }
}

/// Nothing is reachable at the start, and then one server after another.
fn late_network(random: &mut SplitMix, plot: &mut Vec<(Moment, Happening)>) {
    for monitor in 0..2 {
        plot.push((Moment::START, Happening::Isolated(monitor, true)));
        let comes = Moment::START + tenths(random, 60);
        plot.push((comes, Happening::Isolated(monitor, false)));
    }
    for at in 0..4 {
        let comes = Moment::START + tenths(random, 80);
        plot.push((Moment::START, Happening::CutOff(Who::Other(at), true)));
        plot.push((comes, Happening::CutOff(Who::Other(at), false)));
    }
}
