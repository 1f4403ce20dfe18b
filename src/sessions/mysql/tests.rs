//! Rows and grants as the servers and their manuals show them.

use super::*;

fn row(cells: [Option<&str>; 8]) -> Row {
    cells.map(|cell| cell.map(Box::from)).to_vec()
}

fn seen(user: &str, host: &str, database: Option<&str>, command: &str) -> Option<Session> {
    let cells =
        [Some("12"), Some(user), Some(host), database, Some(command), Some("3"), None, None];
    session(&row(cells), 99, &["pointsman", "kick"]).expect("a row")
}

#[test]
fn a_row_is_a_session_of_a_client() {
    let session = seen("app", "10.0.0.9:51234", Some("shop"), "Sleep").expect("a session");
    assert_eq!((session.id, session.kind, session.age), (12, SessionKind::Client, Some(3)));
    assert_eq!(session.address.as_deref(), Some("10.0.0.9"));
    assert!(session.is_privileged && !session.may_end, "until its rights are known");
    let by_socket = seen("app", "localhost", None, "Query").expect("a session");
    assert_eq!((by_socket.address.as_deref(), by_socket.database), (Some("localhost"), None));
    let by_six = seen("app", "fd00::9:51234", None, "Query").expect("a session");
    assert_eq!(by_six.address.as_deref(), Some("fd00::9"));
}

#[test]
fn replicas_our_own_and_the_servers_threads_are_no_clients() {
    for command in ["Binlog Dump", "Binlog Dump GTID", "Register Slave", "Table Dump"] {
        let session = seen("repl", "10.0.0.2:40000", None, command).expect("a session");
        assert_eq!(session.kind, SessionKind::Replication, "{command}");
    }
    for user in ["pointsman", "kick"] {
        let session = seen(user, "10.0.0.2:40000", None, "Sleep").expect("a session");
        assert_eq!(session.kind, SessionKind::Own);
    }
    for (user, command) in [
        ("system user", "Slave_SQL"),
        ("system user", "Query"),
        ("event_scheduler", "Daemon"),
        ("unauthenticated user", "Sleep"),
        ("app", "Slave_IO"),
        ("app", "Daemon"),
    ] {
        assert_eq!(seen(user, "", None, command), None, "{user} {command}");
    }
}

#[test]
fn an_odd_row_is_a_fault() {
    let odd = [None, Some("app"), Some("h"), None, Some("Sleep"), Some("1"), None, None];
    let fault = session(&row(odd), 1, &[]).expect_err("no id");
    assert_eq!(fault, Fault::Odd("SHOW PROCESSLIST"));
    assert!(session(&Row::new(), 1, &[]).is_err());
}

#[test]
fn names_cannot_break_out_of_the_statement() {
    let users = ["o'\\x".into(), "app".into()].into();
    let statement = accounts_of(&users);
    assert!(
        statement.ends_with("User IN (X'617070', X'6F275C78', X'5055424C4943')"),
        "{statement}"
    );
    let account = Account { user: "a`b".into(), host: "%".into() };
    assert_eq!(account.identified(), "`a``b`@`%`");
    assert_eq!(Account { user: "adm".into(), host: "".into() }.identified(), "`adm`");
}

#[test]
fn grants_are_read_as_the_servers_write_them() {
    let rights =
        |list: &[&str]| Granted::Rights(list.iter().map(|right| (*right).into()).collect());
    let roles = |list: &[(&str, &str)]| {
        let account =
            |(user, host): &(&str, &str)| Account { user: (*user).into(), host: (*host).into() };
        Granted::Roles(list.iter().map(account).collect())
    };
    for (line, granted) in [
        ("GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*B6'", rights(&["USAGE"])),
        (
            "GRANT PROCESS, CONNECTION ADMIN ON *.* TO `kick`@`%`",
            rights(&["PROCESS", "CONNECTION ADMIN"]),
        ),
        ("GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION", {
            rights(&["ALL PRIVILEGES"])
        }),
        ("GRANT APPLICATION_PASSWORD_ADMIN,SYSTEM_USER ON *.* TO `a`@`%`", {
            rights(&["APPLICATION_PASSWORD_ADMIN", "SYSTEM_USER"])
        }),
        ("GRANT SELECT ON `mysql`.* TO `kick`@`%`", Granted::Nothing),
        ("GRANT PROXY ON ``@`%` TO `root`@`localhost` WITH GRANT OPTION", Granted::Nothing),
        ("SET DEFAULT ROLE `adm` FOR `ops`@`%`", Granted::Nothing),
        ("REVOKE SELECT ON `secret`.* FROM `a`@`%`", Granted::Nothing),
        ("GRANT `adm` TO `ops`@`%`", roles(&[("adm", "")])),
        ("GRANT adm TO 'ops'@'%'", roles(&[("adm", "")])),
        ("GRANT `x ON *.* TO y` TO `ops`@`%`", roles(&[("x ON *.* TO y", "")])),
        ("GRANT `r1`@`%`,`r``2`@`%` TO `u`@`%`", roles(&[("r1", "%"), ("r`2", "%")])),
        ("GRANT `half", Granted::Unknown),
        ("something new", Granted::Unknown),
    ] {
        assert_eq!(grants::read(line), granted, "{line}");
    }
}

#[test]
fn the_nameless_account_may_be_anybodys() {
    let account = |user: &str, host: &str| Account { user: user.into(), host: host.into() };
    assert!(account("app", "%").may_be_of("app") && !account("app", "%").may_be_of("apps"));
    assert!(account("", "localhost").may_be_of("app"));
    assert!(account("PUBLIC", "").is_for_all() && !account("PUBLIC", "").may_be_of("app"));
}

#[test]
fn each_version_has_its_name_for_the_right_to_end_sessions() {
    for (version, right) in [
        ("8.4.3", "CONNECTION_ADMIN"),
        ("5.7.44", "SUPER"),
        ("10.11.19-MariaDB-0+deb12u1", "CONNECTION ADMIN"),
        ("10.4.34-MariaDB", "SUPER"),
    ] {
        let account = Account { user: "kick".into(), host: "%".into() };
        let us = Us { id: 1, account, version: version.into(), rights: Vec::new() };
        assert_eq!(us.kill_right(), right, "{version}");
        assert!(!us.may(&MAY_KILL));
    }
}
