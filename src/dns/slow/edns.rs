//! EDNS (RFC 6891): what an OPT record asks for, and the one that answers it.
//!
//! Options that we do not know are ignored and not echoed, and so are flags but DO, which is copied
//! (RFC 6891 sections 6.1.2 and 6.1.4, RFC 3225 section 3). Of options that come twice the first
//! counts (RFC 7873 section 5.2). Client subnets (RFC 7871) change nothing here and get no answer,
//! as section 7.2.1 allows a server that does not use them.

use hickory_proto::{ProtoError, serialize::binary::BinEncoder};

use crate::{answers::Note, engine::Degradation, metrics::Refused};

/// The OPT record of a query.
#[derive(Clone, Copy, Debug)]
pub struct Opt<'q> {
    /// The largest datagram that the sender takes, in octets.
    pub size: u16,
    /// 0 is the one there is.
    pub version: u8,
    /// DO and 15 without a meaning.
    pub flags: u16,
    /// The options, not looked at.
    pub options: &'q [u8],
}

/// The options of a query that mean something to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'q> {
    /// Data of the COOKIE option (RFC 7873).
    pub(super) cookie: Option<&'q [u8]>,
    /// Whether the server is asked who it is. Data, which should not be there, is ignored
    /// (RFC 5001 section 2.1).
    pub(super) nsid: bool,
    /// Data of the edns-tcp-keepalive option (RFC 7828).
    pub(super) keepalive: Option<&'q [u8]>,
    /// Whether the query is padded (RFC 7830).
    pub(super) padding: bool,
    /// Whether a secondary asks how long its copy may be used (RFC 7314).
    pub(super) expire: bool,
}

/// The OPT record of a reply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplyOpt<'t> {
    /// DO, as it was asked.
    pub dnssec_ok: bool,
    /// Who we are.
    pub nsid: Option<&'t [u8]>,
    /// Data of the COOKIE option.
    pub cookie: Option<[u8; 24]>,
    /// How long a connection may be idle, in units of 100 ms.
    pub keepalive: Option<u16>,
    /// Seconds for which a copy of the zone may be used without us (RFC 7314 section 3.1).
    pub expire: Option<u32>,
    /// Why the answer is not what it might be.
    pub error: Option<ExtendedError<'t>>,
    /// So many octets of padding, besides the four of the option itself.
    pub padding: Option<usize>,
}

impl Opt<'_> {
    /// The type of OPT records.
    pub const TYPE: u16 = 41;

    /// Whether DO is set.
    pub fn dnssec_ok(&self) -> bool {
        self.flags & DO != 0
    }
}

impl<'q> Options<'q> {
    /// Reads the data of an OPT record; `None` when an option does not end in it.
    pub(super) fn read(mut data: &'q [u8]) -> Option<Self> {
        let mut options = Self::default();
        while !data.is_empty() {
            let (&[c0, c1, l0, l1], rest) = data.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let (value, rest) = rest.split_at_checked(length)?;
            match u16::from_be_bytes([c0, c1]) {
                NSID => options.nsid = true,
                COOKIE => options.cookie = options.cookie.or(Some(value)),
                KEEPALIVE => options.keepalive = options.keepalive.or(Some(value)),
                EXPIRE => options.expire = true,
                PADDING => options.padding = true,
                _ => {}
            }
            data = rest;
        }
        Some(options)
    }
}

impl ReplyOpt<'_> {
    /// Writes the record; `code_high` are the upper eight bits of the response code.
    pub fn emit(&self, code_high: u8, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
        encoder.emit_u8(0)?;
        encoder.emit_u16(Opt::TYPE)?;
        encoder.emit_u16(UDP_SIZE)?;
        encoder.emit_u8(code_high)?;
        encoder.emit_u8(0)?;
        encoder.emit_u16(if self.dnssec_ok { DO } else { 0 })?;
        let length = encoder.place::<u16>()?;
        if let Some(error) = self.error {
            let mut option = Vec::new();
            error.append_to(&mut option);
            encoder.emit_vec(&option)?;
        }
        if let Some(cookie) = &self.cookie {
            emit_option(COOKIE, cookie, encoder)?;
        }
        if let Some(identity) = self.nsid {
            emit_option(NSID, identity, encoder)?;
        }
        if let Some(timeout) = self.keepalive {
            emit_option(KEEPALIVE, &timeout.to_be_bytes(), encoder)?;
        }
        if let Some(seconds) = self.expire {
            emit_option(EXPIRE, &seconds.to_be_bytes(), encoder)?;
        }
        if let Some(octets) = self.padding {
            emit_option(PADDING, &vec![0; octets], encoder)?;
        }
        let octets = encoder.len_since_place(&length);
        length.replace(encoder, u16::try_from(octets).map_err(|_| TOO_LONG)?)
    }
}

fn emit_option(code: u16, data: &[u8], encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
    encoder.emit_u16(code)?;
    encoder.emit_u16(u16::try_from(data.len()).map_err(|_| TOO_LONG)?)?;
    encoder.emit_vec(data)
}

/// An Extended DNS Error (RFC 8914): why an answer is not what it might be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError<'t> {
    code: u16,
    /// At most [`TEXT_MAX`] octets.
    text: &'t str,
}

impl<'t> ExtendedError<'t> {
    /// The client may not ask this.
    pub const PROHIBITED: ExtendedError<'static> = ExtendedError::bare(18);
    /// What is asked for is not known yet.
    pub const NOT_READY: ExtendedError<'static> = ExtendedError::bare(14);
    /// The question lies outside our zones.
    pub const NOT_AUTHORITATIVE: ExtendedError<'static> = ExtendedError::bare(20);
    /// We do not do such things.
    pub const NOT_SUPPORTED: ExtendedError<'static> = ExtendedError::bare(21);

    /// What a refusal that it explains is counted as.
    pub fn refused(&self) -> Refused {
        match self.code {
            18 => Refused::Prohibited,
            21 => Refused::NotSupported,
            _ => Refused::NotAuthoritative,
        }
    }

    const fn bare(code: u16) -> Self {
        Self { code, text: "" }
    }

    /// Says `note`; `None` for one that is no degradation. Who may not see the texts learns the code
    /// alone: a text may name an operator and a reason.
    pub fn of(note: &'t Note, shows_text: impl FnOnce() -> bool) -> Option<Self> {
        let code = match note.degradation {
            Degradation::None => return None,
            Degradation::Fallback => 0,
            Degradation::Stale => 3,
            Degradation::NotReady => 14,
        };
        Some(Self { code, text: if shows_text() { cut(&note.text) } else { "" } })
    }

    /// Appends the option, with code and length in front (RFC 6891 section 6.1.2).
    pub fn append_to(self, out: &mut Vec<u8>) {
        let length = u16::try_from(2 + self.text.len()).expect("the text has at most 160 octets");
        out.extend_from_slice(&EXTENDED_ERROR.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.code.to_be_bytes());
        out.extend_from_slice(self.text.as_bytes());
    }
}

/// The start of `text`, at most [`TEXT_MAX`] octets of whole characters.
fn cut(text: &str) -> &str {
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8());
    let end = ends.take_while(|&end| end <= TEXT_MAX).last();
    &text[..end.unwrap_or(0)]
}

/// The largest UDP message that we send or ask for, in octets: it passes every sane path
/// unfragmented (RFC 9715, DNS flag day 2020).
pub const UDP_SIZE: u16 = 1232;

/// So that header, the longest question, a cookie and the OPT record still fit into 512 octets:
/// 12 + 259 + 28 + 11 + 6 + 160.
const TEXT_MAX: usize = 160;

/// The flag that asks for DNSSEC records (RFC 3225 section 3).
const DO: u16 = 0x8000;

/// Numbers of the options (RFC 5001, RFC 7873, RFC 7828, RFC 7830, RFC 8914).
const NSID: u16 = 3;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;
const EXPIRE: u16 = 9;
const EXTENDED_ERROR: u16 = 15;

const TOO_LONG: ProtoError = ProtoError::Message("an option of more than 65,535 octets");

#[cfg(test)]
mod tests {
    use super::*;

    fn note(degradation: Degradation, text: &str) -> Note {
        Note { degradation, text: text.into() }
    }

    #[test]
    fn codes_are_those_of_the_registry() {
        let code =
            |degradation| ExtendedError::of(&note(degradation, "x"), || true).map(|e| e.code);
        assert_eq!(code(Degradation::None), None);
        assert_eq!(code(Degradation::Fallback), Some(0));
        assert_eq!(code(Degradation::Stale), Some(3));
        assert_eq!(code(Degradation::NotReady), Some(14));
    }

    #[test]
    fn whoever_may_not_see_texts_learns_the_code_alone() {
        let frozen = note(Degradation::Stale, "frozen by an operator (ann@desk: payroll breach)");
        let error = ExtendedError::of(&frozen, || false).expect("an error");
        assert_eq!((error.code, error.text), (3, ""));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let note = note(Degradation::Stale, &format!("x{}", "ä".repeat(100)));
        let error = ExtendedError::of(&note, || true).unwrap();
        assert_eq!(error.text, format!("x{}", "ä".repeat(79)));
        let opt = ReplyOpt { error: Some(error), ..ReplyOpt::default() };
        let mut octets = Vec::new();
        opt.emit(0, &mut BinEncoder::new(&mut octets)).unwrap();
        assert_eq!(octets[9..17], [0, 4 + 2 + 159, 0, 15, 0, 2 + 159, 0, 3]);
        assert_eq!(octets.len(), 17 + 159);
    }

    #[test]
    fn options_end_where_the_record_does() {
        let options = |data| Options::read(data);
        assert_eq!(options(&[]), Some(Options::default()));
        assert_eq!(options(&[0xfd, 0xe9, 0, 2, 1, 2]), Some(Options::default()));
        for cut in 1..6 {
            assert_eq!(options(&[0xfd, 0xe9, 0, 2, 1, 2][..cut]), None, "{cut} octets");
        }
        assert_eq!(options(&[0, 3, 0xff, 0xff]), None);
        let twice = options(&[0, 10, 0, 1, 7, 0, 10, 0, 1, 8, 0, 3, 0, 0, 0, 12, 0, 0]).unwrap();
        assert_eq!(twice.cookie, Some(&[7][..]));
        assert!(twice.nsid && twice.padding && twice.keepalive.is_none());
    }
}
