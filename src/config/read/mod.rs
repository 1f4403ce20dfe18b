//! How any section is read: places and faults, types of values, and the files that values name. It
//! knows no key.
//!
//! `section!` turns the picture of a section into a struct whose fields remember where their value
//! stands. Unknown keys, wrong types and values that cannot be read are reported while reading;
//! whether the values make sense is for the section's own file, through a [`Conversion`].

mod conversion;
mod error;
mod fault;
mod hosts;
mod networks;
mod pem;
mod picture;
mod pieces;
mod secret;
mod section;
mod sources;
mod values;

pub(super) use self::{
    conversion::{Conversion, Firsts},
    fault::Faults,
    hosts::{HostName, HostPort, Label, host_port},
    pem::{certificates, fit, key},
    picture::section,
    pieces::{admin, read},
    section::{Field, Section, Value, unknown_keys},
    values::{
        OneOrMany, PORTS, RangeError, Ranged, UrlPath, Whole, is_url_path, one_of, parsed, plain,
    },
};
pub use self::{
    error::ConfigError,
    fault::{Fault, Position},
    networks::Networks,
    secret::Secret,
    sources::{Sources, System},
};
