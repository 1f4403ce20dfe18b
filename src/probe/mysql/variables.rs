//! Writability, identity, position and sessions from variables and counters.
//!
//! Every variable but `read_only` is missing somewhere, so absence means "not set". `read_only`
//! exists in every version of both families: a reply without it, or with an empty value, is no
//! reply and never makes a server writable.

use std::str::FromStr;

use super::{
    error::garbled,
    reply::{Reply, Settings},
};
use crate::engine::{Failure, MySqlIdentity, Position, Writability};

/// The strongest of the variables that forbid writes.
///
/// `read_only` is `0`/`1` or `OFF`/`ON`, from MariaDB 12.0 one of `OFF`, `ON`, `NO_LOCK`,
/// `NO_LOCK_NO_ADMIN` (MDEV-36425): only `0` and `OFF` let clients write.
///
/// # Errors
/// A `Garbled` failure when `read_only` is missing or any of them is empty.
pub fn writability(variables: &Settings) -> Result<Writability, Failure> {
    if variables.get("read_only").is_none() {
        return Err(garbled("no read_only among the variables"));
    }
    let mut strongest = Writability::Writable;
    for (name, forbids) in [
        ("read_only", Writability::ReadOnly),
        ("super_read_only", Writability::SuperReadOnly),
        ("innodb_read_only", Writability::InnodbReadOnly),
        ("offline_mode", Writability::OfflineMode),
    ] {
        match variables.get(name) {
            None => {}
            Some("") => return Err(garbled(format!("{name} is empty"))),
            Some(value) if is_off(value) => {}
            Some(_) => strongest = forbids,
        }
    }
    Ok(strongest)
}

/// Whether a variable that forbids writes has this value and does not.
pub fn is_off(value: &str) -> bool {
    value == "0" || value.eq_ignore_ascii_case("OFF")
}

/// What replicas call this server.
///
/// # Errors
/// A `Garbled` failure when `server_id` is no number.
pub fn identity(variables: &Settings) -> Result<MySqlIdentity, Failure> {
    Ok(MySqlIdentity {
        uuid: variables.get("server_uuid").filter(|uuid| !uuid.is_empty()).map(Into::into),
        server_id: number(variables, "server_id")?.unwrap_or(0),
    })
}

/// Connected clients without the probe's own `own` connections.
///
/// # Errors
/// A `Garbled` failure when the counter is no number.
pub fn sessions(status: &Settings, own: u32) -> Result<Option<u32>, Failure> {
    let connected: Option<u32> = number(status, "threads_connected")?;
    Ok(connected.map(|connected| connected.saturating_sub(own)))
}

/// The coordinate in SHOW MASTER STATUS or its later names; no row means that the binary log is
/// off.
pub fn position(reply: &Reply) -> Option<Position> {
    let row = reply.first()?;
    let offset = row.text(&["Position"])?.parse().ok()?;
    Position::parse_binlog(row.text(&["File"])?, offset)
}

/// The same coordinate from MariaDB's counters `Binlog_snapshot_file` and
/// `Binlog_snapshot_position`, which need no right: outside a snapshot transaction they are the
/// current ones (manual, "Binlog_snapshot_position").
pub fn position_counter(status: &Settings) -> Option<Position> {
    let offset = status.get("binlog_snapshot_position")?.parse().ok()?;
    Position::parse_binlog(status.get("binlog_snapshot_file")?, offset)
}

/// The number in `name`; `None` when it is missing.
pub fn number<T: FromStr>(settings: &Settings, name: &str) -> Result<Option<T>, Failure> {
    settings
        .get(name)
        .map(|value| value.parse().map_err(|_| garbled(format!("{name} is {value:?}"))))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::{Reply, Settings, identity, position, position_counter, sessions, writability};
    use crate::engine::{FailureKind, Position, Writability};

    #[test]
    fn the_strongest_variable_counts() {
        use Writability::{InnodbReadOnly, OfflineMode, ReadOnly, SuperReadOnly, Writable};
        let mysql = [
            ("read_only", "OFF"),
            ("super_read_only", "OFF"),
            ("innodb_read_only", "OFF"),
            ("offline_mode", "OFF"),
        ];
        for (settings, expected) in [
            (vec![("read_only", "OFF")], Writable),
            (vec![("read_only", "0")], Writable),
            (vec![("read_only", "ON")], ReadOnly),
            (vec![("read_only", "1")], ReadOnly),
            (vec![("read_only", "NO_LOCK")], ReadOnly),
            (vec![("read_only", "NO_LOCK_NO_ADMIN")], ReadOnly),
            (vec![("read_only", "whatever comes next")], ReadOnly),
            (mysql.to_vec(), Writable),
            (vec![("read_only", "ON"), ("super_read_only", "ON")], SuperReadOnly),
            (vec![("read_only", "OFF"), ("innodb_read_only", "ON")], InnodbReadOnly),
            (vec![("read_only", "ON"), ("offline_mode", "ON")], OfflineMode),
        ] {
            let found = writability(&Settings::of(&settings));
            assert_eq!(found, Ok(expected), "{settings:?}");
        }
    }

    #[test]
    fn an_empty_or_odd_reply_is_never_writable() {
        for settings in [
            vec![],
            vec![("super_read_only", "OFF")],
            vec![("read_only", "")],
            vec![("read_only", "OFF"), ("super_read_only", "")],
        ] {
            let failure = writability(&Settings::of(&settings)).expect_err("no reply");
            assert_eq!(failure.kind, FailureKind::Garbled, "{settings:?}");
        }
    }

    #[test]
    fn identity_is_uuid_and_number() {
        let found = identity(&Settings::of(&[("server_id", "7"), ("server_uuid", "u")]));
        let found = found.expect("an identity");
        assert_eq!((found.uuid.as_deref(), found.server_id), (Some("u"), 7));
        assert_eq!(identity(&Settings::default()), Ok(Default::default()));
        assert!(identity(&Settings::of(&[("server_id", "-1")])).is_err());
    }

    #[test]
    fn the_probes_own_session_is_not_counted() {
        let count = |text| sessions(&Settings::of(&[("threads_connected", text)]), 1);
        assert_eq!(count("5"), Ok(Some(4)));
        assert_eq!(count("0"), Ok(Some(0)));
        assert!(count("many").is_err());
        assert_eq!(sessions(&Settings::default(), 1), Ok(None));
    }

    #[test]
    fn the_own_coordinate_is_absent_without_a_binary_log() {
        let mut reply = Reply::new(vec!["File".into(), "Position".into()]);
        assert_eq!(position(&reply), None);
        reply.push(vec![Some("mysql-bin.000012".into()), Some("345".into())]);
        let expected = Position { segment: 12, offset: 345 };
        assert_eq!(position(&reply), Some(expected));
        let counters = |file| {
            position_counter(&Settings::of(&[
                ("binlog_snapshot_file", file),
                ("binlog_snapshot_position", "345"),
            ]))
        };
        assert_eq!(counters("mysql-bin.000012"), Some(expected));
        assert_eq!(counters(""), None);
        assert_eq!(position_counter(&Settings::default()), None);
    }
}
