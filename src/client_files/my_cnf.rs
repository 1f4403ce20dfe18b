//! The option file of MySQL's and MariaDB's clients (MySQL manual, "Using Option Files"), as far as it
//! says who logs in.

use crate::config::Secret;

/// What a file says. The last word for each option counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionFile {
    /// `user`.
    pub user: Option<Box<str>>,
    /// `password`; `None` also where it stands without a value: ask for it.
    pub password: Option<Secret>,
}

/// The sections that the clients read.
const SECTIONS: [&str; 5] =
    ["client", "client-server", "client-mariadb", "mysql", "mariadb-client"];

/// What `text` says.
pub fn read(text: &str) -> OptionFile {
    let mut file = OptionFile::default();
    let mut counts = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            counts = section.split(']').next().is_some_and(|name| SECTIONS.contains(&name.trim()));
            continue;
        }
        if !counts || line.is_empty() || line.starts_with(['#', ';', '!']) {
            continue;
        }
        let (name, text) = match line.split_once('=') {
            Some((name, text)) => (name.trim(), Some(value(text.trim()))),
            None => (line, None),
        };
        match name {
            "user" => file.user = text.filter(|text| !text.is_empty()).map(Into::into),
            "password" => file.password = text.filter(|text| !text.is_empty()).map(Secret::new),
            _ => {}
        }
    }
    file
}

/// A value without its quotes or the remark behind it, and with its escapes undone.
fn value(text: &str) -> String {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let inner = match quote {
        Some(quote) => {
            let rest = &text[1..];
            rest.rfind(quote).map_or(rest, |end| &rest[..end])
        }
        None => text.split(" #").next().unwrap_or(text).trim_end(),
    };
    let mut read = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            read.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => read.push('\n'),
            Some('t') => read.push('\t'),
            Some('r') => read.push('\r'),
            Some('b') => read.push('\u{8}'),
            Some('s') => read.push(' '),
            Some(plain @ ('\\' | '"' | '\'')) => read.push(plain),
            // A backslash before anything else is one.
            other => {
                read.push('\\');
                read.extend(other);
            }
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn sections_of_clients_count_and_the_last_word_does() {
        let file = read(
            "user = nobody\n[mysqld]\nuser=mysql\n[client]\n# a remark\nuser = root  # me\n\
             password=\"a # b\\\\\"\n[mysql]\npassword = 'c\\sd'\n[mysqldump]\npassword=x\n",
        );
        assert_eq!(file.user.as_deref(), Some("root"));
        assert_eq!(file.password.as_ref().map(|secret| secret.reveal()), Some("c d"));
        let quoted = read("[client]\npassword=\"a # b\\\\\"\n");
        assert_eq!(quoted.password.as_ref().map(|secret| secret.reveal()), Some("a # b\\"));
    }

    #[test]
    fn a_password_without_a_value_is_to_be_asked_for() {
        assert_eq!(read("[client]\npassword\n").password, None);
        assert_eq!(read("[client]\npassword=x\npassword=\n").password, None);
        assert_eq!(read("").user, None);
    }
}
