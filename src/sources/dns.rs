//! The `dns` source: SRV records for a name that begins with `_`, else A and AAAA with the cluster's
//! port. One resolver is asked, and its answers are kept for their time to live.
//!
//! What a resolver says is no more believed than what any source says: a name of it is a hint, and an
//! address counts as far as `networks` allow it.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_net::{
    client::ClientHandle as _, runtime::TokioRuntimeProvider, tcp::TcpClientStream,
    udp::UdpClientStream,
};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType},
};
use tokio::time::{Instant, timeout};

use super::{AskError, lookup::NAMES_MAX};
use crate::{
    config::DnsSourceConfig,
    discovery::{Find, FindHost, Labels, NameHint, Sighting, SourceKind, SourceReply},
    resolv_conf,
};

/// One name, and what is kept of it.
#[derive(Debug, Default)]
pub struct Dns {
    kept: Option<Kept>,
    /// The addresses that the targets of SRV records had last: a resolver that fails takes none away.
    addresses: BTreeMap<Name, Vec<IpAddr>>,
}

/// A reply with its time to live.
#[derive(Debug)]
struct Kept {
    source: DnsSourceConfig,
    until: Instant,
    reply: SourceReply,
    sightings: Vec<Sighting>,
}

impl Dns {
    /// What the name has: as it was asked last while that may be kept, else anew within `time`.
    pub async fn ask(
        &mut self,
        source: &DnsSourceConfig,
        time: Duration,
    ) -> (SourceReply, Vec<Sighting>) {
        if let Some(kept) = &self.kept
            && kept.source == *source
            && Instant::now() < kept.until
        {
            return (kept.reply.clone(), kept.sightings.clone());
        }
        self.kept = None;
        let asked = timeout(time, self.look_up(source)).await;
        let (sightings, ttl, missing) = match asked.unwrap_or(Err(AskError::Deadline(time))) {
            Ok(found) => found,
            Err(error) => return (SourceReply::failed(error), Vec::new()),
        };
        let finds = sightings.iter().map(|sighting| sighting.find.clone()).collect();
        let reply = SourceReply::of(finds, missing.as_deref());
        let sightings: Vec<_> = sightings.into_iter().take(reply.finds().len()).collect();
        if missing.is_none() {
            let until = Instant::now() + ttl.min(KEPT_MAX);
            let (reply, sightings) = (reply.clone(), sightings.clone());
            self.kept = Some(Kept { source: source.clone(), until, reply, sightings });
        }
        (reply, sightings)
    }

    /// The servers that the name has, how long that holds, and what could not be known.
    async fn look_up(
        &mut self,
        source: &DnsSourceConfig,
    ) -> Result<(Vec<Sighting>, Duration, Option<String>), AskError> {
        let resolvers = match source.resolver {
            Some(resolver) => vec![resolver],
            None => system_resolvers()?,
        };
        let is_service = source.name.iter().next().is_some_and(|label| label.starts_with(b"_"));
        match is_service {
            true => self.service(&resolvers, &source.name).await,
            false => hosts(&resolvers, &source.name).await,
        }
    }

    /// The targets of SRV records (RFC 2782).
    async fn service(
        &mut self,
        resolvers: &[SocketAddr],
        name: &Name,
    ) -> Result<(Vec<Sighting>, Duration, Option<String>), AskError> {
        let answer = query(resolvers, name, RecordType::SRV).await?;
        let (records, mut ttl) = answers(&answer, name, RecordType::SRV);
        let mut missing = None;
        let mut addresses = BTreeMap::new();
        let mut sightings = Vec::new();
        for record in records {
            let RData::SRV(srv) = &record.data else { continue };
            // A service that decidedly is not there has the root as its target.
            if srv.target.is_root() || srv.port == 0 {
                continue;
            }
            let target = srv.target.to_lowercase();
            if !addresses.contains_key(&target) {
                if addresses.len() >= NAMES_MAX {
                    let what = format!("more than {NAMES_MAX} targets, and no more are resolved");
                    missing.get_or_insert(what);
                    continue;
                }
                let found = match hosts(resolvers, &target).await {
                    Ok((hosts, lasts, None)) => {
                        ttl = ttl.min(lasts);
                        hosts.into_iter().flat_map(|host| host.addresses).collect()
                    }
                    Ok((.., Some(what))) => {
                        missing.get_or_insert(what);
                        self.addresses.get(&target).cloned().unwrap_or_default()
                    }
                    Err(error) => {
                        missing.get_or_insert_with(|| error.to_string());
                        self.addresses.get(&target).cloned().unwrap_or_default()
                    }
                };
                addresses.insert(target.clone(), found);
            }
            let host = target.to_ascii();
            let first = host.split('.').next().and_then(NameHint::reduced);
            let find = Find {
                source: SourceKind::Dns,
                name: first,
                host: FindHost::Name(host.as_str().into()),
                port: Some(srv.port),
                labels: Labels::default(),
            };
            sightings.push(Sighting { find, addresses: addresses[&target].clone() });
        }
        self.addresses = addresses;
        Ok((sightings, ttl, missing))
    }
}

/// The addresses of a name, a find for each.
async fn hosts(
    resolvers: &[SocketAddr],
    name: &Name,
) -> Result<(Vec<Sighting>, Duration, Option<String>), AskError> {
    let v4 = query(resolvers, name, RecordType::A).await?;
    let v6 = query(resolvers, name, RecordType::AAAA).await;
    let (mut records, mut ttl) = answers(&v4, name, RecordType::A);
    let mut missing = None;
    match &v6 {
        Ok(v6) => {
            let (more, lasts) = answers(v6, name, RecordType::AAAA);
            records.extend(more);
            ttl = ttl.min(lasts);
        }
        Err(error) => missing = Some(error.to_string()),
    }
    let addresses = records.iter().filter_map(|record| match &record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0).to_canonical()),
        _ => None,
    });
    let sighting = |address| {
        let (host, labels) = (FindHost::Address(address), Labels::default());
        let find = Find { source: SourceKind::Dns, name: None, host, port: None, labels };
        Sighting { find, addresses: vec![address] }
    };
    Ok((addresses.map(sighting).collect(), ttl, missing))
}

/// The records of a kind that a name has, through at most eight aliases, and how long all of that
/// holds; for a name that has none, no time at all.
fn answers<'m>(message: &'m Message, name: &Name, kind: RecordType) -> (Vec<&'m Record>, Duration) {
    let mut owner = name;
    let mut ttl = u32::MAX;
    for _ in 0..ALIASES_MAX {
        let alias = message.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(alias) if record.name == *owner => Some((&alias.0, record.ttl)),
            _ => None,
        });
        let Some((target, lasts)) = alias else { break };
        (owner, ttl) = (target, ttl.min(lasts));
    }
    let of_owner = |record: &&Record| record.name == *owner && record.record_type() == kind;
    let records: Vec<_> = message.answers.iter().filter(of_owner).collect();
    let least = records.iter().map(|record| record.ttl).min();
    let lasts = least.map_or(KEPT_MAX, |least| Duration::from_secs(least.min(ttl).into()));
    (records, lasts)
}

/// The first answer of any resolver: by UDP, by TCP where it does not fit.
async fn query(
    resolvers: &[SocketAddr],
    name: &Name,
    kind: RecordType,
) -> Result<Message, AskError> {
    let mut failed = AskError::NoResolver;
    for resolver in resolvers {
        let why = match query_one(*resolver, name, kind).await {
            Ok(message) => match message.metadata.response_code {
                ResponseCode::NoError => return Ok(message),
                code => code.to_str().to_owned(),
            },
            Err(why) => why,
        };
        failed = AskError::Dns { resolver: *resolver, what: format!("{name} {kind}"), why };
    }
    Err(failed)
}

async fn query_one(resolver: SocketAddr, name: &Name, kind: RecordType) -> Result<Message, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let provider = TokioRuntimeProvider::new();
    let udp =
        UdpClientStream::builder(resolver, provider.clone()).with_timeout(Some(REPLIES_WITHIN));
    let asked = udp.exchange().query(name.clone(), DNSClass::IN, kind).await;
    let message = asked.map_err(|error| told(&error))?.into_message();
    if !message.metadata.truncation {
        return Ok(message);
    }
    let tcp = TcpClientStream::exchange(resolver, None, REPLIES_WITHIN, None, provider).await;
    let asked = tcp.map_err(|error| told(&error))?.query(name.clone(), DNSClass::IN, kind).await;
    Ok(asked.map_err(|error| told(&error))?.into_message())
}

/// The name servers of the system (resolv.conf(5)).
fn system_resolvers() -> Result<Vec<SocketAddr>, AskError> {
    let path = std::path::Path::new(resolv_conf::FILE);
    let cannot = |source| AskError::File { path: path.to_owned(), source };
    Ok(resolvers_of(&fs::read_to_string(path).map_err(cannot)?))
}

fn resolvers_of(text: &str) -> Vec<SocketAddr> {
    let mut resolvers = resolv_conf::named(text);
    resolvers.truncate(RESOLVERS_MAX);
    resolvers
}

/// How long one resolver may take for one question.
const REPLIES_WITHIN: Duration = Duration::from_secs(2);

/// As many as the C library asks.
const RESOLVERS_MAX: usize = 3;

/// Aliases in a row.
const ALIASES_MAX: usize = 8;

/// What nobody wants to know for longer: a record with a time to live of a week is asked again.
const KEPT_MAX: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use hickory_proto::{
        op::MessageType,
        rr::rdata::{A, CNAME, SRV},
    };
    use tokio::net::UdpSocket;

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    /// A resolver that says what `reply` makes of a question; how often it was asked.
    async fn resolver(
        reply: impl Fn(&Name, RecordType) -> Option<(ResponseCode, Vec<Record>)> + Send + 'static,
    ) -> (SocketAddr, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind("127.22.8.1:0").await.expect("a port");
        let at = socket.local_addr().expect("bound");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut octets = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut octets).await {
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(mut message) = Message::from_vec(&octets[..length]) else { continue };
                let Some(query) = message.queries.first().cloned() else { continue };
                let Some((code, answers)) = reply(query.name(), query.query_type()) else {
                    continue;
                };
                message.metadata.message_type = MessageType::Response;
                message.metadata.response_code = code;
                message.answers = answers;
                _ = socket.send_to(&message.to_vec().expect("a message"), from).await;
            }
        });
        (at, asked)
    }

    fn address(owner: &Name, ttl: u32, last: u8) -> Record {
        Record::from_rdata(owner.clone(), ttl, RData::A(A::new(10, 0, 0, last)))
    }

    fn source(text: &str, resolver: SocketAddr) -> DnsSourceConfig {
        DnsSourceConfig { name: name(text), resolver: Some(resolver) }
    }

    fn told(sightings: &[Sighting]) -> Vec<String> {
        let told = sightings.iter().map(|sighting| {
            let find = &sighting.find;
            let name = find.name.as_ref().map_or("-", NameHint::as_str);
            format!("{name} {} {:?} {:?}", find.host, find.port, sighting.addresses)
        });
        told.collect()
    }

    const TIME: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn addresses_are_kept_for_their_time_to_live() {
        let (at, asked) = resolver(|owner, kind| {
            let answers = match kind {
                RecordType::A => {
                    let alias = name("pods.example.");
                    let cname = RData::CNAME(CNAME(alias.clone()));
                    // What has another name is no answer.
                    vec![
                        Record::from_rdata(owner.clone(), 300, cname),
                        address(&alias, 300, 4),
                        address(&alias, 300, 5),
                        address(&name("other.example."), 300, 6),
                    ]
                }
                _ => Vec::new(),
            };
            Some((ResponseCode::NoError, answers))
        })
        .await;
        let mut dns = Dns::default();
        for _ in 0..3 {
            let (reply, sightings) = dns.ask(&source("orders.example.", at), TIME).await;
            assert_eq!(reply.fault(), None);
            assert_eq!(
                told(&sightings),
                ["- 10.0.0.4 None [10.0.0.4]", "- 10.0.0.5 None [10.0.0.5]"]
            );
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "A and AAAA, once");
    }

    #[tokio::test]
    async fn services_have_targets_with_ports_and_a_resolver_that_fails_takes_no_address() {
        let fails = Arc::new(AtomicUsize::new(0));
        let failing = Arc::clone(&fails);
        let (at, _) = resolver(move |owner, kind| {
            let fails = failing.load(Ordering::SeqCst) > 0;
            Some(match kind {
                RecordType::SRV => {
                    let srv = |port, target| {
                        let srv = RData::SRV(SRV::new(0, 0, port, name(target)));
                        Record::from_rdata(owner.clone(), 0, srv)
                    };
                    let answers = vec![srv(5433, "DB4.example."), srv(0, "."), srv(5432, ".")];
                    (ResponseCode::NoError, answers)
                }
                _ if fails => (ResponseCode::ServFail, Vec::new()),
                RecordType::A => (ResponseCode::NoError, vec![address(owner, 0, 4)]),
                _ => (ResponseCode::NoError, Vec::new()),
            })
        })
        .await;
        let mut dns = Dns::default();
        let asked = source("_postgresql._tcp.orders.example.", at);
        let (reply, sightings) = dns.ask(&asked, TIME).await;
        assert_eq!(reply.fault(), None);
        let expected = ["db4 db4.example. Some(5433) [10.0.0.4]"];
        assert_eq!(told(&sightings), expected);
        fails.store(1, Ordering::SeqCst);
        let (reply, sightings) = dns.ask(&asked, TIME).await;
        assert!(matches!(reply, SourceReply::Partial { .. }), "{reply:?}");
        assert_eq!(told(&sightings), expected);
    }

    #[tokio::test]
    async fn no_such_name_is_a_failure_and_no_record_is_an_empty_list() {
        let (at, _) = resolver(|_, _| Some((ResponseCode::NXDomain, Vec::new()))).await;
        let (reply, _) = Dns::default().ask(&source("orders.example.", at), TIME).await;
        assert!(matches!(&reply, SourceReply::Failed(_)), "{reply:?}");
        let (at, _) = resolver(|_, _| Some((ResponseCode::NoError, Vec::new()))).await;
        let (reply, _) = Dns::default().ask(&source("orders.example.", at), TIME).await;
        assert_eq!(reply, SourceReply::Whole(Vec::new()));
        // Silence.
        let (at, _) = resolver(|_, _| None).await;
        let time = Duration::from_secs(1);
        let (reply, _) = Dns::default().ask(&source("orders.example.", at), time).await;
        assert!(matches!(&reply, SourceReply::Failed(_)), "{reply:?}");
    }

    #[test]
    fn the_system_has_three_resolvers_at_most() {
        let text = "# nameserver 10.0.0.9\nsearch x\nnameserver 10.0.0.1\n nameserver fd00::1 x\n\
                    nameserver fe80::1%eth0\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n";
        let shown: Vec<_> = resolvers_of(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(shown, ["10.0.0.1:53", "[fd00::1]:53", "10.0.0.2:53"]);
        assert!(resolvers_of("").is_empty());
    }
}
