//! Tokens with names: what each is not good for is refused, says why, and changes nothing.

use std::fs;

use serde_json::{Value, json};

use crate::admin::{RARE, Scene, Served, TOKEN, http};

/// A token of somebody: 32 characters that begin with the name.
fn token_of(name: &str) -> String {
    format!("{name}{}", &TOKEN[name.len()..])
}

/// One of each scope for `orders`, one for all that has ended, and the unnamed one.
fn scene(network: &str) -> Scene {
    let mut admin = "token_file = \"token\"\naudit_file = \"audit.log\"\n".to_owned();
    for (name, more) in [
        ("vera", "scope = \"view\"\nclusters = [\"orders\"]\n"),
        ("otto", "scope = \"operate\"\nclusters = [\"ORDERS\"]\nuntil = 2999-01-31\n"),
        ("anna", "scope = \"admin\"\nclusters = [\"orders\"]\n"),
        ("root", "scope = \"admin\"\n"),
        ("past", "scope = \"admin\"\nuntil = \"2020-02-29\"\n"),
    ] {
        admin += &format!("[[admin.token]]\nname = \"{name}\"\nfile = \"{name}.token\"\n{more}");
    }
    admin += "[state]\ndirectory = \"state\"\n";
    let read = |name: &str| format!("read = [{{ name = \"{name}-read.internal.\" }}]\n");
    let scene = Scene::with(network, RARE, &admin, read);
    let folder = scene.settings.folder();
    fs::create_dir(folder.join("state")).expect("a new folder");
    fs::write(folder.join("token"), TOKEN).expect("a file can be written");
    for name in ["vera", "otto", "anna", "root", "past"] {
        fs::write(folder.join(format!("{name}.token")), token_of(name)).expect("a file");
    }
    scene
}

/// One request over TCP with this token.
pub(super) fn with_token(
    served: &Served,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> http::Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    http::over_tcp(served.http, &head, body.as_bytes())
}

fn drain(server: &str, author: &str) -> Value {
    json!({"server": server, "author": author, "reason": "r"})
}

fn on(cluster: &str, author: &str) -> Value {
    json!({"cluster": cluster, "author": author, "reason": "r"})
}

/// A request that is refused: with which token, how, and in which words.
struct Refused {
    token: String,
    request: &'static str,
    body: Value,
    status: u16,
    words: &'static str,
}

fn refused(
    token: impl Into<String>,
    request: &'static str,
    body: Value,
    status: u16,
    words: &'static str,
) -> Refused {
    Refused { token: token.into(), request, body, status, words }
}

fn pin(server: &str) -> Value {
    json!({"cluster": "orders", "server": server, "author": "otto", "reason": "r"})
}

fn add(cluster: &str, author: &str) -> Value {
    json!({"cluster": cluster, "name": "x", "address": "127.0.0.9", "author": author})
}

fn beyond_the_scope() -> Vec<Refused> {
    let (vera, otto) = (token_of("vera"), token_of("otto"));
    vec![
        refused(&vera, "POST /v1/drain", drain("orders2", "vera"), 403, "has the scope view"),
        refused(&vera, "POST /v1/servers/orders1/probe", Value::Null, 403, "needs operate"),
        refused(&otto, "POST /v1/accept", pin("orders2"), 403, "needs admin"),
        refused(&otto, "POST /v1/reload", Value::Null, 403, "needs admin"),
        refused(&otto, "POST /v1/config", json!({}), 403, "needs admin"),
        refused(&otto, "POST /v1/servers", add("orders", "otto"), 403, "needs admin"),
        refused(&otto, "DELETE /v1/servers/orders1?author=otto", Value::Null, 403, "needs admin"),
        refused(&otto, "GET /v1/audit", Value::Null, 403, "needs admin"),
    ]
}

fn of_other_clusters() -> Vec<Refused> {
    let (otto, anna) = (token_of("otto"), token_of("anna"));
    let ready = json!({"author": "anna"});
    let accept =
        json!({"cluster": "billing", "server": "orders1", "author": "anna", "reason": "r"});
    vec![
        refused(&otto, "POST /v1/drain", drain("billing2", "otto"), 403, "the cluster `billing`"),
        refused(&otto, "POST /v1/drain", drain("BILLING2", "otto"), 403, "the cluster `billing`"),
        refused(&otto, "POST /v1/undrain", drain("billing2", "otto"), 403, "cluster `billing`"),
        refused(&otto, "POST /v1/freeze", on("billing", "otto"), 403, "cluster `billing`"),
        refused(&otto, "POST /v1/maintenance", on("Billing", "otto"), 403, "cluster `Billing`"),
        refused(&otto, "POST /v1/thaw", on("billing", "otto"), 403, "cluster `billing`"),
        refused(&otto, "POST /v1/pin", pin("billing1"), 409, "billing1"),
        refused(&otto, "POST /v1/servers/billing1/probe", Value::Null, 403, "cluster `billing`"),
        refused(&otto, "GET /v1/servers/billing1/sessions", Value::Null, 403, "`billing`"),
        refused(&anna, "POST /v1/servers", add("billing", "anna"), 403, "cluster `billing`"),
        refused(&anna, "POST /v1/servers/billing1/ready", ready, 403, "cluster `billing`"),
        refused(&anna, "DELETE /v1/servers/billing1?author=anna", Value::Null, 403, "`billing`"),
        refused(&anna, "POST /v1/accept", accept, 403, "cluster `billing`"),
        refused(&anna, "POST /v1/reload", Value::Null, 403, "all of them"),
        refused(&anna, "POST /v1/config", json!({"write": true}), 403, "all of them"),
        refused(&anna, "GET /v1/audit", Value::Null, 403, "all of them"),
        refused(&otto, "POST /v1/drain", drain("x", "otto"), 404, "no server `x`"),
    ]
}

fn of_others_and_of_nobody() -> Vec<Refused> {
    let (otto, anna) = (token_of("otto"), token_of("anna"));
    let mine = || drain("orders2", "otto");
    vec![
        refused(&otto, "POST /v1/drain", drain("orders2", "anna"), 403, "token is of `otto`"),
        refused(&otto, "POST /v1/freeze", on("orders", "Otto"), 403, "token is of `otto`"),
        refused(&otto, "POST /v1/unpin", on("orders", "otto2"), 403, "token is of `otto`"),
        refused(&anna, "POST /v1/servers", add("orders", "root"), 403, "token is of `anna`"),
        refused(&anna, "DELETE /v1/servers/orders1?author=otto", Value::Null, 403, "of `anna`"),
        refused(token_of("past"), "POST /v1/drain", drain("orders2", "past"), 401, "2020-03-01"),
        refused(&otto[..31], "POST /v1/drain", mine(), 401, "no token of [admin]"),
        refused(&otto[1..], "POST /v1/drain", mine(), 401, "no token of [admin]"),
        refused(format!("{otto}0"), "POST /v1/drain", mine(), 401, "no token of [admin]"),
        refused("otto", "POST /v1/drain", mine(), 401, "no token of [admin]"),
        refused(otto.to_uppercase(), "POST /v1/drain", mine(), 401, "no token of [admin]"),
    ]
}

/// What changes would change: overrides and answers.
fn state(served: &Served) -> Vec<Value> {
    let status = served.json("/v1/status");
    let clusters = status["clusters"].as_array().expect("a list");
    clusters.iter().map(|one| json!([one["overrides"], one["names"][0]["servers"]])).collect()
}

#[test]
fn what_a_token_is_not_good_for_is_refused_and_changes_nothing() {
    let scene = scene("127.54.30");
    let served = scene.serve(&[]);
    let before = state(&served);
    let all = [beyond_the_scope(), of_other_clusters(), of_others_and_of_nobody()];
    for Refused { token, request, body, status, words } in all.iter().flatten() {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let answer = with_token(&served, token, method, path, body);
        assert_eq!(answer.status, *status, "{request}: {answer:?}");
        assert!(answer.error().contains(words), "{request}: {answer:?}");
    }
    assert_eq!(state(&served), before);
    assert_eq!(served.service.stop().code, Some(0));
}

#[test]
fn each_token_is_good_for_its_scope_and_signs_with_its_name() {
    let scene = scene("127.54.33");
    let served = scene.serve(&[]);
    let good = |name: &str, method: &str, path: &str, body: &Value| {
        let answer = with_token(&served, &token_of(name), method, path, body);
        assert_eq!(answer.status, 200, "{name} {path}: {answer:?}");
    };
    good("otto", "POST", "/v1/drain", &drain("orders2", "otto"));
    assert_eq!(served.json("/v1/clusters/orders")["overrides"][0]["author"], "otto");
    good("anna", "POST", "/v1/undrain", &drain("orders2", "anna"));
    good("root", "POST", "/v1/reload", &Value::Null);
    good("root", "GET", "/v1/audit", &Value::Null);
    let unnamed = with_token(&served, TOKEN, "POST", "/v1/freeze", &on("billing", "anybody"));
    assert_eq!(unnamed.status, 200, "{unnamed:?}");
    // A text that is in the files of two is nobody's.
    let anna = token_of("anna");
    let folder = scene.settings.folder();
    fs::write(folder.join("vera.token"), &anna).expect("a file can be written");
    let twice = with_token(&served, &anna, "POST", "/v1/thaw", &on("billing", "anna"));
    assert_eq!(twice.status, 503, "{twice:?}");
    assert!(twice.error().contains("two files of [admin]"), "{twice:?}");
    assert_eq!(served.service.stop().code, Some(0));
}
