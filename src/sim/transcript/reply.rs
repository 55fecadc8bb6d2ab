//! Services in a scene: what they are asked, and what they answer when the script says so.
//!
//! **Invariant:** a reply is about the question that was asked last, also where nobody waits for it
//! any more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::id::{AskId, LegId};
use crate::sim::transcript::scene::Scene;
use crate::sim::transcript::script::Act;
use crate::time::Timestamp;
use crate::words::{AskFailure, Event, HttpMethod, HttpQuestion, Question, Reply, Take};

impl Scene {
    /// The line for a question, which is kept until the next one.
    pub(super) fn asks(&mut self, id: AskId, what: Question) -> String {
        let Question::Http(http) = what;
        let method = match http.method {
            HttpMethod::Get => "get",
            HttpMethod::Post => "post",
        };
        let body = match &http.body {
            Some(_) if http.is_secret => " with a secret".to_owned(),
            Some(body) => format!(" with {body}"),
            None => String::new(),
        };
        let line =
            format!("{} asks {method} {}{body}", self.name(LegId::caller(id.call)), http.url);
        self.asked = Some((id, http));
        line
    }

    pub(super) fn service_acts(&mut self, at: Timestamp, act: &Act) -> Result<(), String> {
        let Some((id, http)) = &self.asked else { return Err("nobody has asked".to_owned()) };
        let id = *id;
        let reply = match act {
            Act::Reply(Some(values)) => found(http, values)?,
            Act::Reply(None) => Reply::Nothing,
            Act::Fail(_) => Reply::Failed { why: AskFailure::Unreachable },
            Act::Call(_)
            | Act::Press(_)
            | Act::Say(_)
            | Act::HangUp
            | Act::Answer
            | Act::Hold
            | Act::Resume
            | Act::Ask(_)
            | Act::LosePhone => return Err("a service cannot do that".to_owned()),
        };
        self.tell(at, Event::Replied { id, reply });
        Ok(())
    }
}

/// What was asked for and is not named is not there.
fn found(http: &HttpQuestion, values: &BTreeMap<String, Value>) -> Result<Reply, String> {
    let asked = |name: &str| http.take.iter().any(|take| *take.name == *name);
    if let Some(other) = values.keys().find(|name| !asked(name)) {
        return Err(format!("nobody asked for `{other}`"));
    }
    let value = |take: &Take| {
        let name = take.name.to_string();
        let value = values.get(&name).cloned().unwrap_or_default();
        (name, value)
    };
    let withheld = http.take.iter().filter(|take| take.is_secret);
    let withheld: BTreeSet<String> = withheld.map(|take| take.name.to_string()).collect();
    Ok(Reply::Found { values: http.take.iter().map(value).collect(), withheld })
}
