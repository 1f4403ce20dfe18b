//! Server-sent events (HTML Living Standard, section 9.2): each change when it happens.
//!
//! Who comes back with `Last-Event-ID` hears what it has missed, as far as that is remembered. A
//! stream that is slower than the events is served from what is remembered, too. It ends after an
//! hour, for a client that is gone may never say so, and browsers come back by themselves.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use futures_util::stream;
use serde::Deserialize;
use tokio::{
    select,
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{Instant, sleep, sleep_until},
};

use super::{
    Operations,
    connections::Visit,
    events::{is_of, known},
    rejection::Rejection,
    request::QueryOf,
};
use crate::{
    api::{EventEntry, Refused},
    chronicle::{Chronicle, Entry},
};

/// The query of `GET /v1/events/stream`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    cluster: Option<String>,
}

/// Each change when it happens, as server-sent events: `id`, `event` (its kind) and `data` (an
/// `EventEntry` as JSON).
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "look",
    params(
        ("cluster" = Option<String>, Query, description = "Only of this cluster"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Begin after this; else now"),
    ),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The request cannot be understood", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
        (status = 503, description = "There are too many streams", body = Refused),
    ),
)]
pub async fn stream_of_events(
    State(operations): State<Operations>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    QueryOf(StreamQuery { cluster }): QueryOf<StreamQuery>,
) -> Result<Response, Rejection> {
    if let Some(name) = &cluster {
        known(&operations, name)?;
    }
    let after = match headers.get("last-event-id") {
        Some(id) => {
            Some(id.to_str().ok().and_then(|id| id.trim().parse().ok()).ok_or_else(|| {
                Rejection::bad("`Last-Event-ID` is no number; leave it out to begin now")
            })?)
        }
        None => None,
    };
    let Some(place) = visit.stay() else {
        let error = "there are as many streams as may be; close one, or ask GET /v1/events";
        return Err(Rejection::unavailable(error));
    };
    let following =
        Following::new(operations.chronicle().clone(), after, cluster, visit.stopping(), place);
    let body = stream::unfold(following, async |mut following| {
        let piece = following.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), following))
    });
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = StatusCode::OK;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// One client's way through the chronicle.
struct Following {
    chronicle: Chronicle,
    /// Remembered events that are still to be told, oldest first.
    waiting: VecDeque<Arc<Entry>>,
    news: Receiver<Arc<Entry>>,
    /// The last one that was told or passed over.
    last: u64,
    cluster: Option<String>,
    begun: bool,
    end: Instant,
    stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Following {
    fn new(
        chronicle: Chronicle,
        after: Option<u64>,
        cluster: Option<String>,
        stopping: watch::Receiver<bool>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (remembered, news) = chronicle.follow();
        let newest = remembered.last().map_or(0, |entry| entry.id);
        // A number that was never given comes from another life: all is told.
        let last = after.map_or(newest, |after| if after > newest { 0 } else { after });
        let waiting = remembered.into_iter().filter(|entry| entry.id > last).collect();
        let end = Instant::now() + LASTS;
        Self { chronicle, waiting, news, last, cluster, begun: false, end, stopping, _place: place }
    }

    /// The next octets; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            return Some(format!("retry: {}\n\n", COME_BACK.as_millis()));
        }
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                if entry.id <= self.last {
                    continue;
                }
                self.last = entry.id;
                if is_of(&entry, self.cluster.as_deref()) {
                    return framed(&entry);
                }
                continue;
            }
            select! {
                heard = self.news.recv() => match heard {
                    Ok(entry) => self.waiting.push_back(entry),
                    Err(RecvError::Lagged(_)) => {
                        let (remembered, news) = self.chronicle.follow();
                        self.waiting = remembered.into();
                        self.news = news;
                    }
                    Err(RecvError::Closed) => return None,
                },
                () = sleep(KEEP_ALIVE) => return Some(": still here\n\n".to_owned()),
                () = sleep_until(self.end) => return None,
                _ = self.stopping.wait_for(|&stops| stops) => return None,
            }
        }
    }
}

/// One event as it goes over the wire: JSON has no line breaks.
fn framed(entry: &Entry) -> Option<String> {
    let data = serde_json::to_string(&EventEntry::from(entry)).ok()?;
    let kind = entry.change.kind().name();
    Some(format!("id: {}\nevent: {kind}\ndata: {data}\n\n", entry.id))
}

/// How long a stream lasts.
const LASTS: Duration = Duration::from_secs(3600);

/// How often something is sent, so that a client that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When a client that was cut off should come back.
const COME_BACK: Duration = Duration::from_secs(1);
