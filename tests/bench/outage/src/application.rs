//! The programs, and how each is told where.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    contestant::{Client, Contestant, Stage, Task, Way},
    host::Host,
    place::{BALANCER_PORT, POOLER_PORT, Place},
};

/// Where the clients' files are.
#[derive(Clone, Debug)]
pub(crate) struct Applications {
    folder: PathBuf,
}

impl Applications {
    /// Writes them into `folder`, where the applications' users get at them.
    pub(crate) fn install(folder: &Path) -> Self {
        for (name, text) in FILES {
            fs::write(folder.join(name), text).expect("a file can be written");
        }
        Self { folder: folder.to_owned() }
    }

    /// The command that runs contestant `number` on its host; the servers listen on `port`.
    pub(crate) fn command(
        &self,
        contestant: Contestant,
        number: u8,
        host: &Host,
        place: Place,
        port: u16,
    ) -> Command {
        let file = |name: &str| self.folder.join(name);
        let python = |name: &str| {
            let mut command = host.command("/usr/bin/python3");
            command.arg(file(name));
            command
        };
        let java = |url: String, user: &str, statement: &str| {
            let mut command = host.command("java");
            // Small and quick to start.
            command.args(["-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
            let names = file("names.properties");
            command.arg(format!("-Djava.security.properties={}", names.display()));
            command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", CLASS_PATH]);
            command.arg(file("Hikari.java")).args([&url, user, statement]);
            command
        };
        let name = place.name(contestant.task);
        let (postgres, mysql) = statements(contestant.task);
        match contestant.client {
            Client::Libpq | Client::PgBouncer => {
                let (hosts, port, more) = match (contestant.client, contestant.way) {
                    (Client::PgBouncer, _) => (place.pooler(number).to_string(), POOLER_PORT, ""),
                    (_, Way::Balancer) => (place.balancer().to_string(), BALANCER_PORT, ""),
                    (_, Way::List) => {
                        let servers = place.servers().map(|server| server.to_string());
                        (servers.join(","), port, " target_session_attrs=read-write")
                    }
                    (_, Way::Direct | Way::Cached | Way::Held) => (name.to_owned(), port, ""),
                };
                let mut command = python("libpq.py");
                command.arg(format!("host={hosts} port={port}{more} {LOGIN}")).arg(postgres);
                command
            }
            Client::PsycopgPool => {
                let mut command = python("pool.py");
                command.arg(format!("host={name} port={port} {LOGIN}")).arg(postgres);
                command
            }
            Client::PyMySql => {
                let mut command = python("mysql.py");
                command.args([name, &port.to_string(), mysql]);
                command
            }
            Client::PgJdbc => java(
                format!("jdbc:postgresql://{name}:{port}/postgres?connectTimeout=2"),
                "application",
                postgres,
            ),
            Client::ConnectorJ => java(
                format!("jdbc:mariadb://{name}:{port}/story?connectTimeout=2000"),
                "application",
                mysql,
            ),
        }
    }
}

/// What it does, for PostgreSQL and for MariaDB; the reply is who did it.
fn statements(task: Task) -> (&'static str, &'static str) {
    match task {
        Task::Write => (
            "INSERT INTO written DEFAULT VALUES RETURNING host(inet_server_addr())",
            "INSERT INTO story.rows (word) VALUES ('outage') RETURNING @@server_id",
        ),
        Task::Read => (
            "SELECT host(inet_server_addr()), count(*) FROM (SELECT FROM written LIMIT 1) AS one",
            "SELECT @@server_id, count(*) FROM (SELECT 1 FROM story.rows LIMIT 1) AS one",
        ),
    }
}

/// The servers as they themselves tell the applications who they are.
pub(crate) fn names(place: Place) -> Vec<String> {
    match place.stage {
        Stage::Postgres | Stage::Patroni => {
            place.servers().iter().map(ToString::to_string).collect()
        }
        Stage::MariaDb => (1..=place.servers().len()).map(|id| id.to_string()).collect(),
    }
}

/// What makes the applications' table on a primary of PostgreSQL.
pub(crate) const POSTGRES_TABLE: &str = "\
    CREATE TABLE written (id bigint GENERATED ALWAYS AS IDENTITY); \
    GRANT INSERT, SELECT ON written TO application";

/// What lets the applications write on MariaDB.
pub(crate) const MARIADB_GRANT: &str = "GRANT INSERT, SELECT ON story.* TO application@'127.%'";

/// The clients, by their names.
const FILES: [(&str, &str); 6] = [
    ("beat.py", include_str!("../clients/beat.py")),
    ("libpq.py", include_str!("../clients/libpq.py")),
    ("pool.py", include_str!("../clients/pool.py")),
    ("mysql.py", include_str!("../clients/mysql.py")),
    ("Hikari.java", include_str!("../clients/Hikari.java")),
    ("names.properties", include_str!("../clients/names.properties")),
];

/// Who logs in by libpq; a connection is waited for as long as libpq allows at least.
const LOGIN: &str = "user=application dbname=postgres connect_timeout=2";

/// Debian's packages of the drivers, the pool and the log that it wants.
const CLASS_PATH: &str = "/usr/share/java/postgresql.jar:\
     /usr/share/java/mariadb-java-client.jar:/usr/share/java/HikariCP.jar:\
     /usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-simple.jar";
