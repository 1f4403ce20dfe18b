//! `GET /metrics`: everything that is counted and everything that is now, for Prometheus.
//!
//! A scrape reads the published snapshot and the counters, and waits for nobody. A client that
//! accepts OpenMetrics gets that; everybody else gets Prometheus' own text.

mod counts;
mod encoder;
mod families;
mod process;
mod states;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};

use self::{
    encoder::{Encoder, Format},
    process::ProcessUse,
};
use super::{Operations, reply::reply};
use crate::{metrics::Metrics, status::Status};

/// All metrics, in the form that the client reads.
pub async fn metrics(State(operations): State<Operations>, headers: HeaderMap) -> Response {
    let format = accepted(&headers);
    let scrape = Scrape {
        status: &operations.status(),
        slots: operations.slots(),
        metrics: operations.metrics(),
        stalled: operations.stalled(),
    };
    reply(StatusCode::OK, format.media_type(), scrape.text(format))
}

/// What a scrape tells.
#[derive(Debug)]
struct Scrape<'s> {
    /// What is now.
    status: &'s Status,
    /// The slot of each served name, by which replies are counted.
    slots: Vec<(String, u32)>,
    /// What is counted.
    metrics: &'s Metrics,
    /// How many parts stand still.
    stalled: usize,
}

impl Scrape<'_> {
    /// The whole text.
    fn text(&self, format: Format) -> String {
        let mut encoder = Encoder::new(format);
        counts::service(&mut encoder, self);
        states::encode(&mut encoder, self.status, &self.metrics.discovery);
        counts::failovers(&mut encoder, &self.metrics.driver);
        counts::kicks(&mut encoder, &self.metrics.kicks);
        counts::probes(&mut encoder, &self.metrics.probes);
        counts::dns(&mut encoder, self);
        states::hooks(&mut encoder, &self.status.process.hooks);
        states::secondaries(&mut encoder, &self.status.process.secondaries);
        states::pushes(&mut encoder, &self.status.process.pushes);
        counts::process(&mut encoder, ProcessUse::now(), self.metrics.service.started_millis());
        encoder.finish()
    }
}

/// The form that a client asks for. Weights are not looked at, but for that which forbids: whoever
/// names OpenMetrics can read it, and Prometheus names it first.
fn accepted(headers: &HeaderMap) -> Format {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let named = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"))
            && parts.all(|parameter| !matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    };
    match accepts.flat_map(|value| value.split(',')).any(named) {
        true => Format::OpenMetrics,
        false => Format::Prometheus,
    }
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests;
