//! Group Replication and Galera: the rows of 7.1, 7.2 and 11.2.

use super::{
    Bench, ClusterKind, Failback, FailureKind, GtidState, MySqlFacts, Outcome, ReadEligibility,
    ServerState, StateReason, Verdict, Writability, WriteEligibility, WriteReason, fails, policy,
    replica, says, writable,
};
use crate::engine::{Galera, Group, GroupMember, GroupRole, Heartbeat, ServerIndex, Upstream};

use ReadEligibility::{LastResort, Never, No, Replica};
use WriteEligibility::{Eligible, Gone, Open, Refused};

const PRIMARY: GroupMember = GroupMember {
    online: true,
    role: GroupRole::Primary,
    majority: true,
    queue: 0,
    group_name: None,
    members: Vec::new(),
};
const SECONDARY: GroupMember = GroupMember {
    online: true,
    role: GroupRole::Secondary,
    majority: true,
    queue: 0,
    group_name: None,
    members: Vec::new(),
};

/// A member as its group sees it; a secondary has `super_read_only` set.
fn member(at: usize, member: GroupMember) -> MySqlFacts {
    let writability = match member.role {
        GroupRole::Primary => Writability::Writable,
        GroupRole::Secondary => Writability::SuperReadOnly,
    };
    let group = Some(Group::Replication(member));
    MySqlFacts { writability, group, ..writable(at, GtidState::Unknown) }
}

fn group() -> [Outcome; 3] {
    [says(member(0, PRIMARY)), says(member(1, SECONDARY)), says(member(2, SECONDARY))]
}

fn synced() -> Galera {
    Galera {
        cluster_uuid: "5e1f".into(),
        ready: true,
        primary_component: true,
        local_state: 4,
        refuses_clients: false,
        receive_queue: 0,
        members: Vec::new(),
    }
}

fn node(at: usize, edit: impl Fn(&mut Galera)) -> MySqlFacts {
    let mut galera = synced();
    edit(&mut galera);
    MySqlFacts { group: Some(Group::Galera(galera)), ..writable(at, GtidState::Unknown) }
}

fn nodes() -> [Outcome; 3] {
    [0, 1, 2].map(|at| says(node(at, |_| {})))
}

fn settled(outcomes: &[Outcome]) -> Bench {
    let mut bench = Bench::new(ClusterKind::MySql, outcomes.len());
    bench.seconds(2, outcomes);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
    bench
}

#[test]
fn of_two_parts_the_wrong_one_is_known_before_the_first_round_has_ended() {
    let seeing =
        |at: usize, member: &str| says(node(at, |galera| galera.members = vec![member.into()]));
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    bench.hear([(0, seeing(0, "one")), (1, seeing(1, "other"))]);
    assert_eq!(bench.state(1), ServerState::StalePrimary);
}

type Expected = (ServerState, WriteEligibility, ReadEligibility);

/// Plays rows of (observed, which server says it, what, expected verdict on it) to a settled
/// cluster.
fn check(healthy: &[Outcome; 3], rows: Vec<(&str, usize, MySqlFacts, Expected)>) {
    for (observed, server, facts, expected) in rows {
        let mut bench = settled(healthy);
        let mut outcomes = healthy.clone();
        outcomes[server] = says(facts);
        bench.rounds(2, &outcomes);
        let Verdict { state, write, read, .. } = bench.verdict(server);
        assert_eq!((state, write, read), expected, "{observed}: {:?}", bench.reason(server));
    }
}

#[test]
fn table_of_group_replication() {
    let outside = (ServerState::Starting, Refused, No);
    let follower = (ServerState::Replica, Refused, Replica);
    let late = (ServerState::ReplicaLagging, Refused, LastResort);
    check(
        &group(),
        vec![
            (
                "ONLINE PRIMARY, majority",
                0,
                member(0, PRIMARY),
                (ServerState::Primary, Eligible, ReadEligibility::Primary),
            ),
            (
                "PRIMARY without majority",
                0,
                member(0, GroupMember { majority: false, ..PRIMARY }),
                outside,
            ),
            (
                "PRIMARY, not ONLINE",
                0,
                member(0, GroupMember { online: false, ..PRIMARY }),
                outside,
            ),
            (
                "PRIMARY, still read-only",
                0,
                MySqlFacts { writability: Writability::SuperReadOnly, ..member(0, PRIMARY) },
                follower,
            ),
            (
                "the published one, now SECONDARY with a long queue",
                0,
                member(0, GroupMember { queue: 5000, ..SECONDARY }),
                late,
            ),
            ("ONLINE SECONDARY, majority", 1, member(1, SECONDARY), follower),
            (
                "SECONDARY with a long queue",
                1,
                member(1, GroupMember { queue: 1001, ..SECONDARY }),
                late,
            ),
            (
                "SECONDARY without majority",
                1,
                member(1, GroupMember { majority: false, ..SECONDARY }),
                outside,
            ),
            (
                "SECONDARY, writable by its variables",
                1,
                MySqlFacts { writability: Writability::Writable, ..member(1, SECONDARY) },
                follower,
            ),
            (
                "no member, and a replica of one",
                1,
                replica(1, 0, GtidState::Unknown),
                (ServerState::Replica, Refused, Replica),
            ),
        ],
    );
}

#[test]
fn table_of_galera() {
    let outside = (ServerState::Starting, Refused, No);
    let away = (ServerState::OutOfService, Refused, No);
    let donor = |write| (ServerState::Starting, write, LastResort);
    let read_only = |facts: MySqlFacts| MySqlFacts { writability: Writability::ReadOnly, ..facts };
    let writer = (ServerState::Primary, Eligible, ReadEligibility::Primary);
    let donates = |galera: &mut Galera| galera.local_state = 2;
    let busy = |galera: &mut Galera| galera.receive_queue = 1001;
    check(
        &nodes(),
        vec![
            ("synced, published", 0, node(0, |_| {}), writer),
            ("synced, published, with a long queue", 0, node(0, busy), writer),
            (
                "published, with a long queue and read_only",
                0,
                read_only(node(0, busy)),
                (ServerState::ReplicaLagging, Refused, LastResort),
            ),
            (
                "synced, not published",
                1,
                node(1, |_| {}),
                (ServerState::Replica, Eligible, Replica),
            ),
            (
                "not published, with a long queue",
                1,
                node(1, busy),
                (ServerState::ReplicaLagging, Open, LastResort),
            ),
            ("read_only", 1, read_only(node(1, |_| {})), (ServerState::Replica, Refused, Replica)),
            ("not ready", 0, node(0, |galera| galera.ready = false), outside),
            ("non-primary", 0, node(0, |galera| galera.primary_component = false), outside),
            ("joining", 1, node(1, |galera| galera.local_state = 1), outside),
            ("joined", 1, node(1, |galera| galera.local_state = 3), outside),
            ("donor", 0, node(0, donates), donor(Gone)),
            ("read-only donor", 0, read_only(node(0, donates)), donor(Refused)),
            ("refuses clients", 0, node(0, |galera| galera.refuses_clients = true), away),
            (
                "of another cluster",
                1,
                node(1, |galera| galera.cluster_uuid = "0bad".into()),
                (ServerState::WrongCluster, Refused, Never),
            ),
            (
                "no cluster yet",
                1,
                node(1, |galera| (galera.cluster_uuid, galera.ready) = ("0000".into(), false)),
                outside,
            ),
        ],
    );
}

#[test]
fn a_donor_is_left_when_others_can_write_and_kept_when_it_is_the_last_one() {
    let donor = || says(node(0, |galera| galera.local_state = 2));
    let mut bench = settled(&nodes());
    let [_, one, two] = nodes();
    bench.rounds(1, &[donor(), one, two]);
    assert_eq!((bench.writer(), bench.reason(0)), (Some(1), StateReason::Desynced));

    let mut bench = settled(&nodes());
    let joining = |at| says(node(at, |galera| galera.local_state = 1));
    bench.seconds(60, &[donor(), joining(1), joining(2)]);
    assert_eq!(bench.writers_so_far(), [Some(0)]);
    assert_eq!(bench.write_reason(), WriteReason::Held(ServerState::Starting));
    assert_eq!(bench.reason(0), StateReason::Donor);
}

#[test]
fn a_missed_reply_of_the_writer_changes_nobody_else() {
    let mut bench = settled(&nodes());
    bench.hear([(0, fails(FailureKind::TimedOut))]);
    bench.hear([(0, fails(FailureKind::TimedOut))]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
    assert_eq!(bench.states_so_far(1), [ServerState::Replica]);
    bench.hear([(0, fails(FailureKind::TimedOut))]);
    assert_eq!((bench.writer(), bench.readers()), (Some(1), vec![2]));
}

#[test]
fn a_locked_writer_stays_and_the_others_stay_readable() {
    let mut bench = settled(&nodes());
    let [_, one, two] = nodes();
    bench.seconds(60, &[fails(FailureKind::Misconfigured), one.clone(), two.clone()]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1, 2]));
    // A full one takes no client either.
    bench.seconds(29, &[fails(FailureKind::Saturated), one.clone(), two.clone()]);
    assert_eq!(bench.writer(), Some(0));
    bench.seconds(3, &[fails(FailureKind::Saturated), one, two]);
    assert_eq!(bench.writer(), Some(1));
}

#[test]
fn a_group_without_quorum_has_no_writer_and_keeps_its_last_readers() {
    let mut bench = settled(&group());
    let cut = |at, role| says(member(at, GroupMember { majority: false, ..role }));
    bench.rounds(1, &[cut(0, PRIMARY), cut(1, SECONDARY), cut(2, SECONDARY)]);
    assert_eq!((bench.writer(), bench.write_reason()), (None, WriteReason::NotWritable));
    assert_eq!(bench.readers(), [1, 2]);
}

#[test]
fn a_moment_without_primary_withdraws_the_name_and_the_next_primary_is_published() {
    let mut bench = settled(&group());
    let secondary = |at| says(member(at, SECONDARY));
    bench.rounds(1, &[secondary(0), secondary(1), secondary(2)]);
    assert_eq!(bench.writer(), None);
    bench.rounds(2, &[secondary(0), says(member(1, PRIMARY)), secondary(2)]);
    assert_eq!((bench.writer(), bench.readers()), (Some(1), vec![0, 2]));
    assert_eq!(bench.write_reason(), WriteReason::Primary);
}

fn preferring_the_first(outcomes: &[Outcome; 3]) -> Bench {
    let mut rules = policy(ClusterKind::MySql, 3);
    rules.write.as_mut().expect("a write name").failback = Failback::Preferred;
    let mut bench = Bench::with(rules);
    bench.seconds(2, outcomes);
    assert_eq!(bench.writer(), Some(0));
    bench
}

#[test]
fn an_elected_writer_is_never_left_for_one_that_wakes_up_with_an_old_view() {
    let mut bench = preferring_the_first(&group());
    let elected = |zero| [zero, says(member(1, PRIMARY)), says(member(2, SECONDARY))];
    bench.seconds(120, &elected(fails(FailureKind::TimedOut)));
    assert_eq!(bench.writer(), Some(1));
    bench.seconds(20, &elected(says(member(0, PRIMARY))));
    assert_eq!(bench.writers_so_far(), [Some(0), Some(1)]);
}

#[test]
fn several_legal_writers_are_chosen_by_order_and_failback() {
    let all = || [0, 1, 2].map(|at| says(member(at, PRIMARY)));
    let [_, one, two] = all();
    for (mut bench, expected) in [(settled(&all()), 1), (preferring_the_first(&all()), 0)] {
        bench.seconds(2, &[fails(FailureKind::Refused), one.clone(), two.clone()]);
        assert_eq!((bench.writer(), bench.readers()), (Some(1), vec![2]));
        bench.seconds(30, &all());
        assert_eq!(bench.writer(), Some(1), "a minute has not passed");
        bench.seconds(40, &all());
        assert_eq!(bench.writer(), Some(expected));
    }
}

#[test]
fn a_locked_elected_writer_is_left_once_the_group_has_long_elected_another() {
    let mut bench = settled(&group());
    let elected =
        [fails(FailureKind::Misconfigured), says(member(1, PRIMARY)), says(member(2, SECONDARY))];
    bench.seconds(29, &elected);
    assert_eq!(bench.writer(), Some(0));
    bench.seconds(3, &elected);
    assert_eq!(bench.writer(), Some(1));
}

#[test]
fn one_foreign_group_member_does_not_make_an_asynchronous_cluster_a_group() {
    let off = || GtidState::Unknown;
    let healthy = [0, 1, 2].map(|at| match at {
        0 => says(writable(0, off())),
        _ => says(replica(at, 0, off())),
    });
    let mut bench = settled(&healthy);
    let [zero, one, _] = healthy;
    bench.seconds(60, &[zero, one, says(node(2, |_| {}))]);
    assert_eq!((bench.writer(), bench.readers()), (Some(0), vec![1]));
    assert_eq!(bench.writers_so_far(), [Some(0)]);
}

#[test]
fn a_member_that_cannot_write_gives_way() {
    let mut bench = settled(&nodes());
    let [_, one, two] = nodes();
    let stuck = says(MySqlFacts { heartbeat: Heartbeat::Failed, ..node(0, |_| {}) });
    bench.rounds(3, &[stuck, one, two]);
    assert_eq!((bench.writer(), bench.reason(0)), (Some(1), StateReason::CannotWrite));
}

#[test]
fn a_node_that_was_away_must_answer_well_twice() {
    let mut bench = settled(&nodes());
    let [zero, one, _] = nodes();
    let joining = says(node(2, |galera| galera.local_state = 1));
    bench.rounds(2, &[zero, one, joining]);
    bench.rounds(1, &nodes());
    assert_eq!((bench.state(2), bench.readers()), (ServerState::Starting, vec![1]));
    bench.rounds(1, &nodes());
    assert_eq!((bench.state(2), bench.readers()), (ServerState::Replica, vec![1, 2]));
}

#[test]
fn an_error_that_says_unready_is_explicit() {
    let mut bench = settled(&group());
    bench.hear([(0, fails(FailureKind::GroupUnready))]);
    assert_eq!((bench.writer(), bench.state(0)), (None, ServerState::Starting));
    let out = bench.eligibility(0);
    assert_eq!(out, (Refused, No));
}

#[test]
fn a_member_has_its_changes_from_its_group_until_that_does_not_count_it_in() {
    let mut bench = Bench::new(ClusterKind::MySql, 3);
    let upstream =
        |bench: &Bench, at: usize| bench.cluster.conclusion(ServerIndex::new(at)).upstream;
    bench.rounds(2, &group());
    for at in 0..3 {
        assert_eq!(upstream(&bench, at), Some(Upstream::Group), "{at}");
    }
    let alone = GroupMember { majority: false, ..SECONDARY };
    bench.hear([(2, says(member(2, alone)))]);
    assert_eq!((upstream(&bench, 1), upstream(&bench, 2)), (Some(Upstream::Group), None));
    // What has failed said so in its last good reply.
    bench.rounds(9, &[group()[0].clone(), fails(FailureKind::Refused), group()[2].clone()]);
    assert_eq!(upstream(&bench, 1), Some(Upstream::Group));
    let cut_off = node(2, |galera| galera.primary_component = false);
    bench.hear([(1, says(node(1, |_| ()))), (2, says(cut_off))]);
    assert_eq!((upstream(&bench, 1), upstream(&bench, 2)), (Some(Upstream::Group), None));
}
