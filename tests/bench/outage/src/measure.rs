//! The rounds: in each, every fault befalls the primary once. One cluster after the other, so that a
//! small machine has room for the applications of one.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use pointsman_testbed::namespace::Namespace;

use crate::{arena::Arena, contestant::Stage, fault::Fault, findings::Findings};

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Times that each fault befalls each cluster.
    pub(crate) rounds: usize,
    /// Which faults.
    pub(crate) faults: Vec<Fault>,
    /// Which clusters.
    pub(crate) stages: Vec<Stage>,
}

impl Plan {
    /// Does it all, and tells of its progress. Must be called by the thread that made `namespace`.
    ///
    /// # Errors
    /// When an application does not come to write while all is well.
    pub(crate) fn carry_out(
        &self,
        namespace: &Namespace,
        folder: &Path,
        tell: impl Fn(&str),
    ) -> Result<Findings, String> {
        let mut findings = Findings::default();
        for stage in &self.stages {
            let began = Instant::now();
            let mut arena = Arena::start(*stage, folder);
            for round in 1..=self.rounds {
                for fault in &self.faults {
                    arena.await_health()?;
                    // At any point of everybody's cadence.
                    thread::sleep(CALM + CADENCE.mul_f64(rand::random()));
                    arena.round(*fault, namespace, &mut findings);
                }
                let (title, time) = (stage.title(), began.elapsed().as_secs_f32());
                tell(&format!("{title}, round {round}: {time:.0} s"));
            }
        }
        Ok(findings)
    }
}

/// All are well for so long before a fault.
const CALM: Duration = Duration::from_secs(2);

/// The longest interval of anybody who looks in calm: HAProxy's, as Patroni's documentation has it.
const CADENCE: Duration = Duration::from_secs(3);
