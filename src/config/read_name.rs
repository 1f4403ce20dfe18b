//! `[[cluster.read]]`: a name that follows the replicas.

use std::time::Duration;

use hickory_proto::rr::LowerName;
use toml::Spanned;

use super::{
    names::{NO_ROLES, Names, TTLS, Ttls},
    read::{Conversion, HostName, Section, Whole, one_of, section},
    ttl::Ttl,
    words::Words,
};
use crate::{
    answers::{Balance, NameRole},
    engine::{ClusterKind, ReadPolicy},
};

section! {
    /// One read name.
    ReadSection = "[[cluster.read]]" {
        /// The DNS name.
        name: HostName,
        /// TTL of its records. A replica too many for a moment does less harm than a wrong primary.
        ttl: Ttl [TTLS] = 2,
        /// TTL of its records while in doubt: a change is then near.
        ttl_unstable: Ttl [TTLS] = 1,
        /// Lag up to which a replica is fresh. Short enough for most readers, long enough for a
        /// checkpoint. Less than the probes can measure is no limit; more than a day is no freshness.
        max_lag: Duration [Duration::from_millis(100)..=Duration::from_secs(86_400)]
            = Duration::from_secs(10),
        /// Eligible replicas below which others are added: one is an answer.
        min_servers(servers: usize): Whole<usize> [1..=servers] = 1,
        /// Records in one answer, at most.
        max_answers(least: usize): Whole<usize> [1..=usize::from(u16::MAX)] = least,
        /// Whether the primary always belongs to the set.
        include_primary: bool = false,
        /// The order of the servers in an answer.
        balance: Balance = Balance::Shuffle,
    }
}

/// What stands around a read name.
#[derive(Clone, Copy)]
pub struct Around {
    pub kind: Option<ClusterKind>,
    /// Servers of the cluster, at least 1.
    pub servers: usize,
    /// The place of the name among the read names.
    pub index: usize,
}

/// A read name as far as it can be read.
pub struct ReadName {
    pub name: Option<LowerName>,
    pub ttls: Ttls,
    pub role: NameRole,
    pub policy: ReadPolicy,
}

pub fn convert(
    section: &Spanned<ReadSection>,
    around: Around,
    names: &mut Names<'_>,
    conversion: &mut Conversion<'_>,
) -> ReadName {
    let Around { kind, servers, index } = around;
    let (place, section) = (section.span(), section.get_ref());
    let example = (ReadSection::TITLE, "name = \"read.db.internal.\"");
    conversion.required(&section.name, &place, example);
    let name = names.take(&section.name, conversion);
    let (ttl, ttl_unstable) = (section.ttl(conversion), section.ttl_unstable(conversion));
    let ttls = Ttls { ttl, ttl_unstable };
    ttls.check(section.ttl_unstable.span(), conversion);
    let balance = section.balance();
    if kind == Some(ClusterKind::Tcp) {
        conversion.useless(&section.max_lag, "max_lag", NO_ROLES);
        conversion.useless(&section.include_primary, "include_primary", NO_ROLES);
        if balance == Balance::LeastConnections {
            let reason = "\"tcp\" probes count no sessions";
            conversion.useless(&section.balance, "balance", reason);
        }
    }
    let min_servers = section.min_servers(servers, conversion);
    let max_answers = max_answers(section, min_servers, conversion);
    let role = NameRole::Read { index, balance, max_answers };
    let policy = ReadPolicy {
        max_lag: section.max_lag(conversion),
        min_servers,
        include_primary: section.include_primary(),
        by_sessions: balance == Balance::LeastConnections,
    };
    ReadName { name, ttls, role, policy }
}

/// `max_answers`: not below `min_servers`, or the servers that this asks for could never be named.
fn max_answers(
    section: &ReadSection,
    min_servers: usize,
    conversion: &mut Conversion<'_>,
) -> Option<usize> {
    let place = section.max_answers.span()?;
    let max_answers = section.max_answers(min_servers, conversion);
    if max_answers < min_servers {
        conversion.faults.add(
            place,
            format!("`max_answers` = {max_answers} is less than `min_servers` = {min_servers}"),
            "raise it or lower `min_servers`",
        );
    }
    Some(max_answers)
}

/// What a reload says of the rules of a read name.
pub fn changes(
    of: &str,
    was: (&[ReadPolicy], NameRole),
    is: (&[ReadPolicy], NameRole),
    words: &mut Words,
) {
    let ((old, from), (new, to)) = (was, is);
    let (
        NameRole::Read { index: from, balance: was, max_answers: most },
        NameRole::Read { index: to, balance: is, max_answers: now },
    ) = (from, to)
    else {
        return;
    };
    words.setting(of, "balance", (&was, &is));
    words.setting(of, "max_answers", (&most, &now));
    let ReadPolicy { max_lag, min_servers, include_primary, by_sessions: _ } = &new[to];
    let was = &old[from];
    words.setting(of, "max_lag", (&was.max_lag, max_lag));
    words.setting(of, "min_servers", (&was.min_servers, min_servers));
    words.setting(of, "include_primary", (&was.include_primary, include_primary));
}

one_of! { Balance, "\"shuffle\", \"weighted\", \"least-connections\" or \"client-hash\"",
    "shuffle" => Self::Shuffle,
    "weighted" => Self::Weighted,
    "least-connections" => Self::LeastConnections,
    "client-hash" => Self::ClientHash,
}
