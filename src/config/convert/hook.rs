//! `[[hook]]`: whom to tell of which changes.

use std::{ops::Range, path::PathBuf, sync::Arc};

use toml::Spanned;

use super::{Conversion, Firsts, probe};
use crate::{
    config::{
        HookAction, HookConfig, TlsMode, WebhookConfig, defaults,
        file::{ClusterSection, HookSection},
        hosts::Label,
        reading::{Field, Section},
        told::HookUrl,
    },
    report::ChangeKind,
};

/// The hooks, in the order of the file; those with a fault are left out.
pub(super) fn hooks(
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
    let timeout = conversion.time(
        &section.timeout,
        "timeout",
        &defaults::HOOK_TIMEOUT_RANGE,
        defaults::HOOK_TIMEOUT,
    );
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
    let [program, arguments @ ..] = &run.get_ref()[..] else {
        let advice = "write the program's path, then its arguments";
        conversion.faults.add(run.span(), "`command` is an empty list", advice);
        return None;
    };
    Some(HookAction::Command {
        program: conversion.path(&PathBuf::from(program.get_ref())),
        arguments: arguments.iter().map(|argument| argument.get_ref().as_str().into()).collect(),
    })
}

fn webhook(
    section: &HookSection,
    url: &HookUrl,
    place: Range<usize>,
    conversion: &mut Conversion<'_>,
) -> WebhookConfig {
    let advice = "store the secret alone, as one line of UTF-8";
    let secret = section
        .secret_file
        .given_with_place()
        .and_then(|file| conversion.content(file, probe::secret, advice));
    let tls = match (url.https, &section.ca_file) {
        (false, ca_file) => {
            conversion.useless(ca_file, "ca_file", "only https:// checks a certificate");
            TlsMode::Disable
        }
        (true, Field::Given(file)) => {
            TlsMode::VerifyFull { authorities: probe::certificates(file, conversion) }
        }
        (true, Field::Faulty) => TlsMode::Disable,
        (true, Field::Absent) => {
            let what = "`webhook` by https without `ca_file`";
            let advice = "add ca_file = \"/etc/ssl/certs/ca-certificates.crt\", or the file of \
                          your own authority";
            conversion.faults.add(place, what, advice);
            TlsMode::Disable
        }
    };
    WebhookConfig { target: url.target.clone(), path: url.path.as_str().into(), tls, secret }
}

/// Names in a message; there may be ten thousand.
const CLUSTERS_SHOWN: usize = 8;
