//! The last differences of a zone, for secondaries that are not far behind.

use std::{collections::VecDeque, sync::Arc};

use super::version::Difference;

/// Differences that are kept.
const MOST: usize = 256;

/// Octets of the differences that are kept.
const OCTETS_MOST: usize = 1024 * 1024;

/// The last differences, each from the serial to which the one before leads. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    kept: VecDeque<Arc<Difference>>,
    octets: usize,
}

impl Journal {
    /// Adds the newest, for which the oldest may have to go.
    pub fn push(&mut self, difference: Difference) {
        self.octets += difference.octets;
        self.kept.push_back(Arc::new(difference));
        while self.kept.len() > MOST || self.octets > OCTETS_MOST {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.octets -= oldest.octets;
        }
    }

    /// What leads from `serial` to the newest, in order; `None` when that is not kept.
    pub fn since(&self, serial: u32) -> Option<impl Iterator<Item = &Arc<Difference>>> {
        let start = self.kept.iter().position(|difference| difference.from == serial)?;
        Some(self.kept.range(start..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(from: u32, octets: usize) -> Difference {
        let records = vec![vec![0; octets].into()];
        Difference { from, to: from + 1, records, is_empty: false, octets }
    }

    fn starts(journal: &Journal, serial: u32) -> Option<Vec<u32>> {
        Some(journal.since(serial)?.map(|difference| difference.from).collect())
    }

    #[test]
    fn what_leads_from_a_serial_to_the_newest_is_found() {
        let mut journal = Journal::default();
        assert_eq!(starts(&journal, 1), None);
        for serial in 1..=3 {
            journal.push(difference(serial, 10));
        }
        assert_eq!(starts(&journal, 1), Some(vec![1, 2, 3]));
        assert_eq!(starts(&journal, 3), Some(vec![3]));
        assert_eq!(starts(&journal, 4), None);
    }

    #[test]
    fn number_and_octets_are_bounded() {
        let mut many = Journal::default();
        (0..1_000).for_each(|serial| many.push(difference(serial, 1)));
        assert_eq!((many.kept.len(), many.octets), (MOST, MOST));
        assert_eq!(starts(&many, 743), None);
        assert_eq!(starts(&many, 744).map(|found| found.len()), Some(MOST));
        let mut large = Journal::default();
        (0..20).for_each(|serial| large.push(difference(serial, 100_000)));
        assert_eq!((large.kept.len(), large.octets), (10, 1_000_000));
        large.push(difference(20, 2_000_000));
        assert_eq!((large.kept.len(), large.octets), (0, 0));
    }
}
