//! Telnyx's conferences: legs enter and leave them one by one.
//!
//! **Invariant:** a leg that enters one leaves its bridge; one that leaves it is parked. A
//! conference without legs is none, and its name is free.
//!
//! **Deliberately absent:** conferences that hang up those who are left.

use serde_json::{Value, json};

use super::{Did, Platform, Refused, UNKNOWN};

/// As published.
const NAME_IS_TAKEN: Refused = Refused { status: 422, code: "90033" };
/// Assumed: Telnyx publishes neither that it refuses these, nor by which number.
const IS_IN: Refused = Refused { status: 422, code: "90000" };
const IS_NOT_IN: Refused = Refused { status: 422, code: "90000" };

pub(super) fn is_about_conference(name: &str) -> bool {
    matches!(name, "conference" | "join" | "leave")
}

/// Leg and action of a command, by its path; where it is about a conference, `name` in its body is
/// which one.
pub(crate) fn addressed(path: &str, body: &mut Value) -> (String, String) {
    let text = |body: &Value, name: &str| body[name].as_str().expect("a leg").to_owned();
    let (kind, action) = match path.strip_prefix("/v2/").and_then(|rest| rest.split_once('/')) {
        Some((kind, rest)) => (kind, rest.split_once("/actions/")),
        None => (path.strip_prefix("/v2/").unwrap_or(path), None),
    };
    match (kind, action) {
        ("calls", None) => (text(body, "link_to"), "dial".to_owned()),
        ("calls", Some((leg, name))) => (decoded(leg), name.to_owned()),
        ("conferences", None) => (text(body, "call_control_id"), "conference".to_owned()),
        ("conferences", Some((conference, name))) => {
            assert_eq!(body["name"], Value::Null, "the path has it: {body}");
            body["name"] = decoded(conference).into();
            (text(body, "call_control_id"), name.to_owned())
        }
        other => panic!("no command: {path}: {other:?}"),
    }
}

fn decoded(text: &str) -> String {
    text.replace("%3A", ":")
}

impl Platform {
    pub(super) fn act_in_conference(
        &mut self,
        leg: &str,
        name: &str,
        body: &Value,
    ) -> Result<(), Refused> {
        let conference = body["name"].as_str().expect("a conference").to_owned();
        let is_in = self.lines[leg].conference.as_ref() == Some(&conference);
        let is_there =
            self.lines.values().any(|line| line.conference.as_ref() == Some(&conference));
        match name {
            "leave" if !is_there => return Err(UNKNOWN),
            "leave" if !is_in => return Err(IS_NOT_IN),
            "leave" => {
                self.leaves(leg);
                return Ok(());
            }
            "join" if !is_there => return Err(UNKNOWN),
            "join" if is_in => return Err(IS_IN),
            "conference" if is_there => return Err(NAME_IS_TAKEN),
            _ => {}
        }
        assert_eq!(body["beep_enabled"], "never", "{body}");
        self.leaves(leg);
        self.line(leg).conference = Some(conference.clone());
        self.unbridges(leg);
        let about = json!({"conference_id": conference});
        if name == "conference" {
            self.tell(leg, "conference.created", &about);
        }
        self.did.push_back(Did::Enters { reference: leg.to_owned(), conference });
        self.tell(leg, "conference.participant.joined", &about);
        Ok(())
    }

    /// Out of the conference it is in.
    pub(super) fn leaves(&mut self, leg: &str) {
        let Some(conference) = self.line(leg).conference.take() else { return };
        let about = json!({"conference_id": conference});
        self.tell(leg, "conference.participant.left", &about);
        if self.lines.values().all(|line| line.conference.as_ref() != Some(&conference)) {
            self.tell(leg, "conference.ended", &about);
        }
        self.did.push_back(Did::Leaves { reference: leg.to_owned(), conference });
    }

    /// The provider's own doing: it lets everybody out.
    pub(crate) fn ends_conference(&mut self, conference: &str) {
        let is_in = |(name, line): (&String, &super::Line)| {
            (line.conference.as_deref() == Some(conference)).then(|| name.clone())
        };
        let legs: Vec<String> = self.lines.iter().filter_map(is_in).collect();
        legs.iter().for_each(|leg| self.leaves(leg));
    }
}
