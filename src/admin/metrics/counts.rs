//! Metrics of what is counted: by the service, the driver, the probes, the DNS workers and the
//! system.

use std::{fmt, time::Duration};

use super::{
    Scrape,
    encoder::{Encoder, Family},
    families as family,
    process::ProcessUse,
    states::millis,
};
use crate::{
    metrics::{
        DnsTransport, DriverCounts, Dropped, HistogramTotals, KickCounts, ProbeMeter, ProbeMetrics,
        QueryType, Refused, ReplyCode,
    },
    status::VERSION,
};

/// Of the service as a whole.
pub fn service(encoder: &mut Encoder, scrape: &Scrape<'_>) {
    let Scrape { status, metrics, stalled, .. } = scrape;
    let counts = &metrics.service;
    let (reloaded, at) = counts.last_reload();
    encoder.family(&family::BUILD);
    encoder.sample(&family::BUILD, &[VERSION], 1);
    one(encoder, &family::STARTED, millis(counts.started_millis()));
    one(encoder, &family::READY, u8::from(status.is_ready()));
    one(encoder, &family::STALLED, stalled);
    one(encoder, &family::ISOLATED, u8::from(status.isolated));
    one(encoder, &family::RELOAD_OK, u8::from(reloaded));
    one(encoder, &family::RELOAD_AT, millis(at));
    maybe(encoder, &family::STATE_SAVED, counts.is_state_saved().map(u8::from));
    one(encoder, &family::STATE_FAILURES, counts.state_failures());
    let state = status.process.state.as_ref();
    maybe(encoder, &family::STATE_ASIDE, state.map(|one| u8::from(one.set_aside.is_some())));
    maybe(encoder, &family::SERIAL_LIMITED, state.map(|one| u8::from(one.is_serial_limited)));
    one(encoder, &family::LOG_LOST, counts.log_lines_lost());
    one(encoder, &family::HINTS, counts.hints());
    one(encoder, &family::GENERATION, status.generation);
    one(encoder, &family::SERIAL, status.serial);
    one(encoder, &family::DECISIONS, metrics.driver.decisions());
    one(encoder, &family::PUBLICATIONS, metrics.driver.publications());
    encoder.family(&family::EVENTS);
    for (turn, count) in metrics.driver.turns() {
        encoder.sample(&family::EVENTS, &[turn.name()], count);
    }
}

/// Of the write names.
pub fn failovers(encoder: &mut Encoder, counts: &DriverCounts) {
    let clusters = counts.failovers();
    encoder.family(&family::FAILOVERS);
    for (cluster, changes) in &clusters {
        for (reason, count) in &changes.by_reason {
            encoder.sample(&family::FAILOVERS, &[cluster, &reason.to_string()], count);
        }
    }
    encoder.family(&family::WITHDRAWALS);
    for (cluster, changes) in &clusters {
        encoder.sample(&family::WITHDRAWALS, &[cluster], changes.withdrawals);
    }
    encoder.family(&family::FLAPS);
    for (cluster, changes) in &clusters {
        encoder.sample(&family::FLAPS, &[cluster], changes.flaps_suppressed);
    }
    encoder.family(&family::FAILOVER_DURATION);
    let totals = counts.durations();
    histogram(encoder, &family::FAILOVER_DURATION, &[], &DriverCounts::ENDS, &totals);
}

/// Of the session kicks.
pub fn kicks(encoder: &mut Encoder, counts: &KickCounts) {
    let totals = counts.totals();
    encoder.family(&family::KICKED);
    for ((cluster, server), totals) in &totals {
        encoder.sample(&family::KICKED, &[cluster, server, "on"], totals.ended);
        encoder.sample(&family::KICKED, &[cluster, server, "dry-run"], totals.found);
    }
    encoder.family(&family::KICK_FAILURES);
    for ((cluster, server), totals) in &totals {
        encoder.sample(&family::KICK_FAILURES, &[cluster, server], totals.failures);
    }
}

/// Of the probes.
pub fn probes(encoder: &mut Encoder, metrics: &ProbeMetrics) {
    let totals: Vec<_> = metrics
        .totals()
        .into_iter()
        .map(|(key, totals)| {
            let check = key.check.map_or_else(|| "database".to_owned(), |check| check.to_string());
            ([key.cluster.into_string(), key.server.to_string(), check], totals)
        })
        .collect();
    encoder.family(&family::PROBES);
    for ([cluster, server, check], totals) in &totals {
        let labels = [&**cluster, &**server, &**check, "answered"];
        encoder.sample(&family::PROBES, &labels, totals.answered);
        for (kind, count) in &totals.failed {
            let labels = [&**cluster, &**server, &**check, &kind.to_string()];
            encoder.sample(&family::PROBES, &labels, count);
        }
    }
    encoder.family(&family::PROBE_DURATION);
    for (labels, totals) in &totals {
        let labels = labels.each_ref().map(String::as_str);
        let durations = &totals.durations;
        histogram(encoder, &family::PROBE_DURATION, &labels, &ProbeMeter::ENDS, durations);
    }
    encoder.family(&family::PROBE_SUCCESS);
    for (labels, totals) in &totals {
        if let Some(at) = totals.last_success {
            let labels = labels.each_ref().map(String::as_str);
            encoder.sample(&family::PROBE_SUCCESS, &labels, millis(at));
        }
    }
}

/// Of the DNS workers.
pub fn dns(encoder: &mut Encoder, scrape: &Scrape<'_>) {
    let totals = scrape.metrics.dns.totals();
    encoder.family(&family::QUERIES);
    for ((_, transport), row) in DnsTransport::ALL.iter().zip(&totals.queries) {
        for ((_, kind), count) in QueryType::ALL.iter().zip(row) {
            encoder.sample(&family::QUERIES, &[transport, kind], count);
        }
    }
    encoder.family(&family::RESPONSES);
    for (name, slot) in &scrape.slots {
        // Without a slot of its own it is among the others.
        let Some([well, failed]) = totals.names.get(*slot as usize) else { continue };
        encoder.sample(&family::RESPONSES, &[name, "NOERROR"], well);
        encoder.sample(&family::RESPONSES, &[name, "SERVFAIL"], failed);
    }
    for ((_, code), count) in ReplyCode::ALL.iter().zip(totals.other) {
        encoder.sample(&family::RESPONSES, &["other", code], count);
    }
    encoder.family(&family::TRUNCATED);
    for ((_, transport), count) in DnsTransport::ALL.iter().zip(totals.truncated) {
        encoder.sample(&family::TRUNCATED, &[transport], count);
    }
    encoder.family(&family::REFUSED);
    for ((_, reason), count) in Refused::ALL.iter().zip(totals.refused) {
        encoder.sample(&family::REFUSED, &[reason], count);
    }
    encoder.family(&family::DROPPED);
    for ((_, reason), count) in Dropped::ALL.iter().zip(totals.dropped) {
        encoder.sample(&family::DROPPED, &[reason], count);
    }
}

/// Of the process, which started at `started`, in milliseconds since 1970.
pub fn process(encoder: &mut Encoder, used: ProcessUse, started: u64) {
    maybe(encoder, &family::CPU, used.cpu_seconds);
    maybe(encoder, &family::MEMORY, used.resident_octets);
    maybe(encoder, &family::DESCRIPTORS, used.open_descriptors);
    maybe(encoder, &family::MOST_DESCRIPTORS, used.most_descriptors);
    maybe(encoder, &family::THREADS, used.threads);
    one(encoder, &family::PROCESS_STARTED, millis(started));
}

/// A family with one sample.
fn one(encoder: &mut Encoder, family: &Family, value: impl fmt::Display) {
    maybe(encoder, family, Some(value));
}

/// A family with one sample or none.
fn maybe(encoder: &mut Encoder, family: &Family, value: Option<impl fmt::Display>) {
    encoder.family(family);
    if let Some(value) = value {
        encoder.sample(family, &[], value);
    }
}

fn histogram(
    encoder: &mut Encoder,
    family: &Family,
    labels: &[&str],
    ends: &[Duration],
    totals: &HistogramTotals,
) {
    let ends = ends.iter().map(Duration::as_secs_f64);
    encoder.histogram(family, labels, ends, &totals.cumulative, totals.sum.as_secs_f64());
}
