//! Who is measured, with the settings of each: one worker per transport, no rate limits, the same
//! zone, and otherwise the defaults of Debian's package.

use std::{fs, io, net::SocketAddr, path::Path};

use clap::ValueEnum;

use crate::{
    query::{Expected, Question},
    served::STATIC_RECORDS,
};

/// One server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contestant {
    /// A loop with the same batched calls and no DNS.
    Echo,
    /// Pointsman with answers that stand still.
    Pointsman,
    /// Pointsman with 100 changes a second.
    Changing,
    /// Pointsman with 1,000 changes a second.
    Racing,
    /// NLnet Labs' NSD.
    Nsd,
    /// CZ.NIC's Knot DNS.
    Knot,
    /// gdnsd.
    Gdnsd,
    /// PowerDNS authoritative server with its BIND back end.
    Powerdns,
}

impl Contestant {
    pub(crate) const ALL: [Self; 8] = [
        Self::Echo,
        Self::Pointsman,
        Self::Changing,
        Self::Racing,
        Self::Nsd,
        Self::Knot,
        Self::Gdnsd,
        Self::Powerdns,
    ];

    /// The servers that Pointsman is measured against.
    pub(crate) const PEERS: [Self; 4] = [Self::Nsd, Self::Knot, Self::Gdnsd, Self::Powerdns];

    /// As tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Pointsman => "Pointsman",
            Self::Changing => "Pointsman, 100 changes/s",
            Self::Racing => "Pointsman, 1,000 changes/s",
            Self::Nsd => "NSD",
            Self::Knot => "Knot DNS",
            Self::Gdnsd => "gdnsd",
            Self::Powerdns => "PowerDNS",
        }
    }

    /// Debian's package of a peer.
    pub(crate) fn package(self) -> Option<&'static str> {
        match self {
            Self::Nsd => Some("nsd"),
            Self::Knot => Some("knot"),
            Self::Gdnsd => Some("gdnsd"),
            Self::Powerdns => Some("pdns-server"),
            Self::Echo | Self::Pointsman | Self::Changing | Self::Racing => None,
        }
    }

    /// The echo has no streams.
    pub(crate) fn speaks_tcp(self) -> bool {
        self != Self::Echo
    }

    /// Whether what it does depends on queries alone, and not on time.
    pub(crate) fn stands_still(self) -> bool {
        !matches!(self, Self::Changing | Self::Racing)
    }

    /// What counts as its reply.
    pub(crate) fn expected(self, question: Question) -> Expected {
        if self == Self::Echo { Expected::Echo } else { question.expected() }
    }

    /// Where it listens: an address and a port of its own.
    pub(crate) fn address(self) -> SocketAddr {
        let number = 1 + self as u8;
        SocketAddr::from(([127, 35, 1, number], 5300 + u16::from(number)))
    }

    /// Writes its files below `folder` and tells the command that runs it in the foreground. The
    /// paths of the files go into the settings, so `folder` is absolute.
    pub(crate) fn prepare(self, folder: &Path) -> io::Result<Vec<String>> {
        fs::create_dir_all(folder.join("zones"))?;
        fs::create_dir_all(folder.join("run"))?;
        fs::write(folder.join("zones/internal"), format!("{STATIC_RECORDS}{NAMES}"))?;
        let settings = self.settings(&folder.display().to_string());
        for (file, content) in &settings {
            fs::write(folder.join(file), content)?;
        }
        let place = |file: &str| folder.join(file).display().to_string();
        let own = |arguments: &[&str]| -> io::Result<Vec<String>> {
            let program = std::env::current_exe()?.display().to_string();
            let arguments = arguments.iter().map(ToString::to_string);
            let address = self.address().to_string();
            Ok([program].into_iter().chain(arguments).chain([address]).collect())
        };
        let sbin = |program: &str| format!("/usr/sbin/{program}");
        Ok(match self {
            Self::Echo => own(&["echo"])?,
            Self::Pointsman => own(&["serve"])?,
            Self::Changing => own(&["serve", "--changes", "100"])?,
            Self::Racing => own(&["serve", "--changes", "1000"])?,
            Self::Nsd => vec![sbin("nsd"), "-d".into(), "-c".into(), place("nsd.conf")],
            Self::Knot => vec![sbin("knotd"), "-c".into(), place("knot.conf")],
            Self::Gdnsd => vec![sbin("gdnsd"), "-c".into(), place(""), "start".into()],
            Self::Powerdns => vec![sbin("pdns_server"), format!("--config-dir={}", place(""))],
        })
    }

    /// The settings files: name and content.
    fn settings(self, folder: &str) -> Vec<(&'static str, String)> {
        let (ip, port) = (self.address().ip(), self.address().port());
        match self {
            Self::Echo | Self::Pointsman | Self::Changing | Self::Racing => Vec::new(),
            Self::Nsd => vec![(
                "nsd.conf",
                format!(
                    "server:\n ip-address: {ip}@{port}\n server-count: 1\n username: \"\"\n \
                     chroot: \"\"\n database: \"\"\n zonesdir: \"{folder}/zones\"\n \
                     pidfile: \"{folder}/run/nsd.pid\"\n xfrdfile: \"{folder}/run/xfrd.state\"\n \
                     xfrdir: \"{folder}/run\"\n zonelistfile: \"{folder}/run/zone.list\"\n \
                     rrl-ratelimit: 0\n rrl-whitelist-ratelimit: 0\n tcp-count: {CONNECTIONS}\n \
                     minimal-responses: yes\nremote-control:\n control-enable: no\nzone:\n \
                     name: internal.\n zonefile: internal\n"
                ),
            )],
            Self::Knot => vec![(
                "knot.conf",
                format!(
                    "server:\n rundir: \"{folder}/run\"\n listen: {ip}@{port}\n udp-workers: 1\n \
                     tcp-workers: 1\n background-workers: 1\n tcp-max-clients: {CONNECTIONS}\n\
                     database:\n storage: \"{folder}/run\"\n\
                     control:\n listen: \"{folder}/run/knot.sock\"\n\
                     log:\n - target: stderr\n   any: error\n\
                     zone:\n - domain: internal.\n   storage: \"{folder}/zones\"\n   \
                     file: internal\n   zonefile-load: whole\n   zonefile-sync: -1\n   \
                     journal-content: none\n"
                ),
            )],
            Self::Gdnsd => vec![(
                "config",
                format!(
                    "options => {{\n listen => [ {ip}:{port} ]\n udp_threads => 1\n \
                     tcp_threads => 1\n min_ttl => 1\n run_dir => {folder}/run\n \
                     state_dir => {folder}/run\n}}\n"
                ),
            )],
            Self::Powerdns => vec![
                (
                    "pdns.conf",
                    format!(
                        "launch=bind\nbind-config={folder}/named.conf\nlocal-address={ip}\n\
                         local-port={port}\nsocket-dir={folder}/run\nreceiver-threads=1\n\
                         distributor-threads=1\nmax-tcp-connections={CONNECTIONS}\ndaemon=no\n\
                         guardian=no\nsetuid=\nsetgid=\ndisable-syslog=yes\nloglevel=3\n\
                         write-pid=no\nsecurity-poll-suffix=\n"
                    ),
                ),
                (
                    "named.conf",
                    format!(
                        "zone \"internal\" {{ type master; file \"{folder}/zones/internal\"; }};\n"
                    ),
                ),
            ],
        }
    }
}

/// The two names, for servers that read them from a file.
const NAMES: &str = "\
db-write   1  IN A   127.0.1.1
db-read    2  IN A   127.0.1.1
db-read    2  IN A   127.0.1.2
db-read    2  IN A   127.0.1.3
";

/// TCP connections that a server must take; more than the load opens.
const CONNECTIONS: u32 = 256;
