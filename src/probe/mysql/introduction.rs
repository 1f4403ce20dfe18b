//! What a MySQL or MariaDB server tells of itself, of its replicas and of its group.
//!
//! `SHOW REPLICAS` would need a right that may read every row ever written, or one that may change
//! replication. The list of processes shows the same to a user with PROCESS, and only the user's own
//! connections to others.

use super::reply::{Reply, Settings};
use crate::{
    discovery::{Follower, Introduction, Login},
    engine::Endpoint,
    plain_text::start_of_line,
};

/// What it calls itself.
pub const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('hostname', 'port', \
    'report_host', 'report_port', 'server_id', 'server_uuid', 'server_uid', 'bind_address')";

/// The addresses of those who read its binary log. Their ports are no servers' ports.
pub const READERS: &str = "SELECT HOST FROM information_schema.PROCESSLIST \
    WHERE COMMAND IN ('Binlog Dump', 'Binlog Dump GTID') LIMIT 100";

/// The members of a replication group as their servers call themselves.
pub const MEMBERS: &str = "SELECT MEMBER_HOST, MEMBER_PORT \
    FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'";

/// Characters of each text that is kept.
const TEXT_CHARS: usize = 255;

/// What all of it says. Without the rights to `readers` and `members` there are none.
pub fn introduction(
    variables: &Settings,
    readers: Option<&Reply>,
    members: Option<&Reply>,
) -> Introduction {
    let text = |name| {
        let value = variables.get(name).filter(|value| !value.is_empty())?;
        Some(Box::from(start_of_line(value, TEXT_CHARS)))
    };
    let port =
        |name| variables.get(name).and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    let name: Option<Box<str>> = text("report_host").or_else(|| text("hostname"));
    // MariaDB before 10.11 has no id of its own; name, port and number are one together.
    let described = || {
        let parts = [text("hostname")?, text("port")?, text("server_id")?];
        Some(parts.join(":").into())
    };
    // The uid is made of the host's network address and the port: servers of one host that listen on one
    // port of several addresses share it, and nodes of Galera often share their number as well.
    let numbered = || {
        let bound = text("bind_address").unwrap_or_default();
        Some(format!("{}:{}:{bound}", text("server_uid")?, text("server_id")?).into())
    };
    let instance = text("server_uuid").or_else(numbered).or_else(described);
    let endpoint = text("report_host").zip(port("report_port").or_else(|| port("port")));
    let reader = |host: &str| Follower {
        // IPv6 addresses have no brackets here, and every one has a port behind it.
        host: start_of_line(host.rsplit_once(':').map_or(host, |(host, _)| host), TEXT_CHARS)
            .into(),
        name: None,
    };
    let readers = readers.into_iter().flat_map(Reply::rows);
    let members = members.into_iter().flat_map(Reply::rows);
    Introduction {
        name,
        instance,
        endpoint: endpoint.map(|(host, port)| Endpoint { host, port }),
        followers: readers
            .filter_map(|row| Some(reader(row.at(0)?)))
            .take(Introduction::MOST)
            .collect(),
        members: members
            .filter_map(|row| {
                let port = row.at(1)?.parse().ok()?;
                Some(Endpoint { host: start_of_line(row.at(0)?, TEXT_CHARS).into(), port })
            })
            .take(Introduction::MOST)
            .collect(),
        login: Login::Proven,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, introduction};

    fn variables(pairs: &[(&str, &str)]) -> Reply {
        let mut reply = Reply::new(vec!["Variable_name".into(), "Value".into()]);
        for (name, value) in pairs {
            reply.push(vec![Some((*name).into()), Some((*value).into())]);
        }
        reply
    }

    #[test]
    fn a_server_without_an_id_is_known_by_three_things_together() {
        let all = [("hostname", "box"), ("port", "3306"), ("server_id", "7"), ("report_host", "")];
        let told = introduction(&variables(&all).settings(), None, None);
        assert_eq!(told.instance.as_deref(), Some("box:3306:7"));
        assert_eq!((told.name.as_deref(), told.endpoint), (Some("box"), None));
        let told = introduction(&variables(&all[..2]).settings(), None, None);
        assert_eq!(told.instance, None);
        let uid = [("server_uid", "u"), ("server_id", "7"), ("port", "3306"), ("hostname", "box")];
        let told = introduction(&variables(&uid).settings(), None, None);
        assert_eq!(told.instance.as_deref(), Some("u:7:"));
        let named = [("server_uuid", "a"), ("report_host", "db1"), ("report_port", "3307")];
        let told = introduction(&variables(&named).settings(), None, None);
        let endpoint = told.endpoint.expect("an endpoint");
        assert_eq!(
            (told.instance.as_deref(), &*endpoint.host, endpoint.port),
            (Some("a"), "db1", 3307)
        );
    }

    #[test]
    fn rows_that_cannot_be_read_spoil_no_others() {
        let mut readers = Reply::new(vec!["HOST".into()]);
        for host in [Some("10.0.0.2:41234"), None, Some("fd00::3:41234")] {
            readers.push(vec![host.map(Into::into)]);
        }
        let mut members = Reply::new(vec!["MEMBER_HOST".into(), "MEMBER_PORT".into()]);
        members.push(vec![Some("db2".into()), Some("3306".into())]);
        members.push(vec![Some("db3".into()), None]);
        let settings = variables(&[]).settings();
        let told = introduction(&settings, Some(&readers), Some(&members));
        let hosts: Vec<_> = told.followers.iter().map(|one| &*one.host).collect();
        assert_eq!(hosts, ["10.0.0.2", "fd00::3"]);
        assert_eq!(told.members.len(), 1);
    }
}
