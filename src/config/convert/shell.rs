//! `[state]` and `[admin]`.

use super::{Conversion, dns::Listeners};
use crate::config::{
    AdminConfig, StateConfig,
    file::{AdminSection, StateSection},
    reading::Field,
};

/// `[state]`, which may be left out.
pub(super) fn state(field: &Field<StateSection>, conversion: &Conversion<'_>) -> StateConfig {
    StateConfig {
        directory: field
            .given()
            .and_then(|section| section.directory.given())
            .map(|path| conversion.path(path)),
    }
}

/// `[admin]`, which may be left out.
pub(super) fn admin(
    field: &Field<AdminSection>,
    listeners: &mut Listeners,
    conversion: &mut Conversion<'_>,
) -> AdminConfig {
    let Some(section) = field.given() else {
        return AdminConfig::default();
    };
    if let Field::Given(http) = &section.http {
        listeners.take_one(*http.get_ref(), http.span(), conversion);
    }
    let hosts = section.hosts.given().map_or(&[][..], Vec::as_slice).iter();
    AdminConfig {
        socket: section.socket.given().map(|path| conversion.path(path)),
        http: section.http.given().copied(),
        token_file: section.token_file.given().map(|path| conversion.path(path)),
        hosts: hosts.map(|host| host.get_ref().0.to_string()).map(bare).collect(),
    }
}

/// A host name as clients send it: the dot at its end is left out.
fn bare(name: String) -> Box<str> {
    name.trim_end_matches('.').into()
}
