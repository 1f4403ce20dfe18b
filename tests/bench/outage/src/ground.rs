//! The servers under test, and what is done to their primary.

use std::{
    thread,
    time::{Duration, Instant},
};

use pointsman_testbed::{
    database::{Database, Engine, Former, SERVERS},
    namespace::{Effect, Namespace, NetworkFault, Traffic},
};

use crate::{
    application::{MARIADB_GRANT, POSTGRES_TABLE},
    contestant::Stage,
    fault::Fault,
    patroni::Patroni,
    place::Place,
};

/// A cluster. Dropped, nothing of it is left.
pub(crate) enum Ground {
    /// The bench promotes.
    Plain(Database),
    /// Patroni does.
    Patroni(Patroni),
}

/// A fault that lasts, and the promotion that followed it.
pub(crate) struct Strike {
    /// What was done.
    pub(crate) fault: Fault,
    /// Just before it was.
    pub(crate) at: Instant,
    /// Who is the primary now.
    pub(crate) winner: usize,
    /// When somebody called for the promotion; `None` where that is Patroni's business.
    pub(crate) called: Option<Instant>,
    /// When the new primary first said that it is writable.
    pub(crate) visible: Instant,
    hole: Option<NetworkFault>,
}

impl Ground {
    /// Makes the cluster, with the primary at the first address.
    pub(crate) fn start(place: Place) -> Self {
        let engine = match place.stage {
            Stage::Postgres => Engine::Postgres,
            Stage::MariaDb => Engine::MariaDb,
            Stage::Patroni => return Self::Patroni(Patroni::start(place)),
        };
        let database = Database::start(engine, &place.servers());
        match &database {
            Database::Postgres(cluster) => cluster.sql(0, POSTGRES_TABLE),
            Database::MariaDb(cluster) => cluster.sql(0, &[MARIADB_GRANT]),
        }
        database.widen();
        Self::Plain(database)
    }

    /// The port of every server.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Plain(database) => database.port(),
            Self::Patroni(patroni) => patroni.port(),
        }
    }

    /// Injects `fault` into the primary, which is the first of `order`, and returns when another
    /// server has said that it is writable.
    pub(crate) fn strike(
        &mut self,
        fault: Fault,
        order: [usize; SERVERS],
        place: Place,
        namespace: &Namespace,
    ) -> Strike {
        let [primary, next, third] = order;
        let cut_off = || namespace.fault(Traffic::Both, &[place.servers()[primary]], Effect::Lost);
        let database = match self {
            Self::Patroni(patroni) => {
                let at = Instant::now();
                let hole = (fault == Fault::Hole).then(cut_off);
                let (winner, visible) = patroni.strike(fault, primary);
                return Strike { fault, at, winner, called: None, visible, hole };
            }
            Self::Plain(database) => database,
        };
        let mut hole = None;
        let (at, winner) = match fault {
            Fault::Switchover => {
                let at = Instant::now();
                database.retire(primary, next);
                (at, next)
            }
            Fault::Kill | Fault::Freeze | Fault::Hole => {
                let at = match fault {
                    Fault::Kill => database.kill(primary),
                    Fault::Freeze => database.freeze(primary),
                    Fault::Hole | Fault::Switchover => {
                        let at = Instant::now();
                        hole = Some(cut_off());
                        at
                    }
                };
                thread::sleep((at + LEADERLESS).saturating_duration_since(Instant::now()));
                (at, database.most_advanced(&[next, third]))
            }
        };
        let lookout = database.look_out(place.servers()[winner]);
        lookout.begin();
        let called = Instant::now();
        database.promote(winner);
        Strike { fault, at, winner, called: Some(called), visible: lookout.end(), hole }
    }

    /// Ends the fault and brings all servers back; `order` is that of before it. Returns the new one.
    pub(crate) fn mend(&mut self, strike: Strike, order: [usize; SERVERS]) -> [usize; SERVERS] {
        let Strike { fault, winner, hole, .. } = strike;
        // First: who waits for a server is to see its end.
        drop(hole);
        let [old, next, third] = order;
        let other = if winner == next { third } else { next };
        match self {
            Self::Plain(database) => {
                let former = match fault {
                    Fault::Switchover => Former::Retired,
                    Fault::Kill | Fault::Freeze | Fault::Hole => Former::Diverged,
                };
                database.regroup(winner, other, old, former);
                database.widen();
            }
            Self::Patroni(patroni) => patroni.mend(fault, old, winner),
        }
        [winner, other, old]
    }
}

/// Between the fault and the call for the promotion.
const LEADERLESS: Duration = Duration::from_secs(1);
