//! The error of a server as a packet ("ERR_Packet" in the MySQL manual).

use super::Fields;
use crate::{
    engine::Failure,
    probe::mysql::error::{Fault, garbled},
};

impl Fault {
    /// Reads an error of the server ("ERR_Packet"). Before the login it has no SQLSTATE.
    ///
    /// # Errors
    /// `Garbled` when it is too short for a number.
    pub(super) fn of_packet(payload: &[u8]) -> Result<Self, Failure> {
        let mut fields = Fields::new(payload);
        let code = fields.octet().and_then(|_| fields.short());
        let code = code.ok_or_else(|| garbled("an error without a number"))?;
        let words = match fields.rest() {
            [b'#', _, _, _, _, _, words @ ..] => words,
            words => words,
        };
        Ok(Self::Refused { code, message: String::from_utf8_lossy(words).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, garbled};
    use crate::{
        engine::Failure,
        probe::{
            mysql::error::{kind, refusal},
            trouble::Trouble,
        },
    };

    #[test]
    fn no_part_of_the_words_is_lost_before_the_password_is_hidden_in_them() {
        let words = format!("{}correct horse battery", "x".repeat(190));
        let packet = [b"\xFF\x15\x04#28000", words.as_bytes()].concat();
        let failure = Failure::from(Fault::of_packet(&packet).expect("an error"));
        assert_eq!(*failure.detail, *format!("1045 {words}"));
        assert_eq!(*garbled(&words).detail, *words);
    }

    #[test]
    fn an_error_packet_has_a_number_and_perhaps_a_state() {
        let read = |packet: &[u8]| Fault::of_packet(packet).map(Failure::from);
        let failure = read(b"\xFF\x10\x04Too many connections").expect("an error");
        assert_eq!(failure, refusal(1040, "Too many connections"));
        assert_eq!(read(b"\xFF\x10\x04#08004Too many").expect("an error").kind, kind(1040));
        assert_eq!(read(b"\xFF\x10\x04").expect("an error").kind, kind(1040));
        assert!(read(b"\xFF\x10").is_err());
        let idle = Fault::of_packet(b"\xFF\xBF\x0F#HY000bye").expect("an error");
        assert!(matches!(Trouble::from(idle), Trouble::Expired));
    }
}
