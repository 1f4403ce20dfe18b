//! A small DNS client that sends whatever octets a test wants, and is strict about what comes back.

use std::{net::SocketAddr, time::Duration};

use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{LowerName, Name, RData, Record, RecordType, rdata::opt::EdnsCode},
    serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// An answer that takes longer than this is none.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A question, built octet by octet.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) class: u16,
    pub(crate) opt: Option<Vec<u8>>,
    name: Vec<u8>,
    record_type: u16,
}

/// RD, which most resolvers set.
pub(crate) const RD: u16 = 0x0100;

pub(crate) fn ask(name: &str, record_type: RecordType) -> Ask {
    let mut wire = Vec::new();
    let mut parsed = Name::from_ascii(name).expect("a test's name");
    parsed.set_fqdn(true);
    parsed.emit(&mut BinEncoder::new(&mut wire)).expect("a name fits");
    Ask { id: 0x4711, flags: RD, class: 1, opt: None, name: wire, record_type: record_type.into() }
}

impl Ask {
    pub(crate) fn flags(mut self, flags: u16) -> Self {
        self.flags = flags;
        self
    }

    pub(crate) fn class(mut self, class: u16) -> Self {
        self.class = class;
        self
    }

    pub(crate) fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    /// With an OPT record of version 0 that announces `size`.
    pub(crate) fn edns(self, size: u16) -> Self {
        self.opt(size, 0, &[])
    }

    /// With an OPT record of these fields; `ttl` is rcode, version and flags.
    pub(crate) fn opt(mut self, size: u16, ttl: u32, options: &[u8]) -> Self {
        let mut opt = vec![0, 0, 41];
        opt.extend(size.to_be_bytes());
        opt.extend(ttl.to_be_bytes());
        opt.extend(u16::try_from(options.len()).expect("short").to_be_bytes());
        opt.extend(options);
        self.opt = Some(opt);
        self
    }

    pub(crate) fn question(&self) -> Vec<u8> {
        let mut question = self.name.clone();
        question.extend(self.record_type.to_be_bytes());
        question.extend(self.class.to_be_bytes());
        question
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        self.with_questions(1)
    }

    /// The same question so many times.
    pub(crate) fn with_questions(&self, count: u16) -> Vec<u8> {
        let mut message = header(self.id, self.flags, [count, 0, 0, u16::from(self.opt.is_some())]);
        for _ in 0..count {
            message.extend(self.question());
        }
        message.extend(self.opt.iter().flatten());
        message
    }

    pub(crate) async fn udp(&self, server: SocketAddr) -> Reply {
        Reply::parse(udp(server, &self.octets()).await.expect("a reply by UDP"))
    }

    pub(crate) async fn tcp(&self, server: SocketAddr) -> Reply {
        let mut stream = TcpStream::connect(server).await.expect("TCP is served");
        send(&mut stream, &self.octets()).await;
        Reply::parse(receive(&mut stream).await.expect("a reply by TCP"))
    }
}

pub(crate) fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(id.to_be_bytes());
    header.extend(flags.to_be_bytes());
    header.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    header
}

/// A socket of the server's family that talks to it alone.
pub(crate) async fn udp_to(server: SocketAddr) -> UdpSocket {
    let local = if server.is_ipv4() { "127.24.255.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(local).await.expect("a local port");
    socket.connect(server).await.expect("loopback");
    socket
}

/// The reply to these octets, whatever they are; `None` for silence.
pub(crate) async fn udp(server: SocketAddr, octets: &[u8]) -> Option<Vec<u8>> {
    let socket = udp_to(server).await;
    socket.send(octets).await.expect("loopback");
    let mut buffer = vec![0; 65_535];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.ok()?.ok()?;
    buffer.truncate(length);
    Some(buffer)
}

pub(crate) async fn send(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(&framed(message)).await.expect("an open connection");
}

pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("a DNS message");
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

/// The next message of the stream; `None` when it ends.
pub(crate) async fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let read = async {
        let length = stream.read_u16().await.ok()?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await.ok()?;
        Some(message)
    };
    timeout(PATIENCE, read).await.expect("a reply in time")
}

/// A reply that was parsed to its last octet.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) octets: Vec<u8>,
    pub(crate) message: Message,
}

impl Reply {
    pub(crate) fn parse(octets: Vec<u8>) -> Self {
        let mut decoder = BinDecoder::new(&octets);
        let message = Message::read(&mut decoder).expect("a well-formed reply");
        assert!(decoder.is_empty(), "octets after the end of the reply: {octets:?}");
        Self { octets, message }
    }

    pub(crate) fn flags(&self) -> u16 {
        u16::from_be_bytes([self.octets[2], self.octets[3]])
    }

    /// The 12-bit response code.
    pub(crate) fn code(&self) -> u16 {
        self.message.metadata.response_code.into()
    }

    pub(crate) fn edns(&self) -> Option<&Edns> {
        self.message.edns.as_ref()
    }

    /// Records in answer, authority and additional section; OPT does not count.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let message = &self.message;
        (message.answers.len(), message.authorities.len(), message.additionals.len())
    }

    /// The data of the answer section in its order.
    pub(crate) fn answers(&self) -> Vec<String> {
        let data = |record: &Record| record.data.to_string();
        self.message.answers.iter().map(data).collect()
    }

    /// Owner and TTL of the one SOA record in the authority section.
    pub(crate) fn authority(&self) -> (LowerName, u32) {
        match self.message.authorities.as_slice() {
            [record] if matches!(record.data, RData::SOA(_)) => {
                (LowerName::from(&record.name), record.ttl)
            }
            other => panic!("not one SOA record: {other:?}"),
        }
    }

    /// How many octets the question section has.
    pub(crate) fn question(&self) -> usize {
        let octets = |query: &Query| query.name().len() + 4;
        self.message.queries.iter().map(octets).sum()
    }

    /// The data of an option of the OPT record.
    pub(crate) fn option(&self, code: u16) -> Option<Vec<u8>> {
        let option = self.edns()?.option(EdnsCode::from(code))?;
        Some(Vec::<u8>::try_from(option).expect("an option has octets"))
    }

    /// The Extended DNS Error: its code and text.
    pub(crate) fn extended_error(&self) -> Option<(u16, String)> {
        let data = self.option(15)?;
        let text = String::from_utf8(data[2..].to_vec()).expect("EXTRA-TEXT is UTF-8");
        Some((u16::from_be_bytes([data[0], data[1]]), text))
    }
}
