//! What a served name says, as it is to stand in somebody else's zone.

use hickory_proto::rr::{LowerName, RData};

use super::Wish;
use crate::{
    answers::{Copied, NameRole},
    engine::{ReadReason, WriteReason},
    publish::Reader,
};

/// What `name` says now; `None` while no decision of this process stands behind it.
pub fn wanted(reader: &Reader, name: &LowerName) -> Option<Wish> {
    let snapshot = reader.snapshot();
    let layout = snapshot.table.layout();
    let place = layout.served().iter().position(|served| served.name == *name)?;
    let served = &layout.served()[place];
    let decision = &snapshot.reports.of(served.cluster)?.decision;
    let is_decided = match served.role {
        NameRole::Write => decision.write.as_ref().is_some_and(|write| {
            !matches!(write.reason, WriteReason::NotReady | WriteReason::Remembered)
        }),
        NameRole::Read { index, .. } => decision.reads.get(index).is_some_and(|read| {
            !matches!(read.reason, ReadReason::NotReady | ReadReason::Remembered)
        }),
    };
    if !is_decided || !snapshot.table.knows_all(&[place]) {
        return None;
    }
    let copied = Copied { services: false, servers: false };
    let records = snapshot.table.served_records(place, copied);
    let addresses = records.iter().filter_map(|record| match &record.data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    });
    Some(Wish { addresses: addresses.collect(), ttl: served.ttl })
}
