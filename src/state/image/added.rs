//! A server that was added at run time, as it is saved.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::AddedServer;

/// Its fields, the same as in the configuration.
#[derive(Serialize, Deserialize)]
#[serde(remote = "AddedServer")]
struct Added {
    cluster: String,
    name: String,
    address: String,
    author: String,
}

#[derive(Serialize)]
struct Written<'a>(#[serde(with = "Added")] &'a AddedServer);

#[derive(Deserialize)]
struct Read(#[serde(with = "Added")] AddedServer);

pub fn serialize<S: Serializer>(
    servers: &Arc<[AddedServer]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(servers.iter().map(Written))
}

pub fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<[AddedServer]>, D::Error> {
    let servers = Vec::<Read>::deserialize(deserializer)?;
    Ok(servers.into_iter().map(|Read(server)| server).collect())
}
