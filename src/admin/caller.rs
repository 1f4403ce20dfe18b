//! Who asks, and of what that one may change: made by the guard, taken by whoever changes something.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use super::{
    Operations,
    rejection::{Rejection, shown},
    request::one_line,
};
use crate::{
    config::{Clusters, Scope, TokenConfig},
    control::Signed,
    report::Sought,
};

/// Somebody who has shown a right. A handler that takes one can be reached by nobody else.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `None` for who is known by no more than the right: the Unix socket, `token_file`.
    name: Option<Box<str>>,
    scope: Scope,
    clusters: Clusters,
}

impl Caller {
    /// Somebody without a name who may do everything.
    pub fn unnamed() -> Self {
        Self { name: None, scope: Scope::Admin, clusters: Clusters::All }
    }

    /// Who holds this token.
    pub fn holder(token: &TokenConfig) -> Self {
        Self {
            name: Some(token.name.clone()),
            scope: token.scope,
            clusters: token.clusters.clone(),
        }
    }

    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether this is one for what needs `scope`.
    ///
    /// # Errors
    /// 403, with the scope that is missing.
    pub fn check_scope(&self, needed: Scope) -> Result<(), Rejection> {
        if self.scope >= needed {
            return Ok(());
        }
        Err(self.forbidden(&format!(
            "has the scope {}, and this needs {}",
            word(self.scope),
            word(needed)
        )))
    }

    /// Whether this one may change something about the cluster.
    ///
    /// # Errors
    /// 403, when it is another's.
    pub fn check_cluster(&self, cluster: &str) -> Result<(), Rejection> {
        match self.clusters.contain(cluster) {
            true => Ok(()),
            false => Err(self.forbidden(&format!("is not for the cluster `{}`", shown(cluster)))),
        }
    }

    /// Whether this one may change something about the server. Returns its cluster for who may not
    /// change every one, so that the change is of that one even if the server moves meanwhile.
    ///
    /// # Errors
    /// 403, when it is another's; 404, when there is none.
    pub fn check_server(
        &self,
        operations: &Operations,
        server: &str,
    ) -> Result<Option<Box<str>>, Rejection> {
        if self.clusters == Clusters::All {
            return Ok(None);
        }
        let cluster = operations.cluster_of(server);
        let cluster = cluster.ok_or_else(|| operations.unknown(Sought::Server, server))?;
        if self.clusters.contain(&cluster) {
            return Ok(Some(cluster));
        }
        Err(self.forbidden(&format!(
            "is not for the server `{}` of the cluster `{cluster}`",
            shown(server)
        )))
    }

    /// Whether this one may change what is about every cluster.
    ///
    /// # Errors
    /// 403, when there are clusters that this one may not change.
    pub fn check_all(&self) -> Result<(), Rejection> {
        match self.clusters {
            Clusters::All => Ok(()),
            Clusters::Only(_) => {
                Err(self.forbidden("is for some clusters, and this is about all of them"))
            }
        }
    }

    /// The author of a change: who has a name signs with it and with no other.
    ///
    /// # Errors
    /// 400, when it is no line; 403, when it is somebody else's name.
    pub fn author(&self, given: &str) -> Result<Box<str>, Rejection> {
        let given = one_line("author", given, Signed::AUTHOR_CHARS)?;
        match &self.name {
            Some(name) if *name != given => Err(Rejection::new(
                StatusCode::FORBIDDEN,
                format!(
                    "`author` is `{}`, and this token is of `{name}`; send its name",
                    shown(&given)
                ),
            )),
            _ => Ok(given),
        }
    }

    fn forbidden(&self, why: &str) -> Rejection {
        let who = self.name.as_deref().map_or_else(String::new, |name| format!(" of `{name}`"));
        let error = format!("the token{who} {why}; use another, or the Unix socket");
        Rejection::new(StatusCode::FORBIDDEN, error)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let caller = parts.extensions.get().cloned();
        caller.ok_or_else(|| Rejection::new(StatusCode::FORBIDDEN, "nobody knows who asks"))
    }
}

/// As the configuration writes it.
pub fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::View => "view",
        Scope::Operate => "operate",
        Scope::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scope: Scope, clusters: Clusters) -> Caller {
        Caller { name: Some("ann".into()), scope, clusters }
    }

    #[test]
    fn a_scope_holds_those_before_it_and_no_other() {
        let scopes = [Scope::View, Scope::Operate, Scope::Admin];
        for (place, scope) in scopes.into_iter().enumerate() {
            let caller = caller(scope, Clusters::All);
            for (needed_place, needed) in scopes.into_iter().enumerate() {
                assert_eq!(caller.check_scope(needed).is_ok(), needed_place <= place);
            }
        }
    }

    #[test]
    fn who_is_for_some_clusters_may_touch_those_alone() {
        let ann = caller(Scope::Admin, Clusters::Only(["orders".into()].into()));
        assert!(ann.check_cluster("ORDERS").is_ok());
        for other in ["billing", "order", "orders2", "orders ", ""] {
            assert!(ann.check_cluster(other).is_err(), "{other}");
        }
        assert!(ann.check_all().is_err());
        assert!(caller(Scope::View, Clusters::All).check_all().is_ok());
    }

    #[test]
    fn who_has_a_name_signs_with_no_other() {
        let ann = caller(Scope::Operate, Clusters::All);
        assert_eq!(ann.author(" ann ").as_deref(), Ok("ann"));
        for forged in ["bob", "Ann", "ann2", "an"] {
            assert!(ann.author(forged).is_err(), "{forged}");
        }
        assert_eq!(Caller::unnamed().author("bob").as_deref(), Ok("bob"));
    }
}
