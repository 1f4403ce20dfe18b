//! What survives restarts: one file with the serial, the last answers, the overrides, the servers
//! that were added and the last changes.
//!
//! ```text
//! driver, app ──changes──▶ Keeper ──latest wins──▶ saver (a thread) ──temp, fsync, rename──▶ file
//!      ▲                                                                                      │
//!      └───────────────────────────── Image, at the start ◀───────────────────────────────────┘
//! ```
//!
//! Nobody waits for the disk: whoever changes something leaves it with the [`Keeper`] and goes on,
//! and is told afterwards whether it has been saved. When nothing can be saved, everything else goes
//! on, the log and the status say so, and saving is tried again.

mod folder;
mod format;
mod health;
mod image;
mod keeper;
mod limit;
mod saver;

pub use self::{
    folder::{Folder, OpenError, Opened, SaveError},
    format::{FORMAT, FormatError, decode, encode},
    health::{SetAside, StateHealth, StateReport},
    image::{
        BindingImage, ClusterImage, ConcernImage, DenialImage, DiscoveryImage, EventImage,
        ForkImage, HistoryImage, Image, LeftBehindImage, LossImage, OfficeImage, OverrideImage,
        PositionImage, PushImage, ReachImage, ServerImage, StreamImage, SupersededImage,
        TombstoneImage,
    },
    keeper::Keeper,
    limit::{first_serial, limit_ahead},
    saver::Saver,
};
