//! The audit file on a running service: who changed what, and a file that cannot be written.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    admin::{RARE, Scene, TOKEN, http, schema::assert_valid, tokens::with_token},
    process::{parsed, run},
};

fn scene(network: &str, file: &str) -> Scene {
    let admin = format!("token_file = \"token\"\naudit_file = \"{file}\"\n");
    let scene = Scene::with(network, RARE, &admin, |_| String::new());
    fs::write(scene.settings.folder().join("token"), TOKEN).expect("a file can be written");
    scene
}

fn freeze(author: &str, reason: &str) -> Value {
    json!({"cluster": "orders", "author": author, "reason": reason})
}

#[test]
fn every_change_by_people_is_a_line_with_how_they_came() {
    let scene = scene("127.54.31", "audit.log");
    let served = scene.serve(&[]);
    let file = scene.settings.folder().join("audit.log");
    assert_eq!(fs::metadata(&file).expect("it is made").permissions().mode() & 0o777, 0o600);
    assert_eq!(served.post("/v1/freeze", &freeze("ann", "one\n{\"two\": 2}")).status, 400);
    assert_eq!(served.post("/v1/freeze", &freeze("ann", "kernel")).status, 200);
    fs::rename(&file, file.with_extension("log.1")).expect("it can be moved");
    let over_tcp = with_token(&served, TOKEN, "POST", "/v1/thaw", &freeze("bob", ""));
    assert_eq!(over_tcp.status, 200, "{over_tcp:?}");
    let wrong = "f".repeat(32);
    assert_eq!(with_token(&served, &wrong, "POST", "/v1/thaw", &freeze("eve", "")).status, 401);
    // Looking and hints leave nothing.
    let (head, body) = http::hint("orders");
    assert_eq!(http::over_unix(&served.socket, &head, &body).status, 202);
    let lines = |path: &std::path::Path| -> Vec<Value> {
        let text = fs::read_to_string(path).expect("a file");
        text.lines().map(parsed).collect()
    };
    let uid = rustix::process::getuid().as_raw();
    let [refused, done] = &lines(&file.with_extension("log.1"))[..] else { panic!("two lines") };
    assert_eq!((&refused["outcome"], &refused["status"]), (&json!("refused"), &json!(400)));
    for line in [refused, done] {
        assert_eq!((&line["via"], &line["uid"]), (&json!("socket"), &json!(uid)), "{line}");
        assert_eq!((&line["author"], &line["cluster"]), (&json!("ann"), &json!("orders")));
    }
    assert_eq!((&done["outcome"], &done["reason"]), (&json!("done"), &json!("kernel")));
    let [thawed, stranger] = &lines(&file)[..] else { panic!("two lines: {:?}", lines(&file)) };
    assert_eq!((&thawed["via"], &thawed["outcome"]), (&json!("http"), &json!("done")));
    assert!(thawed["address"].as_str().is_some_and(|from| from.starts_with("127.")), "{thawed}");
    assert_eq!((&stranger["status"], &stranger["author"]), (&json!(401), &Value::Null));
    assert!(!fs::read_to_string(&file).expect("a file").contains(&wrong), "no token is written");
    let socket = served.socket.display().to_string();
    let told = run(&["events", "--audit", "--json", "--socket", &socket]).stdout;
    let document = served.json("/v1/openapi.json");
    let schema = &document["components"]["schemas"]["AuditLog"];
    assert_valid(&parsed(&told), schema, &document, "/v1/audit");
    let told = run(&["events", "--audit", "--limit", "1", "--socket", &socket]).stdout;
    assert!(told.contains("POST /v1/thaw  refused (401)"), "{told}");
    assert_eq!(served.service.stop().code, Some(0));
}

#[test]
fn a_change_that_cannot_be_written_down_is_made_and_told() {
    let scene = scene("127.54.32", "missing/audit.log");
    let served = scene.serve(&[]);
    let answer = served.post("/v1/freeze", &freeze("ann", "kernel"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let told: Value = serde_json::from_str(&answer.body).expect("JSON");
    let warnings = told["warnings"].to_string();
    assert!(warnings.contains("not in the audit file"), "{told}");
    let status = served.json("/v1/status");
    assert_eq!(status["clusters"][0]["overrides"][0]["author"], "ann");
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("changes by people are not written"), "{status}");
    let socket = served.socket.display().to_string();
    let reloaded = run(&["reload", "--socket", &socket]);
    assert!(reloaded.stderr.contains("not in the audit file"), "{reloaded:?}");
    // Room is made: the next line says how many are missing.
    fs::create_dir(scene.settings.folder().join("missing")).expect("a new folder");
    assert_eq!(served.post("/v1/thaw", &freeze("ann", "")).status, 200);
    let text = fs::read_to_string(scene.settings.folder().join("missing/audit.log"));
    assert_eq!(parsed(text.expect("a file").trim())["missing"], 2);
    assert_eq!(served.json("/v1/status")["warnings"], json!([]));
    let log = served.service.log();
    assert!(log.iter().any(|line| line["fields"]["event"] == "audit"), "the log says so");
    assert_eq!(served.service.stop().code, Some(0));
}
