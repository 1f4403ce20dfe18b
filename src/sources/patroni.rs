//! Patroni's REST API: any member of a cluster answers `GET /cluster` with all of them (Patroni manual,
//! "REST API").
//!
//! A member without a `host` has no connection string yet, which is no fault. What else the reply says
//! (roles, states, lag) is not looked at: the servers themselves say that.

use std::time::Duration;

use serde_json::Value;

use super::{AskError, http, targets::labels};
use crate::{
    config::{
        ClusterConfig, HostPort, HttpSourceConfig, ProbeTarget, ServerConfig, TargetHost, TlsMode,
        host_port,
    },
    discovery::{Find, FindHost, NameHint, SourceKind, SourceReply},
    plain_text::start_of_line,
};

/// How long one member may take; then the next is asked.
const MEMBER_WITHIN: Duration = Duration::from_secs(2);

/// The members' APIs.
#[derive(Debug, Default)]
pub struct Patroni {
    /// The place of whom is asked first, among servers and hosts: who answered last, or whom nobody has asked yet.
    first: usize,
}

impl Patroni {
    /// What the first member says that says anything. To be dropped at its deadline.
    ///
    /// # Errors
    ///
    /// How the last of those failed that were asked.
    pub async fn ask(
        &mut self,
        cluster: &ClusterConfig,
        (hosts, port): (&[ProbeTarget], u16),
        tls: &TlsMode,
    ) -> Result<SourceReply, AskError> {
        let members_api = |server: &ServerConfig| {
            let target = ProbeTarget { host: server.target.host.clone(), port };
            (Box::from(&*server.name), target)
        };
        let seed = |target: &ProbeTarget| (target.to_string().into(), target.clone());
        let known: Vec<(Box<str>, _)> =
            cluster.servers.iter().map(members_api).chain(hosts.iter().map(seed)).collect();
        let mut failed = AskError::NoMember;
        for _ in 0..known.len() {
            let (name, target) = known[self.first % known.len()].clone();
            let request =
                HttpSourceConfig { target, path: "/cluster".into(), tls: tls.clone(), token: None };
            let reply = http::get(cluster, &request, MEMBER_WITHIN).await.and_then(members);
            match reply {
                Ok(reply) => return Ok(reply),
                Err(error) => failed = AskError::Member(name, Box::new(error)),
            }
            self.first = (self.first + 1) % known.len();
        }
        Err(failed)
    }
}

/// The members that a reply names.
fn members(octets: Vec<u8>) -> Result<SourceReply, AskError> {
    let reply: Value = serde_json::from_slice(&octets).map_err(AskError::Patroni)?;
    let Some(members) = reply.get("members").and_then(Value::as_array) else {
        return Err(AskError::NoMembers);
    };
    let mut finds = Vec::new();
    let mut odd = None;
    for member in members {
        match find(member) {
            Ok(find) => finds.extend(find),
            Err(shown) => _ = odd.get_or_insert_with(|| format!("{shown} is no host or no port")),
        }
    }
    Ok(SourceReply::of(finds, odd.as_deref()))
}

/// One member; none without a host. An error is what cannot be read.
fn find(member: &Value) -> Result<Option<Find>, String> {
    let odd = |value: &Value| start_of_line(&value.to_string(), 63);
    let known = |key: &str| member.get(key).filter(|value| !value.is_null());
    if !member.is_object() {
        return Err(odd(member));
    }
    let Some(host) = known("host") else { return Ok(None) };
    let parsed = host.as_str().and_then(host_port);
    let Some(HostPort { host: parsed, port: None }) = parsed else { return Err(odd(host)) };
    let port = match known("port") {
        None => None,
        Some(port) => {
            let number = port.as_u64().or_else(|| port.as_str()?.parse().ok());
            let number = number.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
            Some(number.ok_or_else(|| odd(port))?)
        }
    };
    let host = match parsed {
        TargetHost::Address(address) => FindHost::Address(address.to_canonical()),
        TargetHost::Name(name) => FindHost::Name(name),
    };
    let name = known("name").and_then(Value::as_str).and_then(NameHint::reduced);
    let labels = labels(known("tags"));
    Ok(Some(Find { source: SourceKind::Patroni, name, host, port, labels }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Vec<String>, Option<String>) {
        let reply = members(text.as_bytes().to_vec()).unwrap_or_else(SourceReply::failed);
        let find = |find: &Find| {
            let name = find.name.as_ref().map_or("-", NameHint::as_str);
            format!("{name} {} {:?}", find.host, find.port)
        };
        (reply.finds().iter().map(find).collect(), reply.fault().map(str::to_owned))
    }

    #[test]
    fn members_are_found_whatever_their_version_says_beside() {
        let (finds, fault) = told(
            r#"{"members": [
                {"name": "db1", "role": "leader", "state": "running",
                 "api_url": "http://10.0.0.1:8008/patroni",
                 "host": "10.0.0.1", "port": 5432, "timeline": 3},
                {"name": "db_2", "role": "quorum_standby", "state": "streaming",
                 "host": "db2.example", "port": 5433,
                 "lag": "unknown", "tags": {"site": "az1"}},
                {"name": "db3", "role": "replica", "state": "creating replica", "lag": "unknown"},
                {"name": "db4", "role": "replica", "state": "stopped", "host": "fd00::4",
                 "port": "5432"}],
               "scope": "orders", "pause": true}"#,
        );
        let expected =
            ["db1 10.0.0.1 Some(5432)", "db-2 db2.example Some(5433)", "db4 fd00::4 Some(5432)"];
        assert_eq!((finds, fault), (expected.map(str::to_owned).into(), None));
        assert_eq!(told(r#"{"members": []}"#), (Vec::new(), None));
    }

    #[test]
    fn one_odd_member_spoils_no_other_one() {
        let text = r#"{"members": [7, {"host": "a b", "port": 1}, {"host": "10.0.0.1", "port": 0},
                       {"host": "10.0.0.2", "port": 70000}, {"host": "10.0.0.3"}]}"#;
        let (finds, fault) = told(text);
        assert_eq!(finds, ["- 10.0.0.3 None"]);
        assert_eq!(fault.as_deref(), Some("7 is no host or no port"));
    }

    #[test]
    fn what_is_no_list_of_members_is_no_reply() {
        for text in ["", "[]", "{}", r#"{"members": 3}"#, r#"{"members": [{"host": "10.0.0.1""#] {
            let (finds, fault) = told(text);
            assert!(finds.is_empty() && fault.is_some(), "{text:?}");
        }
    }
}
