//! Where everything is, and the settings that it gets.
//!
//! Name servers listen on port 53 of addresses of their own: resolv.conf(5) knows no other port.

use std::{fmt::Write as _, net::Ipv4Addr};

use pointsman_testbed::database::SERVERS;

use crate::contestant::{Stage, Task, Way};

/// The name that applications write to.
pub(crate) const WRITE: &str = "write.db.internal";

/// The name that applications read from.
pub(crate) const READ: &str = "read.db.internal";

/// Of every PgBouncer.
pub(crate) const POOLER_PORT: u16 = 6432;

/// Of HAProxy, as in Patroni's documentation.
pub(crate) const BALANCER_PORT: u16 = 5000;

/// The addresses of one stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The stage.
    pub(crate) stage: Stage,
}

impl Place {
    /// The servers.
    pub(crate) fn servers(self) -> [Ipv4Addr; SERVERS] {
        [1, 2, 3].map(|last| self.at(last))
    }

    /// Pointsman.
    pub(crate) fn pointsman(self) -> Ipv4Addr {
        self.at(53)
    }

    /// The store of Patroni.
    pub(crate) fn store(self) -> Ipv4Addr {
        self.at(9)
    }

    /// HAProxy.
    pub(crate) fn balancer(self) -> Ipv4Addr {
        self.at(70)
    }

    /// The PgBouncer of a contestant.
    pub(crate) fn pooler(self, number: u8) -> Ipv4Addr {
        self.at(100 + number)
    }

    /// The name that applications use for it.
    pub(crate) fn name(self, task: Task) -> &'static str {
        match task {
            Task::Write => WRITE,
            Task::Read => READ,
        }
    }

    /// Whom the applications of a way ask for names; `None` where they ask nobody.
    pub(crate) fn name_server(self, way: Way) -> Option<Ipv4Addr> {
        match way {
            Way::Direct => Some(self.pointsman()),
            Way::Cached => Some(self.at(54)),
            // Its transfers leave from there, whatever it listens on.
            Way::Held => Some(Ipv4Addr::LOCALHOST),
            Way::List | Way::Balancer => None,
        }
    }

    fn at(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 44, 1 + self.stage as u8, last)
    }

    /// Pointsman's own configuration: no settings but what it needs to know.
    pub(crate) fn pointsman_toml(self, port: u16) -> String {
        let engine = match self.stage {
            Stage::Postgres | Stage::Patroni => "postgres",
            Stage::MariaDb => "mysql",
        };
        let held = self.name_server(Way::Held).expect("it asks somebody");
        let mut text = format!(
            "[dns]\nlisten = [\"{own}:53\"]\n\n\
             [[zone]]\norigin = \"db.internal.\"\nfile = \"db.zone\"\n\n\
             [[zone.secondary]]\nname = \"held\"\naddress = \"{held}\"\nport = 53\n\
             unsigned = true\n\n\
             [state]\ndirectory = \"state\"\n\n[admin]\nsocket = \"admin.sock\"\n\n\
             [[cluster]]\nname = \"orders\"\nengine = \"{engine}\"\n\n\
             [cluster.write]\nname = \"{WRITE}.\"\n\n[[cluster.read]]\nname = \"{READ}.\"\n\n\
             [cluster.probe]\nuser = \"pointsman\"\npassword_file = \"probe.password\"\n",
            own = self.pointsman(),
        );
        for (number, server) in (1..).zip(self.servers()) {
            write!(
                text,
                "\n[[cluster.server]]\nname = \"db{number}\"\naddress = \"{server}\"\n\
                 port = {port}\n"
            )
            .expect("a string can be written to");
        }
        text
    }

    /// The static part of the zone.
    pub(crate) fn zone(self) -> String {
        format!(
            "$ORIGIN db.internal.\n$TTL 60\n@ IN SOA ns hostmaster 1 60 30 3600 1\n@ IN NS ns\n\
             ns IN A {}\n",
            self.pointsman()
        )
    }

    /// An unbound in `folder`, with `zone` for what it does about Pointsman's zone. The one that
    /// keeps answers is the host's: `follow` empties it by its control socket.
    pub(crate) fn unbound(self, way: Way, folder: &str, zone: &str) -> String {
        let own = self.name_server(way).expect("it is somebody");
        let control = match way {
            Way::Cached => "control-enable: yes\n    control-interface: /run/unbound.ctl",
            _ => "control-enable: no",
        };
        format!(
            "server:\n    interface: {own}\n    access-control: 127.0.0.0/8 allow\n    \
             username: \"\"\n    chroot: \"\"\n    directory: \"{folder}\"\n    pidfile: \"\"\n    \
             use-syslog: no\n    do-ip6: no\n    do-not-query-localhost: no\n    \
             module-config: \"iterator\"\nremote-control:\n    {control}\n{zone}"
        )
    }

    /// What docs/RESOLVERS.md says for unbound, but that answers are kept.
    pub(crate) fn stub_zone(self) -> String {
        format!(
            "server:\n    domain-insecure: \"db.internal\"\n    \
             private-domain: \"db.internal\"\n    infra-cache-max-rtt: 2000\n    \
             infra-keep-probing: yes\nstub-zone:\n    name: \"db.internal\"\n    \
             stub-addr: {}@53\n",
            self.pointsman()
        )
    }

    /// The settings of docs/RESOLVERS.md for PgBouncer, which finds its name server by `resolv_conf`.
    pub(crate) fn pgbouncer(
        self,
        number: u8,
        port: u16,
        folder: &str,
        resolv_conf: &str,
    ) -> String {
        format!(
            "[databases]\npostgres = host={WRITE} port={port}\n\
             [pgbouncer]\nlisten_addr = {pooler}\nlisten_port = {POOLER_PORT}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users{number}\n\
             pool_mode = transaction\nresolv_conf = {resolv_conf}\n\
             dns_max_ttl = 1\ndns_nxdomain_ttl = 1\ndns_zone_check_period = 1\n\
             server_login_retry = 1\n",
            pooler = self.pooler(number),
        )
    }

    /// The `haproxy.cfg` of Patroni's documentation, without its page of statistics.
    pub(crate) fn haproxy(self, port: u16, rest_port: u16) -> String {
        let mut text = format!(
            "global\n    maxconn 100\n\
             defaults\n    log global\n    mode tcp\n    retries 2\n    timeout client 30m\n    \
             timeout connect 4s\n    timeout server 30m\n    timeout check 5s\n\
             listen batman\n    bind {own}:{BALANCER_PORT}\n    option httpchk\n    \
             http-check expect status 200\n    \
             default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions\n",
            own = self.balancer(),
        );
        for (number, server) in (1..).zip(self.servers()) {
            writeln!(
                text,
                "    server db{number} {server}:{port} maxconn 100 check port {rest_port}"
            )
            .expect("a string can be written to");
        }
        text
    }
}
