//! How far a server has come in the stream of changes.

use std::fmt;

/// A point in a primary's stream of changes, comparable within one primary's history.
///
/// PostgreSQL: `segment` is 0 and `offset` the log sequence number. MySQL and MariaDB: `segment` is
/// the number at the end of the binary log file's name, `offset` the byte in that file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Binary log file number; 0 for PostgreSQL.
    pub segment: u64,
    /// Octets into the stream or file.
    pub offset: u64,
}

impl Position {
    /// A PostgreSQL log sequence number.
    pub const fn lsn(offset: u64) -> Self {
        Self { segment: 0, offset }
    }

    /// The transaction of this number in a stream of GTIDs.
    pub(super) const fn transaction(number: u64) -> Self {
        Self { segment: 0, offset: number }
    }

    /// A PostgreSQL log sequence number as the server prints it: `16/B374D848` (manual, `pg_lsn`).
    ///
    /// `None` when the text is not one.
    pub fn parse_lsn(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        if high.is_empty() || high.len() > 8 || low.is_empty() || low.len() > 8 {
            return None;
        }
        let high = u64::from_str_radix(high, 16).ok()?;
        let low = u64::from_str_radix(low, 16).ok()?;
        Some(Self::lsn(high << 32 | low))
    }

    /// A binary log coordinate: `binlog.000042` and the offset in it.
    ///
    /// `None` when the file name does not end in a number.
    pub fn parse_binlog(file: &str, offset: u64) -> Option<Self> {
        let (_, number) = file.rsplit_once('.')?;
        Some(Self { segment: number.parse().ok()?, offset })
    }
}

/// `16/B374D848` for PostgreSQL, `42:1337` for a binary log.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.segment {
            0 => write!(f, "{:X}/{:X}", self.offset >> 32, self.offset & 0xFFFF_FFFF),
            segment => write!(f, "{segment}:{}", self.offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn lsn_is_read_and_printed_as_postgresql_does() {
        let lsn = Position::parse_lsn("16/B374D848").expect("a valid LSN");
        assert_eq!(lsn, Position::lsn(0x16_B374_D848));
        assert_eq!(lsn.to_string(), "16/B374D848");
        for odd in ["", "16", "/", "16/", "/1", "G/1", "1/123456789", "-1/0", "1/0 "] {
            assert_eq!(Position::parse_lsn(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn binlog_coordinates_order_by_file_first() {
        let old = Position::parse_binlog("mysql-bin.000009", 900).expect("a coordinate");
        let new = Position::parse_binlog("mysql-bin.000010", 4).expect("a coordinate");
        assert!(old < new);
        assert_eq!(new.to_string(), "10:4");
        assert_eq!(Position::parse_binlog("mysql-bin", 4), None);
        assert_eq!(Position::parse_binlog("mysql-bin.index", 4), None);
    }
}
