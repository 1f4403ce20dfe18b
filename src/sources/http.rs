//! A service that is asked with one GET. Redirects are replies like any other and are not followed: what
//! is asked is what the operator has written. The connection ends a reply that is longer than a database's
//! may be, 256 KiB.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{AskError, REPLY_MAX};
use crate::{
    config::{ClusterConfig, HttpSourceConfig},
    engine::Failure,
    probe::{HttpClient, HttpLines},
};

/// What `source` replies to a GET for `cluster`, within `time`.
///
/// # Errors
///
/// [`AskError::Http`], [`AskError::HttpStatus`], [`AskError::Deadline`].
pub async fn get(
    cluster: &ClusterConfig,
    source: &HttpSourceConfig,
    time: Duration,
) -> Result<Vec<u8>, AskError> {
    let mut client = client(cluster, source);
    let deadline = Instant::now() + time;
    let asked = timeout_at(deadline, client.get(&source.path, REPLY_MAX, deadline)).await;
    let answer = asked.map_err(|_| AskError::Deadline(time))?.map_err(AskError::Http)?;
    answer.whole().map_err(AskError::HttpStatus)
}

/// What `source` replies to a GET for `cluster`, to be read line by line; its status if that is not 200.
/// To be dropped at its deadline, by which it connects.
///
/// # Errors
///
/// How it failed.
pub async fn lines(
    cluster: &ClusterConfig,
    source: &HttpSourceConfig,
    deadline: Instant,
) -> Result<Result<HttpLines, u16>, Failure> {
    client(cluster, source).lines(&source.path, deadline).await
}

fn client(cluster: &ClusterConfig, source: &HttpSourceConfig) -> HttpClient {
    let probe = Arc::new(cluster.probe.clone());
    let client = HttpClient::new(source.target.clone(), probe, None, &source.tls);
    match &source.token {
        Some(token) => client.with_token(token.clone()),
        None => client,
    }
}
