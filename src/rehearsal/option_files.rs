//! The files in which clients keep their logins: `~/.pgpass` of libpq and `~/.my.cnf` of MySQL and
//! MariaDB.

/// What a `[client]` section says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MyClient {
    /// `user`.
    pub user: Option<String>,
    /// `password`.
    pub password: Option<String>,
}

/// The password that a file of libpq has for one of `hosts`: the first line that fits.
pub fn pgpass(
    text: &str,
    hosts: &[String],
    port: u16,
    database: &str,
    user: &str,
) -> Option<String> {
    let port = port.to_string();
    text.lines().find_map(|line| {
        let fields = fields(line)?;
        let [host, its_port, its_database, its_user, password] = fields;
        let fits = |field: &str, value: &str| field == "*" || field == value;
        let is_host = host == "*" || hosts.contains(&host);
        (is_host
            && fits(&its_port, &port)
            && fits(&its_database, database)
            && fits(&its_user, user))
        .then_some(password)
    })
}

/// The five fields of a line; a backslash makes the next character an ordinary one.
fn fields(line: &str) -> Option<[String; 5]> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(characters.next()),
            other => fields.last_mut()?.push(other),
        }
    }
    fields.try_into().ok()
}

/// The `[client]` section of an option file; of two values the last one counts.
pub fn my_client(text: &str) -> MyClient {
    let mut client = MyClient::default();
    let mut is_client = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_client = matches!(section.trim(), "client" | "client-server" | "client-mariadb");
        } else if is_client
            && !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            let value = Some(unquoted(value.trim()).to_owned());
            match key.trim() {
                "user" => client.user = value,
                "password" => client.password = value,
                _ => {}
            }
        }
    }
    client
}

fn unquoted(value: &str) -> &str {
    let between = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# 10.0.0.1:5432:shop:app:comment\n\
                    10.0.0.9:*:*:*:other\n\
                    write.db.internal:5432:shop:app:it\\:is\\\\:so\n\
                    *:*:*:*:last\nodd\n";
        let of = |host: &str, user: &str| pgpass(text, &[host.to_owned()], 5432, "shop", user);
        assert_eq!(of("write.db.internal", "app").as_deref(), Some("it:is\\:so"));
        assert_eq!(of("write.db.internal", "root").as_deref(), Some("last"));
        assert_eq!(of("10.0.0.9", "app").as_deref(), Some("other"));
        assert_eq!(pgpass("a:1:b:c:d", &["a".into()], 5432, "b", "c"), None);
    }

    #[test]
    fn the_client_section_has_the_login() {
        let text = "[mysqld]\nuser=mysql\n[client]\n# user=no\nuser = app\npassword=\"a = b\"\n\
                    host=db1\n[mysqldump]\npassword=other\n";
        let expected = MyClient { user: Some("app".into()), password: Some("a = b".into()) };
        assert_eq!(my_client(text), expected);
        assert_eq!(my_client("user=app\n"), MyClient::default());
    }
}
