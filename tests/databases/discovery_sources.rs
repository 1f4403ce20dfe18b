//! Clusters without a server in the file, beside a real pair: whichever source names the first, an
//! operator vouches for it, and the other one proves itself. Each source has a Pointsman of its own,
//! and all of them one pair.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    thread,
};

use pointsman_testbed::certificates::{Authority, Validity};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tempfile::TempDir;

use crate::{
    account::Account,
    discovering::{Scene, discovered, until_discovered, until_named},
    in_turn,
    pointsman::{Cluster, Engine, Pointsman},
    ports,
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
    process::ServerProcess,
};

const fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 62, 42, last)
}

const SERVERS: [Ipv4Addr; 2] = [at(1), at(2)];

/// Where services of the sources are.
const SERVICES: Ipv4Addr = at(30);

/// What a service asks for; at first Pointsman has another one.
const TOKEN: &str = "of-the-inventory";

#[test]
fn a_first_server_is_found_by_each_source_that_can_name_one() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        let cluster = Cluster::new("db", Engine::Postgres, [], servers.port());
        let identity = servers.value(0, "SELECT system_identifier FROM pg_control_system()");
        let port = servers.port();
        let targets = SERVERS.map(|server| format!("\"{server}:{port}\"")).join(", ");
        let list = format!("[{{\"targets\": [{targets}]}}]");
        let begin = |source: &str, home: u8, more: &str| {
            let discovery = format!(
                "\n[cluster.discovery]\nsources = [\"{source}\"]\nmode = \"join\"\n\
                 networks = [\"127.62.42.0/24\"]\ninterval = \"1s\"\n\n\
                 [cluster.discovery.{source}]\n{more}\n"
            );
            Scene::new(&cluster, at(home), &discovery)
        };
        let program = command(&list);
        let run = format!("run = [\"{}/instances\", \"orders\"]", program.path().display());
        let (resolver, _unbound, _zone) = resolver(port);
        let name = "name = \"_postgresql._tcp.db.example.\"";
        let dns = format!("{name}\nresolver = \"{resolver}\"");
        let members = SERVERS.map(|host| format!("{{\"host\": \"{host}\", \"port\": {port}}}"));
        let members = format!("{{\"members\": [{}], \"scope\": \"db\"}}", members.join(", "));
        let patroni = service(None, "GET /cluster ", "", members);
        let patroni = format!("hosts = [\"{patroni}\"]");
        let authority = Authority::new();
        let inventory = inventory(&authority, list);
        let ca = authority.file();
        let http = format!(
            "url = \"https://{inventory}/orders\"\nca_file = \"{}\"\ntoken_file = \"token\"",
            ca.display()
        );

        // All are on their way before anybody is waited for.
        let scenes = [
            ("command", begin("command", 9, &run)),
            ("dns", begin("dns", 10, &dns)),
            ("patroni", begin("patroni", 11, &patroni)),
            ("http", begin("http", 12, &http)),
        ];
        let token = scenes[3].1.folder.path().join("token");
        Account::monitor().write_secret(&token, "of-somebody-else\n");
        let serving: Vec<_> =
            scenes.iter().map(|(source, scene)| (*source, scene.serve())).collect();
        let (_, by_http) = &serving[3];
        // A service that is shown another token names nobody.
        until_discovered(by_http, "the reply is 401");
        Account::monitor().write_secret(&token, TOKEN);
        let (code, told) = by_http.command(&["reload"]);
        assert_eq!(code, Some(0), "{told}");
        for (source, pointsman) in serving {
            is_begun_by_hand(&pointsman, &cluster, &identity, source);
            pointsman.stop();
        }
    });
}

/// Both servers are shown and in no name; an operator vouches for the primary, and the standby joins.
fn is_begun_by_hand(pointsman: &Pointsman, cluster: &Cluster, identity: &str, source: &str) {
    let primary = format!("a primary on timeline 1 with system identifier {identity}");
    until_discovered(pointsman, &primary);
    until_discovered(pointsman, &format!("a standby with system identifier {identity}"));
    let mut client = pointsman.client();
    for name in [cluster.write_name(), cluster.read_name()] {
        let answer = client.addresses(&name).expect("an answer");
        assert!(answer.set().is_empty(), "{source}: {name}: {answer:?}");
    }
    let first = format!("{}:{}", SERVERS[0], cluster.port);
    for command in [&["server", "add", "db", "db1", &first][..], &["server", "ready", "db1"]] {
        let (code, told) = pointsman.command(command);
        assert_eq!(code, Some(0), "{source}: {command:?}: {told}");
    }
    until_named(pointsman, &cluster.write_name(), &SERVERS[..1]);
    until_named(pointsman, &cluster.read_name(), &SERVERS[1..]);
    until_discovered(pointsman, " member ");
    let told = discovered(pointsman);
    let joined = told.lines().any(|line| line.contains(" member ") && line.contains(source));
    assert!(joined, "{source}:\n{told}");
}

/// A program that prints this list for the cluster that it knows.
fn command(list: &str) -> TempDir {
    let folder = Account::monitor().directory("instances-");
    let program = folder.path().join("instances");
    let script = format!("#!/bin/sh\n[ \"$1\" = orders ] && echo '{list}'\n");
    fs::write(&program, script).expect("a file can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

/// An unbound that has a SRV record for each server.
fn resolver(port: u16) -> (SocketAddr, ServerProcess, TempDir) {
    let dns = ports::free_for_dns_on(&[SERVICES])[0];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = format!(
        "server:\n  interface: {}@{}\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  \
         use-syslog: no\n  module-config: \"iterator\"\n  local-zone: \"example.\" static\n",
        dns.ip(),
        dns.port()
    );
    for (number, address) in (1..).zip(SERVERS) {
        config += &format!(
            "  local-data: \"_postgresql._tcp.db.example. 1 SRV 0 0 {port} db{number}.example.\"\n"
        );
        config += &format!("  local-data: \"db{number}.example. 1 A {address}\"\n");
    }
    config += "remote-control:\n  control-enable: no\n";
    let file = folder.path().join("unbound.conf");
    fs::write(&file, config).expect("a file can be written");
    let mut command = Account::current().command("/usr/sbin/unbound");
    command.arg("-d").arg("-c").arg(&file);
    let unbound = ServerProcess::spawn(command, &folder.path().join("log"));
    (dns, unbound, folder)
}

/// A service with a certificate that asks for a token and has this list.
fn inventory(authority: &Authority, list: String) -> SocketAddr {
    let identity = authority.identity(SERVICES, Validity::Present);
    let certificate = CertificateDer::from_pem_slice(identity.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(identity.as_bytes()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate], key).expect("they belong together");
    service(Some(Arc::new(config)), "GET /orders ", TOKEN, list)
}

/// Replies to a request that begins so and shows this token, if one is asked for.
fn service(
    tls: Option<Arc<ServerConfig>>,
    request: &'static str,
    token: &'static str,
    body: String,
) -> SocketAddr {
    let listener = TcpListener::bind((SERVICES, 0)).expect("a free port");
    let bound = listener.local_addr().expect("bound");
    // They end with the tests; whoever asks may leave at any time.
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            _ = match &tls {
                None => reply(stream, request, token, &body),
                Some(config) => {
                    let session = ServerConnection::new(Arc::clone(config)).expect("settings");
                    reply(StreamOwned::new(session, stream), request, token, &body)
                }
            };
        }
    });
    bound
}

fn reply(
    mut stream: impl Read + Write,
    request: &str,
    token: &str,
    body: &str,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut some = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut some)? {
            0 => return Ok(()),
            read => head.extend_from_slice(&some[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let shown = format!("Authorization: Bearer {token}\r\n").to_lowercase();
    let (status, body) = match (head.starts_with(request), head.to_lowercase().contains(&shown)) {
        (false, _) => (404, ""),
        (true, false) if !token.is_empty() => (401, ""),
        (true, _) => (200, body),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{body}")?;
    stream.flush()
}
