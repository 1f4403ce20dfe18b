//! Asks with `dig`, as an operator would.

use std::{
    net::{IpAddr, SocketAddr},
    process::Command,
};

use hickory_proto::rr::Name;

use crate::account::run;

/// What `dig` printed.
#[derive(Clone, Debug)]
pub(crate) struct Dug {
    /// All of it.
    text: String,
}

/// Asks `server` for the addresses of `name`.
///
/// # Panics
/// When `dig` is not installed or gets no reply.
pub(crate) fn dig(server: SocketAddr, name: &Name) -> Dug {
    dig_for(server, &name.to_string(), "A")
}

/// Asks `server` for what `name` has of this type.
///
/// # Panics
/// As [`dig`].
pub(crate) fn dig_for(server: SocketAddr, name: &str, record_type: &str) -> Dug {
    let text = run(Command::new("dig")
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string(), "+tries=1", "+time=2"])
        .args([name, record_type]));
    Dug { text }
}

impl Dug {
    /// Whether the header says NOERROR from an authority.
    pub(crate) fn is_sound(&self) -> bool {
        let flags = self.text.lines().find(|line| line.starts_with(";; flags:"));
        let authority = flags.is_some_and(|line| line.contains(" aa"));
        self.text.contains("status: NOERROR") && authority
    }

    /// The addresses of the answer section, sorted.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let lines = self.text.lines().filter(|line| !line.starts_with(';'));
        let mut addresses: Vec<IpAddr> = lines
            .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [_, _, "IN", "A", address] => address.parse().ok(),
                _ => None,
            })
            .collect();
        addresses.sort_unstable();
        addresses
    }

    /// Whether it tells of an Extended DNS Error.
    pub(crate) fn has_extended_error(&self) -> bool {
        self.text.contains("EDE:") || self.text.contains("OPT=15:")
    }

    /// Everything, to show.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
