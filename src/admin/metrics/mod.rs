//! `GET /metrics`: everything that is counted and everything that is now, for Prometheus.
//!
//! A scrape reads the published snapshot and the counters, and waits for nobody. A client that
//! accepts OpenMetrics gets that; everybody else gets Prometheus' own text.

mod counts;
mod encoder;
mod families;
mod process;
mod states;

use axum::http::{HeaderMap, header};

pub(super) use self::encoder::Format;
use self::{encoder::Encoder, process::ProcessUse};
use crate::{api::Status, metrics::Metrics};

/// What a scrape tells.
#[derive(Debug)]
pub(super) struct Scrape<'s> {
    /// What is now.
    pub(super) status: &'s Status,
    /// The slot of each served name, by which replies are counted.
    pub(super) slots: Vec<(String, u32)>,
    /// What is counted.
    pub(super) metrics: &'s Metrics,
    /// How many parts stand still.
    pub(super) stalled: usize,
}

impl Scrape<'_> {
    /// The whole text.
    pub(super) fn text(&self, format: Format) -> String {
        let mut encoder = Encoder::new(format);
        counts::service(&mut encoder, self);
        states::encode(&mut encoder, self.status);
        counts::failovers(&mut encoder, &self.metrics.driver);
        counts::probes(&mut encoder, &self.metrics.probes);
        counts::dns(&mut encoder, self);
        counts::process(&mut encoder, ProcessUse::now(), self.metrics.service.started_millis());
        encoder.finish()
    }
}

/// The form that a client asks for. Weights are not looked at: whoever names OpenMetrics can read
/// it, and Prometheus names it first.
pub(super) fn accepted(headers: &HeaderMap) -> Format {
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
    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests;
