//! What the simulated servers see of the probes.

use std::time::Duration;

use tokio::time::Instant;

/// Connections and questions of all servers of one measurement.
#[derive(Debug)]
pub(crate) struct Tally {
    servers: Vec<Server>,
    /// When connections came, until the measurement proper begins.
    connects: Vec<Instant>,
    /// Questions since [`Self::begin`].
    questions: u64,
    /// Times between two questions to one server, since [`Self::begin`].
    intervals: Vec<Duration>,
    began: bool,
}

#[derive(Clone, Debug, Default)]
struct Server {
    asked: Option<Instant>,
    sockets: usize,
    most_sockets: usize,
}

impl Tally {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            servers: vec![Server::default(); servers],
            connects: Vec::new(),
            questions: 0,
            intervals: Vec::new(),
            began: false,
        }
    }

    pub(crate) fn connected(&mut self, server: usize) {
        let state = &mut self.servers[server];
        state.sockets += 1;
        state.most_sockets = state.most_sockets.max(state.sockets);
        if !self.began {
            self.connects.push(Instant::now());
        }
    }

    pub(crate) fn left(&mut self, server: usize) {
        self.servers[server].sockets -= 1;
    }

    pub(crate) fn asked(&mut self, server: usize) {
        let now = Instant::now();
        let before = self.servers[server].asked.replace(now);
        if self.began {
            self.questions += 1;
            self.intervals.extend(before.map(|before| now - before));
        }
    }

    /// The start is over: from now on intervals count.
    pub(crate) fn begin(&mut self) {
        self.began = true;
    }

    /// Whether every server of `expected` has been asked.
    pub(crate) fn all_asked(&self, expected: impl Iterator<Item = usize>) -> bool {
        expected.into_iter().all(|server| self.servers[server].asked.is_some())
    }

    pub(crate) fn questions(&self) -> u64 {
        self.questions
    }

    /// The most sockets that any server has seen at one time.
    pub(crate) fn most_sockets(&self) -> usize {
        self.servers.iter().map(|server| server.most_sockets).max().unwrap_or_default()
    }

    /// The most connections of the first `servers` that came within `window`, and how long it took
    /// until the last of them.
    pub(crate) fn start_spread(&self, servers: usize, window: Duration) -> (usize, Duration) {
        let first = &self.connects[..servers.min(self.connects.len())];
        let within = |(index, &start): (usize, &Instant)| {
            first[index..].iter().take_while(|at| **at - start < window).count()
        };
        let most = first.iter().enumerate().map(within).max().unwrap_or_default();
        let whole = first.first().zip(first.last()).map(|(first, last)| *last - *first);
        (most, whole.unwrap_or_default())
    }

    /// How far the times between two questions are from `interval`, the least first.
    pub(crate) fn deviations(&self, interval: Duration) -> Vec<Duration> {
        let mut deviations: Vec<_> =
            self.intervals.iter().map(|seen| seen.abs_diff(interval)).collect();
        deviations.sort_unstable();
        deviations
    }

    /// By how much the mean time between two questions is longer than `interval`.
    pub(crate) fn mean_excess(&self, interval: Duration) -> Duration {
        let count = u32::try_from(self.intervals.len()).unwrap_or(u32::MAX).max(1);
        (self.intervals.iter().sum::<Duration>() / count).saturating_sub(interval)
    }
}
