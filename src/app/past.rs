//! What an earlier process left, and how it comes back: the state folder, the servers that were
//! added while that one ran, and the past of the driver.

use std::io;

use tracing::{error, info};

use super::StartError;
use crate::{
    chronicle::{Chronicle, Entry},
    clock,
    config::{AddedServer, Config, Joined},
    driver::Past,
    state::{Folder, Opened, Saver, first_serial},
};

/// All of it.
#[derive(Debug)]
pub struct OpenedState {
    /// The configuration, with the servers that were added over it.
    pub config: Config,
    pub past: Past,
    /// `None` when nothing is kept.
    pub saver: Option<Saver>,
}

/// Opens the state folder of `config`, if it has one, and takes up what lies there.
pub fn begin(config: Config) -> Result<OpenedState, StartError> {
    let Some(directory) = &config.state.directory else {
        return Ok(OpenedState { config, past: Past::default(), saver: None });
    };
    let Opened { folder, image, serial } = Folder::open(directory)?;
    let config = match &image {
        Some(image) => with_added(config, &image.added),
        None => config,
    };
    let serial = first_serial(serial, clock::unix_seconds());
    let chronicle = match &image {
        Some(image) => {
            Chronicle::continued(image.events.iter().cloned().map(Entry::from), image.next_event_id)
        }
        None => Chronicle::default(),
    };
    let saver = Saver::start(folder, image.clone().unwrap_or_default(), serial, chronicle.clone())
        .map_err(start_error)?;
    let keeper = saver.keeper();
    let past = Past { image, serial: Some(serial), keeper, chronicle };
    Ok(OpenedState { config, past, saver: Some(saver) })
}

/// `config` with those of `added` over it that it has no objection to.
fn with_added(config: Config, added: &[AddedServer]) -> Config {
    let (added, notes) = config.still_added(added);
    for note in notes {
        info!(event = "config", "configuration: {note}");
    }
    let Joined { config, refused } = config.joined_by(&added);
    for (place, why) in refused {
        let name = &added[place].name;
        error!(
            event = "config",
            "{name}, added while an earlier process ran, cannot join: {why}; add it again when \
             that is mended"
        );
    }
    config
}

fn start_error(error: io::Error) -> StartError {
    StartError::Saver(error)
}
