//! The addresses of the hosts that a source names.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::discovery::{Find, FindHost, Sighting, SourceReply};

/// Threads that wait for the system's resolver at a time, for all sources of all clusters.
const LOOKUPS_MAX: usize = 16;

/// Names that are resolved for one reply; addresses need no resolving.
pub const NAMES_MAX: usize = 100;

/// How long all names of a reply may take together.
const RESOLVED_WITHIN: Duration = Duration::from_secs(5);

/// Seats of those threads. A lookup keeps its seat until the resolver lets go of it, however long
/// nobody has been waiting for it.
static SEATS: std::sync::LazyLock<Arc<Semaphore>> =
    std::sync::LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_MAX)));

/// The addresses that the names of one source have had.
#[derive(Debug, Default)]
pub struct Addresses {
    known: BTreeMap<Box<str>, Vec<IpAddr>>,
}

impl Addresses {
    /// The addresses of one host: its own, or what the system's resolver says.
    pub async fn of(&mut self, host: &str) -> Vec<IpAddr> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return vec![address.to_canonical()];
        }
        self.known.retain(|name, _| **name == *host);
        self.known.extend(resolved(&[host]).await);
        self.known.get(host).cloned().unwrap_or_default()
    }

    /// A reply, and its finds with their addresses: those that `known` has for a name, else what the
    /// system's resolver says. With too many names it is partial.
    pub async fn sightings(
        &mut self,
        reply: SourceReply,
        known: impl Fn(&str) -> Option<Vec<IpAddr>>,
    ) -> (SourceReply, Vec<Sighting>) {
        let finds = reply.finds().to_vec();
        let names: BTreeSet<&str> = finds
            .iter()
            .filter_map(|find| match &find.host {
                FindHost::Name(name) => Some(&**name),
                FindHost::Address(_) => None,
            })
            .collect();
        if !matches!(reply, SourceReply::Failed(_)) {
            self.known.retain(|name, _| names.contains(&**name));
        }
        let mut unknown = Vec::new();
        for name in &names {
            match known(name) {
                Some(addresses) => _ = self.known.insert((*name).into(), addresses),
                None => unknown.push(*name),
            }
        }
        let too_many = (unknown.len() > NAMES_MAX)
            .then(|| format!("{} host names, and only {NAMES_MAX} are resolved", unknown.len()));
        unknown.truncate(NAMES_MAX);
        self.known.extend(resolved(&unknown).await);
        let sighting = |find: &Find| {
            let addresses = match &find.host {
                FindHost::Address(address) => vec![*address],
                FindHost::Name(name) => self.known.get(name).cloned().unwrap_or_default(),
            };
            Sighting { find: find.clone(), addresses }
        };
        let sightings = finds.iter().map(sighting).collect();
        let reply = match (reply, too_many) {
            (SourceReply::Whole(_), Some(what)) => SourceReply::of(finds, Some(&what)),
            (reply, _) => reply,
        };
        (reply, sightings)
    }
}

/// The addresses of those of `names` that have any, as far as they can be known in time.
async fn resolved(names: &[&str]) -> Vec<(Box<str>, Vec<IpAddr>)> {
    let mut lookups = JoinSet::new();
    for name in names {
        let name: Box<str> = (*name).into();
        lookups.spawn(async move {
            let seat = Arc::clone(&SEATS).acquire_owned().await.ok()?;
            let asked = name.clone();
            let found = tokio::task::spawn_blocking(move || lookup(&asked, seat)).await;
            let addresses = found.ok()?.ok()?;
            (!addresses.is_empty()).then_some((name, addresses))
        });
    }
    let deadline = Instant::now() + RESOLVED_WITHIN;
    let mut found = Vec::with_capacity(names.len());
    while let Ok(Some(ended)) = timeout_at(deadline, lookups.join_next()).await {
        found.extend(ended.ok().flatten());
    }
    found
}

fn lookup(name: &str, _seat: OwnedSemaphorePermit) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<_> =
        (name, 0).to_socket_addrs()?.map(|at| at.ip().to_canonical()).collect();
    addresses.dedup();
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{Labels, SourceKind};

    fn reply(hosts: &[&str]) -> SourceReply {
        let find = |host: &&str| Find {
            source: SourceKind::File,
            name: None,
            host: host.parse().map_or_else(|_| FindHost::Name((*host).into()), FindHost::Address),
            port: None,
            labels: Labels::default(),
        };
        SourceReply::Whole(hosts.iter().map(find).collect())
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved_any_more_keeps_its_addresses() {
        let nobody = |_: &str| None;
        let mut addresses = Addresses::default();
        // RFC 6761, section 6.4: `invalid.` never resolves.
        let gone: IpAddr = "10.0.0.7".parse().expect("an address");
        addresses.known.insert("db7.invalid".into(), vec![gone]);
        let asked = reply(&["db7.invalid", "db8.invalid", "localhost", "10.0.0.1"]);
        let (told, sightings) = addresses.sightings(asked.clone(), nobody).await;
        assert_eq!(told, asked);
        assert_eq!(sightings[0].addresses, [gone]);
        assert_eq!(sightings[1].addresses, [] as [IpAddr; 0]);
        assert!(sightings[2].addresses.iter().all(IpAddr::is_loopback));
        assert!(!sightings[2].addresses.is_empty());
        assert_eq!(sightings[3].addresses.len(), 1);
        // A reply that failed forgets nothing, a whole one without it does.
        _ = addresses.sightings(SourceReply::failed("x"), nobody).await;
        assert!(addresses.known.contains_key("db7.invalid"));
        _ = addresses.sightings(reply(&[]), nobody).await;
        assert!(addresses.known.is_empty());
    }
}
