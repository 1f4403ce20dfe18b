//! `[cluster.discovery]`: servers that come and go by themselves.

mod first;
mod kubernetes;
mod rule;
mod shown;
mod sources;
mod template;

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use toml::{Spanned, de::DeValue};

use self::first::MAX_SERVERS;
pub use self::first::{FIRST_SERVER, most_servers, names_the_first};
pub use self::kubernetes::{KubernetesSourceConfig, KubernetesSourceSection, POD_FILES};
pub use self::rule::RuleSection;
use self::rule::{attributes, network};
pub use self::sources::{
    CommandSourceSection, DnsSourceConfig, DnsSourceSection, FileSourceSection, HttpSourceConfig,
    HttpSourceSection, PatroniSourceSection, SourceConfig, Whom,
};
pub use self::template::{DefaultsSection, Resulting, Share, resulting};
use super::{
    Networks, ServerConfig,
    read::{Conversion, Faults, Field, Value, Whole, one_of, parsed, section},
    server,
    words::Words,
};
use crate::{
    discovery::{Exclusion, Mode, NameHint, Published, Rules, SourceKind},
    duration::{self, written},
    engine::{ClusterKind, MayWrite},
};

section! {
    /// Servers that come and go by themselves.
    DiscoverySection = "[cluster.discovery]" {
        /// Who names servers.
        sources: Vec<Spanned<SourceKind>>,
        /// What becomes of a server that has proven its kinship.
        mode: Mode = Mode::Propose,
        /// Where servers may be.
        networks: Networks,
        /// Which address of a server is published.
        publish: Published = Published::Probed,
        /// Who is left alone: names, addresses and networks.
        exclude: Vec<Spanned<Excluded>>,
        /// How large a cluster may become by itself.
        max_servers: Whole<usize> [1..=100] = MAX_SERVERS,
        /// How often sources are asked. A second is as fast as servers are probed.
        interval: Duration [Duration::from_secs(1)..=Duration::from_secs(3600)]
            = Duration::from_secs(5),
        /// How long a server is gone until it is removed: longer than a host takes to be mended.
        forget_after: ForgetAfter,
        /// Whether a server that was found may be the writer.
        may_write: MayWrite = MayWrite::SeenFollowing,
        /// What newcomers get.
        rule: Vec<Spanned<RuleSection>>,
        /// How the source `file` is asked.
        file: FileSourceSection,
        /// How the source `command` is asked.
        command: CommandSourceSection,
        /// How the source `dns` is asked.
        dns: DnsSourceSection,
        /// How the source `http` is asked.
        http: HttpSourceSection,
        /// How the source `patroni` is asked.
        patroni: PatroniSourceSection,
        /// How the source `kubernetes` is asked.
        kubernetes: KubernetesSourceSection,
    }
}

/// How the servers of one cluster are discovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryConfig {
    /// The rules for what is found.
    pub rules: Rules,
    /// How each source is asked that is not the members themselves.
    pub sources: Vec<Arc<SourceConfig>>,
    /// Whether a server that was found may be the writer.
    pub may_write: MayWrite,
    /// All of it is the template's.
    pub by_template: Share,
}

/// How long a server is gone until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetAfter(Option<Duration>);

/// An entry of `exclude`.
#[derive(Clone, Debug)]
pub struct Excluded(Exclusion);

one_of! { SourceKind,
    "a list of \"replication\", \"patroni\", \"dns\", \"kubernetes\", \"file\", \"http\" and \
     \"command\"",
    "replication" => Self::Replication,
    "patroni" => Self::Patroni,
    "http" => Self::Http,
    "dns" => Self::Dns,
    "kubernetes" => Self::Kubernetes,
    "file" => Self::File,
    "command" => Self::Command,
}

one_of! { Mode, "\"propose\" or \"join\"",
    "propose" => Self::Propose,
    "join" => Self::Join,
}

one_of! { Published, "\"probed\" or \"reported\"",
    "probed" => Self::Probed,
    "reported" => Self::Reported,
}

one_of! { MayWrite, "\"seen-following\", \"never\" or \"any\"",
    "seen-following" => Self::SeenFollowing,
    "never" => Self::Never,
    "any" => Self::Always,
}

impl Value for ForgetAfter {
    const KIND: &'static str = "a duration with a unit";
    const FORM: &'static str = "\"never\", or a time from \"10s\" to \"30d\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            if text == "never" {
                return Ok(Self(None));
            }
            let time = duration::parse(text).map_err(|error| format!("= {text:?} {error}"))?;
            match FORGET_AFTER.contains(&time) {
                true => Ok(Self(Some(time))),
                false => Err(format!("= {text:?} is out of range")),
            }
        })
    }
}

impl Value for Excluded {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a list of names and networks, as in [\"db9\", \"10.0.9.0/24\"]";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            if let Some(network) = network(text) {
                return Ok(Self(Exclusion::Network(network)));
            }
            let is_name = NameHint::reduced(text)
                .is_some_and(|hint| hint.as_str() == text.to_ascii_lowercase().replace('_', "-"));
            match is_name {
                true => {
                    Ok(Self(Exclusion::Name(text.to_ascii_lowercase().replace('_', "-").into())))
                }
                false => Err(format!("= {text:?} is neither a server's name nor a network")),
            }
        })
    }
}

/// What stands around the section.
pub struct Around<'a> {
    pub kind: Option<ClusterKind>,
    pub servers: &'a [ServerConfig],
    /// Good replies until a replica is back.
    pub rise: u32,
    /// Some server is asked itself.
    pub asks_servers: bool,
}

/// The settings; `None` without the section, or once a fault has been reported.
pub fn convert(
    resulting: &Resulting,
    around: &Around<'_>,
    conversion: &mut Conversion<'_>,
) -> Option<DiscoveryConfig> {
    let Field::Given(section) = &resulting.section else {
        return None;
    };
    let (place, section) = (section.span(), section.get_ref());
    if around.kind == Some(ClusterKind::Tcp) {
        let what = "[cluster.discovery] has no effect here: \"tcp\" servers say nothing that \
                    could prove that they belong to the cluster";
        conversion.faults.add(place, what, "remove it");
        return None;
    }
    if !around.asks_servers && resulting.by_template == Share::All {
        return None;
    }
    if !around.asks_servers {
        let what = "[cluster.discovery] has no effect here: no server is asked itself";
        conversion.faults.add(place.clone(), what, "add \"database\" to the `checks`");
    }
    if section.publish() == Published::Reported && around.kind == Some(ClusterKind::Postgres) {
        let what = "`publish` = \"reported\": PostgreSQL has no setting that says by which \
                    address clients reach it";
        let at = section.publish.span().unwrap_or_else(|| place.clone());
        conversion.faults.add(at, what, "remove it: the address that was probed is published");
    }
    let mode = section.mode();
    let is_postgres = around.kind.is_none_or(|kind| kind == ClusterKind::Postgres);
    let named = sources(&section.sources, is_postgres, conversion);
    let networks = networks(&section.networks, (mode, &named), &place, conversion);
    let interval = section.interval(conversion);
    let asked = sources::convert(section, &named, interval, conversion);
    let exclude = section.exclude.given().into_iter().flatten();
    let rules = Rules {
        kind: around.kind?,
        port: match around.servers.first() {
            Some(first) => first.port,
            None => server::usual_port(around.kind?)?,
        },
        sources: named,
        mode,
        networks,
        publish: section.publish(),
        exclude: exclude.map(|excluded| excluded.get_ref().0.clone()).collect(),
        max_servers: section.max_servers(conversion),
        interval,
        forget_after: section.forget_after.given().map_or(Some(FORGOTTEN_AFTER), |after| after.0),
        rise: around.rise,
        attributes: attributes(&section.rule, conversion),
    };
    let by_template = resulting.by_template;
    Some(DiscoveryConfig { rules, sources: asked, may_write: section.may_write(), by_template })
}

fn sources(
    field: &Field<Vec<Spanned<SourceKind>>>,
    is_postgres: bool,
    conversion: &mut Conversion<'_>,
) -> Vec<SourceKind> {
    let Some(list) = field.given_with_place() else {
        return vec![SourceKind::Replication];
    };
    let mut sources: Vec<SourceKind> = Vec::new();
    for source in list.get_ref() {
        let kind = *source.get_ref();
        if kind == SourceKind::Patroni && !is_postgres {
            let what = "\"patroni\" in `sources`: Patroni runs PostgreSQL and nothing else";
            conversion.faults.add(source.span(), what, "remove it");
        }
        if sources.contains(&kind) {
            conversion.faults.add(
                source.span(),
                format!("`sources` names \"{kind}\" twice"),
                "name it once",
            );
        }
        sources.push(kind);
    }
    if sources.is_empty() {
        let advice = "name at least one, or remove the section";
        conversion.faults.add(list.span(), "`sources` is an empty list", advice);
    }
    sources
}

/// Where servers may be. Nobody joins by itself who could be anywhere, and what others name is
/// contacted nowhere else.
fn networks(
    field: &Field<Networks>,
    (mode, sources): (Mode, &[SourceKind]),
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<Box<[IpNet]>> {
    match field {
        Field::Given(networks) => match networks.get_ref() {
            Networks::Only(networks) => Some(networks.clone()),
            Networks::All => Some(EVERYWHERE.map(|text| text.parse().expect("a network")).into()),
            Networks::Nobody => {
                let what = "`networks` = \"none\" lets nobody in";
                conversion.faults.add(networks.span(), what, "name the networks of the servers");
                None
            }
        },
        Field::Faulty => None,
        Field::Absent => {
            if mode == Mode::Join {
                conversion.faults.add(
                    place.clone(),
                    "mode = \"join\" needs `networks`: nobody joins by itself who could be \
                     anywhere",
                    WHEREVER,
                );
            } else if let Some(named) =
                sources.iter().find(|source| **source != SourceKind::Replication)
            {
                let what = format!(
                    "the source \"{named}\" needs `networks`: what it names is contacted there and \
                     nowhere else"
                );
                conversion.faults.add(place.clone(), what, WHEREVER);
            }
            None
        }
    }
}

/// What a reload says of it.
pub fn changes(was: Option<&DiscoveryConfig>, is: Option<&DiscoveryConfig>, words: &mut Words) {
    match (was, is) {
        (None, None) => {}
        (None, Some(_)) => words.add("servers are discovered"),
        (Some(_), None) => words.add("servers are no longer discovered"),
        (Some(was), Some(is)) => {
            let forget = |config: &DiscoveryConfig| {
                config.rules.forget_after.map_or_else(|| "never".to_owned(), written)
            };
            words.setting("discovery ", "mode", (&was.rules.mode, &is.rules.mode));
            words.setting("discovery ", "publish", (&was.rules.publish, &is.rules.publish));
            words.setting("discovery ", "interval", (&was.rules.interval, &is.rules.interval));
            words.setting(
                "discovery ",
                "max_servers",
                (&was.rules.max_servers, &is.rules.max_servers),
            );
            words.setting("discovery ", "forget_after", (&forget(was), &forget(is)));
            words.setting("discovery ", "may_write", (&was.may_write, &is.may_write));
            let rest = |config: &DiscoveryConfig| {
                let Rules { sources, networks, exclude, attributes, .. } = config.rules.clone();
                (sources, networks, exclude, attributes)
            };
            if was.sources != is.sources {
                words.add("discovery asks its sources otherwise");
            }
            if rest(was) != rest(is) {
                words.add("discovery looks elsewhere, or gives newcomers something else");
            }
        }
    }
}

/// What to do about `networks` that are missing.
const WHEREVER: &str = "add networks = [\"10.0.0.0/8\"], or wherever the servers are";

/// A reboot is over in less; who is gone for a month is gone.
const FORGET_AFTER: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(30 * 24 * 3600);

/// An hour: longer than a restart or a failover, shorter than a list of servers that nobody knows.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// What `networks = "all"` stands for.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];
