//! MySQL and MariaDB, and where they want other words for the same thing.
//!
//! Both know `START REPLICA` and its like (MariaDB 10.5.1, MySQL 8.0.22).

use std::net::Ipv4Addr;

/// Who made a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Oracle.
    MySql,
    /// The MariaDB Foundation.
    MariaDb,
}

/// What every server is started with: small, quick, and a killed process loses nothing that the
/// kernel has.
const SETTINGS: &[&str] = &[
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=16M",
    "--innodb-buffer-pool-load-at-startup=0",
    "--innodb-buffer-pool-dump-at-shutdown=0",
    "--sync-binlog=0",
    "--key-buffer-size=1M",
    "--max-connections=20",
    "--back-log=1000", // A frozen server goes on accepting, as a large one would.
];

const MARIADB_SETTINGS: &[&str] = &[
    "--innodb-log-file-size=8M",
    "--binlog-format=ROW",
    "--aria-pagecache-buffer-size=8M",
    "--performance-schema=0",
];

/// Some are for what MySQL does by itself and MariaDB does not: a second protocol on a port of its
/// own, and a folder for files that Debian's package makes.
const MYSQL_SETTINGS: &[&str] = &[
    "--innodb-redo-log-capacity=16M",
    "--innodb-doublewrite=OFF",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    "--log-error-verbosity=3", // Logins that were refused, as MariaDB logs them.
];

/// Of the account for replication. On MySQL it logs in by `caching_sha2_password` with it; MariaDB
/// proves its own certificate by it (11.4).
const REPLICATION_PASSWORD: &str = "s3cret-of-replication";

impl Flavour {
    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// The server program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::MySql => "mysqld",
            Self::MariaDb => "mariadbd",
        }
    }

    /// What data is initialised with.
    pub(crate) fn initialisation(self) -> &'static [&'static str] {
        match self {
            Self::MySql => &["--initialize-insecure", "--innodb-redo-log-capacity=16M"],
            Self::MariaDb => &[
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=8M",
            ],
        }
    }

    /// What every server is started with.
    pub(crate) fn settings(self) -> impl Iterator<Item = &'static str> {
        let own = match self {
            Self::MySql => MYSQL_SETTINGS,
            Self::MariaDb => MARIADB_SETTINGS,
        };
        SETTINGS.iter().chain(own).copied()
    }

    /// What a server with this id needs to take part in replication by GTID.
    pub(crate) fn replication_settings(self, id: usize) -> Vec<String> {
        let own: &[&str] = match self {
            Self::MySql => &[
                "--gtid-mode=ON",
                "--enforce-gtid-consistency=ON",
                "--log-replica-updates",
                "--relay-log-recovery=ON",
                "--replica-net-timeout=4",
            ],
            Self::MariaDb => &["--log-slave-updates", "--slave-net-timeout=4"],
        };
        let common = ["--log-bin=binlog", "--relay-log=relay"];
        let words = common.iter().chain(own).map(|word| (*word).to_owned());
        words.chain([format!("--server-id={id}")]).collect()
    }

    /// Statements that make the account for replication.
    pub(crate) fn replication_user() -> [String; 2] {
        [
            format!("CREATE USER replication@'127.%' IDENTIFIED BY '{REPLICATION_PASSWORD}'"),
            "GRANT REPLICATION SLAVE ON *.* TO replication@'127.%'".to_owned(),
        ]
    }

    /// Statements that make a server a read-only replica of another one, from its own GTIDs on;
    /// what it receives over other channels goes on.
    pub(crate) fn follow(self, host: Ipv4Addr, port: u16) -> Vec<String> {
        match self {
            Self::MySql => vec![
                "SET GLOBAL read_only = 1".to_owned(),
                "SET GLOBAL super_read_only = 0".to_owned(),
                "STOP REPLICA FOR CHANNEL ''".to_owned(),
                self.change_source("", host, port),
                "START REPLICA FOR CHANNEL ''".to_owned(),
            ],
            Self::MariaDb => vec![
                "SET GLOBAL read_only = 1".to_owned(),
                "STOP ALL REPLICAS".to_owned(), // While one runs, nobody can set the position.
                "SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos".to_owned(),
                self.change_source("", host, port),
                "START ALL REPLICAS".to_owned(),
            ],
        }
    }

    /// Statements that let a replica receive from another server as well, over a channel of this
    /// name.
    pub(crate) fn follow_also(self, channel: &str, host: Ipv4Addr, port: u16) -> [String; 2] {
        let start = match self {
            Self::MySql => format!("START REPLICA FOR CHANNEL '{channel}'"),
            Self::MariaDb => format!("START REPLICA '{channel}'"),
        };
        [self.change_source(channel, host, port), start]
    }

    /// Where a channel comes from, by GTID. MySQL gives up after ten attempts unless it is told
    /// otherwise.
    fn change_source(self, channel: &str, host: Ipv4Addr, port: u16) -> String {
        match self {
            Self::MySql => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{host}', SOURCE_PORT = {port}, \
                 SOURCE_USER = 'replication', SOURCE_PASSWORD = '{REPLICATION_PASSWORD}', \
                 GET_SOURCE_PUBLIC_KEY = 1, SOURCE_AUTO_POSITION = 1, \
                 SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400, \
                 SOURCE_HEARTBEAT_PERIOD = 1 FOR CHANNEL '{channel}'"
            ),
            Self::MariaDb => format!(
                "CHANGE MASTER '{channel}' TO MASTER_HOST = '{host}', MASTER_PORT = {port}, \
                 MASTER_USER = 'replication', MASTER_PASSWORD = '{REPLICATION_PASSWORD}', \
                 MASTER_USE_GTID = slave_pos, \
                 MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 1"
            ),
        }
    }

    /// Statements that let a server acknowledge what it receives. A thread that receives already
    /// goes on as it was.
    pub(crate) fn acknowledge(self) -> &'static [&'static str] {
        match self {
            Self::MySql => &[
                "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
                "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'",
                "SET GLOBAL rpl_semi_sync_replica_enabled = 1",
            ],
            Self::MariaDb => &["SET GLOBAL rpl_semi_sync_slave_enabled = 1"],
        }
    }

    /// Statements that let a primary commit nothing that no replica has acknowledged.
    pub(crate) fn wait_for_acknowledgements(self) -> [String; 2] {
        let word = match self {
            Self::MySql => "source",
            Self::MariaDb => "master",
        };
        ["timeout = 3600000", "enabled = 1"]
            .map(|setting| format!("SET GLOBAL rpl_semi_sync_{word}_{setting}"))
    }

    /// Statement that makes a server of MySQL a member of its group; what it lacks it gets from the
    /// others.
    pub(crate) fn join_group() -> String {
        format!("START GROUP_REPLICATION USER = 'replication', PASSWORD = '{REPLICATION_PASSWORD}'")
    }

    /// Sets or clears the flag that refuses writes; on MySQL those of the administrator, too.
    pub(crate) fn set_read_only(self, on: bool) -> &'static str {
        match (self, on) {
            (Self::MySql, true) => "SET GLOBAL super_read_only = 1",
            (Self::MariaDb, true) => "SET GLOBAL read_only = 1",
            (_, false) => "SET GLOBAL read_only = 0", // Clears the stronger one as well.
        }
    }

    /// The transactions that a server has.
    pub(crate) fn end(self) -> &'static str {
        match self {
            Self::MySql => "SELECT @@global.gtid_executed",
            Self::MariaDb => "SELECT @@global.gtid_binlog_pos",
        }
    }

    /// Whether a server has all of `end`: `1` if so.
    pub(crate) fn has_reached(self, end: &str) -> String {
        match self {
            Self::MySql => format!("SELECT gtid_subset('{end}', @@global.gtid_executed)"),
            // Domain by domain: it may have more of them, and more in each.
            Self::MariaDb => {
                let position = "@@global.gtid_binlog_pos";
                let has = |one: &str| {
                    let (domain, number) = (one.split('-').next(), one.rsplit('-').next());
                    let (domain, number) = (domain.unwrap_or(one), number.unwrap_or(one));
                    format!(
                        "(find_in_set('{one}', {position}) > 0 OR CAST(substring_index(\
                         regexp_substr({position}, '(^|,){domain}-[0-9]+-[0-9]+'), '-', -1) \
                         AS UNSIGNED) > {number})"
                    )
                };
                let all: Vec<_> = end.split(',').filter(|one| !one.is_empty()).map(has).collect();
                format!(
                    "SELECT {}",
                    if all.is_empty() { "1".to_owned() } else { all.join(" AND ") }
                )
            }
        }
    }

    /// Lets a server look at its certificate again.
    pub(crate) fn reload_certificate(self) -> &'static str {
        match self {
            Self::MySql => "ALTER INSTANCE RELOAD TLS",
            Self::MariaDb => "FLUSH SSL",
        }
    }

    /// What a column of `SHOW REPLICA STATUS` is called: its name on MySQL.
    pub(crate) fn column(self, name: &str) -> String {
        match self {
            Self::MySql => name.to_owned(),
            Self::MariaDb => name.replace("Source", "Master").replace("Replica", "Slave"),
        }
    }
}
