//! What `EndpointSlices` say (`discovery.k8s.io/v1`): a list of them, and the changes that a watch tells.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    discovery::{FINDS_MAX, Find, FindHost, NameHint, SourceKind, SourceReply},
    plain_text::start_of_line,
    sources::targets::labels,
};

/// The slices of one service.
#[derive(Debug, Default)]
pub struct Slices {
    /// By their names. A slice without a name, which no API server has, has a number.
    known: BTreeMap<Box<str>, Slice>,
    /// What a list is too long for comes in further parts, which nobody has asked for.
    is_part: bool,
    /// As of when they are, in the API server's words; empty when it has not said so in words that
    /// a URL may have.
    version: Box<str>,
}

/// What one slice names.
#[derive(Debug, Default)]
struct Slice {
    finds: Vec<Find>,
    /// Why that is not all of it.
    missing: Option<&'static str>,
}

/// What a line of a watch comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Slices have changed.
    Changed,
    /// Nothing has: time has passed.
    Nothing,
    /// What has changed since is not known any more: they are to be listed anew.
    Gone,
    /// It is no line of a watch.
    Odd,
}

impl Slices {
    /// The slices that a list has, on the port of this name.
    ///
    /// # Errors
    ///
    /// Why it is no list of slices.
    pub fn listed(octets: &[u8], port: Option<&str>) -> Result<Self, String> {
        let list: Value = serde_json::from_slice(octets).map_err(|error| error.to_string())?;
        let items = list.get("items").and_then(Value::as_array).ok_or("no `items`")?;
        let is_part = list.pointer("/metadata/continue").and_then(Value::as_str);
        let is_part = is_part.is_some_and(|more| !more.is_empty());
        let mut slices = Self { is_part, ..Self::default() };
        for (number, item) in items.iter().enumerate() {
            let name = name(item).map_or_else(|| number.to_string().into(), Box::from);
            slices.put(name, item, port);
        }
        slices.note_version(&list);
        Ok(slices)
    }

    /// Whether a watch can tell what changes from now on: all of them are known, and as of when.
    pub fn is_watchable(&self) -> bool {
        !self.is_part && !self.version.is_empty()
    }

    /// As of when they are, in the API server's words, which a URL may have.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Takes in a line of a watch.
    pub fn hear(&mut self, line: &[u8], port: Option<&str>) -> Told {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return Told::Odd };
        let Some(object) = event.get("object") else { return Told::Odd };
        let told = match (event.get("type").and_then(Value::as_str), name(object)) {
            (Some("ADDED" | "MODIFIED"), Some(name)) => {
                self.put(name.into(), object, port);
                Told::Changed
            }
            (Some("DELETED"), Some(name)) => {
                self.known.remove(name);
                Told::Changed
            }
            (Some("BOOKMARK"), _) => Told::Nothing,
            // "Expired", in the words of the Kubernetes API, and whatever else ends a watch.
            (Some("ERROR"), _) => return Told::Gone,
            _ => return Told::Odd,
        };
        self.note_version(object);
        // Nobody has so many: what follows is not looked at.
        if self.known.len() > FINDS_MAX { Told::Gone } else { told }
    }

    /// The servers that they name.
    pub fn reply(&self) -> SourceReply {
        let mut missing = self.is_part.then_some("only a part of the slices");
        let mut finds = Vec::new();
        for slice in self.known.values() {
            missing = missing.or(slice.missing);
            finds.extend_from_slice(&slice.finds);
        }
        SourceReply::of(finds, missing.map(|why| start_of_line(why, 63)).as_deref())
    }

    fn put(&mut self, name: Box<str>, slice: &Value, port: Option<&str>) {
        self.known.remove(&name);
        let room = self.known.values().map(|known| known.finds.len()).sum();
        self.known.insert(name, Slice::read(slice, port, FINDS_MAX.saturating_sub(room)));
    }

    fn note_version(&mut self, of: &Value) {
        let Some(version) = of.pointer("/metadata/resourceVersion").and_then(Value::as_str) else {
            return;
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = version.len() <= VERSION_CHARS && version.chars().all(is_plain);
        self.version = if fits { version.into() } else { Box::default() };
    }
}

impl Slice {
    /// At most `room` servers of a slice.
    fn read(slice: &Value, port: Option<&str>, room: usize) -> Self {
        let mut read = Self::default();
        let port = match number(slice, port) {
            Ok(port) => port,
            Err(why) => return Self { missing: Some(why), ..read },
        };
        let endpoints = slice.get("endpoints").and_then(Value::as_array);
        for endpoint in endpoints.into_iter().flatten() {
            match find(endpoint, port) {
                Some(find) if read.finds.len() < room => read.finds.push(find),
                Some(_) => _ = read.missing.get_or_insert("more servers than are looked at"),
                None => _ = read.missing.get_or_insert("an endpoint without an address"),
            }
        }
        read
    }
}

/// What an object is called.
fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name").and_then(Value::as_str).filter(|name| name.len() <= NAME_CHARS)
}

/// Characters of a name of Kubernetes' (RFC 1123).
const NAME_CHARS: usize = 253;

/// Characters of a version. Those of etcd are numbers.
const VERSION_CHARS: usize = 64;

/// The number of a slice's port: of this name, or of its only one. One without any has the port of the
/// first server.
fn number(slice: &Value, wanted: Option<&str>) -> Result<Option<u16>, &'static str> {
    let ports = slice.get("ports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let port = match (wanted, ports) {
        (None, []) => return Ok(None),
        (None, [port]) => port,
        (None, _) => return Err("several ports in a slice: say which, as `port`"),
        (Some(wanted), ports) => {
            let is_wanted =
                |port: &&Value| port.get("name").and_then(Value::as_str) == Some(wanted);
            ports.iter().find(is_wanted).ok_or("a slice without the port that is named")?
        }
    };
    let number = port.get("port").and_then(Value::as_u64);
    let number = number.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    number.map(Some).ok_or("a port that is none")
}

/// An endpoint has one address, whatever the length of its list (Kubernetes API, `Endpoint`).
fn find(endpoint: &Value, port: Option<u16>) -> Option<Find> {
    let address = endpoint.pointer("/addresses/0")?.as_str()?;
    let host = match address.parse() {
        Ok(address) => FindHost::Address(address),
        Err(_) => FindHost::Name(address.into()),
    };
    let text = |place: &str| endpoint.pointer(place).and_then(Value::as_str);
    let name = text("/targetRef/name").or_else(|| text("/hostname")).and_then(NameHint::reduced);
    let labels = labels(Some(&json!({"zone": text("/zone"), "node": text("/nodeName")})));
    Some(Find { source: SourceKind::Kubernetes, name, host, port, labels })
}

#[cfg(test)]
mod tests;
