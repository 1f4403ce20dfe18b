//! Queries on their way, so that each reply counts once, for its own query, and in time.
//!
//! An ID is made of a place in the window and of how often that place was used, so that a reply
//! that comes after its time finds another ID in its place.

use std::time::{Duration, Instant};

/// The queries that one socket waits for.
#[derive(Debug)]
pub(crate) struct Window {
    places: Vec<Place>,
    free: Vec<u16>,
    place_bits: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    uses: u16,
    sent: Option<Instant>,
}

impl Window {
    /// Room for 2 to the power of `place_bits` queries, at most 15 bits.
    pub(crate) fn new(place_bits: u32) -> Self {
        assert!(place_bits < 16, "an ID has 16 bits");
        let size = 1_u16 << place_bits;
        Self {
            places: vec![Place::default(); usize::from(size)],
            free: (0..size).collect(),
            place_bits,
        }
    }

    /// Queries that may still be sent.
    pub(crate) fn room(&self) -> usize {
        self.free.len()
    }

    /// Takes a place for a query and tells its ID; `None` when the window is full.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u16> {
        let number = self.free.pop()?;
        let place = &mut self.places[usize::from(number)];
        place.uses = place.uses.wrapping_add(1);
        place.sent = Some(now);
        Some(place.uses << self.place_bits | number)
    }

    /// When the query of this ID was sent. Its place is free again. `None` for an ID that nobody
    /// waits for.
    pub(crate) fn give_back(&mut self, id: u16) -> Option<Instant> {
        let number = id & ((1 << self.place_bits) - 1);
        let place = &mut self.places[usize::from(number)];
        if place.uses << self.place_bits != id - number {
            return None;
        }
        let sent = place.sent.take()?;
        self.free.push(number);
        Some(sent)
    }

    /// Gives up the queries that are older than `patience`, and counts them.
    pub(crate) fn expire(&mut self, now: Instant, patience: Duration) -> u64 {
        let mut lost = 0;
        for (number, place) in (0..).zip(&mut self.places) {
            if place.sent.is_some_and(|sent| now.duration_since(sent) > patience) {
                place.sent = None;
                self.free.push(number);
                lost += 1;
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Window;
    use crate::clock;

    #[test]
    fn a_reply_counts_once_and_only_in_time() {
        let start = clock::now();
        let mut window = Window::new(1);
        let (first, second) = (window.take(start).unwrap(), window.take(start).unwrap());
        assert_eq!((window.room(), window.take(start)), (0, None));
        assert_eq!(window.give_back(first), Some(start));
        assert_eq!(window.give_back(first), None, "twice");
        let late = start + Duration::from_secs(1);
        assert_eq!(window.expire(late, Duration::from_secs(2)), 0);
        assert_eq!(window.expire(late, Duration::from_millis(999)), 1);
        assert_eq!(window.give_back(second), None, "late");
        let again = [window.take(late).unwrap(), window.take(late).unwrap()];
        assert!(!again.contains(&first) && !again.contains(&second), "{again:?}");
        assert_eq!(window.give_back(second), None, "of an earlier use");
    }
}
