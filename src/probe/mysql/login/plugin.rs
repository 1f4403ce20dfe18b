//! Proving the password, in the ways that the servers' plugins ask for. No octet is sent or read
//! here: an [`Exchange`] is told what arrived and says what to send.
//!
//! What a server may make us calculate is bounded: one derivation of a key in a login, of so many
//! rounds, and that is work for a thread that serves nobody else ([`Step::Derive`]).
//!
//! Refused, because they give the password away or cannot be done without a human:
//! `mysql_old_password`, `mysql_clear_password`, `dialog`, `sha256_password` and all that are not
//! known.

use mysql_common::scramble::{create_response_for_ed25519, scramble_native, scramble_sha256};

use super::{parsec, rsa};
use crate::{
    engine::{Failure, FailureKind},
    plain_text::start_of_line,
    probe::mysql::{error::garbled, wire::Fields},
};

/// Packets that a server may send until it says yes or no. MariaDB tries each plugin that an account
/// names, with up to three packets for each.
const PACKETS_MAX: u32 = 16;

const OK: u8 = 0x00;
const MORE: u8 = 0x01;
const SWITCH: u8 = 0xFE;

/// How `caching_sha2_password` goes on: our hash was known; the password itself is wanted.
const SHA2_KNOWN: &[u8] = &[3];
const SHA2_FULL: &[u8] = &[4];
/// Asks for the server's public key.
const SHA2_KEY_PLEASE: u8 = 2;

/// What a server gets that asks for the password itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure<'a> {
    /// The password: the connection is encrypted. Who is at its other end, `tls` has settled.
    Clear,
    /// The password encrypted with this key, a SubjectPublicKeyInfo in DER.
    Pinned(&'a [u8]),
    /// The password encrypted with the key that it sends.
    Requested,
    /// Nothing.
    Refused,
}

/// The part of a login between the client's first answer and the server's verdict.
pub struct Exchange<'a> {
    password: &'a [u8],
    disclosure: Disclosure<'a>,
    plugin: Plugin,
    packets: u32,
    /// A key was derived.
    derived: bool,
}

/// A way to prove the password, and how far it has come.
#[derive(Debug, PartialEq, Eq)]
enum Plugin {
    Native,
    Sha2 { nonce: [u8; 20], stage: Sha2 },
    Ed25519,
    Parsec { nonce: [u8; 32] },
}

#[derive(Debug, PartialEq, Eq)]
enum Sha2 {
    /// The hash was sent.
    Hashed,
    /// The public key was asked for.
    KeyWanted,
    /// Nothing is left to be sent.
    Sent,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Logged in.
    Done,
    /// Send this.
    Send(Vec<u8>),
    /// Send the proof that this comes to: milliseconds of work.
    Derive(parsec::Proof),
    /// Wait for the next packet.
    Wait,
}

impl<'a> Exchange<'a> {
    /// Begins with the plugin of the greeting, when it is one that needs no more than the greeting,
    /// else with the one every server knows. Returns the name to say and the first answer.
    pub fn begin(
        plugin: &[u8],
        nonce: [u8; 20],
        password: &'a [u8],
        disclosure: Disclosure<'a>,
    ) -> (Self, &'static [u8], Vec<u8>) {
        let (name, plugin, answer): (&[u8], _, _) = match plugin {
            b"caching_sha2_password" => {
                let stage = Sha2::Hashed;
                (b"caching_sha2_password", Plugin::Sha2 { nonce, stage }, sha2(&nonce, password))
            }
            _ => (b"mysql_native_password", Plugin::Native, native(&nonce, password)),
        };
        (Self { password, disclosure, plugin, packets: 0, derived: false }, name, answer)
    }

    /// What follows from the server's next packet, which is no error.
    ///
    /// # Errors
    /// `Misconfigured` for a plugin that is refused; `Garbled` for what no plugin says.
    pub fn next(&mut self, payload: &[u8]) -> Result<Step, Failure> {
        self.packets += 1;
        if self.packets > PACKETS_MAX {
            return Err(garbled("a login without end"));
        }
        match payload {
            [OK, ..] => Ok(Step::Done),
            [SWITCH] => Err(refused(b"mysql_old_password")),
            [SWITCH, request @ ..] => self.switch(request),
            [MORE, data @ ..] => self.more(data),
            // The first servers with parsec left the mark out.
            [b'P', ..] if matches!(self.plugin, Plugin::Parsec { .. }) => self.more(payload),
            _ => Err(garbled("neither yes nor no to the login")),
        }
    }

    fn switch(&mut self, request: &[u8]) -> Result<Step, Failure> {
        let mut fields = Fields::new(request);
        let name = fields.text().ok_or_else(|| garbled("a login by a plugin without a name"))?;
        let challenge = fields.rest();
        let answer = match name {
            b"mysql_native_password" => {
                self.plugin = Plugin::Native;
                native(&nonce::<20>(challenge)?, self.password)
            }
            b"caching_sha2_password" => {
                let nonce = nonce(challenge)?;
                self.plugin = Plugin::Sha2 { nonce, stage: Sha2::Hashed };
                sha2(&nonce, self.password)
            }
            b"client_ed25519" => {
                self.plugin = Plugin::Ed25519;
                create_response_for_ed25519(self.password, &nonce::<32>(challenge)?).to_vec()
            }
            b"parsec" => {
                self.plugin = Plugin::Parsec { nonce: nonce(challenge)? };
                Vec::new()
            }
            other => return Err(refused(other)),
        };
        Ok(Step::Send(answer))
    }

    fn more(&mut self, data: &[u8]) -> Result<Step, Failure> {
        match &mut self.plugin {
            Plugin::Sha2 { nonce, stage } => match (&stage, data) {
                (Sha2::Hashed, SHA2_KNOWN) => {
                    *stage = Sha2::Sent;
                    Ok(Step::Wait)
                }
                (Sha2::Hashed, SHA2_FULL) => match self.disclosure {
                    Disclosure::Clear => {
                        *stage = Sha2::Sent;
                        Ok(Step::Send([self.password, &[0]].concat()))
                    }
                    Disclosure::Pinned(key) => {
                        let hidden = hidden(self.password, nonce);
                        *stage = Sha2::Sent;
                        Ok(Step::Send(rsa::encrypt_with(&hidden, key)?))
                    }
                    Disclosure::Requested => {
                        *stage = Sha2::KeyWanted;
                        Ok(Step::Send(vec![SHA2_KEY_PLEASE]))
                    }
                    Disclosure::Refused => {
                        Err(Failure::new(FailureKind::Misconfigured, UNDISCLOSED))
                    }
                },
                (Sha2::KeyWanted, pem) => {
                    let hidden = hidden(self.password, nonce);
                    *stage = Sha2::Sent;
                    Ok(Step::Send(rsa::encrypt(&hidden, pem)?))
                }
                _ => Err(garbled("caching_sha2_password goes on in an unknown way")),
            },
            Plugin::Parsec { nonce } => {
                if std::mem::replace(&mut self.derived, true) {
                    return Err(garbled("parsec goes on after its proof"));
                }
                Ok(Step::Derive(parsec::Proof::asked_for(*nonce, data)?))
            }
            Plugin::Native | Plugin::Ed25519 => Err(garbled("the login goes on after its end")),
        }
    }
}

/// A challenge of a known length, which some servers end with a NUL.
fn nonce<const N: usize>(challenge: &[u8]) -> Result<[u8; N], Failure> {
    let (nonce, rest) =
        challenge.split_first_chunk::<N>().ok_or_else(|| garbled("a challenge cut short"))?;
    match rest {
        [] | [0] => Ok(*nonce),
        _ => Err(garbled("a challenge that is too long")),
    }
}

/// An empty password is proven by an empty answer.
fn native(nonce: &[u8], password: &[u8]) -> Vec<u8> {
    scramble_native(nonce, password).map_or_else(Vec::new, Vec::from)
}

fn sha2(nonce: &[u8], password: &[u8]) -> Vec<u8> {
    scramble_sha256(nonce, password).map_or_else(Vec::new, Vec::from)
}

/// The password with its NUL, each octet combined with one of the challenge.
fn hidden(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let octets = password.iter().chain(&[0]);
    octets.zip(nonce.iter().cycle()).map(|(octet, mask)| octet ^ mask).collect()
}

fn refused(plugin: &[u8]) -> Failure {
    let name = start_of_line(&String::from_utf8_lossy(plugin), NAME_CHARS_MAX);
    let detail =
        format!("the probe's user has the authentication plugin {name}, which probes do not use");
    Failure::new(FailureKind::Misconfigured, detail)
}

/// Why nobody gets the password.
const UNDISCLOSED: &str = "caching_sha2_password asks for the password itself, over a \
    connection that is not encrypted: set tls = \"verify-full\", or server_public_key_file to the \
    server's key, or get_server_public_key = true to give it to whoever answers";

/// A name of a plugin is shown up to here.
const NAME_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests;
