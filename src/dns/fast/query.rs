//! Reads the queries that are common, and only those.
//!
//! Common is: opcode QUERY, one question in class IN with a name that is not compressed, no other
//! record than one OPT of version 0 with no option or a cookie, no octet too many, no flag but RD,
//! AD, CD and DO. Whatever else comes is for the slow path, well-formed or not.

use crate::dns::HEADER;

/// A common query.
#[derive(Clone, Debug)]
pub struct Query<'q> {
    /// The name in wire form, as it was asked.
    pub name: &'q [u8],
    /// What is asked for.
    pub record_type: u16,
    /// The OPT record, where there is one.
    pub edns: Option<QueryEdns<'q>>,
}

/// The OPT record of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryEdns<'q> {
    /// The largest UDP message that the client takes, in octets, as it says.
    pub udp_size: u16,
    /// DO (RFC 3225).
    pub dnssec_ok: bool,
    /// The data of its COOKIE option, if it sends one, of a length that the option may have
    /// (RFC 7873 section 4).
    pub cookie: Option<&'q [u8]>,
}

impl<'q> Query<'q> {
    /// Reads `octets`; `None` when they are not a common query.
    #[inline]
    pub fn parse(octets: &'q [u8]) -> Option<Self> {
        let header = octets.first_chunk::<HEADER>()?;
        let [_, _, flags @ .., additionals_high, additionals] = header;
        let [high, low, counts @ ..] = flags;
        let only_common_flags = high & !RD == 0 && low & !(AD | CD) == 0;
        if !only_common_flags || *counts != ONE_QUESTION || *additionals_high != 0 {
            return None;
        }
        let name_octets = name_octets(&octets[HEADER..])?;
        let (question, rest) = octets[HEADER..].split_at_checked(name_octets + 4)?;
        let (name, kind) = question.split_at(name_octets);
        let [type_high, type_low, 0, 1] = *kind else {
            return None;
        };
        let edns = match (additionals, rest) {
            (0, []) => None,
            (1, rest) => Some(QueryEdns::parse(rest)?),
            _ => return None,
        };
        let record_type = u16::from_be_bytes([type_high, type_low]);
        Some(Self { name, record_type, edns })
    }

    /// Octets of the header and the question.
    #[inline]
    pub fn question_end(&self) -> usize {
        HEADER + self.name.len() + 4
    }
}

impl<'q> QueryEdns<'q> {
    /// Reads an OPT record that fills `octets` (RFC 6891 section 6.1.2).
    fn parse(octets: &'q [u8]) -> Option<Self> {
        let (fixed, options) = octets.split_first_chunk::<11>()?;
        let [0, 0, 41, size_high, size_low, 0, 0, flags, _, length_high, length_low] = *fixed
        else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let cookie = match options {
            _ if options.len() != length => return None,
            [] => None,
            options => Some(cookie(options)?),
        };
        Some(Self {
            udp_size: u16::from_be_bytes([size_high, size_low]),
            dnssec_ok: flags & 0x80 != 0,
            cookie,
        })
    }
}

/// The data of a COOKIE option that fills `options`.
fn cookie(options: &[u8]) -> Option<&[u8]> {
    let ([0, 10, length_high, length_low], data) = options.split_first_chunk()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
    (data.len() == length && matches!(length, 8 | 16..=40)).then_some(data)
}

/// How many octets the name at the start of `octets` has, with the root at its end; `None` if it
/// does not end, is compressed or too long.
#[inline]
fn name_octets(octets: &[u8]) -> Option<usize> {
    let mut end = 0;
    loop {
        match *octets.get(end)? {
            0 => return Some(end + 1),
            length @ 1..=63 => end += 1 + usize::from(length),
            _ => return None,
        }
        if end >= MAX_NAME {
            return None;
        }
    }
}

/// Octets of the longest name (RFC 1035 section 3.1).
const MAX_NAME: usize = 255;

/// QDCOUNT, ANCOUNT and NSCOUNT of a common query.
const ONE_QUESTION: [u8; 6] = [0, 1, 0, 0, 0, 0];

const RD: u8 = 0x01;
const AD: u8 = 0x20;
const CD: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    /// A query for `A.` in `octets` form, whose parts may be changed.
    fn octets() -> Vec<u8> {
        vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'A', 0, 0, 28, 0, 1]
    }

    fn with_opt(opt: &[u8]) -> Vec<u8> {
        let mut octets = octets();
        octets[11] = 1;
        octets.extend_from_slice(opt);
        octets
    }

    #[test]
    fn a_common_query_is_read() {
        let octets = octets();
        let query = Query::parse(&octets).unwrap();
        assert_eq!(query.name, [1, b'A', 0]);
        assert_eq!((query.record_type, query.question_end(), query.edns), (28, 19, None));
    }

    #[test]
    fn edns_and_cookies_are_read() {
        let plain = [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0];
        let expected = QueryEdns { udp_size: 1232, dnssec_ok: true, cookie: None };
        assert_eq!(Query::parse(&with_opt(&plain)).unwrap().edns, Some(expected));
        for (data, is_common) in
            [(8_u8, true), (16, true), (24, true), (40, true), (12, false), (41, false)]
        {
            let mut opt = vec![0, 0, 41, 2, 0, 0, 0, 0, 0, 0, data + 4, 0, 10, 0, data];
            opt.resize(opt.len() + usize::from(data), 8);
            let octets = with_opt(&opt);
            let edns = Query::parse(&octets).map(|query| query.edns.unwrap());
            let cookie = &opt[15..];
            let expected = QueryEdns { udp_size: 512, dnssec_ok: false, cookie: Some(cookie) };
            assert_eq!(edns, is_common.then_some(expected), "{data}");
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        let changed = |at: usize, octet: u8| {
            let mut octets = octets();
            octets[at] = octet;
            octets
        };
        let cut = |octets: usize| self::octets()[..octets].to_vec();
        let longer = [octets(), vec![0]].concat();
        let opt = |octets: &[u8]| with_opt(octets);
        for (octets, why) in [
            (changed(2, 0x81), "QR"),
            (changed(2, 0x08), "another opcode"),
            (changed(2, 0x02), "TC"),
            (changed(3, 0x40), "Z"),
            (changed(3, 0x01), "an rcode"),
            (changed(5, 0), "no question"),
            (changed(5, 2), "two questions"),
            (changed(7, 1), "an answer"),
            (changed(9, 1), "an authority"),
            (changed(10, 1), "many additionals"),
            (changed(11, 1), "an additional that is not there"),
            (changed(12, 0xc0), "a compressed name"),
            (changed(12, 64), "a reserved label type"),
            (changed(12, 5), "a name without an end"),
            (changed(18, 3), "another class"),
            (cut(18), "a cut question"),
            (cut(12), "a header alone"),
            (cut(0), "nothing"),
            (longer, "an octet too many"),
            (opt(&[0, 0, 41, 4, 208, 0, 1, 0, 0, 0, 0]), "another EDNS version"),
            (opt(&[0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]), "an extended rcode"),
            (opt(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 1]), "a cut option"),
            (opt(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0]), "another option"),
            (opt(&[1, b'a', 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]), "an OPT with a name"),
        ] {
            assert!(Query::parse(&octets).is_none(), "{why}");
        }
    }

    #[test]
    fn the_longest_name_is_read_and_no_longer_one() {
        let named = |last: u8| {
            let mut octets = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            for length in [63, 63, 63, last] {
                octets.push(length);
                octets.extend(vec![b'x'; usize::from(length)]);
            }
            octets.extend_from_slice(&[0, 0, 1, 0, 1]);
            octets
        };
        assert_eq!(Query::parse(&named(61)).map(|query| query.name.len()), Some(255));
        assert!(Query::parse(&named(62)).is_none());
    }
}
