//! Any octets as a query, by UDP and by TCP, over a fixed table: what comes back is a reply to it.
//!
//! - No reply to a reply, and none to less than a header. A reply to every query that can be parsed
//!   (RFC 8906 section 3.1).
//! - ID, opcode and question are the query's; QR is set; RA, AD and Z are clear.
//! - The reply is well-formed to its last octet, by UDP never longer than the client can take and
//!   1,232 octets, by TCP never truncated.
//! - What is in the buffer already stays there.
//! - The reply of the fast path is the one by way of messages, but for the order of its records and
//!   the case of their owners, which is the question's where it points there.

use std::{
    cell::RefCell,
    ffi::OsString,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use hickory_proto::{
    op::{Message, MessageType},
    rr::Record,
    serialize::binary::{BinDecodable, BinDecoder},
};
use pointsman::{
    answers::{AnswerTable, ClusterAnswers, Layout, Serial, build},
    config::{Config, Sources},
    dns::{Responder, Rules, Transport, Turn},
    engine::{
        ClusterId, Engine, Moment, ReadDecision, ReadReason, ReadServer, ServerIndex, ServerState,
        WriteDecision, WriteReason,
    },
    publish::Publisher,
};

/// Panics when the replies to `input` break a rule.
pub(crate) fn check(input: &[u8]) {
    thread_local! {
        static RESPONDER: RefCell<Responder> = RefCell::new(responder());
    }
    RESPONDER.with_borrow_mut(|responder| {
        let mut turn = responder.turn();
        for client in [INSIDE, OUTSIDE] {
            for transport in [Transport::Udp, Transport::Tcp] {
                check_one(&mut turn, input, client, transport);
            }
        }
    });
}

/// Who may see everything by default, and who may not.
const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn check_one(turn: &mut Turn<'_>, query: &[u8], client: IpAddr, transport: Transport) {
    let fast = reply(turn, query, client, transport, Turn::respond);
    let by_messages = reply(turn, query, client, transport, Turn::respond_by_messages);
    if let Some(reply) = &fast {
        sane(query, reply, transport);
    }
    if let Some(due) = due(query) {
        assert_eq!(fast.is_some(), due, "whether there is a reply");
    }
    if fast != by_messages {
        assert_eq!(
            fast.as_deref().map(told),
            by_messages.as_deref().map(told),
            "the fast path and the way by messages, to {client} by {transport}"
        );
    }
}

type Respond<'r> = fn(&mut Turn<'r>, &[u8], SocketAddr, Transport, &mut Vec<u8>) -> bool;

/// The reply that `respond` appends.
fn reply<'r>(
    turn: &mut Turn<'r>,
    query: &[u8],
    client: IpAddr,
    transport: Transport,
    respond: Respond<'r>,
) -> Option<Vec<u8>> {
    let client = SocketAddr::new(client, 53_000);
    let mut buffer = b"before".to_vec();
    let replied = respond(turn, query, client, transport, &mut buffer);
    let reply = buffer.strip_prefix(b"before").expect("what was before is still there").to_vec();
    assert_eq!(replied, !reply.is_empty(), "what it says and what it does");
    replied.then_some(reply)
}

/// Whether a reply must come; `None` where silence and FORMERR are both right.
fn due(query: &[u8]) -> Option<bool> {
    match query {
        [_, _, flags, ..] if flags & 0x80 != 0 => Some(false),
        query if query.len() < 12 => Some(false),
        query => Message::from_bytes(query).is_ok().then_some(true),
    }
}

fn sane(query: &[u8], reply: &[u8], transport: Transport) {
    let message = parsed(reply);
    assert_eq!(reply[..2], query[..2], "the ID");
    assert_eq!(message.metadata.message_type, MessageType::Response);
    assert_eq!((reply[2] ^ query[2]) & 0x78, 0, "the opcode");
    assert_eq!(reply[3] & 0xe0, 0, "RA, Z and AD");
    match transport {
        Transport::Udp => assert!(reply.len() <= room(query), "{} octets", reply.len()),
        _ => assert!(!message.metadata.truncation, "TC by TCP"),
    }
    if let (Some(asked), 1) = (question(query), message.queries.len()) {
        assert_eq!(question(reply), Some(asked), "the question");
    }
}

/// Octets that a reply by UDP may have.
fn room(query: &[u8]) -> usize {
    let edns = Message::from_bytes(query).map(|query| query.edns.map(|edns| edns.max_payload()));
    match edns {
        Ok(Some(announced)) => announced.clamp(512, 1232).into(),
        Ok(None) => 512,
        Err(_) => 1232,
    }
}

/// The first question as it is written, where there is one and no name in it is compressed.
fn question(message: &[u8]) -> Option<&[u8]> {
    if message.get(4..6)? == [0, 0] {
        return None;
    }
    let mut end = 12;
    loop {
        match message.get(end)? {
            0 => break,
            length if *length < 64 => end += 1 + usize::from(*length),
            _ => return None,
        }
    }
    message.get(12..end + 5)
}

fn parsed(reply: &[u8]) -> Message {
    let mut decoder = BinDecoder::new(reply);
    let message = Message::read(&mut decoder).expect("a well-formed reply");
    assert!(decoder.is_empty(), "octets after the end of the reply");
    message
}

/// What two replies are compared by.
#[derive(Debug, PartialEq)]
struct Told {
    header: Vec<u8>,
    question: Option<Vec<u8>>,
    /// Answer, authority and additional section.
    sections: [Vec<String>; 3],
    edns: String,
}

/// What a reply says, whatever the order of its records and the case of their owners.
fn told(reply: &[u8]) -> Told {
    let message = parsed(reply);
    let shown = |record: &Record| {
        let mut record = record.clone();
        record.name = record.name.to_lowercase();
        record.to_string()
    };
    let sorted = |records: &[Record]| {
        let mut records: Vec<_> = records.iter().map(shown).collect();
        records.sort();
        records
    };
    let sections = [&message.answers, &message.authorities, &message.additionals]
        .map(|section| sorted(section));
    let edns = format!("{:?} {:?}", message.edns, message.signature);
    Told {
        header: reply[..12].to_vec(),
        question: question(reply).map(<[u8]>::to_vec),
        sections,
        edns,
    }
}

const ZONE: &str = "\
$TTL 300
@          60 IN SOA ns1 hostmaster 7 3600 600 86400 5
@             IN NS  ns1
@             IN MX  10 mail
ns1           IN A   192.0.2.1
ns1           IN AAAA 2001:db8::1
mail          IN A   192.0.2.25
text          IN TXT \"one\" \"two\"
host.deep     IN TXT \"below an empty non-terminal\"
alias         IN CNAME db-write
chain         IN CNAME alias
away          IN CNAME www.example.
loop1         IN CNAME loop2
loop2         IN CNAME loop1
*.wild        IN A   192.0.2.9
*.wildalias   IN CNAME db-read
child         IN NS  ns.child
child         IN NS  ns.example.
ns.child      IN A   192.0.2.53
";

fn responder() -> Responder {
    let servers: String = (1..=100).map(server).collect();
    let text = format!("{CONFIG}{servers}");
    let config = Config::from_text(&text, Path::new("fuzz.toml"), &Files)
        .unwrap_or_else(|error| panic!("{error}"));
    let publisher = Publisher::new(table(&config).into());
    Responder::new(publisher.reader(), Arc::new(Rules::new(&config.dns)))
}

/// Without a rate limit, under which a query may or may not be answered.
const CONFIG: &str = "\
[dns]
identity = 'dns1'
cookie_secret_file = 'dns.cookies'
rate_limit = { responses_per_second = 0 }

[[zone]]
origin = 'internal.'
file = 'internal.zone'

[[cluster]]
name = 'carts'
engine = 'mysql'
write = { name = 'early.internal.' }
probe = { user = 'pointsman' }
server = [{ name = 'cart1', address = '10.0.1.1' }]

[[cluster]]
name = 'orders'
engine = 'postgres'
write = { name = 'db-write.internal.' }
read = [{ name = 'db-read.internal.' }, { name = 'many.internal.' }]
probe = { user = 'pointsman' }
";

/// The files that the configuration names.
struct Files;

impl Sources for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let cookies = path.ends_with("dns.cookies");
        Ok(if cookies { "00112233445566778899aabbccddeeff\n" } else { ZONE }.into())
    }

    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }
}

/// A write name that is held, so that it has an Extended DNS Error; read names of three servers
/// with two families, of a hundred, and a name without an answer yet.
fn table(config: &Config) -> AnswerTable {
    let of = |count: usize| ReadDecision {
        servers: (0..count)
            .map(|index| ReadServer {
                server: ServerIndex::new(index),
                percent: 100,
                sessions: None,
            })
            .collect(),
        reason: ReadReason::Eligible,
        since: Moment::START,
    };
    let write = WriteDecision {
        server: Some(ServerIndex::new(0)),
        reason: WriteReason::Held(ServerState::Down),
        since: Moment::START,
    };
    let names = config.clusters.iter().flat_map(|cluster| cluster.names.clone()).collect();
    let layout = Layout::new(&config.zones, names).expect("the names have places");
    // Nothing is known of any yet; then something is of the last.
    let policies = config.clusters.iter().map(|cluster| cluster.policy()).collect();
    let mut engine = Engine::new(policies, Moment::START);
    engine.decide(Moment::START);
    let mut decisions = [0, 1].map(|index| engine.decision(ClusterId(index)));
    decisions[1].write = Some(write);
    decisions[1].reads = vec![of(3), of(100)];
    let listings = config.directory().clusters;
    let answers: Vec<_> = listings
        .iter()
        .zip(&decisions)
        .map(|(listing, decision)| ClusterAnswers {
            overrides: &[],
            name: &listing.name,
            servers: &listing.servers,
            decision,
        })
        .collect();
    build(&Arc::new(layout), &answers, 1, Serial::MIN)
}

fn server(number: u8) -> String {
    let second = if number <= 3 { format!(", 'fd00::{number}'") } else { String::new() };
    format!("[[cluster.server]]\nname = 'db{number}'\naddress = ['10.0.0.{number}'{second}]\n")
}
