//! The file with the token that changes over HTTP need. It is read at each change and not with the
//! configuration.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// The token in the file at `path`.
///
/// # Errors
/// What the system says when it cannot be read, or what is wrong with what it holds.
pub fn read_token(path: &Path) -> io::Result<String> {
    let fault = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    // A pipe would not end, and opening it might wait.
    if !fs::metadata(path)?.is_file() {
        return Err(fault("it is no file"));
    }
    let file = File::open(path)?;
    let mut text = String::new();
    file.take(OCTETS + 1).read_to_string(&mut text)?;
    let token = text.trim_ascii();
    match token.len() {
        0 => Err(fault("it is empty; `openssl rand -hex 32` makes a token")),
        length if length < SHORTEST => {
            Err(fault("a token has at least 16 characters; `openssl rand -hex 32` makes one"))
        }
        _ if text.len() as u64 > OCTETS => Err(fault("a token has at most 4096 characters")),
        _ if !token.bytes().all(|octet| octet.is_ascii_graphic()) => {
            Err(fault("a token is one line of ASCII without blanks"))
        }
        _ => Ok(token.to_owned()),
    }
}

/// Characters of a token: fewer can be guessed.
const SHORTEST: usize = 16;

/// Octets of the file.
const OCTETS: u64 = 4096;
