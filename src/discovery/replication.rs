//! The source `replication`: whom the members name when they say whom they follow, who follows them,
//! and who is in their group.

use std::net::IpAddr;

use super::{Find, FindHost, Labels, Member, NameHint, SourceKind, SourceReply};
use crate::engine::{Endpoint, Facts, Group, PostgresRole, ServerState};

/// Links that are followed from a server that an operator vouches for.
pub const DEPTH_MAX: u8 = 8;

/// All that the members name. It is whole when each of them that is not known to be gone has
/// answered.
pub fn finds(members: &[Member]) -> SourceReply {
    let mut finds = Vec::new();
    let mut silent = Vec::new();
    for member in members {
        if member.depth() >= DEPTH_MAX {
            continue;
        }
        let Some(word) = member.vouches() else {
            if member.state != ServerState::Down {
                silent.push(&*member.name);
            }
            continue;
        };
        let upstream = |endpoint: &Endpoint| find(&endpoint.host, Some(endpoint.port), None);
        match &word.facts {
            Facts::Postgres(facts) => {
                if let PostgresRole::Standby { sender: Some(sender), receiver, .. } = &facts.role
                    && receiver.is_attached()
                {
                    finds.extend(upstream(sender));
                }
            }
            Facts::MySql(facts) => {
                let channels = facts.channels.iter().flatten();
                finds.extend(channels.filter_map(|channel| upstream(&channel.source.endpoint)));
                if let Some(Group::Galera(node)) = &facts.group {
                    finds.extend(node.members.iter().filter_map(|member| of_address(member)));
                }
            }
            Facts::Tcp => {}
        }
        let followers = word.introduction.followers.iter();
        finds.extend(followers.filter_map(|follower| {
            find(&follower.host, None, follower.name.as_deref().and_then(NameHint::reduced))
        }));
        finds.extend(word.introduction.members.iter().filter_map(upstream));
    }
    let missing = (!silent.is_empty()).then(|| format!("no word of {}", silent.join(", ")));
    SourceReply::of(finds, missing.as_deref())
}

/// One server that a member names; `None` for what is no host, as a socket's directory or nothing.
fn find(host: &str, port: Option<u16>, name: Option<NameHint>) -> Option<Find> {
    let host = host.trim();
    let host = match host.parse::<IpAddr>() {
        Ok(address) => FindHost::Address(address.to_canonical()),
        Err(_) if is_host_name(host) => FindHost::Name(host.into()),
        Err(_) => return None,
    };
    let port = match port {
        Some(0) => return None,
        port => port,
    };
    let source = SourceKind::Replication;
    Some(Find { source, name, host, port, labels: Labels::default() })
}

/// `10.0.0.4:3306` or `[fd00::4]:3306`, as Galera writes them.
fn of_address(text: &str) -> Option<Find> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    find(host, port.parse().ok().filter(|port| *port != 0), None)
}

/// Whether a text can be resolved: letters, digits, `-`, `_` and dots, and not an address gone wrong.
fn is_host_name(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let bare = text.strip_suffix('.').unwrap_or(text);
    bare.len() <= 253
        && bare.split('.').all(is_part)
        && bare.bytes().any(|b| b.is_ascii_alphabetic())
        && !bare.eq_ignore_ascii_case("auto")
        && !bare.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::{find, of_address};
    use crate::discovery::FindHost;

    #[test]
    fn what_is_no_host_is_no_find() {
        for odd in ["", " ", "/var/run/postgresql", "AUTO", "localhost", "1.2.3", "a b", "::x"] {
            assert_eq!(find(odd, Some(5432), None), None, "{odd:?}");
        }
        assert_eq!(find("10.0.0.4", Some(0), None), None);
        let mapped = find("::ffff:10.0.0.4", None, None).expect("a find");
        assert_eq!(mapped.host, FindHost::Address([10, 0, 0, 4].into()));
    }

    #[test]
    fn galera_writes_addresses_with_ports() {
        let v6 = of_address("[fd00::4]:3306").expect("a find");
        assert_eq!(v6.host, FindHost::Address("fd00::4".parse().expect("an address")));
        assert_eq!(v6.port, Some(3306));
        for odd in ["", ":", "auto", "10.0.0.4", "10.0.0.4:0x"] {
            assert!(of_address(odd).is_none_or(|find| find.port.is_none()), "{odd:?}");
        }
    }
}
