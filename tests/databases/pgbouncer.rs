//! PgBouncer in front of PostgreSQL, with Pointsman as its DNS server.
//!
//! The settings are those of `docs/RESOLVERS.md`.
//!
//! PgBouncer keeps connections for as long as they work. Told to watch the serial of the zone, it
//! drops those whose address has left the answer. The test needs a case in which the old primary
//! lives on, since dead connections would be noticed anyway: a standby is promoted beside it.
//!
//! The DNS library of Debian's PgBouncer knows no port but 53, so this test has to run as root.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    account::Account,
    in_turn, patience,
    pointsman::{Cluster, Engine, Pointsman},
    ports,
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
    postgres_sessions::SessionMaker,
    process::ServerProcess,
};

const DOCUMENT: &str = include_str!("../../docs/RESOLVERS.md");

/// Where a story plays. Each has a network of its own: two at a time on one port 53 would share their
/// questions.
#[derive(Clone, Copy)]
struct Place(u8);

impl Place {
    fn address(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 37, self.0, last)
    }

    fn servers(self) -> [Ipv4Addr; 2] {
        [self.address(1), self.address(2)]
    }

    fn dns(self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address(3)), 53)
    }

    fn pooler(self) -> Ipv4Addr {
        self.address(4)
    }
}

const WATCHING: Place = Place(20);
const TOLD_BY_HOOK: Place = Place(21);

/// A second until the zone is checked, one for what is left of a TTL, and one for the rest.
const MOVES_WITHIN: Duration = Duration::from_secs(3);

#[test]
fn pgbouncer_leaves_a_stale_primary() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &WATCHING.servers());
        let cluster = Cluster::new("pool", Engine::Postgres, WATCHING.servers(), servers.port());
        let pointsman = Pointsman::serve_at(WATCHING.dns(), &[&cluster]);
        let pooler = PgBouncer::start(WATCHING, &cluster, documented_settings());
        patience::until("PgBouncer reaches the primary", || {
            pooler.server().is_some_and(|(address, _)| address == WATCHING.servers()[0].to_string())
        });
        assert_eq!(pooler.server(), pooler.server(), "a connection of the pool is used again");

        servers.promote(1);
        let mut dns = pointsman.client();
        patience::until("the name follows the promotion", || {
            let answer = dns.addresses(&cluster.write_name());
            answer.is_some_and(|answer| answer.addresses == [IpAddr::V4(WATCHING.servers()[1])])
        });
        assert_eq!(servers.value(0, "SELECT pg_is_in_recovery()"), "f", "the old primary lives on");
        let promoted = WATCHING.servers()[1].to_string();
        let moved = patience::poll(MOVES_WITHIN, || {
            pooler.server().filter(|(address, _)| *address == promoted)
        });
        assert!(moved.is_some(), "it is still with {:?}\n{}", pooler.server(), pooler.log_tail());
        for _ in 0..10 {
            let (address, _) = pooler.server().expect("PgBouncer gives a session");
            assert_eq!(address, promoted, "{}", pooler.log_tail());
        }
        pointsman.stop();
    });
}

/// The pool asks for no serial here: what moves it is the packaged hook, as it is.
#[test]
fn the_packaged_hook_leads_pgbouncer_away_from_a_stale_primary() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &TOLD_BY_HOOK.servers());
        let port = ports::free_on(&[TOLD_BY_HOOK.pooler()]);
        let pooler_host = TOLD_BY_HOOK.pooler();
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/hooks/pgbouncer-reconnect");
        let mut cluster =
            Cluster::new("pool", Engine::Postgres, TOLD_BY_HOOK.servers(), servers.port());
        // Behind the keys of the probe there may be further sections.
        cluster.more_probe = format!(
            "[[hook]]\nname = \"pools\"\nevents = [\"write_changed\"]\n\
         command = [{program:?}, \"{pooler_host}\", \"{port}\", \"postgres\"]\n"
        );
        let pointsman = Pointsman::serve_at(TOLD_BY_HOOK.dns(), &[&cluster]);
        let settings = "dns_max_ttl = 1\ndns_nxdomain_ttl = 1\nserver_login_retry = 1\n";
        let pooler = PgBouncer::start_at(TOLD_BY_HOOK, port, &cluster, settings);
        patience::until("PgBouncer reaches the primary", || {
            pooler
                .server()
                .is_some_and(|(address, _)| address == TOLD_BY_HOOK.servers()[0].to_string())
        });
        // One that nobody tells.
        let other = PgBouncer::start(TOLD_BY_HOOK, &cluster, settings);
        patience::until("it reaches the primary, too", || {
            other
                .server()
                .is_some_and(|(address, _)| address == TOLD_BY_HOOK.servers()[0].to_string())
        });
        let served = other.server();
        let told = || pooler.log().matches("login attempt: db=pgbouncer user=pointsman").count();
        let before = told();
        servers.promote(1);
        let promoted = TOLD_BY_HOOK.servers()[1].to_string();
        patience::until("the pool follows the promotion", || {
            pooler.server().is_some_and(|(address, _)| address == promoted)
        });
        assert_eq!(servers.value(0, "SELECT pg_is_in_recovery()"), "f", "the old primary lives on");
        patience::until("it is told twice", || told() >= before + 2);
        for _ in 0..10 {
            let (address, _) = pooler.server().expect("PgBouncer gives a session");
            assert_eq!(address, promoted, "{}", pooler.log_tail());
        }
        assert_eq!(other.server(), served, "without the hook a pool stays where it is");
        assert!(!pointsman.log().contains("\"event\":\"hook\""), "{}", pointsman.log().text());
        pointsman.stop();
    });
}

/// A running PgBouncer. Dropped, it is killed.
pub(crate) struct PgBouncer {
    pooler: Ipv4Addr,
    process: ServerProcess,
    port: u16,
    sessions: SessionMaker,
    directory: TempDir,
}

impl PgBouncer {
    /// Starts one for the write name of `cluster`.
    fn start(place: Place, cluster: &Cluster, settings: &str) -> Self {
        Self::start_at(place, ports::free_on(&[place.pooler()]), cluster, settings)
    }

    /// The same at a port that is known before.
    fn start_at(place: Place, port: u16, cluster: &Cluster, settings: &str) -> Self {
        let name = cluster.write_name().to_string();
        let server = (name.trim_end_matches('.'), cluster.port);
        Self::start_before(server, (place.pooler(), port), place.dns().ip(), settings)
    }

    /// One before the server at this host, which its resolver knows unless it is an address.
    pub(crate) fn start_before(
        (host, server_port): (&str, u16),
        (pooler, port): (Ipv4Addr, u16),
        resolver: IpAddr,
        settings: &str,
    ) -> Self {
        let account = Account::named("postgres"); // It refuses to run as root.
        let directory = account.directory("pointsman-pgbouncer-");
        let resolv_conf = directory.path().join("resolv.conf");
        let users = directory.path().join("users");
        let config = format!(
            "[databases]\n\
             postgres = host={host} port={server_port} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = {pooler}\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = trust\n\
             auth_file = {users}\n\
             admin_users = pointsman\n\
             pool_mode = transaction\n\
             resolv_conf = {resolv_conf}\n\
             {settings}",
            resolv_conf = resolv_conf.display(),
            users = users.display(),
        );
        let file = directory.path().join("pgbouncer.ini");
        let known = "\"postgres\" \"\"\n\"pointsman\" \"\"\n".to_owned();
        let nameserver = format!("nameserver {resolver}\n");
        for (path, text) in [(&resolv_conf, nameserver), (&users, known), (&file, config)] {
            fs::write(path, text).expect("a file can be written");
            account.own(path);
        }
        let mut command = account.command("/usr/sbin/pgbouncer");
        command.arg(&file);
        let process = ServerProcess::spawn(command, &directory.path().join("log"));
        Self { pooler, process, port, sessions: SessionMaker::start(), directory }
    }

    /// The address and process of the server that a new session gets, if any.
    fn server(&self) -> Option<(String, String)> {
        let query = "SELECT host(inet_server_addr()) || ' ' || pg_backend_pid()";
        let text = self.sessions.query(self.pooler, self.port, query).ok()??;
        let (address, process) = text.split_once(' ')?;
        Some((address.to_owned(), process.to_owned()))
    }

    /// All that it has said.
    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("a log")
    }

    fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}

/// What the document sets for PgBouncer as a whole.
fn documented_settings() -> &'static str {
    let (_, section) = DOCUMENT.split_once("\n## PgBouncer\n").expect("the document has it");
    let (_, settings) = section.split_once("\n[pgbouncer]\n").expect("it shows settings");
    settings.split_once("```").expect("the code block ends").0
}
