//! `[admin]`: the operator's access.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::{Spanned, de::DeValue};

use super::{
    dns::Listeners,
    read::{
        self, ConfigError, Conversion, Faults, Field, Firsts, HostName, Label, Protected, System,
        Value, one_of, section,
    },
    text::text,
};
use crate::wall_time::WallTime;

section! {
    /// The operator's access.
    AdminSection = "[admin]" {
        /// Socket of the CLI.
        socket: PathBuf,
        /// Address and port of the status page and the API.
        http: SocketAddr,
        /// The token that changes over HTTP need.
        token_file: PathBuf,
        /// Names by which clients call us over HTTP.
        hosts: Vec<Spanned<HostName>>,
        /// Where changes by people are written down.
        audit_file: PathBuf,
        /// Tokens with a name.
        token: Vec<Spanned<TokenSection>>,
    }
}

section! {
    /// A token with a name, for one person or program.
    TokenSection = "[[admin.token]]" {
        /// Who has it: the author of what is changed with it.
        name: String,
        /// The file that holds it.
        file: PathBuf,
        /// What it is good for.
        scope: Scope,
        /// Of which clusters.
        clusters: Vec<Spanned<Label>>,
        /// Its end.
        until: Until,
    }
}

/// How operators look in and give commands. Every part is off unless it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminConfig {
    /// Unix socket of the command line; access by file permissions.
    pub socket: Option<PathBuf>,
    /// Address and port of the status page, the API and the metrics.
    pub http: Option<SocketAddr>,
    /// File with the token that changes over HTTP need. It need not exist yet when the
    /// configuration is read.
    pub token_file: Option<PathBuf>,
    /// Host names by which clients may call us over HTTP, in lower case and without a dot at their
    /// end. Addresses and `localhost` need not be named.
    pub hosts: Vec<Box<str>>,
    /// File to which every change by people is appended.
    pub audit_file: Option<PathBuf>,
    /// Tokens with names, in the order of the file; no two have one name or one file.
    pub tokens: Vec<TokenConfig>,
}

/// A token with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenConfig {
    /// Who has it: one line of 1 to 100 characters.
    pub name: Box<str>,
    /// The file that holds it. It need not exist yet when the configuration is read.
    pub file: PathBuf,
    /// What it is good for.
    pub scope: Scope,
    /// Of which clusters.
    pub clusters: Clusters,
    /// From then on it is good for nothing; `None` when it has no end.
    pub until: Option<WallTime>,
}

/// What somebody may do over TCP. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// See what is not for everybody: who is connected to a server.
    View,
    /// Create overrides and end them; have servers probed.
    Operate,
    /// Say whose history counts, add and remove servers, read the configuration again, write it.
    Admin,
}

/// The clusters that somebody may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clusters {
    /// Every one, those that are still to come too.
    All,
    /// Those with these names, in any case of letters. A name of no cluster gives nothing.
    Only(Arc<[Box<str>]>),
}

impl Clusters {
    /// Whether the cluster of this name is one of them.
    pub fn contain(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        }
    }
}

one_of! { Scope, "\"view\", \"operate\" or \"admin\"",
    "view" => Self::View,
    "operate" => Self::Operate,
    "admin" => Self::Admin,
}

/// The first moment after the end of a token: a day lasts to its end in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Until(WallTime);

impl Value for Until {
    const KIND: &'static str = "a day or a time";
    const FORM: &'static str =
        "a day, as in \"2027-01-31\", or a time, as in \"2027-01-31T18:00:00Z\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            // TOML has days and times of its own, without quotes.
            DeValue::Datetime(time) => time.to_string(),
            _ => {
                Self::wrong_type(key, value, faults);
                return None;
            }
        };
        let day = WallTime::parse(&format!("{text}T00:00:00Z"));
        let end = day.map(|day| WallTime::from_unix_millis(day.unix_millis() + DAY_MILLIS));
        let until = end.or_else(|| WallTime::parse(&text));
        if until.is_none() {
            let what = format!("`{key}` = {text:?} is no day and no time with an offset");
            faults.add(value.span(), what, format!("write {}", Self::FORM));
        }
        until.map(Self)
    }
}

impl AdminConfig {
    /// Reads `[admin]` of the file at `path`, and neither the rest of it nor any other file: who
    /// only gives commands need not be able to read passwords.
    ///
    /// # Errors
    ///
    /// Every fault of `[admin]`, or that the file cannot be read or is no TOML.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = text(path)?;
        let mut faults = Faults::new(path, &text);
        let Some(section) = read::admin(&text, &mut faults) else {
            return Err(ConfigError::new(faults.into_sorted()));
        };
        let mut conversion = Conversion::new(path, &System, faults);
        let admin = convert(&section, &mut Listeners::new(&Field::Faulty), &mut conversion);
        conversion.finish(admin)
    }
}

/// `[admin]`, which may be left out.
pub fn convert(
    field: &Field<AdminSection>,
    listeners: &mut Listeners,
    conversion: &mut Conversion<'_>,
) -> AdminConfig {
    let Some(section) = field.given() else {
        return AdminConfig::default();
    };
    if let Field::Given(http) = &section.http {
        listeners.take_one(*http.get_ref(), http.span(), conversion);
    }
    let token_file = section.token_file.given().map(|path| conversion.path(path));
    if let Some(file) = &token_file {
        conversion.protect(file, Protected::Secret);
    }
    let hosts = section.hosts.given().map_or(&[][..], Vec::as_slice).iter();
    AdminConfig {
        socket: section.socket.given().map(|path| conversion.path(path)),
        http: section.http.given().copied(),
        token_file,
        hosts: hosts.map(|host| host.get_ref().0.to_string()).map(bare).collect(),
        audit_file: section.audit_file.given().map(|path| conversion.path(path)),
        tokens: tokens(section, conversion),
    }
}

/// All `[[admin.token]]`, as far as they are whole.
fn tokens(section: &AdminSection, conversion: &mut Conversion<'_>) -> Vec<TokenConfig> {
    let mut names = Firsts::default();
    let mut files = Firsts::default();
    if let Some(place) = section.token_file.span()
        && let Some(file) = section.token_file.given()
    {
        _ = files.earlier(conversion.path(file), place);
    }
    let given = section.token.given().map_or(&[][..], Vec::as_slice);
    if let (Some(beyond), Some(place)) = (given.get(MOST_TOKENS), section.token.span()) {
        let what = format!("there are more than {MOST_TOKENS} tokens");
        let place = if beyond.span().is_empty() { place } else { beyond.span() };
        conversion.faults.add(place, what, "remove those that nobody uses");
    }
    given.iter().filter_map(|one| token(one, &mut names, &mut files, conversion)).collect()
}

fn token(
    one: &Spanned<TokenSection>,
    names: &mut Firsts<String>,
    files: &mut Firsts<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> Option<TokenConfig> {
    const TITLE: &str = "[[admin.token]]";
    let (section, place) = (one.get_ref(), one.span());
    let name = conversion.required(&section.name, &place, (TITLE, "name = \"ann\"")).cloned();
    let file = conversion.required(&section.file, &place, (TITLE, "file = \"ann.token\"")).cloned();
    let scope = (TITLE, "scope = \"operate\"");
    let scope = conversion.required(&section.scope, &place, scope).copied();
    if let (Some(name), Some(place)) = (&name, section.name.span()) {
        if name.trim() != name || name.chars().count() > NAME_CHARS {
            let what = "`name` of a token begins or ends with a blank, or is too long";
            let advice = format!("write one line of at most {NAME_CHARS} characters");
            conversion.faults.add(place, what, advice);
        } else if names.earlier(name.to_lowercase(), place.clone()).is_some() {
            let what = format!("another token is of {name:?}, too");
            let advice = "give each its own name, so that authors can be told apart";
            conversion.faults.add(place, what, advice);
        }
    }
    let path = file.map(|file| conversion.path(&file));
    if let (Some(path), Some(place)) = (&path, section.file.span()) {
        conversion.protect(path, Protected::Secret);
        if files.earlier(path.clone(), place.clone()).is_some() {
            let what = format!("`{}` is the file of another token, too", path.display());
            conversion.faults.add(place, what, "give each token its own file");
        }
    }
    let clusters = match section.clusters.given() {
        None => Clusters::All,
        Some(list) => {
            if let (true, Some(place)) = (list.is_empty(), section.clusters.span()) {
                let what = "`clusters` of a token names none";
                conversion.faults.add(place, what, "name clusters, or leave it out for all");
            }
            Clusters::Only(list.iter().map(|name| name.get_ref().0.as_str().into()).collect())
        }
    };
    let until = section.until.given().map(|Until(until)| *until);
    Some(TokenConfig { name: name?.into(), file: path?, scope: scope?, clusters, until })
}

/// A host name as clients send it: the dot at its end is left out.
fn bare(name: String) -> Box<str> {
    name.trim_end_matches('.').into()
}

/// The keys that differ and are only read at the start.
pub fn differing(was: &AdminConfig, is: &AdminConfig) -> Vec<&'static str> {
    let keys = [
        ("[admin] socket", was.socket != is.socket),
        ("[admin] http", was.http != is.http),
        ("[admin] token_file", was.token_file != is.token_file),
        ("[admin] hosts", was.hosts != is.hosts),
        ("[admin] audit_file", was.audit_file != is.audit_file),
        ("[[admin.token]]", was.tokens != is.tokens),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

/// Milliseconds of a day in UTC.
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// Characters of a token's name: as many as an author has.
const NAME_CHARS: usize = 100;

/// Tokens with names: each is a file that is read at a change.
const MOST_TOKENS: usize = 64;
