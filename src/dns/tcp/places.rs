//! Who may be connected: so many in all, and so many from one address.
//!
//! When all places are taken, the connection that has been idle longest gives way to the new one:
//! of the same client, if it has its share, or else of all. Whoever asks keeps its place, and
//! connections that only stand there cannot keep others out. Idle means without a whole question;
//! single octets do not count.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

use crate::config::TcpConfig;

/// The places of all listeners. Clones share them.
#[derive(Clone, Debug)]
pub(in super::super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: TcpConfig,
    /// What activity is counted from.
    start: Instant,
    /// Locked when a connection comes or goes, never on a question.
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: Seat,
    taken: HashMap<Seat, Taken>,
    per_client: HashMap<IpAddr, usize>,
}

/// Tells places apart; grows with each connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Seat(u64);

#[derive(Debug)]
struct Taken {
    client: IpAddr,
    /// Microseconds from the start to the last whole question, or to the arrival.
    active: Arc<AtomicU64>,
    /// Known as soon as the connection has a task.
    task: Option<AbortHandle>,
}

/// The place of one connection. Dropping it makes it free.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    seat: Seat,
    active: Arc<AtomicU64>,
}

impl Places {
    /// All free.
    pub(in super::super) fn new(limits: TcpConfig) -> Self {
        let table = Mutex::default();
        Self(Arc::new(Shared { limits, start: Instant::now(), table }))
    }

    /// A place for a connection of this client, for which others may have to leave.
    pub(super) fn take(&self, client: IpAddr) -> Place {
        let limits = &self.0.limits;
        // IPv4 clients of an IPv6 socket are the same as those of an IPv4 socket.
        let client = client.to_canonical();
        let active = Arc::new(AtomicU64::new(self.0.now()));
        let mut leaving = Vec::new();
        let mut table = self.0.table();
        while table.of_client(client) >= limits.max_connections_per_client {
            leaving.push(table.leave_longest_idle(|taken| taken.client == client));
        }
        while table.taken.len() >= limits.max_connections {
            leaving.push(table.leave_longest_idle(|_| true));
        }
        table.last.0 += 1;
        let seat = table.last;
        table.taken.insert(seat, Taken { client, active: Arc::clone(&active), task: None });
        *table.per_client.entry(client).or_default() += 1;
        drop(table);
        leaving.into_iter().flatten().for_each(|task| task.abort());
        Place { shared: Arc::clone(&self.0), seat, active }
    }

    /// Says which task has the place, so that it can be ended. If it had to give way already, it
    /// ends now.
    pub(super) fn seated(&self, seat: Seat, task: AbortHandle) {
        let mut table = self.0.table();
        if let Some(taken) = table.taken.get_mut(&seat) {
            taken.task = Some(task);
        } else {
            drop(table);
            task.abort();
        }
    }

    /// Ends the connection that has been idle longest. Returns whether there was one.
    pub(super) fn clear_longest_idle(&self) -> bool {
        let leaving = self.0.table().leave_longest_idle(|_| true);
        leaving.inspect(AbortHandle::abort).is_some()
    }
}

impl Place {
    /// Which one it is.
    pub(super) fn seat(&self) -> Seat {
        self.seat
    }

    /// Notes that a whole question has arrived.
    pub(super) fn asked(&self) {
        self.active.store(self.shared.now(), Ordering::Relaxed);
    }

    /// When the connection ends unless a whole question arrives.
    pub(super) fn idle_until(&self) -> Instant {
        let active = Duration::from_micros(self.active.load(Ordering::Relaxed));
        self.shared.start + active + self.idle_timeout()
    }

    /// How long a connection may be idle.
    pub(super) fn idle_timeout(&self) -> Duration {
        self.shared.limits.idle_timeout
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.table().leave(self.seat);
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Table {
    fn of_client(&self, client: IpAddr) -> usize {
        self.per_client.get(&client).copied().unwrap_or(0)
    }

    /// Takes the longest idle of those who are `meant` from the table. The caller ends its task,
    /// but not before the lock is released: the task locks it too when it ends.
    fn leave_longest_idle(&mut self, meant: impl Fn(&Taken) -> bool) -> Option<AbortHandle> {
        let candidates = self.taken.iter().filter(|(_, taken)| meant(taken));
        let (&seat, _) = candidates
            .min_by_key(|(seat, taken)| (taken.active.load(Ordering::Relaxed), **seat))?;
        self.leave(seat)?.task
    }

    fn leave(&mut self, seat: Seat) -> Option<Taken> {
        let left = self.taken.remove(&seat)?;
        let count = self.per_client.get_mut(&left.client).expect("each place counts");
        *count -= 1;
        if *count == 0 {
            self.per_client.remove(&left.client);
        }
        Some(left)
    }
}
