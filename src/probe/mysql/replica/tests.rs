//! The documented columns of every version, as the `mysql` client prints them.

use std::time::Duration;

use super::{Reply, channels};
use crate::engine::{Channel, Domains, Endpoint, FailureKind, IoThread, Position, SourceId};

macro_rules! fixture {
    ($name:literal) => {
        Reply::vertical(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/mysql/replica-",
            $name,
            ".txt"
        )))
    };
}

fn healthy(uuid: Option<&str>) -> Channel {
    Channel {
        name: "".into(),
        source: SourceId {
            uuid: uuid.map(Into::into),
            server_id: 1,
            endpoint: Endpoint { host: "db1.example".into(), port: 3306 },
        },
        io: IoThread::Running,
        sql_running: true,
        sql_errno: 0,
        received: Some(Position { segment: 42, offset: 9_500 }),
        applied: Some(Position { segment: 42, offset: 9_400 }),
        seconds_behind: Some(0),
        delay: Duration::ZERO,
        heartbeats: None,
        domains: Domains::All,
    }
}

const MYSQL: Option<&str> = Some("3e11fa47-71ca-11e1-9e33-c80aa9429562");

#[test]
fn mysql_5_7_speaks_of_master_and_slave() {
    let found = channels(&fixture!("mysql-5.7")).expect("readable");
    assert_eq!(found, [healthy(MYSQL)]);
}

#[test]
fn mysql_8_0_22_speaks_of_source_and_replica() {
    let found = channels(&fixture!("mysql-8.0")).expect("readable");
    let expected = Channel { seconds_behind: Some(3), ..healthy(MYSQL) };
    assert_eq!(found, [expected]);
}

#[test]
fn mysql_8_4_may_be_late_on_purpose() {
    let found = channels(&fixture!("mysql-8.4")).expect("readable");
    let expected = Channel {
        seconds_behind: Some(3_605),
        delay: Duration::from_secs(3_600),
        ..healthy(MYSQL)
    };
    assert_eq!(found, [expected]);
}

#[test]
fn mysql_9_has_a_row_for_each_channel() {
    let found = channels(&fixture!("mysql-9")).expect("readable");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], healthy(MYSQL));
    assert_eq!(&*found[1].name, "migration");
    assert_eq!(found[1].source.server_id, 77);
    assert_eq!(found[1].io, IoThread::Connecting);
    assert_eq!(found[1].seconds_behind, None);
}

#[test]
fn an_error_of_the_applier_is_read() {
    let found = channels(&fixture!("mysql-8.4-broken")).expect("readable");
    assert!(!found[0].sql_running);
    assert_eq!(found[0].sql_errno, 1_062);
    assert_eq!(found[0].seconds_behind, None);
}

#[test]
fn the_groups_own_channels_are_left_out() {
    let found = channels(&fixture!("mysql-8.0-group")).expect("readable");
    assert_eq!(found, []);
}

#[test]
fn mariadb_keeps_its_names_and_counts_heartbeats() {
    let healthy = Channel { heartbeats: Some(17), ..healthy(None) };
    let found = channels(&fixture!("mariadb-10.3")).expect("readable");
    assert_eq!(found.first(), Some(&healthy));
    let found = channels(&fixture!("mariadb-10.11")).expect("readable");
    let expected = Channel { seconds_behind: Some(2), ..healthy };
    assert_eq!(found, [expected]);
}

#[test]
fn mariadb_10_5_with_a_broken_applier_and_12_that_prepares() {
    let broken = channels(&fixture!("mariadb-10.5")).expect("readable");
    assert!(!broken[0].sql_running && broken[0].sql_errno == 1_032);
    let preparing = channels(&fixture!("mariadb-12")).expect("readable");
    assert_eq!(preparing[0].io, IoThread::Connecting);
    assert_eq!(&*preparing[0].name, "west");
}

#[test]
fn mariadb_may_leave_domains_out() {
    let told = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/mysql/replica-mariadb-10.11.txt"
    ));
    let with = |name: &str, list: &str| {
        let text = told.replace(&format!("{name}: "), &format!("{name}: {list}"));
        channels(&Reply::vertical(&text)).map(|found| found[0].domains.clone())
    };
    assert_eq!(with("Replicate_Do_Domain_Ids", "1, 2"), Ok(Domains::Only([1, 2].into())));
    assert_eq!(with("Replicate_Ignore_Domain_Ids", "7"), Ok(Domains::AllBut([7].into())));
    assert!(with("Replicate_Ignore_Domain_Ids", "x").is_err());
}

#[test]
fn no_row_is_no_channel() {
    assert_eq!(channels(&Reply::default()), Ok(vec![]));
}

#[test]
fn odd_values_are_garbled_and_never_guessed() {
    for (line, change) in [
        ("Replica_IO_Running: Yes", "Replica_IO_Running: Maybe"),
        ("Replica_SQL_Running: Yes", "Replica_SQL_Running: "),
        ("Replica_SQL_Running: Yes", "Replica_SQL_Running: NULL"),
        ("Source_Port: 3306", "Source_Port: 99999"),
        ("Seconds_Behind_Source: 3", "Seconds_Behind_Source: soon"),
        ("Last_SQL_Errno: 0", "Last_SQL_Errno: -1"),
    ] {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/mysql/replica-mysql-8.0.txt"
        ));
        let changed = text.replace(line, change);
        assert_ne!(changed, text, "{line}");
        let failure = channels(&Reply::vertical(&changed)).expect_err(change);
        assert_eq!(failure.kind, FailureKind::Garbled, "{change}");
    }
}

#[test]
fn before_the_first_connect_there_is_no_position() {
    let text = "Master_Host: db1\nMaster_Port: 3306\nMaster_Log_File:\nRead_Master_Log_Pos: 4\n\
                Relay_Master_Log_File:\nExec_Master_Log_Pos: 0\nSlave_IO_Running: Connecting\n\
                Slave_SQL_Running: Yes\nSeconds_Behind_Master: -1\nMaster_Server_Id: 0";
    let found = channels(&Reply::vertical(text)).expect("readable");
    assert_eq!((found[0].received, found[0].applied), (None, None));
    assert_eq!(found[0].seconds_behind, Some(0));
    assert_eq!(found[0].source.uuid, None);
}
