//! The rounds.
//!
//! In each round every fault befalls each cluster once. Both clusters are struck shortly after each
//! other, so that one wait serves both, and mended while nobody is measured.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use pointsman_testbed::{database::Engine, namespace::Namespace};

use crate::{
    arena::{Arena, Strike, milliseconds},
    contestant::Contestant,
    fault::Fault,
    findings::{Findings, Row},
    side::Side,
};

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Times that each fault befalls each cluster.
    pub(crate) rounds: usize,
    /// Which faults.
    pub(crate) faults: Vec<Fault>,
    /// Which clusters.
    pub(crate) engines: Vec<Engine>,
    /// Whether gdnsd with its defaults is measured too.
    pub(crate) defaults: bool,
}

impl Plan {
    /// Does it all, and tells of its progress. Must be called by the thread that made `namespace`.
    ///
    /// # Errors
    /// When a contestant does not come to see that all is well.
    pub(crate) fn carry_out(
        &self,
        namespace: &Namespace,
        folder: &Path,
        tell: impl Fn(&str),
    ) -> Result<Findings, String> {
        let mut findings = Findings::default();
        let start = |engine: &Engine| Arena::start(*engine, &Contestant::ALL, folder);
        let mut arenas: Vec<_> = self.engines.iter().map(start).collect();
        for arena in &mut arenas {
            arena.await_health()?;
            arena.forget_the_start();
        }
        let began = Instant::now();
        for round in 0..self.rounds {
            for fault in &self.faults {
                strike(&mut arenas, *fault, round, namespace, &mut findings)?;
            }
            tell(&format!("round {}: {:.0} s", round + 1, began.elapsed().as_secs_f32()));
        }
        if self.defaults {
            self.measure_defaults(&mut arenas, namespace, &mut findings)?;
            tell(&format!("gdnsd's defaults: {:.0} s", began.elapsed().as_secs_f32()));
        }
        Ok(findings)
    }

    /// One fault of two minutes, before which as many instances of gdnsd are started as there are
    /// rounds, each at a random moment of its interval.
    fn measure_defaults(
        &self,
        arenas: &mut [Arena],
        namespace: &Namespace,
        findings: &mut Findings,
    ) -> Result<(), String> {
        let mut crowd: Vec<Vec<Side>> = arenas.iter().map(|_| Vec::new()).collect();
        let pause = DEFAULT_INTERVAL.div_f64(count(self.rounds));
        for number in (0..EXTRAS_MAX).take(self.rounds) {
            for (arena, sides) in arenas.iter().zip(&mut crowd) {
                sides.push(arena.extra(Contestant::GdnsdDefaults, number));
            }
            thread::sleep(pause.mul_f64(2.0 * rand::random::<f64>()));
        }
        for arena in &*arenas {
            arena.await_health()?;
        }
        let mut struck = Vec::new();
        for (arena, sides) in arenas.iter_mut().zip(&crowd) {
            let fault = defaults_fault(arena.engine());
            for side in sides {
                drop(side.watcher.begin(fault.wish()));
            }
            struck.push((fault, arena.strike(fault, 0, namespace, findings)));
        }
        let deadline = Instant::now() + DEFAULTS_BOUND;
        let moved = |side: &Side, fault: Fault, strike: &Strike| {
            side.watcher.look(fault.wish(), |sights| sights.left(strike.victim()))
        };
        let all_moved = || {
            crowd.iter().zip(&struck).all(|(sides, (fault, strike))| {
                sides.iter().all(|side| moved(side, *fault, strike).is_some())
            })
        };
        while Instant::now() < deadline && !all_moved() {
            thread::sleep(LOOK_EVERY);
        }
        for ((arena, sides), (fault, strike)) in arenas.iter_mut().zip(&crowd).zip(struck) {
            for side in sides {
                let time = moved(side, fault, &strike).map(|at| milliseconds(strike.at(), at));
                findings.add(Row::Fault(fault), arena.engine(), side.contestant, time);
            }
            arena.mend(strike);
        }
        Ok(())
    }
}

/// What is done to a cluster for gdnsd with its defaults: each fault once is enough, for gdnsd does
/// not know what the servers speak.
fn defaults_fault(engine: Engine) -> Fault {
    match engine {
        Engine::Postgres => Fault::Kill,
        Engine::MariaDb => Fault::Drop,
    }
}

/// One fault for each cluster, until everybody has noticed and all is well again.
fn strike(
    arenas: &mut [Arena],
    fault: Fault,
    round: usize,
    namespace: &Namespace,
    findings: &mut Findings,
) -> Result<(), String> {
    for arena in &*arenas {
        arena.await_health()?;
    }
    // At any point of everybody's cadence.
    thread::sleep(CADENCE.mul_f64(rand::random()));
    let began = Instant::now();
    let mut strikes = Vec::new();
    for (arena, delay) in arenas.iter_mut().zip([Duration::ZERO, STAGGER]) {
        sleep_until(began + delay);
        strikes.push(arena.strike(fault, round, namespace, findings));
    }
    let pause = LEADERLESS + LEADERLESS_SPREAD.mul_f64(rand::random());
    for (arena, strike) in arenas.iter().zip(&mut strikes) {
        if fault == Fault::Primary {
            sleep_until(strike.at() + pause);
            arena.promote(strike);
        }
    }
    let is_over = |(arena, strike): (&Arena, &Strike)| arena.is_over(strike, findings);
    while !arenas.iter().zip(&strikes).all(is_over) {
        thread::sleep(LOOK_EVERY);
    }
    for (arena, strike) in arenas.iter_mut().zip(&strikes) {
        arena.collect(strike, findings);
    }
    for (arena, strike) in arenas.iter_mut().zip(strikes) {
        arena.mend(strike);
    }
    Ok(())
}

fn sleep_until(time: Instant) {
    thread::sleep(time.saturating_duration_since(Instant::now()));
}

fn count(rounds: usize) -> f64 {
    u32::try_from(rounds).map_or(f64::MAX, f64::from).max(1.0)
}

/// The longest interval between two checks of those that take part in every round: gdnsd's.
const CADENCE: Duration = Duration::from_secs(2);

/// Between the strikes at the two clusters, so that what one costs does not delay the other.
const STAGGER: Duration = Duration::from_millis(400);

/// Between the death of a primary and the call for the promotion.
const LEADERLESS: Duration = Duration::from_secs(1);

/// So much longer it may be, at random.
const LEADERLESS_SPREAD: Duration = Duration::from_millis(300);

/// Between two looks at what users were told.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// gdnsd's `interval`, gdnsd.config(5).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);

/// gdnsd with its defaults needs ten failed checks.
const DEFAULTS_BOUND: Duration = Duration::from_secs(130);

/// Extra contestants of one cluster, at most.
const EXTRAS_MAX: u8 = 100;
