//! `probe`: one probe of a server, step by step, made by the running service.

use std::{fmt::Write as _, io};

use clap::Args;
use hyper::Method;

use super::{
    client::{Client, ClientError, block_on, encoded},
    options::{Form, ServiceOptions},
    outcome::{FAILED, Out, as_json, failed},
    picture,
    screen::{Screen, Table, Tone},
};
use crate::{
    api::{ProbeStep, ProbeStepName, Probed},
    clock,
    plain_text::one_line,
};

/// Options of `probe`.
#[derive(Debug, Args)]
pub struct ProbeOptions {
    /// The server, as the configuration names it
    pub server: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Probes a server once. Returns the exit code: 0 when the server said what it is, 1 when it did
/// not.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &ProbeOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let asked = options.service.client();
    let asked = asked.and_then(|client| block_on(ask(&client, &options.server)));
    let probed = match asked {
        Ok(probed) => probed,
        Err(error) => return failed(&error, &options.form, errors),
    };
    let text = match options.form.json {
        true => as_json(&probed),
        false => drawn(&probed, &Screen::of_stdout(clock::unix_millis())),
    };
    output.write_all(text.as_bytes())?;
    Ok(if probed.ok { 0 } else { FAILED })
}

async fn ask(client: &Client, server: &str) -> Result<Probed, ClientError> {
    let path = format!("/v1/servers/{}/probe", encoded(server));
    client.ask_patiently(Method::POST, &path, None::<&()>).await
}

fn drawn(probed: &Probed, screen: &Screen) -> String {
    let Probed { server, target, steps, facts, failure, now, .. } = probed;
    let title = screen.paint(Tone::Bold, server);
    let mut text =
        format!("{title} at {}, probed over a connection of its own\n", one_line(target));
    let mut table = Table::new(&["STEP", "MS", "", "WHAT WAS SEEN"]);
    for ProbeStep { step, ms, ok, detail, error } in steps {
        let (tone, word) = if *ok { (Tone::Good, "ok") } else { (Tone::Bad, "failed") };
        // Of a host with one address, what was seen is the error.
        let error = error.iter().filter(|error| !detail.contains(error));
        let seen = detail.iter().chain(error).cloned().collect::<Vec<_>>().join("; ");
        let seen_tone = if *ok { Tone::Plain } else { Tone::Bad };
        table.row([
            (Tone::Plain, title_of(*step).to_owned()),
            (Tone::Plain, format!("{ms:.1}")),
            (tone, word.to_owned()),
            (seen_tone, seen),
        ]);
    }
    text += &table.text(screen);
    if let Some(failure) = failure {
        let broken = format!("broken at {}: {}", title_of(failure.step), failure.error);
        _ = writeln!(text, "{}", screen.paint(Tone::Bad, &one_line(&broken)));
        _ = writeln!(text, "  {}", one_line(&failure.advice));
    }
    if !facts.is_empty() {
        let mut table = Table::new(&["FACT", "VALUE"]);
        for fact in facts {
            table.row([(Tone::Plain, fact.name.clone()), (Tone::Plain, fact.value.clone())]);
        }
        text.push('\n');
        text += &table.text(screen);
    }
    text + "\nBy the regular probes: " + &picture::why(now, screen)
}

fn title_of(step: ProbeStepName) -> &'static str {
    match step {
        ProbeStepName::Resolve => "resolve",
        ProbeStepName::Connect => "connect",
        ProbeStepName::Greeting => "greeting",
        ProbeStepName::Tls => "tls",
        ProbeStepName::Login => "login",
        ProbeStepName::Query => "query",
    }
}
