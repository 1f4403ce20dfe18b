//! How a change is asked for, and what is said of it.

use std::{env, io};

use hyper::Method;
use nix::unistd::gethostname;
use serde::Serialize;

use super::{
    client::block_on,
    options::{Asking, EndClusterOptions},
    outcome::{Out, as_json, failed},
};
use crate::{
    api::{Changed, End},
    plain_text::one_line,
};

/// Asks for what ends something of a whole cluster. Returns the exit code.
pub fn end(path: &str, options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    let asking = &options.end.asking;
    let (cluster, reason) = (options.cluster.clone(), options.end.reason.clone());
    post(path, &End { cluster, author: author(asking), reason }, asking, out)
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
    let changed: Changed =
        match asking.service.client().and_then(|client| block_on(client.ask(method, path, wish))) {
            Ok(changed) => changed,
            Err(error) => return failed(&error, out.errors),
        };
    match asking.form.json {
        true => out.output.write_all(as_json(&changed).as_bytes())?,
        false => writeln!(out.output, "{}", one_line(&changed.done))?,
    }
    for warning in &changed.warnings {
        writeln!(out.errors, "warning: {}", one_line(warning))?;
    }
    Ok(0)
}

/// Who asks: as they say, or as sudo(8) or the login has it, at this host.
pub fn author(asking: &Asking) -> String {
    if let Some(author) = &asking.author {
        return author.clone();
    }
    let known = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| {
        let user = env::var(name).ok()?;
        (!user.is_empty()).then_some(user)
    });
    let user = known.unwrap_or_else(|| "unknown".to_owned());
    match gethostname().ok().and_then(|host| host.into_string().ok()) {
        Some(host) => format!("{user}@{host}"),
        None => user,
    }
}
