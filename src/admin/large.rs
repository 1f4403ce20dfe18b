//! Large replies to clients that do not read: few are held at a time, and none for long.
//!
//! Whoever can connect can ask for `/metrics`, `/v1/status` and the page, which are megabytes when
//! there are thousands of clusters. A reply is made at once and goes as slowly as its client reads,
//! so without a limit each client would hold a reply of its own.
//!
//! - Of each path [`MOST`] large replies are held for the network, and as many for the Unix socket.
//!   For one more, the oldest is let go of: whoever still reads it has its connection closed.
//! - While [`FRESH`] or more are held, those who ask for the same within [`SAME`] share one. So no
//!   flood makes more than one reply a second of what honest clients ask for, and the oldest is
//!   seconds old when it has to go.
//! - A connection lasts ten seconds at most, however slowly its client reads (`connections.rs`).

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::MethodRouter,
};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use super::connections::Peer;

/// The large replies of one path.
#[derive(Clone, Debug, Default)]
struct Shelf(Arc<Sides>);

#[derive(Debug, Default)]
struct Sides {
    local: Mutex<Vec<Held>>,
    network: Mutex<Vec<Held>>,
}

/// A reply that somebody may still be reading.
#[derive(Debug)]
struct Held {
    kind: Kind,
    made: Instant,
    text: Weak<Text>,
}

/// What a reply is: two of one kind and one second are as good as the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    query: Option<Box<str>>,
    media_type: Option<HeaderValue>,
}

/// What all who read it share; empty once it had to go.
#[derive(Debug)]
struct Text(Mutex<Bytes>);

/// One client's way through a text.
#[derive(Debug)]
struct Reading {
    text: Arc<Text>,
    sent: usize,
    length: usize,
}

/// Lets `handler` answer with large replies, few at a time. `by_query`: whether the query changes
/// what is told.
pub fn large<S: Clone + Send + Sync + 'static>(
    handler: MethodRouter<S, Infallible>,
    by_query: bool,
) -> MethodRouter<S, Infallible> {
    handler.layer(from_fn_with_state((Shelf::default(), by_query), few_at_a_time))
}

async fn few_at_a_time(
    State((shelf, by_query)): State<(Shelf, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let is_read = *request.method() == Method::GET;
    let is_local = matches!(request.extensions().get(), Some(Peer::Local { .. }));
    let query = request.uri().query().filter(|_| by_query).map(Into::into);
    let response = next.run(request).await;
    if !is_read {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(octets) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Response::from_parts(parts, Body::empty());
    };
    if octets.len() < LARGE {
        return Response::from_parts(parts, Body::from(octets));
    }
    let kind = Kind { query, media_type: parts.headers.get(header::CONTENT_TYPE).cloned() };
    let reading = shelf.place(is_local, kind, octets, Instant::now());
    // It may be another text of the same second.
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::new(reading))
}

impl Shelf {
    /// Takes a reply that was made `now`, and gives it or its like to a client.
    fn place(&self, is_local: bool, kind: Kind, octets: Bytes, now: Instant) -> Reading {
        let side = if is_local { &self.0.local } else { &self.0.network };
        let mut held = side.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|held| held.text.strong_count() > 0);
        if held.len() >= FRESH {
            let mut like = held.iter().rev().filter(|held| {
                held.kind == kind && now.saturating_duration_since(held.made) < SAME
            });
            if let Some(text) = like.find_map(|held| held.text.upgrade()) {
                return Reading::new(text);
            }
        }
        if held.len() >= MOST {
            // The oldest is in front.
            if let Some(text) = held.remove(0).text.upgrade() {
                *text.lock() = Bytes::new();
            }
        }
        let text = Arc::new(Text(Mutex::new(octets)));
        held.push(Held { kind, made: now, text: Arc::downgrade(&text) });
        Reading::new(text)
    }
}

impl Text {
    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn new(text: Arc<Text>) -> Self {
        let length = text.lock().len();
        Self { text, sent: 0, length }
    }

    /// What comes next: a copy, so that what waits to be sent holds no more than itself.
    fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.sent >= self.length {
            return None;
        }
        let end = self.length.min(self.sent + PIECE);
        let piece = self.text.lock().get(self.sent..end).map(Bytes::copy_from_slice);
        self.sent = if piece.is_some() { end } else { self.length };
        Some(piece.ok_or_else(|| io::Error::other("it was read too slowly and gave way")))
    }
}

impl hyper::body::Body for Reading {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.next().map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.sent >= self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.length - self.sent) as u64)
    }
}

/// From so many octets on a reply is large: of smaller ones every place may hold its own.
const LARGE: usize = 128 * 1024;

/// Large replies of one path that are held at a time, on each side.
const MOST: usize = 4;

/// So many may be made for whoever asks; then those of one second share.
const FRESH: usize = 2;

/// How old a reply may be that somebody else was given before.
const SAME: Duration = Duration::from_secs(1);

/// Octets that are handed on at a time.
const PIECE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use axum::{Extension, Router, routing::get};
    use hyper::server::conn::http1;
    use hyper_util::{rt::TokioIo, service::TowerToHyperService};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A client that has asked and read nothing yet.
    async fn asking(routes: &Router, request: &str) -> DuplexStream {
        let (mut client, server) = duplex(PIECE);
        let service = TowerToHyperService::new(routes.clone());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        tokio::spawn(async move { _ = connection.await });
        let head = format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client
    }

    /// Head and octets of the body, as far as they come.
    async fn read(client: &mut DuplexStream) -> (String, usize) {
        let mut octets = Vec::new();
        _ = client.read_to_end(&mut octets).await;
        let text = String::from_utf8(octets).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.len())
    }

    #[tokio::test]
    async fn a_large_reply_arrives_whole_unless_it_is_left_lying() {
        let told = get(async || "x".repeat(SIZE));
        let routes = Router::new().route("/", large(told, true));
        let routes = routes.layer(Extension(Peer::Network(([127, 0, 0, 1], 9).into())));
        let length = format!("content-length: {SIZE}");
        let (head, octets) = read(&mut asking(&routes, "GET /").await).await;
        assert!(head.contains(&length) && octets == SIZE, "{head} {octets}");
        let (head, octets) = read(&mut asking(&routes, "HEAD /").await).await;
        assert!(head.contains(&length) && octets == 0, "{head} {octets}");
        let mut idle = Vec::new();
        for number in 0..64 {
            let mut client = asking(&routes, &format!("GET /?{number}")).await;
            // It has begun, so the reply is made.
            client.read_exact(&mut [0; 4]).await.unwrap();
            idle.push(client);
        }
        let (_, octets) = read(&mut asking(&routes, "GET /").await).await;
        assert_eq!(octets, SIZE, "who reads has all of it");
        for (number, client) in idle.iter_mut().enumerate() {
            let (head, octets) = read(client).await;
            assert!(head.contains(&length), "{head}");
            let is_whole = octets == SIZE;
            assert_eq!(is_whole, number >= 64 - (MOST - 1), "{number}: {octets}");
        }
    }

    const SIZE: usize = 1024 * 1024;

    fn kind(query: Option<&str>) -> Kind {
        Kind { query: query.map(Into::into), media_type: None }
    }

    /// A reply full of this octet, after so many milliseconds.
    fn ask(shelf: &Shelf, start: Instant, millis: u64, query: Option<&str>, octet: u8) -> Reading {
        let now = start + Duration::from_millis(millis);
        shelf.place(false, kind(query), vec![octet; SIZE].into(), now)
    }

    /// Everything that a client gets, until its end or until it is cut.
    fn all(reading: &mut Reading) -> Result<Vec<u8>, io::Error> {
        let mut read = Vec::new();
        while let Some(piece) = reading.next() {
            read.extend_from_slice(&piece?);
        }
        Ok(read)
    }

    /// Octets that clients hold, each text once.
    fn held(readings: &[Reading]) -> usize {
        let mut texts: Vec<_> = readings.iter().map(|reading| &reading.text).collect();
        texts.sort_by_key(|text| Arc::as_ptr(text));
        texts.dedup_by(|one, other| Arc::ptr_eq(one, other));
        texts.iter().map(|text| text.lock().len()).sum()
    }

    #[test]
    fn clients_that_do_not_read_hold_four_replies_however_many_they_are() {
        let (shelf, start) = (Shelf::default(), Instant::now());
        let mut idle = Vec::new();
        for number in 0..640_u64 {
            idle.push(ask(&shelf, start, number * 50, None, b'x'));
            assert!(held(&idle) <= MOST * SIZE, "{number}");
        }
        // Nor if each asks for something else.
        for number in 0..64_u64 {
            let query = number.to_string();
            idle.push(ask(&shelf, start, 32_000, Some(&query), b'x'));
            assert!(held(&idle) <= MOST * SIZE, "{number}");
        }
        // Who reads has its own, whole; who was too slow is told, and gets nothing of another's.
        let mut honest = ask(&shelf, start, 40_000, None, b'h');
        assert_eq!(all(&mut honest).unwrap(), vec![b'h'; SIZE]);
        assert!(all(&mut idle[0]).is_err());
        assert!(idle[0].next().is_none());
    }

    #[test]
    fn who_reads_gets_what_is_now_and_floods_get_what_was_within_the_second() {
        let (shelf, start) = (Shelf::default(), Instant::now());
        for millis in 0..100_u8 {
            let mut reading = ask(&shelf, start, millis.into(), None, millis);
            assert_eq!(all(&mut reading).unwrap()[0], millis, "nobody holds one");
        }
        let _idle = [ask(&shelf, start, 100, None, 1), ask(&shelf, start, 200, None, 2)];
        assert_eq!(all(&mut ask(&shelf, start, 1_199, None, 3)).unwrap()[0], 2);
        assert_eq!(all(&mut ask(&shelf, start, 1_200, None, 4)).unwrap()[0], 4);
        assert_eq!(all(&mut ask(&shelf, start, 300, Some("x"), 5)).unwrap()[0], 5, "another kind");
        let local = shelf.place(true, kind(None), vec![6; SIZE].into(), start);
        assert_eq!(local.text.lock()[0], 6, "the Unix socket has its own");
    }
}
