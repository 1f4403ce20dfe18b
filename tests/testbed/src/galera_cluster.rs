//! A Galera cluster of MariaDB servers on loopback addresses, and asynchronous replicas beside it.
//!
//! Each node has ports of its own for the group, for incremental and for full state transfer, since
//! all of them share one machine. A dead node is expelled after two or three seconds. Shorter
//! timeouts than that split the group.

use std::{net::Ipv4Addr, path::Path};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    mysql_flavour::Flavour, mysql_programs::MySqlPrograms, mysql_server::MySqlServer,
    mysql_sessions, ports,
};

/// Where Debian's package keeps the library.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// The same on every node, so that a transaction has one GTID everywhere.
const SERVER_ID: usize = 1;

/// The servers and their data. Dropped, nothing of them is left.
pub struct GaleraCluster {
    nodes: Vec<MySqlServer>,
    replicas: Vec<MySqlServer>,
    runtime: Runtime,
    port: u16,
    group_port: u16,
    transfer_port: u16,
    increment_port: u16,
    _directory: TempDir,
}

impl GaleraCluster {
    /// Makes a new cluster; returns when every node is synced.
    pub fn start(nodes: &[Ipv4Addr]) -> Self {
        Self::start_with_replicas(nodes, &[])
    }

    /// Makes a new cluster, and replicas that receive from its first node.
    pub fn start_with_replicas(nodes: &[Ipv4Addr], replicas: &[Ipv4Addr]) -> Self {
        let addresses = &[nodes, replicas].concat();
        assert!(Path::new(PROVIDER).exists(), "Galera is not installed; tests/run installs it");
        let programs = MySqlPrograms::mariadb();
        let directory = programs.account().directory("pointsman-galera-");
        let port = ports::free_on(addresses);
        let mut servers = MySqlServer::install(&programs, addresses, port, directory.path());
        let mut cluster = Self {
            replicas: servers.split_off(nodes.len()),
            nodes: servers,
            runtime: mysql_sessions::runtime(),
            port,
            group_port: ports::free_on(addresses),
            transfer_port: ports::free_on(addresses),
            increment_port: ports::free_on(addresses),
            _directory: directory,
        };
        cluster.launch(0, &["--wsrep-new-cluster".to_owned()]);
        cluster.wait_until_synced(0);
        for statement in programs.users() {
            cluster.nodes[0].sql(&cluster.runtime, &[&statement]);
        }
        for replica in 0..replicas.len() {
            cluster.start_replica(replica);
        }
        for node in 1..nodes.len() {
            cluster.start_node(node, 0); // One by one: a donor serves one joiner.
        }
        cluster
    }

    /// The port for clients, the same on every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL.
    pub fn kill9(&mut self, node: usize) {
        self.nodes[node].kill9();
    }

    /// Starts a stopped node, which gets its data from `donor`; returns when it is synced. A donor
    /// of a full state transfer serves nobody meanwhile.
    pub fn start_node(&mut self, node: usize, donor: usize) {
        self.launch(node, &[format!("--wsrep-sst-donor=node{donor}")]);
        self.wait_until_synced(node);
    }

    /// Lets a node count for so many in the question who is the majority.
    pub fn set_weight(&self, node: usize, weight: u8) {
        let weight = format!("SET GLOBAL wsrep_provider_options = 'pc.weight={weight}'");
        self.nodes[node].sql(&self.runtime, &[&weight]);
    }

    /// Waits until a node counts `size` members.
    pub fn wait_for_size(&self, node: usize, size: usize) {
        self.wait_for(node, "wsrep_cluster_size", &size.to_string());
    }

    /// Waits until a node has noticed that it is not in the majority.
    pub fn wait_until_alone(&self, node: usize) {
        self.wait_for(node, "wsrep_cluster_status", "non-Primary");
    }

    /// Tells a node without a majority that it is the cluster now.
    pub fn declare_primary(&self, node: usize) {
        let bootstrap = "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'";
        self.nodes[node].sql(&self.runtime, &[bootstrap]);
        self.wait_until_synced(node);
    }

    fn start_replica(&mut self, replica: usize) {
        let flavour = Flavour::MariaDb;
        let mut settings = flavour.replication_settings(SERVER_ID + 1 + replica);
        settings.push("--read-only=1".to_owned());
        let server = &mut self.replicas[replica];
        server.launch(&settings);
        server.wait_for(&self.runtime, "SELECT 1", "1", "1");
        let statements = flavour.follow(self.nodes[0].address(), self.port);
        let statements: Vec<_> = statements.iter().map(String::as_str).collect();
        server.sql(&self.runtime, &statements);
        let running = flavour.column("Replica_SQL_Running");
        server.wait_for(&self.runtime, "SHOW REPLICA STATUS", &running, "Yes");
    }

    fn wait_until_synced(&self, node: usize) {
        self.wait_for(node, "wsrep_local_state_comment", "Synced");
    }

    fn wait_for(&self, node: usize, variable: &str, wanted: &str) {
        let show = format!("SHOW GLOBAL STATUS LIKE '{variable}'"); // Works without a majority too.
        self.nodes[node].wait_for(&self.runtime, &show, "Value", wanted);
    }

    fn launch(&mut self, node: usize, more: &[String]) {
        let own = self.nodes[node].address();
        let (group, transfer, increment) =
            (self.group_port, self.transfer_port, self.increment_port);
        let members: Vec<_> =
            self.nodes.iter().map(|node| format!("{}:{group}", node.address())).collect();
        let mut settings = vec![
            "--wsrep-on=ON".to_owned(),
            format!("--wsrep-provider={PROVIDER}"),
            format!("--wsrep-cluster-address=gcomm://{}", members.join(",")),
            format!("--wsrep-node-name=node{node}"),
            format!("--wsrep-node-address={own}:{group}"),
            "--wsrep-sst-method=rsync".to_owned(),
            format!("--wsrep-sst-receive-address={own}:{transfer}"),
            format!(
                "--wsrep-provider-options=gmcast.listen_addr=tcp://{own}:{group};\
                 ist.recv_addr={own}:{increment};gcache.size=8M;\
                 evs.keepalive_period=PT0.4S;evs.suspect_timeout=PT1.5S;\
                 evs.inactive_timeout=PT3S"
            ),
            "--innodb-autoinc-lock-mode=2".to_owned(),
        ];
        if !self.replicas.is_empty() {
            settings.extend(Flavour::MariaDb.replication_settings(SERVER_ID));
            settings.push("--wsrep-gtid-mode=ON".to_owned());
        }
        settings.extend_from_slice(more);
        self.nodes[node].launch(&settings);
    }
}
