//! What survives: the real binary, its state file, kills, full disks and folders that cannot be
//! written to.

mod disk;
mod torture;
mod warm_start;

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use hickory_proto::rr::{Name, RData, RecordType};
use pointsman::state::{Image, decode};
use pointsman_testbed::{
    dns_client::{Answer, DnsClient},
    dns_exchange::Exchange,
    listeners::Listeners,
};
use serde_json::Value;

use crate::{
    admin::http::{head, over_unix},
    process::{Service, Settings},
};

/// One cluster without roles, of three servers, with a write and a read name.
struct Scene {
    servers: Listeners,
    settings: Settings,
    dns: SocketAddr,
}

impl Scene {
    /// DNS at `.1` of `network` and this port, the servers at `.2` to `.4`, the state in the folder
    /// `state` beside the configuration, which is there.
    fn new(network: [u8; 3], dns_port: u16) -> Self {
        let [a, b, c] = network;
        let address = |last| Ipv4Addr::new(a, b, c, last);
        let servers = Listeners::start(&[address(2), address(3), address(4)]);
        let dns = SocketAddr::from((address(1), dns_port));
        let mut text = format!(
            r#"
[dns]
listen = ["{dns}"]
workers = 1

[[zone]]
origin = "internal."
file = "internal.zone"

[state]
directory = "state"

[admin]
socket = "admin.sock"

[[cluster]]
name = "orders"
engine = "tcp"
write = {{ name = "db-write.internal." }}
read = [{{ name = "db-read.internal." }}]
probe = {{ interval = "100ms", fast_interval = "100ms", timeout = "500ms" }}
"#
        );
        for (number, last) in (1..).zip(2..=4) {
            text += &format!(
                "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{}\"\nport = {}\n",
                address(last),
                servers.port()
            );
        }
        let settings = Settings::new(&text, "");
        fs::create_dir(settings.folder().join("state")).expect("a folder can be made");
        Self { servers, settings, dns }
    }

    fn start(&self) -> Service {
        Service::start(&["serve", "--config", &self.settings.file()], &[])
    }

    /// Started, and its names say what they should.
    fn started(&self) -> Service {
        let service = self.start();
        crate::patience::until("all servers are known", || {
            let [write, read] = ["db-write", "db-read"].map(|name| self.answer(name));
            let good = |answer: &Option<Answer>, count| {
                answer.as_ref().is_some_and(|answer| {
                    answer.addresses.len() == count && answer.errors.is_empty()
                })
            };
            good(&write, 1) && good(&read, 2)
        });
        service
    }

    /// What an A question is answered with; `None` when nobody answers.
    fn answer(&self, name: &str) -> Option<Answer> {
        DnsClient::new(self.dns).addresses(&dns_name(&format!("{name}.internal.")))
    }

    /// The SOA serial; `None` when nobody answers.
    fn serial(&self) -> Option<u32> {
        let mut exchange = Exchange::new(Ipv4Addr::LOCALHOST, self.dns);
        let zone = dns_name("internal.");
        let reply = exchange.ask(&zone, RecordType::SOA, false, Duration::from_secs(1))?;
        match &reply.answers.first()?.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        }
    }

    fn folder(&self) -> PathBuf {
        self.settings.folder().join("state")
    }

    /// What the state file says; `None` when there is none.
    ///
    /// # Panics
    /// When it is damaged.
    fn image(&self) -> Option<Image> {
        let octets = fs::read(self.folder().join("pointsman.state")).ok()?;
        match decode(&octets) {
            Ok(image) => Some(image),
            Err(fault) => panic!("the state file is damaged: {fault}"),
        }
    }

    /// The body of the reply to a `GET` with this `Accept`, of whatever status.
    fn get(&self, path: &str, accept: &str) -> String {
        let head =
            head("GET", path, 0).replace("\r\nHost", &format!("\r\nAccept: {accept}\r\nHost"));
        over_unix(&self.settings.folder().join("admin.sock"), &head, b"").body
    }

    /// Everything that the admin API tells.
    fn status(&self) -> Value {
        serde_json::from_str(&self.get("/v1/status", "*/*")).expect("JSON")
    }

    /// A change by the admin API: its status and its body. `None` when the connection ends before
    /// the reply does, or cannot be made.
    fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        Self::ask(self.connect()?, path, body)
    }

    /// A connection to the admin API; `None` while it does not listen.
    fn connect(&self) -> Option<UnixStream> {
        let stream = UnixStream::connect(self.settings.folder().join("admin.sock")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
        Some(stream)
    }

    /// One change by a connection that was made.
    fn ask(mut stream: UnixStream, path: &str, body: &Value) -> Option<(u16, Value)> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    }
}

fn dns_name(text: &str) -> Name {
    Name::from_ascii(text).expect("the tests use valid names")
}
