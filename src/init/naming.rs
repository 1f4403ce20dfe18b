//! What the servers are called: by the name under which somebody knows them, if it is theirs alone.

use std::net::IpAddr;

use super::server::Server;
use crate::{discovery::NameHint, engine::Facts};

/// A name for each of `servers`, no two alike.
///
/// The first label of its host name counts before what its source calls it, and that before what it
/// calls itself. A name that two servers have is nobody's, as `15/main` of Debian's clusters. Without one
/// the address makes the name, as for servers that discovery finds.
pub fn names(servers: &[Server]) -> Vec<NameHint> {
    let candidates: Vec<_> = servers.iter().map(candidates).collect();
    let is_of_one = |hint: &NameHint| {
        candidates.iter().filter(|of_server| of_server.contains(hint)).count() == 1
    };
    let mut names: Vec<NameHint> = Vec::with_capacity(servers.len());
    for (server, own) in servers.iter().zip(&candidates) {
        let good = own.iter().find(|hint| is_of_one(hint)).cloned();
        let name = good.unwrap_or_else(|| NameHint::of_address(server.at.ip()));
        let mut free = name.clone();
        let mut number = 2;
        while names.contains(&free) {
            free = name.numbered(number);
            number += 1;
        }
        names.push(free);
    }
    names
}

/// What a server may be called, the best first.
fn candidates(server: &Server) -> Vec<NameHint> {
    let host = |text: &str| match text.parse::<IpAddr>() {
        Ok(_) => None,
        Err(_) => NameHint::reduced(text.split('.').next().unwrap_or(text)),
    };
    let own = server.word.introduction.name.as_deref();
    let own = match server.word.facts {
        // Debian calls its clusters by version and name, on every host alike.
        Facts::Postgres(_) => own.filter(|name| !name.contains('/')).and_then(NameHint::reduced),
        Facts::MySql(_) | Facts::Tcp => own.and_then(host),
    };
    let hosts = server.hosts.iter().filter(|name| &***name != "localhost");
    hosts.filter_map(|name| host(name)).chain(server.hint.clone()).chain(own).collect()
}
