//! A user of one contestant, who asks again and again and keeps what it is told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hickory_proto::rr::Name;
use pointsman_testbed::dns_client::DnsClient;

use crate::{
    sight::{Servers, Sights, Told, Wish},
    stand_in,
};

/// Where a user asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// The name server there, for `db-read.internal.` and `db-write.internal.`.
    Dns(SocketAddr),
    /// A balancer with one port for each wish.
    Balancer {
        /// For reading.
        read: SocketAddr,
        /// For writing.
        write: SocketAddr,
    },
}

/// How often a user asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    /// Between two questions about the wish that matters.
    pub(crate) every: Duration,
    /// So many of them for one about the other wish.
    pub(crate) other: u32,
}

/// A user at work. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    reads_matter: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What was told about both wishes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    read: Sights,
    write: Sights,
}

struct User {
    door: Door,
    addresses: Vec<Ipv4Addr>,
    client: Option<DnsClient>,
}

impl Watcher {
    /// Asks at `door` from now on; `addresses` are those of the servers.
    pub(crate) fn start(door: Door, addresses: &[Ipv4Addr], rhythm: Rhythm) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reads_matter = Arc::new(AtomicBool::new(true));
        let over = Arc::new(AtomicBool::new(false));
        let client = match door {
            Door::Dns(server) => Some(DnsClient::new(server)),
            Door::Balancer { .. } => None,
        };
        let user = User { door, addresses: addresses.to_vec(), client };
        let work = {
            let (seen, reads, over) =
                (Arc::clone(&seen), Arc::clone(&reads_matter), Arc::clone(&over));
            move || ask_on(user, rhythm, &seen, &reads, &over)
        };
        Self { seen, reads_matter, over, thread: Some(thread::spawn(work)) }
    }

    /// From now on `wish` is what matters, and what was told before is taken out and returned.
    pub(crate) fn begin(&self, wish: Wish) -> Seen {
        self.reads_matter.store(wish == Wish::Read, Ordering::Relaxed);
        std::mem::take(&mut *self.lock())
    }

    /// Looks at what was told since [`Self::begin`].
    pub(crate) fn look<T>(&self, wish: Wish, judge: impl FnOnce(&Sights) -> T) -> T {
        judge(self.lock().of(wish))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Seen {
    /// What was told about `wish`.
    pub(crate) fn of(&self, wish: Wish) -> &Sights {
        match wish {
            Wish::Read => &self.read,
            Wish::Write => &self.write,
        }
    }

    fn note(&mut self, wish: Wish, told: Told, asked: Instant, now: Instant) {
        match wish {
            Wish::Read => self.read.note(told, asked, now),
            Wish::Write => self.write.note(told, asked, now),
        }
    }
}

impl User {
    fn ask(&mut self, wish: Wish) -> Told {
        match (self.door, &mut self.client) {
            (Door::Balancer { read, write }, _) => stand_in::visit(match wish {
                Wish::Read => read,
                Wish::Write => write,
            }),
            (Door::Dns(_), Some(client)) => {
                let Some(answer) = client.addresses(&name(wish)) else { return Told::Silence };
                let known: Vec<_> = answer
                    .addresses
                    .iter()
                    .filter_map(|told| self.addresses.iter().position(|own| told == own))
                    .collect();
                if known.is_empty() { Told::Nobody } else { Told::Go(Servers::of(&known)) }
            }
            (Door::Dns(_), None) => Told::Silence,
        }
    }
}

fn ask_on(
    mut user: User,
    rhythm: Rhythm,
    seen: &Mutex<Seen>,
    reads_matter: &AtomicBool,
    over: &AtomicBool,
) {
    let mut next = Instant::now();
    let mut turn = 0;
    while !over.load(Ordering::Relaxed) {
        let (wish, other) = match reads_matter.load(Ordering::Relaxed) {
            true => (Wish::Read, Wish::Write),
            false => (Wish::Write, Wish::Read),
        };
        for (wish, due) in [(wish, true), (other, turn % rhythm.other == 0)] {
            if due {
                let asked = Instant::now();
                let told = user.ask(wish);
                lock(seen).note(wish, told, asked, Instant::now());
            }
        }
        turn = turn.wrapping_add(1);
        // Late questions are not made up for: a user that waited for a reply asks once.
        next = (next + rhythm.every).max(Instant::now());
        thread::sleep(next.duration_since(Instant::now()));
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(wish: Wish) -> Name {
    let text = match wish {
        Wish::Read => "db-read.internal.",
        Wish::Write => "db-write.internal.",
    };
    Name::from_ascii(text).expect("a valid name")
}
