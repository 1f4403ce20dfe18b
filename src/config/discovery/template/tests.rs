//! What comes of a template and of clusters with sections of their own.

use std::{path::Path, time::Duration};

use super::Share;
use crate::{
    config::{Config, System, Whom},
    discovery::{Mode, SourceKind},
};

/// Clusters of these engines with these sections, below `defaults`.
fn config(defaults: &str, clusters: &[(&str, &str)]) -> Config {
    let mut text = format!("[[zone]]\norigin = \"internal.\"\n\n{defaults}\n");
    for (number, (engine, discovery)) in (1..).zip(clusters) {
        let probe = if *engine == "tcp" { "" } else { "probe = { user = \"pointsman\" }" };
        text += &format!(
            "[[cluster]]\nname = \"c{number}\"\nengine = \"{engine}\"\n\
             write = {{ name = \"w{number}.internal.\" }}\n{probe}\n\
             server = [{{ name = \"a{number}\", address = \"10.0.0.{number}\", port = 5432 }}]\n\
             {discovery}\n"
        );
    }
    Config::from_text(&text, Path::new("/nowhere/pointsman.toml"), &System)
        .unwrap_or_else(|error| panic!("{error}"))
}

const TEMPLATE: &str = r#"
[discovery.template]
sources = ["replication", "patroni", "kubernetes"]
mode = "join"
networks = ["10.0.0.0/8"]
interval = "7s"
exclude = ["db9"]

[discovery.template.patroni]
port = 8009

[discovery.template.kubernetes]
service = "databases"
namespace = "shop"
url = "http://127.0.1.8:8001"

[discovery.template.file]
path = "nobody-asks"
"#;

#[test]
fn the_keys_of_a_cluster_win_and_the_template_fills_the_rest() {
    let own = "[cluster.discovery]\nmode = \"propose\"\nexclude = []\n\
               [cluster.discovery.kubernetes]\nservice = \"orders\"";
    let config = config(TEMPLATE, &[("postgres", own), ("postgres", "")]);
    let discovery = config.clusters[0].discovery.as_ref().expect("it has a section");
    let rules = &discovery.rules;
    let sources = [SourceKind::Replication, SourceKind::Patroni, SourceKind::Kubernetes];
    assert_eq!((rules.mode, &rules.sources[..]), (Mode::Propose, &sources[..]));
    assert_eq!((rules.interval, rules.exclude.len()), (Duration::from_secs(7), 0));
    assert_eq!(discovery.by_template, Share::Rest);
    let mut whom = discovery.sources.iter().map(|source| &source.whom);
    assert!(whom.any(|whom| matches!(whom, Whom::Patroni { port: 8009, .. })));
    let mut whom = discovery.sources.iter().map(|source| &source.whom);
    let of = whom.find_map(|whom| match whom {
        Whom::Kubernetes(slices) => Some((&*slices.service, slices.namespace.as_deref())),
        _ => None,
    });
    assert_eq!(of, Some(("orders", Some("shop"))));
    assert!(config.clusters[1].discovery.is_none(), "a default makes nobody take part");
}

#[test]
fn all_take_part_who_can_if_that_is_said() {
    let all = format!("[discovery]\nclusters = \"all\"\n{TEMPLATE}");
    let asks_nobody = "[cluster.probe]\nchecks = [\"patroni\"]\n[cluster.probe.patroni]";
    let clusters = [("postgres", ""), ("mysql", ""), ("tcp", "")];
    let config = config(&all, &clusters);
    let sources = |index: usize| {
        let discovery = config.clusters[index].discovery.as_ref();
        discovery
            .map(|discovery| (discovery.rules.sources.len(), discovery.by_template == Share::All))
    };
    // Patroni runs no MySQL.
    assert_eq!([sources(0), sources(1), sources(2)], [Some((3, true)), Some((2, true)), None]);
    let cluster = "[[cluster]]\nname = \"c\"\nengine = \"postgres\"\n\
                   write = { name = \"w.internal.\" }\n\
                   server = [{ name = \"a\", address = \"10.0.0.9\" }]";
    let zone = "[[zone]]\norigin = \"internal.\"";
    let text = format!("{zone}\n{all}\n{cluster}\n{asks_nobody}");
    let asks_nobody = Config::from_text(&text, Path::new("/nowhere/pointsman.toml"), &System);
    let asks_nobody = asks_nobody.unwrap_or_else(|error| panic!("{error}"));
    assert!(asks_nobody.clusters[0].discovery.is_none());
    let shown = config.clusters[1].discovery.as_ref().map(ToString::to_string);
    assert_eq!(
        shown.as_deref(),
        Some(
            "sources replication, kubernetes; mode join; networks 10.0.0.0/8; interval 7s; \
             max_servers 16; forget_after 1h; may_write seen-following; all by the template"
        )
    );
}

#[test]
fn a_template_of_nothing_is_that_of_the_defaults() {
    let config = config("[discovery]\nclusters = \"all\"", &[("mysql", "")]);
    let discovery = config.clusters[0].discovery.as_ref().expect("all take part");
    assert_eq!(discovery.rules.sources, [SourceKind::Replication]);
    assert_eq!(discovery.rules.networks, None);
}
