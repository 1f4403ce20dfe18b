//! GTID sets and positions: what is read, contained and shared.

use std::collections::BTreeSet;

use proptest::{collection, prelude::*};

use super::{BinlogState, GtidError, GtidSet, GtidState, Relation};

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

fn mysql(text: &str) -> GtidState {
    GtidSet::parse(text).expect("a GTID set").into()
}

fn mariadb(position: &str, state: &str) -> GtidState {
    BinlogState::parse(position, state, "").expect("a position").into()
}

#[test]
fn mysql_sets_are_compared_by_containment() {
    let check = |ours: String, theirs: String, relation| {
        assert_eq!(mysql(&ours).relation(&mysql(&theirs)), relation, "{ours} and {theirs}");
    };
    check(format!("{A}:1-5"), format!("{A}:1-3:4-5"), Relation::Equal);
    check(format!("{A}:1-6"), format!("{A}:1-5"), Relation::Ahead);
    check(format!("{A}:1-5"), format!("{A}:1-5,\n{B}:1"), Relation::Behind);
    check(format!("{A}:1-6"), format!("{A}:1-5,{B}:1"), Relation::Diverged);
    check(format!("{A}:1-3:5"), format!("{A}:4"), Relation::Diverged);
    check(String::new(), format!("{A}:1"), Relation::Behind);
    check(A.to_uppercase() + ":1", format!("{A}:1"), Relation::Equal);
    check(format!("{A}:1-5:tag:1-2"), format!("{A}:1-5"), Relation::Ahead);
    check(format!("{A}:tag:1-2"), format!("{A}:1-2"), Relation::Diverged);
}

/// A set of so many intervals of one source, with a gap after each.
fn gaps(intervals: usize) -> String {
    let numbers: String = (1..=intervals).map(|at| format!(":{}", 2 * at)).collect();
    format!("{A}{numbers}")
}

/// So many sources of one transaction each.
fn sources(count: usize) -> String {
    (0..count).map(|at| format!("{at:08x}-71ca-11e1-9e33-c80aa9429562:1,")).collect()
}

#[test]
fn a_state_beyond_the_limits_is_refused_and_one_within_is_compared() {
    let (intervals, origins) = (GtidSet::INTERVALS_MAX, GtidState::ORIGINS_MAX);
    let many = mysql(&gaps(intervals));
    assert_eq!(many.relation(&mysql(&gaps(intervals - 1))), Relation::Ahead);
    assert_eq!(many.shares(&mysql(&format!("{A}:{}", 2 * intervals))), Some(true));
    assert_eq!(many.shares(&mysql(&format!("{A}:{}", 2 * intervals + 1))), Some(false));
    let parse = |text: &str| GtidSet::parse(text).map(drop);
    assert_eq!(parse(&gaps(intervals + 1)), Err(GtidError::Intervals));
    // Also when they are of many sources, or join in the end.
    let apart = format!("{},{B}:1", gaps(intervals));
    assert_eq!(parse(&apart), Err(GtidError::Intervals));
    assert_eq!(parse(&format!("{A}{}", ":1".repeat(intervals + 1))), Err(GtidError::Intervals));
    assert_eq!(parse(&sources(origins)), Ok(()));
    assert_eq!(parse(&sources(origins + 1)), Err(GtidError::Origins));
    let servers = |count: usize| (0..count).map(|at| format!("0-{at}-1,")).collect::<String>();
    let parse = |state: &str| BinlogState::parse("", state, "").map(drop);
    assert_eq!(parse(&servers(origins)), Ok(()));
    assert_eq!(parse(&servers(origins + 1)), Err(GtidError::Origins));
    // What the probe lets into the queue of findings has room for the largest.
    let largest = format!("{},{}", sources(origins - 1), gaps(intervals - origins + 1));
    assert!((128 * 1024..300 * 1024).contains(&mysql(&largest).octets()));
    assert!(GtidState::Unknown.octets() == 0 && mariadb("", &servers(3)).octets() > 0);
}

#[test]
fn sets_and_positions_print_as_the_server_prints_them() {
    assert_eq!(mysql(&format!("{A}:1-3:4-5:9")).to_string(), format!("{A}:1-5:9"));
    assert_eq!(mariadb("0-1-17,1-2-3", "0-1-17").to_string(), "0-1-17,1-2-3");
    assert_eq!(GtidState::Unknown.to_string(), "");
}

#[test]
fn mariadb_forks_at_the_same_sequence_number_have_diverged() {
    let old = mariadb("0-1-17", "0-1-17");
    let new = mariadb("0-2-17", "0-1-16,0-2-17");
    assert_eq!(old.relation(&new), Relation::Diverged);
    let stopped_earlier = mariadb("0-1-16", "0-1-16");
    assert_eq!(new.relation(&stopped_earlier), Relation::Ahead);
    assert_eq!(stopped_earlier.relation(&new), Relation::Behind);
    assert_eq!(old.relation(&old), Relation::Equal);
    assert_eq!(old.relation(&GtidState::Unknown), Relation::Unknown);
}

#[test]
fn a_mariadb_replica_without_its_own_binary_log_counts_what_it_applied() {
    let replica = BinlogState::parse("", "", "0-1-17").expect("a position");
    let primary = BinlogState::parse("0-1-17", "0-1-17", "").expect("a position");
    assert!(replica.contains(&primary) && primary.contains(&replica));
}

#[test]
fn what_is_no_gtid_is_an_error() {
    for odd in ["x", "3e11fa47:1", A, &format!("{A}:0"), &format!("{A}:5-3")] {
        assert!(GtidSet::parse(odd).is_err(), "{odd}");
    }
    for odd in ["0-1", "0-1-2-3", "a-b-c", "0-1--2"] {
        assert!(BinlogState::parse(odd, "", "").is_err(), "{odd}");
    }
}

#[test]
fn nothing_is_lost_in_the_text_to_keep() {
    let check = |state: GtidState, text: &str| {
        assert_eq!(state.to_text(), text);
        assert_eq!(GtidState::parse_text(text), Ok(state), "{text}");
    };
    check(GtidState::Unknown, "");
    check(mysql(""), "mysql:");
    check(
        mysql(&format!("{A}:1-5:9:tag:1-3, {B}:7")),
        &format!("mysql:{A}:1-5:9,{A}:tag:1-3,{B}:7"),
    );
    check(mariadb("", ""), "mariadb:;");
    // The fork at 17 shows only in what was seen of server 2.
    check(mariadb("0-1-17", "0-1-17,0-2-16"), "mariadb:0-1-17;0-1-17,0-2-16");
}

#[test]
fn a_text_that_nobody_has_kept_is_an_error() {
    let a = format!("{A}:1");
    for odd in ["x", " ", "mysql", "mysql:x", "mariadb:", "mariadb:0-1-1", "mariadb:;x", &a] {
        assert!(GtidState::parse_text(odd).is_err(), "{odd}");
    }
    let long = GtidState::parse_text(&"x".repeat(1_000)).expect_err("no state");
    assert!(long.to_string().len() < 100, "{long}");
}

fn any_set() -> impl Strategy<Value = GtidState> {
    let interval = (1_u64.., 0_u64..20)
        .prop_map(|(first, more)| format!(":{first}-{}", first.saturating_add(more)));
    let source = prop_oneof![Just(A), Just(B)];
    let tag = prop_oneof![Just(""), Just(":tag"), Just(":_t2")];
    let part = (source, tag, collection::vec(interval, 1..4));
    let part = part.prop_map(|(uuid, tag, spans)| format!("{uuid}{tag}{}", spans.concat()));
    collection::vec(part, 0..5).prop_map(|parts| mysql(&parts.join(",")))
}

fn any_binlog_state() -> impl Strategy<Value = GtidState> {
    let gtid = (0_u32..3, 1_u32..4, any::<u64>());
    let gtid = gtid.prop_map(|(domain, server, number)| format!("{domain}-{server}-{number}"));
    let list = || collection::vec(gtid.clone(), 0..5).prop_map(|parts| parts.join(","));
    (list(), list()).prop_map(|(position, state)| mariadb(&position, &state))
}

proptest! {
    #[test]
    fn every_state_is_read_as_it_was_kept(
        state in prop_oneof![any_set(), any_binlog_state()],
    ) {
        let text = state.to_text();
        prop_assert_eq!(text.lines().count(), 1);
        prop_assert_eq!(GtidState::parse_text(&text), Ok(state));
    }

    #[test]
    fn intervals_say_what_their_numbers_say(
        ours in collection::vec((1_u64..40, 0_u64..6), 1..8),
        theirs in collection::vec((1_u64..40, 0_u64..6), 1..8),
    ) {
        let set = |spans: &[(u64, u64)]| {
            let spans: String =
                spans.iter().map(|(first, more)| format!(":{first}-{}", first + more)).collect();
            mysql(&format!("{A}{spans}"))
        };
        let numbers = |spans: &[(u64, u64)]| -> BTreeSet<u64> {
            spans.iter().flat_map(|&(first, more)| first..=first + more).collect()
        };
        let (one, other) = (numbers(&ours), numbers(&theirs));
        prop_assert_eq!(set(&ours).contains(&set(&theirs)), Some(other.is_subset(&one)));
        prop_assert_eq!(set(&ours).shares(&set(&theirs)), Some(!other.is_disjoint(&one)));
    }

    #[test]
    fn whatever_is_read_is_kept_as_it_was_read(
        text in "(mysql:|mariadb:)?[0-9a-f:;,_ -]{0,80}",
    ) {
        if let Ok(state) = GtidState::parse_text(&text) {
            prop_assert_eq!(GtidState::parse_text(&state.to_text()), Ok(state));
        }
    }
}
