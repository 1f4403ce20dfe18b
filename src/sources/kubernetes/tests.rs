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
   {"addressType": "IPv6", "endpoints": [{"addresses": ["fd00::3"]}],
    "ports": [{"name": "postgres", "port": 5433}]}]}"#;

fn told(text: &str, port: Option<&str>) -> (Vec<String>, Option<String>) {
    let reply = slices(text.as_bytes(), port).unwrap_or_else(SourceReply::failed);
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
