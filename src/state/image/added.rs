//! A server that was added at run time, as it is saved.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{AddedServer, FoundServer};

/// Its fields, the same as in the configuration.
#[derive(Serialize, Deserialize)]
#[serde(remote = "AddedServer")]
struct Added {
    cluster: String,
    name: String,
    address: String,
    author: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "found")]
    found: Option<FoundServer>,
}

/// What discovery knows of it.
mod found {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::config::FoundServer;

    #[derive(Serialize, Deserialize)]
    struct Found {
        depth: u8,
        #[serde(default)]
        instance: Option<Box<str>>,
        #[serde(default)]
        priority: Option<u32>,
        #[serde(default)]
        weight: Option<u32>,
    }

    pub fn serialize<S: Serializer>(
        found: &Option<FoundServer>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let found = found.clone().map(|found| {
            let FoundServer { depth, instance, priority, weight } = found;
            Found { depth, instance, priority, weight }
        });
        found.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<FoundServer>, D::Error> {
        let found = Option::<Found>::deserialize(deserializer)?;
        Ok(found.map(|found| {
            let Found { depth, instance, priority, weight } = found;
            FoundServer { depth, instance, priority, weight }
        }))
    }
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
