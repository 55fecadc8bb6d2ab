//! `[traces]`: where a trace of each call is sent.

use std::collections::BTreeMap;

use crate::config::layers::Node;
use crate::config::model::Traces;
use crate::config::problem::Problems;
use crate::config::read::Section;
use crate::config::webhooks::has_credentials;

/// `None` where no address is given: nothing is sent.
pub(super) fn traces(
    node: &Node,
    variables: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Option<Traces> {
    let mut s = Section::new("traces", node, problems);
    let url = s.some_text("url");
    let token = s.secret("token", variables);
    let traces = match url {
        Some(url) => address(&mut s, &url).then_some(Traces { url, token }),
        None => {
            if token.is_some() {
                s.problem(
                    "token",
                    "needs url beside it",
                    "url = \"http://127.0.0.1:4318/v1/traces\"",
                );
            }
            None
        }
    };
    s.finish();
    traces
}

fn address(s: &mut Section<'_, '_>, url: &str) -> bool {
    let is_https = url.starts_with("https://");
    let help = "write \"http://127.0.0.1:4318/v1/traces\", as collectors have it";
    if !is_https && !url.starts_with("http://") {
        s.problem("url", "must begin with http:// or https://", help);
        return false;
    }
    if url.parse::<ureq::http::Uri>().is_err() {
        s.problem("url", "is no address", help);
        return false;
    }
    if has_credentials(url) {
        let help = "token, token_file or token_env: it is sent as `Authorization: Bearer`";
        s.problem("url", "must hold no user and password", help);
        return false;
    }
    if is_https && cfg!(not(feature = "tls")) {
        s.problem("url", "https needs a build with the feature tls", "");
    }
    true
}
