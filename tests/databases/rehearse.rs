//! `pointsman rehearse` beside switchovers of real servers.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use pointsman_testbed::binary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    account::Account,
    in_turn,
    kick::wait_for_writer,
    log::Log,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
};

const POSTGRES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 67, 1, 1), Ipv4Addr::new(127, 67, 1, 2)];
const MARIADB: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 67, 2, 1), Ipv4Addr::new(127, 67, 2, 2)];

/// What even a machine in use keeps, and what no machine does.
const EASY: &str = "1m";
const HARD: &str = "1ms";

#[test]
fn switchovers_of_postgres_are_rehearsed() {
    in_turn(|| {
        let mut servers = PgCluster::start(Programs::installed(), &POSTGRES);
        servers.sql(0, "GRANT CREATE, USAGE ON SCHEMA public TO application");
        servers.wait_caught_up(1, 0);
        let stage = Stage::new("rp", Engine::Postgres, &POSTGRES, servers.port());
        wait_for_writer(&stage.pointsman, &stage.cluster, 0);
        let table = ["--user", "application", "--table", "rehearsal"];

        println!("rehearse 1: nothing happens");
        let run = stage.rehearse("still", &[&table[..], &["--timeout", "3s"]].concat());
        let report = run.ends_with(75);
        assert_eq!(
            (&report["verdict"], &report["end"]),
            (&"not-moved".into(), &"timed-out".into())
        );
        assert_eq!((&report["moved"], &report["sessions_left"]), (&Value::Null, &Value::Null));
        assert!(report["writes"]["good"].as_u64() >= Some(1), "{report}");
        assert_eq!(report["lost_writes"], 0);

        println!("rehearse 2: Ctrl-C");
        let run = stage.rehearse("interrupted", &table);
        run.signal(Signal::INT);
        let report = run.ends_with(130);
        assert_eq!(report["end"], "interrupted");
        let none = "SELECT count(*) FROM pg_class WHERE relname = 'rehearsal'";
        assert_eq!(servers.value(0, none), "0", "the table is gone");

        println!("rehearse 3: a planned switchover");
        let run = stage.rehearse("planned", &[&table[..], &["--target", EASY]].concat());
        servers.stop(0, Shutdown::Fast);
        servers.promote(1);
        servers.start_as_standby(0, 1);
        let report = run.ends_with(0);
        assert_switchover(&report, ["rp1", "rp2"]);
        assert_eq!((&report["verdict"], &report["mode"]), (&"passed".into(), &"insert".into()));
        assert_eq!(report["lost_writes"], 0, "{report}");
        assert!(report["writes"]["failed"].as_u64() >= Some(1), "{report}");
        let markdown = run_text(&stage.file("planned", "md"));
        println!("{markdown}");
        for words in ["**passed: ", "| from | rp1 |", "| to | rp2 |", "`public.rehearsal`"] {
            assert!(markdown.contains(words), "no {words:?} in\n{markdown}");
        }
        assert_eq!(servers.value(1, none), "0", "the table is gone");

        println!("rehearse 4: a target that nobody keeps");
        let run = stage.rehearse("hard", &["--user", "application", "--target", HARD]);
        servers.stop(1, Shutdown::Fast);
        servers.promote(0);
        let report = run.ends_with(1);
        assert_switchover(&report, ["rp2", "rp1"]);
        assert_eq!((&report["verdict"], &report["mode"]), (&"failed".into(), &"commit".into()));
        let faults = report["faults"].as_array().expect("faults");
        assert!(faults.iter().any(|fault| {
            fault.as_str().is_some_and(|fault| fault.contains("more than 0.001 s"))
        }));
        // Nobody can ask a server that is down.
        assert_eq!(report["sessions_left"], Value::Null);
        assert!(report["sessions_fault"].as_str().is_some_and(|why| why.contains("rp2")));

        stage.what_cannot_begin_says_why(&servers);
    });
}

#[test]
fn a_switchover_of_mariadb_is_rehearsed() {
    in_turn(|| {
        let servers = MySqlCluster::start(MySqlPrograms::mariadb(), &MARIADB);
        servers.sql(
            0,
            &[
                "CREATE USER shop@'%' IDENTIFIED BY 'open sesame'",
                "GRANT CREATE, DROP, INSERT, SELECT ON story.* TO shop@'%'",
            ],
        );
        servers.wait_caught_up(1, 0);
        let stage = Stage::new("rm", Engine::MySql, &MARIADB, servers.port());
        wait_for_writer(&stage.pointsman, &stage.cluster, 0);
        // The login is where the clients of MariaDB have it.
        let options = "[client]\nuser=shop\npassword=\"open sesame\"\n";
        fs::write(stage.folder.path().join(".my.cnf"), options).expect("a file can be written");

        println!("rehearse 5: MariaDB, rows in a table");
        let table = ["--table", "story.rehearsal", "--target", EASY];
        let run = stage.rehearse("rows", &table);
        switch_over(&servers, 0, 1);
        let report = run.ends_with(0);
        assert_switchover(&report, ["rm1", "rm2"]);
        assert_eq!((&report["verdict"], &report["lost_writes"]), (&"passed".into(), &0.into()));
        assert!(
            report["writes"]["first_failure"].is_string(),
            "a read-only server refuses: {report}"
        );
        assert_eq!(servers.value(1, COUNT_TABLES), "0", "the table is gone");

        println!("rehearse 6: MariaDB, nothing is written");
        let run = stage.rehearse("role", &["--target", HARD]);
        switch_over(&servers, 1, 0);
        let report = run.ends_with(1);
        assert_switchover(&report, ["rm2", "rm1"]);
        assert_eq!(
            (&report["mode"], &report["lost_writes"]),
            (&"role".into(), &Value::Null),
            "{report}"
        );
        let markdown = run_text(&stage.file("role", "md"));
        assert!(markdown.contains("**Nothing was written**"), "{markdown}");
    });
}

/// Whether there is a table of a rehearsal.
const COUNT_TABLES: &str =
    "SELECT count(*) FROM information_schema.tables WHERE table_name = 'rehearsal'";

fn switch_over(servers: &MySqlCluster, primary: usize, next: usize) {
    servers.set_read_only(primary, true);
    servers.wait_caught_up(next, primary);
    servers.promote(next);
    servers.follow(primary, next);
}

/// The name has moved, everybody has followed, and each moment is told.
fn assert_switchover(report: &Value, [from, to]: [&str; 2]) {
    let names = |name: &str| Value::from(vec![name]);
    assert_eq!((&report["from"], &report["to"]), (&names(from), &names(to)), "{report}");
    assert_eq!(report["end"], "complete", "{report}");
    let moment = |of: &Value| of.as_str().map(str::to_owned).unwrap_or_else(|| panic!("{report}"));
    for attempts in [&report["writes"], &report["connects"]] {
        assert!(moment(&attempts["last_good"]) < moment(&attempts["first_good"]), "{report}");
        assert!(moment(&report["began"]) <= moment(&attempts["last_good"]), "{report}");
    }
    moment(&report["moved"]);
    let resolvers = report["resolvers"].as_array().expect("resolvers");
    assert_eq!(resolvers.len(), 1);
    assert!(moment(&resolvers[0]["last_old"]) < moment(&resolvers[0]["first_new"]), "{report}");
    assert_eq!(resolvers[0]["followed"], true);
    assert_eq!(report["left_behind"], Value::Null, "{report}");
}

struct Stage {
    pointsman: Pointsman,
    cluster: Cluster,
    folder: TempDir,
}

impl Stage {
    fn new(name: &'static str, engine: Engine, servers: &[Ipv4Addr], port: u16) -> Self {
        let cluster = Cluster::new(name, engine, servers, port);
        let pointsman = Pointsman::serve(&[&cluster]);
        Self { pointsman, cluster, folder: Account::current().directory("pointsman-rehearse-") }
    }

    fn file(&self, title: &str, extension: &str) -> PathBuf {
        self.folder.path().join(title).with_extension(extension)
    }

    fn command(&self, title: &str, more: &[&str]) -> Command {
        let mut command = Account::current().command(binary());
        command.args(["rehearse", self.cluster.name, "--socket"]).arg(self.pointsman.socket());
        command.args(["--resolver", &self.pointsman.dns().to_string(), "--json"]);
        command.arg(self.file(title, "json")).arg("--report").arg(self.file(title, "md"));
        command.args(more).env("HOME", self.folder.path());
        for variable in ["PGUSER", "PGPASSWORD", "PGDATABASE", "PGPASSFILE", "MYSQL_PWD"] {
            command.env_remove(variable);
        }
        command
    }

    /// A rehearsal that has begun and has seen something.
    fn rehearse(&self, title: &str, more: &[&str]) -> Rehearsal {
        let mut command = self.command(title, more);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let log = Log::default();
        log.follow(child.stderr.take().expect("stderr is piped"));
        let mut rehearsal = Rehearsal { child, log, json: self.file(title, "json") };
        patience::until("the watching begins", || {
            let has_ended = matches!(rehearsal.child.try_wait(), Ok(Some(_)));
            let began = rehearsal.log.contains("begin the switchover now");
            assert!(began || !has_ended, "it has ended:\n{}", rehearsal.log.text());
            began
        });
        rehearsal
    }

    fn what_cannot_begin_says_why(&self, servers: &PgCluster) {
        println!("rehearse 7: what cannot begin says why");
        servers.sql(0, "CREATE TABLE taken AS SELECT 1 AS kept; GRANT ALL ON taken TO application");
        let elsewhere = Ipv4Addr::new(127, 67, 1, 9).to_string();
        let (closed, user) = (format!("{elsewhere}:9"), ["--user", "application"]);
        for (more, words) in [
            (vec!["--table", "taken"], "already exists"),
            (vec!["--table", "a;b"], "write it as in shop.rehearsal"),
            (vec!["--resolver", &closed], "does not lead to rp1"),
            (vec!["--database", "nowhere"], "--user, --password-file, --database"),
        ] {
            let output = self.command("refused", &[&user[..], &more[..]].concat()).output();
            let output = output.expect("the binary can be started");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{more:?}: {told}");
            assert!(told.contains(words), "{more:?}: {told}");
        }
        assert_eq!(servers.value(0, "SELECT kept FROM taken"), "1", "it is somebody's");
    }
}

/// A running `pointsman rehearse`. Dropped, it is killed.
struct Rehearsal {
    child: Child,
    log: Log,
    json: PathBuf,
}

impl Rehearsal {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it has not been waited for");
    }

    /// Waits for the end, and reads the report.
    fn ends_with(mut self, code: i32) -> Value {
        let status =
            patience::poll(3 * patience::PATIENCE, || self.child.try_wait().ok().flatten());
        let report = run_text(&self.json);
        let status = status.and_then(|status| status.code());
        assert_eq!(status, Some(code), "{}\n{report}", self.log.text());
        serde_json::from_str(&report).expect("a JSON document")
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run_text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
