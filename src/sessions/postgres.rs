//! Sessions of a PostgreSQL server, 12 or newer.
//!
//! `pg_stat_activity` hides the type of sessions of others from roles without `pg_read_all_stats`;
//! one hidden session is enough to end none, for it may be a replica's. A process id is given again
//! as soon as its process is gone, so a session is ended by its id and the moment of its login.

use std::fmt::Write as _;

use tokio::time::Instant;

use super::{
    error::Fault,
    session::{Session, SessionKind},
};
use crate::probe::{Row, Visit};

/// What the server tells of its sessions. `own` are the users of Pointsman, the first is this one.
pub async fn sessions(
    visit: &mut Visit,
    own: &[&str],
    deadline: Instant,
) -> Result<Vec<Session>, Fault> {
    let rows = visit.rows(LIST, deadline).await?;
    rows.iter().map(|row| session(row, own)).collect()
}

/// Ends `sessions`, those that are still the same, and says how many.
pub async fn end(
    visit: &mut Visit,
    sessions: &[&Session],
    deadline: Instant,
) -> Result<u64, Fault> {
    if sessions.is_empty() {
        return Ok(0);
    }
    let rows = visit.rows(&ending(sessions), deadline).await?;
    let ended = rows.iter().filter(|row| matches!(&row[..], [Some(done)] if &**done == "t"));
    Ok(u64::try_from(ended.count()).unwrap_or(u64::MAX))
}

/// The right that ends sessions of others, for `user`.
pub fn missing_right(user: &str) -> Fault {
    Fault::Missing {
        user: user.into(),
        what: "end sessions of others",
        grant: format!("GRANT pg_signal_backend TO {};", identifier(user)).into(),
    }
}

/// One row of [`LIST`].
fn session(row: &Row, own: &[&str]) -> Result<Session, Fault> {
    let odd = || Fault::Odd("pg_stat_activity");
    let [id, born, user, database, address, state, age, kind, privileged, ours, may_end] = &row[..]
    else {
        return Err(odd());
    };
    let is = |flag: &Option<Box<str>>| flag.as_deref() == Some("t");
    let Some(kind) = kind.as_deref() else {
        let user = own.first().copied().unwrap_or_default();
        return Err(Fault::Missing {
            user: user.into(),
            what: "see the sessions of others",
            grant: format!("GRANT pg_read_all_stats TO {};", identifier(user)).into(),
        });
    };
    let user = user.clone().unwrap_or_default();
    let kind = match kind {
        _ if is(ours) || own.contains(&&*user) => SessionKind::Own,
        "client backend" => SessionKind::Client,
        _ => SessionKind::Replication,
    };
    Ok(Session {
        id: id.as_deref().and_then(|id| id.parse().ok()).ok_or_else(odd)?,
        born: born.as_deref().and_then(|born| born.parse().ok()).ok_or_else(odd)?,
        kind,
        user,
        database: database.clone(),
        address: address.clone(),
        state: state.clone().unwrap_or_else(|| "starting".into()),
        age: age.as_deref().and_then(|age| age.parse().ok()),
        is_privileged: privileged.as_deref() != Some("f"),
        may_end: is(may_end),
    })
}

/// The statement that ends `sessions`. It is numbers only, so there is nothing to quote.
///
/// It does not ask whether the server is in recovery: a former primary that is still writable is the
/// one whose clients must leave first. Who the published writer is has been looked up before.
fn ending(sessions: &[&Session]) -> String {
    let mut statement =
        String::from("SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a JOIN (VALUES ");
    for (index, session) in sessions.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let Session { id, born, .. } = session;
        write!(statement, "{comma}({id}::int, {born}::bigint)").expect("writing to a string");
    }
    statement.push_str(") AS s (pid, born) ON a.pid = s.pid AND ");
    statement.push_str(BORN);
    statement.push_str(" = s.born WHERE a.backend_type = 'client backend'");
    statement.push_str(" AND a.pid <> pg_backend_pid()");
    statement
}

/// `name` between double quotes.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The moment of the login in microseconds. Before 14 it comes from a floating-point number, which
/// is the same one each time.
const BORN: &str = "(extract(epoch FROM a.backend_start) * 1000000)::bigint";

/// Clients and senders of changes; a session whose type is hidden is shown as such. A user that is
/// not known any more counts as one with special rights.
const LIST: &str = "\
SELECT a.pid,
  (extract(epoch FROM a.backend_start) * 1000000)::bigint,
  a.usename,
  a.datname,
  host(a.client_addr),
  a.state,
  greatest(0, extract(epoch FROM clock_timestamp() - a.backend_start))::bigint,
  a.backend_type,
  coalesce(r.rolsuper, true),
  a.pid = pg_backend_pid(),
  coalesce(pg_has_role('pg_signal_backend', 'USAGE') OR pg_has_role(a.usesysid, 'USAGE'), false)
FROM pg_stat_activity AS a LEFT JOIN pg_roles AS r ON r.oid = a.usesysid
WHERE a.usesysid IS NOT NULL
  AND (a.backend_type IS NULL OR a.backend_type IN ('client backend', 'walsender'))";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [Option<&str>; 11]) -> Row {
        cells.map(|cell| cell.map(Box::from)).to_vec()
    }

    const APP: [Option<&str>; 11] = [
        Some("4711"),
        Some("1795240800000000"),
        Some("app"),
        Some("shop"),
        Some("10.0.0.9"),
        Some("idle in transaction"),
        Some("12"),
        Some("client backend"),
        Some("f"),
        Some("f"),
        Some("t"),
    ];

    /// [`APP`] with another cell.
    fn with(place: usize, cell: Option<&'static str>) -> Row {
        let mut cells = APP;
        cells[place] = cell;
        row(cells)
    }

    #[test]
    fn a_row_is_a_session() {
        let session = session(&row(APP), &["pointsman"]).expect("a session");
        assert_eq!(
            (session.id, session.born, session.age),
            (4711, 1_795_240_800_000_000, Some(12))
        );
        assert_eq!((session.kind, session.is_privileged), (SessionKind::Client, false));
        assert!(session.may_end);
    }

    #[test]
    fn what_is_not_known_is_spared() {
        let of = |row: Row| session(&row, &["pointsman", "kick"]).expect("a session");
        assert!(of(with(8, Some("t"))).is_privileged);
        assert!(of(with(8, None)).is_privileged);
        assert!(!of(with(10, None)).may_end);
        assert_eq!(of(with(7, Some("walsender"))).kind, SessionKind::Replication);
        assert_eq!(of(with(7, Some("something new"))).kind, SessionKind::Replication);
        assert_eq!(of(with(2, Some("kick"))).kind, SessionKind::Own);
        assert_eq!(of(with(9, Some("t"))).kind, SessionKind::Own);
    }

    #[test]
    fn a_hidden_session_asks_for_the_right_and_an_odd_row_is_none() {
        let fault = session(&with(7, None), &["a\"b"]).expect_err("hidden");
        assert!(fault.to_string().contains("GRANT pg_read_all_stats TO \"a\"\"b\";"), "{fault}");
        for odd in [with(0, Some("x")), with(0, None), with(1, None), Row::new()] {
            let fault = session(&odd, &["pointsman"]).expect_err("odd");
            assert_eq!(fault, Fault::Odd("pg_stat_activity"));
        }
    }

    #[test]
    fn sessions_are_ended_by_id_and_login() {
        let one = session(&row(APP), &[]).expect("a session");
        let two = Session { id: 4712, born: 5, ..one.clone() };
        let statement = ending(&[&one, &two]);
        let values = "(VALUES (4711::int, 1795240800000000::bigint), (4712::int, 5::bigint))";
        assert!(statement.contains(values), "{statement}");
        assert!(statement.contains("= s.born WHERE a.backend_type = 'client backend'"));
        assert!(LIST.contains(BORN), "both read the login alike");
    }
}
