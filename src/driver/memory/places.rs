//! Which server of the configuration a name of the state file means.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    answers::{ClusterListing, PublishedServer},
    engine::ServerIndex,
    state::{ClusterImage, ServerImage},
};

/// The servers of a cluster by their names in its image.
///
/// A name that is still there is that server. A server whose name is gone is the one with a new name
/// at the same addresses and port, if there is just one: it was renamed while nobody looked.
#[derive(Debug)]
pub struct Places<'a> {
    servers: &'a [PublishedServer],
    /// By a name that is gone.
    renamed: BTreeMap<&'a str, ServerIndex>,
}

impl<'a> Places<'a> {
    pub(super) fn new(image: &'a ClusterImage, listing: &'a ClusterListing) -> Self {
        let servers = &*listing.servers;
        let gone: Vec<_> =
            image.servers.iter().filter(|(name, _)| place(servers, name).is_none()).collect();
        let was_there = |server: &PublishedServer| {
            image.servers.keys().any(|name| name.eq_ignore_ascii_case(&server.name))
        };
        let mut renamed = BTreeMap::new();
        for (index, server) in servers.iter().enumerate().filter(|(_, now)| !was_there(now)) {
            let mut twins = gone.iter().filter(|(_, before)| is_at(before, server));
            if let (Some((name, _)), None) = (twins.next(), twins.next()) {
                renamed.insert(&***name, ServerIndex::new(index));
            }
        }
        Self { servers, renamed }
    }

    /// The place of the server that had this name, in any case of letters.
    pub(super) fn of(&self, name: &str) -> Option<ServerIndex> {
        place(self.servers, name).or_else(|| {
            let mut renamed = self.renamed.iter();
            let found = renamed.find(|(before, _)| before.eq_ignore_ascii_case(name));
            found.map(|(_, place)| *place)
        })
    }
}

fn place(servers: &[PublishedServer], name: &str) -> Option<ServerIndex> {
    let mut names = servers.iter().map(|server| &server.name);
    names.position(|known| known.eq_ignore_ascii_case(name)).map(ServerIndex::new)
}

/// Whether a server was at the addresses and the port of `now`.
fn is_at(before: &ServerImage, now: &PublishedServer) -> bool {
    let sorted = |addresses: &[IpAddr]| {
        let mut addresses = addresses.to_vec();
        addresses.sort_unstable();
        addresses
    };
    before.port == now.port
        && !before.addresses.is_empty()
        && sorted(&before.addresses) == sorted(&now.addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ClusterKind;

    type Server = (&'static str, u8, u16);

    fn listing(servers: &[Server]) -> ClusterListing {
        let servers = servers.iter().map(|&(name, last, port)| PublishedServer {
            name: name.into(),
            addresses: [[10, 0, 0, last].into()].into(),
            port,
            weight: 1,
        });
        let (name, kind) = ("orders".into(), ClusterKind::Postgres);
        ClusterListing { name, kind, servers: servers.collect() }
    }

    fn image(servers: &[Server]) -> ClusterImage {
        let servers = servers.iter().map(|&(name, last, port)| {
            let addresses = vec![[10, 0, 0, last].into()];
            (name.into(), ServerImage { addresses, port, ..ServerImage::default() })
        });
        ClusterImage { servers: servers.collect(), ..ClusterImage::default() }
    }

    #[track_caller]
    fn check(before: &[Server], now: &[Server], name: &str, expected: Option<usize>) {
        let (image, listing) = (image(before), listing(now));
        assert_eq!(Places::new(&image, &listing).of(name), expected.map(ServerIndex::new));
    }

    #[test]
    fn a_name_that_is_still_there_is_that_server_wherever_it_is() {
        let before = [("db1", 1, 5432), ("db2", 2, 5432)];
        check(&before, &[("DB2", 2, 5432), ("db1", 9, 5433)], "db1", Some(1));
        check(&before, &[("DB2", 2, 5432), ("db1", 9, 5433)], "Db2", Some(0));
        // Swapped names are no renaming.
        check(&before, &[("db1", 2, 5432), ("db2", 1, 5432)], "db1", Some(0));
    }

    #[test]
    fn a_server_with_a_new_name_is_known_by_its_addresses_and_port() {
        let before = [("db1", 1, 5432), ("db2", 2, 5432)];
        check(&before, &[("db1", 1, 5432), ("new", 2, 5432)], "DB2", Some(1));
        check(&before, &[("db1", 1, 5432), ("new", 2, 5433)], "db2", None);
        check(&before, &[("db1", 1, 5432), ("new", 3, 5432)], "db2", None);
        check(&before, &[("b", 2, 5432), ("a", 1, 5432)], "db1", Some(1));
        check(&before, &[("db1", 1, 5432), ("new", 2, 5432)], "db3", None);
        // Where two were at that place nobody can tell which.
        let twice = [("db1", 1, 5432), ("db2", 1, 5432)];
        check(&twice, &[("new", 1, 5432)], "db1", None);
    }

    #[test]
    fn a_file_that_tells_no_addresses_knows_nobody_again() {
        let mut image = image(&[("db1", 1, 5432)]);
        for (_, server) in &mut image.servers {
            (server.addresses, server.port) = (Vec::new(), 0);
        }
        assert_eq!(Places::new(&image, &listing(&[("new", 1, 5432)])).of("db1"), None);
    }
}
