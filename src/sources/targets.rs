//! The form in which Prometheus is told of targets (`file_sd`, `http_sd`): a list of groups, each
//! with `targets` and `labels`.
//!
//! A target is a host with or without a port. The label `name` is what it may be called; without it,
//! a host name's first label is. One target that cannot be read spoils no other one.

use serde_json::Value;

use super::AskError;
use crate::{
    config::{HostPort, TargetHost, host_port},
    discovery::{FINDS_MAX, Find, FindHost, Labels, NameHint, SourceKind, SourceReply},
    plain_text::start_of_line,
};

/// What `octets` name.
///
/// # Errors
///
/// [`AskError::Json`], when they are not a list in JSON.
pub fn targets(kind: SourceKind, octets: &[u8]) -> Result<SourceReply, AskError> {
    let groups: Vec<Value> = serde_json::from_slice(octets)?;
    let mut reading = Reading { kind, finds: Vec::new(), odd: None, odds: 0, all: 0 };
    for group in &groups {
        reading.group(group);
    }
    Ok(reading.reply())
}

/// What has been read of a list.
struct Reading {
    kind: SourceKind,
    finds: Vec<Find>,
    /// The first thing that could not be read.
    odd: Option<String>,
    odds: usize,
    all: usize,
}

impl Reading {
    fn group(&mut self, group: &Value) {
        let Some(targets) = group.get("targets").and_then(Value::as_array) else {
            self.note_odd("a group without a list of `targets`".to_owned());
            return;
        };
        let labels = labels(group.get("labels"));
        for target in targets {
            self.all += 1;
            // More are counted, and not kept.
            if self.finds.len() > FINDS_MAX {
                continue;
            }
            match target.as_str().and_then(|text| find(self.kind, text, &labels)) {
                Some(find) => self.finds.push(find),
                None => {
                    let shown = start_of_line(&target.to_string(), SHOWN);
                    self.note_odd(format!("{shown} is not a host with a port"));
                }
            }
        }
    }

    fn note_odd(&mut self, what: String) {
        self.odd.get_or_insert(what);
        self.odds += 1;
    }

    fn reply(self) -> SourceReply {
        let missing = match (self.odd, self.odds) {
            (Some(first), 1) => Some(first),
            (Some(first), odds) => Some(format!("{first}, and {} more like it", odds - 1)),
            (None, _) if self.all > FINDS_MAX => {
                Some(format!("{} servers, and only {FINDS_MAX} are looked at", self.all))
            }
            (None, _) => None,
        };
        SourceReply::of(self.finds, missing.as_deref())
    }
}

/// The find of one target.
fn find(kind: SourceKind, target: &str, labels: &Labels) -> Option<Find> {
    let HostPort { host, port } = host_port(target)?;
    let (host, first_label) = match host {
        TargetHost::Address(address) => (FindHost::Address(address.to_canonical()), None),
        TargetHost::Name(name) => {
            let first = name.split('.').next().and_then(NameHint::reduced);
            (FindHost::Name(name), first)
        }
    };
    let name = labels.get("name").and_then(NameHint::reduced).or(first_label);
    Some(Find { source: kind, name, host, port, labels: labels.clone() })
}

/// Texts and numbers; what else there is describes no server.
pub fn labels(object: Option<&Value>) -> Labels {
    let mut labels = Labels::default();
    for (key, value) in object.and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::String(text) => labels.add(key, text),
            Value::Number(number) => labels.add(key, &number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
    labels
}

/// Characters of a target that is none.
const SHOWN: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SourceReply {
        targets(SourceKind::File, text.as_bytes()).unwrap_or_else(SourceReply::failed)
    }

    fn told(reply: &SourceReply) -> Vec<String> {
        let find = |find: &Find| {
            let name = find.name.as_ref().map_or("-", NameHint::as_str);
            let port = find.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
            format!("{name} {} {port}", find.host)
        };
        reply.finds().iter().map(find).collect()
    }

    #[test]
    fn targets_have_hosts_ports_and_names() {
        let reply = read(
            r#"[{"targets": ["10.0.0.4:5433", "10.0.0.5", "[fd00::1]:5432", "DB7.example:5432"],
                 "labels": {"site": "az1", "weight": 3, "odd": []}},
                {"targets": ["[::ffff:10.0.0.6]:1"], "labels": {"name": "Orders_3"}}]"#,
        );
        assert_eq!(reply.fault(), None);
        assert_eq!(
            told(&reply),
            [
                "- 10.0.0.4 5433",
                "- 10.0.0.5 -",
                "- fd00::1 5432",
                "db7 DB7.example 5432",
                "orders-3 10.0.0.6 1",
            ]
        );
        let labels: Vec<_> = reply.finds()[0].labels.iter().collect();
        assert_eq!(labels, [("site", "az1"), ("weight", "3")]);
    }

    #[test]
    fn an_empty_list_is_whole() {
        assert_eq!(read("[]"), SourceReply::Whole(Vec::new()));
        assert_eq!(read(r#"[{"targets":[]}]"#), SourceReply::Whole(Vec::new()));
    }

    #[test]
    fn one_odd_target_spoils_no_other_one() {
        let text = r#"[{"targets": ["10.0.0.4:5432", "\u001b[31m:x", 7, "10.0.0.9:0"]},
                       {"labels": {}}, 3]"#;
        let reply = read(text);
        assert_eq!(told(&reply), ["- 10.0.0.4 5432"]);
        let fault = reply.fault().expect("something is missing");
        assert!(fault.contains("is not a host with a port, and 4 more like it"), "{fault}");
        assert!(!fault.contains('\u{1b}'), "{fault}");
    }

    #[test]
    fn what_is_no_list_is_no_reply() {
        for text in
            ["", "garbage", "{}", "null", r#"[{"targets":["10.0.0.4:5432"]"#, "[1] x", "\u{0}"]
        {
            let reply = read(text);
            assert!(matches!(&reply, SourceReply::Failed(_)), "{text:?}: {reply:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read(&deep), SourceReply::Failed(_)));
    }

    #[test]
    fn an_enormous_list_is_cut_and_counted() {
        let many: Vec<_> =
            (0..10_000).map(|n| format!("10.0.{}.{}:5432", n / 256, n % 256)).collect();
        let text = serde_json::json!([{ "targets": many }]).to_string();
        let reply = read(&text);
        assert_eq!(reply.finds().len(), FINDS_MAX);
        assert_eq!(reply.fault(), Some("10000 servers, and only 1000 are looked at"));
    }
}
