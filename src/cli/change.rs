//! The commands that change something: overrides, histories, servers, reload. Each gives the exit code, or why
//! the outcome could not be written.

use std::{env, io};

use hyper::Method;
use nix::unistd::gethostname;
use serde::Serialize;

use super::{
    AcceptOptions, Asking, Client, ClientError, ConfigOptions, DrainOptions, EndClusterOptions,
    FreezeOptions, MaintenanceOptions, Out, PinOptions, ReloadOptions, ServerCommand,
    ServiceOptions, TermOptions, UndrainOptions,
    client::{block_on, query},
    look::{as_json, failed, segment},
};
use crate::{
    api::{
        Accept, Changed, ConfigText, ConfigWish, Drain, End, Pin, Ready, Reloaded, ServerAdd,
        Suspend, Undrain,
    },
    plain_text::one_line,
};

/// Takes a server out of the read names.
pub fn drain(options: &DrainOptions, out: Out<'_>) -> io::Result<u8> {
    let DrainOptions { server, force, term, asking } = options;
    let TermOptions { lasts, forever, reason } = term;
    let wish = Drain {
        server: server.clone(),
        force: *force,
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
    };
    post("/v1/drain", &wish, asking, out)
}

/// Ends the drain of a server.
pub fn undrain(options: &UndrainOptions, out: Out<'_>) -> io::Result<u8> {
    let asking = &options.end.asking;
    let reason = options.end.reason.clone();
    let wish = Undrain { server: options.server.clone(), author: author(asking), reason };
    post("/v1/undrain", &wish, asking, out)
}

/// Fixes the write name of a cluster.
pub fn pin(options: &PinOptions, out: Out<'_>) -> io::Result<u8> {
    let PinOptions { cluster, server, even_if_not_writable, term, asking } = options;
    let TermOptions { lasts, forever, reason } = term;
    let wish = Pin {
        cluster: cluster.clone(),
        server: server.clone(),
        even_if_not_writable: *even_if_not_writable,
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
    };
    post("/v1/pin", &wish, asking, out)
}

/// Lets the names of a cluster stand still.
pub fn freeze(options: &FreezeOptions, out: Out<'_>) -> io::Result<u8> {
    let FreezeOptions { cluster, term, asking } = options;
    let TermOptions { lasts, forever, reason } = term;
    let wish = Suspend {
        cluster: cluster.clone(),
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
    };
    post("/v1/freeze", &wish, asking, out)
}

/// Takes a cluster out of service, or lets it come back.
pub fn maintenance(options: &MaintenanceOptions, out: Out<'_>) -> io::Result<u8> {
    let MaintenanceOptions { cluster, end, lasts, forever, reason, asking } = options;
    let (author, reason) = (author(asking), reason.clone().unwrap_or_default());
    let cluster = cluster.clone();
    if *end {
        return post("/v1/end-maintenance", &End { cluster, author, reason }, asking, out);
    }
    let wish = Suspend { cluster, lasts: lasts.clone(), forever: *forever, author, reason };
    post("/v1/maintenance", &wish, asking, out)
}

/// Ends the pin of a cluster.
pub fn unpin(options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    end("/v1/unpin", options, out)
}

/// Ends the freeze of a cluster.
pub fn thaw(options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    end("/v1/thaw", options, out)
}

fn end(path: &str, options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    let asking = &options.end.asking;
    let (cluster, reason) = (options.cluster.clone(), options.end.reason.clone());
    post(path, &End { cluster, author: author(asking), reason }, asking, out)
}

/// Makes the history of one server its cluster's.
pub fn accept(options: &AcceptOptions, out: Out<'_>) -> io::Result<u8> {
    let AcceptOptions { cluster, server, reason, asking } = options;
    let wish = Accept {
        cluster: cluster.clone(),
        server: server.clone(),
        author: author(asking),
        reason: reason.clone(),
    };
    post("/v1/accept", &wish, asking, out)
}

/// Lets a server come or go.
pub fn server(command: &ServerCommand, out: Out<'_>) -> io::Result<u8> {
    match command {
        ServerCommand::Add(options) => {
            let wish = ServerAdd {
                cluster: options.cluster.clone(),
                name: options.name.clone(),
                address: options.address.clone(),
                author: author(&options.asking),
            };
            post("/v1/servers", &wish, &options.asking, out)
        }
        ServerCommand::Ready(options) => {
            let path = format!("/v1/servers/{}/ready", segment(&options.name));
            post(&path, &Ready { author: author(&options.asking) }, &options.asking, out)
        }
        ServerCommand::Remove(options) => {
            let asked = query(&[("author", &author(&options.asking))]);
            let path = format!("/v1/servers/{}?{asked}", segment(&options.name));
            send(Method::DELETE, &path, None::<&()>, &options.asking, out)
        }
    }
}

/// Lets the service read its configuration again.
pub fn reload(options: &ReloadOptions, out: Out<'_>) -> io::Result<u8> {
    let reloaded: Reloaded = match client(&options.service)
        .and_then(|client| block_on(client.ask(Method::POST, "/v1/reload", None::<&()>)))
    {
        Ok(reloaded) => reloaded,
        Err(error) => return failed(&error, out.errors),
    };
    if options.form.json {
        out.output.write_all(as_json(&reloaded).as_bytes())?;
        return Ok(0);
    }
    let Reloaded { changed, needs_restart } = reloaded;
    if changed.is_empty() && needs_restart.is_empty() {
        writeln!(out.output, "reloaded; nothing has changed")?;
    }
    for line in changed {
        writeln!(out.output, "{}", one_line(&line))?;
    }
    for line in needs_restart {
        writeln!(out.errors, "{}", one_line(&line))?;
    }
    Ok(0)
}

/// Shows the configuration file with the servers that were added, or changes it.
pub fn config(options: &ConfigOptions, out: Out<'_>) -> io::Result<u8> {
    let wish = ConfigWish { write: options.write };
    let told: ConfigText =
        match client(&options.service).and_then(|client| client.post("/v1/config", &wish)) {
            Ok(told) => told,
            Err(error) => return failed(&error, out.errors),
        };
    match (options.form.json, told.written) {
        (true, _) => out.output.write_all(as_json(&told).as_bytes())?,
        (false, false) => out.output.write_all(told.text.as_bytes())?,
        (false, true) => writeln!(out.output, "the configuration file has been changed")?,
    }
    Ok(0)
}

fn post(path: &str, wish: &impl Serialize, asking: &Asking, out: Out<'_>) -> io::Result<u8> {
    send(Method::POST, path, Some(wish), asking, out)
}

fn send(
    method: Method,
    path: &str,
    wish: Option<&impl Serialize>,
    asking: &Asking,
    out: Out<'_>,
) -> io::Result<u8> {
    let changed: Changed =
        match client(&asking.service).and_then(|client| block_on(client.ask(method, path, wish))) {
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

fn client(service: &ServiceOptions) -> Result<Client, ClientError> {
    Client::new(service.socket.as_deref(), &service.config)
}

/// Who asks: as they say, or as sudo(8) or the login has it, at this host.
fn author(asking: &Asking) -> String {
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
