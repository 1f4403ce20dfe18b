//! `pointsman init`: asks one server, finds its kin, and writes the configuration that follows them.
//!
//! ```text
//! --from ──▶ greeting ──▶ login ──▶ search ──▶ Found ──▶ Plan ──▶ check ──▶ files ──▶ probe_user
//! ```
//!
//! What was found becomes texts in `plan.rs`, `naming.rs` and `story.rs`, which are pure. What is written
//! has passed the reader of the configuration before. Nothing is overwritten, and what was written is
//! taken back when the user of the probe cannot be made.

mod asking;
mod engine_kind;
mod error;
mod files;
mod greeting;
mod login;
mod naming;
mod plan;
mod probe_user;
mod search;
mod server;
mod story;
mod terminal;

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
};

use tokio::net::lookup_host;

pub use self::{engine_kind::EngineKind, error::InitError};
use self::{
    greeting::Greeting,
    login::Login,
    plan::{Plan, Wishes},
    search::Search,
    server::{Found, Role, Server},
    story::{Story, UserNews},
};
use crate::{
    config::{HostPort, Secret, TargetHost},
    engine::ClusterKind,
};

/// What `init` is asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers that are asked first, at least one, all of one cluster.
    pub from: Vec<HostPort>,
    /// The zone, in lower case and without its last dot.
    pub zone: Box<str>,
    /// What the servers are, if that is said.
    pub engine: Option<EngineKind>,
    /// What the cluster is called; the first label of the zone if nobody says.
    pub cluster: Option<Box<str>>,
    /// Who asks, if that is said.
    pub user: Option<Box<str>>,
    /// The folder of the files.
    pub out: PathBuf,
    /// Where DNS will be answered; at least one.
    pub listen: Vec<SocketAddr>,
    /// Whether the user of the probe is made on the primary.
    pub create_user: bool,
    /// Whether nobody is asked before files are written.
    pub yes: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// Finds the cluster, writes the files, and says all of it to `output`.
///
/// # Errors
/// Why there are none.
pub async fn run(settings: &Settings, output: &mut dyn Write) -> Result<(), InitError> {
    let Settings { zone, out, create_user, yes, dry_run, .. } = settings;
    let cluster: Box<str> = settings.cluster.clone().unwrap_or_else(|| first_label(zone).into());
    if !yes && !dry_run && !terminal::is_there() {
        return Err(InitError::NobodyToAsk);
    }
    let taken = files::taken(out, &plan::file_names(zone, &cluster));
    if !dry_run && !taken.is_empty() {
        return Err(InitError::Taken(taken));
    }
    let (engine, first) = recognise(settings).await?;
    let mut login = Login::find(engine.kind(), settings.user.as_deref());
    for ignored in &login.ignored {
        writeln!(output, "careful: {ignored}")?;
    }
    let found = search(settings, engine, &first, &mut login).await?;
    let names = naming::names(&found.servers);
    output.write_all(story::found(&found, &names, &login.user).as_bytes())?;
    let primary = primary(&found)?;
    let wishes = Wishes {
        zone: zone.clone(),
        cluster,
        folder: out.clone(),
        listen: settings.listen.clone(),
        our_address: our_address(primary.at),
        command: command(settings),
    };
    let password = password();
    let plan = Plan::new(&found, &names, &password, &wishes);
    plan.check().map_err(InitError::Faults)?;
    let sql = probe_user::sql(found.engine, &primary.version);
    let story = Story { found: &found, names: &names, plan: &plan, wishes: &wishes, sql: &sql };
    if *dry_run {
        output.write_all(story.files().as_bytes())?;
        let news = if *create_user { UserNews::WouldBeMade } else { UserNews::ToBeMade };
        output.write_all(story.next(&news).as_bytes())?;
        return Ok(());
    }
    if !yes {
        write!(output, "{}", story.question(*create_user))?;
        output.flush()?;
        if !terminal::says_yes()? {
            return Err(InitError::Declined);
        }
    }
    let written = files::write(&plan, out)?;
    let news = match create_user {
        false => UserNews::ToBeMade,
        true => match make_user(&found, primary, &login, &sql, &password).await {
            Ok(news) => news,
            Err(fault) => {
                written.take_back();
                return Err(fault);
            }
        },
    };
    output.write_all(story.written().as_bytes())?;
    output.write_all(story.next(&news).as_bytes())?;
    Ok(())
}

/// The server on which the user of the probe is made.
fn primary(found: &Found) -> Result<&Server, InitError> {
    let primaries = || found.servers.iter().filter(|one| one.role() == Role::Primary).count();
    found.primary().ok_or_else(|| match primaries() {
        0 | 1 => InitError::NoPrimary,
        many => InitError::ManyPrimaries(many),
    })
}

/// Makes the user of the probe on the primary, and looks whether each server lets it in.
async fn make_user(
    found: &Found,
    primary: &Server,
    login: &Login,
    sql: &str,
    password: &Secret,
) -> Result<UserNews, InitError> {
    let known = login.password(&primary.names(), primary.at.port());
    let admin = asking::settings(found.engine.kind(), &login.user, known);
    probe_user::create(primary.at, found.engine, admin, sql, password).await?;
    let mut all = Vec::with_capacity(found.servers.len());
    for server in &found.servers {
        all.push(probe_user::is_let_in(server, found.engine, password).await.err());
    }
    Ok(UserNews::Made(all))
}

/// Asks whom the command line names, and goes on from there.
async fn search(
    settings: &Settings,
    engine: EngineKind,
    first: &[SocketAddr],
    login: &mut Login,
) -> Result<Found, InitError> {
    let mut search = Search::new(engine, login);
    for (number, from) in settings.from.iter().enumerate() {
        let addresses = match number {
            0 => first.to_vec(),
            _ => addresses(&from.host, from.port.unwrap_or_else(|| engine.port())).await?,
        };
        search.begin(&from.host, &addresses).await?;
    }
    Ok(search.finish().await)
}

/// What the first server is, and where it is.
async fn recognise(settings: &Settings) -> Result<(EngineKind, Vec<SocketAddr>), InitError> {
    let HostPort { host, port } = &settings.from[0];
    let usual = [EngineKind::Postgres, EngineKind::MySql].map(EngineKind::port);
    let ports = match (port, settings.engine) {
        (Some(port), _) => vec![*port],
        (None, Some(engine)) => vec![engine.port()],
        (None, None) => usual.to_vec(),
    };
    let (mut tried, mut databases, mut other) = (Vec::new(), Vec::new(), None);
    for port in ports {
        for at in addresses(host, port).await? {
            tried.push(at);
            match greeting::of(at).await {
                Greeting::Database(kind) => {
                    databases.push((kind, at));
                    break;
                }
                Greeting::Other => other = other.or(Some(at)),
                Greeting::Nobody => {}
            }
        }
    }
    let (kind, at) = match databases[..] {
        [one] => one,
        [(_, first), (_, second), ..] => return Err(InitError::TwoDatabases { first, second }),
        [] => return Err(other.map_or(InitError::NobodyListens(tried), InitError::NoDatabase)),
    };
    let engine = match (settings.engine, kind) {
        (Some(engine), kind) if engine.kind() == kind => engine,
        (Some(_), _) => return Err(InitError::NoDatabase(at)),
        (None, ClusterKind::Postgres | ClusterKind::Tcp) => EngineKind::Postgres,
        (None, ClusterKind::MySql) => EngineKind::MySql,
    };
    Ok((engine, vec![at]))
}

async fn addresses(host: &TargetHost, port: u16) -> Result<Vec<SocketAddr>, InitError> {
    let name = match host {
        TargetHost::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        TargetHost::Name(name) => name,
    };
    let unresolved = |why: String| InitError::Unresolved { host: name.clone(), why };
    let found = lookup_host((&**name, port)).await;
    let found: Vec<_> = found.map_err(|error| unresolved(error.to_string()))?.collect();
    match found.is_empty() {
        true => Err(unresolved("the resolver knows none".into())),
        false => Ok(found),
    }
}

/// The address from which we reach `server`. No packet is sent.
fn our_address(server: SocketAddr) -> IpAddr {
    let any: IpAddr = match server.is_ipv4() {
        true => Ipv4Addr::UNSPECIFIED.into(),
        false => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let local = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        socket.local_addr()
    };
    local().map_or_else(|_| Ipv4Addr::LOCALHOST.into(), |at| at.ip())
}

/// 128 random bits in hexadecimal: nothing in it needs quotes, anywhere.
fn password() -> Secret {
    let octets: [u8; 16] = rand::random();
    Secret::new(octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>())
}

fn first_label(zone: &str) -> &str {
    zone.split('.').next().unwrap_or(zone)
}

/// The command line, as far as it tells what the files are about.
fn command(settings: &Settings) -> String {
    let shown = |from: &HostPort| {
        let host = match &from.host {
            TargetHost::Address(IpAddr::V6(address)) => format!("[{address}]"),
            TargetHost::Address(IpAddr::V4(address)) => address.to_string(),
            TargetHost::Name(name) => name.to_string(),
        };
        let port = from.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!(" --from {host}{port}")
    };
    let from: String = settings.from.iter().map(shown).collect();
    format!("pointsman init{from} --zone {}", settings.zone)
}
