//! A server that lives and does not let the probe in, again and again: how often to try.
//!
//! Each login that a server refuses is a line in its log, and a wrong password must not fill it.
//! After a few refusals in a row logins grow rare. In between the server is watched by what leaves
//! no line: the old login that it may still keep for us, or on PostgreSQL a [quiet
//! look](super::postgres::look). As long as that succeeds the same refusal is reported again; when
//! it fails, that is reported, and the next probe logs in: what restarts may have changed its mind.
//!
//! MySQL and MariaDB have no quiet look. They count connections that end before the login against
//! the client's host and shut it out after `max_connect_errors` of them (error 1129). A server that
//! nobody watches may be dead, so its logins never grow rarer than the probes of a dead one.
//!
//! Only refusals that change by somebody's doing count: a server that is starting up or shutting
//! down is asked at the full pace, because its next word is the news that everybody waits for.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Failure, FailureKind, Thresholds};

/// The run of refusals of one server, if it refuses.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    /// The latest one.
    refusal: Failure,
    /// How many logins in a row were refused like this.
    logins: u32,
    /// From the last login to the next.
    distance: Duration,
    /// When the next login is due.
    login_at: Instant,
}

impl Refusals {
    /// A login came to this failure at `now`. `watched`: something tells between two logins whether
    /// the server lives.
    pub(super) fn note(&mut self, failure: &Failure, watched: bool, now: Instant) {
        let Some(most) = longest_distance(failure.kind, watched) else {
            self.run = None;
            return;
        };
        let (logins, before) = match &self.run {
            Some(run) if run.refusal.kind == failure.kind => {
                (run.logins.saturating_add(1), run.distance)
            }
            _ => (1, Duration::ZERO),
        };
        let distance = match logins {
            0..GENEROUS => Duration::ZERO,
            _ => (before * 2).max(FIRST_DISTANCE).min(most),
        };
        let refusal = failure.clone();
        self.run = Some(Run { refusal, logins, distance, login_at: now + distance });
    }

    /// The server let us in, or is another one by now.
    pub(super) fn end(&mut self) {
        self.run = None;
    }

    /// A hint: the next probe logs in, and if that is in vain, the distances grow from their
    /// beginning.
    pub(super) fn doubt(&mut self, now: Instant) {
        if let Some(run) = &mut self.run {
            (run.distance, run.login_at) = (Duration::ZERO, now);
        }
    }

    /// The refusal that stands while no login is due at `now`.
    pub(super) fn standing(&self, now: Instant) -> Option<&Failure> {
        self.run.as_ref().filter(|run| now < run.login_at).map(|run| &run.refusal)
    }

    /// When the next login is due, of a server that refuses.
    pub(super) fn login_at(&self) -> Option<Instant> {
        self.run.as_ref().map(|run| run.login_at)
    }
}

/// The longest time from one login to the next; `None` for failures that are no steady refusals.
fn longest_distance(kind: FailureKind, watched: bool) -> Option<Duration> {
    match kind {
        FailureKind::Misconfigured if watched => Some(MISCONFIGURED_MOST),
        FailureKind::Saturated if watched => Some(SATURATED_MOST),
        FailureKind::Misconfigured | FailureKind::Saturated => Some(Thresholds::SLOWEST),
        _ => None,
    }
}

/// Logins that are refused at the full pace before they grow rare: whoever corrects a slip at once
/// need not wait.
const GENEROUS: u32 = 3;

/// The first distance beyond the cadence; each further one is twice as long.
const FIRST_DISTANCE: Duration = Duration::from_secs(2);

/// A password or a host rule stays wrong until somebody corrects it, and who does so can hint.
const MISCONFIGURED_MOST: Duration = Duration::from_secs(60);

/// A full server is full for seconds or for hours. Until it takes us in again it is only a last
/// resort for reads, so its return must not wait for a minute; and its log is full of others'
/// refusals anyway.
const SATURATED_MOST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::Refusals;
    use crate::engine::{Failure, FailureKind};

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "why")
    }

    /// Probes once a second, and returns the seconds at which it logged in.
    async fn logins(
        refusals: &mut Refusals,
        kind: FailureKind,
        watched: bool,
        seconds: u64,
    ) -> Vec<u64> {
        let mut logins = Vec::new();
        for second in 0..seconds {
            if refusals.standing(Instant::now()).is_none() {
                refusals.note(&failure(kind), watched, Instant::now());
                logins.push(second);
            }
            advance(Duration::from_secs(1)).await;
        }
        logins
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_password_costs_a_few_logins_and_then_one_a_minute() {
        let mut refusals = Refusals::default();
        let made = logins(&mut refusals, FailureKind::Misconfigured, true, 300).await;
        assert_eq!(made, [0, 1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_server_is_tried_every_ten_seconds() {
        let mut refusals = Refusals::default();
        let made = logins(&mut refusals, FailureKind::Saturated, true, 50).await;
        assert_eq!(made, [0, 1, 2, 4, 8, 16, 26, 36, 46]);
    }

    #[tokio::test(start_paused = true)]
    async fn whom_nobody_watches_is_tried_as_often_as_a_dead_one() {
        for kind in [FailureKind::Misconfigured, FailureKind::Saturated] {
            let made = logins(&mut Refusals::default(), kind, false, 20).await;
            assert_eq!(made, [0, 1, 2, 4, 8, 13, 18]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn starting_and_dying_servers_are_asked_at_the_full_pace() {
        let steady = [FailureKind::Misconfigured, FailureKind::Saturated];
        for kind in FailureKind::ALL.into_iter().filter(|kind| !steady.contains(kind)) {
            let made = logins(&mut Refusals::default(), kind, true, 30).await;
            assert_eq!(made.len(), 30, "{kind}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn another_refusal_and_a_return_begin_anew() {
        let mut refusals = Refusals::default();
        logins(&mut refusals, FailureKind::Misconfigured, true, 200).await;
        refusals.note(&failure(FailureKind::Saturated), true, Instant::now());
        assert_eq!(refusals.standing(Instant::now()), None);
        logins(&mut refusals, FailureKind::Saturated, true, 200).await;
        refusals.end();
        assert_eq!((refusals.standing(Instant::now()), refusals.login_at()), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_brings_the_next_login_forward() {
        let mut refusals = Refusals::default();
        logins(&mut refusals, FailureKind::Misconfigured, true, 200).await;
        assert!(refusals.standing(Instant::now()).is_some());
        refusals.doubt(Instant::now());
        let made = logins(&mut refusals, FailureKind::Misconfigured, true, 10).await;
        assert_eq!(made, [0, 2, 6]);
    }
}
