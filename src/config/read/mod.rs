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
mod rights;
mod secret;
mod section;
mod sources;
mod url;
mod values;

pub use self::{
    conversion::{Conversion, Firsts, READABLE},
    error::ConfigError,
    fault::{Fault, Faults, Position},
    hosts::{HostName, HostPort, Label, host_port},
    networks::Networks,
    pem::{certificates, fit, key, public_key},
    pieces::{admin, read},
    rights::{OpenFile, Protected},
    secret::Secret,
    section::{Field, Section, Value, unknown_keys},
    sources::{Elsewhere, Secrets, Sources, System},
    url::HttpUrl,
    values::{OneOrMany, PORTS, RangeError, Ranged, UrlPath, Whole, is_url_path, parsed, plain},
};
pub(crate) use self::{picture::section, values::one_of};
