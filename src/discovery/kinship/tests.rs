//! What proves kinship and what does not, engine by engine.

use std::{sync::Arc, time::Duration};

use super::{Candidate, judge};
use crate::{
    discovery::{
        ExaminedReason, Follower, Introduction, Login, Member, Proof, Word,
        fixtures::{primary, standby},
    },
    engine::{
        Channel, Domains, Endpoint, Facts, Flavour, Galera, Group, GroupMember, GroupRole,
        GtidState, Heartbeat, IoThread, MySqlFacts, MySqlIdentity, Receiver, ServerState, SourceId,
        Writability,
    },
};

/// `10.0.0.N`.
fn host(number: u8) -> String {
    format!("10.0.0.{number}")
}

fn endpoint(number: u8, port: u16) -> Endpoint {
    Endpoint { host: host(number).into(), port }
}

fn introduced(number: u8, port: u16) -> Introduction {
    let instance = Some(format!("id-{number}-{port}").into());
    let endpoint = Some(endpoint(number, port));
    Introduction { instance, endpoint, ..Introduction::default() }
}

fn member(number: u8, state: ServerState, facts: Facts) -> Member {
    let port = if matches!(facts, Facts::Postgres(_)) { 5432 } else { 3306 };
    Member {
        name: format!("db{number}").into(),
        addresses: vec![[10, 0, 0, number].into()],
        port,
        aliases: vec![format!("db{number}.example").into()],
        found: None,
        state,
        down_for: None,
        word: Some(Word { facts, introduction: introduced(number, port) }.into()),
        replies: 9,
    }
}

fn judged(number: u8, word: &Word, members: &[Member]) -> Result<Proof, ExaminedReason> {
    let port = if matches!(word.facts, Facts::Postgres(_)) { 5432 } else { 3306 };
    judge(Candidate { at: ([10, 0, 0, number], port).into(), word }, members)
}

// PostgreSQL.

fn word(number: u8, facts: Facts) -> Word {
    let port = if matches!(facts, Facts::Postgres(_)) { 5432 } else { 3306 };
    Word { facts, introduction: introduced(number, port) }
}

fn streaming(system: u64, timeline: u32, of: u8) -> Facts {
    standby(system, timeline, Receiver::Streaming, Some(endpoint(of, 5432)))
}

#[test]
fn a_standby_must_stream_the_members_timeline_from_a_member() {
    let members = [
        member(1, ServerState::Primary, primary(7, 3)),
        member(2, ServerState::Replica, streaming(7, 3, 1)),
    ];
    let by = |name: &str| Ok(Proof::Follows(name.into()));
    let named = |host: &str| Some(Endpoint { host: host.into(), port: 5432 });
    let by_name = standby(7, 3, Receiver::Streaming, named("DB1.example."));
    for (facts, expected) in [
        (streaming(7, 3, 1), by("db1")),
        // A cascade.
        (streaming(7, 3, 2), by("db2")),
        (by_name, by("db1")),
        (streaming(8, 3, 1), Err(ExaminedReason::OtherIdentity)),
        (streaming(7, 2, 1), Err(ExaminedReason::OtherTimeline)),
        (streaming(7, 3, 66), Err(ExaminedReason::NoLink)),
        (standby(7, 3, Receiver::Absent, None), Err(ExaminedReason::NoLink)),
        (standby(7, 3, Receiver::NotStreaming, named("10.0.0.1")), Err(ExaminedReason::NoLink)),
        (standby(7, 3, Receiver::Hidden, None), Err(ExaminedReason::NoLink)),
        (primary(7, 3), Err(ExaminedReason::Stranger)),
        // A restored copy that was promoted has a higher timeline.
        (primary(7, 4), Err(ExaminedReason::Stranger)),
        (primary(8, 9), Err(ExaminedReason::OtherIdentity)),
        (Facts::Tcp, Err(ExaminedReason::OtherEngine)),
    ] {
        let told = format!("{facts:?}");
        assert_eq!(judged(9, &word(9, facts), &members), expected, "{told}");
    }
}

#[test]
fn a_member_that_does_not_belong_vouches_for_nobody() {
    for state in [
        ServerState::WrongCluster,
        ServerState::StalePrimary,
        ServerState::ReplicaBroken,
        ServerState::Unknown,
        ServerState::Down,
    ] {
        let members = [member(1, state, primary(8, 3))];
        let verdict = judged(9, &word(9, streaming(8, 3, 1)), &members);
        assert_eq!(verdict, Err(ExaminedReason::NoLink), "{state}");
    }
}

#[test]
fn the_senders_list_counts_where_its_name_means_nothing_to_us() {
    let mut sender = member(1, ServerState::Primary, primary(7, 3));
    let follower = Follower { host: host(9).into(), name: Some("standby9".into()) };
    let said = sender.word.as_mut().map(Arc::make_mut).expect("a word");
    said.introduction.followers = vec![follower];
    let inside = |port| Some(Endpoint { host: "primary.svc".into(), port });
    let candidate = |facts| judged(9, &word(9, facts), std::slice::from_ref(&sender));
    let streams = |timeline, port| standby(7, timeline, Receiver::Streaming, inside(port));
    assert_eq!(candidate(streams(3, 5432)), Ok(Proof::FollowedBy("db1".into())));
    assert_eq!(candidate(streams(3, 5433)), Err(ExaminedReason::NoLink));
    assert_eq!(candidate(streams(2, 5432)), Err(ExaminedReason::OtherTimeline));
    // Something on that host receives: a backup. The server there is another one.
    assert_eq!(candidate(primary(7, 4)), Err(ExaminedReason::Stranger));
    let elsewhere = judged(8, &word(8, streams(3, 5432)), std::slice::from_ref(&sender));
    assert_eq!(elsewhere, Err(ExaminedReason::NoLink));
}

#[test]
fn one_server_at_two_addresses_is_one_server() {
    let members = [
        member(1, ServerState::Primary, primary(7, 3)),
        member(2, ServerState::Replica, streaming(7, 3, 1)),
    ];
    let verdict = judged(9, &word(2, streaming(7, 3, 1)), &members);
    assert_eq!(verdict, Err(ExaminedReason::SameServer { as_server: "db2".into() }));
    // As a pooler in front of the primary shows it.
    let verdict = judged(9, &word(1, primary(7, 3)), &members);
    assert_eq!(verdict, Err(ExaminedReason::SameServer { as_server: "db1".into() }));
}

// MySQL and MariaDB.

struct Replica {
    source: Option<SourceId>,
    io: IoThread,
    writability: Writability,
    gtid: &'static str,
}

fn source(uuid: Option<&str>, server_id: u32, of: u8) -> SourceId {
    SourceId { uuid: uuid.map(Into::into), server_id, endpoint: endpoint(of, 3306) }
}

fn mysql(uuid: Option<&str>, server_id: u32, group: Option<Group>, replica: &Replica) -> Facts {
    let channel = |source: &SourceId| Channel {
        name: "".into(),
        source: source.clone(),
        io: replica.io,
        sql_running: true,
        sql_errno: 0,
        received: None,
        applied: None,
        seconds_behind: Some(0),
        delay: Duration::ZERO,
        heartbeats: None,
        domains: Domains::All,
    };
    Facts::MySql(MySqlFacts {
        flavour: if uuid.is_some() { Flavour::MySql } else { Flavour::MariaDb },
        identity: MySqlIdentity { uuid: uuid.map(Into::into), server_id },
        writability: replica.writability,
        channels: Some(replica.source.iter().map(channel).collect()),
        gtid: GtidState::parse_text(replica.gtid).expect("a state"),
        position: None,
        group,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    })
}

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const GTID: &str = "mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";

const ALONE: Replica =
    Replica { source: None, io: IoThread::Stopped, writability: Writability::Writable, gtid: GTID };

fn replica(source: SourceId, io: IoThread) -> Replica {
    Replica { source: Some(source), io, writability: Writability::ReadOnly, gtid: GTID }
}

#[test]
fn a_replica_must_have_a_running_channel_from_a_member() {
    let of_mysql = [member(1, ServerState::Primary, mysql(Some(UUID), 1, None, &ALONE))];
    let of_mariadb = [member(1, ServerState::Primary, mysql(None, 1, None, &ALONE))];
    let by = || Ok(Proof::Follows("db1".into()));
    let no_link = || Err(ExaminedReason::NoLink);
    let other = "4e11fa47-71ca-11e1-9e33-c80aa9429562";
    for (members, source, io, expected) in [
        (&of_mysql, source(Some(UUID), 1, 66), IoThread::Running, by()),
        (&of_mysql, source(Some(UUID), 1, 1), IoThread::Connecting, no_link()),
        (&of_mysql, source(Some(UUID), 1, 1), IoThread::Stopped, no_link()),
        (&of_mysql, source(Some(other), 1, 1), IoThread::Running, no_link()),
        (&of_mariadb, source(None, 1, 1), IoThread::Running, by()),
        // A number is anybody's, and so is an address alone.
        (&of_mariadb, source(None, 1, 66), IoThread::Running, no_link()),
        (&of_mariadb, source(None, 2, 1), IoThread::Running, no_link()),
        (&of_mariadb, source(None, 0, 1), IoThread::Running, no_link()),
    ] {
        let told = format!("{source:?} {io:?}");
        let facts = mysql(Some(other), 9, None, &replica(source, io));
        assert_eq!(judged(9, &word(9, facts), members), expected, "{told}");
    }
}

#[test]
fn a_writable_copy_of_our_transactions_is_a_stranger() {
    let members = [member(1, ServerState::Primary, mysql(Some(UUID), 1, None, &ALONE))];
    let copy = mysql(Some("5e11fa47-71ca-11e1-9e33-c80aa9429562"), 9, None, &ALONE);
    assert_eq!(judged(9, &word(9, copy), &members), Err(ExaminedReason::Stranger));
    let other = Replica { gtid: "mysql:", ..ALONE };
    let other = mysql(Some("5e11fa47-71ca-11e1-9e33-c80aa9429562"), 9, None, &other);
    assert_eq!(judged(9, &word(9, other), &members), Err(ExaminedReason::NoLink));
}

fn galera(cluster: &str, primary_component: bool, members: &[&str]) -> Facts {
    let members = members.iter().map(|member| Box::from(*member)).collect();
    let node = Galera {
        cluster_uuid: cluster.into(),
        ready: primary_component,
        primary_component,
        local_state: 4,
        refuses_clients: false,
        receive_queue: 0,
        members,
    };
    mysql(None, 1, Some(Group::Galera(node)), &ALONE)
}

#[test]
fn a_galera_node_must_be_listed_by_one_with_quorum() {
    let both = ["10.0.0.1:3306", "10.0.0.9:3306"];
    let listed = [member(1, ServerState::Primary, galera("a", true, &both))];
    let unlisted = [member(1, ServerState::Primary, galera("a", true, &both[..1]))];
    let no_quorum = [member(1, ServerState::Replica, galera("a", false, &both))];
    for (members, facts, expected) in [
        (&listed, galera("a", true, &both), Ok(Proof::InGroupOf("db1".into()))),
        (&listed, galera("a", false, &both), Err(ExaminedReason::NoLink)),
        (&listed, galera("b", true, &both), Err(ExaminedReason::OtherIdentity)),
        // A restored node that was bootstrapped has our UUID, and nobody lists it.
        (&unlisted, galera("a", true, &both[1..]), Err(ExaminedReason::NoLink)),
        (&no_quorum, galera("a", true, &both), Err(ExaminedReason::NoLink)),
    ] {
        assert_eq!(judged(9, &word(9, facts), members), expected, "{members:?}");
    }
}

#[test]
fn a_group_member_must_be_listed_by_one_with_a_majority() {
    let other = "4e11fa47-71ca-11e1-9e33-c80aa9429562";
    let group = |name: &str, online, majority, members: &[&str]| {
        Group::Replication(GroupMember {
            online,
            role: GroupRole::Secondary,
            majority,
            queue: 0,
            group_name: Some(name.into()),
            members: members.iter().map(|member| Box::from(*member)).collect(),
        })
    };
    let server = |uuid: &str, group| mysql(Some(uuid), 1, Some(group), &ALONE);
    let both = [UUID, other];
    let sound = server(UUID, group("g", true, true, &both));
    let minority = server(UUID, group("g", true, false, &both));
    let alone = server(UUID, group("g", true, true, &both[..1]));
    let state = ServerState::Primary;
    for (known, candidate, expected) in [
        (&sound, group("g", true, true, &both), Ok(Proof::InGroupOf("db1".into()))),
        (&sound, group("g", false, true, &both), Err(ExaminedReason::NoLink)),
        (&sound, group("h", true, true, &both), Err(ExaminedReason::OtherIdentity)),
        (&minority, group("g", true, true, &both), Err(ExaminedReason::NoLink)),
        (&alone, group("g", true, true, &both), Err(ExaminedReason::NoLink)),
    ] {
        let members = [member(1, state, known.clone())];
        let told = format!("{candidate:?}");
        let verdict = judged(9, &word(9, server(other, candidate)), &members);
        assert_eq!(verdict, expected, "{told}");
    }
}

#[test]
fn who_lets_everybody_in_is_believed_only_when_a_member_lists_it() {
    let open = |number: u8| {
        let mut word = word(number, streaming(7, 3, 1));
        word.introduction.login = Login::Open;
        word
    };
    let mut members = [member(1, ServerState::Primary, primary(7, 3))];
    assert_eq!(judged(5, &open(5), &members), Err(ExaminedReason::Unlisted));
    let listed = Follower { host: host(5).into(), name: None };
    let told = members[0].word.as_mut().map(Arc::make_mut).expect("it has said something");
    told.introduction.followers.push(listed);
    assert_eq!(judged(5, &open(5), &members), Ok(Proof::FollowedBy("db1".into())));
    assert_eq!(judged(6, &open(6), &members), Err(ExaminedReason::Unlisted));
}
