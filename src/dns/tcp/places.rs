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
pub struct Places(Arc<Shared>);

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
pub struct Seat(u64);

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
pub struct Place {
    shared: Arc<Shared>,
    seat: Seat,
    active: Arc<AtomicU64>,
}

impl Places {
    /// All free.
    pub fn new(limits: TcpConfig) -> Self {
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::{
        task::JoinHandle,
        time::{advance, timeout},
    };

    use super::*;

    /// A connection that stays until it has to leave.
    struct Standing {
        task: JoinHandle<()>,
        place: Place,
    }

    impl Standing {
        fn take(places: &Places, client: [u8; 4]) -> Self {
            let place = places.take(client.into());
            let task = tokio::spawn(pending());
            places.seated(place.seat(), task.abort_handle());
            Self { task, place }
        }

        async fn has_to_leave(self) -> bool {
            let ended = timeout(Duration::from_millis(1), self.task).await;
            ended.is_ok_and(|ended| ended.is_err_and(|end| end.is_cancelled()))
        }
    }

    fn places(all: usize, per_client: usize) -> Places {
        Places::new(TcpConfig {
            max_connections: all,
            max_connections_per_client: per_client,
            idle_timeout: Duration::from_secs(10),
        })
    }

    const ONE: [u8; 4] = [192, 0, 2, 1];
    const OTHER: [u8; 4] = [192, 0, 2, 2];

    #[tokio::test(start_paused = true)]
    async fn who_has_its_share_gives_way_to_itself() {
        let places = places(10, 2);
        let other = Standing::take(&places, OTHER);
        let first = Standing::take(&places, ONE);
        advance(Duration::from_secs(1)).await;
        let second = Standing::take(&places, ONE);
        advance(Duration::from_secs(1)).await;
        first.place.asked();
        let third = Standing::take(&places, ONE);
        assert!(second.has_to_leave().await);
        for staying in [other, first, third] {
            assert!(!staying.has_to_leave().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_places_the_longest_idle_of_all_gives_way() {
        let places = places(2, 2);
        let first = Standing::take(&places, ONE);
        let second = Standing::take(&places, OTHER);
        // Both came at one moment: the one that came first counts as idle longer.
        let third = Standing::take(&places, OTHER);
        assert!(first.has_to_leave().await);
        assert!(places.clear_longest_idle());
        assert!(second.has_to_leave().await);
        assert!(!third.has_to_leave().await);
    }

    #[tokio::test]
    async fn a_place_that_is_dropped_is_free() {
        let places = places(1, 1);
        for _ in 0..3 {
            let place = places.take(ONE.into());
            assert_eq!(places.0.table().taken.len(), 1);
            drop(place);
        }
        assert!(places.0.table().taken.is_empty() && places.0.table().per_client.is_empty());
        assert!(!places.clear_longest_idle());
    }

    #[tokio::test]
    async fn who_has_to_leave_before_its_task_is_known_leaves_then() {
        let places = places(1, 1);
        let early = places.take(ONE.into());
        let _later = places.take(OTHER.into());
        let task = tokio::spawn(pending::<()>());
        places.seated(early.seat(), task.abort_handle());
        assert!(task.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn an_ipv4_client_is_the_same_by_an_ipv6_socket() {
        let places = places(10, 1);
        let first = Standing::take(&places, ONE);
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        let _second = places.take(mapped);
        assert!(first.has_to_leave().await);
    }
}
