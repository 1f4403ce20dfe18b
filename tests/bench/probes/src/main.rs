//! Measures what probing thousands of servers costs Pointsman, and how evenly it probes.
//!
//! `tests/bench/probes/run` calls it: builds, and pins this process, which plays the servers, to
//! core 1. Pointsman, the binary as it is released, runs on core 0 and probes them over real
//! sockets. The simulated servers keep the time: what counts is when a question arrives.
#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod discovery;
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
    discovery::Scene,
    fleet::Fleet,
    measure::{Plan, measure},
    report::{DiscoveryReport, Report, machine},
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
    /// Clusters of three servers; of five with --discovery.
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// Measure what discovery costs beside the probes, and how soon servers join.
    #[arg(long)]
    discovery: bool,
    /// With --discovery: only the columns whose names begin so; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Seconds of each measurement.
    #[arg(long)]
    seconds: Option<u64>,
    /// Seconds after the start that are not measured: first probes, first doubts.
    #[arg(long)]
    settle: Option<u64>,
}

/// What is compared. Each server that joins has the whole configuration read again, so that those
/// whose servers all have to be found are fewer.
const SCENES: [Scene; 4] = [
    Scene { name: "without", in_file: discovery::SERVERS, interval: None, one_in: 1, joins: 0 },
    Scene {
        name: "every 5 s",
        in_file: discovery::SERVERS,
        interval: Some(5),
        one_in: 1,
        joins: 0,
    },
    Scene {
        name: "every 1 s",
        in_file: discovery::SERVERS,
        interval: Some(1),
        one_in: 1,
        joins: 50,
    },
    Scene { name: "one of five in the file", in_file: 1, interval: Some(1), one_in: 20, joins: 0 },
];

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
    pointsman::descriptors::provide(u64::try_from(clusters)? * 24 + 64);
    println!("{}", machine());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments.discovery {
        return runtime.block_on(async {
            let mut report = DiscoveryReport(Vec::new());
            let wanted = |scene: &Scene| {
                arguments.only.is_empty()
                    || arguments.only.iter().any(|name| scene.name.starts_with(&**name))
            };
            for scene in SCENES.into_iter().filter(wanted) {
                let clusters = clusters.div_ceil(scene.one_in);
                report.0.push(discovery::measure(&plan, clusters, scene).await?);
                // It takes minutes: what there is is shown after each.
                println!("{report}");
            }
            Ok(())
        });
    }
    runtime.block_on(async {
        // The difference to the others is what each further server costs.
        let alone = measure(&plan, "alone", Fleet::alone()).await?;
        let well = measure(&plan, "well", Fleet::well(clusters)).await?;
        let troubled = measure(&plan, "troubled", Fleet::troubled(clusters)).await?;
        println!("{}", Report { alone, well, troubled });
        Ok(())
    })
}
