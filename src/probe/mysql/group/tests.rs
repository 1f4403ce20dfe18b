//! Group views as the manuals document them.

use super::{Reply, Settings, galera, is_replication, member};
use crate::engine::{FailureKind, Galera, GroupMember, GroupRole};

const A: &str = "aaaaaaaa-71ca-11e1-9e33-c80aa9429562";
const B: &str = "bbbbbbbb-71ca-11e1-9e33-c80aa9429562";
const C: &str = "cccccccc-71ca-11e1-9e33-c80aa9429562";

fn view(rows: &[(&str, &str, &str)]) -> Reply {
    let mut reply = Reply::new(
        ["CHANNEL_NAME", "MEMBER_ID", "MEMBER_STATE", "MEMBER_ROLE"].map(Into::into).to_vec(),
    );
    for &(id, state, role) in rows {
        let row = ["group_replication_applier", id, state, role];
        reply.push(row.map(|text| Some(text.into())).to_vec());
    }
    reply
}

fn load(count: &str) -> Reply {
    Reply::vertical(&format!(
        "MEMBER_ID: {A}\nCOUNT_TRANSACTIONS_IN_QUEUE: 99\n\
         COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE: {count}"
    ))
}

fn own_view(rows: &[(&str, &str, &str)]) -> GroupMember {
    let variables = Settings::of(&[("server_uuid", A), ("group_replication_group_name", "9a1f")]);
    member(&view(rows), &load("3"), &variables, &Settings::default()).expect("a view")
}

#[test]
fn a_member_with_the_majority_is_believed() {
    let found = own_view(&[
        (B, "ONLINE", "SECONDARY"),
        (A, "ONLINE", "PRIMARY"),
        (C, "UNREACHABLE", "SECONDARY"),
    ]);
    let expected = GroupMember {
        online: true,
        role: GroupRole::Primary,
        majority: true,
        queue: 3,
        group_name: Some("9a1f".into()),
        members: [A, B, C].map(Into::into).to_vec(),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_member_that_was_cut_off_calls_itself_online_without_a_majority() {
    let found = own_view(&[
        (A, "ONLINE", "PRIMARY"),
        (B, "UNREACHABLE", "SECONDARY"),
        (C, "UNREACHABLE", "SECONDARY"),
    ]);
    assert!(found.online && !found.majority);
    let half = own_view(&[(A, "ONLINE", "PRIMARY"), (B, "UNREACHABLE", "SECONDARY")]);
    assert!(!half.majority, "one of two is no majority");
}

#[test]
fn a_joining_member_does_not_cost_the_only_writer_its_majority() {
    let found = own_view(&[(A, "ONLINE", "PRIMARY"), (B, "RECOVERING", "SECONDARY")]);
    assert!(found.online && found.majority);
    let joining = own_view(&[(A, "RECOVERING", "SECONDARY"), (B, "ONLINE", "PRIMARY")]);
    assert!(!joining.online && joining.majority);
}

#[test]
fn states_other_than_online_are_not_online() {
    for state in ["OFFLINE", "ERROR", "RECOVERING", "UNREACHABLE", "", "odd"] {
        assert!(!own_view(&[(A, state, "SECONDARY")]).online, "{state}");
    }
    let not_joined = own_view(&[("", "OFFLINE", "")]);
    assert!(!not_joined.online && !not_joined.majority);
    assert!(not_joined.members.is_empty());
}

#[test]
fn without_roles_as_in_5_7_the_primary_is_named_by_a_status_variable() {
    let members = Reply::vertical(&format!("MEMBER_ID: {A}\nMEMBER_STATE: ONLINE"));
    let role = |mode, primary| {
        let variables =
            Settings::of(&[("server_uuid", A), ("group_replication_single_primary_mode", mode)]);
        let status = Settings::of(&[("group_replication_primary_member", primary)]);
        member(&members, &Reply::default(), &variables, &status).expect("a view").role
    };
    assert_eq!(role("ON", A), GroupRole::Primary);
    assert_eq!(role("ON", B), GroupRole::Secondary);
    assert_eq!(role("ON", ""), GroupRole::Secondary);
    assert_eq!(role("OFF", ""), GroupRole::Primary);
}

#[test]
fn an_empty_view_is_no_view() {
    let none = Settings::default();
    let failure = member(&Reply::default(), &load("0"), &none, &none).expect_err("no view");
    assert_eq!(failure.kind, FailureKind::Garbled);
    let odd = member(&view(&[(A, "ONLINE", "PRIMARY")]), &load("x"), &none, &none);
    assert!(odd.is_err());
    assert!(!is_replication(&none));
    assert!(!is_replication(&Settings::of(&[("group_replication_group_name", "")])));
}

type Pairs = Vec<(&'static str, &'static str)>;

fn synced() -> (Pairs, Pairs) {
    let variables = vec![
        ("wsrep_on", "ON"),
        ("wsrep_provider", "/usr/lib/galera/libgalera_smm.so"),
        ("wsrep_desync", "OFF"),
        ("wsrep_reject_queries", "NONE"),
        ("wsrep_sst_donor_rejects_queries", "OFF"),
    ];
    let status = vec![
        ("wsrep_ready", "ON"),
        ("wsrep_cluster_status", "Primary"),
        ("wsrep_cluster_state_uuid", "5b1d"),
        ("wsrep_local_state", "4"),
        ("wsrep_local_recv_queue", "2"),
        ("wsrep_incoming_addresses", "10.0.0.2:3306,10.0.0.1:3306, 10.0.0.3:3306,"),
    ];
    (variables, status)
}

fn node(change: &[(&'static str, &'static str)]) -> Galera {
    let (mut variables, mut status) = synced();
    for &(name, value) in change {
        let list =
            if status.iter().any(|pair| pair.0 == name) { &mut status } else { &mut variables };
        list.retain(|pair| pair.0 != name);
        list.push((name, value));
    }
    galera(&Settings::of(&variables), &Settings::of(&status)).expect("readable").expect("a node")
}

#[test]
fn a_synced_node_is_read() {
    let expected = Galera {
        cluster_uuid: "5b1d".into(),
        ready: true,
        primary_component: true,
        local_state: 4,
        refuses_clients: false,
        receive_queue: 2,
        members: ["10.0.0.1:3306", "10.0.0.2:3306", "10.0.0.3:3306"].map(Into::into).to_vec(),
    };
    assert_eq!(node(&[]), expected);
    assert!(!node(&[("wsrep_cluster_status", "non-Primary")]).primary_component);
    assert!(!node(&[("wsrep_ready", "OFF")]).ready);
    assert_eq!(node(&[("wsrep_local_state", "2")]).local_state, 2);
}

#[test]
fn members_without_an_address_name_nobody() {
    let members = |told| node(&[("wsrep_incoming_addresses", told)]).members;
    assert_eq!(members("AUTO,AUTO,Db1:3306"), ["db1:3306".into()]);
    assert_eq!(members("AUTO,AUTO"), []);
    assert_eq!(members(",, "), []);
}

#[test]
fn a_node_may_keep_its_clients_away() {
    assert!(node(&[("wsrep_desync", "ON")]).refuses_clients);
    assert!(node(&[("wsrep_reject_queries", "ALL")]).refuses_clients);
    assert!(node(&[("pxc_maint_mode", "MAINTENANCE")]).refuses_clients);
    assert!(!node(&[("pxc_maint_mode", "DISABLED")]).refuses_clients);
    let donor = ("wsrep_sst_donor_rejects_queries", "ON");
    assert!(!node(&[donor]).refuses_clients);
    assert!(node(&[donor, ("wsrep_local_state", "2")]).refuses_clients);
}

#[test]
fn a_server_without_a_provider_is_no_node() {
    let (mut variables, status) = synced();
    variables[1].1 = "none";
    let found = galera(&Settings::of(&variables), &Settings::of(&status));
    assert_eq!(found, Ok(None));
    variables[1].1 = "/x.so";
    variables[0].1 = "OFF";
    let found = galera(&Settings::of(&variables), &Settings::of(&status));
    assert_eq!(found, Ok(None));
    variables[0].1 = "ON";
    let unready = galera(&Settings::of(&variables), &Settings::default());
    let unready = unready.expect("readable").expect("a node");
    assert!(!unready.ready && !unready.primary_component && unready.local_state == 0);
}
