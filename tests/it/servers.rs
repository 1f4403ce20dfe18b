//! Servers that join and leave while the service runs, by the admin API.

use std::{fs, path::PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    admin::http::{Answer, head, over_unix},
    fake_postgres::Fake,
    names::Names,
    patience::until,
    process::{Service, Settings, message},
    reload::{config, primary, standby},
};

/// A running service with an admin socket.
struct Scene {
    settings: Settings,
    service: Service,
    names: Names,
}

impl Scene {
    fn start(network: &str, servers: &[&Fake]) -> Self {
        let text = format!("[admin]\nsocket = \"admin.sock\"\n{}", config(network, servers));
        let settings = Settings::new(&text, "secret");
        let (service, address) = Service::serve(&settings, &[]);
        Self { settings, service, names: Names(address) }
    }

    fn socket(&self) -> PathBuf {
        self.settings.folder().join("admin.sock")
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let head = head(method, path, body.len())
            .replace("\r\n\r\n", "\r\nContent-Type: application/json\r\n\r\n");
        over_unix(&self.socket(), &head, &body)
    }

    fn add(&self, cluster: &str, name: &str, server: &Fake) -> Answer {
        let address = server.address.to_string();
        let author = "anna";
        let wish =
            json!({ "cluster": cluster, "name": name, "address": address, "author": author });
        self.ask("POST", "/v1/servers", &wish)
    }

    /// What is said of a server: whether it is added, and drained.
    fn status(&self, name: &str) -> (bool, bool) {
        let answer = self.ask("GET", &format!("/v1/servers/{name}"), &Value::Null);
        assert_eq!(answer.status, 200, "{answer:?}");
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        let word = |key: &str| told["server"][key].as_bool().expect("a word");
        (word("added"), word("drained"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_joins_is_made_ready_is_written_to_the_file_and_stays() {
    let (db1, db2, db3) = (primary("127.52.5.2"), standby("127.52.5.3"), standby("127.52.5.4"));
    let scene = Scene::start("127.52.5", &[&db1, &db2]);
    scene.names.wait_for("db-read.internal.", &[db2.address]).await;
    let logins = (db1.accepted(), db2.accepted());
    let added = scene.add("orders", "db3", &db3);
    assert_eq!(added.status, 200, "{added:?}");
    assert_eq!(scene.status("db3"), (true, true));
    until("it is probed", || db3.accepted() > 0);
    // It is a replica like the other one, and drained.
    until("it is a replica", || {
        let answer = scene.ask("GET", "/v1/servers/db3", &Value::Null);
        answer.body.contains("\"Replica\"")
    });
    scene.names.wait_for("db-read.internal.", &[db2.address]).await;

    // A reload leaves it as it is.
    scene.service.signal(Signal::HUP);
    scene
        .service
        .wait_for_line("a reload", |line| message(line) == "configuration: reloaded, 0 changes");
    assert_eq!(scene.status("db3"), (true, true));
    let ready = scene.ask("POST", "/v1/servers/db3/ready", &json!({ "author": "anna" }));
    assert_eq!(ready.status, 200, "{ready:?}");
    scene.names.wait_for("db-read.internal.", &[db2.address, db3.address]).await;
    assert_eq!((db1.accepted(), db2.accepted()), logins, "the others keep their connections");

    // A name says it: it must be drained before it may leave.
    let refused = scene.ask("DELETE", "/v1/servers/db3?author=anna", &Value::Null);
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.error().contains("pointsman drain db3"), "{refused:?}");

    let before = fs::read_to_string(scene.settings.file()).expect("the file");
    let written = scene.ask("POST", "/v1/config", &json!({ "write": true }));
    assert_eq!(written.status, 200, "{written:?}");
    let after = fs::read_to_string(scene.settings.file()).expect("the file");
    assert!(after.starts_with(before.trim_end()) && after.contains("\"db3\""), "{after}");
    until("it is the file's", || scene.status("db3") == (false, false));
    scene.names.wait_for("db-read.internal.", &[db2.address, db3.address]).await;
    let refused = scene.ask("DELETE", "/v1/servers/db3?author=anna", &Value::Null);
    assert!(refused.error().contains("remove it there"), "{refused:?}");
    assert_eq!(scene.service.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_join_is_told_why_and_what_was_added_leaves() {
    let (db1, db2, db3) = (primary("127.52.6.2"), standby("127.52.6.3"), standby("127.52.6.4"));
    let scene = Scene::start("127.52.6", &[&db1, &db2]);
    scene.names.wait_for("db-read.internal.", &[db2.address]).await;
    let serial = scene.names.serial().await;
    for (cluster, name, server, why) in [
        ("nobody", "db3", &db3, "there is no cluster"),
        ("orders", "DB1", &db3, "there is a server DB1 already"),
        ("orders", "_x", &db3, "begins with _"),
        ("orders", "db3", &db2, "127.52.6.3"),
    ] {
        let refused = scene.add(cluster, name, server);
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.error().contains(why), "{why}: {refused:?}");
    }
    assert_eq!(scene.names.serial().await, serial);
    assert_eq!(scene.add("orders", "db3", &db3).status, 200);
    until("it is probed", || db3.accepted() > 0);
    let gone = scene.ask("DELETE", "/v1/servers/db3?author=anna", &Value::Null);
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(scene.ask("GET", "/v1/servers/db3", &Value::Null).status, 404);
    let again = scene.ask("DELETE", "/v1/servers/db3?author=anna", &Value::Null);
    assert!(again.error().contains("there is no server"), "{again:?}");
    scene.names.wait_for("db-read.internal.", &[db2.address]).await;
    assert_eq!(scene.service.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_together_join_by_one_plan_and_each_hears_its_own_outcome() {
    let (db1, db2) = (primary("127.52.7.2"), standby("127.52.7.3"));
    let scene = Scene::start("127.52.7", &[&db1, &db2]);
    scene.names.wait_for("db-read.internal.", &[db2.address]).await;
    let newcomers: Vec<_> = (0..12).map(|n| standby(&format!("127.52.7.{}", 10 + n))).collect();
    let names: Vec<_> = (0..12).map(|n| format!("db{}", 10 + n)).collect();
    // One of them wants the name of another one.
    let wished = |n: usize| if n == 7 { "db1" } else { &names[n] };
    let all_set = std::sync::Barrier::new(newcomers.len());
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let adding = newcomers.iter().enumerate().map(|(n, server)| {
            let (scene, all_set) = (&scene, &all_set);
            scope.spawn(move || {
                all_set.wait();
                scene.add("orders", wished(n), server)
            })
        });
        let adding: Vec<_> = adding.collect();
        adding.into_iter().map(|adding| adding.join().expect("an answer")).collect()
    });
    for (n, answer) in answers.iter().enumerate() {
        match n {
            7 => assert!(answer.error().contains("there is a server db1 already"), "{answer:?}"),
            _ => assert_eq!((answer.status, scene.status(&names[n])), (200, (true, true))),
        }
    }
    // Each has a line of its own, and they have shared their plans.
    let own = |line: &Value| message(line).contains(" joins orders, by anna");
    let lines = scene.service.log();
    assert_eq!(lines.iter().filter(|line| own(line)).count(), 11, "{lines:?}");
    let shared = lines.iter().filter_map(|line| {
        let rest = message(line).strip_prefix("configuration: ")?;
        rest.strip_suffix(" servers join by one plan")?.parse::<usize>().ok()
    });
    let most = shared.max();
    assert!(most.is_some_and(|most| most >= 4), "{most:?} together: {lines:?}");
    for (n, server) in newcomers.iter().enumerate().filter(|(n, _)| *n != 7) {
        until("it is probed", || server.accepted() > 0);
        let path = format!("/v1/servers/{}/ready", names[n]);
        let ready = scene.ask("POST", &path, &json!({ "author": "anna" }));
        assert_eq!((ready.status, scene.status(&names[n])), (200, (true, false)));
    }
    assert_eq!(scene.service.stop().code, Some(0));
}
