//! How a change is asked for, and what is said of it.

use std::{
    env, fs,
    io::{self, IsTerminal as _},
};

use hyper::Method;
use nix::unistd::{gethostname, getuid};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    client::{ClientError, block_on},
    options::{Asking, Consent, EndClusterOptions, EndOptions},
    outcome::{FAILED, Out, as_json, failed},
};
use crate::{
    api::{Changed, End, OverrideStatus},
    plain_text::one_line,
};

/// Asks for what ends something of a whole cluster. Returns the exit code.
pub fn end(path: &str, options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    let EndOptions { reason, consent, asking } = &options.end;
    let wish = |dry_run| {
        let (cluster, reason) = (options.cluster.clone(), reason.clone());
        End { cluster, author: author(asking), reason, dry_run }
    };
    consider(path, wish, consent, asking, out)
}

/// Asks for a change of the overrides: `wish` is made with whether it is a dry run. On a terminal
/// what somebody might not have meant is asked about first. Returns the exit code.
pub fn consider<T: Serialize>(
    path: &str,
    wish: impl Fn(bool) -> T,
    consent: &Consent,
    asking: &Asking,
    out: Out<'_>,
) -> io::Result<u8> {
    let is_asked = io::stdin().is_terminal() && io::stderr().is_terminal();
    if is_asked && !consent.yes && !consent.dry_run && !asking.form.json {
        let preview = ask_for::<Changed>(Method::POST, path, Some(&wish(true)), asking);
        // What is refused in earnest is refused here in the same words.
        let changed = match preview {
            Ok(changed) => changed,
            Err(error) => return failed(&error, &asking.form, out.errors),
        };
        if !changed.dangers.is_empty() {
            for name in &changed.names {
                writeln!(out.errors, "  {}", one_line(&name.summary))?;
            }
            for danger in &changed.dangers {
                writeln!(out.errors, "careful: {}", one_line(danger))?;
            }
            write!(out.errors, "Go on? [y/N] ")?;
            out.errors.flush()?;
            let mut answer = String::new();
            io::stdin().read_line(&mut answer)?;
            if !matches!(answer.trim(), "y" | "Y" | "yes") {
                writeln!(out.errors, "nothing is changed")?;
                return Ok(FAILED);
            }
        }
    }
    post(path, &wish(consent.dry_run), asking, out)
}

/// Asks for a change by posting `wish`. Returns the exit code.
pub fn post(path: &str, wish: &impl Serialize, asking: &Asking, out: Out<'_>) -> io::Result<u8> {
    send(Method::POST, path, Some(wish), asking, out)
}

/// Asks for a change and says what came of it. Returns the exit code.
pub fn send(
    method: Method,
    path: &str,
    wish: Option<&impl Serialize>,
    asking: &Asking,
    out: Out<'_>,
) -> io::Result<u8> {
    let changed: Changed = match ask_for(method, path, wish, asking) {
        Ok(changed) => changed,
        Err(error) => return failed(&error, &asking.form, out.errors),
    };
    match asking.form.json {
        true => out.output.write_all(as_json(&changed).as_bytes())?,
        false => {
            writeln!(out.output, "{}", one_line(&changed.done))?;
            for name in &changed.names {
                writeln!(out.output, "  {}", one_line(&name.summary))?;
            }
            if let Some(replaced) = &changed.replaced {
                let OverrideStatus { author, reason, .. } = replaced;
                let words = format!("  in the place of what {author} wished: {reason}");
                writeln!(out.output, "{}", one_line(&words))?;
            }
        }
    }
    for warning in changed.dangers.iter().chain(&changed.warnings) {
        writeln!(out.errors, "warning: {}", one_line(warning))?;
    }
    Ok(0)
}

fn ask_for<T: DeserializeOwned>(
    method: Method,
    path: &str,
    wish: Option<&impl Serialize>,
    asking: &Asking,
) -> Result<T, ClientError> {
    asking.service.client().and_then(|client| block_on(client.ask(method, path, wish)))
}

/// Who asks: as they say, or as sudo(8), the login or the user's own name has it, at this host. Cron
/// and containers have no login.
pub fn author(asking: &Asking) -> String {
    if let Some(author) = &asking.author {
        return author.clone();
    }
    let known = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| {
        let user = env::var(name).ok()?;
        (!user.is_empty()).then_some(user)
    });
    let user = known.unwrap_or_else(|| {
        let id = getuid().as_raw();
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        user_name(&users, id).unwrap_or_else(|| format!("uid {id}"))
    });
    match gethostname().ok().and_then(|host| host.into_string().ok()) {
        Some(host) => format!("{user}@{host}"),
        None => user,
    }
}

/// The name of the user with this number in passwd(5).
fn user_name(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == id && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::user_name;

    #[test]
    fn a_user_without_a_login_is_known_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# odd\nann:x:1000:1000::/srv/ann:/bin/sh\n";
        assert_eq!(user_name(users, 0).as_deref(), Some("root"));
        assert_eq!(user_name(users, 1000).as_deref(), Some("ann"));
        assert_eq!(user_name(users, 7), None);
    }
}
