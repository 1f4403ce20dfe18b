//! PostgreSQL's protocol as far as a probe sees it, in octets prepared beforehand.

use std::time::Duration;

use pointsman::probe::POSTGRES_COLUMNS;

/// What a client said, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Asks for encryption.
    Encrypt,
    /// Logs in.
    Login,
    /// Asks a question.
    Question,
    /// Asks it to introduce itself, which discovery needs.
    Introduction,
    /// Says goodbye.
    Goodbye,
    /// Anything else.
    Other,
}

/// Takes one whole message out of `octets`; `None` while none is whole. The first ones of a
/// connection have no tag, until the login.
pub(crate) fn take(octets: &mut Vec<u8>, logged_in: bool) -> Option<Said> {
    let head = usize::from(logged_in);
    let length: [u8; 4] = octets.get(head..head + 4)?.try_into().ok()?;
    let whole = head + usize::try_from(u32::from_be_bytes(length)).ok()?;
    let message = octets.get(..whole)?;
    let said = match (logged_in, message) {
        (false, [_, _, _, _, 4, 210, 22, 47 | 48]) => Said::Encrypt,
        (false, _) => Said::Login,
        (true, [b'Q', text @ ..]) if is_about_itself(text) => Said::Introduction,
        (true, [b'Q', ..]) => Said::Question,
        (true, [b'X', ..]) => Said::Goodbye,
        (true, _) => Said::Other,
    };
    octets.drain(..whole);
    Some(said)
}

/// No other question asks for what a server is called.
fn is_about_itself(text: &[u8]) -> bool {
    const WORDS: &[u8] = b"'cluster_name'";
    text.windows(WORDS.len()).any(|words| words == WORDS)
}

/// The whole reply of a server that introduces itself: its name, its instance, its address, its port,
/// and who receives from it.
pub(crate) fn introduction(texts: [Option<&str>; 5]) -> Vec<u8> {
    let description = description(&["name", "instance", "address", "port", "followers"]);
    let end = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
    [description, row(&texts), end].concat()
}

/// AuthenticationOk, BackendKeyData and ReadyForQuery.
pub(crate) fn login() -> Vec<u8> {
    [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', b"server_version\x0015.18\0"),
        message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// What a server is asked for, and what does not change in its replies.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    description: Vec<u8>,
    identifier: String,
    /// Host and port that a standby receives from.
    sender: Option<(String, String)>,
}

impl Facts {
    /// Those of a server of `cluster`: a primary, or a standby of `sender`.
    pub(crate) fn new(cluster: usize, sender: Option<(String, String)>) -> Self {
        let identifier = (7_300_000_000_000_000_000 + cluster).to_string();
        Self { description: description(&POSTGRES_COLUMNS), identifier, sender }
    }

    /// The whole reply of a server that has run for `age`: its position moves on all the
    /// time, and a standby has just heard of its sender.
    pub(crate) fn reply(&self, age: Duration) -> Vec<u8> {
        let position = 0x300_0148 + age.as_micros();
        let position = format!("{:X}/{:X}", position >> 32, position & 0xffff_ffff);
        let (at, identifier) = (Some(&*position), Some(&*self.identifier));
        let heard = (START + age.as_micros()).to_string();
        let none = None;
        let texts: [Option<&str>; POSTGRES_COLUMNS.len()] = match &self.sender {
            None => [
                identifier,
                Some("f"),
                Some("f"),
                Some("00000001"),
                at,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                Some("3"),
            ],
            Some((host, port)) => [
                identifier,
                Some("t"),
                none,
                none,
                none,
                Some("t"),
                Some("streaming"),
                Some("1"),
                Some("1"),
                at,
                at,
                Some("0.1"),
                Some("f"),
                Some("0"),
                Some(host),
                Some(port),
                Some(&heard),
                Some("3"),
            ],
        };
        let mut octets = self.description.clone();
        octets.extend(row(&texts));
        octets.extend(message(b'C', b"SELECT 1\0"));
        octets.extend(message(b'Z', b"I"));
        octets
    }
}

fn description(columns: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len()).unwrap_or_default().to_be_bytes().to_vec();
    for column in columns {
        body.extend(column.as_bytes());
        body.extend([0; 7]);
        // Of type text, of any length, in text format.
        body.extend(25_u32.to_be_bytes());
        body.extend([255; 6]);
        body.extend([0; 2]);
    }
    message(b'T', &body)
}

fn row(texts: &[Option<&str>]) -> Vec<u8> {
    let mut body = u16::try_from(texts.len()).unwrap_or_default().to_be_bytes().to_vec();
    for text in texts {
        match text {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(text) => {
                body.extend(u32::try_from(text.len()).unwrap_or_default().to_be_bytes());
                body.extend(text.as_bytes());
            }
        }
    }
    message(b'D', &body)
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or_default();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// When `age` zero was, in microseconds since 1970.
const START: u128 = 1_763_719_100_250_000;

#[cfg(test)]
mod tests {
    use super::{Said, take};

    #[test]
    fn messages_are_taken_whole_one_after_another() {
        let mut octets = vec![0, 0, 0, 8, 4, 210, 22, 47, 0, 0, 0, 9, 0, 3, 0];
        assert_eq!(take(&mut octets, false), Some(Said::Encrypt));
        assert_eq!(take(&mut octets, false), None);
        octets.extend([0, 0, b'Q', 0, 0, 0, 5, 0, b'X', 0, 0, 0, 4]);
        assert_eq!(take(&mut octets, false), Some(Said::Login));
        assert_eq!(take(&mut octets, true), Some(Said::Question));
        assert_eq!(take(&mut octets, true), Some(Said::Goodbye));
        assert_eq!((take(&mut octets, true), octets.len()), (None, 0));
    }
}
