//! hickory-server's request handler: one snapshot, one lookup, one reply.
//!
//! Nothing here waits or locks: the snapshot is an atomic load, the random numbers are the thread's
//! own, and sending puts the octets into the socket's queue.

use async_trait::async_trait;
use hickory_proto::op::{Header, HeaderCounts, MessageType, Metadata, ResponseCode};
use hickory_server::{
    net::runtime::Time,
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
};
use tracing::{debug, trace};

use super::reply::{Reply, no_question};
use crate::publish::Reader;

/// Answers from the published snapshot.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    reader: Reader,
}

impl Handler {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let snapshot = self.reader.load();
        let reply = Reply::new(request, &snapshot.table, &mut rand::rng());
        let none = no_question();
        let sections = reply.sections();
        trace!(client = %request.src(), code = %reply.code(), "reply");
        let message = reply.message(&request.queries, &none, &sections);
        match response_handle.send_response(message).await {
            Ok(info) => info,
            Err(error) => {
                debug!(client = %request.src(), %error, "reply not sent");
                unsent(request)
            }
        }
    }
}

/// What hickory-server counts for a reply that could not be sent.
fn unsent(request: &Request) -> ResponseInfo {
    let mut metadata =
        Metadata::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
    metadata.response_code = ResponseCode::ServFail;
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}
