//! A server that lives and does not let the probe in, again and again: how often to try.
//!
//! Each login that a server refuses is a line in its log, and a wrong password must not fill it.
//! After a few refusals in a row logins grow rare. In between the server is watched by what leaves
//! no line: the old login that it may still keep for us, or on PostgreSQL a [quiet
//! look](crate::probe::postgres::look). As long as that succeeds the same refusal is reported again; when
//! it fails, that is reported, and the next probe logs in: what restarts may have changed its mind.
//!
//! MySQL and MariaDB have no quiet look. They count connections that end before the login against
//! the client's host and shut it out after `max_connect_errors` of them (error 1129). A server that
//! nobody watches may be dead, so its logins never grow rarer than the probes of a dead one.
//!
//! Refusals that change by somebody's doing count from the first one. A server that is starting up
//! is asked at the full pace for a minute, because its next word is the news that everybody waits
//! for; later the same holds for it, since a standby with `hot_standby = off` says the same for
//! ever. Nothing but a login tells that it is ready, and each one in vain is a line. While its
//! cluster is settling more depends on its word than on its log, so it is asked often then. A
//! server that is shutting down is asked at the full pace.

use std::time::Duration;

use crate::engine::{Failure, FailureKind, Moment, Thresholds};

/// What is known of a server that refuses, beside the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Something tells between two logins whether the server lives.
    pub watched: bool,
    /// Its cluster has lately begun to settle.
    pub hurried: bool,
}

/// The run of refusals of one server, if it refuses.
#[derive(Debug, Default)]
pub struct Refusals {
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    /// The latest one.
    refusal: Failure,
    /// How many logins in a row were refused like this.
    logins: u32,
    /// When the first of them was.
    since: Moment,
    /// From the last login to the next.
    distance: Duration,
    /// When the next login is due.
    login_at: Moment,
}

impl Refusals {
    /// A login came to this failure at `now`.
    pub fn note(&mut self, failure: &Failure, watch: Watch, now: Moment) {
        let (logins, since, before) = match &self.run {
            Some(run) if run.refusal.kind == failure.kind => {
                (run.logins.saturating_add(1), run.since, run.distance)
            }
            _ => (1, now, Duration::ZERO),
        };
        let Some(most) = longest_distance(failure.kind, watch) else {
            self.run = None;
            return;
        };
        let is_patient = match failure.kind {
            FailureKind::Starting => now.since(since) < STARTING_SOON,
            _ => logins < GENEROUS,
        };
        let distance = match is_patient {
            true => Duration::ZERO,
            false => (before * 2).max(FIRST_DISTANCE).min(most),
        };
        let refusal = failure.clone();
        self.run = Some(Run { refusal, logins, since, distance, login_at: now + distance });
    }

    /// The cluster is settling from `now` on: a server that is starting up is asked at once.
    pub fn hurry(&mut self, now: Moment) {
        if let Some(run) = &mut self.run
            && run.refusal.kind == FailureKind::Starting
        {
            (run.distance, run.login_at) = (Duration::ZERO, run.login_at.min(now));
        }
    }

    /// The server let us in, or is another one by now.
    pub fn end(&mut self) {
        self.run = None;
    }

    /// A hint: the next probe logs in, and if that is in vain, the distances grow from their
    /// beginning.
    pub fn doubt(&mut self, now: Moment) {
        if let Some(run) = &mut self.run {
            (run.distance, run.login_at) = (Duration::ZERO, now);
        }
    }

    /// The refusal that stands while no login is due at `now`.
    pub fn standing(&self, now: Moment) -> Option<&Failure> {
        self.run.as_ref().filter(|run| now < run.login_at).map(|run| &run.refusal)
    }

    /// When the next login is due, of a server that refuses.
    pub fn login_at(&self) -> Option<Moment> {
        self.run.as_ref().map(|run| run.login_at)
    }
}

/// The longest time from one login to the next; `None` for failures that are no steady refusals.
fn longest_distance(kind: FailureKind, watch: Watch) -> Option<Duration> {
    let Watch { watched, hurried } = watch;
    match kind {
        FailureKind::Misconfigured if watched => Some(MISCONFIGURED_MOST),
        FailureKind::Saturated if watched => Some(SATURATED_MOST),
        FailureKind::Starting if watched && hurried => Some(STARTING_HURRIED),
        FailureKind::Starting if watched => Some(STARTING_MOST),
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

/// A server that starts is ready within this time, or takes long.
const STARTING_SOON: Duration = Duration::from_secs(60);

/// One that takes long, in a stable cluster: it takes as long again until that is noticed at worst,
/// and a minute at most.
const STARTING_MOST: Duration = Duration::from_secs(60);

/// The same while its cluster is settling.
const STARTING_HURRIED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Refusals, Watch};
    use crate::engine::{Failure, FailureKind, Moment};

    const WATCHED: Watch = Watch { watched: true, hurried: false };
    const UNWATCHED: Watch = Watch { watched: false, hurried: false };

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "why")
    }

    /// A server from its first probe on.
    #[derive(Default)]
    struct Played {
        refusals: Refusals,
        now: Moment,
    }

    impl Played {
        /// Probes once a second, and returns the seconds at which it logged in.
        fn logins(&mut self, kind: FailureKind, watch: Watch, seconds: u64) -> Vec<u64> {
            let mut logins = Vec::new();
            for second in 0..seconds {
                if self.standing().is_none() {
                    self.refusals.note(&failure(kind), watch, self.now);
                    logins.push(second);
                }
                self.now = self.now + Duration::from_secs(1);
            }
            logins
        }

        fn standing(&self) -> Option<&Failure> {
            self.refusals.standing(self.now)
        }
    }

    #[test]
    fn a_wrong_password_costs_a_few_logins_and_then_one_a_minute() {
        let mut played = Played::default();
        let made = played.logins(FailureKind::Misconfigured, WATCHED, 300);
        assert_eq!(made, [0, 1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    }

    #[test]
    fn a_full_server_is_tried_every_ten_seconds() {
        let mut played = Played::default();
        let made = played.logins(FailureKind::Saturated, WATCHED, 50);
        assert_eq!(made, [0, 1, 2, 4, 8, 16, 26, 36, 46]);
    }

    #[test]
    fn whom_nobody_watches_is_tried_as_often_as_a_dead_one() {
        for kind in [FailureKind::Misconfigured, FailureKind::Saturated] {
            let made = Played::default().logins(kind, UNWATCHED, 20);
            assert_eq!(made, [0, 1, 2, 4, 8, 13, 18]);
        }
    }

    #[test]
    fn starting_and_dying_servers_are_asked_at_the_full_pace() {
        let steady = [FailureKind::Misconfigured, FailureKind::Saturated];
        for kind in FailureKind::ALL.into_iter().filter(|kind| !steady.contains(kind)) {
            let made = Played::default().logins(kind, WATCHED, 30);
            assert_eq!(made.len(), 30, "{kind}");
        }
    }

    #[test]
    fn a_server_that_starts_for_long_is_left_in_peace_unless_much_depends_on_it() {
        let mut played = Played::default();
        let made = played.logins(FailureKind::Starting, WATCHED, 300);
        let (soon, late) = made.split_at(61);
        assert_eq!(soon, (0..=60).collect::<Vec<u64>>());
        assert_eq!(late, [62, 66, 74, 90, 122, 182, 242]);
        played.refusals.hurry(played.now);
        let hurried = Watch { watched: true, hurried: true };
        let made = played.logins(FailureKind::Starting, hurried, 5);
        assert_eq!(made, [0, 1, 2, 3, 4]);
        let made = played.logins(FailureKind::Starting, WATCHED, 30);
        assert_eq!(made, [0, 2, 6, 14], "the distances begin anew");
        // Nobody would see it die.
        let made = Played::default().logins(FailureKind::Starting, UNWATCHED, 99);
        assert_eq!(made.len(), 99);
    }

    #[test]
    fn settling_changes_nothing_for_whom_somebody_must_let_in() {
        let mut played = Played::default();
        played.logins(FailureKind::Misconfigured, WATCHED, 200);
        played.refusals.hurry(played.now);
        assert!(played.standing().is_some());
    }

    #[test]
    fn another_refusal_and_a_return_begin_anew() {
        let mut played = Played::default();
        played.logins(FailureKind::Misconfigured, WATCHED, 200);
        played.refusals.note(&failure(FailureKind::Saturated), WATCHED, played.now);
        assert_eq!(played.standing(), None);
        played.logins(FailureKind::Saturated, WATCHED, 200);
        played.refusals.end();
        assert_eq!((played.standing(), played.refusals.login_at()), (None, None));
    }

    #[test]
    fn a_hint_brings_the_next_login_forward() {
        let mut played = Played::default();
        played.logins(FailureKind::Misconfigured, WATCHED, 200);
        assert!(played.standing().is_some());
        played.refusals.doubt(played.now);
        let made = played.logins(FailureKind::Misconfigured, WATCHED, 10);
        assert_eq!(made, [0, 2, 6]);
    }
}
