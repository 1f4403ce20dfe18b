//! `[cluster.probe]`: how to ask, with the password and the authorities that it names.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use toml::Spanned;

use super::{Conversion, pem};
use crate::{
    config::{
        ProbeConfig, Secret, TlsMode, defaults,
        file::ProbeSection,
        reading::{Field, Section},
        values::{TlsWord, VariableName},
    },
    duration::written,
    engine::{ClusterKind, Thresholds},
};

/// How to probe a cluster of `kind`, if that is known, in which some server is asked itself if
/// `database`, and when its evidence turns into a
/// judgement. `None` once a fault has been reported.
pub(super) fn convert(
    kind: Option<ClusterKind>,
    database: bool,
    field: &Field<ProbeSection>,
    cluster: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<(ProbeConfig, Thresholds)> {
    let Field::Given(section) = field else {
        let probe_needed = !field.is_present() && kind.is_some_and(|kind| kind != ClusterKind::Tcp);
        if probe_needed {
            conversion.faults.add(
                cluster.clone(),
                "the cluster has no [cluster.probe]",
                "add it with user = \"pointsman\" and the password's source",
            );
        }
        return (kind == Some(ClusterKind::Tcp)).then(for_tcp);
    };
    let (place, section) = (section.span(), section.get_ref());
    let times = Times::read(section, conversion);
    let fall = conversion.number(&section.fall, "fall", defaults::STREAK, defaults::FALL);
    let rise = conversion.number(&section.rise, "rise", defaults::STREAK, defaults::RISE);
    match kind {
        Some(ClusterKind::Tcp) => no_login(section, "\"tcp\" probes only connect", conversion),
        Some(ClusterKind::Postgres) if !database => {
            no_login(section, "no server has \"database\" in its `checks`", conversion);
        }
        Some(ClusterKind::MySql) => {
            let reason = "MySQL and MariaDB are asked without a database";
            conversion.useless(&section.database, "database", reason);
        }
        Some(ClusterKind::Postgres) | None => {}
    }
    if database && kind.is_some_and(|kind| kind != ClusterKind::Tcp) {
        let example = (ProbeSection::TITLE, "user = \"pointsman\"");
        conversion.required(&section.user, &place, example);
    }
    let default_database = match kind {
        Some(ClusterKind::Postgres) => defaults::POSTGRES_DATABASE,
        _ => "",
    };
    let config = ProbeConfig {
        user: section.user.given().map_or("", String::as_str).into(),
        password: match kind {
            Some(ClusterKind::Tcp) => None,
            _ => {
                let fields = PasswordFields {
                    file: &section.password_file,
                    env: &section.password_env,
                    credential: &section.password_credential,
                };
                password(&fields, conversion)
            }
        },
        database: section.database.given().map_or(default_database, String::as_str).into(),
        tls: match kind {
            Some(ClusterKind::Tcp) => TlsMode::Disable,
            _ => tls(&section.tls, &section.ca_file, TlsWord::Prefer, conversion),
        },
        interval: times.interval,
        fast_interval: times.fast_interval,
        timeout: times.timeout,
        heartbeat_write: *section.heartbeat_write.given().unwrap_or(&false),
    };
    Some((config, times.thresholds(fall, rise)))
}

/// A connect and nothing else, at the default cadence.
fn for_tcp() -> (ProbeConfig, Thresholds) {
    let times = Times::default();
    let config = ProbeConfig {
        user: "".into(),
        password: None,
        database: "".into(),
        tls: TlsMode::Disable,
        interval: times.interval,
        fast_interval: times.fast_interval,
        timeout: times.timeout,
        heartbeat_write: false,
    };
    (config, times.thresholds(defaults::FALL, defaults::RISE))
}

/// Reports what a probe that does not log in cannot use.
fn no_login(section: &ProbeSection, reason: &str, conversion: &mut Conversion<'_>) {
    conversion.useless(&section.user, "user", reason);
    conversion.useless(&section.password_file, "password_file", reason);
    conversion.useless(&section.password_env, "password_env", reason);
    conversion.useless(&section.password_credential, "password_credential", reason);
    conversion.useless(&section.database, "database", reason);
    conversion.useless(&section.tls, "tls", reason);
    conversion.useless(&section.ca_file, "ca_file", reason);
    conversion.useless(&section.heartbeat_write, "heartbeat_write", reason);
}

/// The cadence of probes.
struct Times {
    interval: Duration,
    fast_interval: Duration,
    timeout: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            interval: defaults::INTERVAL,
            fast_interval: defaults::FAST_INTERVAL,
            timeout: defaults::TIMEOUT,
        }
    }
}

impl Times {
    fn read(section: &ProbeSection, conversion: &mut Conversion<'_>) -> Self {
        let range = &defaults::INTERVAL_RANGE;
        let interval = conversion.time(&section.interval, "interval", range, defaults::INTERVAL);
        let fast_interval = conversion.time(
            &section.fast_interval,
            "fast_interval",
            range,
            defaults::FAST_INTERVAL.min(interval),
        );
        if let (Some(place), true) = (section.fast_interval.span(), fast_interval > interval) {
            let (fast, calm) = (written(fast_interval), written(interval));
            conversion.faults.add(
                place,
                format!("`fast_interval` = \"{fast}\" is longer than `interval` = \"{calm}\""),
                "make it shorter: it is the cadence while in doubt",
            );
        }
        let timeout = conversion.time(
            &section.timeout,
            "timeout",
            &defaults::TIMEOUT_RANGE,
            defaults::TIMEOUT,
        );
        let most = defaults::INTERVALS_PER_TIMEOUT * interval;
        let place = section.timeout.span().or_else(|| section.interval.span());
        if let (Some(place), true) = (place, timeout > most) {
            let (timeout, calm) = (written(timeout), written(interval));
            let times = defaults::INTERVALS_PER_TIMEOUT;
            conversion.faults.add(
                place,
                format!("`timeout` = \"{timeout}\" is over {times} times `interval` = \"{calm}\""),
                "lower `timeout` or raise `interval`: a due probe waits for the one before it",
            );
        }
        Self { interval, fast_interval, timeout }
    }

    fn thresholds(&self, fall: u32, rise: u32) -> Thresholds {
        Thresholds {
            fall,
            rise,
            stale_after: defaults::stale_after(self.interval, self.timeout),
            first_round: defaults::first_round(self.timeout),
        }
    }
}

/// The keys of which one names the source of a password.
pub(super) struct PasswordFields<'a> {
    pub(super) file: &'a Field<PathBuf>,
    pub(super) env: &'a Field<VariableName>,
    pub(super) credential: &'a Field<PathBuf>,
}

/// The password from the one source that is named; `None` when none is, or once a fault has been
/// reported.
pub(super) fn password(
    fields: &PasswordFields<'_>,
    conversion: &mut Conversion<'_>,
) -> Option<Secret> {
    let sources = [
        ("password_file", fields.file.span()),
        ("password_env", fields.env.span()),
        ("password_credential", fields.credential.span()),
    ];
    let mut given = sources.into_iter().filter_map(|(key, span)| Some((key, span?)));
    let (first, place) = given.next()?;
    if let Some((second, place)) = given.next() {
        conversion.faults.add(
            place,
            format!("`{second}` beside `{first}`: the password has one source"),
            "keep one of them",
        );
    }
    let octets = if let Some(path) = fields.file.given() {
        password_file(&conversion.path(path), &place, conversion)?
    } else if let Some(name) = fields.env.given() {
        let Some(value) = conversion.sources.variable(&name.0) else {
            conversion.faults.add(
                place,
                format!("the environment variable `{}` is not set", name.0),
                "set it to the password, or name another source",
            );
            return None;
        };
        value.into_encoded_bytes().into()
    } else {
        let name = fields.credential.given()?;
        password_credential(name, &place, conversion)?
    };
    match secret(&octets) {
        Ok(secret) => Some(secret),
        Err(what) => {
            let advice = "store the password alone, as one line of UTF-8";
            conversion.faults.add(place, format!("the password of `{first}` {what}"), advice);
            None
        }
    }
}

fn password_file(
    path: &Path,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<Rc<[u8]>> {
    conversion
        .read(path)
        .map_err(|error| {
            conversion.faults.add(
                place.clone(),
                format!("cannot read the password file `{}`: {error}", path.display()),
                "create it, readable for Pointsman alone, or correct the path",
            );
        })
        .ok()
}

/// A credential that systemd has put into its folder for this service (systemd.exec(5),
/// `LoadCredential=`).
fn password_credential(
    name: &Path,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<Rc<[u8]>> {
    if name.components().count() != 1 || name.file_name().is_none() {
        conversion.faults.add(
            place.clone(),
            "`password_credential` is a path",
            "write the credential's name alone, as in LoadCredential=name:path",
        );
        return None;
    }
    let Some(folder) = conversion.sources.variable("CREDENTIALS_DIRECTORY") else {
        conversion.faults.add(
            place.clone(),
            "there is no credentials folder: CREDENTIALS_DIRECTORY is not set",
            "add LoadCredential= to the systemd unit, or use `password_file`",
        );
        return None;
    };
    password_file(&Path::new(&folder).join(name), place, conversion)
}

/// The password or other secret in `octets`, without the line end that editors add.
pub(super) fn secret(octets: &[u8]) -> Result<Secret, &'static str> {
    let text = str::from_utf8(octets).map_err(|_| "is not UTF-8")?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line {
        "" => Err("is empty"),
        line if line.contains(['\n', '\r', '\0']) => Err("has more than one line"),
        line => Ok(Secret::new(line)),
    }
}

/// The mode of `tls`; `ca_file` belongs to `verify-full` and to nothing else.
pub(super) fn tls(
    tls: &Field<TlsWord>,
    ca_file: &Field<PathBuf>,
    default: TlsWord,
    conversion: &mut Conversion<'_>,
) -> TlsMode {
    let word = tls.given().copied().unwrap_or(default);
    if word != TlsWord::VerifyFull && !matches!(tls, Field::Faulty) {
        let reason = "only tls = \"verify-full\" checks the certificate";
        conversion.useless(ca_file, "ca_file", reason);
    }
    match word {
        TlsWord::Disable => TlsMode::Disable,
        TlsWord::Prefer => TlsMode::Prefer,
        TlsWord::Require => TlsMode::Require,
        TlsWord::VerifyFull => {
            TlsMode::VerifyFull { authorities: authorities(tls, ca_file, conversion) }
        }
    }
}

/// The certificates in `ca_file`; none once a fault has been reported.
fn authorities(
    tls: &Field<TlsWord>,
    ca_file: &Field<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> Arc<[Vec<u8>]> {
    let Field::Given(file) = ca_file else {
        if let (false, Some(place)) = (ca_file.is_present(), tls.span()) {
            conversion.faults.add(
                place,
                "`tls` = \"verify-full\" without `ca_file`",
                "add ca_file = \"ca.pem\" with the authorities of the servers' certificates",
            );
        }
        return Arc::default();
    };
    certificates(file, conversion)
}

/// The certificates in a file; none once a fault has been reported.
pub(super) fn certificates(
    file: &Spanned<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> Arc<[Vec<u8>]> {
    let path = conversion.path(file.get_ref());
    if let Some(known) = conversion.authorities.get(&path) {
        return Arc::clone(known);
    }
    let advice = "name a PEM file with one or more BEGIN CERTIFICATE blocks";
    let Some(certificates) = conversion.content(file, pem::certificates, advice) else {
        return Arc::default();
    };
    let found: Arc<[Vec<u8>]> = certificates.iter().map(|one| one.to_vec()).collect();
    conversion.authorities.insert(path, Arc::clone(&found));
    found
}
