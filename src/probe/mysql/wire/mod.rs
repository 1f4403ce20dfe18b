//! The packets of the client/server protocol on a socket of our own.
//!
//! Because the socket is ours, the end of an idle connection is seen the moment it comes, and no
//! octet is kept that our own limits do not allow: [`Meter`] counts what a whole reply brings,
//! [`Frames`] what one packet claims. Nothing is allocated for what is merely announced.
//!
//! A packet whose first octet is 0xFF is an error in each phase of the protocol (MySQL manual,
//! "ERR_Packet"), so errors are told apart here. Sequence numbers must fit, except that of an error
//! that crossed our question: such an error belongs to the connection and not to the statement.

mod err_packet;
mod fields;
mod frames;

use std::{io, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use self::frames::Frames;
pub use self::{fields::Fields, frames::Octets};
use super::error::{Fault, garbled};
use crate::{
    engine::{Failure, FailureKind},
    probe::{
        socket::{Meter, Metered, failure_of},
        tls,
        trouble::Trouble,
    },
};

/// The most octets one reply to a question may have. Only GTID sets, which a status statement
/// repeats for each channel, can come near it.
pub const REPLY_OCTETS_MAX: usize = 1 << 20;

/// First octet of an error.
const ERROR: u8 = 0xFF;
/// How much is read at a time.
const READ_OCTETS: usize = 8 * 1024;

/// One connection, in clear text or encrypted.
pub struct Wire {
    stream: Box<dyn Stream>,
    meter: Arc<Meter>,
    frames: Frames,
    scratch: Box<[u8]>,
    /// The sequence number of the next packet, theirs or ours.
    sequence: u8,
    encrypted: bool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Wire {
    /// A connection on which nothing was said yet, with the allowance of a login.
    pub(super) fn new(stream: TcpStream) -> Self {
        let (stream, meter) = Metered::new(stream);
        Self {
            stream: Box::new(stream),
            meter,
            frames: Frames::default(),
            scratch: vec![0; READ_OCTETS].into(),
            sequence: 0,
            encrypted: false,
        }
    }

    /// The same connection, encrypted from here on.
    ///
    /// # Errors
    /// `Garbled` when the server has said more than it was asked for: whoever adds clear text before
    /// the encryption must not pass for the server after it. Else how the handshake failed.
    pub(super) async fn encrypt(
        self,
        config: Arc<ClientConfig>,
        host: ServerName<'static>,
    ) -> Result<Self, Failure> {
        let Self { stream, meter, frames, scratch, sequence, .. } = self;
        if !frames.is_empty() {
            return Err(garbled("clear text before the TLS handshake"));
        }
        let handshake = TlsConnector::from(config).connect(host, stream).await;
        let stream = handshake.map_err(|error| failure(&meter, &error, "TLS handshake"))?;
        Ok(Self { stream: Box::new(stream), meter, frames, scratch, sequence, encrypted: true })
    }

    /// Whether what is sent cannot be read on the way.
    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Begins a command: numbers start anew, and so does the allowance for the reply.
    pub(super) fn begin(&mut self) {
        self.begin_for(REPLY_OCTETS_MAX);
    }

    /// The same for a reply of up to so many octets.
    pub(super) fn begin_for(&mut self, octets: usize) {
        self.sequence = 0;
        self.meter.allow(octets);
    }

    /// Sends one packet.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let frame = frames::frame(self.sequence, payload)?;
        self.sequence = self.sequence.wrapping_add(1);
        let sent = match self.stream.write_all(&frame).await {
            Ok(()) => self.stream.flush().await,
            error => error,
        };
        sent.map_err(|error| failure(&self.meter, &error, "sending"))
    }

    /// The payload of the next packet.
    ///
    /// # Errors
    /// The server's error; or the connection's end, a packet out of order or beyond the limits.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>, Fault> {
        let frame = loop {
            match self.frames.next()? {
                Some(frame) => break frame,
                None => self.fill().await?,
            }
        };
        let in_order = frame.sequence == self.sequence;
        self.sequence = frame.sequence.wrapping_add(1);
        match frame.payload.first() {
            Some(&ERROR) => {
                let fault = Fault::of_packet(&frame.payload)?;
                Err(if in_order { fault } else { Fault::Broken(fault.into()) })
            }
            _ if in_order => Ok(frame.payload),
            _ => Err(garbled(format!("packet {} is out of order", frame.sequence)).into()),
        }
    }

    /// Waits until the server ends the connection on which nothing is asked, with a word or without.
    ///
    /// Cancel-safe: what was read is kept, and the next one who waits or asks gets it.
    pub(super) async fn ended(&mut self) -> Trouble {
        // The last reply may have used up what it was allowed.
        self.meter.allow(REPLY_OCTETS_MAX);
        loop {
            let filled = match self.frames.next() {
                Ok(Some(frame)) if frame.payload.first() == Some(&ERROR) => {
                    return match Fault::of_packet(&frame.payload) {
                        Ok(fault) => fault.into(),
                        Err(failure) => failure.into(),
                    };
                }
                Ok(Some(_)) => return garbled("a packet that nobody asked for").into(),
                Ok(None) => self.fill().await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = filled {
                return failure.into();
            }
        }
    }

    /// What the server said before it hung up on us, if it did; never waits for more.
    pub(super) async fn last_words(&mut self) -> Option<Trouble> {
        tokio::select! {
            biased;
            trouble = self.ended() => Some(trouble),
            () = std::future::ready(()) => None,
        }
    }

    /// Ends the connection in order; errors tell nobody anything any more.
    pub(super) async fn shut_down(mut self) {
        let _ = self.stream.shutdown().await;
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        match self.stream.read(&mut self.scratch).await {
            Ok(0) => {
                let closed = "the server closed the connection";
                Err(Failure::new(FailureKind::Closed, closed))
            }
            Ok(count) => {
                self.frames.take_in(&self.scratch[..count]);
                Ok(())
            }
            Err(error) => Err(failure(&self.meter, &error, "receiving")),
        }
    }
}

/// What an error of the stream proves, given what the socket below it saw.
fn failure(meter: &Meter, error: &io::Error, doing: &str) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(error) = inner {
        return tls::misconfigured(error);
    }
    meter.end().cloned().unwrap_or_else(|| failure_of(error, doing))
}

#[cfg(test)]
mod tests;
