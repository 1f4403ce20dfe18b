//! `pointsman probe`: each step that may break, on servers that break there.

use std::{net::TcpListener, thread};

use serde_json::Value;

use crate::{
    admin::{TOKEN, http, http::Answer},
    fake_mysql::FakeMySql,
    fake_postgres::{
        COLUMNS, Fake, PASSWORD, PRIMARY, STANDBY, Step, at_question, complete, description, error,
        login, ready, reply, row,
    },
    mysql_versions::Version,
    patience::until,
    process::{Ended, Service, Settings, parsed, run},
};

/// A server of the configuration: its name, where it is probed, and how.
struct Asked {
    name: &'static str,
    engine: &'static str,
    at: String,
    tls: &'static str,
}

impl Asked {
    fn postgres(name: &'static str, fake: &Fake) -> Self {
        Self { name, engine: "postgres", at: fake.address.to_string(), tls: "disable" }
    }
}

/// A running service, one cluster for each server.
struct Scene {
    settings: Settings,
    service: Service,
}

impl Scene {
    fn start(network: &str, servers: &[Asked]) -> Self {
        let mut text = format!(
            "[dns]\nlisten = [\"{network}.1:0\"]\n\
             [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
             [admin]\nsocket = \"admin.sock\"\nhttp = \"{network}.1:0\"\ntoken_file = \"token\"\n"
        );
        for (number, Asked { name, engine, at, tls }) in servers.iter().enumerate() {
            let login = "user = \"pointsman\"\npassword_file = \"probe.password\"\n";
            let probe = match *engine {
                "tcp" => String::new(),
                _ => format!("{login}tls = \"{tls}\"\n"),
            };
            text += &format!(
                "[[cluster]]\nname = \"of-{name}\"\nengine = \"{engine}\"\n\
                 write = {{ name = \"{name}.internal.\" }}\n\
                 [cluster.probe]\ninterval = \"1s\"\ntimeout = \"700ms\"\n{probe}\
                 [[cluster.server]]\nname = \"{name}\"\naddress = \"192.0.2.{}\"\nport = 5432\n\
                 probe_address = \"{at}\"\n",
                number + 1
            );
        }
        let settings = Settings::new(&text, PASSWORD);
        let token = settings.folder().join("token");
        std::fs::write(token, format!("{TOKEN}\n")).expect("a file can be written");
        let (service, _) = Service::serve(&settings, &[]);
        let scene = Self { settings, service };
        until("the first round has ended", || scene.on("status").code == Some(0));
        scene
    }

    fn on(&self, line: &str) -> Ended {
        let socket = self.settings.folder().join("admin.sock").display().to_string();
        let words = line.split(' ').chain(["--socket", &socket]);
        run(&words.collect::<Vec<_>>())
    }

    /// What a probe of `server` shows; and its exit code.
    fn probe(&self, server: &str) -> (Option<i32>, Value, String) {
        let Ended { code, stdout, stderr } = self.on(&format!("probe {server} --json"));
        assert_eq!(stderr, "", "{server}: {stdout}");
        assert!(!stdout.contains(PASSWORD), "{server}: {stdout}");
        let text = self.on(&format!("probe {server}")).stdout;
        assert!(!text.contains(PASSWORD), "{server}: {text}");
        (code, parsed(&stdout), text)
    }

    /// Expects that the probe of `server` breaks at `step` with these words in error and advice.
    fn expect_broken(&self, server: &str, step: &str, words: [&str; 2]) {
        let (code, probed, text) = self.probe(server);
        assert_eq!((code, &probed["ok"]), (Some(1), &Value::from(false)), "{server}: {probed}");
        let failure = &probed["failure"];
        assert_eq!(failure["step"], step, "{server}: {probed}");
        for (field, words) in [("error", words[0]), ("advice", words[1])] {
            let said = failure[field].as_str().expect("words");
            assert!(said.contains(words), "{server}: {words:?} is not in {said:?}");
            assert!(text.contains(words), "{server}: {words:?} is not in {text}");
        }
        let steps = probed["steps"].as_array().expect("steps");
        let (last, before) = steps.split_last().expect("a step");
        assert_eq!((&last["step"], &last["ok"]), (&step.into(), &false.into()), "{probed}");
        assert!(before.iter().all(|step| step["ok"] == true), "{probed}");
        assert!(steps.iter().all(|step| step["ms"].as_f64().is_some_and(|ms| ms >= 0.0)));
        assert!(text.contains(&format!("broken at {step}: ")), "{text}");
        assert_eq!(probed["now"]["server"]["name"], server);
    }
}

#[test]
fn each_step_may_break_and_is_named() {
    let host = |last: u8| format!("127.62.1.{last}");
    let free = TcpListener::bind((host(2), 0)).expect("a free port");
    let refused = free.local_addr().expect("bound");
    drop(free);
    let silent = Fake::start(&host(3), vec![Step::Silence]);
    let plain = Fake::start(&host(4), vec![Step::ReadStartup, Step::Send(b"N".to_vec())]);
    let words = error("FATAL", "28P01", "password authentication failed for user \"pointsman\"");
    let stranger = Fake::start(&host(5), vec![Step::ReadStartup, Step::Send(words)]);
    let denied = error("ERROR", "42501", "permission denied for function pg_control_system");
    let poor = Fake::start(&host(6), at_question([denied, ready()].concat()));
    let odd = [description(&COLUMNS[..1]), row(&[Some("7")]), complete(), ready()].concat();
    let odd = Fake::start(&host(7), at_question(odd));
    let mute = vec![Step::ReadStartup, Step::Send(login()), Step::Silence];
    let mute = Fake::start(&host(8), mute);
    let full = error("FATAL", "53300", "sorry, too many clients already");
    let full = Fake::start(&host(9), vec![Step::ReadStartup, Step::Send(full)]);
    let leak = error("FATAL", "28000", &format!("{PASSWORD} is no password"));
    let leak = Fake::start(&host(10), vec![Step::ReadStartup, Step::Send(leak)]);
    let at = |name, at: String| Asked { name, engine: "postgres", at, tls: "disable" };
    let scene = Scene::start(
        "127.62.1",
        &[
            at("unknown", "db1.invalid:5432".into()),
            at("refused", refused.to_string()),
            Asked::postgres("silent", &silent),
            Asked { tls: "require", ..Asked::postgres("plain", &plain) },
            Asked::postgres("stranger", &stranger),
            Asked::postgres("poor", &poor),
            Asked::postgres("odd", &odd),
            Asked::postgres("mute", &mute),
            Asked::postgres("full", &full),
            Asked::postgres("leak", &leak),
            Asked { name: "port", engine: "tcp", at: refused.to_string(), tls: "" },
        ],
    );
    for (server, step, words) in [
        ("unknown", "resolve", ["host name does not resolve", "configure an address"]),
        ("refused", "connect", ["connection refused", "nobody listens on 127.62.1.2:"]),
        ("port", "connect", ["connection refused", "nobody listens on 127.62.1.2:"]),
        ("silent", "login", ["no reply", "accepts connections and then says nothing"]),
        ("plain", "tls", ["does not let the probe in", "compare `tls` and `ca_file`"]),
        ("stranger", "login", ["28P01 password authentication", "`pointsman grants postgres`"]),
        ("poor", "query", ["42501 permission denied", "`pointsman grants postgres`"]),
        ("odd", "query", ["reply does not follow the protocol", "it should be PostgreSQL"]),
        ("mute", "query", ["no reply", "accepts connections and then says nothing"]),
        ("full", "login", ["53300 sorry", "`max_connections`"]),
        ("leak", "login", ["*** is no password", "`pointsman grants postgres`"]),
    ] {
        scene.expect_broken(server, step, words);
    }
    drop(scene.service);
}

#[test]
fn what_a_server_says_is_shown_with_what_is_decided_of_it() {
    let host = |last: u8| format!("127.62.2.{last}");
    // A claim to be writable needs a second reply in a row.
    let mut asked_twice = at_question(reply(&PRIMARY));
    asked_twice.splice(4..4, [Step::ReadMessage, Step::Send(reply(&PRIMARY))]);
    let primary = Fake::start(&host(2), asked_twice);
    let plain = vec![Step::ReadStartup, Step::Send(b"N".to_vec())];
    let standby = [plain, at_question(reply(&STANDBY))].concat();
    let standby = Fake::start(&host(3), standby);
    let scene = Scene::start(
        "127.62.2",
        &[
            Asked::postgres("db1", &primary),
            Asked { tls: "prefer", ..Asked::postgres("db2", &standby) },
            Asked { engine: "tcp", ..Asked::postgres("port", &primary) },
        ],
    );
    until("db1 is the primary", || scene.on("why db1").stdout.contains("Primary"));
    let (code, probed, text) = scene.probe("db1");
    assert_eq!((code, &probed["ok"]), (Some(0), &true.into()), "{probed}");
    assert_eq!((&probed["cluster"], &probed["failure"]), (&"of-db1".into(), &Value::Null));
    let steps: Vec<_> = probed["steps"].as_array().expect("steps").iter().collect();
    let names: Vec<_> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["resolve", "connect", "login", "query"]);
    for words in [
        "as pointsman in database postgres: PostgreSQL 15.18",
        "127.62.2.2:",
        "pg_is_in_recovery",
        "0/3000148",
        "7319245698132145678",
        "By the regular probes: db1 of of-db1 is Primary",
        "db1.internal.",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let fact = |probed: &Value, name: &str| {
        let facts = probed["facts"].as_array().expect("facts");
        let fact = facts.iter().find(|fact| fact["name"] == name).expect("the fact");
        fact["value"].as_str().expect("a word").to_owned()
    };
    assert_eq!(fact(&probed, "pg_is_in_recovery"), "no");
    assert_eq!(fact(&probed, "transaction_read_only"), "off");

    let (code, probed, text) = scene.probe("db2");
    assert_eq!(code, Some(0), "{probed}");
    assert!(text.contains("the server does not offer it: plain text"), "{text}");
    assert_eq!(fact(&probed, "pg_is_in_recovery"), "yes");
    assert_eq!(fact(&probed, "wal receiver"), "streaming");
    assert_eq!(fact(&probed, "sender"), "127.0.0.9:5432");
    let (code, probed, _) = scene.probe("PORT");
    assert_eq!((code, &probed["server"]), (Some(0), &"port".into()), "{probed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mysql_server_greets_before_anything_else() {
    let well = FakeMySql::start("127.62.3.2", Version::MariaDb12.primary()).await;
    let silent = Fake::start("127.62.3.3", vec![Step::Silence]);
    let of = |name, address: std::net::SocketAddr| Asked {
        name,
        engine: "mysql",
        at: address.to_string(),
        tls: "prefer",
    };
    let scene = Scene::start("127.62.3", &[of("my1", well.address), of("my2", silent.address)]);
    let (code, probed, text) = scene.probe("my1");
    assert_eq!(code, Some(0), "{probed}");
    let steps = probed["steps"].as_array().expect("steps").iter();
    let names: Vec<_> = steps.filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["resolve", "connect", "greeting", "tls", "login", "query"]);
    for words in
        ["as pointsman: MariaDB 12.", "allowed: read_only is off", "none: it has no source"]
    {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    scene.expect_broken("my2", "greeting", ["no reply", "accepts connections and then"]);
}

#[test]
fn a_shown_probe_counts_for_nothing_and_is_one_at_a_time() {
    let silent = Fake::start("127.62.4.2", vec![Step::Silence]);
    let scene = Scene::start("127.62.4", &[Asked::postgres("db1", &silent)]);
    let ended: Vec<_> = thread::scope(|scope| {
        let probes: Vec<_> = (0..4).map(|_| scope.spawn(|| scene.on("probe db1"))).collect();
        probes.into_iter().map(|probe| probe.join().expect("it ends")).collect()
    });
    assert!(ended.iter().all(|ended| ended.code == Some(1)), "{ended:?}");
    let refused = "db1 is being probed for somebody else; ask again in a moment\n";
    let count = ended.iter().filter(|ended| ended.stderr == refused).count();
    assert!((1..=3).contains(&count), "{ended:?}");
    // The engine's own word of it is of its own probes, whose count goes on by itself.
    let metrics = http::over_tcp(http_of(&scene), &http::head("GET", "/metrics", 0), b"").body;
    let total = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with("pointsman_probe_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    assert!(total(&metrics) < silent.accepted() as u64, "{metrics}");
}

#[test]
fn only_who_may_change_may_probe_and_never_by_get() {
    let silent = Fake::start("127.62.5.2", vec![Step::Silence]);
    let scene = Scene::start("127.62.5", &[Asked::postgres("db1", &silent)]);
    let http = http_of(&scene);
    let ask = |method: &str, path: &str| http::over_tcp(http, &http::head(method, path, 0), b"");
    let told = |Answer { status, body, .. }: Answer| (status, body);
    for (method, path, status, words) in [
        ("GET", "/v1/servers/db1/probe", 405, "does not take GET"),
        ("POST", "/v1/servers/db1/probe", 401, "token"),
    ] {
        let (got, body) = told(ask(method, path));
        assert_eq!(got, status, "{method} {path}: {body}");
        assert!(body.contains(words), "{body}");
    }
    let socket = scene.settings.folder().join("admin.sock");
    for (path, body, status, words) in [
        ("/v1/servers/nobody/probe", "", 404, "there is no server `nobody`"),
        ("/v1/servers/%1b%5b31m/probe", "", 404, "there is no server `\\\\u{1b}[31m`"),
        ("/v1/servers/%ff/probe", "", 400, "not UTF-8"),
        ("/v1/servers/db1/probe", "{\"x\": 1}", 400, "unknown field `x`"),
    ] {
        let head = http::head("POST", path, body.len())
            .replace("\r\n\r\n", "\r\nContent-Type: application/json\r\n\r\n");
        let (got, said) = told(http::over_unix(&socket, &head, body.as_bytes()));
        assert_eq!(got, status, "{path}: {said}");
        assert!(said.contains(words), "{path}: {said}");
    }
    let Ended { code, stdout, stderr } = scene.on("probe nobody");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("there is no server `nobody`; known: "), "{stderr}");
}

/// Where the service answers HTTP.
fn http_of(scene: &Scene) -> std::net::SocketAddr {
    let mut address = None;
    until("the address of HTTP is in the log", || {
        let log = scene.service.log();
        let line = log.iter().find(|line| line["fields"]["message"] == "admin API by HTTP");
        address = line.and_then(|line| line["fields"]["address"].as_str()?.parse().ok());
        address.is_some()
    });
    address.expect("it was found")
}
