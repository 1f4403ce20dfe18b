//! The pods of a Kubernetes service: its `EndpointSlices` (`discovery.k8s.io/v1`).
//!
//! Whether a pod is ready, serving or about to end is not looked at: a primary that Kubernetes thinks ill of
//! may be the one that takes writes, and what a server is, it says itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{AskError, http, targets::labels};
use crate::{
    config::{ClusterConfig, HttpSourceConfig, KubernetesSourceConfig, POD_FILES, Secret},
    discovery::{FINDS_MAX, Find, FindHost, NameHint, SourceKind, SourceReply},
    plain_text::start_of_line,
};

/// What the API server says of the slices of `source`, within `time`.
///
/// # Errors
///
/// [`AskError::File`] for the token or the namespace of this pod, [`AskError::Http`],
/// [`AskError::HttpStatus`], [`AskError::Kubernetes`], [`AskError::Slices`], [`AskError::Deadline`].
pub async fn ask(
    cluster: &ClusterConfig,
    source: &KubernetesSourceConfig,
    time: Duration,
) -> Result<SourceReply, AskError> {
    let namespace = match &source.namespace {
        Some(namespace) => namespace.to_string(),
        None => line(&Path::new(POD_FILES).join("namespace"))?,
    };
    let token = source.token_file.as_deref().map(line).transpose()?.map(Secret::new);
    let path = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices\
         ?labelSelector=kubernetes.io%2Fservice-name%3D{}",
        source.service
    );
    let (target, tls) = (source.target.clone(), source.tls.clone());
    let request = HttpSourceConfig { target, path: path.into(), tls, token };
    match http::get(cluster, &request, time).await {
        Ok(octets) => slices(&octets, source.port.as_deref()),
        Err(AskError::HttpStatus(status @ (401 | 403))) => Err(AskError::Kubernetes(status)),
        Err(error) => Err(error),
    }
}

/// A file of one line. These lie in memory, and reading them waits for nobody.
fn line(path: &Path) -> Result<String, AskError> {
    let fault = |source: io::Error| AskError::File { path: PathBuf::from(path), source };
    Ok(fs::read_to_string(path).map_err(fault)?.trim().to_owned())
}

/// The servers that a list of slices has, on the port of this name.
fn slices(octets: &[u8], port: Option<&str>) -> Result<SourceReply, AskError> {
    let odd = |what: &str| AskError::Slices(what.to_owned());
    let list: Value =
        serde_json::from_slice(octets).map_err(|error| AskError::Slices(error.to_string()))?;
    let slices = list.get("items").and_then(Value::as_array).ok_or_else(|| odd("no `items`"))?;
    // What a list is too long for comes in further parts, which nobody has asked for.
    let is_part = list.pointer("/metadata/continue").and_then(Value::as_str);
    let mut finds = Vec::new();
    let mut missing = is_part.filter(|more| !more.is_empty()).map(|_| "only a part of the slices");
    for slice in slices {
        let port = match number(slice, port) {
            Ok(port) => port,
            Err(why) => {
                missing.get_or_insert(why);
                continue;
            }
        };
        let endpoints = slice.get("endpoints").and_then(Value::as_array);
        for endpoint in endpoints.into_iter().flatten() {
            match find(endpoint, port) {
                Some(find) if finds.len() < FINDS_MAX => finds.push(find),
                Some(_) => _ = missing.get_or_insert("more servers than are looked at"),
                None => _ = missing.get_or_insert("an endpoint without an address"),
            }
        }
    }
    Ok(SourceReply::of(finds, missing.map(|why| start_of_line(why, 63)).as_deref()))
}

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
