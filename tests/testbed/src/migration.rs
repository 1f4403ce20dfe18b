//! A server outside of a cluster, from which one of its replicas receives over a channel of its own,
//! and which goes on writing: data is moved into the cluster.

use std::net::Ipv4Addr;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    mysql_flavour::Flavour,
    mysql_programs::MySqlPrograms,
    mysql_server::MySqlServer,
    mysql_sessions::{self, Workload},
    ports,
};

/// The name of the channel.
pub(crate) const CHANNEL: &str = "migration";

/// Where its rows are, on both sides.
const TABLE: &str = "elsewhere.orders";

/// The outside server, which writes until this is dropped, and is gone then.
pub struct Migration {
    _workload: Workload,
    server: MySqlServer,
    port: u16,
    _runtime: Runtime,
    _directory: TempDir,
}

impl Migration {
    /// A new server at `address` with this `server_id`, which writes steadily.
    pub(crate) fn begin(programs: &MySqlPrograms, address: Ipv4Addr, id: usize) -> Self {
        let flavour = programs.flavour();
        let directory = programs.account().directory("pointsman-outside-");
        let port = ports::free_on(&[address]);
        let runtime = mysql_sessions::runtime();
        let mut servers = MySqlServer::install(programs, &[address], port, directory.path());
        let mut server = servers.pop().expect("one was installed");
        // Its users are its own: the replica has them already.
        let file = server.first_statements(&programs.unlogged_users());
        let mut settings = flavour.replication_settings(id);
        settings.push(format!("--init-file={}", file.display()));
        if flavour == Flavour::MariaDb {
            settings.push("--gtid-domain-id=7".to_owned()); // Each source has one of its own.
        }
        server.launch(&settings);
        server.wait_for(&runtime, "SELECT 1", "1", "1");
        let table = format!("CREATE TABLE {TABLE} (id INT AUTO_INCREMENT PRIMARY KEY)");
        server.sql(&runtime, &["CREATE DATABASE elsewhere", &table]);
        let session = server.session(&runtime);
        let workload =
            Workload::begin(&runtime, session, &format!("INSERT INTO {TABLE} VALUES ()"));
        Self { _workload: workload, server, port, _runtime: runtime, _directory: directory }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> (Ipv4Addr, u16) {
        (self.server.address(), self.port)
    }

    /// Whether a replica has received a row: `1` if so.
    pub(crate) fn has_arrived() -> String {
        format!("SELECT count(*) > 0 AS arrived FROM {TABLE}")
    }
}
