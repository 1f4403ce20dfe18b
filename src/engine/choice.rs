//! A choice among servers that may all be written to.

use super::{ClusterPolicy, Failback, ServerIndex};

/// Chooses among servers that may all be written to.
///
/// With [`Failback::Stay`] the published one stays; otherwise the most preferred one is taken.
/// While the published one is eligible, those that are `blocked` are no choice.
pub fn elect(
    eligible: &[ServerIndex],
    published: Option<ServerIndex>,
    blocked: &[ServerIndex],
    failback: Failback,
    policy: &ClusterPolicy,
) -> Option<ServerIndex> {
    let incumbent = published.filter(|published| eligible.contains(published));
    match (incumbent, failback) {
        (None, _) => most_preferred(eligible, policy),
        (Some(incumbent), Failback::Stay) => Some(incumbent),
        (Some(incumbent), Failback::Preferred) => {
            let may = |one: &&ServerIndex| **one == incumbent || !blocked.contains(one);
            let open: Vec<_> = eligible.iter().filter(may).copied().collect();
            most_preferred(&open, policy)
        }
    }
}

/// The one of the lowest `priority`, among equals the first in config order.
pub fn most_preferred(eligible: &[ServerIndex], policy: &ClusterPolicy) -> Option<ServerIndex> {
    eligible.iter().copied().min_by_key(|&index| (policy.server(index).priority, index))
}
