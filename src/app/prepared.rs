//! Another configuration, read and checked, before it is in force.

use tracing::warn;

use crate::{
    answers::{Layout, PlacementError},
    config::{Changes, Config, Joined, OpenFile, OverlayError},
};

/// What is to take the place of the configuration in force.
#[derive(Debug)]
pub struct Prepared {
    pub config: Config,
    pub layout: Layout,
    pub changes: Changes,
}

/// Why another configuration does not take its place. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

impl Prepared {
    /// The file and all that it names, read again, with those of the added servers over it that it
    /// has not taken in.
    pub fn reloaded(running: &Config) -> Result<Self, PrepareError> {
        let file = Config::load(&running.file).map_err(OverlayError::File)?;
        let (added, notes) = file.still_added(&running.added);
        let Joined { config: next, refused } = file.joined_by(&added);
        if let Some((_, why)) = refused.into_iter().next() {
            return Err(why.into());
        }
        let mut prepared = Self::next(running, next)?;
        prepared.changes.changed.extend(notes);
        Ok(prepared)
    }

    /// `next` after `running`, of which it keeps what only a restart can change.
    pub fn next(running: &Config, mut next: Config) -> Result<Self, PrepareError> {
        let changes = Changes::between(running, &next);
        next.dns = running.dns.clone();
        next.admin = running.admin.clone();
        next.state = running.state.clone();
        next.log = running.log;
        Ok(Self { layout: layout(&next)?, config: next, changes })
    }

    /// `joined` is `running` with more servers.
    pub fn joined(joined: Config) -> Result<Self, PrepareError> {
        Ok(Self { layout: layout(&joined)?, config: joined, changes: Changes::default() })
    }

    /// Whether there is nothing to put in force.
    pub fn is_the_same(&self, running: &Config) -> bool {
        self.changes.changed.is_empty() && self.config.text == running.text
    }
}

/// Where the names of a configuration lie.
pub fn layout(config: &Config) -> Result<Layout, PlacementError> {
    let names = config.clusters.iter().flat_map(|cluster| cluster.names.clone()).collect();
    Layout::with_companions(&config.zones, names, config.directory())
}

/// Logs which files others may read or change that are not for them.
pub fn warn_of_open_files<'f>(files: impl IntoIterator<Item = &'f OpenFile>) {
    for file in files {
        warn!(event = "open_file", "{file}");
    }
}
