//! The alert rules and the dashboard: right by promtool, and about metrics that there are.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

use crate::scene::{Scene, project_file};

const RULES: &str = "packaging/prometheus/alerts.yml";
const DASHBOARD: &str = "packaging/grafana/dashboard.json";

#[test]
fn the_rules_are_right_and_do_what_their_tests_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus");
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["test", "rules", "alerts_days_test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(&folder)
            .output()
            .expect("promtool; tests/run installs it");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn each_alert_says_what_it_is_and_what_to_do() {
    let rules = project_file(RULES);
    let alerts = rules.matches("- alert: Pointsman").count();
    assert!(alerts >= 20, "{alerts}");
    for field in ["expr: ", "summary: ", "description: ", "labels: {severity: "] {
        assert_eq!(rules.matches(field).count(), alerts, "{field}");
    }
}

#[test]
fn each_alert_leads_to_a_section_of_the_run_book_that_is_served() {
    let scene = Scene::start("127.55.10");
    let rules = project_file(RULES);
    let alerts = rules.matches("- alert: Pointsman").count();
    let links: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook_url: \""))
        .map(|line| line.trim_end_matches('"'))
        .collect();
    assert_eq!(links.len(), alerts);
    for link in links {
        let (before, section) = link.rsplit_once('/').expect("a path");
        let is_ours = before.starts_with("http://{{ ") && before.ends_with(" }}/runbook");
        assert!(is_ours && before.contains("instance"), "{link}");
        let answer = scene.get(&format!("/runbook/{section}"), "");
        assert!(answer.head.starts_with("http/1.1 200"), "{link}: {}", answer.head);
        assert!(answer.body.starts_with("##"), "{link}: {}", answer.body);
    }
    let missing = scene.get("/runbook/nowhere", "");
    assert!(missing.head.starts_with("http/1.1 404"), "{}", missing.head);
    assert!(missing.body.contains("/runbook/a-split-brain\n"), "{}", missing.body);
}

#[test]
fn rules_and_dashboard_name_metrics_that_there_are() {
    let scene = Scene::start("127.55.6");
    let text = scene.get("/metrics", "").body;
    let mut known = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        known.insert(name.to_owned());
        if kind == "histogram" {
            known.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        }
    }
    assert!(known.len() > 40, "{text}");
    let rules = project_file(RULES);
    let expressions = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let mut used: BTreeSet<_> = expressions.flat_map(metrics).collect();
    let dashboard: Value = serde_json::from_str(&project_file(DASHBOARD)).expect("JSON");
    let mut shown = BTreeSet::new();
    collect(&dashboard, &mut shown);
    assert!(shown.len() > 25, "{shown:?}");
    used.extend(shown);
    let unknown: Vec<_> = used.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not in /metrics");
    // What is counted and never looked at is of no use.
    for name in known.iter().filter(|name| name.ends_with("_total")) {
        assert!(used.contains(name) || IDLE.contains(&name.as_str()), "nobody looks at {name}");
    }
}

/// For those who look closer.
const IDLE: [&str; 4] = [
    "pointsman_decisions_total",
    "pointsman_hints_total",
    "pointsman_publications_total",
    "pointsman_state_save_failures_total",
];

/// The metrics that a query names.
fn metrics(query: &str) -> Vec<String> {
    let words = query.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let named = |word: &&str| word.starts_with("pointsman_") || word.starts_with("process_");
    words.filter(named).map(str::to_owned).collect()
}

/// The metrics of all queries in a dashboard.
fn collect(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(query) if name == "expr" || name == "query" => {
                        used.extend(metrics(query));
                    }
                    other => collect(other, used),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, used)),
        _ => {}
    }
}
