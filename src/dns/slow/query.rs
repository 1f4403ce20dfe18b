//! The frame of a query, to its last octet.
//!
//! hickory's reader of requests is too strict here and too lenient there: one record of the
//! additional section that it cannot read costs a message its reply, while an OPT record with
//! broken options, one below a name, and octets after the end pass. So the frame is measured here,
//! and hickory reads the names and keys inside of it.
//!
//! - The name of the one question has no compression pointer: nothing before it could be pointed at
//!   (RFC 1035 section 4.1.4).
//! - Pointers elsewhere must point back into the message. What they point at is not followed, so
//!   that a message costs no more than its length.
//! - OPT and TSIG belong into the additional section, OPT once and below the root, TSIG last
//!   (RFC 6891 section 6.1.1, RFC 8945 section 5.1).
//! - Nothing follows the last record.

use super::edns::Opt;
use crate::dns::HEADER;

/// A message that asks something, or tries to.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    /// At least a header.
    octets: &'q [u8],
    /// Name, type and class of the question, where there is exactly one and it can be read.
    pub question: Option<&'q [u8]>,
    /// The OPT record, where it could be read before anything that could not.
    pub opt: Option<Opt<'q>>,
    /// Where the TSIG record begins.
    pub tsig: Option<usize>,
    /// Whether the frame is broken.
    pub malformed: bool,
}

impl<'q> Query<'q> {
    /// Measures `octets`, which begin with a header.
    pub fn read(octets: &'q [u8]) -> Self {
        let mut query = Self { octets, question: None, opt: None, tsig: None, malformed: false };
        query.malformed = query.measure().is_none();
        query
    }

    /// The whole message.
    pub fn octets(&self) -> &'q [u8] {
        self.octets
    }

    /// As it was sent.
    pub fn id(&self) -> u16 {
        self.word(0)
    }

    /// Its number, 0 to 15 (RFC 1035 section 4.1.1).
    pub fn opcode(&self) -> u8 {
        self.octets[2] >> 3 & 15
    }

    /// QR, opcode, AA, TC, RD, RA, Z, AD, CD and response code, as they were sent.
    pub fn flags(&self) -> u16 {
        self.word(2)
    }

    /// How many records the header announces in this section; [`Section::Question`] for questions.
    pub fn count(&self, section: Section) -> u16 {
        self.word(4 + 2 * section as usize)
    }

    /// Whether there are no records before the additional section.
    pub fn is_bare(&self) -> bool {
        self.count(Section::Answer) == 0 && self.count(Section::Authority) == 0
    }

    fn word(&self, place: usize) -> u16 {
        u16::from_be_bytes([self.octets[place], self.octets[place + 1]])
    }

    /// `None` when something is wrong. What was found before it stays.
    fn measure(&mut self) -> Option<()> {
        let mut walk = Walk { octets: self.octets, position: HEADER };
        let questions = self.count(Section::Question);
        for _ in 0..questions {
            let name = walk.name()?;
            walk.take(4)?;
            if questions == 1 {
                self.question = Some(&self.octets[HEADER..walk.position]);
                if name == NameForm::Compressed {
                    self.question = None;
                    return None;
                }
            }
        }
        let mut sound = true;
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            let count = self.count(section);
            for number in 1..=count {
                let last = section == Section::Additional && number == count;
                sound &= self.measure_record(&mut walk, section, last)?;
            }
        }
        (sound && walk.position == self.octets.len()).then_some(())
    }

    /// `Some(false)` for a record whose place is wrong but whose end is known.
    fn measure_record(
        &mut self,
        walk: &mut Walk<'q>,
        section: Section,
        last: bool,
    ) -> Option<bool> {
        let start = walk.position;
        let name = walk.name()?;
        let fixed: &[u8; 10] = walk.take(10)?.try_into().ok()?;
        let [t0, t1, c0, c1, _, version, f0, f1, l0, l1] = *fixed;
        let data = walk.take(usize::from(u16::from_be_bytes([l0, l1])))?;
        match u16::from_be_bytes([t0, t1]) {
            Opt::TYPE => {
                let misplaced = section != Section::Additional || name != NameForm::Root;
                if misplaced || self.opt.is_some() {
                    return Some(false);
                }
                self.opt = Some(Opt {
                    size: u16::from_be_bytes([c0, c1]),
                    version,
                    flags: u16::from_be_bytes([f0, f1]),
                    options: data,
                });
            }
            TSIG => {
                if !last {
                    return Some(false);
                }
                self.tsig = Some(start);
            }
            _ => {}
        }
        Some(true)
    }
}

/// The sections of a message in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What is asked.
    Question,
    /// Of a query: nothing.
    Answer,
    /// Of a query: nothing, but for IXFR (RFC 1995 section 3).
    Authority,
    /// OPT, TSIG, SIG(0), and what we do not know.
    Additional,
}

/// A place in a message.
struct Walk<'q> {
    octets: &'q [u8],
    position: usize,
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameForm {
    Root,
    Whole,
    Compressed,
}

impl<'q> Walk<'q> {
    fn take(&mut self, count: usize) -> Option<&'q [u8]> {
        let end = self.position.checked_add(count)?;
        let taken = self.octets.get(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    /// Passes a name of at most 255 octets, labels of at most 63 (RFC 1035 section 2.3.4).
    fn name(&mut self) -> Option<NameForm> {
        let start = self.position;
        loop {
            let length = self.take(1)?[0];
            match length >> 6 {
                0 if length == 0 => {
                    let octets = self.position - start;
                    return match octets {
                        1 => Some(NameForm::Root),
                        2..=NAME_MAX => Some(NameForm::Whole),
                        _ => None,
                    };
                }
                0 => self.take(usize::from(length)).map(drop)?,
                3 => {
                    let low = self.take(1)?[0];
                    let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                    let back = (HEADER..start).contains(&target);
                    let fits = self.position - start <= NAME_MAX;
                    return (back && fits).then_some(NameForm::Compressed);
                }
                _ => return None,
            }
        }
    }
}

/// Octets of the longest name.
const NAME_MAX: usize = 255;

/// The type of a signature by a shared key (RFC 8945 section 4.2).
const TSIG: u16 = 250;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 12] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];

    fn message(counts: [u8; 4], body: &[u8]) -> Vec<u8> {
        let mut octets = HEAD.to_vec();
        for (section, count) in counts.into_iter().enumerate() {
            octets[5 + 2 * section] = count;
        }
        octets.extend(body);
        octets
    }

    const QUESTION: &[u8] = b"\x01a\x00\x00\x01\x00\x01";
    const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

    #[test]
    fn a_plain_query_is_sound() {
        let octets = message([1, 0, 0, 1], &[QUESTION, OPT].concat());
        let query = Query::read(&octets);
        assert!(!query.malformed);
        assert_eq!(query.question, Some(QUESTION));
        assert_eq!((query.id(), query.opcode(), query.flags()), (0x1234, 0, 0x0100));
        let opt = query.opt.unwrap();
        assert_eq!((opt.size, opt.version, opt.flags, opt.options), (1232, 0, 0x8000, &[][..]));
    }

    #[test]
    fn what_can_be_read_of_a_broken_query_is_kept() {
        let tail = message([1, 0, 0, 1], &[QUESTION, OPT, &[0]].concat());
        let query = Query::read(&tail);
        assert!(query.malformed && query.question.is_some() && query.opt.is_some());

        let pointer = message([1, 0, 0, 0], b"\xc0\x0c\x00\x01\x00\x01");
        let query = Query::read(&pointer);
        assert!(query.malformed && query.question.is_none());

        let before_opt = message([1, 0, 0, 2], &[QUESTION, b"\x01", OPT].concat());
        let query = Query::read(&before_opt);
        assert!(query.malformed && query.question.is_some() && query.opt.is_none());
    }

    #[test]
    fn names_have_at_most_255_octets_wherever_they_end() {
        let labels = |octets: usize| {
            let mut name = Vec::new();
            while name.len() < octets {
                let length = (octets - name.len() - 1).min(63);
                name.push(u8::try_from(length).unwrap());
                name.extend(vec![b'x'; length]);
            }
            name
        };
        for (octets, legal) in [(254, true), (255, false)] {
            let body = [labels(octets), b"\x00\x00\x01\x00\x01".to_vec()].concat();
            assert_eq!(!Query::read(&message([1, 0, 0, 0], &body)).malformed, legal);
        }
        for (octets, legal) in [(253, true), (254, false)] {
            let record = [labels(octets), b"\xc0\x0c\x00\x01\x00\x01\0\0\0\0\0\0".to_vec()];
            let body = [QUESTION.to_vec(), record.concat()].concat();
            assert_eq!(!Query::read(&message([1, 0, 0, 1], &body)).malformed, legal, "{octets}");
        }
    }

    /// A chain of pointers through the longest message costs one step per record.
    #[test]
    fn pointers_are_not_followed() {
        let mut octets = message([1, 0, 0, 0], QUESTION);
        while octets.len() < 65_000 {
            let target = u16::try_from(octets.len() - 12).unwrap().clamp(12, 0x3fff);
            octets.extend((0xc000 | target).to_be_bytes());
            octets.extend(b"\x00\x01\x00\x01\0\0\0\0\0\0");
        }
        let count = u16::try_from((octets.len() - HEADER - QUESTION.len()) / 12).unwrap();
        octets[10..12].copy_from_slice(&count.to_be_bytes());
        assert!(!Query::read(&octets).malformed);
    }

    #[test]
    fn no_octets_are_too_many_or_too_few() {
        let octets = message([1, 0, 0, 1], &[QUESTION, OPT].concat());
        for end in HEADER..octets.len() {
            assert!(Query::read(&octets[..end]).malformed, "{end} octets");
        }
    }
}
