//! `[state]`: what survives restarts.

use std::path::PathBuf;

use super::read::{Conversion, Field, Protected, section};

section! {
    /// What survives restarts.
    StateSection = "[state]" {
        /// A folder that Pointsman may write to.
        directory: PathBuf,
    }
}

/// Where to keep what a restart must not forget: the SOA serial, the last answers, overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateConfig {
    /// A folder that Pointsman may write to; `None` keeps nothing.
    pub directory: Option<PathBuf>,
}

/// `[state]`, which may be left out.
pub fn convert(field: &Field<StateSection>, conversion: &mut Conversion<'_>) -> StateConfig {
    let directory = field.given().and_then(|section| section.directory.given());
    let directory = directory.map(|path| conversion.path(path));
    if let Some(folder) = &directory {
        conversion.protect(folder, Protected::State);
    }
    StateConfig { directory }
}

/// What differs and is only read at the start.
pub fn differing(was: &StateConfig, is: &StateConfig) -> Option<&'static str> {
    (was != is).then_some("[state]")
}
