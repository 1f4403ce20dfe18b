//! One cluster with everybody who watches over it: struck, watched, mended.
//!
//! All contestants look at the same servers, so one fault serves them all.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use pointsman_testbed::{
    database::{Database, Engine, Former, Lookout, SERVERS},
    namespace::{Effect, Namespace, NetworkFault, Traffic},
};

use crate::{
    contestant::{Contestant, Place},
    fault::Fault,
    findings::{Findings, Row},
    moves::Truth,
    side::Side,
    sight::{Servers, Wish},
    stand_in::StandIn,
};

/// A cluster and its contestants.
pub(crate) struct Arena {
    engine: Engine,
    sides: Vec<Side>,
    database: Database,
    place: Place,
    folder: PathBuf,
    _stand_ins: Vec<StandIn>,
}

/// A fault that lasts.
pub(crate) struct Strike {
    fault: Fault,
    victim: usize,
    at: Instant,
    lookout: Option<Lookout>,
    promotion: Option<Promotion>,
    hole: Option<NetworkFault>,
}

#[derive(Clone, Copy)]
struct Promotion {
    called: Instant,
    returned: Instant,
    visible: Instant,
}

impl Arena {
    /// Makes the cluster and starts `contestants`, with their files below `folder`.
    pub(crate) fn start(engine: Engine, contestants: &[Contestant], folder: &Path) -> Self {
        let number = match engine {
            Engine::Postgres => 1,
            Engine::MariaDb => 2,
        };
        let address = |last| Ipv4Addr::new(127, 43, number, last);
        let servers = [1, 2, 3].map(address);
        let stand_ins = [11, 12, 13].map(address);
        let database = Database::start(engine, &servers);
        let order = std::array::from_fn(|server| server);
        let port = database.port();
        let place = Place { engine, address: address(20), servers, stand_ins, port, order };
        let stand = |(server, address): (usize, &Ipv4Addr)| StandIn::start(server, *address);
        let mut arena = Self {
            engine,
            sides: Vec::new(),
            database,
            place,
            folder: folder.join(engine.title()),
            _stand_ins: stand_ins.iter().enumerate().map(stand).collect(),
        };
        for contestant in contestants {
            arena.sides.push(arena.side(*contestant));
        }
        arena
    }

    /// What the servers speak.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Waits until every contestant sends its users to the right servers.
    ///
    /// # Errors
    /// When one does not, after some patience; with what it says instead.
    pub(crate) fn await_health(&self) -> Result<(), String> {
        let [primary, next, third] = self.place.order;
        let (writer, readers) = (Servers::only(primary), Servers::of(&[next, third]));
        let deadline = Instant::now() + HEALTH;
        for side in &self.sides {
            let lately = |wish| side.watcher.look(wish, |sights| sights.lately());
            let is_fine = || {
                lately(Wish::Write) == Some(writer)
                    && lately(Wish::Read) == Some(readers)
                    && side.started.elapsed() > FIRST_CHECK
            };
            while !is_fine() {
                if Instant::now() > deadline {
                    return Err(format!(
                        "{} of {} sends its users to {:?} and {:?}, not to {writer:?} and \
                         {readers:?}\n{}",
                        side.contestant.title(),
                        self.engine.title(),
                        lately(Wish::Write),
                        lately(Wish::Read),
                        side.log_tail(),
                    ));
                }
                thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }

    /// Forgets what users were told while everybody started.
    pub(crate) fn forget_the_start(&mut self) {
        for side in &mut self.sides {
            drop(side.watcher.begin(Wish::Read));
        }
    }

    /// Injects `fault`; of the replicas, `turn` chooses the victim.
    pub(crate) fn strike(
        &mut self,
        fault: Fault,
        turn: usize,
        namespace: &Namespace,
        findings: &mut Findings,
    ) -> Strike {
        let [primary, next, third] = self.place.order;
        let replica = [next, third][turn % 2];
        let truth = Truth::steady(primary);
        for side in &mut self.sides {
            let before = side.watcher.begin(fault.wish());
            // Nobody looks after the others between two rounds, when servers come and go.
            if side.contestant.knows_roles() {
                let moves = findings.moves(self.engine, side.contestant);
                moves.judge(before.of(Wish::Write), truth, &mut side.last_write);
            }
        }
        let (mut lookout, mut hole) = (None, None);
        let database = &mut self.database;
        let (victim, at) = match fault {
            Fault::Kill => (replica, database.kill(replica)),
            Fault::Freeze => (replica, database.freeze(replica)),
            Fault::Drop => {
                let at = Instant::now();
                let address = self.place.servers[replica];
                hole = Some(namespace.fault(Traffic::Probes, &[address], Effect::Lost));
                (replica, at)
            }
            Fault::Primary => {
                lookout = Some(database.look_out(self.place.servers[next]));
                (primary, database.kill(primary))
            }
            Fault::Switchover | Fault::Hinted => {
                lookout = Some(database.look_out(self.place.servers[next]));
                let at = Instant::now();
                database.retire(primary, next);
                (primary, at)
            }
        };
        let mut strike = Strike { fault, victim, at, lookout, promotion: None, hole };
        if fault.is_planned() {
            self.promote(&mut strike);
        }
        strike
    }

    /// Promotes the next server, if the fault of `strike` asks for it and it has not happened yet.
    pub(crate) fn promote(&self, strike: &mut Strike) {
        let Some(lookout) = strike.lookout.take() else { return };
        lookout.begin();
        let called = Instant::now();
        self.database.promote(self.place.order[1]);
        let returned = Instant::now();
        if strike.fault == Fault::Hinted {
            self.hint();
        }
        strike.promotion = Some(Promotion { called, returned, visible: lookout.end() });
    }

    /// Tells all that take hints, as the hook of a failover manager does.
    fn hint(&self) {
        let hints: Vec<_> = self.sides.iter().filter_map(Side::hint).collect();
        for mut hint in hints {
            let taken = hint.wait().expect("the hint can be waited for");
            assert!(taken.success(), "the hint is taken");
        }
    }

    /// Whether everybody has noticed, or enough time has passed, or those that have not were not
    /// expected to.
    pub(crate) fn is_over(&self, strike: &Strike, findings: &Findings) -> bool {
        let has_moved = |side: &Side| {
            findings.gave_up(strike.fault, self.engine, side.contestant)
                || self.moved(side, strike).is_some()
        };
        strike.since() > BOUND || self.sides.iter().all(has_moved)
    }

    /// Notes when each contestant moved.
    pub(crate) fn collect(&mut self, strike: &Strike, findings: &mut Findings) {
        let waited = strike.since() > BOUND;
        let truth = self.truth(strike);
        for index in 0..self.sides.len() {
            let moved = self.moved(&self.sides[index], strike);
            let side = &mut self.sides[index];
            let contestant = side.contestant;
            let told = side.watcher.begin(strike.fault.wish());
            let moves = findings.moves(self.engine, contestant);
            moves.judge(told.of(Wish::Write), truth, &mut side.last_write);
            if moved.is_none()
                && (!waited || findings.gave_up(strike.fault, self.engine, contestant))
            {
                continue;
            }
            for (row, from) in strike.rows() {
                let time = moved.map(|moved| milliseconds(from, moved));
                findings.add(row, self.engine, contestant, time);
            }
            if moved.is_none() {
                findings.note_unseen(strike.fault, self.engine, contestant);
            }
        }
    }

    /// Ends the fault and brings all servers back.
    pub(crate) fn mend(&mut self, strike: Strike) {
        let [primary, next, third] = self.place.order;
        match strike.fault {
            Fault::Kill => self.database.restart_replica(strike.victim),
            Fault::Freeze => self.database.thaw(strike.victim),
            Fault::Drop => drop(strike.hole),
            Fault::Primary | Fault::Switchover | Fault::Hinted => {
                let former = match strike.fault {
                    Fault::Primary => Former::Crashed,
                    _ => Former::Retired,
                };
                self.database.regroup(next, third, primary, former);
                self.place.order = [next, third, primary];
                self.put_order_right();
            }
        }
    }

    /// Another contestant for this cluster, at an address of its own.
    pub(crate) fn extra(&self, contestant: Contestant, number: u8) -> Side {
        let [a, b, c, _] = self.place.address.octets();
        let address = Ipv4Addr::new(a, b, c, FIRST_EXTRA + number);
        let place = Place { address, ..self.place.clone() };
        Side::start(contestant, &place, self.folder.join(format!("extra{number}")))
    }

    /// Starts those anew that must be told the order of the servers.
    fn put_order_right(&mut self) {
        for index in 0..self.sides.len() {
            let contestant = self.sides[index].contestant;
            if !contestant.knows_roles() {
                drop(self.sides.remove(index));
                self.sides.insert(index, self.side(contestant));
            }
        }
    }

    fn side(&self, contestant: Contestant) -> Side {
        let [a, b, c, first] = self.place.address.octets();
        let place = Place {
            address: Ipv4Addr::new(a, b, c, first + contestant as u8),
            ..self.place.clone()
        };
        Side::start(contestant, &place, self.folder.join(format!("{contestant:?}")))
    }

    fn moved(&self, side: &Side, strike: &Strike) -> Option<Instant> {
        side.watcher.look(strike.fault.wish(), |sights| match strike.fault.wish() {
            Wish::Read => sights.left(strike.victim),
            Wish::Write => sights.arrived(self.place.order[1]),
        })
    }

    fn truth(&self, strike: &Strike) -> Truth {
        let [old, new, _] = self.place.order;
        match strike.promotion {
            None => Truth::steady(old),
            Some(promotion) => Truth::promotion(old, new, promotion.called, promotion.visible),
        }
    }
}

impl Strike {
    /// Who was struck.
    pub(crate) fn victim(&self) -> usize {
        self.victim
    }

    /// When it began.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// How long ago it all had happened.
    fn since(&self) -> Duration {
        self.promotion.map_or(self.at, |promotion| promotion.returned).elapsed()
    }

    /// The rows of the tables that it fills, each with the moment from which it counts.
    fn rows(&self) -> Vec<(Row, Instant)> {
        match self.promotion {
            None => vec![(Row::Fault(self.fault), self.at)],
            Some(promotion) => vec![
                (Row::Returned(self.fault), promotion.returned),
                (Row::Visible(self.fault), promotion.visible),
            ],
        }
    }
}

/// From one moment to another, which may be the earlier one.
pub(crate) fn milliseconds(from: Instant, to: Instant) -> f64 {
    let ahead = to.saturating_duration_since(from).as_secs_f64();
    (ahead - from.saturating_duration_since(to).as_secs_f64()) * 1e3
}

/// What has not been noticed after this time counts as never.
const BOUND: Duration = Duration::from_secs(15);

/// How long contestants may take to see that all is well.
const HEALTH: Duration = Duration::from_secs(40);

/// HAProxy takes a server for healthy at its start, and for dead at the first failure, until it has
/// checked it once.
const FIRST_CHECK: Duration = Duration::from_millis(1500);

/// Between two looks at what users were told.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The last octet of the first extra contestant's address.
const FIRST_EXTRA: u8 = 100;

const _: () = assert!(SERVERS == 3, "a primary, the next one, a third");
