//! One request and its reply over a connection of its own, which is driven while somebody waits for
//! the reply.

use std::{pin::Pin, sync::Arc};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    engine::{Failure, FailureKind},
    probe::socket::Meter,
};

/// A reply whose body has yet to be read.
pub struct Exchange {
    status: u16,
    body: Incoming,
    connection: Connection,
    meter: Arc<Meter>,
    /// Whoever drops it ends the connection.
    _sender: SendRequest<Empty<Bytes>>,
}

/// The other half of a connection, until it has ended.
struct Connection(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Connection {
    /// Drives it while `work` goes on.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            let Some(connection) = &mut self.0 else { return work.await };
            tokio::select! {
                biased;
                done = &mut work => return done,
                // What has been received is still to be read, and an error comes out there.
                () = connection => self.0 = None,
            }
        }
    }
}

impl Exchange {
    /// Sends `request` and reads the head of the reply.
    ///
    /// # Errors
    ///
    /// How it failed. A status, whatever it is, is a reply.
    pub async fn begin<S>(
        stream: S,
        meter: Arc<Meter>,
        request: Request<Empty<Bytes>>,
    ) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failure(&error, &meter))?;
        let mut connection = Connection(Some(Box::pin(async { _ = connection.await })));
        let reply = connection.drive(sender.send_request(request)).await;
        let reply = reply.map_err(|error| failure(&error, &meter))?;
        let status = reply.status().as_u16();
        Ok(Self { status, body: reply.into_body(), connection, meter, _sender: sender })
    }

    /// The status of the reply.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The next part of the body; `None` at its end. Cancel-safe.
    ///
    /// # Errors
    ///
    /// How the connection failed.
    pub async fn part(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let Some(frame) = self.connection.drive(self.body.frame()).await else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| failure(&error, &self.meter))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// Allows as many octets more as one reply may have.
    pub fn refill(&self) {
        self.meter.refill();
    }
}

/// What an error of the HTTP library proves. One that does not parse is odd, whatever the
/// connection did then.
fn failure(error: &hyper::Error, meter: &Meter) -> Failure {
    match meter.end() {
        Some(end) if !error.is_parse() => end.clone(),
        _ => Failure::new(FailureKind::Garbled, format!("no HTTP reply: {error}")),
    }
}
