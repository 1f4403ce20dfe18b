//! What a reload says of the settings that differ.

use std::fmt::Debug;

/// What is to be said, one line per thing.
#[derive(Default)]
pub struct Words(Vec<String>);

impl Words {
    /// All of them.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.0
    }

    pub(super) fn add(&mut self, words: impl Into<String>) {
        self.0.push(words.into());
    }

    /// Adds what is to be said of one cluster.
    pub(super) fn add_about(&mut self, cluster: &str, words: Self) {
        self.0.extend(words.0.into_iter().map(|words| format!("{cluster}: {words}")));
    }

    /// Says that a setting differs, with both values.
    pub(super) fn setting<T: PartialEq + Debug>(
        &mut self,
        of: &str,
        key: &str,
        (from, to): (&T, &T),
    ) {
        if from != to {
            self.add(format!("{of}{key} is {to:?}, was {from:?}"));
        }
    }
}
