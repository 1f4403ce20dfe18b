//! The URL of a service that is asked or told by HTTP.

use toml::{Spanned, de::DeValue};

use super::{Faults, Value, host_port, is_url_path, parsed};
use crate::config::ProbeTarget;

/// A URL by `http` or `https`, without user and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether it is `https`.
    pub https: bool,
    /// Host and port; 80 or 443 where the URL has none.
    pub target: ProbeTarget,
    /// Path and query, from `/` on.
    pub path: String,
}

impl Value for HttpUrl {
    const KIND: &'static str = "a URL in quotes";
    const FORM: &'static str = "a URL, as in \"https://host.example/path\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        // The value is not shown: some services hide a secret in the path.
        parsed(key, value, faults, |text| {
            url(text).ok_or_else(|| {
                "is not http:// or https:// with a host and a path, without user and fragment"
                    .into()
            })
        })
    }
}

/// Scheme, host, port and path (RFC 3986 section 3).
fn url(text: &str) -> Option<HttpUrl> {
    let (scheme, rest) = text.split_once("://")?;
    let (https, usual_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (false, 80),
        "https" => (true, 443),
        _ => return None,
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    // An IPv6 address stands between brackets in a URL.
    if authority.matches(':').count() > 1 && !authority.starts_with('[') {
        return None;
    }
    let host = host_port(authority).filter(|_| is_url_path(&path))?;
    let target = ProbeTarget { host: host.host, port: host.port.unwrap_or(usual_port) };
    Some(HttpUrl { https, target, path })
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_have_a_scheme_a_host_and_a_path() {
        let shown =
            |text| url(text).map(|url| format!("{} {} {}", url.https, url.target, url.path));
        for (text, expected) in [
            ("https://chat.example/hooks/7?x=1", "true chat.example:443 /hooks/7?x=1"),
            ("HTTP://10.0.0.1", "false 10.0.0.1:80 /"),
            ("http://[::1]:8080/x", "false [::1]:8080 /x"),
            ("http://h:1?x", "false h:1 /?x"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected));
        }
        for odd in [
            "",
            "chat.example/x",
            "ftp://h/",
            "http://",
            "http:///x",
            "http://u@h/",
            "http://h/#x",
            "http://h:0/",
            "http://::1/",
            "http://h/a b",
            "http://h:x/",
            "http://[::1/",
        ] {
            assert_eq!(shown(odd), None, "{odd:?}");
        }
    }
}
