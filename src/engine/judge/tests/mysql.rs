//! Table 11.2 without groups, and what follows from it.

use std::time::Duration;

use super::{
    Bench, Channel, ClusterKind, FailureKind, IoThread, MySqlFacts, OnNotWritable, Outcome,
    Position, ReadEligibility, ServerState, StateReason, Verdict, Writability, WriteEligibility,
    WriteReason, channel, cut, executed, fails, mariadb, policy, replica, says, with_channel,
    writable,
};
use crate::engine::{GtidState, SourceId};

use ReadEligibility::{LastResort, No, Replica};
use WriteEligibility::{Eligible, Gone, Open, Refused};

fn history() -> GtidState {
    mariadb(&[(0, 100)])
}

fn healthy() -> [MySqlFacts; 3] {
    [writable(0, history()), replica(1, 0, history()), replica(2, 0, history())]
}

fn said(facts: [MySqlFacts; 3]) -> [Outcome; 3] {
    facts.map(says)
}

fn settled() -> Bench {
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(2, &said(healthy()));
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
    bench
}

fn read_only(facts: MySqlFacts, writability: Writability) -> MySqlFacts {
    MySqlFacts { writability, ..facts }
}

/// A channel from a server that is no member: a migration, say.
fn outside() -> Channel {
    let mut outside = channel(9);
    outside.name = "migration".into();
    outside.source.endpoint.host = "192.0.2.1".into();
    outside
}

fn following(facts: MySqlFacts, channels: Vec<Channel>) -> MySqlFacts {
    MySqlFacts { channels: Some(channels), ..facts }
}

type Expected = (ServerState, WriteEligibility, ReadEligibility);

/// Plays rows of (observed, seconds, what the first server says, expected verdict on it).
fn check_first(rows: Vec<(&str, usize, Outcome, Expected)>) {
    for (observed, seconds, zero, expected) in rows {
        let mut bench = settled();
        let [_, one, two] = said(healthy());
        bench.seconds(seconds, &[zero, one, two]);
        let Verdict { state, write, read, .. } = bench.verdict(0);
        assert_eq!((state, write, read), expected, "{observed}: {:?}", bench.reason(0));
    }
}

/// The same of the third server.
fn check_third(rows: Vec<(&str, usize, Outcome, Expected)>) {
    for (observed, seconds, two, expected) in rows {
        let mut bench = settled();
        let [zero, one, _] = said(healthy());
        bench.seconds(seconds, &[zero, one, two]);
        let Verdict { state, write, read, .. } = bench.verdict(2);
        assert_eq!((state, write, read), expected, "{observed}: {:?}", bench.reason(2));
    }
}

#[test]
fn table_of_primaries() {
    let [zero, ..] = healthy();
    let is_primary = (ServerState::Primary, Eligible, ReadEligibility::Primary);
    let orphan = (ServerState::ReadOnlyPrimary, Refused, LastResort);
    check_first(vec![
        ("writable, no channels", 1, says(zero.clone()), is_primary),
        (
            "writable, channels hidden",
            1,
            says(MySqlFacts { channels: None, ..zero.clone() }),
            is_primary,
        ),
        (
            "writable, a channel from outside the cluster",
            1,
            says(following(zero.clone(), vec![outside()])),
            is_primary,
        ),
        ("read_only, no channels", 1, says(read_only(zero.clone(), Writability::ReadOnly)), orphan),
        (
            "super_read_only, no channels",
            1,
            says(read_only(zero.clone(), Writability::SuperReadOnly)),
            orphan,
        ),
        (
            "innodb_read_only, no channels",
            1,
            says(read_only(zero.clone(), Writability::InnodbReadOnly)),
            orphan,
        ),
        (
            "offline_mode",
            1,
            says(read_only(zero, Writability::OfflineMode)),
            (ServerState::OutOfService, Refused, No),
        ),
        ("1040", 1, fails(FailureKind::Saturated), SATURATED),
        ("1045", 60, fails(FailureKind::Misconfigured), MISCONFIGURED),
        ("3032", 1, fails(FailureKind::Offline), (ServerState::OutOfService, Refused, No)),
        ("refused twice", 1, fails(FailureKind::Refused), (ServerState::Down, Gone, No)),
        ("1053 twice", 1, fails(FailureKind::ShuttingDown), (ServerState::Down, Gone, No)),
        (
            "no reply for 2 s, positions frozen",
            2,
            fails(FailureKind::TimedOut),
            (ServerState::Down, Gone, No),
        ),
    ]);
}

const SATURATED: Expected = (ServerState::Saturated, Open, ReadEligibility::Primary);
const MISCONFIGURED: Expected = (ServerState::Misconfigured, Open, ReadEligibility::Primary);

#[test]
fn table_of_replicas() {
    let [_, _, two] = healthy();
    let changed = |edit: fn(&mut Channel)| says(with_channel(two.clone(), edit));
    let attached = (ServerState::Replica, Refused, Replica);
    let detached = (ServerState::ReplicaDetached, Refused, LastResort);
    let broken = (ServerState::ReplicaBroken, Refused, No);
    check_third(vec![
        ("both threads run", 1, says(two.clone()), attached),
        ("IO connecting for 4 s", 4, changed(cut), attached),
        ("IO connecting for 6 s", 6, changed(cut), detached),
        ("IO stopped for 6 s", 6, changed(|channel| channel.io = IoThread::Stopped), detached),
        ("SQL stopped", 1, changed(|channel| channel.sql_running = false), broken),
        ("SQL error", 1, changed(|channel| channel.sql_errno = 1062), broken),
        (
            "SQL_Delay",
            1,
            changed(|channel| channel.delay = Duration::from_secs(3600)),
            (ServerState::OutOfService, Refused, No),
        ),
        ("writable replica", 1, says(read_only(two.clone(), Writability::Writable)), attached),
        ("source outside the cluster", 1, says(following(two.clone(), vec![outside()])), attached),
        (
            "source outside the cluster, for 6 s",
            6,
            says(following(two.clone(), vec![outside()])),
            detached,
        ),
        (
            "a channel from outside besides the member's",
            1,
            says(following(two.clone(), vec![channel(0), outside()])),
            attached,
        ),
        (
            "two channels, one of them broken",
            1,
            says(following(
                two.clone(),
                vec![channel(0), Channel { sql_errno: 1032, ..channel(1) }],
            )),
            broken,
        ),
        (
            "channels hidden",
            1,
            says(MySqlFacts { channels: None, ..two.clone() }),
            (ServerState::Misconfigured, Refused, LastResort),
        ),
        (
            "writable, published one's history and no more",
            1,
            says(writable(2, history())),
            (ServerState::StalePrimary, Refused, No),
        ),
    ]);
    let mut bench = settled();
    let [zero, one, two] = healthy();
    bench.hear([(2, says(read_only(two.clone(), Writability::Writable)))]);
    assert_eq!(bench.reason(2), StateReason::WritableReplica);
    let unknown = with_channel(two, |channel| {
        (channel.applied, channel.seconds_behind) = (None, None);
    });
    let unknown = MySqlFacts { gtid: GtidState::Unknown, ..unknown };
    bench.seconds(2, &said([zero, one, unknown]));
    assert_eq!((bench.state(2), bench.reason(2)), LAG_UNKNOWN);
}

const LAG_UNKNOWN: (ServerState, StateReason) =
    (ServerState::ReplicaLagging, StateReason::LagUnknown);

#[test]
fn a_replica_that_applies_nothing_while_the_primary_goes_on_is_lagging() {
    let mut bench = settled();
    for offset in (110..400).step_by(10) {
        let position = Some(Position { segment: 1, offset });
        let [mut zero, one, two] = healthy();
        zero.position = position;
        // It says itself that it is not behind at all.
        let one = with_channel(one, |channel| channel.applied = position);
        bench.rounds(1, &said([zero, one, two]));
    }
    assert_eq!(bench.state(2), ServerState::ReplicaLagging);
    assert_eq!(bench.readers(), [1]);
}

#[test]
fn io_is_cut_and_the_primary_is_down_too() {
    let mut bench = settled();
    let [_, one, two] = healthy();
    let (one, two) = (says(with_channel(one, cut)), says(with_channel(two, cut)));
    bench.seconds(60, &[fails(FailureKind::Refused), one, two]);
    assert_eq!((bench.state(1), bench.readers()), (ServerState::Replica, vec![1, 2]));
}

#[test]
fn strictly_newer_history_wins_once_it_is_proven() {
    let mut bench = settled();
    // Without its own reply from after the promotion, the published one may have written more.
    let newer = says(writable(1, mariadb(&[(0, 100), (1, 101)])));
    bench.hear([(1, newer.clone())]);
    bench.hear([(1, newer.clone())]);
    bench.hear([(1, newer.clone())]);
    assert_eq!((bench.writer(), bench.reason(1)), (Some(0), StateReason::WritableUnconfirmed));
    assert_eq!(bench.write_reason(), WriteReason::Primary, "nobody knows of two yet");
    bench.hear([(0, says(writable(0, history())))]);
    assert_eq!(bench.writer(), Some(0), "the third follows it");
    bench.hear([(2, says(replica(2, 1, mariadb(&[(0, 100), (1, 101)]))))]);
    assert_eq!((bench.writer(), bench.state(0)), (Some(1), ServerState::StalePrimary));
    // The old one needs to follow before its word counts again.
    bench.seconds(
        600,
        &[says(writable(0, mariadb(&[(0, 200)]))), newer, fails(FailureKind::Refused)],
    );
    assert_eq!((bench.writer(), bench.reason(0)), (Some(1), StateReason::NotRejoined));
}

#[test]
fn diverged_or_unknown_histories_keep_the_published_one() {
    let diverged = (mariadb(&[(0, 105)]), mariadb(&[(0, 100), (1, 101)]));
    let equal = (history(), history());
    let unknown = (GtidState::Unknown, GtidState::Unknown);
    let sets = (executed(&[(0, 105)]), executed(&[(0, 100), (1, 1)]));
    for (first, second) in [diverged, equal, unknown, sets] {
        let mut bench = settled();
        let [.., two] = healthy();
        bench.seconds(60, &said([writable(0, first), writable(1, second.clone()), two]));
        assert_eq!((bench.writer(), bench.state(1)), (Some(0), ServerState::StalePrimary));
        assert_eq!(bench.write_reason(), WriteReason::HeldSplitBrain, "{second:?}");
    }
}

#[test]
fn one_missed_reply_is_no_reason_to_believe_another_writer() {
    let mut bench = settled();
    let newer = says(writable(1, mariadb(&[(0, 100), (1, 101)])));
    bench.hear([(0, fails(FailureKind::TimedOut)), (1, newer.clone())]);
    bench.hear([(0, fails(FailureKind::TimedOut)), (1, newer)]);
    assert_eq!(bench.writer(), Some(0));
    bench.hear([(0, fails(FailureKind::TimedOut))]);
    assert_eq!(bench.writer(), Some(1), "now it is gone");
}

#[test]
fn a_locked_primary_is_overtaken_after_its_grace_unless_replicas_receive_from_it() {
    for kind in [FailureKind::Saturated, FailureKind::Misconfigured] {
        let newer = || says(writable(1, mariadb(&[(0, 100), (1, 101)])));
        let [.., two] = healthy();
        let mut bench = settled();
        bench.seconds(60, &[fails(kind), newer(), says(two.clone())]);
        assert_eq!(bench.writer(), Some(0), "a replica still receives from it");
        let two = says(with_channel(two, cut));
        let mut bench = settled();
        bench.seconds(29, &[fails(kind), newer(), two.clone()]);
        assert_eq!(bench.writer(), Some(0), "it keeps its role for a while");
        bench.seconds(3, &[fails(kind), newer(), two]);
        assert_eq!(bench.writer(), Some(1), "{kind:?}");
    }
}

#[test]
fn a_switchover_and_a_switch_back_within_a_minute() {
    let demoted = |at, gtid| says(read_only(writable(at, gtid), Writability::ReadOnly));
    let [.., two] = healthy();
    let mut bench = settled();
    bench.hear([(0, demoted(0, history()))]);
    assert_eq!(bench.writer(), None);
    bench.seconds(2, &[demoted(0, history()), says(writable(1, history())), says(two.clone())]);
    assert_eq!(bench.writer(), Some(1));
    // Nothing was written meanwhile, and the first never followed the second.
    bench.seconds(1, &[demoted(0, history()), demoted(1, history()), says(two.clone())]);
    bench.seconds(1, &[says(writable(0, history())), demoted(1, history()), says(two)]);
    assert_eq!(bench.writers_so_far(), [Some(0), None, Some(1), None, Some(0)]);
}

#[test]
fn a_switch_back_without_gtids_is_believed_once_the_other_follows() {
    let off = || GtidState::Unknown;
    let demoted = |at| says(read_only(writable(at, off()), Writability::ReadOnly));
    let two = says(replica(2, 0, off()));
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.seconds(2, &[says(writable(0, off())), says(replica(1, 0, off())), two.clone()]);
    bench.seconds(2, &[demoted(0), says(writable(1, off())), two.clone()]);
    assert_eq!(bench.writer(), Some(1));
    bench.seconds(10, &[says(writable(0, off())), demoted(1), two.clone()]);
    assert_eq!((bench.writer(), bench.reason(0)), (None, StateReason::NotRejoined));
    bench.seconds(1, &[says(writable(0, off())), says(replica(1, 0, off())), two]);
    assert_eq!(bench.writer(), Some(0));
}

#[test]
fn reset_master_on_the_primary_changes_nothing() {
    let mut bench = settled();
    let [mut zero, one, two] = healthy();
    (zero.gtid, zero.position) = (mariadb(&[]), Some(Position { segment: 1, offset: 4 }));
    bench.seconds(2, &said([zero, one, two]));
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
}

#[test]
fn a_primary_that_said_it_is_not_writable_may_be_held() {
    let mut rules = policy(ClusterKind::MySql, 3);
    rules.write.as_mut().expect("a write name").on_not_writable = OnNotWritable::Hold;
    let mut bench = Bench::with(rules);
    bench.seconds(2, &said(healthy()));
    let [zero, ..] = healthy();
    bench.hear([(0, says(read_only(zero, Writability::ReadOnly)))]);
    assert_eq!((bench.writer(), bench.write_reason()), (Some(0), WriteReason::HeldNotWritable));
}

#[test]
fn sources_are_known_by_address_then_by_uuid_then_by_number() {
    let named = |uuid: Option<&str>, server_id, host: &str| SourceId {
        uuid: uuid.map(Into::into),
        server_id,
        endpoint: crate::engine::Endpoint { host: host.into(), port: super::PORT },
    };
    let own = super::uuid(0);
    let strange = super::uuid(77);
    for (source, known) in [
        (named(Some(&own), 9, "10.0.0.1"), true),
        (named(Some(&own.to_uppercase()), 0, "10.0.0.1"), true),
        // Installed anew: another uuid under the configured address.
        (named(Some(&strange), 9, "127.0.1.1"), true),
        (named(Some(&strange), 1, "10.0.0.1"), false),
        // Not connected yet.
        (named(None, 0, "127.0.1.1"), true),
        (named(None, 1, "10.0.0.1"), true),
        (named(None, 9, "10.0.0.1"), false),
    ] {
        let mut bench = Bench::new(ClusterKind::MySql, 2);
        let mut zero = writable(0, history());
        zero.identity.uuid = Some(own.as_str().into());
        let other = mariadb(&[(77, 100)]);
        let one = with_channel(replica(1, 0, other), |channel| channel.source = source.clone());
        bench.seconds(2, &[says(zero), says(one)]);
        let foreign = bench.state(1) == ServerState::WrongCluster;
        assert_eq!(foreign, !known, "{source:?}");
    }
}
