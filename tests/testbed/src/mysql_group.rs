//! A MySQL Group Replication group in single-primary mode on loopback addresses.
//!
//! Clients find each member at its own address. Among themselves the members use ports of the first
//! loopback address: they refuse addresses that no interface has by name. A dead member is suspected
//! after five seconds, which is fixed, and expelled at once then.

use std::{collections::BTreeSet, net::Ipv4Addr};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    mysql_flavour::Flavour, mysql_programs::MySqlPrograms, mysql_server::MySqlServer,
    mysql_sessions, patience, ports,
};

const NAME: &str = "4f1d1c7e-2b64-4c0a-9f3f-0c6a2f7c5a10";
const MEMBERS: &str = "performance_schema.replication_group_members";

/// The members and their data. Dropped, nothing of them is left.
pub struct MySqlGroup {
    members: Vec<MySqlServer>,
    runtime: Runtime,
    port: u16,
    group_ports: Vec<u16>,
    _directory: TempDir,
}

impl MySqlGroup {
    /// Makes a new group, whose primary is the first of `addresses`; returns when every member is
    /// online.
    pub fn start(addresses: &[Ipv4Addr]) -> Self {
        let programs = MySqlPrograms::mysql();
        let directory = programs.account().directory("pointsman-group-");
        let port = ports::free_on(addresses);
        let mut group_ports = BTreeSet::new();
        while group_ports.len() < addresses.len() {
            group_ports.insert(ports::free_on(&[Ipv4Addr::LOCALHOST]));
        }
        let mut group = Self {
            members: MySqlServer::install(&programs, addresses, port, directory.path()),
            runtime: mysql_sessions::runtime(),
            port,
            group_ports: group_ports.into_iter().collect(),
            _directory: directory,
        };
        for member in 0..addresses.len() {
            group.launch(member);
        }
        group.bootstrap(0);
        for statement in programs.users() {
            group.sql(0, &[&statement]);
        }
        group.sql(
            0,
            &[
                "CREATE DATABASE story",
                "CREATE TABLE story.rows (id INT AUTO_INCREMENT PRIMARY KEY)",
            ],
        );
        for member in 1..addresses.len() {
            group.join(member);
        }
        group
    }

    /// The port for clients, the same on every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL.
    pub fn kill9(&mut self, member: usize) {
        self.members[member].kill9();
    }

    /// Starts a stopped member, which gets from the others what it lacks; returns when it is
    /// online.
    pub fn start_member(&mut self, member: usize) {
        self.launch(member);
        self.join(member);
    }

    /// Lets `member` be the primary, as the group itself does it: those who write are waited for.
    pub fn switch_to(&self, asked: usize, member: usize) {
        let uuid = self.value(member, "SELECT @@server_uuid");
        self.sql(asked, &[&format!("SELECT group_replication_set_as_primary('{uuid}')")]);
    }

    /// Waits until `member` sees so many members in `state`.
    pub fn wait_for_count(&self, member: usize, state: &str, wanted: usize) {
        let count = format!("SELECT count(*) FROM {MEMBERS} WHERE member_state = '{state}'");
        patience::until("the group notices", || self.value(member, &count) == wanted.to_string());
    }

    /// Starts a stopped member as a new group, with what it has.
    pub fn start_group(&mut self, member: usize) {
        self.launch(member);
        self.bootstrap(member);
    }

    /// Whether a write is committed within three seconds; one that waits for a majority is given
    /// up then.
    pub fn takes_writes(&self, member: usize) -> bool {
        let mut session = self.members[member].session(&self.runtime);
        let write = mysql_sessions::run(&mut session, "INSERT INTO story.rows VALUES ()");
        let limit = std::time::Duration::from_secs(3);
        let done = self.runtime.block_on(async { tokio::time::timeout(limit, write).await });
        done.is_ok_and(|done| done)
    }

    /// Runs statements that must succeed, in one session of the administrator.
    pub fn sql(&self, member: usize, statements: &[&str]) {
        self.members[member].sql(&self.runtime, statements);
    }

    fn value(&self, member: usize, query: &str) -> String {
        self.members[member].value(&self.runtime, query)
    }

    /// The first member of a new group.
    fn bootstrap(&self, member: usize) {
        let join = Flavour::join_group();
        let bootstrap = |on| format!("SET GLOBAL group_replication_bootstrap_group = {on}");
        self.sql(member, &[&bootstrap("ON"), &join, &bootstrap("OFF")]);
        self.wait_until_online(member);
    }

    fn join(&self, member: usize) {
        self.sql(member, &[&Flavour::join_group()]);
        self.wait_until_online(member);
    }

    fn wait_until_online(&self, member: usize) {
        let own = format!("SELECT member_state FROM {MEMBERS} WHERE member_id = @@server_uuid");
        self.members[member].wait_for(&self.runtime, &own, "member_state", "ONLINE");
    }

    /// Returns when it answers.
    fn launch(&mut self, member: usize) {
        let own = self.members[member].address();
        let seeds: Vec<_> = (0..self.members.len()).map(|one| self.local_address(one)).collect();
        let mut settings = Flavour::MySql.replication_settings(member + 1);
        settings.extend([
            "--plugin-load-add=group_replication.so".to_owned(),
            format!("--group-replication-group-name={NAME}"),
            format!("--group-replication-local-address={}", self.local_address(member)),
            format!("--group-replication-group-seeds={}", seeds.join(",")),
            "--group-replication-start-on-boot=OFF".to_owned(),
            "--group-replication-communication-stack=XCOM".to_owned(),
            "--group-replication-recovery-get-public-key=ON".to_owned(),
            "--group-replication-member-expel-timeout=0".to_owned(),
            // Who is elected is the first of those that are left.
            format!("--group-replication-member-weight={}", 90 - 10 * member),
            format!("--report-host={own}"),
        ]);
        self.members[member].launch(&settings);
        self.members[member].wait_for(&self.runtime, "SELECT 1", "1", "1");
    }

    fn local_address(&self, member: usize) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.group_ports[member])
    }
}
