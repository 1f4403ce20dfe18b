//! What API servers say.

use super::*;

/// Two slices as an API server has them: a pod that is ready, one that is not, one that ends.
const LIST: &str = r#"{"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1",
  "metadata": {"resourceVersion": "4711"},
  "items": [
   {"metadata": {"name": "orders-abc", "labels": {"kubernetes.io/service-name": "orders"}},
    "addressType": "IPv4",
    "endpoints": [
     {"addresses": ["10.244.1.3"], "conditions": {"ready": true, "serving": true},
      "targetRef": {"kind": "Pod", "name": "orders-0", "namespace": "shop"},
      "nodeName": "node1", "zone": "az1"},
     {"addresses": ["10.244.2.3"], "conditions": {"ready": false, "terminating": true},
      "hostname": "orders-1"}],
    "ports": [{"name": "postgres", "port": 5432, "protocol": "TCP"},
              {"name": "metrics", "port": 9187, "protocol": "TCP"}]},
   {"metadata": {"name": "orders-def"},
    "addressType": "IPv6", "endpoints": [{"addresses": ["fd00::3"]}],
    "ports": [{"name": "postgres", "port": 5433}]}]}"#;

fn told(text: &str, port: Option<&str>) -> (Vec<String>, Option<String>) {
    let reply = Slices::listed(text.as_bytes(), port).map(|slices| slices.reply());
    let reply = reply.unwrap_or_else(SourceReply::failed);
    let find = |find: &Find| {
        let name = find.name.as_ref().map_or("-", NameHint::as_str);
        format!("{name} {} {:?} {:?}", find.host, find.port, find.labels.get("zone"))
    };
    (reply.finds().iter().map(find).collect(), reply.fault().map(str::to_owned))
}

#[test]
fn pods_are_found_whatever_kubernetes_thinks_of_them() {
    let expected = [
        "orders-0 10.244.1.3 Some(5432) Some(\"az1\")",
        "orders-1 10.244.2.3 Some(5432) None",
        "- fd00::3 Some(5433) None",
    ];
    assert_eq!(told(LIST, Some("postgres")), (expected.map(str::to_owned).into(), None));
}

#[test]
fn a_port_that_nobody_can_choose_takes_its_slice_and_no_other() {
    let (finds, fault) = told(LIST, None);
    assert_eq!(finds, ["- fd00::3 Some(5433) None"]);
    assert_eq!(fault.as_deref(), Some("several ports in a slice: say which, as `port`"));
    let (finds, fault) = told(LIST, Some("mysql"));
    assert!(finds.is_empty());
    assert_eq!(fault.as_deref(), Some("a slice without the port that is named"));
    let bare = r#"{"items": [{"endpoints": [{"addresses": ["10.0.0.1"]}], "ports": null}]}"#;
    assert_eq!(told(bare, None), (vec!["- 10.0.0.1 None None".to_owned()], None));
}

#[test]
fn an_odd_endpoint_spoils_no_other_one() {
    let text = r#"{"items": [7, {"endpoints": [{"addresses": []}, 3, {"addresses": ["10.0.0.1"]}],
                  "ports": [{"port": 5432}]}, {"endpoints": "x", "ports": [{"port": 70000}]}]}"#;
    let (finds, fault) = told(text, None);
    assert_eq!(finds, ["- 10.0.0.1 Some(5432) None"]);
    assert_eq!(fault.as_deref(), Some("an endpoint without an address"));
}

#[test]
fn a_part_of_a_list_takes_nobody_away() {
    let text = r#"{"metadata": {"continue": "abc"}, "items": []}"#;
    assert_eq!(told(text, None).1.as_deref(), Some("only a part of the slices"));
    let whole = r#"{"metadata": {"continue": ""}, "items": []}"#;
    assert_eq!(told(whole, None), (Vec::new(), None));
}

#[test]
fn what_is_no_list_of_slices_is_no_reply() {
    for text in ["", "[]", "{}", r#"{"items": 3}"#, r#"{"items": [{"endpoints": ["#] {
        let (finds, fault) = told(text, None);
        assert!(finds.is_empty() && fault.is_some(), "{text:?}");
    }
}

/// A line of a watch about a slice with this pod.
fn line(kind: &str, name: &str, version: u32, address: &str) -> String {
    format!(
        r#"{{"type": "{kind}", "object": {{"metadata": {{"name": "{name}",
            "resourceVersion": "{version}"}}, "endpoints": [{{"addresses": ["{address}"]}}],
            "ports": [{{"name": "postgres", "port": 5432}}]}}}}"#
    )
}

fn hosts(slices: &Slices) -> Vec<String> {
    slices.reply().finds().iter().map(|find| find.host.to_string()).collect()
}

#[test]
fn a_watch_changes_what_was_listed() {
    let mut slices = Slices::listed(LIST.as_bytes(), Some("postgres")).expect("a list");
    assert!(slices.is_watchable());
    assert_eq!(slices.version(), "4711");
    let mut hear = |line: &str| slices.hear(line.as_bytes(), Some("postgres"));
    assert_eq!(hear(&line("ADDED", "orders-x", 4712, "10.244.3.3")), Told::Changed);
    assert_eq!(hear(&line("MODIFIED", "orders-abc", 4713, "10.244.1.4")), Told::Changed);
    let bookmark = r#"{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "4720"}}}"#;
    assert_eq!(hear(bookmark), Told::Nothing);
    assert_eq!(slices.version(), "4720");
    assert_eq!(hosts(&slices), ["10.244.1.4", "fd00::3", "10.244.3.3"]);
    let mut hear = |line: &str| slices.hear(line.as_bytes(), Some("postgres"));
    assert_eq!(hear(&line("DELETED", "orders-abc", 4721, "10.244.1.4")), Told::Changed);
    assert_eq!(hosts(&slices), ["fd00::3", "10.244.3.3"]);
}

#[test]
fn what_is_no_change_changes_nothing() {
    let mut slices = Slices::listed(LIST.as_bytes(), Some("postgres")).expect("a list");
    let before = hosts(&slices);
    let gone = r#"{"type": "ERROR", "object": {"kind": "Status", "code": 410}}"#;
    assert_eq!(slices.hear(gone.as_bytes(), None), Told::Gone);
    for odd in ["", "nonsense", "[]", r#"{"items": []}"#, r#"{"type": "ADDED", "object": {}}"#] {
        assert_eq!(slices.hear(odd.as_bytes(), None), Told::Odd, "{odd}");
    }
    assert_eq!(hosts(&slices), before);
    assert_eq!(slices.version(), "4711");
}

#[test]
fn a_list_that_does_not_say_as_of_when_is_not_watched() {
    for metadata in [
        "",
        r#""metadata": {"resourceVersion": "4&x=/"},"#,
        r#""metadata": {"resourceVersion": "7", "continue": "abc"},"#,
    ] {
        let list = format!("{{{metadata} \"items\": []}}");
        let slices = Slices::listed(list.as_bytes(), None).expect("a list");
        assert!(!slices.is_watchable(), "{metadata}");
    }
}

/// An API server that tells of ever more costs no more memory than a list may.
#[test]
fn what_a_watch_adds_has_its_bounds() {
    let list = r#"{"metadata": {"resourceVersion": "7"}, "items": []}"#;
    let mut slices = Slices::listed(list.as_bytes(), None).expect("a list");
    let add = |slices: &mut Slices, number: usize| {
        let line = line("ADDED", &format!("s{number}"), 8, "10.0.0.1");
        slices.hear(line.as_bytes(), None)
    };
    for number in 0..FINDS_MAX {
        assert_eq!(add(&mut slices, number), Told::Changed);
    }
    assert_eq!(add(&mut slices, FINDS_MAX), Told::Gone);
    assert_eq!(hosts(&slices).len(), FINDS_MAX);
    let fault = slices.reply().fault().map(str::to_owned);
    assert_eq!(fault.as_deref(), Some("more servers than are looked at"));
}
