//! One connection to a server of somebody else's zone: messages out, each signed, and their replies in.

use std::{io, net::SocketAddr, time::Duration};

use hickory_proto::op::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::fault::PushFault;
use crate::{
    clock,
    transfer::{Key, TsigRefusal, last_record, sign_request},
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The replies to `messages` of the server at `to`, in their order. Each message is signed with `key` here and now:
/// another attempt is another message.
///
/// # Errors
/// [`PushFault`], at the first that is not answered as it must be.
pub async fn exchange(
    to: SocketAddr,
    key: &Key,
    messages: &[Message],
) -> Result<Vec<Message>, PushFault> {
    timeout(PATIENCE, talk(to, key, messages)).await.unwrap_or(Err(PushFault::Silent))
}

async fn talk(to: SocketAddr, key: &Key, messages: &[Message]) -> Result<Vec<Message>, PushFault> {
    let mut stream = TcpStream::connect(to).await.map_err(unreachable)?;
    _ = stream.set_nodelay(true);
    let mut replies = Vec::with_capacity(messages.len());
    for message in messages {
        let mut octets = message.to_vec().map_err(|_| PushFault::Garbled)?;
        let expected = sign_request(key, &mut octets, clock::unix_seconds());
        let length = u16::try_from(octets.len()).map_err(|_| PushFault::Garbled)?;
        let framed = [&length.to_be_bytes(), &octets[..]].concat();
        stream.write_all(&framed).await.map_err(unreachable)?;
        let length = stream.read_u16().await.map_err(unreachable)?;
        let mut octets = vec![0; length.into()];
        stream.read_exact(&mut octets).await.map_err(unreachable)?;
        let reply = Message::from_vec(&octets).map_err(|_| PushFault::Garbled)?;
        if reply.metadata.id != message.metadata.id
            || reply.metadata.op_code != message.metadata.op_code
        {
            return Err(PushFault::Garbled);
        }
        let start = last_record(&octets);
        let is_signed =
            start.is_some_and(|start| expected.is_signed(&octets, start, clock::unix_seconds()));
        match TsigRefusal::of(&reply) {
            Some(TsigRefusal::BadKey) => return Err(PushFault::BadKey),
            Some(TsigRefusal::BadSignature) => return Err(PushFault::BadSignature),
            Some(TsigRefusal::BadTime) => return Err(PushFault::BadTime),
            None if !is_signed => return Err(PushFault::Unsigned),
            None => replies.push(reply),
        }
    }
    Ok(replies)
}

fn unreachable(error: io::Error) -> PushFault {
    PushFault::Unreachable(error.to_string().into())
}
