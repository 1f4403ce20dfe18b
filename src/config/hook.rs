//! `[[hook]]`: who is told of changes.

use std::{ops::Range, path::PathBuf, sync::Arc, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{
    ProbeTarget, Secret, TlsMode,
    cluster::ClusterSection,
    password,
    read::{Conversion, Faults, Field, Firsts, HttpUrl, Label, Section, Value, section},
    tls,
    words::Words,
};
use crate::report::{Change, ChangeKind};

section! {
    /// Who is told of changes.
    HookSection = "[[hook]]" {
        /// Its name in Pointsman.
        name: Label,
        /// The kinds of changes. At least one.
        events: Vec<Spanned<ChangeKind>>,
        /// The clusters whose changes they are, if not all.
        clusters: Vec<Spanned<Label>>,
        /// The program to run and its arguments.
        command: Vec<Spanned<String>>,
        /// Where to POST to.
        webhook: HttpUrl,
        /// File with the secret that signs.
        secret_file: PathBuf,
        /// Authorities for `https`, PEM.
        ca_file: PathBuf,
        /// Deadline of one attempt. Commands that talk to other programs take seconds; shorter than
        /// one second cuts off honest work, and longer than minutes lets events wait too long.
        timeout: Duration [Duration::from_secs(1)..=Duration::from_secs(300)]
            = Duration::from_secs(10),
    }
}

/// One hook: which changes, and what to do about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookConfig {
    /// Its name, unique among the hooks.
    pub name: Box<str>,
    /// The kinds of changes; at least one.
    pub events: Vec<ChangeKind>,
    /// The clusters whose changes they are; all if it is empty.
    pub clusters: Vec<Box<str>>,
    /// What is done.
    pub action: HookAction,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAction {
    /// Runs a program, without a shell.
    Command {
        /// Its file.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<Box<str>>,
    },
    /// Sends a request.
    Webhook(WebhookConfig),
}

/// Where a webhook goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Host and port.
    pub target: ProbeTarget,
    /// Path and query, from `/` on. It may hold a secret: no log shows it.
    pub path: Box<str>,
    /// [`TlsMode::VerifyFull`] for `https`, else [`TlsMode::Disable`].
    pub tls: TlsMode,
    /// What requests are signed with.
    pub secret: Option<Secret>,
}

impl HookConfig {
    /// Whether it wants to be told of `change`. What is about all clusters is about its own, too.
    pub fn wants(&self, change: &Change) -> bool {
        let of_its_clusters = change.cluster.as_deref().is_none_or(|cluster| {
            self.clusters.is_empty()
                || self.clusters.iter().any(|own| own.eq_ignore_ascii_case(cluster))
        });
        of_its_clusters && self.events.contains(&change.kind())
    }
}

/// The hooks, in the order of the file; those with a fault are left out.
pub fn convert(
    field: &Field<Vec<Spanned<HookSection>>>,
    clusters: &Field<Vec<Spanned<ClusterSection>>>,
    conversion: &mut Conversion<'_>,
) -> Vec<Arc<HookConfig>> {
    let known: Option<Vec<&str>> = match clusters {
        Field::Given(list) => {
            let names = list.get_ref().iter().map(|section| section.get_ref().name.given());
            // When one name is not readable, any name may be it.
            names.map(|name| name.map(|label| label.0.as_str())).collect()
        }
        Field::Absent | Field::Faulty => None,
    };
    let mut seen = Firsts::default();
    let sections = field.given().map_or(&[][..], Vec::as_slice).iter();
    sections
        .filter_map(|section| hook(section, known.as_deref(), &mut seen, conversion))
        .map(Arc::new)
        .collect()
}

fn hook(
    section: &Spanned<HookSection>,
    known: Option<&[&str]>,
    seen: &mut Firsts<String>,
    conversion: &mut Conversion<'_>,
) -> Option<HookConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let name = name(section, &place, seen, conversion);
    let events = events(section, &place, conversion);
    let clusters = clusters(&section.clusters, known, conversion);
    let action = action(section, &place, conversion);
    let timeout = section.timeout(conversion);
    Some(HookConfig { name: name?, events, clusters, action: action?, timeout })
}

fn name(
    section: &HookSection,
    place: &Range<usize>,
    seen: &mut Firsts<String>,
    conversion: &mut Conversion<'_>,
) -> Option<Box<str>> {
    let example = (HookSection::TITLE, "name = \"pools\"");
    let Label(name) = conversion.required(&section.name, place, example)?;
    let at = section.name.span()?;
    if let Some(earlier) = seen.earlier(name.to_ascii_lowercase(), at.clone()) {
        let line = conversion.faults.line(&earlier);
        let what = format!("the hook \"{name}\" is already on line {line}");
        conversion.faults.add(at, what, "give it another name");
    }
    Some(name.as_str().into())
}

fn events(
    section: &HookSection,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Vec<ChangeKind> {
    let example = (HookSection::TITLE, "events = [\"write_changed\", \"no_writer\"]");
    conversion.required(&section.events, place, example);
    let Some(list) = section.events.given_with_place() else {
        return Vec::new();
    };
    if list.get_ref().is_empty() {
        let advice = "name at least one kind of event";
        conversion.faults.add(list.span(), "`events` is an empty list", advice);
    }
    let mut kinds = Vec::new();
    for item in list.get_ref() {
        match kinds.contains(item.get_ref()) {
            true => {
                let what = format!("{:?} twice in `events`", item.get_ref().name());
                conversion.faults.add(item.span(), what, "name every kind once");
            }
            false => kinds.push(*item.get_ref()),
        }
    }
    kinds
}

fn clusters(
    field: &Field<Vec<Spanned<Label>>>,
    known: Option<&[&str]>,
    conversion: &mut Conversion<'_>,
) -> Vec<Box<str>> {
    let Some(list) = field.given_with_place() else {
        return Vec::new();
    };
    if list.get_ref().is_empty() {
        let advice = "name at least one cluster, or remove it: then it is for all";
        conversion.faults.add(list.span(), "`clusters` is an empty list", advice);
    }
    let mut names: Vec<Box<str>> = Vec::new();
    for item in list.get_ref() {
        let Label(name) = item.get_ref();
        if names.iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
            let what = format!("{name:?} twice in `clusters`");
            conversion.faults.add(item.span(), what, "name every cluster once");
        } else if let Some(known) = known
            && !known.iter().any(|cluster| cluster.eq_ignore_ascii_case(name))
        {
            let what = format!("there is no cluster {name:?}");
            let shown: Vec<_> = known.iter().take(CLUSTERS_SHOWN).copied().collect();
            let more = if known.len() > CLUSTERS_SHOWN { ", ..." } else { "" };
            let advice = format!("there are: {}{more}", shown.join(", "));
            conversion.faults.add(item.span(), what, advice);
        }
        names.push(name.as_str().into());
    }
    names
}

/// The one of the two that is there.
fn action(
    section: &HookSection,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<HookAction> {
    if let (true, Some(place)) = (section.command.is_present(), section.webhook.span()) {
        let what = "`webhook` beside `command`: a hook does one thing";
        conversion.faults.add(place, what, "make it a [[hook]] of its own");
        return None;
    }
    if !section.command.is_present() && !section.webhook.is_present() {
        let what = "the hook has neither `command` nor `webhook`";
        let advice = "add command = [\"/usr/local/bin/tell\"] or webhook = \"https://host/path\"";
        conversion.faults.add(place.clone(), what, advice);
        return None;
    }
    match &section.webhook {
        Field::Given(url) => {
            Some(HookAction::Webhook(webhook(section, url.get_ref(), url.span(), conversion)))
        }
        Field::Faulty => None,
        Field::Absent => command(section, conversion),
    }
}

fn command(section: &HookSection, conversion: &mut Conversion<'_>) -> Option<HookAction> {
    conversion.useless(&section.secret_file, "secret_file", "only webhooks are signed");
    conversion.useless(&section.ca_file, "ca_file", "only webhooks by https check a certificate");
    let run = section.command.given_with_place()?;
    let (program, arguments) = conversion.program(run.get_ref(), ("command", run.span()))?;
    Some(HookAction::Command {
        program,
        arguments: arguments.iter().map(|argument| argument.get_ref().as_str().into()).collect(),
    })
}

fn webhook(
    section: &HookSection,
    url: &HttpUrl,
    place: Range<usize>,
    conversion: &mut Conversion<'_>,
) -> WebhookConfig {
    let advice = "store the secret alone, as one line of UTF-8";
    let secret = section
        .secret_file
        .given_with_place()
        .and_then(|file| conversion.secret_content(file, password::secret, advice));
    let tls = tls::of_url(url.https, ("webhook", place), &section.ca_file, conversion);
    WebhookConfig { target: url.target.clone(), path: url.path.as_str().into(), tls, secret }
}

/// What a reload says of the hooks.
pub fn changes(before: &[Arc<HookConfig>], after: &[Arc<HookConfig>], words: &mut Words) {
    let named = |hooks: &[Arc<HookConfig>], name: &str| {
        hooks.iter().find(|known| known.name.eq_ignore_ascii_case(name)).cloned()
    };
    for hook in after {
        match named(before, &hook.name) {
            None => words.add(format!("hook {} is new", hook.name)),
            Some(known) if known != *hook => words.add(format!("hook {} differs", hook.name)),
            Some(_) => {}
        }
    }
    for hook in before {
        if named(after, &hook.name).is_none() {
            words.add(format!("hook {} is gone", hook.name));
        }
    }
}

impl Value for ChangeKind {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a list of the kinds of events, as in [\"write_changed\"]";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let text = value.get_ref().as_str();
        let known = text.and_then(|text| Self::ALL.into_iter().find(|kind| kind.name() == text));
        if known.is_some() {
            return known;
        }
        let Some(text) = text else {
            Self::wrong_type(key, value, faults);
            return None;
        };
        let advice = format!("known here: {}", Self::ALL.map(Self::name).join(", "));
        faults.add(value.span(), format!("`{key}` = {text:?} is not known"), advice);
        None
    }
}

/// Names in a message; there may be ten thousand.
const CLUSTERS_SHOWN: usize = 8;
