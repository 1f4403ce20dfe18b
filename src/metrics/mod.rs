//! What is counted, and by whom.
//!
//! ```text
//! dns workers ──▶ DnsTally ──┐
//! probe tasks ──▶ ProbeMeter ┼──▶ Metrics ──▶ /metrics, status page
//! driver ───────▶ DriverCounts, service ──▶ ServiceCounts, kicks ──▶ KickCounts
//! ```
//!
//! Whoever counts adds to numbers of its own and never waits; whoever reads adds them up. A reader
//! may see one number before another that belongs to it, and never one that goes back.

mod discovery;
mod dns;
mod dns_kinds;
mod driver;
mod histogram;
mod kicks;
mod probes;
mod service;

pub use self::{
    discovery::DiscoveryReports,
    dns::{DnsCounters, DnsTally, DnsTotals, ReplySummary},
    dns_kinds::{DnsTransport, Dropped, QueryType, Refused, ReplyCode},
    driver::{DriverCounts, EventTurn, Failovers},
    histogram::{Histogram, HistogramTotals},
    kicks::{KickCounts, KickTotals},
    probes::{LastProbe, ProbeMeter, ProbeMetrics, ProbeSubject, ProbeTotals},
    service::ServiceCounts,
};

/// Everything that is counted. A clone reads the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// By the DNS workers.
    pub dns: DnsCounters,
    /// By the driver.
    pub driver: DriverCounts,
    /// By the probes.
    pub probes: ProbeMetrics,
    /// By the rest of the service.
    pub service: ServiceCounts,
    /// By the session kicks.
    pub kicks: KickCounts,
    /// By discovery.
    pub discovery: DiscoveryReports,
}
