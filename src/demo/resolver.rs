//! A client that asks for addresses over DNS, as `dig` would, and reads the reason out of the
//! reply.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    ProtoError,
    op::{Edns, Message, Query, ResponseCode},
    rr::{Name, RData, RecordType, rdata::opt::EdnsCode},
    serialize::binary::DecodeError,
};
use tokio::{net::UdpSocket, time::timeout};

use super::settings::addresses;
use crate::engine::ServerIndex;

/// A socket that talks to one DNS server.
#[derive(Debug)]
pub struct Resolver {
    socket: UdpSocket,
}

/// What a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// NOERROR when all is well.
    pub(super) code: ResponseCode,
    /// Its IPv4 addresses; the order of an answer means nothing.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The text of the Extended DNS Error (RFC 8914), if there is one.
    pub(super) note: Option<String>,
}

impl Answer {
    /// NOERROR with the addresses of these servers of the demo.
    pub fn of(servers: &[ServerIndex], note: Option<&str>) -> Self {
        Self {
            code: ResponseCode::NoError,
            addresses: addresses(servers),
            note: note.map(str::to_owned),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The socket failed.
    #[error("cannot ask over DNS: {0}")]
    Socket(#[from] io::Error),
    /// The question is none.
    #[error("cannot ask for such a name: {0}")]
    Question(#[from] ProtoError),
    /// The reply is none.
    #[error("the DNS reply cannot be read: {0}")]
    Reply(#[from] DecodeError),
    /// No reply came.
    #[error("no DNS reply within {PATIENCE:?}")]
    Silence,
}

impl Resolver {
    /// Nothing is sent yet.
    pub async fn connect(server: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        socket.connect(server).await?;
        Ok(Self { socket })
    }

    /// The IPv4 addresses of `name`.
    pub async fn ask(&self, name: &str) -> Result<Answer, AskError> {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name)?, RecordType::A));
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_SIZE);
        question.set_edns(edns);
        self.socket.send(&question.to_vec()?).await?;
        let reply = timeout(PATIENCE, self.reply_to(question.metadata.id)).await;
        Ok(Answer::read(&reply.map_err(|_| AskError::Silence)??))
    }

    /// The reply with this number; a late one to an earlier question is passed over.
    async fn reply_to(&self, id: u16) -> Result<Message, AskError> {
        let mut buffer = [0; UDP_SIZE as usize];
        loop {
            let length = self.socket.recv(&mut buffer).await?;
            let reply = Message::from_vec(&buffer[..length])?;
            if reply.metadata.id == id {
                return Ok(reply);
            }
        }
    }
}

impl Answer {
    fn read(reply: &Message) -> Self {
        let addresses = reply.answers.iter().filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        });
        let note = reply
            .edns
            .as_ref()
            .and_then(|edns| edns.option(EdnsCode::Unknown(EXTENDED_ERROR)))
            .and_then(|option| Vec::<u8>::try_from(option).ok())
            // The first two octets are the code.
            .and_then(|octets| String::from_utf8(octets.get(2..)?.to_vec()).ok());
        Self {
            code: reply.metadata.response_code,
            addresses: addresses.collect(),
            note: note.filter(|text| !text.is_empty()),
        }
    }
}

/// Number of the option (RFC 8914 section 2).
const EXTENDED_ERROR: u16 = 15;

/// As much as a reply may hold.
const UDP_SIZE: u16 = 1232;

/// Far longer than a reply over loopback takes.
const PATIENCE: Duration = Duration::from_secs(2);
