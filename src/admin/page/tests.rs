//! The page as text and as HTML: everything is in it, in order, and nothing that could run.

use axum::http::HeaderValue;

use super::{
    history::History,
    writers::{PublishedWriter, Writer},
    *,
};
use crate::{
    engine::{Facts, Moment, Outcome},
    metrics::{ProbeMeter, ProbeMetrics, ProbeSubject},
    report::{ChangeKind, Wish, Words},
};

/// The HTML and the text of `status`.
fn shown(status: &Status, only: Option<&str>) -> (String, String) {
    let mut history = History::default();
    for look in 0..100 {
        let servers = [("db3", Some(look * 450)), ("billing2", Some(12))];
        let names = [("db-write.internal.", look * 8)].into_iter();
        history.note(Moment::from_millis(look * 2000), servers.into_iter(), look * 25, names);
    }
    let since = sample::NOW.earlier(413_000);
    let writer = Writer::Server("db2".into());
    let published = PublishedWriter { cluster: "orders", writer, since };
    let entries = sample::events();
    let entries = entries.iter().map(|entry| &**entry);
    history.writers().note(entries, [published].into_iter(), sample::NOW);
    let probes = ProbeMetrics::default();
    let _db2 = meter(&probes);
    let events = sample::events();
    let view = View {
        status,
        events: &events,
        history: &history,
        probes: &probes,
        discovery: &sample::discovery(),
        now: sample::NOW,
        only,
    };
    (document(&view).into_string(), text::text(&view))
}

fn meter(probes: &ProbeMetrics) -> ProbeMeter {
    let key = ProbeSubject { cluster: "orders".into(), server: "db2".into(), check: None };
    let meter = probes.meter(key);
    meter.note(&Outcome::Answered(Facts::Tcp), std::time::Duration::from_millis(3));
    meter
}

/// The text of HTML, without tags, with single spaces.
fn words(html: &str) -> String {
    let mut words = String::new();
    let mut in_tag = false;
    for character in html.chars() {
        match character {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                words.push(' ');
            }
            other if !in_tag => words.push(other),
            _ => {}
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn everything_is_told_without_a_script() {
    let (html, text) = shown(&sample::troubled(), None);
    let words = words(&html);
    for told in [
        "1 of 3 clusters has a writer that is not confirmed (users), 1 is degraded (orders)",
        "12.5/s",
        "1795000017",
        "3 d 3 h",
        "db-write.internal. → db2 for 3 d 2 h — it is the one writable primary; TTL 1 s; \
         4.0 queries/s Commands for db-write.internal. dig db-write.internal pointsman explain \
         db-write.internal",
        "Next db3 is drained: ends in 30 min 0 s Run-book: What each alarm means",
        "db2 since 14:53:07; before that none for 1 min 0 s; unknown before 14:52:07",
        "Run-book: A split brain",
        "billing postgres, stable",
        "✖ users-write , outage",
        "SOA serial 1795000017, generation 17.",
        "45 s from db2",
        "too few eligible replicas, so the primary helps out",
        "Down for 5 min 0 s",
        "connection refused (127.0.1.1:5432)",
        "45 s",
        "patroni: up (running, timeline 2)",
        "answered 3 ms,",
        "db3 is drained — ends in 30 min 0 s new disk — ada, 30 min 0 s ago. \
         End it: pointsman undrain db3",
        "users is frozen — until somebody ends it",
        "14:53:07 ▲ degraded: orders db-write.internal. none → db2 it is the one",
        "outage",
        "14:52:07 ✖ outage: orders db-write.internal. db1 → none no address",
        "14:51:07 ✖ outage: orders db1 Primary → Down connection refused",
        "▲ Warnings the state cannot be saved the hook chat fails",
        "Secondaries ▲ ns3 db.internal. at 10.0.0.53:53, serial 1795240801, late by 7.0 s: answers \
         with an old serial behind",
        "Names in zones of others ▲ db-write.corp.example. by corp-bind, from db-write.internal., \
         epoch 42: it has addresses and no owner record: remove them there, or say adopt = true \
         blocked",
    ] {
        assert!(words.contains(told), "{told:?} is not in {words}");
    }
    for told in [
        "1 of 3 clusters has a writer that is not confirmed (users), 1 is degraded (orders); \
         Pointsman itself has 2 warnings\npointsman 0.1.0, queries 12.5/s",
        "db3 is drained for 30 min 0 s more (ada: new disk); end it: pointsman undrain db3",
        "  write db-write.internal. -> db2 for 3 d 2 h, TTL 1 s, 4.0 queries/s: it is the one \
         writable primary",
        "connection refused (127.0.1.1:5432)",
        "\nwarning: the hook chat fails\n",
        "\nSecondaries\n  ▲ ns3 db.internal. behind at 10.0.0.53:53, serial 1795240801, late by \
         7.0 s: answers",
        "Last changes\n  ▲ 2026-11-21T14:53:07.250Z orders db-write.internal. none → db2: it",
        "  writer over the last 24 h: db2 since 14:53:07; before that none for 1 min 0 s; unknown",
        "  next: db3 is drained: ends in 30 min 0 s\n",
        "  dead branch: db4 replicates from db1, not the writer\n",
        "  what to do: /runbook/a-split-brain\n",
        "\nserial 1795000017, generation 17; /runbook says what to do\n",
    ] {
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
}

#[test]
fn a_change_tells_from_what_to_what_where_that_says_something() {
    let told = |kind, from: Option<&str>, to: Option<&str>| {
        let [from, to] = [from, to].map(|side| side.map(str::to_owned));
        document::turn(kind, &Words { from, to, ..Words::default() })
    };
    let write = ChangeKind::WriteChanged;
    assert_eq!(told(write, Some("db1"), Some("db2")).as_deref(), Some("db1 → db2"));
    assert_eq!(told(write, Some("db1"), None).as_deref(), Some("db1 → none"));
    assert_eq!(told(write, Some("db1"), Some("db1")).as_deref(), Some("db1, unchanged"));
    assert_eq!(told(ChangeKind::Override, None, Some("drain")), None);
    assert_eq!(told(ChangeKind::Config, None, None), None);
}

#[test]
fn problems_come_first_and_many_clusters_are_a_line_each() {
    let (html, text) = shown(&sample::many(1000), None);
    assert!(html.len() < 500_000, "{} octets", html.len());
    let place = |what: &str| html.find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(place("id=\"cluster-users\"") < place("id=\"cluster-orders\""));
    assert!(place("id=\"cluster-orders\"") < place("1001 more clusters"));
    assert!(!html.contains("id=\"cluster-shop0500\""));
    assert!(words(&html).contains("● shop0500 write → shop05001 read → shop05002, shop05003 ok"));
    assert!(text.find("\nusers (").unwrap() < text.find("\nbilling (").unwrap());
    let (one, _) = shown(&sample::many(1000), Some("SHOP0500"));
    assert!(one.contains("id=\"cluster-shop0500\"") && !one.contains("cluster-users"));
    let (none, _) = shown(&sample::many(10), Some("<nobody>"));
    assert!(none.contains("There is no cluster &lt;nobody&gt;."));
}

#[test]
fn nothing_that_is_named_can_run() {
    let mut status = sample::troubled();
    let evil = "</script><script>alert(1)</script>\"onmouseover=\"alert(2)' &";
    for cluster in &mut status.clusters {
        cluster.name = evil.into();
        for name in &mut cluster.names {
            name.name = evil.into();
            name.servers = vec![evil.into()];
        }
        for server in &mut cluster.servers {
            server.name = evil.into();
            server.failure = Some(evil.into());
        }
        for laid in &mut cluster.overrides {
            laid.reason = evil.into();
            laid.wish = Wish::Drain { server: evil.into(), force: false };
        }
    }
    let (html, _) = shown(&status, None);
    assert_eq!(html.matches("<script").count(), 1);
    assert!(!html.contains("alert(1)</script>") && !html.contains("\"onmouseover"));
    assert!(!html.contains(" style=") && !html.contains(" onmouseover="), "nothing styles or runs");
}

#[test]
fn a_service_without_clusters_or_changes_has_a_page_too() {
    let mut status = Status { clusters: Vec::new(), ..sample::well() };
    status.process.faults = vec!["the driver is stalled".into()];
    let view = View {
        status: &status,
        events: &[],
        history: &History::default(),
        probes: &ProbeMetrics::default(),
        discovery: &[],
        now: sample::NOW,
        only: None,
    };
    let words = words(&document(&view).into_string());
    assert!(words.contains("Not ready the driver is stalled"), "{words}");
    assert!(words.contains("No changes yet."), "{words}");
    assert!(text::text(&view).contains("not ready: the driver is stalled\n"));
}

#[test]
fn browsers_read_html_and_curl_does_not() {
    let asked = |accept: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        reads_html(&headers)
    };
    assert!(!reads_html(&HeaderMap::new()));
    assert!(!asked("*/*") && !asked("text/plain") && !asked("application/json"));
    assert!(asked("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
    assert!(asked("Text/HTML; charset=utf-8"));
}

#[test]
fn what_was_found_is_shown_with_its_reason_and_the_worst_first() {
    let (html, text) = shown(&sample::troubled(), None);
    let words = words(&html);
    for told in [
        "Discovery orders mode join",
        "source replication answered 12 s ago",
        "source file has not answered yet: no JSON &lt;b&gt;",
        "at 10.0.0.9:5432 , named by file: a stranger carries our identity examined",
        "db5 at 10.0.0.5:5432 , named by replication, file: follows db1 member",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    let (stranger, member) = (words.find("a stranger carries"), words.find("db5 at"));
    assert!(stranger < member, "{words}");
    assert!(words.contains("15 more; pointsman discover orders shows all of them."), "{words}");
    assert!(text.contains("\nDiscovery of orders, mode join\n"), "{text}");
    assert!(text.contains("✖ a server at 10.0.0.9:5432, named by file: a stranger"), "{text}");
    let (other, _) = shown(&sample::troubled(), Some("billing"));
    assert!(!other.contains("id=\"discovery\""), "{other}");
}
