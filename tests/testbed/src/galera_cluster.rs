//! A Galera cluster of MariaDB servers on loopback addresses.
//!
//! Each node has ports of its own for the group, for incremental and for full state transfer, since
//! all of them share one machine. A dead node is expelled after two or three seconds. Shorter
//! timeouts than that split the group.

use std::{net::Ipv4Addr, path::Path};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{mysql_programs::MySqlPrograms, mysql_server::MySqlServer, mysql_sessions, ports};

/// Where Debian's package keeps the library.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// The nodes and their data. Dropped, nothing of them is left.
pub struct GaleraCluster {
    nodes: Vec<MySqlServer>,
    runtime: Runtime,
    port: u16,
    group_port: u16,
    transfer_port: u16,
    increment_port: u16,
    _directory: TempDir,
}

impl GaleraCluster {
    /// Makes a new cluster; returns when every node is synced.
    pub fn start(addresses: &[Ipv4Addr]) -> Self {
        assert!(Path::new(PROVIDER).exists(), "Galera is not installed; tests/run installs it");
        let programs = MySqlPrograms::mariadb();
        let directory = programs.account().directory("pointsman-galera-");
        let port = ports::free_on(addresses);
        let mut cluster = Self {
            nodes: MySqlServer::install(&programs, addresses, port, directory.path()),
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
        for node in 1..addresses.len() {
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
        settings.extend_from_slice(more);
        self.nodes[node].launch(&settings);
    }
}
