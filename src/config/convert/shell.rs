//! `[dns]`, `[state]` and `[admin]`.

use std::{num::NonZero, thread};

use super::{Conversion, Firsts};
use crate::config::{
    AdminConfig, DnsConfig, StateConfig, defaults,
    file::{AdminSection, DnsSection, StateSection},
    reading::Field,
};

/// `[dns]`, which may be left out.
pub(super) fn dns(field: &Field<DnsSection>, conversion: &mut Conversion<'_>) -> DnsConfig {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let mut config = DnsConfig::on(vec![defaults::LISTEN], cpus);
    let Some(section) = field.given() else {
        return config;
    };
    config.workers = conversion.number(&section.workers, "workers", defaults::WORKERS, cpus);
    let Field::Given(listen) = &section.listen else {
        return config;
    };
    if listen.get_ref().is_empty() {
        conversion.faults.add(
            listen.span(),
            "`listen` is empty",
            format!("name an address, or leave it out for {}", defaults::LISTEN),
        );
    }
    let mut seen = Firsts::default();
    for address in listen.get_ref() {
        let free_port = address.get_ref().port() == 0;
        if let Some(first) = seen.earlier(*address.get_ref(), address.span())
            && !free_port
        {
            let line = conversion.faults.line(&first);
            conversion.faults.add(
                address.span(),
                format!("\"{}\" is already listened on, see line {line}", address.get_ref()),
                "remove one of them",
            );
        }
    }
    config.listen = listen.get_ref().iter().map(|one| *one.get_ref()).collect();
    config
}

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
pub(super) fn admin(field: &Field<AdminSection>, conversion: &Conversion<'_>) -> AdminConfig {
    let Some(section) = field.given() else {
        return AdminConfig::default();
    };
    AdminConfig {
        socket: section.socket.given().map(|path| conversion.path(path)),
        http: section.http.given().copied(),
        token_file: section.token_file.given().map(|path| conversion.path(path)),
    }
}
