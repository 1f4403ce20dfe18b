//! Measures how soon users of Pointsman, gdnsd and HAProxy are led away from a database that is
//! gone, and to one that is promoted, on real clusters.
//!
//! `tests/bench/failover/run` calls it, after it has installed the servers and built this.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the tables are what this program is for, and it measures real time"
)]

mod arena;
mod contestant;
mod fault;
mod findings;
#[path = "../../dns/src/machine.rs"]
mod machine;
mod measure;
mod moves;
mod report;
mod side;
mod sight;
mod stand_in;
#[path = "../../dns/src/table.rs"]
mod table;
mod tally;
mod watcher;

use std::{error::Error, fs, os::unix::fs::PermissionsExt as _};

use clap::Parser;
use pointsman_testbed::{database::Engine, namespace::Namespace, postgres_programs::Programs};

use self::{contestant::Contestant, fault::Fault, measure::Plan, report::Report};

/// Strikes real databases and measures who notices when.
#[derive(Debug, Parser)]
struct Arguments {
    /// Times that each fault befalls each cluster.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    rounds: u8,
    /// Three rounds, without gdnsd's defaults; figures to look at, not to publish.
    #[arg(long)]
    quick: bool,
    /// Only these faults; without gdnsd's defaults.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Fault>,
    /// Only these clusters.
    #[arg(long, value_delimiter = ',')]
    engine: Vec<Engine>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let wanted = |fault: &Fault| arguments.only.is_empty() || arguments.only.contains(fault);
    let plan = Plan {
        rounds: usize::from(if arguments.quick { 3 } else { arguments.rounds }),
        faults: Fault::ALL.into_iter().filter(wanted).collect(),
        engines: Engine::ALL
            .into_iter()
            .filter(|engine| arguments.engine.is_empty() || arguments.engine.contains(engine))
            .collect(),
        defaults: !arguments.quick && arguments.only.is_empty(),
    };
    let postgres = format!("postgresql-{}", Programs::installed().major());
    let packages = [
        ("PostgreSQL", postgres),
        ("MariaDB", "mariadb-server".to_owned()),
        ("gdnsd", "gdnsd".to_owned()),
        ("HAProxy", "haproxy".to_owned()),
    ];
    println!("{}", machine::description(&packages));
    for contestant in Contestant::ALL.into_iter().chain([Contestant::GdnsdDefaults]) {
        println!("{}: {}", contestant.title(), contestant.settings());
    }
    println!();
    let folder = tempfile::Builder::new().prefix("pointsman-bench-").tempdir()?;
    // The contestants' own accounts look into it.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let namespace = Namespace::enter();
    let findings = plan.carry_out(&namespace, folder.path(), |line| println!("{line}"))?;
    println!("\n{}", Report { findings: &findings }.text());
    Ok(())
}
