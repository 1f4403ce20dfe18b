//! Which statements to send to which family and version.
//!
//! MySQL renamed its status statements (8.0.22: replica, 8.2: binary log) and later removed the old
//! names (8.4); MariaDB keeps the old ones and added its own. Each statement therefore has two
//! spellings: the one the version should know comes first, and when the server calls it a syntax
//! error (1064) they change places for good.

use super::flavour::{Server, Version};
use crate::engine::Flavour;

/// The variables of every fact, from both families. A server returns those that it has.
const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', \
    'super_read_only', 'innodb_read_only', 'offline_mode', 'server_uuid', 'server_id', \
    'gtid_mode', 'log_bin', 'wsrep_on', 'wsrep_provider', 'wsrep_desync', \
    'wsrep_reject_queries', 'wsrep_sst_donor_rejects_queries', 'pxc_maint_mode', \
    'group_replication_group_name', 'group_replication_single_primary_mode')";

/// Whether clients may write; the least that a server can be asked. `super_read_only` and
/// `offline_mode` bring it or an end of the session with them.
pub const GLANCE: &str = "SELECT @@GLOBAL.read_only";

/// The status counters of every fact, from both families.
const STATUS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', \
    'wsrep_ready', 'wsrep_cluster_status', 'wsrep_cluster_state_uuid', 'wsrep_local_state', \
    'wsrep_local_recv_queue', 'wsrep_incoming_addresses', 'group_replication_primary_member', \
    'Binlog_snapshot_file', 'Binlog_snapshot_position')";

/// SHOW VARIABLES cuts long values (MySQL 5.7 at 1024 characters), and GTID sets grow long.
const MYSQL_GTID: &str = "SELECT @@GLOBAL.gtid_executed AS gtid_executed";
const MARIADB_GTID: &str = "SELECT @@GLOBAL.gtid_binlog_pos AS gtid_binlog_pos, \
    @@GLOBAL.gtid_binlog_state AS gtid_binlog_state, @@GLOBAL.gtid_slave_pos AS gtid_slave_pos";

/// Members as this server sees them, and the load of its own queue. All columns, since 5.7 lacks
/// some.
pub const GROUP: &str = "SELECT * FROM performance_schema.replication_group_members; \
    SELECT * FROM performance_schema.replication_group_member_stats \
    WHERE MEMBER_ID = @@server_uuid";

/// The statements for one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statements {
    /// Variables, status counters and GTIDs: three result sets in one round trip. None of them
    /// needs a right.
    pub basics: Box<str>,
    /// Replication channels.
    pub channels: Spelling,
    /// The own binary log coordinate, where no counter tells it.
    pub position: Spelling,
}

/// A statement under its two names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// To be sent.
    pub current: &'static str,
    /// To be tried when the server does not know the current one.
    pub other: &'static str,
}

impl Statements {
    /// What to send to `server`.
    pub fn for_server(server: Server) -> Self {
        let (gtid, channels, position) = match server.flavour {
            Flavour::MySql => (
                MYSQL_GTID,
                Spelling::preferring(
                    server.version >= Version(8, 0, 22),
                    "SHOW REPLICA STATUS",
                    "SHOW SLAVE STATUS",
                ),
                Spelling::preferring(
                    server.version >= Version(8, 2, 0),
                    "SHOW BINARY LOG STATUS",
                    "SHOW MASTER STATUS",
                ),
            ),
            Flavour::MariaDb => (
                MARIADB_GTID,
                Spelling::preferring(false, "SHOW ALL REPLICAS STATUS", "SHOW ALL SLAVES STATUS"),
                Spelling::preferring(false, "SHOW BINLOG STATUS", "SHOW MASTER STATUS"),
            ),
        };
        Self { basics: format!("{VARIABLES}; {STATUS}; {gtid}").into(), channels, position }
    }
}

impl Spelling {
    fn preferring(new_first: bool, new: &'static str, old: &'static str) -> Self {
        let (current, other) = if new_first { (new, old) } else { (old, new) };
        Self { current, other }
    }

    /// Makes the other spelling the current one.
    pub fn switch(&mut self) {
        std::mem::swap(&mut self.current, &mut self.other);
    }
}

#[cfg(test)]
mod tests {
    use super::{Server, Statements, Version};
    use crate::engine::Flavour;

    #[test]
    fn each_version_is_asked_in_its_own_words() {
        use Flavour::{MariaDb, MySql};
        for (flavour, version, channels, position) in [
            (MySql, Version(5, 7, 44), "SHOW SLAVE STATUS", "SHOW MASTER STATUS"),
            (MySql, Version(8, 0, 21), "SHOW SLAVE STATUS", "SHOW MASTER STATUS"),
            (MySql, Version(8, 0, 22), "SHOW REPLICA STATUS", "SHOW MASTER STATUS"),
            (MySql, Version(8, 2, 0), "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS"),
            (MySql, Version(8, 4, 0), "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS"),
            (MySql, Version(26, 7, 0), "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS"),
            (MariaDb, Version(10, 3, 39), "SHOW ALL SLAVES STATUS", "SHOW MASTER STATUS"),
            (MariaDb, Version(12, 0, 2), "SHOW ALL SLAVES STATUS", "SHOW MASTER STATUS"),
        ] {
            let mut statements = Statements::for_server(Server { flavour, version });
            assert_eq!(statements.channels.current, channels, "{flavour:?} {version:?}");
            assert_eq!(statements.position.current, position, "{flavour:?} {version:?}");
            statements.channels.switch();
            assert_eq!(statements.channels.other, channels);
        }
    }
}
