//! Sources of the network that say odd things, as a configuration has them.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::time::Instant;

use super::{Asker, Heard, REPLY_MAX};
use crate::{
    config::{Config, System},
    discovery::{FINDS_MAX, SourceReply},
};

/// A cluster with this text as its discovery.
fn config(discovery: &str) -> Config {
    let text = format!(
        r#"
        [[zone]]
        origin = "db.internal."
        [[cluster]]
        name = "orders"
        engine = "postgres"
        write = {{ name = "write.db.internal." }}
        probe = {{ user = "pointsman" }}
        server = [
            {{ name = "a1", address = "127.22.7.1", port = 5432 }},
            {{ name = "a2", address = "127.22.7.2", port = 5432 }},
        ]
        [cluster.discovery]
        networks = ["127.22.7.0/24"]
        {discovery}"#
    );
    Config::from_text(&text, Path::new("/nowhere/pointsman.toml"), &System)
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn ask(discovery: &str) -> Heard {
    ask_with(&mut Asker::default(), discovery).await
}

async fn ask_with(asker: &mut Asker, discovery: &str) -> Heard {
    let config = config(discovery);
    let cluster = &config.clusters[0];
    let discovery = cluster.discovery.as_ref().expect("servers are discovered");
    asker.ask(cluster, &Arc::clone(&discovery.sources[0])).await
}

/// A service that says `reply` to everybody, and then waits for as long.
fn service(at: &str, reply: Vec<u8>, then: Duration) -> SocketAddr {
    let listener = TcpListener::bind(at).expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            _ = stream.read(&mut request);
            _ = stream.write_all(&reply);
            thread::sleep(then);
        }
    });
    address
}

fn replying(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn ask_http(reply: Vec<u8>, then: Duration) -> SourceReply {
    let at = service("127.22.7.9:0", reply, then);
    let section = format!(
        "sources = [\"http\"]\n[cluster.discovery.http]\n\
         url = \"http://{at}/orders\"\ntimeout = \"1s\""
    );
    ask(&section).await.reply
}

#[tokio::test]
async fn a_service_is_heard_when_it_says_all() {
    let list = r#"[{"targets": ["127.22.7.3:5432"], "labels": {"name": "a3"}}]"#;
    let reply = ask_http(replying("200 OK", list), Duration::ZERO).await;
    assert_eq!((reply.finds().len(), reply.fault()), (1, None), "{reply:?}");
    let empty = ask_http(replying("200 OK", "[]"), Duration::ZERO).await;
    assert_eq!(empty, SourceReply::Whole(Vec::new()));
    let many: Vec<_> = (0..10_000).map(|n| format!("127.22.7.{}:{}", n % 256, n + 1)).collect();
    let many = serde_json::json!([{ "targets": many }]).to_string();
    let reply = ask_http(replying("200 OK", &many), Duration::ZERO).await;
    assert_eq!(reply.finds().len(), FINDS_MAX);
    assert!(reply.fault().is_some_and(|fault| fault.contains("10000")), "{:?}", reply.fault());
}

#[tokio::test]
async fn whatever_else_a_service_says_is_a_failure_with_a_reason() {
    let list = r#"[{"targets": ["127.22.7.3:5432"]}]"#;
    let elsewhere = format!("302 Found\r\nLocation: http://127.0.0.1:1/{}", "x");
    let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{list}");
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &vec![b' '; 2 * REPLY_MAX]].concat();
    for (reply, then, why) in [
        (replying(&elsewhere, list), 0, "the reply is 302, not 200; redirects are not followed"),
        (replying("503 x", list), 0, "the reply is 503, not 200"),
        (replying("200 OK", "garbage"), 0, "no JSON"),
        (replying("200 OK", &list[..20]), 0, "no JSON"),
        (half.clone().into_bytes(), 0, "connection"),
        (half.into_bytes(), 60, "no reply within 1s"),
        (b"220 smtp\r\n".to_vec(), 0, "no HTTP reply"),
        (Vec::new(), 60, "no reply within 1s"),
        (endless, 0, "reply longer than 262144 octets"),
    ] {
        let begun = Instant::now();
        let reply = ask_http(reply, Duration::from_secs(then)).await;
        let SourceReply::Failed(told) = &reply else { panic!("{why}: {reply:?}") };
        assert!(told.contains(why), "{why}: {told}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{why}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_token_is_shown_over_tls_alone() {
    let section = "sources = [\"http\"]\n[cluster.discovery.http]\nurl = \"http://127.22.7.9/\"\n\
                   token_file = \"/nowhere/token\"";
    let text = std::panic::catch_unwind(|| config(section)).expect_err("faults");
    let told = text.downcast_ref::<String>().expect("a text");
    assert!(told.contains("`token_file` beside a `url` by http"), "{told}");
}

#[tokio::test]
async fn any_member_of_patroni_answers_and_the_next_is_asked_when_one_does_not() {
    let list = r#"{"members": [
                     {"name": "a3", "host": "127.22.7.3", "port": 5433, "lag": "unknown"},
                   {"name": "a4"}]}"#;
    let at = service("127.22.7.2:0", replying("200 OK", list), Duration::ZERO);
    let port = at.port();
    let section = format!("sources = [\"patroni\"]\n[cluster.discovery.patroni]\nport = {port}\n");
    // Nobody listens at the first server.
    let mut asker = Asker::default();
    for _ in 0..2 {
        let heard = ask_with(&mut asker, &section).await;
        assert_eq!((heard.reply.finds().len(), heard.reply.fault()), (1, None), "{heard:?}");
        assert_eq!(
            heard.sightings[0].addresses,
            ["127.22.7.3".parse::<std::net::IpAddr>().expect("one")]
        );
    }
    let gone = TcpListener::bind("127.22.7.8:0").expect("a port");
    let port = gone.local_addr().expect("bound").port();
    drop(gone);
    let section = format!("sources = [\"patroni\"]\n[cluster.discovery.patroni]\nport = {port}\n");
    let reply = ask(&section).await.reply;
    assert!(reply.fault().is_some_and(|why| why.starts_with("a2: ")), "{reply:?}");
    let odd = service("127.22.7.1:0", replying("404 x", list), Duration::ZERO);
    let section =
        format!("sources = [\"patroni\"]\n[cluster.discovery.patroni]\nport = {}\n", odd.port());
    assert!(matches!(ask(&section).await.reply, SourceReply::Failed(_)));
    // Where no member says anything a host of the configuration is asked, at its own port or theirs.
    let seed = service("127.22.7.9:0", replying("200 OK", list), Duration::ZERO);
    for hosts in ["127.22.7.9".to_owned(), format!("127.22.7.8\", \"{seed}")] {
        let port = if hosts.contains(':') { port } else { seed.port() };
        let section = format!(
            "sources = [\"patroni\"]\n[cluster.discovery.patroni]\nhosts = [\"{hosts}\"]\n\
             port = {port}\n"
        );
        let reply = ask(&section).await.reply;
        assert_eq!((reply.finds().len(), reply.fault()), (1, None), "{reply:?}");
    }
}

/// What one of the programs in `examples/discovery` finds.
async fn example(program: &str, arguments: &[&str]) -> (Vec<String>, Option<String>) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/discovery").join(program);
    let run: Vec<_> = std::iter::once(program.to_str().expect("a path"))
        .chain(arguments.iter().copied())
        .map(|argument| format!("{argument:?}"))
        .collect();
    let section =
        format!("sources = [\"command\"]\n[cluster.discovery.command]\nrun = [{}]", run.join(", "));
    let reply = ask(&section).await.reply;
    let find = |find: &crate::discovery::Find| {
        let name = find.name.as_ref().map_or("-", crate::discovery::NameHint::as_str);
        format!("{name} {} {}", find.host, find.port.unwrap_or(0))
    };
    (reply.finds().iter().map(find).collect(), reply.fault().map(str::to_owned))
}

/// A service that replies so, and the URL of it.
fn simulator(body: &str) -> String {
    format!("http://{}", service("127.22.7.9:0", replying("200 OK", body), Duration::ZERO))
}

#[tokio::test]
async fn the_examples_read_what_their_services_say() {
    let consul = simulator(
        r#"[{"Node": {"Node": "n1", "Address": "127.22.7.3"},
             "Service": {"Address": "", "Port": 5432}},
            {"Node": {"Node": "n2", "Address": "127.22.7.9"},
             "Service": {"Address": "127.22.7.4", "Port": 5433}}]"#,
    );
    let found = example("consul", &["orders", &consul]).await;
    assert_eq!(found, (vec!["n1 127.22.7.3 5432".into(), "n2 127.22.7.4 5433".into()], None));

    let orchestrator = simulator(
        r#"[{"Key": {"Hostname": "127.22.7.3", "Port": 3306}, "IsLastCheckValid": false},
            {"Key": {"Hostname": "fd00::4", "Port": 3306}, "DataCenter": "az1"}]"#,
    );
    let found = example("orchestrator", &["orders", &orchestrator]).await;
    assert_eq!(found, (vec!["- 127.22.7.3 3306".into(), "- fd00::4 3306".into()], None));

    let folder = tempfile::tempdir().expect("a folder");
    let user = folder.path().join("user");
    std::fs::write(&user, "user = \"admin:mariadb\"\n").expect("written");
    let maxscale = simulator(
        r#"{"data": [{"id": "server1", "type": "servers", "attributes": {"state": "Down",
            "parameters": {"address": "127.22.7.3", "port": 3306}}}]}"#,
    );
    let found = example("maxscale", &[&maxscale, user.to_str().expect("a path")]).await;
    assert_eq!(found, (vec!["server1 127.22.7.3 3306".into()], None));

    let aws = folder.path().join("aws");
    let reply = r#"{"DBInstances": [{"DBInstanceIdentifier": "orders-1", "AvailabilityZone": "a",
        "Endpoint": {"Address": "127.22.7.3", "Port": 5432}},
        {"DBInstanceIdentifier": "creating"}]}"#;
    let script =
        format!("#!/bin/sh\ncase \"$*\" in *Values=orders*) echo '{reply}';; *) exit 1;; esac\n");
    std::fs::write(&aws, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&aws, mode).expect("it may be run");
    let aws = aws.to_str().expect("a path");
    let found = example("rds", &["orders", "eu-central-1", aws]).await;
    assert_eq!(found, (vec!["orders-1 127.22.7.3 5432".into()], None));
    let (found, fault) = example("rds", &["others", "eu-central-1", aws]).await;
    assert!(found.is_empty() && fault.is_some(), "{found:?} {fault:?}");
}

#[tokio::test]
async fn an_example_whose_service_fails_takes_nobody_away() {
    let gone = service("127.22.7.9:0", replying("500 x", "[]"), Duration::ZERO);
    let url = format!("http://{gone}");
    for (program, arguments) in [
        ("consul", ["orders", &url]),
        ("orchestrator", ["orders", &url]),
        ("maxscale", [&url, "/dev/null"]),
    ] {
        let (found, fault) = example(program, &arguments).await;
        assert!(found.is_empty() && fault.is_some(), "{program}: {found:?} {fault:?}");
    }
}
