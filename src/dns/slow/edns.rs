//! Our side of EDNS (RFC 6891) and of Extended DNS Errors (RFC 8914).

use hickory_proto::{op::Edns, rr::rdata::opt::EdnsOption};

use crate::{answers::Note, engine::Degradation};

/// The largest UDP message that we send or ask for, in octets: it passes every sane path
/// unfragmented (RFC 9715, DNS flag day 2020).
pub(in crate::dns) const UDP_SIZE: u16 = 1232;

/// The OPT record of a reply to a question that carried `asked`. Unknown options and flags are
/// neither refused nor echoed; DO is copied (RFC 3225 section 3).
pub(super) fn reply_to(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_SIZE);
    edns.set_version(0);
    edns.set_dnssec_ok(asked.flags().dnssec_ok);
    edns
}

/// An Extended DNS Error: why an answer is not what it might be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dns) struct ExtendedError<'t> {
    code: u16,
    text: &'t str,
}

impl<'t> ExtendedError<'t> {
    /// The client may not see this.
    pub(super) const PROHIBITED: ExtendedError<'static> = ExtendedError { code: 18, text: "" };
    /// The question lies outside our zones.
    pub(in crate::dns) const NOT_AUTHORITATIVE: ExtendedError<'static> =
        ExtendedError { code: 20, text: "" };

    /// Says `note`; `None` for one that is no degradation.
    pub(in crate::dns) fn of(note: &'t Note) -> Option<Self> {
        let code = match note.degradation {
            Degradation::None => return None,
            Degradation::Fallback => 0,
            Degradation::Stale => 3,
            Degradation::NotReady => 14,
        };
        Some(Self { code, text: cut(&note.text) })
    }

    /// The option of the OPT record: the code, then the text in UTF-8 (RFC 8914 section 2).
    pub(super) fn option(self) -> EdnsOption {
        let mut data = self.code.to_be_bytes().to_vec();
        data.extend_from_slice(self.text.as_bytes());
        EdnsOption::Unknown(Self::OPTION, data)
    }

    /// Appends the option, with code and length in front (RFC 6891 section 6.1.2).
    pub(in crate::dns) fn append_to(self, out: &mut Vec<u8>) {
        let length = u16::try_from(2 + self.text.len()).expect("the text has at most 160 octets");
        out.extend_from_slice(&Self::OPTION.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.code.to_be_bytes());
        out.extend_from_slice(self.text.as_bytes());
    }

    /// Number of the option.
    pub(super) const OPTION: u16 = 15;
}

/// The start of `text`, at most [`TEXT_MAX`] octets of whole characters.
fn cut(text: &str) -> &str {
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8());
    let end = ends.take_while(|&end| end <= TEXT_MAX).last();
    &text[..end.unwrap_or(0)]
}

/// So that header, the longest question and the OPT record still fit into 512 octets: 12 + 259 + 11
/// + 6 + 160.
const TEXT_MAX: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn note(degradation: Degradation, text: &str) -> Note {
        Note { degradation, text: text.into() }
    }

    #[test]
    fn codes_are_those_of_the_registry() {
        let code = |degradation| ExtendedError::of(&note(degradation, "x")).map(|e| e.code);
        assert_eq!(code(Degradation::None), None);
        assert_eq!(code(Degradation::Fallback), Some(0));
        assert_eq!(code(Degradation::Stale), Some(3));
        assert_eq!(code(Degradation::NotReady), Some(14));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let note = note(Degradation::Stale, &"ä".repeat(100));
        let error = ExtendedError::of(&note).unwrap();
        assert_eq!(error.text, "ä".repeat(80));
        let EdnsOption::Unknown(15, data) = error.option() else {
            panic!("an option of another kind");
        };
        assert_eq!(data.len(), 2 + 160);
        assert_eq!(data[..2], [0, 3]);
    }
}
