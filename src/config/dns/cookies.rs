//! `cookie_secret_file` of `[dns]`: the secrets of server cookies (RFC 9018).

use std::path::PathBuf;

use crate::config::read::{Conversion, Field};

/// The secrets in the file, one per line.
pub fn convert(field: &Field<PathBuf>, conversion: &mut Conversion<'_>) -> Vec<[u8; 16]> {
    let advice = "store 32 hexadecimal digits per line, as `openssl rand -hex 16` draws them, the \
                  secret that makes cookies first";
    let file = field.given_with_place();
    file.and_then(|file| conversion.secret_content(file, secrets, advice)).unwrap_or_default()
}

/// The secrets in the content of the file. The error never shows any of it.
fn secrets(octets: &[u8]) -> Result<Vec<[u8; 16]>, String> {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    if octets.is_empty() {
        return Err("is empty".into());
    }
    let mut secrets = Vec::new();
    for (index, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        let secret = secret(line.strip_suffix(b"\r").unwrap_or(line))
            .ok_or_else(|| format!("holds something else than a secret on line {}", index + 1))?;
        if secrets.contains(&secret) {
            return Err(format!("repeats a secret on line {}", index + 1));
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

/// 16 octets in hexadecimal.
fn secret(line: &[u8]) -> Option<[u8; 16]> {
    // The number's own parser would let a sign pass.
    let digits = line.len() == 32 && line.iter().all(u8::is_ascii_hexdigit);
    let text = str::from_utf8(line).ok().filter(|_| digits)?;
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}
