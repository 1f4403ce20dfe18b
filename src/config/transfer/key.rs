//! `[[key]]`: the secrets that we share with other DNS servers, for signed messages (TSIG, RFC 8945).

use std::{fmt, path::PathBuf, sync::Arc};

use data_encoding::BASE64;
use hickory_proto::rr::LowerName;
use toml::Spanned;

use crate::config::read::{Conversion, Field, Firsts, HostName, Section, one_of, section};

section! {
    /// A secret that we share with another DNS server.
    KeySection = "[[key]]" {
        /// Its name, the same on both sides.
        name: HostName,
        /// The hash that it is used with.
        algorithm: KeyAlgorithm = KeyAlgorithm::HmacSha256,
        /// The secret: base64 on one line, or a `key` clause of BIND.
        secret_file: PathBuf,
    }
}

/// The hashes of signed messages: those that RFC 8945 section 6 recommends, and none that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyAlgorithm {
    /// 32 octets.
    HmacSha256,
    /// 48 octets.
    HmacSha384,
    /// 64 octets.
    HmacSha512,
}

impl KeyAlgorithm {
    /// What it is called, in configurations and in DNS.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }
}

one_of! { KeyAlgorithm, "\"hmac-sha256\", \"hmac-sha384\" or \"hmac-sha512\"",
    "hmac-sha256" => Self::HmacSha256,
    "hmac-sha384" => Self::HmacSha384,
    "hmac-sha512" => Self::HmacSha512,
}

/// A secret that we share with another DNS server. Its `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyConfig {
    /// Its name, absolute.
    pub name: LowerName,
    /// The hash that it is used with.
    pub algorithm: KeyAlgorithm,
    /// The secret itself, at least `SHORTEST` octets; empty where secrets are left out.
    pub secret: Box<[u8]>,
    /// The file that holds it.
    pub secret_file: PathBuf,
}

impl KeyConfig {
    /// The secret as other DNS servers read it.
    pub fn base64(&self) -> String {
        BASE64.encode(&self.secret)
    }
}

impl fmt::Debug for KeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, algorithm, secret: _, secret_file } = self;
        f.debug_struct("KeyConfig")
            .field("name", name)
            .field("algorithm", algorithm)
            .field("secret_file", secret_file)
            .finish_non_exhaustive()
    }
}

/// The keys as far as they can be read.
#[derive(Default)]
pub struct Keys {
    /// In the order of the file.
    readable: Vec<Arc<KeyConfig>>,
    /// Whether every name is known.
    complete: bool,
}

impl Keys {
    /// The key that `field` names, if there is one; a name that no key has is reported.
    pub fn take(
        &self,
        field: &Field<HostName>,
        conversion: &mut Conversion<'_>,
    ) -> Option<Arc<KeyConfig>> {
        let given = field.given_with_place()?;
        let HostName(name) = given.get_ref();
        let found = self.readable.iter().find(|key| key.name == *name);
        if found.is_none() && self.complete {
            conversion.faults.add(
                given.span(),
                format!("there is no [[key]] called `{name}`"),
                "add one with its secret_file, or correct the name",
            );
        }
        found.cloned()
    }
}

/// Reads every key.
pub fn convert(field: &Field<Vec<Spanned<KeySection>>>, conversion: &mut Conversion<'_>) -> Keys {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    let mut keys = Keys { readable: Vec::new(), complete: !matches!(field, Field::Faulty) };
    let mut seen = Firsts::default();
    for section in sections {
        let (place, section) = (section.span(), section.get_ref());
        let example = (KeySection::TITLE, "name = \"xfr.db.internal.\"");
        let name = conversion.required(&section.name, &place, example);
        let example = (KeySection::TITLE, "secret_file = \"xfr.key\"");
        conversion.required(&section.secret_file, &place, example);
        let Some(HostName(name)) = name else {
            keys.complete = false;
            continue;
        };
        let name_place = section.name.span().unwrap_or(place);
        if let Some(first) = seen.earlier(name.clone(), name_place.clone()) {
            let line = conversion.faults.line(&first);
            let what = format!("a second key `{name}`, the first is on line {line}");
            conversion.faults.add(name_place, what, "give each key a name of its own");
            continue;
        }
        let algorithm = section.algorithm();
        let file = section.secret_file.given_with_place();
        let read = |octets: &[u8]| secret(octets, name, algorithm);
        let secret = file.and_then(|file| conversion.secret_content(file, read, ADVICE));
        let secret_file = file.map(|file| file.get_ref().clone()).unwrap_or_default();
        keys.readable.push(Arc::new(KeyConfig {
            name: name.clone(),
            algorithm,
            secret: secret.unwrap_or_default(),
            secret_file,
        }));
    }
    keys
}

/// The secret in the content of the file. The error never shows any of it.
fn secret(octets: &[u8], name: &LowerName, algorithm: KeyAlgorithm) -> Result<Box<[u8]>, String> {
    let text = str::from_utf8(octets).map_err(|_| "is not text".to_owned())?;
    let encoded = match Clause::read(text) {
        Some(clause) => {
            if clause.name.is_some_and(|other| !is_called(other, name)) {
                return Err(format!("holds another key than `{name}`"));
            }
            if clause.algorithm.is_some_and(|other| !other.eq_ignore_ascii_case(algorithm.name())) {
                return Err(format!("holds a key for another algorithm than {}", algorithm.name()));
            }
            clause.secret.ok_or("has a key clause without a secret")?
        }
        None => text.trim_ascii(),
    };
    if encoded.is_empty() {
        return Err("is empty".into());
    }
    let secret = BASE64.decode(encoded.as_bytes()).map_err(|_| "holds no base64".to_owned())?;
    match secret.len() {
        SHORTEST..=LONGEST => Ok(secret.into()),
        length @ ..SHORTEST => Err(format!("holds {length} octets, {SHORTEST} is the least")),
        length => Err(format!("holds {length} octets, {LONGEST} is the limit")),
    }
}

/// Whether a name in a file is `name`, with or without the last dot.
fn is_called(text: &str, name: &LowerName) -> bool {
    let bare = |text: &str| text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    bare(text) == bare(&name.to_string())
}

/// `key "name" { algorithm hmac-sha256; secret "…"; };` as BIND, `tsig-keygen` and `knsupdate` know it.
struct Clause<'t> {
    name: Option<&'t str>,
    algorithm: Option<&'t str>,
    secret: Option<&'t str>,
}

impl<'t> Clause<'t> {
    /// The first clause of `text`; `None` when it does not begin with one.
    fn read(text: &'t str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let mut start = lines.skip_while(|line| line.is_empty() || line.starts_with(['#', '/']));
        if !start.next()?.starts_with("key") {
            return None;
        }
        let splits = |c: char| c.is_ascii_whitespace() || matches!(c, ';' | '{' | '}');
        let words = text.split(splits).filter(|word| !word.is_empty());
        let mut words = words.map(|word| word.trim_matches('"')).skip_while(|word| *word != "key");
        words.next();
        let mut clause = Self { name: words.next(), algorithm: None, secret: None };
        while let Some(word) = words.next() {
            match word {
                "algorithm" => clause.algorithm = words.next(),
                "secret" => clause.secret = words.next(),
                "key" => break,
                _ => {}
            }
        }
        Some(clause)
    }
}

/// Octets of a secret at least: fewer can be guessed.
pub const SHORTEST: usize = 16;

/// Octets of a secret at most; more are hashed first and add nothing.
const LONGEST: usize = 1024;

const ADVICE: &str = "store what `openssl rand -base64 32` draws on one line, or the clause that \
                      `tsig-keygen -a hmac-sha256 NAME` writes";

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn read(text: &str) -> Result<usize, String> {
        let name = LowerName::from_str("xfr.db.internal.").unwrap();
        secret(text.as_bytes(), &name, KeyAlgorithm::HmacSha256).map(|secret| secret.len())
    }

    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    #[test]
    fn one_line_and_the_clause_of_bind_are_read() {
        assert_eq!(read(SECRET), Ok(32));
        assert_eq!(read(&format!("{SECRET}\n")), Ok(32));
        for name in ["\"xfr.db.internal\"", "XFR.db.internal."] {
            let clause = format!(
                "# made by tsig-keygen\nkey {name} {{\n\talgorithm hmac-sha256;\n\tsecret \
                 \"{SECRET}\";\n}};\n"
            );
            assert_eq!(read(&clause), Ok(32), "{clause}");
        }
    }

    #[test]
    fn what_is_no_secret_is_told_without_showing_it() {
        let clause = |name: &str, algorithm: &str| {
            format!("key \"{name}\" {{ algorithm {algorithm}; secret \"{SECRET}\"; }};")
        };
        for (text, what) in [
            ("", "is empty"),
            ("\n", "is empty"),
            ("otter otter", "holds no base64"),
            ("b3R0ZXI=", "holds 5 octets, 16 is the least"),
            (&clause("other.", "hmac-sha256"), "holds another key than `xfr.db.internal.`"),
            (&clause("xfr.db.internal", "hmac-md5"), "another algorithm than hmac-sha256"),
            ("key \"xfr.db.internal\" { };", "has a key clause without a secret"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(what), "{text}: {told}");
        }
    }
}
