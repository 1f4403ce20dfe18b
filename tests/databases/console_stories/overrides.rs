//! Overrides, each as DNS answers it while it lasts and when it has ended.

use std::process::Command;

use pointsman_testbed::http;
use serde_json::{Value, json};

use super::{Stage, TOKEN, output_of};
use crate::patience;

pub(super) fn drain_pin_and_maintenance(stage: &mut Stage) {
    let (write, read) = (stage.cluster.write_name(), stage.cluster.read_name());
    let said = stage.effective("drain db2 --reason kernel --for 30m --author ann", &read, &[2]);
    assert!(said.starts_with("db2 is drained until 20"), "{said}");
    stage.expect_words("status", &["db2 is drained, ends in", "by ann: kernel"]);
    stage.expect_words("why db2", &["drained"]);
    let laid = stage.json("status db")["overrides"][0].clone();
    assert_eq!((&laid["kind"], &laid["server"]), (&json!("drain"), &json!("db2")));
    let metrics = http::get(stage.http, "/metrics", "").body;
    let mut drained = metrics.lines().filter(|line| line.starts_with("pointsman_node_drained{"));
    let of_db2 = drained.find(|line| line.contains("node=\"db2\"")).expect("its metric");
    assert!(of_db2.ends_with("} 1"), "{of_db2}");
    // The primary helps out, and is the last that could.
    stage.effective("drain db3 --reason kernel", &read, &[0]);
    let refusal = stage.refused("drain db1 --reason kernel");
    assert!(refusal.contains("--force"), "{refusal}");
    stage.effective("undrain db3", &read, &[2]);
    stage.effective("undrain db2", &read, &[1, 2]);

    // The one primary, by force.
    stage.effective("drain db1 --force --reason test", &write, &[]);
    assert!(!stage.ask(&write).errors.is_empty(), "it is told why");
    stage.effective("undrain db1", &write, &[0]);

    let refusal = stage.refused("pin db db2 --reason test");
    assert!(refusal.contains("--unsafe"), "{refusal}");
    stage.effective("pin db db2 --unsafe --reason test", &write, &[1]);
    let kinds = stage.json("status db")["overrides"].clone();
    assert_eq!((&kinds[0]["kind"], &kinds[0]["force"]), (&json!("pin"), &json!(true)));
    stage.effective("unpin db", &write, &[0]);
    let pinned = stage.json("pin db db1 --reason test --forever");
    assert_eq!(pinned["override"]["until"], Value::Null, "{pinned}");
    stage.said("unpin db");

    stage.effective("maintenance db --reason move", &write, &[]);
    stage.expect(&read, &[]);
    stage.effective("maintenance db --end", &write, &[0]);
    stage.expect(&read, &[1, 2]);
    by_token(stage);
    stage.expect_words("events --since 1h", &["kernel", "by ann"]);
}

/// Over TCP, with the token and without; and who follows hears of it.
fn by_token(stage: &Stage) {
    let url = |path: &str| format!("http://{}{path}", stage.http);
    let mut follower = Command::new("curl")
        .args(["-sN", "--max-time", "30", &url("/v1/events/stream?cluster=db")])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("curl; tests/run installs it");
    let freeze = json!({ "cluster": "db", "author": "ann", "reason": "by token" }).to_string();
    let post = |token: &str, path: &str, body: &str| {
        let token = format!("Authorization: Bearer {token}");
        let mut curl = Command::new("curl");
        curl.args(["-s", "-w", "%{http_code}", "--json", body, "-H", &token, &url(path)]);
        output_of(&mut curl, "")
    };
    assert!(post("wrong-token-of-nobody", "/v1/freeze", &freeze).ends_with("401"));
    assert_eq!(stage.json("status db")["overrides"], json!([]));
    let heard = std::thread::scope(|scope| {
        let output = follower.stdout.take().expect("a pipe");
        let heard = scope.spawn(move || {
            use std::io::{BufRead as _, BufReader};
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.find(|line| line.starts_with("data: ") && line.contains("thawed by token"))
        });
        // The stream is open when it tells of one of the changes.
        patience::until("the stream tells of a change", || {
            assert!(post(TOKEN, "/v1/freeze", &freeze).ends_with("200"));
            let thaw = freeze.replace("by token", "thawed by token");
            assert!(post(TOKEN, "/v1/thaw", &thaw).ends_with("200"));
            heard.is_finished()
        });
        follower.kill().expect("it is ours");
        follower.wait().expect("it ends");
        heard.join().expect("it reads")
    });
    assert!(heard.is_some_and(|line| line.contains("\"kind\":\"override\"")));
    assert_eq!(stage.json("status db")["overrides"], json!([]));
}

/// Leaves the second server as primary, and the others as its standbys.
pub(super) fn a_frozen_name_outlasts_its_primary(stage: &mut Stage) {
    let (write, read) = (stage.cluster.write_name(), stage.cluster.read_name());
    stage.said("freeze db --reason test --for 1h");
    stage.servers.kill9(0);
    stage.expect_state(0, "Down");
    stage.servers.promote(1);
    stage.expect_state(1, "Primary");
    assert_eq!(stage.ask(&write).set(), super::addresses(&[0]));
    assert_eq!(stage.ask(&read).set(), super::addresses(&[1, 2]));
    stage.expect_words("status", &["frozen, ends in"]);
    stage.effective("thaw db", &write, &[1]);
    stage.servers.repoint(2, 1);
    stage.expect(&read, &[2]);
    stage.servers.rebuild(0, 1);
    stage.expect(&read, &[0, 2]);
}
