//! Measures what probing thousands of servers costs Pointsman, and how evenly it probes.
//!
//! `tests/bench/probes/run` calls it: builds, and pins this process, which plays the servers, to
//! core 1. Pointsman, the binary as it is released, runs on core 0 and probes them over real
//! sockets. The simulated servers keep the time: what counts is when a question arrives.
#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod fleet;
mod measure;
mod report;
mod running;
mod settings;
#[path = "../../dns/src/table.rs"]
mod table;
mod tally;
mod wire;

use std::{error::Error, path::PathBuf, time::Duration};

use clap::Parser;

use self::{
    fleet::Fleet,
    measure::{Plan, measure},
    report::{Report, machine},
};

/// Measures Pointsman's probes on two cores of this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// The binary that is measured.
    #[arg(long)]
    pointsman: PathBuf,
    /// A folder for settings and logs.
    #[arg(long)]
    folder: PathBuf,
    /// Shorter measurements; figures to look at, not to publish.
    #[arg(long)]
    quick: bool,
    /// Clusters of three servers.
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// Seconds of each measurement.
    #[arg(long)]
    seconds: Option<u64>,
    /// Seconds after the start that are not measured: first probes, first doubts.
    #[arg(long)]
    settle: Option<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let (seconds, settle) = if arguments.quick { (10, 6) } else { (60, 10) };
    let plan = Plan {
        pointsman: arguments.pointsman,
        folder: arguments.folder,
        time: Duration::from_secs(arguments.seconds.unwrap_or(seconds)),
        settle: Duration::from_secs(arguments.settle.unwrap_or(settle)),
    };
    let clusters = arguments.clusters;
    // Listeners and connections of all simulated servers are in this process.
    pointsman::descriptors::provide(u64::try_from(clusters)? * 12 + 64);
    println!("{}", machine());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The difference to the others is what each further server costs.
        let alone = measure(&plan, "alone", Fleet::alone()).await?;
        let well = measure(&plan, "well", Fleet::well(clusters)).await?;
        let troubled = measure(&plan, "troubled", Fleet::troubled(clusters)).await?;
        println!("{}", Report { alone, well, troubled });
        Ok(())
    })
}
