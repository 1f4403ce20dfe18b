//! Why a configuration cannot be used: every fault of it at once.

use std::fmt;

use super::Fault;

/// The configuration has at least one fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    faults: Vec<Fault>,
}

impl ConfigError {
    /// Of at least one fault.
    pub(in crate::config) fn new(faults: Vec<Fault>) -> Self {
        debug_assert!(!faults.is_empty(), "an error without a fault");
        Self { faults }
    }

    /// Every fault: those of the configuration file first, then those of each zone file, each in
    /// file order.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

/// One line per fault.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let end_of_last = if index == 0 { "" } else { "\n" };
            write!(f, "{end_of_last}{fault}")?;
        }
        Ok(())
    }
}
