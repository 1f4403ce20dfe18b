//! One connection from its first question to its end.
//!
//! It ends when the client closes its half and everything is answered; when no whole question has
//! arrived for the idle time, however many octets did (RFC 7766 section 6.2.3); when the client
//! does not read its replies for as long; when it sends what cannot be a message; and when the
//! server stops.

use std::{net::SocketAddr, pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    select,
    sync::watch,
    task::yield_now,
    time::{Instant, sleep_until, timeout},
};

use super::{
    super::{Transport, responder::Responder},
    frames::{Frame, Frames, LENGTH},
    places::Place,
};
use crate::transfer::{Passage, REFUSED};

/// A connection that is being served.
pub struct Conversation<S> {
    stream: S,
    client: SocketAddr,
    transport: Transport,
    responder: Responder,
    place: Place,
    /// Whether it is encrypted as transfers may have to be (RFC 9103).
    is_private: bool,
    stopping: watch::Receiver<bool>,
    incoming: Frames,
    /// Replies that are not yet written, each with its length.
    outgoing: Vec<u8>,
}

/// What a turn has left to do.
enum Left {
    /// More questions are here.
    More,
    /// The next question is not here.
    Nothing,
    /// What comes next makes no sense.
    Broken,
    /// A transfer is to be sent before anything else.
    Transfer(Box<Passage>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    /// On an open stream.
    pub fn new(
        stream: S,
        client: SocketAddr,
        transport: Transport,
        responder: Responder,
        place: Place,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let (incoming, outgoing) = Default::default();
        let is_private = false;
        Self {
            stream,
            client,
            transport,
            responder,
            place,
            is_private,
            stopping,
            incoming,
            outgoing,
        }
    }

    /// The same on a stream that is encrypted as transfers may have to be.
    pub fn private(self, is_private: bool) -> Self {
        Self { is_private, ..self }
    }

    /// Answers until the connection has to end.
    pub async fn run(mut self) {
        let mut stopping = self.stopping.clone();
        let mut stop = pin!(stopping.wait_for(|&is_stopping| is_stopping));
        let mut is_stopping = false;
        // Moves on when it is reached, not with each question.
        let mut alarm = pin!(sleep_until(self.place.idle_until()));
        loop {
            let read = select! {
                biased;
                read = self.incoming.read(&mut self.stream) => read,
                () = &mut alarm => {
                    let end = self.place.idle_until();
                    if is_stopping || end <= Instant::now() {
                        break;
                    }
                    alarm.as_mut().reset(end);
                    continue;
                }
                _ = &mut stop, if !is_stopping => {
                    is_stopping = true;
                    alarm.as_mut().reset(Instant::now() + LAST_QUESTIONS);
                    continue;
                }
            };
            if !matches!(read, Ok(1..)) || !self.answer_all().await {
                break;
            }
        }
        // By TLS this is a message too; nobody waits long for a client that does not listen.
        _ = timeout(GOODBYE, self.stream.shutdown()).await;
    }

    /// Answers all whole questions that have been read. Returns whether the conversation goes on.
    async fn answer_all(&mut self) -> bool {
        loop {
            let left = self.answer();
            if !self.outgoing.is_empty() {
                let write = async {
                    self.stream.write_all(&self.outgoing).await?;
                    self.stream.flush().await
                };
                let Ok(Ok(())) = timeout(self.place.idle_timeout(), write).await else {
                    return false;
                };
                self.outgoing.clear();
                self.outgoing.shrink_to(2 * WRITE_AT);
            }
            match left {
                Left::Nothing => return true,
                Left::Broken => return false,
                // Others have questions too.
                Left::More => yield_now().await,
                Left::Transfer(passage) => {
                    if !self.send(*passage).await {
                        return false;
                    }
                }
            }
        }
    }

    /// Sends a transfer. Returns whether the conversation goes on.
    async fn send(&mut self, passage: Passage) -> bool {
        let patience = self.place.idle_timeout();
        let is_welcome = self.is_private || !passage.needs_encryption();
        self.place.asked();
        match is_welcome {
            true => passage.send(&mut self.stream, patience, || self.place.asked()).await,
            false => passage.fail(REFUSED, &mut self.stream, patience).await,
        }
    }

    /// Appends the replies to the next questions to `outgoing`, as many as fit into one write.
    fn answer(&mut self) -> Left {
        let Self { incoming, outgoing, responder, client, transport, place, .. } = self;
        if !incoming.has_more() {
            return Left::Nothing;
        }
        place.asked();
        let mut turn = responder.turn();
        loop {
            let message = match incoming.take() {
                Frame::Message(message) => message,
                Frame::Incomplete => break Left::Nothing,
                Frame::Broken => break Left::Broken,
            };
            let start = outgoing.len();
            outgoing.extend_from_slice(&[0; LENGTH]);
            if turn.respond(message, *client, *transport, outgoing) {
                let length = outgoing.len() - start - LENGTH;
                let length = u16::try_from(length).expect("a reply has at most 65,535 octets");
                outgoing[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
            } else {
                outgoing.truncate(start);
                if let Some(passage) = turn.take_passage() {
                    break Left::Transfer(passage);
                }
            }
            if outgoing.len() >= WRITE_AT {
                break Left::More;
            }
        }
    }
}

/// Replies are written when they have this many octets together, whatever else there is to answer.
const WRITE_AT: usize = 16 * 1024;

/// How long a connection waits for questions that are on their way when the server stops.
const LAST_QUESTIONS: Duration = Duration::from_millis(50);

/// How long taking leave of a client may take.
const GOODBYE: Duration = Duration::from_secs(1);
