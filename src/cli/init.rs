//! `init`: what may be said; what it runs is put together in `main`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::GrantsEngine;
use crate::config::{HostPort, host_port};

/// Options of `init`.
#[derive(Clone, Debug, Args)]
pub struct InitOptions {
    /// A server of the cluster, which names the others; may be given again for those that nobody
    /// names
    #[arg(long, value_name = "HOST[:PORT]", required = true, value_parser = host)]
    pub from: Vec<HostPort>,
    /// The zone of the names: write.ZONE and read.ZONE
    #[arg(long, value_name = "NAME", value_parser = zone)]
    pub zone: String,
    /// What the servers are [default: what answers]
    #[arg(long)]
    pub engine: Option<GrantsEngine>,
    /// Who asks [default: as for psql and mysql: PGUSER, ~/.my.cnf, you]. The password comes from
    /// PGPASSWORD, PGPASSFILE, ~/.pgpass, ~/.my.cnf or MYSQL_PWD, or is asked for
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// What the cluster is called [default: the first label of the zone]
    #[arg(long, value_name = "NAME", value_parser = label)]
    pub cluster: Option<String>,
    /// Where DNS will be answered; may be given again
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5300")]
    pub listen: Vec<SocketAddr>,
    /// Folder of the files that are written
    #[arg(long, value_name = "DIR", default_value = "/etc/pointsman")]
    pub out: PathBuf,
    /// Make the user of the probes on the primary, too
    #[arg(long)]
    pub create_user: bool,
    /// Do not ask before files are written
    #[arg(long)]
    pub yes: bool,
    /// Print the files and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

fn host(text: &str) -> Result<HostPort, String> {
    let advice = "write db1.example, db1.example:5433, 10.0.0.1:5433 or [fd00::1]:5433";
    host_port(text).ok_or_else(|| format!("it is no host with a port; {advice}"))
}

/// A zone in lower case, without its last dot.
fn zone(text: &str) -> Result<String, String> {
    let bare = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    // `write.` lies in it, and companions below that.
    let is_short = bare.len() <= ZONE_MAX;
    match is_short && !bare.is_empty() && bare.split('.').all(|part| label(part).is_ok()) {
        true => Ok(bare),
        false => Err("it is no DNS name; write a zone of its own, such as db.internal".into()),
    }
}

fn label(text: &str) -> Result<String, String> {
    let is_label = (1..=63).contains(&text.len())
        && !text.starts_with('_')
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    let advice = "write 1 to 63 letters, digits, - and _, and no _ in front";
    is_label.then(|| text.to_owned()).ok_or_else(|| format!("it is no name; {advice}"))
}

/// Characters of a zone. A name in it may have 253.
const ZONE_MAX: usize = 180;

#[cfg(test)]
mod tests {
    use super::zone;

    #[test]
    fn a_zone_is_a_name() {
        assert_eq!(zone("DB.internal.").as_deref(), Ok("db.internal"));
        for odd in ["", ".", "db..internal", "db internal", "_db.internal", "a/b", &"a.".repeat(99)]
        {
            assert!(zone(odd).is_err(), "{odd:?}");
        }
    }
}
