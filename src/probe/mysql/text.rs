//! The reply to a query, packet by packet (MySQL manual, "COM_QUERY Response" and "Text Resultset").
//!
//! Nothing is read here: a [`Collector`] is told each payload and says when the reply is whole.
//! Limits on rows, columns and results keep what a server may make us hold to a few megabytes.

use super::{error::garbled, reply::Reply, wire::Fields};
use crate::engine::Failure;

/// Most rows read of one result: replication channels and group members number in the tens.
const ROWS_MAX: usize = 1_000;
/// Most columns of one result: the widest, SHOW REPLICA STATUS, has about 60.
const COLUMNS_MAX: usize = 256;
/// Most results read of one query: no query has more statements.
const RESULTS_MAX: usize = 3;

const OK: u8 = 0x00;
const LOCAL_FILE: u8 = 0xFB;
const EOF: u8 = 0xFE;
/// A longer packet that begins as an end does is a row.
const EOF_OCTETS_MAX: usize = 8;
/// `SERVER_MORE_RESULTS_EXISTS` among the status flags.
const MORE_RESULTS: u16 = 8;

/// What has arrived of one reply.
#[derive(Debug)]
pub struct Collector {
    replies: Vec<Reply>,
    state: State,
    rows_max: usize,
}

#[derive(Debug, Default)]
enum State {
    /// The next packet begins a result.
    #[default]
    Head,
    /// Definitions of columns, and how many are still to come; after the last, their end.
    Columns { names: Vec<Box<str>>, missing: usize },
    /// Rows, and after the last their end.
    Rows { reply: Reply, columns: usize, rows: usize },
}

/// Whether more packets belong to the reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// They do.
    More,
    /// It is whole: one reply per statement.
    Whole(Vec<Reply>),
}

/// For what a probe asks.
impl Default for Collector {
    fn default() -> Self {
        Self::of_rows(ROWS_MAX)
    }
}

impl Collector {
    /// For results of at most so many rows.
    pub fn of_rows(rows_max: usize) -> Self {
        Self { replies: Vec::new(), state: State::default(), rows_max }
    }

    /// Takes the next payload, which is no error.
    ///
    /// # Errors
    /// `Garbled` for what no reply to our statements has. The connection is then of no more use.
    pub fn take_in(&mut self, payload: &[u8]) -> Result<Progress, Failure> {
        match std::mem::take(&mut self.state) {
            State::Head => match payload {
                [OK, ..] => {
                    let (affected_rows, status) = done(payload).ok_or_else(cut_short)?;
                    self.end_result(Reply::done(affected_rows), status)
                }
                [LOCAL_FILE, ..] => Err(garbled("the server asks for a file")),
                _ => {
                    let missing = columns(payload)?;
                    self.state = State::Columns { names: Vec::with_capacity(missing), missing };
                    Ok(Progress::More)
                }
            },
            State::Columns { names, missing: 0 } => {
                end(payload).ok_or_else(|| garbled("columns without an end"))?;
                let columns = names.len();
                self.state = State::Rows { reply: Reply::new(names), columns, rows: 0 };
                Ok(Progress::More)
            }
            State::Columns { mut names, missing } => {
                names.push(column_name(payload).ok_or_else(cut_short)?);
                self.state = State::Columns { names, missing: missing - 1 };
                Ok(Progress::More)
            }
            State::Rows { mut reply, columns, rows } => {
                if let Some(status) = end(payload) {
                    return self.end_result(reply, status);
                }
                if rows >= self.rows_max {
                    return Err(garbled("endless result"));
                }
                reply.push(row(payload, columns)?);
                self.state = State::Rows { reply, columns, rows: rows + 1 };
                Ok(Progress::More)
            }
        }
    }

    fn end_result(&mut self, reply: Reply, status: u16) -> Result<Progress, Failure> {
        self.replies.push(reply);
        if status & MORE_RESULTS == 0 {
            return Ok(Progress::Whole(std::mem::take(&mut self.replies)));
        }
        if self.replies.len() >= RESULTS_MAX {
            return Err(garbled("endless results"));
        }
        Ok(Progress::More)
    }
}

/// The rows that an OK packet says were changed, and its status flags.
fn done(payload: &[u8]) -> Option<(u64, u16)> {
    let mut fields = Fields::new(payload);
    fields.octet()?;
    let affected_rows = fields.number()?;
    let _last_id = fields.number()?;
    Some((affected_rows, fields.short()?))
}

/// The status flags of the packet that ends columns or rows; `None` when it is none.
fn end(payload: &[u8]) -> Option<u16> {
    let mut fields = Fields::new(payload);
    if fields.octet()? != EOF || payload.len() > EOF_OCTETS_MAX {
        return None;
    }
    let _warnings = fields.short()?;
    fields.short()
}

fn columns(payload: &[u8]) -> Result<usize, Failure> {
    let mut fields = Fields::new(payload);
    let count = fields.number().filter(|_| fields.rest().is_empty());
    let count = count.ok_or_else(|| garbled("neither a result nor an error"))?;
    match usize::try_from(count) {
        Ok(count @ 1..=COLUMNS_MAX) => Ok(count),
        _ => Err(garbled(format!("a result of {count} columns"))),
    }
}

/// The name in a "Protocol::ColumnDefinition41": it comes after catalog, schema, table and original
/// table.
fn column_name(payload: &[u8]) -> Option<Box<str>> {
    let mut fields = Fields::new(payload);
    for _ in 0..4 {
        fields.counted()?;
    }
    fields.counted().map(text)
}

fn row(payload: &[u8], columns: usize) -> Result<Vec<Option<Box<str>>>, Failure> {
    let mut fields = Fields::new(payload);
    let mut values = Vec::with_capacity(columns);
    for _ in 0..columns {
        values.push(fields.value().ok_or_else(cut_short)?.map(text));
    }
    if !fields.rest().is_empty() {
        return Err(garbled("a row of more values than columns"));
    }
    Ok(values)
}

fn text(octets: &[u8]) -> Box<str> {
    String::from_utf8_lossy(octets).into()
}

fn cut_short() -> Failure {
    garbled("a packet cut short")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{COLUMNS_MAX, Collector, Progress, ROWS_MAX};
    use crate::{
        engine::Failure,
        probe::mysql::{reply::Reply, wire::Octets},
    };

    const END: &[u8] = &[0xFE, 0, 0, 2, 0];
    const END_AND_MORE: &[u8] = &[0xFE, 0, 0, 10, 0];

    fn definition(name: &str) -> Vec<u8> {
        let mut packet = Octets::default();
        for text in ["def", "", "", "", name, name] {
            packet.put_counted(text.as_bytes());
        }
        packet.put(&[12, 45, 0, 0, 4, 0, 0, 253, 0, 0, 0, 0, 0]);
        packet.0
    }

    fn read(packets: &[&[u8]]) -> Result<Option<Vec<Reply>>, Failure> {
        let mut collector = Collector::default();
        let mut replies = None;
        for packet in packets {
            assert_eq!(replies, None, "nothing is asked for beyond the end");
            if let Progress::Whole(found) = collector.take_in(packet)? {
                replies = Some(found);
            }
        }
        Ok(replies)
    }

    #[test]
    fn results_and_their_absence_are_told_apart() {
        let (a, b) = (definition("a"), definition("b"));
        let row: &[u8] = b"\x01x\xFB";
        let ok: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
        let found = read(&[&[2], &a, &b, END_AND_MORE, row, row, END_AND_MORE, ok]);
        let mut first = Reply::new(vec!["a".into(), "b".into()]);
        first.push(vec![Some("x".into()), None]);
        first.push(vec![Some("x".into()), None]);
        assert_eq!(found, Ok(Some(vec![first, Reply::default()])));
        assert_eq!(read(&[&[1], &a, END]), Ok(None), "rows are still to come");
    }

    #[test]
    fn no_packet_out_of_place_passes() {
        let a = definition("a");
        let many = Octets::default().put(&[0xFC, 1, 1]).0.clone();
        assert!(usize::from(u16::from_le_bytes([1, 1])) > COLUMNS_MAX);
        for packets in [
            &[&[][..]][..],
            &[b"\xFB/etc/passwd"],
            &[&many],
            &[b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"],
            &[&[1, 2]],
            &[&[0, 0, 0]],
            &[&[1], &a, &a],
            &[&[1], &a[..7]],
            &[&[1], &a, END, b"\x02x"],
            &[&[1], &a, END, b"\x01xy"],
            &[&[1], &a, END, &[]],
        ] {
            assert!(read(packets).is_err(), "{packets:?}");
        }
    }

    #[test]
    fn rows_and_results_without_end_are_cut_off() {
        let a = definition("a");
        let endless = [&[&[1][..], &a, END][..], &vec![&b"\x01x"[..]; ROWS_MAX + 1]].concat();
        assert!(read(&endless[..endless.len() - 1]).is_ok());
        assert!(read(&endless).is_err());
        let more: &[u8] = &[0, 0, 0, 10, 0, 0, 0];
        assert!(read(&[more, more]).is_ok());
        assert!(read(&[more, more, more]).is_err());
    }

    proptest! {
        #[test]
        fn no_packets_make_it_panic(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        ) {
            let packets: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
            let mut collector = Collector::default();
            for packet in packets {
                if !matches!(collector.take_in(packet), Ok(Progress::More)) {
                    break;
                }
            }
        }

        #[test]
        fn no_rows_make_it_panic(rows in prop::collection::vec(
            prop::collection::vec(any::<u8>(), 0..40), 0..12,
        )) {
            let (a, b) = (definition("a"), definition("b"));
            let mut packets: Vec<&[u8]> = vec![&[2], &a, &b, END];
            packets.extend(rows.iter().map(|row| &row[..]));
            let mut collector = Collector::default();
            for packet in packets {
                if !matches!(collector.take_in(packet), Ok(Progress::More)) {
                    break;
                }
            }
        }
    }
}
