//! Who is measured: an application, what it does, the way by which it finds its server, and whether an
//! agent cuts its connections.

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// psycopg2, which is libpq: one connection.
    Libpq,
    /// The same through a PgBouncer of its own.
    PgBouncer,
    /// The pool of psycopg 3.
    PsycopgPool,
    /// pgJDBC and HikariCP.
    PgJdbc,
    /// PyMySQL: one connection.
    PyMySql,
    /// MariaDB Connector/J and HikariCP.
    ConnectorJ,
}

/// What it does every 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// It writes to the server of the write name.
    Write,
    /// It reads from one of the read name.
    Read,
}

/// How the server is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// The name is asked of Pointsman.
    Direct,
    /// The name is asked of an unbound that keeps answers for their TTL.
    Cached,
    /// The name is asked of an unbound that holds the zone.
    Held,
    /// The client has a list of all servers, and looks for the one that it may write to.
    List,
    /// HAProxy asks Patroni.
    Balancer,
}

/// Whether `pointsman follow` runs beside the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agent {
    /// It does.
    Follow,
    /// It does not.
    Nobody,
}

/// One application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Contestant {
    /// What it is.
    pub(crate) client: Client,
    /// What it does.
    pub(crate) task: Task,
    /// How it finds its server.
    pub(crate) way: Way,
    /// Who cuts its connections.
    pub(crate) agent: Agent,
}

/// The servers that it all is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Stage {
    /// PostgreSQL with streaming replication, promoted by the bench.
    Postgres,
    /// MariaDB with GTID replication, promoted by the bench.
    #[value(name = "mariadb")]
    MariaDb,
    /// PostgreSQL under Patroni, which promotes.
    Patroni,
}

impl Stage {
    /// In the order of the run.
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::MariaDb, Self::Patroni];

    /// As tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::Patroni => "PostgreSQL under Patroni",
        }
    }

    /// Who takes part, in the order of the tables.
    pub(crate) fn contestants(self) -> Vec<Contestant> {
        let of = |client, way, agent| Contestant { client, task: Task::Write, way, agent };
        let reads = |client| {
            [Agent::Nobody, Agent::Follow].map(|agent| Contestant {
                client,
                task: Task::Read,
                way: Way::Held,
                agent,
            })
        };
        let plain = |client| {
            let ways = [Way::Direct, Way::Cached, Way::Held].into_iter();
            ways.flat_map(move |way| {
                [Agent::Nobody, Agent::Follow].map(|agent| of(client, way, agent))
            })
        };
        match self {
            Self::Postgres => plain(Client::Libpq)
                .chain([
                    of(Client::PsycopgPool, Way::Held, Agent::Follow),
                    of(Client::PgJdbc, Way::Held, Agent::Follow),
                    of(Client::PgBouncer, Way::Held, Agent::Nobody),
                    of(Client::PgBouncer, Way::Held, Agent::Follow),
                    of(Client::Libpq, Way::List, Agent::Nobody),
                ])
                .chain(reads(Client::Libpq))
                .collect(),
            Self::MariaDb => plain(Client::PyMySql)
                .chain([of(Client::ConnectorJ, Way::Held, Agent::Follow)])
                .chain(reads(Client::PyMySql))
                .collect(),
            Self::Patroni => [
                of(Client::Libpq, Way::Held, Agent::Follow),
                of(Client::Libpq, Way::List, Agent::Nobody),
                of(Client::Libpq, Way::Balancer, Agent::Nobody),
            ]
            .into_iter()
            .chain(reads(Client::Libpq))
            .collect(),
        }
    }
}

impl Contestant {
    /// As tables call it.
    pub(crate) fn title(self) -> String {
        let client = match self.client {
            Client::Libpq => "libpq",
            Client::PgBouncer => "libpq, PgBouncer",
            Client::PsycopgPool => "psycopg 3 pool",
            Client::PgJdbc => "pgJDBC, HikariCP",
            Client::PyMySql => "PyMySQL",
            Client::ConnectorJ => "Connector/J, HikariCP",
        };
        let way = match self.way {
            Way::Direct => "name asked directly",
            Way::Cached => "caching unbound",
            Way::Held => "unbound holds the zone",
            Way::List => "host list",
            Way::Balancer => "HAProxy",
        };
        let agent = match self.agent {
            Agent::Follow => " + `follow`",
            Agent::Nobody => "",
        };
        let task = match self.task {
            Task::Write => "",
            Task::Read => ", reads",
        };
        format!("{client}{task}: {way}{agent}")
    }

    /// Whether the targets are about it: the plain clients on the way that is meant to be the best.
    pub(crate) fn has_targets(self) -> bool {
        let is_plain = matches!(self.client, Client::Libpq | Client::PyMySql);
        let writes = self.task == Task::Write;
        is_plain && writes && self.way == Way::Held && self.agent == Agent::Follow
    }
}
