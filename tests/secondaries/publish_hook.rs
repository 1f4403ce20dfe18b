//! The hook that keeps a name at services with an API of their own, as it is packaged: a real PowerDNS, and
//! Cloudflare and Route 53 as far as their documents go.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Output,
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    account::{self, Account},
    dns_client::DnsClient,
    patience, ports,
    primary::{Primary, Setup, WRITE},
    process::ServerProcess,
    story::name,
};

const THERE: &str = "db-write.corp.example.";

/// A service, and who publishes there.
struct Hook<'a> {
    service: &'a str,
    primary: &'a Primary,
    zone: &'a str,
    /// A line for curl.
    login: &'a str,
    url: &'a str,
}

impl Hook<'_> {
    /// As Pointsman runs it for an event of `of`.
    fn run(&self, of: &str) -> Output {
        let folder = Account::current().directory("pointsman-hook-");
        let login = folder.path().join("login");
        fs::write(&login, format!("{}\n", self.login)).expect("a file can be written");
        let address = self.primary.address();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/hooks/publish-name");
        let mut command = std::process::Command::new(program);
        command.args([self.service, WRITE, &format!("{}#{}", address.ip(), address.port())]);
        command.args([THERE, self.zone]).arg(login).arg(self.url);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("POINTSMAN_NAME", of);
        command.output().expect("the hook can be started")
    }

    fn must_run(&self) {
        let Output { status, stderr, .. } = self.run(WRITE);
        assert!(status.success(), "{}: {}", self.service, String::from_utf8_lossy(&stderr));
    }
}

fn primary(number: u8) -> Primary {
    let mut primary = Primary::new(Setup { number, ..Setup::default() });
    primary.start();
    primary
}

/// Makes the write name say `db{number}`, and waits until it does.
fn say(primary: &Primary, number: u8) {
    primary.pin(number);
    let mut ours = primary.client();
    patience::until("we say another", || {
        let answer = ours.addresses(&name(WRITE));
        answer.is_some_and(|answer| answer.addresses == [primary.server(number)])
    });
}

#[test]
fn a_real_powerdns_says_what_we_say() {
    let primary = primary(40);
    let folder = Account::current().directory("pointsman-powerdns-");
    let (dns, api) = (ports::free_for_dns(), ports::free_for_dns());
    let _process = powerdns(&folder, dns, api);
    let url = format!("http://{api}");
    let hook = Hook {
        service: "powerdns",
        primary: &primary,
        zone: "corp.example",
        login: "header = \"X-API-Key: s3cret\"",
        url: &url,
    };
    let mut client = DnsClient::new(dns);
    patience::until("PowerDNS takes its API's word", || hook.run(WRITE).status.success());
    for number in [2, 3, 1] {
        say(&primary, number);
        // Another name's event says nothing of this one.
        assert!(hook.run("read.db.internal.").status.success());
        assert_ne!(addresses(&mut client), [primary.server(number)], "it was the other's event");
        hook.must_run();
        patience::until("it says so", || addresses(&mut client) == [primary.server(number)]);
        // Twice does no harm.
        hook.must_run();
    }
    let refused = Hook { login: "header = \"X-API-Key: wrong\"", ..hook }.run(WRITE);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("powerdns refuses"), "{refused:?}");
}

fn addresses(client: &mut DnsClient) -> Vec<std::net::IpAddr> {
    client.addresses(&name(THERE)).map(|answer| answer.addresses).unwrap_or_default()
}

fn powerdns(folder: &TempDir, dns: SocketAddr, api: SocketAddr) -> ServerProcess {
    let at = folder.path().display();
    let config = format!(
        "local-address={}\nlocal-port={}\nlaunch=gsqlite3\ngsqlite3-database={at}/pdns.db\n\
         socket-dir={at}\nguardian=no\ndaemon=no\nwrite-pid=no\nzone-cache-refresh-interval=0\n\
         query-cache-ttl=0\ncache-ttl=0\nnegquery-cache-ttl=0\nwebserver=yes\n\
         webserver-address={}\nwebserver-port={}\napi=yes\napi-key=s3cret\n",
        dns.ip(),
        dns.port(),
        api.ip(),
        api.port()
    );
    fs::write(folder.path().join("pdns.conf"), config).expect("a file can be written");
    let schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
    for script in [
        format!("sqlite3 {at}/pdns.db < {schema}"),
        format!("pdnsutil --config-dir={at} create-zone corp.example"),
    ] {
        account::run(Account::current().command("/bin/sh").args(["-c", &script]));
    }
    let mut command = Account::current().command("/usr/sbin/pdns_server");
    command.arg(format!("--config-dir={at}"));
    ServerProcess::spawn(command, &folder.path().join("log"))
}

/// A request to a service that is played.
struct Request {
    line: String,
    /// In lower case.
    headers: Vec<String>,
    body: String,
}

/// A service that gives this reply to every `GET`, and takes the rest.
fn service(known: String) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.38.41.2:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (send, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
            let lines = reader.by_ref().lines().map(|line| line.expect("a line"));
            let mut head = lines.take_while(|line| !line.is_empty());
            let line = head.next().expect("a request");
            let headers: Vec<_> = head.map(|line| line.to_ascii_lowercase()).collect();
            let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
            reader.read_exact(&mut body).expect("a body");
            let reply = if line.starts_with("GET") { &*known } else { "{}" };
            let length = reply.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(format!("{head}{reply}").as_bytes()).expect("it listens");
            let body = String::from_utf8(body).expect("text");
            // The test may have seen enough.
            _ = send.send(Request { line, headers, body });
        }
    });
    (url, requests)
}

#[test]
fn cloudflare_is_told_what_differs_and_nothing_else() {
    let primary = primary(42);
    let record =
        |id: &str, kind: &str, content: &str| json!({"id": id, "type": kind, "content": content});
    let ours = primary.server(1).to_string();
    let play = |records: Vec<Value>| {
        let (url, requests) = service(json!({ "result": records }).to_string());
        let hook = Hook {
            service: "cloudflare",
            primary: &primary,
            zone: "z1",
            login: "header = \"Authorization: Bearer s3cret\"",
            url: &url,
        };
        (hook.run(WRITE), requests)
    };
    let old = vec![record("a", "A", "10.9.9.9"), record("b", "AAAA", "fd00::9")];
    let (output, requests) = play(old);
    assert!(output.status.success(), "{output:?}");
    let [asked, told] =
        [(); 2].map(|()| requests.recv_timeout(patience::PATIENCE).expect("a request"));
    assert_eq!(
        asked.line,
        "GET /zones/z1/dns_records?name=db-write.corp.example&per_page=100 HTTP/1.1"
    );
    assert!(asked.headers.contains(&"authorization: bearer s3cret".into()), "{:?}", asked.headers);
    assert_eq!(told.line, "POST /zones/z1/dns_records/batch HTTP/1.1");
    let body: Value = serde_json::from_str(&told.body).expect("JSON");
    let name = "db-write.corp.example";
    let post = json!({"type": "A", "content": ours, "name": name, "ttl": 60, "proxied": false});
    assert_eq!(body, json!({"deletes": [{"id": "a"}, {"id": "b"}], "posts": [post]}));
    // What is as it should be is left alone, and so is what somebody else keeps.
    for (records, code) in
        [(vec![record("a", "A", &ours)], 0), (vec![record("a", "CNAME", "www.corp.example")], 1)]
    {
        let (output, requests) = play(records);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let lines: Vec<_> = requests.try_iter().map(|request| request.line).collect();
        assert!(lines.iter().all(|line| line.starts_with("GET")), "{lines:?}");
    }
}

#[test]
fn route_53_is_told_both_families() {
    let primary = primary(43);
    let known = "<ResourceRecordSet><Name>db-write.corp.example.</Name><Type>AAAA</Type>\
                 <TTL>9</TTL><ResourceRecords><ResourceRecord><Value>fd00::9</Value>\
                 </ResourceRecord></ResourceRecords></ResourceRecordSet>";
    let reply = format!("<R><ResourceRecordSets>{known}</ResourceRecordSets></R>");
    let (url, requests) = service(reply);
    let hook = Hook {
        service: "route53",
        primary: &primary,
        zone: "/hostedzone/Z1",
        login: "user = \"KEYID:s3cret\"",
        url: &url,
    };
    hook.must_run();
    let [asked, told] =
        [(); 2].map(|()| requests.recv_timeout(patience::PATIENCE).expect("a request"));
    assert!(asked.line.contains("&type=AAAA "), "{}", asked.line);
    assert_eq!(told.line, "POST /2013-04-01/hostedzone/Z1/rrset HTTP/1.1");
    let signed = told.headers.iter().any(|line| {
        line.starts_with("authorization: aws4-hmac-sha256 credential=keyid/")
            && line.contains("/us-east-1/route53/aws4_request")
    });
    assert!(signed && !told.body.contains("s3cret"), "{:?}", told.headers);
    let set = format!(
        "<Change><Action>DELETE</Action>{known}</Change><Change><Action>UPSERT</Action>\
         <ResourceRecordSet><Name>{THERE}</Name><Type>A</Type><TTL>1</TTL><ResourceRecords>\
         <ResourceRecord><Value>{}</Value></ResourceRecord></ResourceRecords>\
         </ResourceRecordSet></Change>",
        primary.server(1)
    );
    assert!(told.body.contains(&set), "{}", told.body);
}

#[test]
fn no_answer_of_ours_changes_nothing_there() {
    let mut primary = primary(44);
    let (url, requests) = service("{\"result\": []}".into());
    let hook = |service: &'static str, primary: &Primary| {
        let (zone, login, url) = ("z1", "header = \"X-API-Key: s3cret\"", &*url);
        Hook { service, primary, zone, login, url }.run(WRITE)
    };
    assert_eq!(hook("windows", &primary).status.code(), Some(2));
    primary.kill();
    let output = hook("powerdns", &primary);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no answer from"), "{output:?}");
    assert_eq!(requests.try_iter().count(), 0);
}
