//! What a PostgreSQL server tells of itself and of its followers. Any role that may log in is told
//! the first, `pg_read_all_stats` shows the second.

use crate::{
    discovery::{Follower, Introduction, Login},
    engine::Endpoint,
    plain_text::start_of_line,
};

/// One row. Base backups are rows of `pg_stat_replication`, too, and logical receivers are no
/// standbys of ours, which examination sees. The port of a client is no server's port.
pub const STATEMENT: &str = "\
SELECT current_setting('cluster_name'),
  (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint || ':'
    || current_setting('port'),
  host(inet_server_addr()),
  inet_server_port(),
  (SELECT string_agg(host(r.client_addr) || ' ' || r.application_name, E'\\n')
    FROM (SELECT client_addr, application_name FROM pg_stat_replication
      WHERE state IN ('streaming', 'catchup') AND client_addr IS NOT NULL
      LIMIT 100) r)";

/// Characters of each text that is kept.
const TEXT_CHARS: usize = 255;

/// What the row says; `None` when it is none of ours. A line that cannot be read spoils no other.
pub fn introduction(row: &[(&str, Option<&str>)]) -> Option<Introduction> {
    let [name, instance, address, port, followers] = row else {
        return None;
    };
    let text = |(_, value): &(&str, Option<&str>)| {
        let value = value.as_ref()?;
        (!value.is_empty()).then(|| Box::from(start_of_line(value, TEXT_CHARS)))
    };
    let endpoint = text(address).zip(port.1.and_then(|port| port.parse().ok()));
    let followers = followers.1.unwrap_or_default().lines().take(Introduction::MOST);
    let followers = followers.filter_map(|line| {
        let (host, name) = line.split_once(' ')?;
        let name = start_of_line(name, TEXT_CHARS);
        let name = (!name.is_empty()).then(|| name.into());
        (!host.is_empty()).then(|| Follower { host: start_of_line(host, TEXT_CHARS).into(), name })
    });
    Some(Introduction {
        name: text(name),
        instance: text(instance),
        endpoint: endpoint.map(|(host, port)| Endpoint { host, port }),
        followers: followers.collect(),
        members: Vec::new(),
        login: Login::Proven,
    })
}

#[cfg(test)]
mod tests {
    use super::introduction;

    #[test]
    fn a_row_tells_who_it_is_and_who_follows() {
        let row = [
            ("current_setting", Some("db1")),
            ("?column?", Some("1764480554000000:5432")),
            ("host", Some("10.0.0.1")),
            ("inet_server_port", Some("5432")),
            ("string_agg", Some("10.0.0.2 walreceiver\nnonsense\nfd00::3 db3 b")),
        ];
        let told = introduction(&row).expect("an introduction");
        assert_eq!(
            (told.name.as_deref(), told.endpoint.map(|at| at.port)),
            (Some("db1"), Some(5432))
        );
        let followers: Vec<_> =
            told.followers.iter().map(|one| (&*one.host, one.name.as_deref())).collect();
        let expected = [("10.0.0.2", Some("walreceiver")), ("fd00::3", Some("db3 b"))];
        assert_eq!(followers, expected);
        let bare = row.map(|(name, _)| (name, None));
        assert_eq!(introduction(&bare), Some(crate::discovery::Introduction::default()));
        assert_eq!(introduction(&row[..4]), None);
    }
}
