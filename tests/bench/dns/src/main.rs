//! Measures Pointsman's DNS side beside a packet echo and other authoritative servers.
//!
//! `tests/bench/dns/run` calls it: installs the servers, builds, and pins this process, which is
//! the load, to core 1. The servers run on core 0.
#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod clock;
mod contestant;
mod echo;
mod instructions;
mod machine;
mod measure;
mod query;
mod report;
mod running;
mod served;
mod table;
mod tally;
mod tcp;
mod transfers;
mod udp;
mod window;

use std::{error::Error, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

use self::{
    contestant::Contestant,
    instructions::{Instructions, count_instructions},
    measure::{Findings, Plan},
    report::Report,
};

/// Measures DNS servers on two cores of this machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Measure all contestants and print the tables.
    Measure(Measure),
    /// Measure Pointsman while secondaries fetch a big zone, and without.
    Transfers {
        /// The program to measure.
        #[arg(long)]
        program: PathBuf,
        /// A folder for its files.
        #[arg(long)]
        folder: PathBuf,
    },
    /// Be the packet echo.
    Echo {
        /// Where to listen.
        address: SocketAddr,
    },
    /// Be Pointsman, without databases.
    Serve {
        /// Where to listen.
        address: SocketAddr,
        /// Decisions that are published per second.
        #[arg(long, default_value_t = 0)]
        changes: u32,
    },
}

#[derive(Debug, Args)]
struct Measure {
    /// A folder for settings and logs of the servers.
    #[arg(long)]
    folder: PathBuf,
    /// Fewer and shorter rounds; figures to look at, not to publish.
    #[arg(long)]
    quick: bool,
    /// For a machine that others work on: short measurements that nobody interrupts (`run` gives
    /// this process and the servers real-time priority, for which it must be root), with breaks.
    #[arg(long)]
    shared: bool,
    /// Times that each contestant has its turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// Milliseconds of each measurement.
    #[arg(long)]
    milliseconds: Option<u64>,
    /// Queries with an OPT record, as resolvers send them.
    #[arg(long)]
    edns: bool,
    /// Leave callgrind out.
    #[arg(long)]
    no_instructions: bool,
    /// Only these contestants.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Contestant>,
}

fn main() -> Result<(), Box<dyn Error>> {
    match Arguments::parse().job {
        Job::Measure(measure) => measure.run(),
        Job::Transfers { program, folder } => transfers::measure(&program, &folder),
        Job::Echo { address } => Ok(echo::serve(address)?),
        Job::Serve { address, changes } => served::serve(address, changes),
    }
}

impl Measure {
    fn run(self) -> Result<(), Box<dyn Error>> {
        let (rounds, milliseconds, queries) = match (self.quick, self.shared) {
            (true, _) => (2, 400, 10_000),
            (false, false) => (7, 1_000, 20_000),
            (false, true) => (11, 300, 20_000),
        };
        let time = Duration::from_millis(self.milliseconds.unwrap_or(milliseconds));
        let plan = Plan {
            rounds: self.rounds.unwrap_or(rounds),
            time,
            pause: if self.shared { time } else { Duration::ZERO },
            edns: self.edns,
        };
        let contestants: Vec<_> = Contestant::ALL
            .into_iter()
            .filter(|contestant| self.only.is_empty() || self.only.contains(contestant))
            .collect();
        let package = |peer: Contestant| Some((peer.title(), peer.package()?.to_owned()));
        let packages: Vec<_> = Contestant::PEERS.into_iter().filter_map(package).collect();
        println!("{}", machine::description(&packages));
        let tell = |line: &str| println!("{line}");
        let findings = Findings::gather(&contestants, plan, &self.folder, tell)?;
        let instructions = if self.no_instructions {
            Instructions::new()
        } else {
            let still: Vec<_> = contestants
                .iter()
                .copied()
                .filter(|contestant| contestant.stands_still())
                .collect();
            count_instructions(&still, queries, &self.folder, tell)?
        };
        let report =
            Report { findings: &findings, instructions: &instructions, contestants: &contestants };
        println!("\n{}", report.text());
        Ok(())
    }
}
