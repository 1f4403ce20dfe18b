//! The admin API and its command line, on the real binary: hints, readiness, hostile clients, the
//! socket's file, the service manager.

mod api;
mod audit;
mod command;
mod console;
mod document;
mod hints;
mod hostile;
mod hostile_changes;
pub(crate) mod http;
mod log;
mod probe;
mod readiness;
mod schema;
mod sockets;
mod supervision;
mod tokens;

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    admin::http::Answer,
    fake_postgres::{Fake, Step},
    patience::{PATIENCE, poll, until},
    process::{Service, Settings, message},
};

/// Two clusters without roles, two servers each, and an admin API on both kinds of socket.
struct Scene {
    servers: [Fake; 4],
    settings: Settings,
}

/// Probes that come once an hour unless somebody asks for more.
const RARE: &str = "probe = { interval = \"60s\", fast_interval = \"60s\", timeout = \"20s\" }\n";

/// The token of a console.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Probes that come all the time.
const OFTEN: &str =
    "probe = { interval = \"100ms\", fast_interval = \"100ms\", timeout = \"500ms\" }\n";

impl Scene {
    /// DNS and HTTP at `.1` of `network`, the servers at `.2` to `.5`.
    fn new(network: &str, probe: &str) -> Self {
        Self::with(network, probe, "", |_| String::new())
    }

    /// The same with a token and a read name for each cluster.
    fn console(network: &str) -> Self {
        let read = |name: &str| format!("read = [{{ name = \"{name}-read.internal.\" }}]\n");
        let admin = "token_file = \"token\"\nhosts = [\"Pointsman.Example\"]\n\
                     [state]\ndirectory = \"state\"\n";
        let scene = Self::with(network, RARE, admin, read);
        std::fs::create_dir(scene.settings.folder().join("state")).expect("a new folder");
        let token = scene.settings.folder().join("token");
        std::fs::write(token, format!("{TOKEN}\n")).expect("a file can be written");
        scene
    }

    /// With more in `[admin]` and in each cluster.
    fn with(network: &str, probe: &str, admin: &str, more: impl Fn(&str) -> String) -> Self {
        let servers =
            [2, 3, 4, 5].map(|last| Fake::start(&format!("{network}.{last}"), vec![Step::Silence]));
        let mut text = format!(
            "[dns]\nlisten = [\"{network}.1:0\"]\nworkers = 2\n\
             [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
             [admin]\nsocket = \"admin.sock\"\nhttp = \"{network}.1:0\"\n{admin}"
        );
        for (name, servers) in ["orders", "billing"].iter().zip(servers.chunks(2)) {
            text += &format!(
                "[[cluster]]\nname = \"{name}\"\nengine = \"tcp\"\n\
                 write = {{ name = \"{name}.internal.\" }}\n{probe}{}",
                more(name)
            );
            for (number, server) in (1..).zip(servers) {
                text += &format!(
                    "[[cluster.server]]\nname = \"{name}{number}\"\naddress = \"{}\"\nport = {}\n",
                    server.address.ip(),
                    server.address.port(),
                );
            }
        }
        Self { servers, settings: Settings::new(&text, "") }
    }

    fn socket(&self) -> PathBuf {
        self.settings.folder().join("admin.sock")
    }

    /// Starts the service and waits until it is ready.
    fn serve(&self, variables: &[(&str, &str)]) -> Served {
        let (service, dns) = Service::serve(&self.settings, variables);
        let served = Served::new(service, dns, self.socket());
        until("it is ready", || served.get("/readyz").status == 200);
        served
    }

    /// How often each server has been asked.
    fn asked(&self) -> [usize; 4] {
        self.servers.each_ref().map(Fake::accepted)
    }

    /// Waits until the probes that a start brings with itself have been, and returns
    /// [`Self::asked`].
    fn settled(&self) -> [usize; 4] {
        let mut last = self.asked();
        let mut same = 0;
        let quiet = poll(PATIENCE, || {
            let now = self.asked();
            same = if now == last { same + 1 } else { 0 };
            last = now;
            // Half a second: many times the distance of a second look.
            (same == 25).then_some(now)
        });
        quiet.expect("probes come to rest")
    }
}

/// A running service and where it is.
struct Served {
    service: Service,
    dns: SocketAddr,
    http: SocketAddr,
    socket: PathBuf,
}

impl Served {
    fn new(service: Service, dns: SocketAddr, socket: PathBuf) -> Self {
        let http = poll(PATIENCE, || {
            let log = service.log();
            let line = log.iter().find(|line| message(line) == "admin API by HTTP")?;
            line["fields"]["address"].as_str()?.parse().ok()
        });
        Self { service, dns, http: http.expect("an address of HTTP"), socket }
    }

    /// Asks over TCP.
    fn get(&self, path: &str) -> Answer {
        http::over_tcp(self.http, &http::head("GET", path, 0), b"")
    }
}
