//! A transfer on its way: message after message into one connection, in the task of that connection.
//!
//! Nobody else waits for it. A secondary that does not read loses its connection; it can keep its own
//! places only, and those for all are never taken by one alone.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Semaphore,
    task::{spawn_blocking, yield_now},
    time::timeout,
};

use super::{
    offer::{Messages, Secondary},
    tsig::Signer,
    wire::{Body, Head},
};
use crate::{clock, config::TransferTransport};

/// How long a transfer waits for a place.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(10);

/// How long a transfer may take once it has one.
const LONGEST: Duration = Duration::from_secs(120);

/// A transfer that is granted and not yet sent.
#[derive(Debug)]
pub struct Passage {
    /// What stands before the records of each message.
    pub head: Head,
    /// The OPT record of the first message, or nothing.
    pub opt: Vec<u8>,
    /// The records.
    pub messages: Messages,
    /// Signs the messages, if the request was signed.
    pub signer: Option<Signer>,
    /// Who gets it.
    pub secondary: Arc<Secondary>,
    /// The places of all transfers.
    pub places: Arc<Semaphore>,
}

impl Passage {
    /// Whether it may only be sent by TLS 1.3 to who named the protocol `dot` (RFC 9103 sections 7.1 and 7.2).
    pub fn needs_encryption(&self) -> bool {
        self.secondary.config.transport == TransferTransport::Tls
    }

    /// Sends it. Each message must be taken within `patience`; `moved` is called after each. Returns whether
    /// the connection is of further use.
    pub async fn send(
        mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        patience: Duration,
        moved: impl Fn(),
    ) -> bool {
        let (own, all) = (Arc::clone(&self.secondary.places), Arc::clone(&self.places));
        // First its own: who waits there takes no place from others.
        let places = async { (own.acquire_owned().await, all.acquire_owned().await) };
        let Ok((Ok(_own), Ok(_place))) = timeout(WAIT_FOR_PLACE, places).await else {
            return self.fail(SERVFAIL, stream, patience).await;
        };
        let sent = timeout(LONGEST, self.send_all(stream, patience, moved)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Says `code` instead.
    pub async fn fail(
        mut self,
        code: u16,
        stream: &mut (impl AsyncWrite + Unpin),
        patience: Duration,
    ) -> bool {
        self.head.flags |= code;
        let opt = std::mem::take(&mut self.opt);
        let body = Body::default();
        timeout(patience, self.write(&body, &opt, stream)).await.is_ok_and(|wrote| wrote.is_ok())
    }

    async fn send_all(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        patience: Duration,
        moved: impl Fn(),
    ) -> io::Result<()> {
        let bodies: Arc<[Body]> = match &mut self.messages {
            Messages::Ready(bodies) => std::mem::take(bodies).into(),
            Messages::Whole(version) => {
                let version = Arc::clone(version);
                spawn_blocking(move || version.whole()).await.map_err(io::Error::other)?
            }
        };
        let mut opt = std::mem::take(&mut self.opt);
        for body in &*bodies {
            timeout(patience, self.write(body, &opt, stream)).await??;
            opt.clear();
            moved();
            yield_now().await;
        }
        Ok(())
    }

    async fn write(
        &mut self,
        body: &Body,
        opt: &[u8],
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let mut message = self.head.message(body, opt);
        if let Some(signer) = &mut self.signer {
            signer.sign(&mut message, clock::unix_seconds());
        }
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes(), &message[..]].concat();
        stream.write_all(&framed).await?;
        stream.flush().await
    }
}

/// Response codes (RFC 1035 section 4.1.1).
pub const SERVFAIL: u16 = 2;
/// See `SERVFAIL`.
pub const REFUSED: u16 = 5;
