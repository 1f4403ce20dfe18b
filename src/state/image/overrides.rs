//! An override, as it is saved.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::engine::{Wish, WishKey};

/// One override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideImage {
    /// What kind.
    #[serde(serialize_with = "write_kind", deserialize_with = "read_kind")]
    pub kind: WishKey<()>,
    /// The server that it is about, if it is about one.
    #[serde(default)]
    pub server: Option<Box<str>>,
    /// A drain of the write name too, or a pin that holds even while the server is not writable.
    pub force: bool,
    /// Who asked for it.
    pub author: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Since when it is in force.
    pub since_ms: u64,
    /// When it ends by itself; `None` for never.
    #[serde(default)]
    pub until_ms: Option<u64>,
}

impl OverrideImage {
    /// What is wished, by the name of its server; `None` when the name is missing.
    pub fn wish(&self) -> Option<Wish<&str>> {
        Wish::new(self.kind, self.server.as_deref(), self.force)
    }
}

fn write_kind<S: Serializer>(kind: &WishKey<()>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kind)
}

fn read_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WishKey<()>, D::Error> {
    let name = String::deserialize(deserializer)?;
    WishKey::parse(&name).ok_or_else(|| D::Error::custom(format!("no kind is called {name:?}")))
}
