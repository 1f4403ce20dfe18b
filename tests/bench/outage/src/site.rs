//! What stands between the servers and the applications: Pointsman, resolvers, agents, poolers, a
//! balancer.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use hickory_proto::rr::{Name, RecordType};
use pointsman_testbed::{
    account::{self, Account},
    binary,
    dns_exchange::Exchange,
    patience,
    pointsman::PROBE_PASSWORD,
    process::ServerProcess,
};

use crate::{
    contestant::{Agent, Client, Contestant, Way},
    host::Host,
    place::{Place, READ, WRITE},
};

/// All of it. Dropped, it ends.
pub(crate) struct Site {
    place: Place,
    folder: PathBuf,
    processes: BTreeMap<String, ServerProcess>,
}

impl Site {
    /// Starts Pointsman before the servers, which listen on `port`, and the two resolvers; `folder`
    /// is there and empty. Returns when both resolvers give an address for the write name.
    pub(crate) fn start(place: Place, port: u16, folder: &Path) -> Self {
        let mut site = Self { place, folder: folder.to_owned(), processes: BTreeMap::new() };
        fs::create_dir(folder.join("state")).expect("a folder can be made");
        site.write("pointsman.toml", &place.pointsman_toml(port));
        site.write("db.zone", &place.zone());
        site.write("probe.password", PROBE_PASSWORD);
        let config = site.path("pointsman.toml");
        let serve = ["serve".as_ref(), "--config".as_ref(), config.as_os_str()];
        site.run("pointsman", &Account::monitor(), binary(), serve);
        site.await_address(Way::Direct);
        let mut print = Account::current().command(binary());
        print.args(["secondary-config", "unbound", "--config"]).arg(config);
        let held = account::run(&mut print);
        for (way, zone) in [(Way::Cached, place.stub_zone()), (Way::Held, held)] {
            let name = format!("{way:?}.conf");
            let text = place.unbound(way, &folder.display().to_string(), &zone);
            site.write(&name, &text);
            let arguments = ["-d".into(), "-p".into(), "-c".into(), site.path(&name)];
            site.run(&format!("{way:?}"), &Account::current(), "/usr/sbin/unbound", arguments);
            site.await_address(way);
        }
        site
    }

    /// Starts an agent for each way on which contestants have one. It follows both names, as that of a
    /// host does on which programs write and read, and cuts the connections of these contestants and
    /// of nobody else. Those that run are ended.
    pub(crate) fn follow(&mut self, contestants: &[(Contestant, Host)]) {
        for way in [Way::Direct, Way::Cached, Way::Held] {
            let users = contestants.iter().filter_map(|(contestant, host)| {
                let has_it = contestant.way == way && contestant.agent == Agent::Follow;
                has_it.then(|| host.user().to_string())
            });
            let users: Vec<_> = users.collect();
            if users.is_empty() {
                continue;
            }
            let server = format!("{}:53", self.place.pointsman());
            let socket = self.path(&format!("follow{way:?}.sock")).display().to_string();
            let mut arguments: Vec<String> =
                ["follow", WRITE, READ, "--server", &server, "--socket", &socket]
                    .map(str::to_owned)
                    .into();
            for user in users {
                arguments.extend(["--uid".to_owned(), user]);
            }
            // The cache that is the host's, by its control socket, is that of this way.
            if way != Way::Cached {
                arguments.push("--no-flush".to_owned());
            }
            let title = format!("follow{way:?}");
            drop(self.processes.remove(&title));
            self.run(&title, &Account::current(), binary(), &arguments);
            patience::until("the agent is there", || {
                let mut ask = Account::current().command(binary());
                ask.args(["follow", "--status", "--socket", &socket]);
                ask.output().is_ok_and(|output| output.status.success())
            });
        }
    }

    /// Starts the PgBouncer of contestant `number`, if it has one, under its user.
    pub(crate) fn pool(&mut self, contestant: Contestant, number: u8, host: &Host, port: u16) {
        if contestant.client != Client::PgBouncer {
            return;
        }
        let name = format!("pgbouncer{number}");
        let (folder, resolver) = (self.folder.display(), host.resolv_conf().display());
        let text = self.place.pgbouncer(number, port, &folder.to_string(), &resolver.to_string());
        self.write(&name, &text);
        self.write(&format!("users{number}"), "\"application\" \"\"\n");
        let mut command = host.command("/usr/sbin/pgbouncer");
        command.arg(self.path(&name));
        let process = ServerProcess::spawn(command, &self.path(&format!("{name}.log")));
        self.processes.insert(name, process);
    }

    /// Starts HAProxy, which asks Patroni at `rest_port`.
    pub(crate) fn balance(&mut self, port: u16, rest_port: u16) {
        self.write("haproxy.cfg", &self.place.haproxy(port, rest_port));
        let config = self.path("haproxy.cfg");
        let arguments = ["-db".as_ref(), "-f".as_ref(), config.as_os_str()];
        self.run("haproxy", &Account::named("haproxy"), "/usr/sbin/haproxy", arguments);
    }

    /// Where Pointsman answers.
    pub(crate) fn dns(&self) -> SocketAddr {
        (self.place.pointsman(), 53).into()
    }

    /// The ends of all logs.
    pub(crate) fn tell(&self) -> String {
        let tell = |(name, process): (&String, &ServerProcess)| {
            format!("--- {name}\n{}\n", process.log_tail())
        };
        self.processes.iter().map(tell).collect()
    }

    fn await_address(&self, way: Way) {
        let server = self.place.name_server(way).expect("it asks somebody");
        let mut client = Exchange::new(Ipv4Addr::LOCALHOST, (server, 53).into());
        let name = Name::from_ascii(format!("{WRITE}.")).expect("a valid name");
        let found = patience::poll(patience::PATIENCE, || {
            let reply = client.ask(&name, RecordType::A, true, Duration::from_secs(1));
            reply.filter(|reply| !reply.answers.is_empty())
        });
        assert!(found.is_some(), "{way:?} gives no address\n{}", self.tell());
    }

    fn run(
        &mut self,
        name: &str,
        account: &Account,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) {
        let mut command = account.command(program);
        command.args(arguments);
        let process = ServerProcess::spawn(command, &self.path(&format!("{name}.log")));
        self.processes.insert(name.to_owned(), process);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file can be written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
