//! The commands that look, and what Prometheus scrapes, against what the servers say themselves.

use std::process::Command;

use pointsman_testbed::http;

use super::{SERVERS, Stage, output_of};
use crate::{patience, pointsman::PROBE_PASSWORD};

const IN_RECOVERY: &str = "SELECT pg_is_in_recovery()";

pub(super) fn what_is_shown_is_what_is(stage: &mut Stage) {
    let truths = [0, 1].map(|server| stage.servers.value(server, IN_RECOVERY));
    assert_eq!(truths, ["f", "t"]);
    let status = stage.json("status");
    assert_eq!((&status["ready"], &status["isolated"]), (&true.into(), &false.into()), "{status}");
    let servers = &status["clusters"][0]["servers"];
    assert_eq!(
        (&servers[0]["state"], &servers[1]["state"]),
        (&"Primary".into(), &"Replica".into())
    );
    assert_eq!(servers[0]["port"], stage.servers.port());
    stage.expect_words("status", &["db is ok", "db  postgres", "db-write.internal", "Primary"]);
    stage.expect_words("why db1", &["db1 of db is Primary", "127.62.10.1", "yes"]);
    let why = stage.json("why db2");
    let included = |index: usize| why["names"][index]["included"] == true;
    assert_eq!((included(0), included(1)), (false, true), "{why}");
    stage.expect_words("explain db-write.internal.", &["db-write.internal. of db says db1"]);
    let told = stage.json("explain db-read.internal.");
    assert_eq!(told["candidates"][1]["included"], true, "{told}");
    stage.expect_words("what-if db1 down", &["Down", "db1"]);
    let told = stage.json("what-if db2 lag=10s");
    assert_eq!(told["now"]["names"][1]["servers"][0], "db2", "{told}");
    assert_eq!(told["then"]["names"][1]["servers"][0], "db1", "{told}");
    let told = stage.json("what-if db2 up");
    assert_eq!(told["now"]["names"], told["then"]["names"], "{told}");
    assert_eq!(stage.server(1)["state"], "Replica", "nothing has changed");
    stage.expect_words("events --since 1h", &["db1", "Primary"]);
    let events = stage.json("events --cluster db --limit 2");
    assert_eq!(events["events"].as_array().map(Vec::len), Some(2), "{events}");
    stage.expect_words("hint db", &["every server is asked at once"]);
    let file = stage.file().display().to_string();
    output_of(Command::new(pointsman_testbed::binary()).args(["check-config", &file]), "");
    sessions_are_those_of_the_server(stage);
    metrics_agree(stage);
}

fn sessions_are_those_of_the_server(stage: &Stage) {
    let held = stage.servers.open_sessions(0, 3);
    let senders = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'";
    let senders: u64 = stage.servers.value(0, senders).parse().expect("a number");
    let report = stage.json("sessions db1");
    assert_eq!(report["replication"], senders, "{report}");
    let groups = report["groups"].as_array().expect("groups");
    let group = groups.iter().find(|group| group["user"] == "application");
    assert_eq!(group.map(|group| &group["sessions"]), Some(&3.into()), "{report}");
    stage.expect_words("sessions db1", &["db1 of db: ", "application", "kick on"]);
    drop(held);
}

fn metrics_agree(stage: &Stage) {
    let text = http::get(stage.http, "/metrics", "").body;
    let said = output_of(Command::new("promtool").args(["check", "metrics"]), &text);
    assert_eq!(said, "", "promtool has nothing to say");
    let value = |family: &str, labels: &[&str]| {
        let mut lines = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
        let line = lines.find(|line| labels.iter().all(|label| line.contains(label)));
        let line = line.unwrap_or_else(|| panic!("{family} {labels:?} is not in\n{text}"));
        line.rsplit_once(' ').expect("a value").1.parse::<f64>().expect("a number")
    };
    for (server, lives) in [("node=\"db1\"", 1.0), ("node=\"db2\"", 1.0)] {
        assert!((value("pointsman_node_up", &[server]) - lives).abs() < 1e-9);
    }
    let is = |family: &str, labels: &[&str]| value(family, labels) > 0.5;
    assert!(is("pointsman_node_eligible", &["node=\"db1\"", "name=\"db-write.internal.\""]));
    assert!(is("pointsman_node_eligible", &["node=\"db2\"", "name=\"db-read.internal.\""]));
    assert!(!is("pointsman_node_eligible", &["node=\"db2\"", "name=\"db-write.internal.\""]));
    assert!(value("pointsman_node_replication_lag_seconds", &["node=\"db2\""]) < 2.0);
    assert!(is("pointsman_probe_total", &["db1", "result=\"answered\""]));
}

pub(super) fn a_probe_shows_what_the_server_says(stage: &mut Stage) {
    let fact = |server: &str, name: &str| {
        let probed = stage.json(&format!("probe {server}"));
        let facts = probed["facts"].as_array().expect("facts");
        let fact = facts.iter().find(|fact| fact["name"] == name);
        fact.unwrap_or_else(|| panic!("{name} in {probed}"))["value"]
            .as_str()
            .expect("a word")
            .to_owned()
    };
    let of_system = "SELECT system_identifier FROM pg_control_system()";
    let system = stage.servers.value(0, of_system);
    for server in ["db1", "db2"] {
        assert_eq!(fact(server, "system_identifier"), system);
    }
    assert_eq!(fact("db1", "pg_is_in_recovery"), "no");
    assert_eq!(fact("db2", "pg_is_in_recovery"), "yes");
    assert_eq!(fact("db2", "wal receiver"), "streaming");
    assert_eq!(fact("db2", "sender"), format!("{}:{}", SERVERS[0], stage.servers.port()));
    stage.servers.pause_replay(1);
    assert_eq!(fact("db2", "pg_is_wal_replay_paused"), "yes");
    stage.servers.resume_replay(1);
    let version = stage.servers.value(0, "SHOW server_version");
    stage.expect_words(
        "probe db1",
        &[&format!("PostgreSQL {version}"), "By the regular probes: db1 of db is"],
    );

    // Where it breaks.
    stage.servers.sql(0, "ALTER ROLE pointsman PASSWORD 'another'");
    stage.servers.wait_caught_up(1, 0);
    let output = stage.run("probe db1 --json");
    let probed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    stage.servers.sql(0, &format!("ALTER ROLE pointsman PASSWORD '{PROBE_PASSWORD}'"));
    assert_eq!(output.status.code(), Some(1), "{probed}");
    assert_eq!(probed["failure"]["step"], "login", "{probed}");
    let error = probed["failure"]["error"].as_str().expect("words");
    assert!(error.contains("28P01"), "{error}");
    patience::until("the probe is let in again", || {
        stage.run("probe db2").status.success() && stage.run("probe db1").status.success()
    });
    stage.expect_state(0, "Primary");
    stage.expect_state(1, "Replica");
    stage.expect(&stage.cluster.read_name(), &[1]);
}
