//! Who is measured, and with which settings.
//!
//! Whoever knows no roles is told the order of the servers: the primary first, then the one that
//! will be promoted. That is the best case for them, and needs somebody who puts it right after
//! every failover.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use pointsman_testbed::database::{Engine, SERVERS};

use crate::{
    stand_in,
    watcher::{Door, Rhythm},
};

/// One way to find a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    /// Pointsman with the defaults of its probes.
    Pointsman,
    /// Pointsman with short intervals.
    PointsmanTuned,
    /// gdnsd with the fastest settings that it takes.
    Gdnsd,
    /// gdnsd with the defaults of its monitors.
    GdnsdDefaults,
    /// HAProxy with `inter 1s fall 3 rise 2`.
    Haproxy,
    /// HAProxy with ten checks a second, of which one decides.
    HaproxyFast,
}

/// Where a contestant is, and what it is told about the servers.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// What the servers speak.
    pub(crate) engine: Engine,
    /// The contestant's own address.
    pub(crate) address: Ipv4Addr,
    /// The addresses of the servers.
    pub(crate) servers: [Ipv4Addr; SERVERS],
    /// Those of their stand-ins.
    pub(crate) stand_ins: [Ipv4Addr; SERVERS],
    /// The port of all servers.
    pub(crate) port: u16,
    /// The primary, the server that is promoted next, the third.
    pub(crate) order: [usize; SERVERS],
}

impl Contestant {
    /// Those that take part in every round; [`Self::GdnsdDefaults`] is too slow for that.
    pub(crate) const ALL: [Self; 5] =
        [Self::Pointsman, Self::PointsmanTuned, Self::Gdnsd, Self::Haproxy, Self::HaproxyFast];

    /// As tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Pointsman => "Pointsman, defaults",
            Self::PointsmanTuned => "Pointsman, tuned",
            Self::Gdnsd => "gdnsd, fastest",
            Self::GdnsdDefaults => "gdnsd, defaults",
            Self::Haproxy => "HAProxy, 1s/3/2",
            Self::HaproxyFast => "HAProxy, 100ms/1/1",
        }
    }

    /// The settings that matter, in one line.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::Pointsman => "no probe settings but the login",
            Self::PointsmanTuned => {
                "`interval = \"250ms\"`, `fast_interval = \"100ms\"`, `timeout = \"300ms\"`"
            }
            Self::Gdnsd => {
                "tcp_connect, `interval => 2` (1 is refused), `timeout => 1`, all thresholds 1"
            }
            Self::GdnsdDefaults => "tcp_connect without settings",
            Self::Haproxy => "`inter 1s fall 3 rise 2`",
            Self::HaproxyFast => "`inter 100ms fall 1 rise 1`, `timeout check 500ms`",
        }
    }

    /// The longest time that Pointsman may take to notice a silent server, by its own settings:
    /// `timeout` and two fast intervals and half a second. Tuned it has a second.
    pub(crate) fn silence_limit(self) -> Option<Duration> {
        match self {
            Self::Pointsman => Some(Duration::from_millis(1500 + 2 * 250 + 500)),
            Self::PointsmanTuned => Some(Duration::from_secs(1)),
            Self::Gdnsd | Self::GdnsdDefaults | Self::Haproxy | Self::HaproxyFast => None,
        }
    }

    /// Whether it asks the servers for their roles.
    pub(crate) fn knows_roles(self) -> bool {
        matches!(self, Self::Pointsman | Self::PointsmanTuned)
    }

    /// The files that it reads, below the absolute path `folder`, and the command that runs it.
    pub(crate) fn files(self, place: &Place, folder: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Pointsman | Self::PointsmanTuned => {
                vec![("pointsman.toml", self.pointsman(place)), ("internal.zone", ZONE.to_owned())]
            }
            Self::Gdnsd | Self::GdnsdDefaults => vec![
                ("config", self.gdnsd(place, folder)),
                ("zones/internal", format!("{ZONE}{DYNAMIC}")),
            ],
            Self::Haproxy | Self::HaproxyFast => vec![("haproxy.cfg", self.haproxy(place))],
        }
    }

    /// The program and its arguments, in the foreground.
    pub(crate) fn command(self, folder: &str) -> (String, Vec<String>) {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        match self {
            Self::Pointsman | Self::PointsmanTuned => {
                let settings = format!("{folder}/pointsman.toml");
                let program = pointsman_testbed::binary().display().to_string();
                (program, words(&["serve", "--config", &settings]))
            }
            Self::Gdnsd | Self::GdnsdDefaults => {
                ("/usr/sbin/gdnsd".to_owned(), words(&["-c", folder, "start"]))
            }
            Self::Haproxy | Self::HaproxyFast => {
                let settings = format!("{folder}/haproxy.cfg");
                ("/usr/sbin/haproxy".to_owned(), words(&["-db", "-f", &settings]))
            }
        }
    }

    /// The program that gives it a hint, and its arguments; `None` when it takes none.
    pub(crate) fn hint(self, folder: &str) -> Option<(String, Vec<String>)> {
        let settings = format!("{folder}/pointsman.toml");
        let arguments = ["hint", CLUSTER, "--config", &settings].map(str::to_owned);
        let program = pointsman_testbed::binary().display().to_string();
        self.knows_roles().then(|| (program, arguments.to_vec()))
    }

    /// Where its users ask.
    pub(crate) fn door(self, place: &Place) -> Door {
        let at = |port| SocketAddr::from((place.address, port));
        match self {
            Self::Haproxy | Self::HaproxyFast => {
                Door::Balancer { read: at(READ_PORT), write: at(WRITE_PORT) }
            }
            Self::Pointsman | Self::PointsmanTuned | Self::Gdnsd | Self::GdnsdDefaults => {
                Door::Dns(at(DNS_PORT))
            }
        }
    }

    /// How often its users ask.
    pub(crate) fn rhythm(self) -> Rhythm {
        let milliseconds = match self {
            Self::Pointsman | Self::PointsmanTuned | Self::Gdnsd => 2,
            // A connection through a balancer costs both sides far more than a query.
            Self::Haproxy | Self::HaproxyFast => 10,
            // There are many of these at a time, and they take minutes.
            Self::GdnsdDefaults => 20,
        };
        Rhythm { every: Duration::from_millis(milliseconds), other: 10 }
    }

    fn pointsman(self, place: &Place) -> String {
        let engine = match place.engine {
            Engine::Postgres => "postgres",
            Engine::MariaDb => "mysql",
        };
        let pace = match self {
            Self::PointsmanTuned => {
                "interval = \"250ms\"\nfast_interval = \"100ms\"\ntimeout = \"300ms\"\n"
            }
            _ => "",
        };
        let mut text = format!(
            "[dns]\nlisten = [\"{address}:{DNS_PORT}\"]\nworkers = 1\n\n\
             [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\n\
             [state]\ndirectory = \"state\"\n\n\
             [admin]\nsocket = \"run/admin.sock\"\n\n\
             [[cluster]]\nname = \"{CLUSTER}\"\nengine = \"{engine}\"\n\n\
             [cluster.write]\nname = \"db-write.internal.\"\n\n\
             [[cluster.read]]\nname = \"db-read.internal.\"\n\n\
             [cluster.probe]\nuser = \"pointsman\"\npassword_file = \"probe.password\"\n{pace}",
            address = place.address,
        );
        for (number, server) in place.servers.iter().enumerate() {
            write!(
                text,
                "\n[[cluster.server]]\nname = \"db{}\"\naddress = \"{server}\"\nport = {}\n",
                number + 1,
                place.port,
            )
            .expect("a string can be written to");
        }
        text
    }

    fn gdnsd(self, place: &Place, folder: &str) -> String {
        let address = place.address;
        let [first, second, _] = place.order.map(|server| place.servers[server]);
        let readers = &place.order[1..];
        let pace = match self {
            Self::Gdnsd => {
                "interval => 2, timeout => 1, up_thresh => 1, ok_thresh => 1, down_thresh => 1"
            }
            _ => "",
        };
        let mut pool = String::new();
        for server in readers {
            write!(pool, " db{} => {}\n ", server + 1, place.servers[*server])
                .expect("a string can be written to");
        }
        format!(
            "options => {{\n listen => [ {address}:{DNS_PORT} ]\n udp_threads => 1\n \
             tcp_threads => 1\n min_ttl => 1\n run_dir => {folder}/run\n \
             state_dir => {folder}/run\n}}\n\
             service_types => {{\n db => {{ plugin => tcp_connect, port => {port}, {pace} }}\n}}\n\
             plugins => {{\n multifo => {{\n service_types => db\n read => {{\n {pool}}}\n }}\n \
             simplefo => {{\n service_types => db\n \
             write => {{ primary => {first}, secondary => {second} }}\n }}\n}}\n",
            port = place.port,
        )
    }

    fn haproxy(self, place: &Place) -> String {
        let (pace, timeout) = match self {
            Self::HaproxyFast => ("inter 100ms fall 1 rise 1", "timeout check 500ms\n "),
            _ => ("inter 1s fall 3 rise 2", ""),
        };
        let check = match place.engine {
            Engine::Postgres => "option pgsql-check user pointsman",
            Engine::MariaDb => "option mysql-check user application post-41",
        };
        let server = |server: &usize, role: &str| {
            format!(
                " server db{} {}:{} check addr {} port {}{role}\n",
                server + 1,
                place.stand_ins[*server],
                stand_in::PORT,
                place.servers[*server],
                place.port,
            )
        };
        let [first, second, _] = &place.order;
        let address = place.address;
        let readers: String = place.order[1..].iter().map(|reader| server(reader, "")).collect();
        format!(
            "global\n nbthread 1\n maxconn 1000\n\
             defaults\n mode tcp\n timeout connect 1s\n timeout client 10s\n timeout server 10s\n \
             {timeout}{check}\n default-server {pace}\n\
             listen read\n bind {address}:{READ_PORT}\n balance roundrobin\n{readers}\
             listen write\n bind {address}:{WRITE_PORT}\n{}{}",
            server(first, ""),
            server(second, " backup"),
        )
    }
}

/// What Pointsman calls the servers together.
const CLUSTER: &str = "db";

/// What all name servers serve beside the two names.
const ZONE: &str = "$ORIGIN internal.\n$TTL 60\n\
    @ IN SOA ns hostmaster 1 60 30 3600 1\n\
    @ IN NS ns\n\
    ns IN A 127.0.0.1\n";

/// The two names in gdnsd's zone file; a TTL of one second, as Pointsman has while a cluster settles.
const DYNAMIC: &str = "db-read 1/1 DYNA multifo!read\ndb-write 1/1 DYNA simplefo!write\n";

const DNS_PORT: u16 = 5300;
const READ_PORT: u16 = 6001;
const WRITE_PORT: u16 = 6002;
