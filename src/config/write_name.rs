//! `[cluster.write]`: the name that follows the writable primary.

use std::time::Duration;

use hickory_proto::rr::LowerName;
use toml::Spanned;

use super::{
    names::{NO_ROLES, Names, TTLS, Ttls},
    read::{Conversion, HostName, Section, one_of, section},
    ttl::Ttl,
    words::Words,
};
use crate::engine::{
    ClusterKind, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain, WritePolicy,
};

section! {
    /// The write name.
    WriteSection = "[cluster.write]" {
        /// The DNS name.
        name: HostName,
        /// TTL of its records. 0 is kept for seconds or refused by some resolvers; 1 is honoured by
        /// nearly all.
        ttl: Ttl [TTLS] = 1,
        /// TTL of its records while in doubt: a change is then near.
        ttl_unstable: Ttl [TTLS] = 1,
        /// What to say when the last primary is known not to be writable.
        on_not_writable: OnNotWritable = OnNotWritable::Empty,
        /// What to say when two servers are writable and nothing tells which is right.
        on_split_brain: OnSplitBrain = OnSplitBrain::Keep,
        /// PostgreSQL: what a newer timeline is worth beside a published primary that lives.
        on_newer_timeline: OnNewerTimeline = OnNewerTimeline::Follow,
        /// Whether the servers are started in turn on one shared volume.
        shared_storage: bool = false,
        /// Whether a healthy server is left for a preferred one.
        failback: Failback = Failback::Stay,
        /// How long the name does not return to the server that it was moved away from; zero
        /// switches it off. Clients that followed a move should not have to follow it back before
        /// their pools have settled.
        flap_block: Duration [Duration::ZERO..=Duration::from_secs(3600)] = Duration::from_secs(60),
    }
}

/// The name, if it can be read, its TTLs and its rules.
pub fn convert(
    section: &Spanned<WriteSection>,
    kind: Option<ClusterKind>,
    names: &mut Names<'_>,
    conversion: &mut Conversion<'_>,
) -> (Option<LowerName>, Ttls, WritePolicy) {
    let (place, section) = (section.span(), section.get_ref());
    let example = (WriteSection::TITLE, "name = \"write.db.internal.\"");
    conversion.required(&section.name, &place, example);
    let name = names.take(&section.name, conversion);
    let (ttl, ttl_unstable) = (section.ttl(conversion), section.ttl_unstable(conversion));
    let ttls = Ttls { ttl, ttl_unstable };
    ttls.check(section.ttl_unstable.span(), conversion);
    if kind == Some(ClusterKind::Tcp) {
        conversion.useless(&section.on_not_writable, "on_not_writable", NO_ROLES);
        conversion.useless(&section.on_split_brain, "on_split_brain", NO_ROLES);
        conversion.useless(&section.shared_storage, "shared_storage", NO_ROLES);
    }
    match kind {
        Some(ClusterKind::MySql) => {
            let reason = "MySQL and MariaDB have no timelines";
            conversion.useless(&section.on_newer_timeline, "on_newer_timeline", reason);
        }
        Some(ClusterKind::Tcp) => {
            conversion.useless(&section.on_newer_timeline, "on_newer_timeline", NO_ROLES);
        }
        Some(ClusterKind::Postgres) | None => {}
    }
    let policy = WritePolicy {
        on_not_writable: section.on_not_writable(),
        on_split_brain: section.on_split_brain(),
        on_newer_timeline: section.on_newer_timeline(),
        shared_storage: section.shared_storage(),
        failback: section.failback(),
        flap_block: section.flap_block(conversion),
    };
    (name, ttls, policy)
}

/// What a reload says of the rules of a write name.
pub fn changes(was: &WritePolicy, is: &WritePolicy, words: &mut Words) {
    let WritePolicy {
        on_not_writable,
        on_split_brain,
        on_newer_timeline,
        shared_storage,
        failback,
        flap_block,
    } = is;
    words.setting("", "on_not_writable", (&was.on_not_writable, on_not_writable));
    words.setting("", "on_split_brain", (&was.on_split_brain, on_split_brain));
    words.setting("", "on_newer_timeline", (&was.on_newer_timeline, on_newer_timeline));
    words.setting("", "shared_storage", (&was.shared_storage, shared_storage));
    words.setting("", "failback", (&was.failback, failback));
    words.setting("", "flap_block", (&was.flap_block, flap_block));
}

one_of! { OnNotWritable, "\"empty\" or \"hold\"",
    "empty" => Self::Empty,
    "hold" => Self::Hold,
}

one_of! { OnSplitBrain, "\"keep\" or \"empty\"",
    "keep" => Self::Keep,
    "empty" => Self::Empty,
}

one_of! { OnNewerTimeline, "\"follow\" or \"hold\"",
    "follow" => Self::Follow,
    "hold" => Self::Hold,
}

one_of! { Failback, "\"stay\" or \"preferred\"",
    "stay" => Self::Stay,
    "preferred" => Self::Preferred,
}
