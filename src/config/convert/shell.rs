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
    AdminConfig {
        socket: section.socket.given().map(|path| conversion.path(path)),
        http: section.http.given().copied(),
        token_file: section.token_file.given().map(|path| conversion.path(path)),
    }
}
