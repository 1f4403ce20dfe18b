//! Between what a ledger remembers and what the state file keeps.

use std::time::Duration;

use crate::{
    discovery::{Binding, ForgottenReason, Ledger, NameHint, Tombstone},
    engine::Moment,
    state::{BindingImage, DiscoveryImage, TombstoneImage},
};

/// What a ledger knows at `now`, which is `now_ms` by the wall clock.
pub fn image(ledger: &Ledger, now: Moment, now_ms: u64) -> DiscoveryImage {
    let (bindings, tombstones) = ledger.remembered();
    let names = bindings.iter().map(|binding| BindingImage {
        name: binding.name.as_str().into(),
        instance: binding.instance.clone(),
        at: binding.at,
    });
    let forgotten = tombstones.iter().map(|tomb| TombstoneImage {
        name: tomb.name.clone(),
        instance: tomb.instance.clone(),
        at: tomb.at,
        until_ms: now_ms.saturating_add(millis(tomb.until.since(now))),
    });
    DiscoveryImage { names: names.collect(), forgotten: forgotten.collect() }
}

/// What an earlier process has known.
pub fn remembered(
    image: &DiscoveryImage,
    now: Moment,
    now_ms: u64,
) -> (Vec<Binding>, Vec<Tombstone>) {
    let names = image.names.iter().filter_map(|binding| {
        let name = NameHint::reduced(&binding.name)?;
        Some(Binding { name, instance: binding.instance.clone(), at: binding.at })
    });
    let forgotten = image.forgotten.iter().filter_map(|tomb| {
        let left = tomb.until_ms.checked_sub(now_ms).filter(|left| *left > 0)?;
        Some(Tombstone {
            name: tomb.name.clone(),
            instance: tomb.instance.clone(),
            at: tomb.at,
            reason: ForgottenReason::Removed,
            until: now + Duration::from_millis(left),
        })
    });
    (names.collect(), forgotten.collect())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
