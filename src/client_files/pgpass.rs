//! The password file of PostgreSQL's clients (PostgreSQL manual, "The Password File").
//!
//! A line is `host:port:database:user:password`. Each of the first four may be `*`, and a backslash
//! takes the meaning from the character behind it. The first line that fits counts.

use crate::config::Secret;

/// For whom a password is looked up.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The host as it was written, or its address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: &'a str,
    /// Who logs in.
    pub user: &'a str,
}

/// The password of the first line in `text` that fits.
pub fn find(text: &str, wanted: Wanted<'_>) -> Option<Secret> {
    let port = wanted.port.to_string();
    let asked = [wanted.host, &port, wanted.database, wanted.user];
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| {
        let [patterns @ .., password] = &fields[..] else { return None };
        let fits = patterns.len() == asked.len()
            && patterns.iter().zip(asked).all(|(pattern, asked)| pattern.fits(asked));
        (fits && !password.text.is_empty()).then(|| Secret::new(password.text.as_str()))
    })
}

#[derive(Default)]
struct Pattern {
    text: String,
    /// A character of it had a backslash before it: such a `*` means itself.
    escaped: bool,
}

impl Pattern {
    fn fits(&self, asked: &str) -> bool {
        self.text == "*" && !self.escaped || self.text == asked
    }
}

/// The fields of a line; the fifth goes up to its end.
fn fields(line: &str) -> Vec<Pattern> {
    let mut fields = vec![Pattern::default()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let is_last = fields.len() == 5;
        match (character, fields.last_mut()) {
            ('\\', Some(field)) => {
                field.text.extend(characters.next());
                field.escaped = true;
            }
            // Whatever follows the password is another field, which nobody knows of.
            (':', _) if is_last => break,
            (':', _) => fields.push(Pattern::default()),
            (character, Some(field)) => field.text.push(character),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::{Wanted, find};

    const FILE: &str = "# host:port:database:user:password\n\
                        db1.example:5432:*:ann:of\\:ann\n\
                        10.0.0.1:*:postgres:postgres:by address\n\
                        \\*:5432:*:bob:of nobody\n\
                        half a line\n\
                        db9:5432:*:postgres:\n\
                        *:5433:*:postgres:any\\\\\n";

    #[test]
    fn the_first_line_that_fits_counts() {
        let of = |host, port, user| {
            let wanted = Wanted { host, port, database: "postgres", user };
            find(FILE, wanted).map(|secret| secret.reveal().to_owned())
        };
        assert_eq!(of("db1.example", 5432, "ann").as_deref(), Some("of:ann"));
        assert_eq!(of("10.0.0.1", 6000, "postgres").as_deref(), Some("by address"));
        assert_eq!(of("db7", 5433, "postgres").as_deref(), Some("any\\"));
        for (host, port, user) in
            [("db1.example", 5433, "ann"), ("db7", 5432, "bob"), ("db9", 5432, "postgres")]
        {
            assert_eq!(of(host, port, user), None, "{host} {port} {user}");
        }
        let line = "h:1:d:u:p";
        let wanted = Wanted { host: "h", port: 1, database: "other", user: "u" };
        assert!(find(line, wanted).is_none());
    }
}
