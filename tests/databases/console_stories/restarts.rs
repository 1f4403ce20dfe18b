//! Servers that join while the service runs, what a killed service knows again, and the file.

use std::{fs, time::Instant};

use serde_json::json;

use super::{SERVERS, Stage};
use crate::patience;

/// Leaves the third server in the read name.
pub(super) fn a_server_joins_and_becomes_ready(stage: &mut Stage) {
    let read = stage.cluster.read_name();
    let at = format!("{}:{}", SERVERS[2], stage.servers.port());
    let said = stage.said(&format!("server add db db3 {at}"));
    assert!(said.contains("until `pointsman server ready db3`"), "{said}");
    stage.expect_state(2, "Replica");
    let server = stage.server(2);
    assert_eq!((&server["added"], &server["drained"]), (&json!(true), &json!(true)), "{server}");
    assert_eq!(stage.ask(&read).set(), super::addresses(&[1]), "it is drained");
    stage.expect_words("probe db3", &["wal receiver", "streaming"]);
    stage.expect_words("status", &["not in the config file"]);
    stage.expect_words("config", &["name = \"db3\"", "name = \"db1\""]);
    let file = fs::read_to_string(stage.file()).expect("the file");
    assert!(!file.contains("db3"), "it was only shown");
    stage.effective("server ready db3", &read, &[1, 2]);
    assert_eq!(stage.server(2)["drained"], false);
    let refusal = stage.refused(&format!("server add db db3 {at}"));
    assert!(refusal.contains("there is a server db3 already"), "{refusal}");
}

/// Begins and ends with the second server as primary.
pub(super) fn kill_9_forgets_nothing(stage: &mut Stage) {
    let (write, read) = (stage.cluster.write_name(), stage.cluster.read_name());
    stage.effective("drain db3 --reason kept --forever --author ann", &read, &[0]);
    let serial = stage.json("status")["serial"].as_u64().expect("a number");
    // Dropped, it is killed.
    drop(stage.pointsman.take());
    let began = Instant::now();
    stage.serve();
    let first = [stage.ask(&write), stage.ask(&read)];
    println!("    right answers {:.1} ms after the start", began.elapsed().as_secs_f64() * 1e3);
    assert_eq!(first[0].set(), super::addresses(&[1]), "{}", first[0]);
    assert_eq!(first[1].set(), super::addresses(&[0]), "{}", first[1]);
    patience::until("the servers are confirmed", || {
        stage.server(1)["state"] == "Primary" && stage.json("status")["ready"] == true
    });
    assert!(stage.json("status")["serial"].as_u64().expect("a number") > serial);
    let laid = stage.json("status db")["overrides"][0].clone();
    assert_eq!((&laid["reason"], &laid["author"]), (&json!("kept"), &json!("ann")), "{laid}");
    assert_eq!(stage.server(2)["added"], true);
    stage.expect_words("events --since 1h", &["kept"]);
    stage.effective("undrain db3", &read, &[0, 2]);
}

/// Begins with the second server as primary.
pub(super) fn the_file_takes_over_and_a_server_leaves(stage: &mut Stage) {
    let read = stage.cluster.read_name();
    let refusal = stage.refused("server remove db3");
    assert!(refusal.contains("pointsman drain db3"), "{refusal}");
    stage.effective("drain db3 --reason leaving", &read, &[0]);
    stage.said("server remove db3");
    assert!(stage.server(2).is_null());
    assert_eq!(stage.refused("why db3"), "there is no server `db3`; known: db1, db2\n");

    let at = format!("{}:{}", SERVERS[2], stage.servers.port());
    stage.said(&format!("server add db db3 {at}"));
    stage.expect_state(2, "Replica");
    stage.effective("server ready db3", &read, &[0, 2]);
    let file = fs::read_to_string(stage.file()).expect("the file");
    fs::write(stage.file(), format!("# Kept by whoever edits it.\n{file}")).expect("it is ours");
    assert_eq!(stage.json("config --write")["written"], true);
    let file = fs::read_to_string(stage.file()).expect("the file");
    assert!(file.contains("db3") && file.contains("# Kept by whoever edits it."), "{file}");
    stage.said("reload");
    assert_eq!(stage.server(2)["added"], false);
    let refusal = stage.refused("server remove db3");
    assert!(refusal.contains("remove it there, then reload"), "{refusal}");
    assert_eq!(stage.said("reload"), "reloaded; nothing has changed\n");
    fs::write(stage.file(), file.replace("\"db3\"", "\"db1\"")).expect("it is ours");
    let refusal = stage.refused("reload");
    assert!(refusal.contains("db1"), "{refusal}");
    stage.expect(&read, &[0, 2]);
}
