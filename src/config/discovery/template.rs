//! `[discovery]`: what thousands of clusters need not repeat.

use toml::Spanned;

use super::DiscoverySection;
use crate::{
    config::read::{Field, Section as _, one_of, section},
    discovery::SourceKind,
    engine::ClusterKind,
};

section! {
    /// Discovery of all clusters.
    DefaultsSection = "[discovery]" {
        /// Whose servers are discovered.
        clusters: Whose = Whose::WithSection,
        /// What counts where a cluster's own section says nothing.
        template: DiscoverySection,
    }
}

/// Whose servers are discovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of clusters that have a `[cluster.discovery]`, empty or not.
    WithSection,
    /// Of each cluster that can prove anything.
    All,
}

one_of! { Whose, "\"with-section\" or \"all\"",
    "with-section" => Self::WithSection,
    "all" => Self::All,
}

/// The section of a cluster with whatever the template adds.
#[derive(Clone, Debug)]
pub struct Resulting {
    /// What counts.
    pub section: Field<DiscoverySection>,
    /// How much of it is the template's.
    pub by_template: Share,
}

/// How much the template has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Nothing: there is none.
    Nothing,
    /// Whatever the cluster's own section leaves out.
    Rest,
    /// All: the cluster has no section.
    All,
}

/// What counts for a cluster of `kind` whose section is `own`.
pub fn resulting(
    own: &Field<DiscoverySection>,
    defaults: &Field<DefaultsSection>,
    kind: Option<ClusterKind>,
) -> Resulting {
    let alone = || Resulting { section: own.clone(), by_template: Share::Nothing };
    let Some(defaults) = defaults.given_with_place() else { return alone() };
    let nothing = Field::Given(Spanned::new(defaults.span(), DiscoverySection::default()));
    let template = match &defaults.get_ref().template {
        Field::Absent => &nothing,
        given => given,
    };
    let Some(below) = template.given() else { return alone() };
    match (own, defaults.get_ref().clusters()) {
        (Field::Given(section), _) => {
            let merged = section.get_ref().over(below);
            let merged = fitting(section.get_ref(), merged, kind);
            let section = Field::Given(Spanned::new(section.span(), merged));
            Resulting { section, by_template: Share::Rest }
        }
        (Field::Absent, Whose::All) if kind != Some(ClusterKind::Tcp) => {
            let merged = fitting(&DiscoverySection::default(), below.clone(), kind);
            let place = template.span().unwrap_or_default();
            let section = Field::Given(Spanned::new(place, merged));
            Resulting { section, by_template: Share::All }
        }
        _ => alone(),
    }
}

/// Without what a template says for others: sources that this engine does not have, and how those are
/// asked that the cluster does not ask.
fn fitting(
    own: &DiscoverySection,
    mut merged: DiscoverySection,
    kind: Option<ClusterKind>,
) -> DiscoverySection {
    if let (Field::Given(sources), false) = (&merged.sources, own.sources.is_present())
        && kind.is_some_and(|kind| kind != ClusterKind::Postgres)
    {
        let mut fit = sources.get_ref().clone();
        fit.retain(|source| *source.get_ref() != SourceKind::Patroni);
        merged.sources = Field::Given(Spanned::new(sources.span(), fit));
    }
    // Servers that call themselves nothing are published as they were probed.
    if !own.publish.is_present() && kind == Some(ClusterKind::Postgres) {
        merged.publish = Field::Absent;
    }
    let asked: Vec<_> = match merged.sources.given() {
        Some(sources) => sources.iter().map(|source| *source.get_ref()).collect(),
        None => vec![SourceKind::Replication],
    };
    fn drop_unasked<S>(own: &Field<S>, merged: &mut Field<S>, is_asked: bool) {
        if !own.is_present() && !is_asked {
            *merged = Field::Absent;
        }
    }
    let asks = |kind| asked.contains(&kind);
    drop_unasked(&own.file, &mut merged.file, asks(SourceKind::File));
    drop_unasked(&own.http, &mut merged.http, asks(SourceKind::Http));
    drop_unasked(&own.command, &mut merged.command, asks(SourceKind::Command));
    drop_unasked(&own.dns, &mut merged.dns, asks(SourceKind::Dns));
    drop_unasked(&own.patroni, &mut merged.patroni, asks(SourceKind::Patroni));
    drop_unasked(&own.kubernetes, &mut merged.kubernetes, asks(SourceKind::Kubernetes));
    merged
}

#[cfg(test)]
mod tests;
