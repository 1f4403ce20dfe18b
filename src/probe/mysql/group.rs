//! A member's own view of its group: MySQL Group Replication or Galera.
//!
//! Group Replication: a member that was cut off still calls itself ONLINE and lists the others as
//! UNREACHABLE, so the view decides and not the member's word. Members that are RECOVERING take
//! part in the group's votes (manual, "Server States"), as in ProxySQL's check; counting them as
//! lost would take the only writer of a two-member group away whenever the second one joins.
//!
//! Galera: every node is writable, and a node outside the primary component answers SHOW but
//! refuses tables (1047).

use super::{
    error::garbled,
    reply::{Reply, Settings},
    variables::number,
};
use crate::engine::{Failure, Galera, GroupMember, GroupRole};

/// Whether Group Replication is set up here, so that its members are worth asking for.
pub fn is_replication(variables: &Settings) -> bool {
    variables.get("group_replication_group_name").is_some_and(|name| !name.is_empty())
}

/// Reads the replies to [`super::statements::GROUP`]: `members` and the `load` of this member.
///
/// # Errors
/// A `Garbled` failure when there is no member at all, or the queue is no number.
pub fn member(
    members: &Reply,
    load: &Reply,
    variables: &Settings,
    status: &Settings,
) -> Result<GroupMember, Failure> {
    let own_id = variables.get("server_uuid").unwrap_or_default();
    let mut total = 0_usize;
    let mut voting = 0_usize;
    let mut own = None;
    let mut ids = Vec::new();
    for row in members.rows() {
        let state = row.text(&["MEMBER_STATE"]).unwrap_or_default();
        total += 1;
        voting += usize::from(matches!(state, "ONLINE" | "RECOVERING"));
        let id = row.text(&["MEMBER_ID"]).unwrap_or_default();
        ids.push(id);
        if !own_id.is_empty() && id.eq_ignore_ascii_case(own_id) {
            own = Some((state, row.text(&["MEMBER_ROLE"])));
        }
    }
    if total == 0 {
        return Err(garbled("no row in replication_group_members"));
    }
    // A member that has not joined yet has one row, without an id.
    let (state, role) = own.unwrap_or(("OFFLINE", None));
    Ok(GroupMember {
        online: state == "ONLINE",
        role: match role {
            Some("PRIMARY") => GroupRole::Primary,
            Some(_) => GroupRole::Secondary,
            None => role_of_5_7(own_id, variables, status),
        },
        majority: voting * 2 > total,
        queue: queue(load)?,
        group_name: variables.get("group_replication_group_name").map(Into::into),
        // A member that has not joined yet has no id.
        members: in_order(ids.into_iter()),
    })
}

/// 5.7 has no `MEMBER_ROLE`: the primary is named by a status variable, and without single-primary
/// mode all are.
fn role_of_5_7(own_id: &str, variables: &Settings, status: &Settings) -> GroupRole {
    let primary = status.get("group_replication_primary_member").unwrap_or_default();
    let all_write = variables
        .get("group_replication_single_primary_mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("OFF"));
    if all_write || (!own_id.is_empty() && primary.eq_ignore_ascii_case(own_id)) {
        GroupRole::Primary
    } else {
        GroupRole::Secondary
    }
}

/// Received and not yet applied; 5.7 counts only those that wait for certification.
fn queue(load: &Reply) -> Result<u64, Failure> {
    let columns = ["COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE", "COUNT_TRANSACTIONS_IN_QUEUE"];
    match load.first().and_then(|row| row.text(&columns)) {
        None => Ok(0),
        Some(count) => count.parse().map_err(|_| garbled(format!("applier queue is {count:?}"))),
    }
}

/// The Galera node behind these variables and counters; `None` when the server is none.
///
/// Counters that are missing stand for the worst, as on a node that has not begun to connect.
///
/// # Errors
/// A `Garbled` failure when a counter is no number.
pub fn galera(variables: &Settings, status: &Settings) -> Result<Option<Galera>, Failure> {
    let has_provider = variables
        .get("wsrep_provider")
        .is_some_and(|provider| !provider.is_empty() && !provider.eq_ignore_ascii_case("none"));
    if !has_provider || !variables.is_on("wsrep_on") {
        return Ok(None);
    }
    let local_state = number(status, "wsrep_local_state")?.unwrap_or(0);
    Ok(Some(Galera {
        cluster_uuid: status.get("wsrep_cluster_state_uuid").unwrap_or_default().into(),
        ready: status.is_on("wsrep_ready"),
        primary_component: status
            .get("wsrep_cluster_status")
            .is_some_and(|status| status.eq_ignore_ascii_case("Primary")),
        local_state,
        refuses_clients: refuses_clients(variables, local_state),
        receive_queue: number(status, "wsrep_local_recv_queue")?.unwrap_or(0),
        members: in_order(incoming(status)),
    }))
}

/// What the members of the component call themselves to clients. Addresses that nobody has set are
/// `AUTO` or empty, and name nobody.
fn incoming(status: &Settings) -> impl Iterator<Item = &str> {
    let addresses = status.get("wsrep_incoming_addresses").unwrap_or_default();
    addresses.split(',').map(str::trim).filter(|address| !address.eq_ignore_ascii_case("AUTO"))
}

/// The names of members, without those that are empty, so that equal views are equal.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = names
        .filter(|name| !name.is_empty())
        .map(str::to_ascii_lowercase)
        .map(Into::into)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `wsrep_sst_donor_rejects_queries` keeps clients away only while the node is a donor (state 2).
fn refuses_clients(variables: &Settings, local_state: u8) -> bool {
    let is_set_but = |name, harmless: &str| {
        variables.get(name).is_some_and(|value| !value.eq_ignore_ascii_case(harmless))
    };
    variables.is_on("wsrep_desync")
        || is_set_but("wsrep_reject_queries", "NONE")
        || is_set_but("pxc_maint_mode", "DISABLED")
        || (local_state == 2 && variables.is_on("wsrep_sst_donor_rejects_queries"))
}

#[cfg(test)]
mod tests;
