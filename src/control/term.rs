//! How long an override lasts.

use std::time::Duration;

use crate::engine::Moment;

/// So long from now on, or until somebody ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(Option<Duration>);

impl Term {
    /// What an override lasts unless somebody says otherwise.
    pub const DEFAULT: Self = Self(Some(Duration::from_secs(3600)));

    /// Until somebody ends it.
    pub const FOREVER: Self = Self(None);

    /// The shortest time.
    const LEAST: Duration = Duration::from_secs(1);

    /// The longest time: what is to last longer, or nobody knows how long, lasts until somebody
    /// ends it.
    const MOST: Duration = Duration::from_secs(30 * 24 * 3600);

    /// So long; `None` for a time too short or too long.
    pub fn lasting(time: Duration) -> Option<Self> {
        (Self::LEAST..=Self::MOST).contains(&time).then_some(Self(Some(time)))
    }

    /// When what begins at `now` ends by itself; `None` for never.
    pub fn until(self, now: Moment) -> Option<Moment> {
        self.0.map(|time| now + time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_a_second_to_thirty_days() {
        let lasting = |seconds| Term::lasting(Duration::from_secs(seconds));
        let month = 30 * 24 * 3600;
        assert_eq!((lasting(0), lasting(month + 1)), (None, None));
        let now = Moment::from_millis(500);
        for seconds in [1, month] {
            let until = lasting(seconds).expect("a term").until(now);
            assert_eq!(until, Some(now + Duration::from_secs(seconds)));
        }
        assert_eq!(Term::FOREVER.until(now), None);
    }
}
