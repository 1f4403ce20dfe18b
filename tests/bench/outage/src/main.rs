//! Measures how long applications cannot write when their database fails over, on real clusters and
//! with real clients.
//!
//! `tests/bench/outage/run` calls it, after it has installed the servers and built this.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the tables are what this program is for, and it measures real time"
)]

mod application;
mod arena;
mod clock;
mod contestant;
mod fault;
mod findings;
mod ground;
mod host;
#[path = "../../dns/src/machine.rs"]
mod machine;
mod measure;
mod patroni;
mod place;
mod plot;
mod report;
mod site;
mod story;
#[path = "../../dns/src/table.rs"]
mod table;
#[path = "../../failover/src/tally.rs"]
mod tally;
mod writer;

use std::{error::Error, fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use clap::Parser;
use pointsman_testbed::{namespace::Namespace, postgres_programs::Programs};

use self::{contestant::Stage, fault::Fault, measure::Plan, report::Report};

/// Strikes real databases and measures how long applications cannot write.
#[derive(Debug, Parser)]
struct Arguments {
    /// Times that each fault befalls each cluster.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    rounds: u8,
    /// Three rounds; figures to look at, not to publish.
    #[arg(long)]
    quick: bool,
    /// Only these faults.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Fault>,
    /// Only these clusters.
    #[arg(long, value_delimiter = ',')]
    engine: Vec<Stage>,
    /// Draw the medians under Patroni into this file (SVG).
    #[arg(long)]
    plot: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let is_wanted = |fault: &Fault| arguments.only.is_empty() || arguments.only.contains(fault);
    let is_meant = |stage: &Stage| arguments.engine.is_empty() || arguments.engine.contains(stage);
    let plan = Plan {
        rounds: usize::from(if arguments.quick { 3 } else { arguments.rounds }),
        faults: Fault::ALL.into_iter().filter(is_wanted).collect(),
        stages: Stage::ALL.into_iter().filter(is_meant).collect(),
    };
    let postgres = format!("postgresql-{}", Programs::installed().major());
    let packages = [
        ("PostgreSQL", postgres.as_str()),
        ("MariaDB", "mariadb-server"),
        ("Patroni", "patroni"),
        ("HAProxy", "haproxy"),
        ("PgBouncer", "pgbouncer"),
        ("unbound", "unbound"),
        ("psycopg2", "python3-psycopg2"),
        ("psycopg 3", "python3-psycopg"),
        ("its pool", "python3-psycopg-pool"),
        ("PyMySQL", "python3-pymysql"),
        ("pgJDBC", "libpostgresql-jdbc-java"),
        ("MariaDB Connector/J", "libmariadb-java"),
        ("HikariCP", "libhikaricp-java"),
    ];
    println!("{}", machine::description(&packages.map(|(title, name)| (title, name.to_owned()))));
    let folder = tempfile::Builder::new().prefix("pointsman-bench-").tempdir()?;
    // The applications' users look into it.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let namespace = Namespace::enter();
    let findings = plan.carry_out(&namespace, folder.path(), |line| println!("{line}"))?;
    println!("\n{}", Report { findings: &findings }.text());
    if let (Some(file), Some(picture)) = (&arguments.plot, plot::draw(&findings)) {
        fs::write(file, picture)?;
    }
    Ok(())
}
