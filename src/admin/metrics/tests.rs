//! The whole text, in both forms, of a service in which everything happens.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use axum::http::HeaderValue;

use super::{
    encoder::{Family, Kind},
    *,
};
use crate::{
    admin::page::sample,
    engine::{
        ClusterId, Event, Facts, Failure, FailureKind, Moment, Outcome, ServerIndex, WriteReason,
    },
    metrics::{
        DnsTransport, Dropped, KickTotals, ProbeSubject, QueryType, Refused, ReplyCode,
        ReplySummary,
    },
    report::{DiscoveryReport, DiscoverySource},
};

/// Every family has a sample.
fn eventful() -> Metrics {
    let metrics = Metrics::default();
    let key = |server: &str| ProbeSubject {
        cluster: "orders".into(),
        server: server.into(),
        check: None,
    };
    // The text outlives the tasks here.
    for server in ["db1", "db2"] {
        let meter = Box::leak(Box::new(metrics.probes.meter(key(server))));
        meter.note(&Outcome::Answered(Facts::Tcp), Duration::from_millis(3));
        let failure = Failure::new(FailureKind::TimedOut, "");
        meter.note(&Outcome::Failed(failure), Duration::from_millis(1500));
    }
    let write = |to: usize, reason| Event::Write {
        cluster: ClusterId(0),
        from: None,
        to: Some(ServerIndex::new(to)),
        reason,
    };
    for (millis, event) in [
        (0, write(0, WriteReason::Primary)),
        (1_000, write(0, WriteReason::HeldUnreachable)),
        (3_000, write(1, WriteReason::Primary)),
    ] {
        metrics.driver.happened(&event, Some("orders"), Moment::from_millis(millis));
    }
    let tally = metrics.dns.alone();
    let said = ReplySummary {
        query_type: QueryType::A,
        slot: 0,
        code: ReplyCode::NoError,
        truncated: true,
        refused: None,
    };
    tally.reply(DnsTransport::Udp, said);
    let refused = Some(Refused::NotAuthoritative);
    tally.reply(
        DnsTransport::Tcp,
        ReplySummary { slot: 9, code: ReplyCode::Refused, refused, ..said },
    );
    tally.dropped(DnsTransport::Udp, Dropped::RateLimited);
    metrics.kicks.count("orders", "db1", KickTotals { ended: 2, ..KickTotals::default() });
    metrics.discovery.tell(DiscoveryReport {
        cluster: "orders".into(),
        sources: vec![DiscoverySource {
            source: "replication".into(),
            age_seconds: Some(3),
            fault: None,
        }],
        ..DiscoveryReport::default()
    });
    metrics.service.state_saved(false);
    metrics.service.log_lost(7);
    metrics
}

fn text(format: Format) -> String {
    let status = sample::troubled();
    let slots = vec![("db-write.internal.".to_owned(), 0), ("db-read.internal.".to_owned(), 1)];
    let metrics = eventful();
    Scrape { status: &status, slots, metrics: &metrics, stalled: 1 }.text(format)
}

/// The families of a text in Prometheus' form, with their types.
fn families(text: &str) -> BTreeSet<(&str, &str)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split_once(' '))
        .collect()
}

#[test]
fn promtool_finds_no_fault() {
    for format in [Format::Prometheus, Format::OpenMetrics] {
        // It reads Prometheus' own text only.
        let text = match format {
            Format::Prometheus => text(format),
            Format::OpenMetrics => continue,
        };
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool; tests/run installs it");
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    }
}

#[test]
fn every_family_is_told_once_and_has_a_sample() {
    let text = text(Format::Prometheus);
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    assert_eq!(told.len(), families::ALL.len());
    for family in families::ALL {
        let Family { name, kind, .. } = family;
        let (suffix, kind) = match kind {
            Kind::Counter => ("_total", "counter"),
            Kind::Gauge => ("", "gauge"),
            Kind::Histogram => ("", "histogram"),
        };
        let named = format!("{name}{suffix}");
        assert!(families(&text).contains(&(&*named, kind)), "{named}");
        let samples = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ', '_']))
        });
        assert!(samples.count() > 0, "{named} has no sample:\n{text}");
        if let Some(unit) = family.unit {
            assert!(name.ends_with(&format!("_{unit}")), "{name} must end with its unit");
        }
    }
}

#[test]
fn what_is_counted_and_what_is_now_is_told() {
    let text = text(Format::Prometheus);
    for line in [
        "pointsman_stalled_parts 1",
        "pointsman_state_saved 0",
        "pointsman_log_lines_lost_total 7",
        "pointsman_serial_limited 1",
        "pointsman_state_set_aside 0",
        "pointsman_hook_runs_total{hook=\"chat\",result=\"told\"} 9",
        "pointsman_hook_runs_total{hook=\"chat\",result=\"failed\"} 3",
        "pointsman_hook_pending{hook=\"chat\"} 4",
        "pointsman_hook_dropped_total{hook=\"chat\"} 1",
        "pointsman_hook_failing{hook=\"chat\"} 1",
        "pointsman_dns_queries_total{proto=\"udp\",type=\"A\"} 1",
        "pointsman_dns_queries_total{proto=\"udp\",type=\"unread\"} 1",
        "pointsman_dns_responses_total{name=\"db-write.internal.\",rcode=\"NOERROR\"} 1",
        "pointsman_dns_responses_total{name=\"other\",rcode=\"REFUSED\"} 1",
        "pointsman_dns_refused_total{reason=\"not authoritative\"} 1",
        "pointsman_failovers_total{cluster=\"orders\",\
         reason=\"it is the one writable primary\"} 1",
        "pointsman_failover_duration_seconds_sum 2",
        "pointsman_probe_total{cluster=\"orders\",node=\"db1\",check=\"database\",\
         result=\"no reply in time\"} 1",
        "pointsman_node_state{cluster=\"orders\",node=\"db1\",state=\"Down\"} 1",
        "pointsman_node_role{cluster=\"orders\",node=\"db2\",role=\"primary\"} 1",
        "pointsman_node_replication_lag_seconds{cluster=\"orders\",node=\"db3\"} 45.200",
        "pointsman_name_stale{cluster=\"users\",name=\"users-write.internal.\",role=\"write\"} 1",
        "pointsman_split_brain{cluster=\"users\"} 1",
        "pointsman_cluster_stable{cluster=\"billing\"} 1",
        "pointsman_cluster_stable{cluster=\"orders\"} 0",
        "pointsman_cluster_calm{cluster=\"billing\"} 1",
        "pointsman_cluster_calm{cluster=\"orders\"} 0",
        "pointsman_override_active{cluster=\"orders\",kind=\"drain\",node=\"db3\",\
         force=\"false\"} 1",
        "pointsman_override_expiry_timestamp_seconds{cluster=\"orders\",kind=\"drain\",\
         node=\"db3\"} 1795275000.000",
        "pointsman_override_expiry_timestamp_seconds{cluster=\"users\",kind=\"freeze\",\
         node=\"\"} +Inf",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn openmetrics_is_for_those_who_ask_for_it() {
    let asked = |accept: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        accepted(&headers)
    };
    assert_eq!(accepted(&HeaderMap::new()), Format::Prometheus);
    for (accept, format) in [
        ("*/*", Format::Prometheus),
        ("text/plain", Format::Prometheus),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", Format::OpenMetrics),
        ("text/plain;q=0.5, Application/OpenMetrics-Text; version=0.0.1", Format::OpenMetrics),
        ("application/openmetrics-text;q=0, text/plain", Format::Prometheus),
        ("application/openmetrics-textual", Format::Prometheus),
    ] {
        assert_eq!(asked(accept), format, "{accept}");
    }
}

#[test]
fn the_document_has_the_same_table() {
    let document = include_str!("../../../docs/ADMIN.md");
    let row = |family: &&Family| {
        let (suffix, kind) = match family.kind {
            Kind::Counter => ("_total", "counter"),
            Kind::Gauge => ("", "gauge"),
            Kind::Histogram => ("", "histogram"),
        };
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "—".to_owned() } else { labels.join(", ") };
        format!("| `{}{suffix}` | {kind} | {labels} | {} |", family.name, family.help)
    };
    let expected: Vec<_> = families::ALL.iter().map(row).collect();
    let told: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| `pointsman_") || line.starts_with("| `process_"))
        .collect();
    assert!(told == expected, "docs/ADMIN.md must have these rows:\n{}\n", expected.join("\n"));
}
