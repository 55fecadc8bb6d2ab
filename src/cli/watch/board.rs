//! How things stand at a server, by what it tells: a fold over its events.
//!
//! **Invariant:** a snapshot replaces everything; facts after it change what they are about, and
//! one about something unknown changes nothing.
//!
//! **Deliberately absent:** a clock, and drawing.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::watch::Takes;
use crate::cli::watch::events::Event;

#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) is_draining: bool,
    /// In the order of the configuration.
    pub(super) queues: Vec<String>,
    pub(super) agents: BTreeMap<String, AgentRow>,
    pub(super) calls: BTreeMap<u64, CallLine>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AgentRow {
    /// As the API says it, or [`UNREACHABLE`].
    pub(super) state: String,
    pub(super) reason: Option<String>,
    /// RFC 3339.
    pub(super) since: String,
    pub(super) call: Option<u64>,
    pub(super) queue: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CallLine {
    /// The name that the caller's side shows, or what may be shown of the number.
    pub(super) caller: String,
    pub(super) state: String,
    pub(super) since: String,
    pub(super) queue: Option<String>,
    pub(super) agent: Option<String>,
}

/// One queue, counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct QueueRow<'a> {
    pub(super) name: &'a str,
    pub(super) waiting: usize,
    /// Since when the first of them waits.
    pub(super) since: Option<&'a str>,
    pub(super) ringing: usize,
    pub(super) talking: usize,
}

impl Takes for Board {
    fn take(&mut self, event: &Event) {
        let Event { name, data } = event;
        match name.as_str() {
            "snapshot" => *self = Self::of(data),
            "draining" => self.is_draining = data["is_draining"] == true,
            "roster" => self.queues = names(&data["queues"]),
            "call_began" => {
                let call = CallLine {
                    caller: caller(data),
                    state: "in_flow".to_owned(),
                    since: text(&data["at"]),
                    ..CallLine::default()
                };
                self.calls.insert(number(&data["call"]), call);
            }
            "call_stands" => {
                if let Some(call) = self.calls.get_mut(&number(&data["call"])) {
                    call.state = text(&data["state"]);
                    let since = data["since"].as_str().or(data["at"].as_str());
                    call.since = since.unwrap_or_default().to_owned();
                    call.queue = maybe(&data["waits"]["queue"]);
                    call.agent = maybe(&data["agent"]);
                }
            }
            "closed" => drop(self.calls.remove(&number(&data["call"]))),
            "agent_stands" => {
                self.agents.insert(text(&data["name"]), AgentRow::of(data));
            }
            _ => {} // what happened shows in how things stand
        }
    }
}

impl Board {
    fn of(snapshot: &Value) -> Self {
        let list = |key: &str| snapshot[key].as_array().cloned().unwrap_or_default();
        let agents = list("agents");
        let agents = agents.iter().map(|agent| (text(&agent["name"]), AgentRow::of(agent)));
        let calls = list("calls");
        let calls = calls.iter().map(|call| {
            let shown = CallLine {
                caller: caller(call),
                state: text(&call["state"]),
                since: text(&call["since"]),
                queue: maybe(&call["queue"]),
                agent: maybe(&call["agent"]),
            };
            (number(&call["id"]), shown)
        });
        Self {
            is_draining: snapshot["draining"] == true,
            queues: list("queues").iter().map(|queue| text(&queue["name"])).collect(),
            agents: agents.collect(),
            calls: calls.collect(),
        }
    }

    pub(super) fn count_queues(&self) -> Vec<QueueRow<'_>> {
        let count = |name| {
            let is_here = |queue: &Option<String>| queue.as_deref() == Some(name);
            let mut queue = QueueRow { name, ..QueueRow::default() };
            for call in self.calls.values().filter(|call| is_here(&call.queue)) {
                queue.waiting += 1;
                let since = call.since.as_str();
                queue.since = Some(queue.since.map_or(since, |first| first.min(since)));
            }
            for agent in self.agents.values().filter(|agent| is_here(&agent.queue)) {
                queue.ringing += usize::from(agent.state == "reserved");
                queue.talking += usize::from(agent.state == "talking");
            }
            queue
        };
        self.queues.iter().map(|name| count(name.as_str())).collect()
    }

    /// Those to whom a call could go now: ready, with a telephone that can be reached.
    pub(super) fn ready(&self) -> usize {
        let is_ready = |agent: &&AgentRow| agent.state == "ready";
        self.agents.values().filter(is_ready).count()
    }

    /// The agents by what they do, in the order of [`STATES`]; of those who do the same, who does
    /// it longest first.
    pub(super) fn by_state(&self) -> Vec<(&str, &AgentRow)> {
        let mut agents: Vec<_> = self.agents.iter().map(|(name, it)| (name.as_str(), it)).collect();
        agents.sort_by_key(|(name, agent)| (place(&agent.state), agent.since.as_str(), *name));
        agents
    }

    /// How many agents do what, where there is one.
    pub(super) fn count_states(&self) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for (_, agent) in self.by_state() {
            match counts.last_mut() {
                Some((state, count)) if *state == agent.state => *count += 1,
                Some(_) | None => counts.push((&agent.state, 1)),
            }
        }
        counts
    }
}

/// What agents do: who is free first, who is away last.
const STATES: [&str; 8] = [
    "ready",
    "reserved",
    "talking",
    "after_call_work",
    "on_own_call",
    "not_ready",
    UNREACHABLE,
    "logged_out",
];

/// An agent who is ready, at a telephone that cannot be reached: no call can go there.
const UNREACHABLE: &str = "unreachable";

/// A word that a later server knows comes after those.
fn place(state: &str) -> usize {
    STATES.iter().position(|known| *known == state).unwrap_or(STATES.len())
}

impl AgentRow {
    fn of(data: &Value) -> Self {
        let state = match data["state"].as_str() {
            Some("ready") if data["reachable"] == false => UNREACHABLE,
            state => state.unwrap_or_default(),
        };
        Self {
            state: state.to_owned(),
            reason: maybe(&data["reason"]),
            since: text(&data["since"]),
            call: data["call"].as_u64(),
            queue: maybe(&data["queue"]),
        }
    }
}

/// Of a number that nobody has given a name, no more than tells two callers apart.
fn caller(data: &Value) -> String {
    let (name, from) = (maybe(&data["from_name"]), maybe(&data["from"]));
    name.unwrap_or_else(|| match from {
        None => "withheld".to_owned(),
        Some(from) => {
            let digits = from.chars().count();
            let hidden = |(n, c)| if n > 2 && n + 2 < digits { '•' } else { c };
            from.chars().enumerate().map(hidden).collect()
        }
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::cli::watch) const EIGHT: &str = "2026-11-30T08:00:00.000Z";

    pub(in crate::cli::watch) fn board() -> Board {
        let mut board = Board::default();
        take(
            &mut board,
            "snapshot",
            json!({
                "draining": false,
                "queues": [{"name": "billing"}, {"name": "help"}],
                "agents": [
                    {"name": "ada", "state": "ready", "since": EIGHT, "call": null},
                    {"name": "bob", "state": "not_ready", "reason": "lunch", "since": EIGHT},
                ],
                "calls": [{
                    "id": 41, "from": "+14155550123", "from_name": null, "state": "waiting",
                    "since": EIGHT, "queue": "billing", "agent": null,
                }],
            }),
        );
        board
    }

    fn take(board: &mut Board, name: &str, data: Value) {
        board.take(&Event { name: name.to_owned(), data });
    }

    #[test]
    fn an_agent_whose_telephone_cannot_be_reached_is_not_counted_as_ready() {
        let mut board = board();
        assert_eq!(board.ready(), 1);
        let stands = |reachable: bool| {
            json!({
                "name": "ada",
                "state": "ready",
                "since": EIGHT,
                "reachable": reachable,
            })
        };
        take(&mut board, "agent_stands", stands(false));
        assert_eq!(board.ready(), 0);
        assert_eq!(board.count_states(), [("not_ready", 1), (UNREACHABLE, 1)]);
        take(&mut board, "agent_stands", stands(true));
        assert_eq!(board.ready(), 1);
    }

    #[test]
    fn agents_are_in_the_order_of_what_they_do_and_since_when() {
        let mut board = board();
        for (name, state, minute) in [
            ("cid", "ready", 1),
            ("dan", "talking", 2),
            ("eve", "logged_out", 0),
            ("fay", "after_call_work", 3),
            ("gil", "dreaming", 0),
            ("hal", "ready", 0),
        ] {
            let since = format!("2026-11-30T07:0{minute}:00.000Z");
            take(&mut board, "agent_stands", json!({"name": name, "state": state, "since": since}));
        }
        let names: Vec<&str> = board.by_state().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["hal", "cid", "ada", "dan", "fay", "bob", "eve", "gil"]);
        let counts = board.count_states();
        assert_eq!(counts[..3], [("ready", 3), ("talking", 1), ("after_call_work", 1)]);
        assert_eq!(counts.len(), 6);
    }

    #[test]
    fn facts_change_what_the_snapshot_showed() {
        let mut board = board();
        let began = json!({"at": EIGHT, "call": 42, "from": "x", "from_name": "Ann"});
        take(&mut board, "call_began", began);
        assert_eq!(board.calls[&42].caller, "Ann");
        assert_eq!(board.calls[&41].caller, "+14•••••••23");
        let billing = &board.count_queues()[0];
        assert_eq!((billing.waiting, billing.since), (1, Some(EIGHT)));
        let since = "2026-11-30T08:01:00.000Z";
        let talking = json!({"call": 41, "state": "talking", "since": since, "waits": null,
            "agent": "ada"});
        take(&mut board, "call_stands", talking);
        let busy = json!({"name": "ada", "state": "talking", "since": since, "call": 41,
            "queue": "billing"});
        take(&mut board, "agent_stands", busy);
        let billing = &board.count_queues()[0];
        assert_eq!((billing.waiting, billing.talking, board.ready()), (0, 1, 0));
        take(&mut board, "closed", json!({"call": 41}));
        take(&mut board, "call_stands", json!({"call": 41, "state": "talking"}));
        assert_eq!(board.calls.len(), 1, "what is over is not begun again");
        take(&mut board, "draining", json!({"is_draining": true}));
        assert!(board.is_draining);
    }
}
