//! `discover`: what was found, how far it has come, and why no further.

use std::{fmt::Write as _, io, net::SocketAddr};

use clap::Args;
use hyper::Method;

use super::{
    change::{author, post},
    client::{block_on, encoded},
    options::Asking,
    outcome::{FAILED, Out, as_json, failed},
    screen::{Screen, Table, Tone, span},
};
use crate::{
    api::{ClusterDiscovery, DiscoveredServer, DiscoveryStatus, Ready},
    clock,
    plain_text::one_line,
};

/// Options of `discover`.
#[derive(Debug, Args)]
pub struct DiscoverOptions {
    /// The cluster [default: each that discovers its servers]
    pub cluster: Option<String>,
    /// Print the [[cluster.server]] of each server that has proven itself, for the configuration file
    #[arg(long, conflicts_with_all = ["json", "revive"])]
    pub toml: bool,
    /// Let a server be taken in again that was removed
    #[arg(long, value_name = "SERVER", conflicts_with = "cluster")]
    pub revive: Option<String>,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Shows what was found, or lets a server be taken in again. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &DiscoverOptions, out: Out<'_>) -> io::Result<u8> {
    let asking = &options.asking;
    if let Some(server) = &options.revive {
        let path = format!("/v1/servers/{}/revive", encoded(server));
        return post(&path, &Ready { author: author(asking) }, asking, out);
    }
    let asked = async {
        let client = asking.service.client()?;
        client.ask(Method::GET, "/v1/discovery", None::<&()>).await
    };
    let mut status: DiscoveryStatus = match block_on(asked) {
        Ok(status) => status,
        Err(error) => return failed(&error, &asking.form, out.errors),
    };
    if let Some(cluster) = &options.cluster {
        status.clusters.retain(|known| known.cluster.eq_ignore_ascii_case(cluster));
        if status.clusters.is_empty() {
            let cluster = one_line(cluster);
            writeln!(
                out.errors,
                "error: no cluster {cluster} discovers its servers; give it a [cluster.discovery]"
            )?;
            return Ok(FAILED);
        }
    }
    let text = match (asking.form.json, options.toml) {
        (true, _) => as_json(&status),
        (false, true) => status.clusters.iter().map(toml).collect(),
        (false, false) => picture(&status, &Screen::of_stdout(clock::unix_millis())),
    };
    out.output.write_all(text.as_bytes()).map(|()| 0)
}

/// What was found, as people read it.
fn picture(status: &DiscoveryStatus, screen: &Screen) -> String {
    if status.clusters.is_empty() {
        return "no cluster discovers its servers: none has a [cluster.discovery]\n".to_owned();
    }
    let mut text = String::new();
    for cluster in &status.clusters {
        let ClusterDiscovery { cluster, mode, sources, finds } = cluster;
        _ = writeln!(
            text,
            "{} discovers its servers, mode {mode}",
            screen.paint(Tone::Bold, cluster)
        );
        for source in sources {
            let age = source.age_seconds.map_or_else(
                || "never answered".to_owned(),
                |age| {
                    let millis = i64::try_from(age).unwrap_or(i64::MAX).saturating_mul(1_000);
                    format!("answered {} ago", span(millis))
                },
            );
            let fault = source.fault.as_deref().map(|why| format!("; {}", one_line(why)));
            let tone = if fault.is_some() { Tone::Doubtful } else { Tone::Plain };
            let line = format!("{} {age}{}", source.source, fault.unwrap_or_default());
            _ = writeln!(text, "  {}", screen.paint(tone, &line));
        }
        if finds.is_empty() {
            text.push_str("  nothing was found beside the servers of the file\n");
            continue;
        }
        let mut table = Table::new(&["NAME", "AT", "STATE", "WHY", "NAMED BY"]);
        for find in finds {
            let DiscoveredServer { name, at, state, reason, sources, needs_a_voucher: _ } = find;
            table.row([
                (Tone::Bold, one_line(name.as_deref().unwrap_or("-"))),
                (Tone::Plain, one_line(at)),
                (tone(state), state.clone()),
                (Tone::Plain, one_line(reason)),
                (Tone::Plain, sources.join(", ")),
            ]);
        }
        text.push_str(&table.text(screen));
        if let Some(first) = finds.iter().find(|find| find.needs_a_voucher) {
            let name = one_line(first.name.as_deref().unwrap_or("NAME"));
            let (cluster, at) = (one_line(cluster), one_line(&first.at));
            _ = writeln!(
                text,
                "  vouch for the first server, the primary if there is one, as in: \
                 pointsman server add {cluster} {name} {at}"
            );
        }
    }
    text
}

fn tone(state: &str) -> Tone {
    match state {
        "member" => Tone::Good,
        "kin" | "leaving" => Tone::Doubtful,
        _ => Tone::Plain,
    }
}

/// The servers of a cluster that have proven themselves, as the file has them.
fn toml(cluster: &ClusterDiscovery) -> String {
    let ClusterDiscovery { cluster, finds, .. } = cluster;
    let proven = finds.iter().filter(|find| matches!(&*find.state, "kin" | "member"));
    let mut text = format!("# [[cluster]] {cluster}\n");
    for find in proven {
        let (Some(name), Ok(at)) = (&find.name, find.at.parse::<SocketAddr>()) else {
            continue;
        };
        let (address, port) = (at.ip(), at.port());
        _ = write!(
            text,
            "\n[[cluster.server]] # {why}\nname = \"{name}\"\n\
             address = \"{address}\"\nport = {port}\n",
            why = one_line(&find.reason),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ClusterDiscovery, DiscoveredServer, toml};

    #[test]
    fn only_what_is_proven_is_written_for_the_file() {
        let find = |name: &str, at: &str, state: &str| DiscoveredServer {
            name: Some(name.into()),
            at: at.into(),
            state: state.into(),
            reason: "follows db1".into(),
            sources: vec![],
            needs_a_voucher: false,
        };
        let cluster = ClusterDiscovery {
            cluster: "orders".into(),
            mode: "propose".into(),
            sources: vec![],
            finds: vec![
                find("db2", "10.0.0.2:5432", "kin"),
                find("db3", "[fd00::3]:5433", "member"),
                find("db4", "10.0.0.4:5432", "examined"),
            ],
        };
        assert_eq!(
            toml(&cluster),
            "# [[cluster]] orders\n\n\
             [[cluster.server]] # follows db1\n\
             name = \"db2\"\naddress = \"10.0.0.2\"\nport = 5432\n\n\
             [[cluster.server]] # follows db1\n\
             name = \"db3\"\naddress = \"fd00::3\"\nport = 5433\n"
        );
    }
}
