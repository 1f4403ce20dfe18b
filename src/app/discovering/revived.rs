//! Servers that were removed and may be taken in again.

use tokio::sync::oneshot;
use tracing::info;

use crate::control::{Done, OrderError, Signed};

/// Whether discovery takes a server in again, once all who were asked have answered.
pub async fn revived(
    server: &str,
    author: &str,
    asked: Vec<oneshot::Receiver<bool>>,
) -> Result<Done, OrderError> {
    let mut is_known = false;
    for answer in asked {
        is_known |= answer.await.unwrap_or(false);
    }
    if !is_known {
        return Err(OrderError::refused(format!(
            "no server {server} was removed in a cluster that discovers its servers; `pointsman \
             discover` shows those that were"
        )));
    }
    let author = Signed::new(author, "");
    info!(event = "discovery", %server, "may be taken in again, by {author}");
    Ok(Done {
        done: format!("{server} is taken in again once it has proven that it belongs"),
        warnings: Vec::new(),
    })
}
