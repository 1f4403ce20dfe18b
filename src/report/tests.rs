//! What is told of the sample's cluster.

use std::{sync::Arc, time::Duration};

use hickory_proto::rr::LowerName;

use super::{Change, ClusterReport, ClusterView, Reports, ServerReport, records};
use crate::{
    answers::{
        Balance, Outcome,
        sample::{healthy, layout, name, table, write},
    },
    engine::{
        ClusterId, Decision, Event, FailureKind, Lag, Moment, Override, ReadReason, ServerId,
        ServerIndex, ServerState, Standing, StateReason, Upstream, Wish, WriteReason,
    },
    wall_time::WallTime,
};

fn standing(state: ServerState, reason: StateReason, lag: Option<u64>) -> ServerReport {
    let lag = lag.map(|millis| Lag(Duration::from_millis(millis)));
    let since = Moment::from_millis(2_000);
    ServerReport {
        standing: Standing { state, reason, since, lag },
        failure: None,
        upstream: None,
        extent: None,
        progress: None,
        witnesses: [].into(),
        added: false,
    }
}

fn report(decision: Decision) -> ClusterReport {
    let refused = StateReason::Fails(FailureKind::Refused);
    let mut down = standing(ServerState::Down, refused, None);
    down.failure = Some("connect to 127.0.1.3:5432: \"refused\"".into());
    ClusterReport {
        decision,
        servers: [
            standing(ServerState::Primary, StateReason::SaysWritable, None),
            standing(ServerState::Replica, StateReason::Fresh, Some(250)),
            down,
        ]
        .into(),
        overrides: [].into(),
        events: Arc::new([]),
        start: WallTime::from_unix_millis(1_795_240_800_000),
    }
}

/// The lines of the TXT records at `owner`.
fn told(owner: &str, decision: &Decision, report: ClusterReport) -> Vec<String> {
    let table = table(decision);
    let owner = name(owner);
    let Outcome::Text(question) = table.lookup(&owner, hickory_proto::rr::RecordType::TXT).outcome
    else {
        panic!("no report at {owner}");
    };
    let records = records(&question, &table, &Reports::new(vec![report]), usize::MAX);
    assert!(records.iter().all(|record| record.ttl == 1 && LowerName::from(&record.name) == owner));
    records.iter().map(|record| record.data.to_string()).collect()
}

#[test]
fn status_tells_of_the_name_and_then_of_each_server() {
    let decision = healthy();
    let lines = told("_status.db-write.internal.", &decision, report(decision.clone()));
    assert_eq!(
        lines,
        [
            "name=db-write.internal. role=write servers=db1 since=2026-11-21T06:00:00Z \
             reason=\"it is the one writable primary\" stability=stable generation=1",
            "server=db1 state=Primary in=yes address=127.0.1.1 port=5432 \
             since=2026-11-21T06:00:02Z reason=\"it says that it is writable\"",
            "server=db2 state=Replica lag=0.2s in=no \
             address=2001:db8::2,127.0.1.2,127.0.2.2,2001:db8::22 port=5432 \
             since=2026-11-21T06:00:02Z reason=\"replicating within the limit\"",
            "server=db3 state=Down in=no address=127.0.1.3 port=5432 since=2026-11-21T06:00:02Z \
             reason=\"connection refused\"",
        ]
    );
    let lines = told("_status.db-read.internal.", &decision, report(decision.clone()));
    assert!(lines[0].starts_with("name=db-read.internal. role=read servers=db2,db3 "));
    assert!(lines[0].contains(" reason=\"the eligible replicas\" "));
}

#[test]
fn an_upstream_has_its_name_and_one_that_has_left_has_none() {
    let mut report = report(healthy());
    let member = |place| Some(Upstream::Member(ServerIndex::new(place)));
    report.servers[1].upstream = member(0);
    report.servers[2].upstream = member(9);
    let table = table(&healthy());
    let view = ClusterView::new(table.layout(), ClusterId(0), &report, WallTime::default());
    let servers = view.expect("a cluster").servers;
    let upstreams: Vec<_> = servers.into_iter().map(|server| server.upstream).collect();
    assert_eq!(upstreams, [None, Some(Upstream::Member("db1".into())), None]);
}

#[test]
fn a_name_without_an_address_says_none() {
    let decision = Decision { write: Some(write(None, WriteReason::NotWritable)), ..healthy() };
    let lines = told("_status.db-write.internal.", &decision, report(decision.clone()));
    assert!(lines[0].contains(" servers=none "), "{}", lines[0]);
    assert!(lines[1].contains(" in=no "), "{}", lines[1]);
}

#[test]
fn why_tells_what_a_server_is_and_why_it_is_in_a_name_or_not() {
    let decision = healthy();
    let lines = told("_why.db3.internal.", &decision, report(decision.clone()));
    assert_eq!(
        lines[..3],
        [
            "server=db3 cluster=orders state=Down address=127.0.1.3 port=5432 \
             since=2026-11-21T06:00:02Z reason=\"connection refused\" \
             detail=\"connect to 127.0.1.3:5432: 'refused'\"",
            "name=db-write.internal. role=write in=no reason=\"it is Down: connection refused; \
             published is db1: it is the one writable primary\"",
            "name=db-read.internal. role=read in=yes reason=\"the eligible replicas\"",
        ]
    );
    assert_eq!(lines.len(), 4);
}

#[test]
fn overrides_are_told_with_who_why_and_until_when() {
    let decision = healthy();
    let laid = |wish, until| Override {
        wish,
        author: "anna".into(),
        reason: "kernel upgrade".into(),
        since: Moment::from_millis(3_000),
        until,
    };
    let mut report = report(decision.clone());
    report.overrides = [
        laid(Wish::Drain { server: ServerIndex::new(1), force: true }, None),
        laid(Wish::Freeze, Some(Moment::from_millis(3_603_000))),
    ]
    .into();
    let drain = "override=drain server=db2 force=yes author=anna since=2026-11-21T06:00:03Z \
                 until=never reason=\"kernel upgrade\"";
    let freeze = "override=freeze author=anna since=2026-11-21T06:00:03Z \
                  until=2026-11-21T07:00:03Z reason=\"kernel upgrade\"";
    let status = told("_status.db-write.internal.", &decision, report.clone());
    assert_eq!(status[4..], [drain, freeze]);
    assert_eq!(told("_why.db2.internal.", &decision, report.clone())[4..], [drain, freeze]);
    assert_eq!(told("_why.db3.internal.", &decision, report)[4..], [freeze]);
}

#[test]
fn events_are_the_last_ten_newest_first() {
    let decision = healthy();
    let nothing = told("_events.orders.internal.", &decision, report(decision.clone()));
    assert_eq!(nothing, ["cluster=orders events=0"]);

    let server = ServerId { cluster: ClusterId(0), server: ServerIndex::new(2) };
    let state = Event::State {
        server,
        from: ServerState::Replica,
        to: ServerState::Down,
        reason: StateReason::Fails(FailureKind::Refused),
        detail: "refused".into(),
    };
    let moved = Event::Write {
        cluster: ClusterId(0),
        from: None,
        to: Some(ServerIndex::new(0)),
        reason: WriteReason::Primary,
    };
    let left = Event::Read {
        cluster: ClusterId(0),
        name: 0,
        from: vec![ServerIndex::new(1), ServerIndex::new(2)],
        to: vec![ServerIndex::new(1)],
        reason: ReadReason::Eligible,
    };
    let mut report = report(decision.clone());
    let events = [left, state, moved.clone()].into_iter().chain(vec![moved; 20]);
    report.events = (0..)
        .zip(events)
        .map(|(age, event)| {
            let at = WallTime::from_unix_millis(1_795_240_800_100 - age * 1_000);
            Arc::new(Change::new(&event, &layout(Balance::Shuffle), at))
        })
        .collect();
    let lines = told("_events.orders.internal.", &decision, report);
    assert_eq!(lines.len(), 10);
    assert_eq!(
        lines[..3],
        [
            "time=2026-11-21T06:00:00.100Z name=db-read.internal. from=db2,db3 to=db2 \
             reason=\"the eligible replicas\"",
            "time=2026-11-21T05:59:59.100Z server=db3 from=Replica to=Down \
             reason=\"connection refused\" detail=refused",
            "time=2026-11-21T05:59:58.100Z name=db-write.internal. from=none to=db1 \
             reason=\"it is the one writable primary\"",
        ]
    );
}

#[test]
fn reports_share_what_did_not_change() {
    let reports = Reports::new(vec![report(healthy()); 250]);
    let mut other = report(healthy());
    other.start = WallTime::default();
    let next = reports.with([(ClusterId(101), other.clone()), (ClusterId(250), other.clone())]);
    assert_eq!(**next.of(ClusterId(101)).unwrap(), other);
    assert_eq!(**reports.of(ClusterId(101)).unwrap(), report(healthy()));
    for same in [0, 100, 102, 249] {
        let both = [&reports, &next].map(|reports| reports.of(ClusterId(same)).unwrap());
        assert!(Arc::ptr_eq(both[0], both[1]), "{same}");
    }
    assert!(next.of(ClusterId(250)).is_none());
}
