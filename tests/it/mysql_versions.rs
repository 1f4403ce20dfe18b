//! The MySQL probe against every version's documented answers: the right statements, facts and
//! failures.
//!
//! No MySQL server runs here: the answers are the manuals' ("SHOW REPLICA STATUS", "SHOW SLAVE
//! STATUS", "SHOW BINARY LOG STATUS", "The replication_group_members Table") and the error numbers
//! those of its error reference.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pointsman::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, Secret, TargetHost, TlsMode},
    engine::{
        Facts, Failure, FailureKind, Flavour, Group, GroupMember, GroupRole, GtidState, Heartbeat,
        IoThread, MySqlFacts, Position, Writability,
    },
    probe::{
        Dial, Trouble,
        mysql::{KeptLogin, Session},
    },
};
use tokio::time::{Instant, timeout};

use crate::fake_mysql::{Answer, FakeMySql, Login, Parting, Script, rows, vertical};

const UUID: &str = "5e11fa47-71ca-11e1-9e33-c80aa9429562";
const HOST: &str = "127.23.7.1";
/// Far more than any of these exchanges takes.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Version {
    MySql57,
    MySql80,
    MySql84,
    MySql9,
    MariaDb103,
    MariaDb12,
}

use Version::{MariaDb12, MariaDb103, MySql9, MySql57, MySql80, MySql84};

impl Version {
    fn text(self) -> (&'static str, &'static str) {
        match self {
            MySql57 => ("5.7.44-log", "MySQL Community Server (GPL)"),
            MySql80 => ("8.0.40", "MySQL Community Server - GPL"),
            MySql84 => ("8.4.3", "MySQL Community Server - GPL"),
            MySql9 => ("9.7.0", "MySQL Community Server - GPL"),
            MariaDb103 => ("10.3.39-MariaDB-log", "MariaDB Server"),
            MariaDb12 => ("12.0.2-MariaDB", "MariaDB Server"),
        }
    }

    fn is_mariadb(self) -> bool {
        matches!(self, MariaDb103 | MariaDb12)
    }

    /// The statements that this version's grammar has, by its manual.
    fn knows(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            MySql57 => (&["SHOW SLAVE STATUS"], &["SHOW MASTER STATUS"]),
            MySql80 => (&["SHOW SLAVE STATUS", "SHOW REPLICA STATUS"], &["SHOW MASTER STATUS"]),
            MySql84 | MySql9 => (&["SHOW REPLICA STATUS"], &["SHOW BINARY LOG STATUS"]),
            MariaDb103 => (&["SHOW ALL SLAVES STATUS"], &["SHOW MASTER STATUS"]),
            MariaDb12 => (
                &["SHOW ALL SLAVES STATUS", "SHOW ALL REPLICAS STATUS"],
                &["SHOW MASTER STATUS", "SHOW BINLOG STATUS"],
            ),
        }
    }

    fn replica(self) -> Answer {
        vertical(match self {
            MySql57 => include_str!("../fixtures/mysql/replica-mysql-5.7.txt"),
            MySql80 => include_str!("../fixtures/mysql/replica-mysql-8.0.txt"),
            MySql84 => include_str!("../fixtures/mysql/replica-mysql-8.4.txt"),
            MySql9 => include_str!("../fixtures/mysql/replica-mysql-9.txt"),
            MariaDb103 => include_str!("../fixtures/mysql/replica-mariadb-10.3.txt"),
            MariaDb12 => include_str!("../fixtures/mysql/replica-mariadb-12.txt"),
        })
    }

    /// A lone, writable server of this version.
    pub(crate) fn primary(self) -> Script {
        let (version, comment) = self.text();
        let greeting = match self {
            MariaDb103 => "5.5.5-10.3.39-MariaDB-log",
            _ => version,
        };
        let script = Script::new(greeting)
            .on(
                "SELECT @@version",
                rows(&["@@version", "@@version_comment"], &[&[version, comment]]),
            )
            .on("SHOW GLOBAL VARIABLES", self.variables(&[]))
            .on("SHOW GLOBAL STATUS", settings(&[("Threads_connected", "5")]))
            .on("SELECT @@GLOBAL.gtid", self.gtid());
        let (channels, position) = self.knows();
        let script = channels
            .iter()
            .fold(script, |script, statement| script.on(statement, rows(&["Channel_Name"], &[])));
        let coordinate = rows(&["File", "Position"], &[&["binlog.000042", "1234"]]);
        position.iter().fold(script, |script, statement| script.on(statement, coordinate.clone()))
    }

    fn variables(self, changes: &[(&str, &str)]) -> Answer {
        let mut all = vec![("log_bin", "ON"), ("read_only", "OFF"), ("server_id", "11")];
        if !self.is_mariadb() {
            all.extend([
                ("gtid_mode", "ON"),
                ("innodb_read_only", "OFF"),
                ("offline_mode", "OFF"),
                ("server_uuid", UUID),
                ("super_read_only", "OFF"),
            ]);
        }
        for change in changes {
            all.retain(|pair| pair.0 != change.0);
            all.push(*change);
        }
        settings(&all)
    }

    fn gtid(self) -> Answer {
        if self.is_mariadb() {
            let columns = ["gtid_binlog_pos", "gtid_binlog_state", "gtid_slave_pos"];
            rows(&columns, &[&["0-11-7", "0-11-7", ""]])
        } else {
            rows(&["gtid_executed"], &[&[&format!("{UUID}:1-7")]])
        }
    }

    /// The same as a read-only replica.
    fn as_replica(self) -> Script {
        let (channels, _) = self.knows();
        let read_only = match self {
            MariaDb103 => self.variables(&[("read_only", "1")]),
            MariaDb12 => self.variables(&[("read_only", "NO_LOCK_NO_ADMIN")]),
            _ => self.variables(&[("read_only", "ON"), ("super_read_only", "ON")]),
        };
        let script = self.primary().on("SHOW GLOBAL VARIABLES", read_only);
        channels.iter().fold(script, |script, statement| script.on(statement, self.replica()))
    }
}

const ALL: [Version; 6] = [MySql57, MySql80, MySql84, MySql9, MariaDb103, MariaDb12];

fn settings(pairs: &[(&str, &str)]) -> Answer {
    let pairs: Vec<[&str; 2]> = pairs.iter().map(|&(name, value)| [name, value]).collect();
    let pairs: Vec<&[&str]> = pairs.iter().map(|pair| &pair[..]).collect();
    rows(&["Variable_name", "Value"], &pairs)
}

pub(crate) fn target(address: SocketAddr) -> ProbeTarget {
    ProbeTarget { host: TargetHost::Address(address.ip()), port: address.port() }
}

pub(crate) fn config(tls: TlsMode) -> ProbeConfig {
    ProbeConfig {
        user: "pointsman".into(),
        password: Some(Secret::new("secret words")),
        database: "".into(),
        tls,
        auth: AuthConfig::default(),
        interval: Duration::from_secs(1),
        fast_interval: Duration::from_millis(250),
        candidate_interval: Duration::from_millis(15),
        timeout: Duration::from_millis(600),
        heartbeat_write: false,
    }
}

/// How the probe reaches a peer at `address`.
pub(crate) fn dial(address: SocketAddr, tls: TlsMode) -> Dial {
    Dial::new(target(address), Arc::new(config(tls)))
}

async fn connect(server: &FakeMySql) -> Result<Session, Failure> {
    Session::connect(&mut dial(server.address, TlsMode::Disable), &mut KeptLogin::default(), soon())
        .await
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

async fn probe(session: &mut Session, heartbeat: bool) -> Result<MySqlFacts, Failure> {
    match session.probe(soon(), heartbeat).await.map_err(Trouble::into_failure)? {
        Facts::MySql(facts) => Ok(facts),
        other => panic!("{other:?}"),
    }
}

async fn facts(script: Script) -> MySqlFacts {
    let server = FakeMySql::start(HOST, script).await;
    let mut session = connect(&server).await.expect("a login");
    probe(&mut session, false).await.expect("facts")
}

async fn failure(script: Script) -> Failure {
    let server = FakeMySql::start(HOST, script).await;
    match connect(&server).await {
        Err(failure) => failure,
        Ok(mut session) => probe(&mut session, false).await.expect_err("a failure"),
    }
}

#[tokio::test]
async fn a_primary_of_each_version_is_read_in_its_own_words() {
    for version in ALL {
        let (name, _) = version.text();
        let server = FakeMySql::start(HOST, version.primary()).await;
        let mut session = connect(&server).await.expect(name);
        let facts = probe(&mut session, false).await.expect(name);
        let flavour = match version.is_mariadb() {
            true => Flavour::MariaDb,
            false => Flavour::MySql,
        };
        assert_eq!(facts.flavour, flavour, "{name}");
        assert_eq!(facts.writability, Writability::Writable, "{name}");
        assert_eq!(facts.channels, Some(vec![]), "{name}");
        assert_eq!(facts.identity.server_id, 11, "{name}");
        let uuid = (!version.is_mariadb()).then_some(UUID);
        assert_eq!(facts.identity.uuid.as_deref(), uuid, "{name}");
        let position = Position { segment: 42, offset: 1_234 };
        assert_eq!(facts.position, Some(position), "{name}");
        assert_eq!(facts.sessions, Some(4), "{name}");
        assert_eq!((facts.group, facts.heartbeat), (None, Heartbeat::NotTried));
        match facts.gtid {
            GtidState::MySql(_) => assert!(!version.is_mariadb(), "{name}"),
            GtidState::MariaDb(_) => assert!(version.is_mariadb(), "{name}"),
            GtidState::Unknown => panic!("{name}"),
        }
        // Nothing was sent that this version's grammar lacks, so nothing had to be tried twice.
        let (channels, position) = version.knows();
        let known = [channels, position].concat();
        for statement in server.statements() {
            let is_status = statement.ends_with(" STATUS");
            assert!(!is_status || known.contains(&&*statement), "{name}: {statement}");
        }
    }
}

#[tokio::test]
async fn a_replica_of_each_version_is_read() {
    for version in ALL {
        let (name, _) = version.text();
        let facts = facts(version.as_replica()).await;
        let expected = match version.is_mariadb() {
            true => Writability::ReadOnly,
            false => Writability::SuperReadOnly,
        };
        assert_eq!(facts.writability, expected, "{name}");
        let channels = facts.channels.expect("the right to see them");
        let channel = channels.first().expect(name);
        assert_eq!(&*channel.source.endpoint.host, "db1.example", "{name}");
        assert_eq!(channel.source.endpoint.port, 3306, "{name}");
        assert_eq!(channel.source.server_id, 1, "{name}");
        assert!(channel.sql_running, "{name}");
        let io = match version {
            MariaDb12 => IoThread::Connecting,
            _ => IoThread::Running,
        };
        assert_eq!(channel.io, io, "{name}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_a_statement_is_asked_in_the_other_words() {
    // Aurora and forks keep old grammars under new numbers, and the other way round.
    for (claims, grammar) in [(MySql84, MySql57), (MySql57, MySql9)] {
        let (version, comment) = claims.text();
        let greeting = rows(&["v", "c"], &[&[version, comment]]);
        let script = grammar.as_replica().on("SELECT @@version", greeting);
        let server = FakeMySql::start(HOST, script).await;
        let mut session = connect(&server).await.expect("a login");
        for _ in 0..3 {
            let facts = probe(&mut session, false).await.expect("facts");
            assert!(!facts.channels.expect("the right").is_empty());
            assert!(facts.position.is_some());
        }
        let (wrong, _) = claims.knows();
        let tried = server.statements();
        let tries = tried.iter().filter(|text| wrong.contains(&&***text)).count();
        assert_eq!(tries, 1, "the switch is remembered");
    }
}

#[tokio::test]
async fn an_unusual_major_number_is_a_new_mysql() {
    let comment = "MySQL Community Server - GPL";
    let script =
        MySql9.primary().on("SELECT @@version", rows(&["v", "c"], &[&["26.7.0", comment]]));
    assert_eq!(facts(script).await.writability, Writability::Writable);
}

#[tokio::test]
async fn a_missing_right_leaves_the_channels_unknown_and_the_role_known() {
    let denied = Answer::Error(1227, "42000", "Access denied; you need REPLICATION CLIENT");
    let script = MySql84
        .primary()
        .on("SHOW REPLICA STATUS", denied.clone())
        .on("SHOW BINARY LOG STATUS", denied);
    let facts = facts(script).await;
    assert_eq!(facts.channels, None);
    assert_eq!(facts.position, None);
    assert_eq!(facts.writability, Writability::Writable);
}

#[tokio::test]
async fn each_variable_that_forbids_writes_is_seen() {
    for (name, expected) in [
        ("read_only", Writability::ReadOnly),
        ("super_read_only", Writability::SuperReadOnly),
        ("innodb_read_only", Writability::InnodbReadOnly),
        ("offline_mode", Writability::OfflineMode),
    ] {
        for version in [MySql57, MySql80, MySql84, MySql9] {
            let variables = version.variables(&[(name, "ON")]);
            let script = version.primary().on("SHOW GLOBAL VARIABLES", variables);
            assert_eq!(facts(script).await.writability, expected, "{name}");
        }
    }
}

fn group_member(version: Version, own: &str, others: &[(&str, &str)]) -> Script {
    let variables = version.variables(&[
        ("group_replication_group_name", "9a1f1a2e-0000-11e1-9e33-c80aa9429562"),
        ("super_read_only", if own == "PRIMARY" { "OFF" } else { "ON" }),
    ]);
    let mut members = vec![vec!["group_replication_applier", UUID, "ONLINE", own]];
    members.extend(
        others.iter().map(|&(id, state)| vec!["group_replication_applier", id, state, "SECONDARY"]),
    );
    let members: Vec<&[&str]> = members.iter().map(|row| &row[..]).collect();
    version
        .primary()
        .on("SHOW GLOBAL VARIABLES", variables)
        .on(
            "SELECT * FROM performance_schema.replication_group_members",
            rows(&["CHANNEL_NAME", "MEMBER_ID", "MEMBER_STATE", "MEMBER_ROLE"], &members),
        )
        .on(
            "SELECT * FROM performance_schema.replication_group_member_stats",
            rows(&["MEMBER_ID", "COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE"], &[&[UUID, "3"]]),
        )
}

#[tokio::test]
async fn group_replication_is_read_from_the_members_own_view() {
    for version in [MySql80, MySql84, MySql9] {
        for (role, others, expected_role, majority) in [
            ("PRIMARY", [("b", "ONLINE"), ("c", "ONLINE")], GroupRole::Primary, true),
            ("SECONDARY", [("b", "ONLINE"), ("c", "UNREACHABLE")], GroupRole::Secondary, true),
            ("PRIMARY", [("b", "UNREACHABLE"), ("c", "UNREACHABLE")], GroupRole::Primary, false),
        ] {
            let facts = facts(group_member(version, role, &others)).await;
            let expected = GroupMember {
                online: true,
                role: expected_role,
                majority,
                queue: 3,
                group_name: Some("9a1f1a2e-0000-11e1-9e33-c80aa9429562".into()),
                members: [UUID, "b", "c"].map(Into::into).to_vec(),
            };
            assert_eq!(facts.group, Some(Group::Replication(expected)));
        }
    }
}

#[tokio::test]
async fn a_galera_node_names_the_members_of_its_component() {
    let variables = [("wsrep_on", "ON"), ("wsrep_provider", "/usr/lib/galera/libgalera_smm.so")];
    let status = settings(&[
        ("Threads_connected", "5"),
        ("wsrep_ready", "ON"),
        ("wsrep_cluster_status", "Primary"),
        ("wsrep_cluster_state_uuid", "5b1d"),
        ("wsrep_local_state", "4"),
        ("wsrep_incoming_addresses", "10.0.0.2:3306,10.0.0.1:3306"),
    ]);
    let script = MariaDb103.primary();
    let script = script.on("SHOW GLOBAL VARIABLES", MariaDb103.variables(&variables));
    match facts(script.on("SHOW GLOBAL STATUS", status)).await.group {
        Some(Group::Galera(node)) => {
            assert_eq!(node.members, ["10.0.0.1:3306".into(), "10.0.0.2:3306".into()]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_group_that_may_not_be_seen_is_no_primary() {
    let denied = Answer::Error(1142, "42000", "SELECT command denied to user");
    let script = group_member(MySql84, "PRIMARY", &[]).on("SELECT * FROM", denied);
    assert_eq!(failure(script).await.kind, FailureKind::Misconfigured);
}

#[tokio::test]
async fn refused_logins_are_told_apart() {
    for (login, expected) in [
        (Login::RefuseAtOnce(1040, "Too many connections"), FailureKind::Saturated),
        (Login::RefuseAtOnce(1129, "Host is blocked"), FailureKind::Misconfigured),
        (Login::RefuseAtOnce(1130, "Host is not allowed"), FailureKind::Misconfigured),
        (Login::Refuse(1040, "Too many connections"), FailureKind::Saturated),
        (Login::Refuse(1045, "Access denied for user"), FailureKind::Misconfigured),
        (Login::Refuse(1226, "max_user_connections"), FailureKind::Misconfigured),
        (Login::Refuse(3032, "The server is in offline mode"), FailureKind::Offline),
        (Login::Refuse(3159, "require_secure_transport"), FailureKind::Misconfigured),
        (Login::Refuse(1053, "Server shutdown in progress"), FailureKind::ShuttingDown),
    ] {
        let failure = failure(MySql84.primary().login(login)).await;
        assert_eq!(failure.kind, expected, "{failure}");
        assert!(!failure.detail.contains("secret"), "{failure}");
    }
}

#[tokio::test]
async fn failing_statements_are_told_apart() {
    let error = |code| Answer::Error(code, "HY000", "in the server's words");
    for (statement, answer, expected) in [
        ("SELECT @@version", error(1047), FailureKind::GroupUnready),
        // `init_connect` has failed: it lets us in and has nothing for us.
        ("SELECT @@version", error(1184), FailureKind::Misconfigured),
        ("SHOW GLOBAL VARIABLES", error(1184), FailureKind::Closed),
        ("SHOW GLOBAL VARIABLES", error(1927), FailureKind::Closed),
        ("SHOW GLOBAL VARIABLES", error(3032), FailureKind::Offline),
        ("SHOW GLOBAL STATUS", error(1053), FailureKind::ShuttingDown),
        ("SELECT @@GLOBAL", error(1193), FailureKind::Garbled),
        ("SHOW REPLICA STATUS", error(1205), FailureKind::Troubled),
        ("SHOW REPLICA STATUS", error(1064), FailureKind::Garbled),
        ("SHOW BINARY LOG STATUS", Answer::Close, FailureKind::Closed),
        ("SHOW GLOBAL STATUS", Answer::Close, FailureKind::Closed),
        ("SHOW GLOBAL VARIABLES", settings(&[]), FailureKind::Garbled),
        ("SHOW GLOBAL VARIABLES", Answer::Done { affected: 0 }, FailureKind::Garbled),
        ("SELECT @@version", rows(&["v", "c"], &[]), FailureKind::Garbled),
        ("SHOW REPLICA STATUS", rows(&["banana"], &[&["1"]]), FailureKind::Garbled),
    ] {
        let failure = failure(MySql84.primary().on(statement, answer)).await;
        assert_eq!(failure.kind, expected, "{statement}: {failure}");
    }
}

#[tokio::test]
async fn the_heartbeat_is_written_and_its_faults_are_told_apart() {
    for (answer, expected) in [
        (Answer::Done { affected: 1 }, Heartbeat::Written),
        (Answer::Done { affected: 0 }, Heartbeat::NotTried),
        (Answer::Error(1146, "42S02", "no such table"), Heartbeat::NotTried),
        (Answer::Error(1142, "42000", "denied"), Heartbeat::NotTried),
        (Answer::Error(1290, "HY000", "--read-only"), Heartbeat::NotTried),
        (Answer::Error(1205, "HY000", "lock wait timeout"), Heartbeat::Failed),
        (Answer::Error(1021, "HY000", "disk full"), Heartbeat::Failed),
        (Answer::Close, Heartbeat::Failed),
        (Answer::Silence, Heartbeat::Failed),
    ] {
        let script = MySql84
            .primary()
            .on("SET SESSION lock", Answer::Done { affected: 0 })
            .on("UPDATE pointsman.heartbeat", answer);
        let server = FakeMySql::start(HOST, script).await;
        let mut session = connect(&server).await.expect("a login");
        for _ in 0..2 {
            let facts = probe(&mut session, true).await.expect("facts");
            assert_eq!(facts.heartbeat, expected);
        }
    }
}

#[tokio::test]
async fn a_heartbeat_that_was_never_begun_says_nothing_of_the_server() {
    for answer in [Answer::Silence, Answer::Close, Answer::Error(1040, "08004", "full")] {
        let script = MySql84.primary().on("SET SESSION lock", answer);
        let server = FakeMySql::start(HOST, script).await;
        let mut session = connect(&server).await.expect("a login");
        for _ in 0..2 {
            let facts = probe(&mut session, true).await.expect("facts");
            assert_eq!(facts.heartbeat, Heartbeat::NotTried);
        }
    }
}

/// The heartbeat's login is at the word of whoever answers, as the probe's is. Twenty is 2³⁰ rounds: a
/// client that does them here comes to no end, and neither does anything else on this thread.
#[tokio::test]
async fn the_login_of_a_heartbeat_does_no_more_for_a_rogue_than_that_of_a_probe() {
    const SWITCH: &[u8] = b"\xFEparsec\0a123456789abcdef0123456789abcdef";
    const SLOW: &[u8] = b"\x01P\x14123456789012345678";
    const QUICK: &[u8] = b"\x01P\x00123456789012345678";
    const CACHING: &[u8] = b"\xFEcaching_sha2_password\0abcdefghijklmnopqrst\0";
    const KEY: &[u8] = include_bytes!("../fixtures/mysql/rsa-public-key.pem");
    for (demands, answers) in [
        (&[SWITCH, SLOW][..], 1),
        (&[SWITCH, QUICK, QUICK, QUICK], 2),
        (&[CACHING, b"\x01\x04", KEY], 1),
    ] {
        let rogue = Script::new("11.8.2-MariaDB").login(Login::Demand(demands));
        let server = FakeMySql::start_each(HOST, vec![MySql84.primary(), rogue]).await;
        let mut session = connect(&server).await.expect("a login");
        let facts = probe(&mut session, true).await.expect("facts");
        assert_eq!(facts.heartbeat, Heartbeat::NotTried);
        let said = server.statements();
        let said: Vec<_> = said.iter().filter(|text| text.starts_with("login")).collect();
        assert_eq!(said.len(), answers, "{said:?}");
    }
}

#[tokio::test]
async fn a_heartbeats_connection_that_its_server_ended_is_no_failed_write() {
    let primary = || {
        MySql84
            .primary()
            .on("SET SESSION lock", Answer::Done { affected: 0 })
            .on("UPDATE pointsman.heartbeat", Answer::Done { affected: 1 })
    };
    let mut ending = primary();
    ending.parting = Some(("UPDATE", Parting::Close));
    let server = FakeMySql::start_each(HOST, vec![primary(), ending, primary()]).await;
    let mut session = connect(&server).await.expect("a login");
    for logins in [2, 3, 3] {
        let facts = probe(&mut session, true).await.expect("facts");
        assert_eq!(facts.heartbeat, Heartbeat::Written);
        assert_eq!(server.accepted(), logins);
    }
}

#[tokio::test]
async fn a_write_that_hangs_is_begun_only_once() {
    let script = MySql84
        .primary()
        .on("SET SESSION lock", Answer::Done { affected: 0 })
        .on("UPDATE pointsman.heartbeat", Answer::Silence);
    let server = FakeMySql::start(HOST, script).await;
    let mut session = connect(&server).await.expect("a login");
    for _ in 0..3 {
        let facts = probe(&mut session, true).await.expect("facts");
        assert_eq!(facts.heartbeat, Heartbeat::Failed);
        assert_eq!(facts.writability, Writability::Writable);
        let mut dial = dial(server.address, TlsMode::Disable);
        session.renew(&mut dial, &mut KeptLogin::default(), soon()).await.expect("a login");
    }
    let sent = server.statements();
    let writes = sent.iter().filter(|text| text.starts_with("UPDATE")).count();
    assert_eq!(writes, 1);
}

#[tokio::test]
async fn a_replica_is_never_written_to() {
    let server = FakeMySql::start(HOST, MySql84.as_replica()).await;
    let mut session = connect(&server).await.expect("a login");
    let facts = probe(&mut session, true).await.expect("facts");
    assert_eq!(facts.heartbeat, Heartbeat::NotTried);
    assert!(!server.statements().iter().any(|text| text.starts_with("UPDATE")));
}

#[tokio::test]
async fn without_tls_on_the_server_prefer_goes_on_in_plain_text_and_require_does_not() {
    let server = FakeMySql::start(HOST, MySql84.primary()).await;
    let log_in = async |tls| {
        Session::connect(&mut dial(server.address, tls), &mut KeptLogin::default(), soon()).await
    };
    assert!(log_in(TlsMode::Prefer).await.is_ok());
    let Err(failure) = log_in(TlsMode::Require).await else {
        panic!("went on in plain text");
    };
    assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
}

#[tokio::test]
async fn a_session_ends_with_a_goodbye() {
    let server = FakeMySql::start(HOST, MySql84.primary()).await;
    let mut session = connect(&server).await.expect("a login");
    probe(&mut session, false).await.expect("facts");
    session.quit().await;
    timeout(PATIENCE, async {
        while server.goodbyes() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("COM_QUIT");
}
