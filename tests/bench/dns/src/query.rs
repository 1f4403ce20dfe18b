//! The two questions that every server is asked, and what counts as an answer to them.

/// What is asked for: one of the two served names, type A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// `db-write.internal.`: one address.
    Write,
    /// `db-read.internal.`: three addresses.
    Read,
}

/// What a reply must have to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The packet came back with QR set.
    Echo,
    /// NOERROR and so many records in the answer section, not truncated.
    Answers(u16),
}

impl Question {
    pub(crate) const ALL: [Self; 2] = [Self::Write, Self::Read];

    /// As tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Write => "write name",
            Self::Read => "read name",
        }
    }

    /// What a name server replies.
    pub(crate) fn expected(self) -> Expected {
        match self {
            Self::Write => Expected::Answers(1),
            Self::Read => Expected::Answers(3),
        }
    }

    /// The query with ID 0 (RFC 1035 section 4.1), with RD as resolvers that forward set it. `edns`
    /// adds an OPT record that announces 1,232 octets (RFC 6891) and nothing else.
    pub(crate) fn message(self, edns: bool) -> Vec<u8> {
        let first: &[u8] = match self {
            Self::Write => b"\x08db-write",
            Self::Read => b"\x07db-read",
        };
        let mut message = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
        message.extend(first);
        message.extend(b"\x08internal\x00\x00\x01\x00\x01");
        if edns {
            message.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        }
        message
    }
}

impl Expected {
    /// Whether `reply` is one, apart from its ID.
    pub(crate) fn is_met_by(self, reply: &[u8]) -> bool {
        let Some((header, _)) = reply.split_first_chunk::<12>() else {
            return false;
        };
        let is_whole_reply = header[2] & 0x82 == 0x80;
        let answers = u16::from_be_bytes([header[6], header[7]]);
        is_whole_reply
            && header[3] & 0x0f == 0
            && match self {
                Self::Echo => answers == 0,
                Self::Answers(expected) => answers == expected,
            }
    }
}

/// The ID of a message.
pub(crate) fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::{Expected, Question, id};

    #[test]
    fn only_whole_good_replies_count() {
        let query = Question::Read.message(false);
        let mut reply = query;
        assert!(!Expected::Echo.is_met_by(&reply), "a query is no reply");
        reply[2] |= 0x80;
        assert!(Expected::Echo.is_met_by(&reply));
        assert!(!Question::Read.expected().is_met_by(&reply));
        reply[7] = 3;
        assert!(Question::Read.expected().is_met_by(&reply));
        assert!(!Question::Write.expected().is_met_by(&reply));
        assert!(!Question::Read.expected().is_met_by(&reply[..11]));
        let mut truncated = reply.clone();
        truncated[2] |= 0x02;
        assert!(!Question::Read.expected().is_met_by(&truncated));
        reply[3] |= 2;
        assert!(!Question::Read.expected().is_met_by(&reply), "SERVFAIL");
    }

    #[test]
    fn edns_is_one_record_more() {
        for question in Question::ALL {
            let (plain, edns) = (question.message(false), question.message(true));
            assert_eq!(plain.len() + 11, edns.len());
            assert_eq!((plain[11], edns[11]), (0, 1));
            assert_eq!(id(&plain), Some(0));
        }
        assert_eq!(id(&[0]), None);
    }
}
