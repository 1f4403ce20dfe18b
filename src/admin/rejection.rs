//! Why a request is not carried out, as a status and `{"error": "what is wrong; what to do"}`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::reply::refuse;
use crate::{
    control::{OrderError, Refusal},
    report::Unknown,
};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    status: StatusCode,
    error: String,
}

impl Rejection {
    /// With this status (RFC 9110 section 15.5) and these words.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }

    /// A request that cannot be understood.
    pub fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// The service cannot do it now.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = refuse(self.status, &self.error);
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750 section 3.
            let challenge = HeaderValue::from_static("Bearer realm=\"pointsman\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Unknown(_) => StatusCode::NOT_FOUND,
            Refusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<Unknown> for Rejection {
    fn from(unknown: Unknown) -> Self {
        Self::new(StatusCode::NOT_FOUND, unknown.to_string())
    }
}

impl From<OrderError> for Rejection {
    fn from(error: OrderError) -> Self {
        let status = match error {
            OrderError::Refused(_) => StatusCode::CONFLICT,
            OrderError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

/// A client's word as it may stand in a log or on a terminal: short, and in one line.
pub fn shown(word: &str) -> String {
    let word: String = word.chars().take(SHOWN_CHARS).collect();
    word.escape_debug().to_string()
}

/// Characters of a client's word that are repeated: as long as a name may be.
const SHOWN_CHARS: usize = 63;
