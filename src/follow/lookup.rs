//! Asks a DNS server what a name says: its addresses, their port, and the text beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    ProtoError,
    op::{Edns, Message, Query, ResponseCode},
    rr::{Name, RData, RecordType},
    serialize::binary::DecodeError,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::{
    connection::canonical,
    heard::{Answer, Heard, Port, server_words},
};

/// A name with what stands beside it.
#[derive(Clone, Debug)]
pub struct Question {
    name: Name,
    status: Option<Name>,
    services: Vec<Name>,
}

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    /// The socket failed.
    #[error("{0}")]
    Socket(#[from] io::Error),
    /// The question is none.
    #[error("{0}")]
    Question(#[from] ProtoError),
    /// The reply is none.
    #[error("its reply cannot be read: {0}")]
    Reply(#[from] DecodeError),
    /// The server says that it cannot answer.
    #[error("it says {0}")]
    Code(ResponseCode),
    /// The name has addresses, and nothing says to which port they are meant.
    #[error("no SRV record tells the port of the servers: say it with --port")]
    NoPort,
    /// No reply came.
    #[error("no reply within {PATIENCE:?}")]
    Silence,
}

impl Question {
    /// For this name; `None` when it is none.
    pub fn about(name: &str) -> Option<Self> {
        let mut name = Name::from_ascii(name).ok()?;
        name.set_fqdn(true);
        let beside = |label: &str| Name::from_ascii(label).ok()?.append_domain(&name).ok();
        let services = ["_postgresql._tcp", "_mysql._tcp"].into_iter().filter_map(beside);
        Some(Self { status: beside("_status"), services: services.collect(), name })
    }

    /// Asks `server` for all of it, and tells for how long the answer may be kept.
    pub async fn ask(&self, server: SocketAddr, port: Port) -> (Heard, Result<Duration, String>) {
        let found = match port {
            Port::Given(port) => addresses(server, &self.name, port).await,
            Port::BySrv => self.by_srv(server).await,
        };
        let (answer, kept) = match found {
            Ok((servers, ttl)) if servers.is_empty() => (Answer::Nobody, Ok(ttl)),
            Ok((servers, ttl)) => (Answer::Servers(servers), Ok(ttl)),
            Err(error) => (Answer::Failed, Err(format!("{server}: {error}"))),
        };
        let servers = match answer {
            Answer::Failed => BTreeMap::new(),
            Answer::Servers(_) | Answer::Nobody => self.words(server).await,
        };
        (Heard { answer, servers }, kept)
    }

    /// Asks `server` for the addresses alone, each with `port`; none when there is no such name.
    ///
    /// # Errors
    /// Why there is no answer that counts, in words.
    pub async fn addresses(
        &self,
        server: SocketAddr,
        port: u16,
    ) -> Result<BTreeSet<SocketAddr>, String> {
        let found = addresses(server, &self.name, port).await;
        found.map(|(servers, _)| servers).map_err(|error| error.to_string())
    }

    /// What the text beside the name says; nothing where there is none.
    async fn words(&self, server: SocketAddr) -> BTreeMap<SocketAddr, super::heard::ServerWord> {
        let Some(status) = &self.status else { return BTreeMap::new() };
        let Ok(Some(reply)) = exchange(server, status, RecordType::TXT).await else {
            return BTreeMap::new();
        };
        let texts = reply.answers.iter().filter_map(|record| match &record.data {
            RData::TXT(text) => Some(text.to_string()),
            _ => None,
        });
        texts.flat_map(|line| server_words(&line)).collect()
    }

    async fn by_srv(&self, server: SocketAddr) -> Result<Found, LookupError> {
        let mut found = (BTreeSet::new(), Duration::MAX);
        for service in &self.services {
            let Some(reply) = exchange(server, service, RecordType::SRV).await? else { continue };
            for record in &reply.answers {
                if let RData::SRV(srv) = &record.data {
                    let (servers, ttl) = addresses(server, &srv.target, srv.port).await?;
                    found.0.extend(servers);
                    let ttl = ttl.min(Duration::from_secs(record.ttl.into()));
                    found.1 = found.1.min(ttl);
                }
            }
        }
        // Clusters of any kind but PostgreSQL and MySQL have no service, and copies may lack them.
        if found.0.is_empty() && !addresses(server, &self.name, 0).await?.0.is_empty() {
            return Err(LookupError::NoPort);
        }
        Ok(found)
    }
}

/// Servers, and for how long that may be kept.
type Found = (BTreeSet<SocketAddr>, Duration);

async fn addresses(server: SocketAddr, name: &Name, port: u16) -> Result<Found, LookupError> {
    let mut found = (BTreeSet::new(), Duration::MAX);
    for kind in [RecordType::A, RecordType::AAAA] {
        let Some(reply) = exchange(server, name, kind).await? else { continue };
        for record in &reply.answers {
            let address = match &record.data {
                RData::A(address) => address.0.into(),
                RData::AAAA(address) => address.0.into(),
                _ => continue,
            };
            found.0.insert(canonical(address, port));
            found.1 = found.1.min(Duration::from_secs(record.ttl.into()));
        }
    }
    Ok(found)
}

/// The reply to one question; `None` when there is no such name.
async fn exchange(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
) -> Result<Option<Message>, LookupError> {
    let reply = timeout(PATIENCE, ask(server, name, kind)).await;
    let reply = reply.map_err(|_| LookupError::Silence)??;
    match reply.metadata.response_code {
        ResponseCode::NoError => Ok(Some(reply)),
        ResponseCode::NXDomain => Ok(None),
        code => Err(LookupError::Code(code)),
    }
}

async fn ask(server: SocketAddr, name: &Name, kind: RecordType) -> Result<Message, LookupError> {
    let query = Query::query(name.clone(), kind);
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(query.clone());
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_SIZE);
    question.set_edns(edns);
    let (id, octets) = (question.metadata.id, question.to_vec()?);
    let is_meant = |reply: &Message| reply.metadata.id == id && reply.queries == [query.clone()];

    // A port of its own for each question, and the server's replies alone: RFC 5452.
    let ours: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(ours).await?;
    socket.connect(server).await?;
    socket.send(&octets).await?;
    let mut buffer = [0; UDP_SIZE as usize];
    let reply = loop {
        let length = socket.recv(&mut buffer).await?;
        // What cannot be read is nobody's reply.
        match Message::from_vec(&buffer[..length]) {
            Ok(reply) if is_meant(&reply) => break reply,
            _ => {}
        }
    };
    if !reply.metadata.truncation {
        return Ok(reply);
    }
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&octets).await?;
    let mut buffer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut buffer).await?;
    let reply = Message::from_vec(&buffer)?;
    if is_meant(&reply) { Ok(reply) } else { Err(LookupError::Silence) }
}

/// As much as a reply over UDP may hold.
const UDP_SIZE: u16 = 1232;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::MessageType,
        rr::{Record, rdata::A},
    };

    use super::*;

    /// Answers with these addresses, and has no service.
    async fn server(addresses: &'static [&str]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let at = socket.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let mut buffer = [0; 1232];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let mut reply = Message::from_vec(&buffer[..length]).expect("a question");
                reply.metadata.message_type = MessageType::Response;
                let query = reply.queries[0].clone();
                if query.query_type() == RecordType::A {
                    let data =
                        addresses.iter().map(|address| RData::A(A(address.parse().unwrap())));
                    let record = |data| Record::from_rdata(query.name().clone(), 1, data);
                    reply.answers.extend(data.map(record));
                }
                let reply = reply.to_vec().expect("a reply");
                socket.send_to(&reply, from).await.expect("loopback takes it");
            }
        });
        at
    }

    #[tokio::test]
    async fn addresses_without_a_port_are_no_answer_and_say_what_to_do() {
        let question = Question::about("write.db.internal").expect("a name");
        let (heard, kept) = question.ask(server(&["192.0.2.1"]).await, Port::BySrv).await;
        assert_eq!(heard.answer, Answer::Failed);
        let fault = kept.expect_err("nobody says the port");
        assert!(fault.contains("say it with --port"), "{fault}");
        let (heard, kept) = question.ask(server(&[]).await, Port::BySrv).await;
        assert_eq!((heard.answer, kept.is_ok()), (Answer::Nobody, true));
        let given = Port::Given(6000);
        let (heard, _) = question.ask(server(&["192.0.2.1"]).await, given).await;
        let there = "192.0.2.1:6000".parse().expect("an address");
        assert_eq!(heard.answer, Answer::Servers([there].into()));
    }
}
