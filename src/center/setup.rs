//! What the contact center needs to know before the first call.
//!
//! **Invariant:** everything here was checked by whoever built it: names are unique, numbers are
//! normalized, flows are checked. The center fills in only the queues that flows name by
//! themselves, and gives every name its id ([`Setup::complete`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::acd;
use crate::call::Directory;
use crate::center::names::{Names, Table};
use crate::center::recording_rule::{RecordingPrompt, RecordingRule};
use crate::flow::Flow;
use crate::id::{AgentId, NodeId, QueueId, SkillId};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Whose it is. First, so that a kept one says it in its first bytes.
    #[serde(default, skip_serializing_if = "is_first_node")]
    pub node: NodeId,
    #[serde(with = "crate::center::sources")]
    pub flows: Vec<Arc<Flow>>,
    /// Once [completed](Self::complete), by [`AgentId`], with those who are there no more.
    pub agents: Vec<Agent>,
    /// Once completed, by [`QueueId`], with those that are there no more.
    pub queues: Vec<Queue>,
    /// Every name that ever had an id.
    pub names: Names,
    /// Those of the agents who are there no more.
    pub former_agents: BTreeSet<AgentId>,
    /// Those of the queues that are there no more. Calls whose flow knows them still enter them.
    pub former_queues: BTreeSet<QueueId>,
    /// In order of preference for a transfer that names none.
    pub trunks: BTreeMap<String, Trunk>,
    /// What a provider may dial for its own calls, by its name.
    pub providers: BTreeMap<String, Trunk>,
    /// By their names: agents who cannot take every call.
    pub reachability: BTreeMap<String, Reachability>,
    pub directory: Arc<Directory>,
    /// ISO 3166 region numbers without `+` are read in.
    pub region: String,
    /// What `caller.calls_recent` looks back over.
    pub recent: Duration,
    pub features: Features,
    /// More live calls than this are refused with `CONGESTION`.
    pub calls_max: usize,
    /// More live calls that we began than this are refused.
    #[serde(default)]
    pub outbound_calls_max: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// As in the configuration, in URLs and on records.
    pub name: String,
    pub display_name: Option<String>,
    /// Agents whose figures are read together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    pub skills: Vec<(String, u8)>,
    /// Logged in as soon as the phone can be reached, without a feature code.
    pub auto_login: bool,
    /// And ready too.
    pub auto_ready: bool,
}

impl Agent {
    /// Who is there no more, as far as the name says.
    fn former(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: None,
            team: None,
            skills: Vec::new(),
            auto_login: false,
            auto_ready: false,
        }
    }
}

/// Whose calls can be brought to an agent, where that is not everybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reachability {
    /// This provider's alone: it dials the agent itself.
    Provider(String),
    /// Those of our own telephones and trunks alone.
    Sip,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Queue {
    pub name: String,
    pub acd: acd::QueueSetup,
    /// A caller who leaves the line before an agent answers and returns to it within this time gets
    /// the same place back. Zero: never.
    pub keep_place: Duration,
    /// Answered within this counts for the service level.
    pub service_level: Duration,
    /// Abandons shorter than this are "short" and kept apart.
    pub short_abandon: Duration,
    /// How long after after-call work ended an agent may still say something of the call.
    #[serde(default = "wrap_up_late_max")]
    pub wrap_up_late_max: Duration,
    pub recording: RecordingRule,
    pub recording_prompt: RecordingPrompt,
}

/// The default of a queue, and what holds for calls of none.
pub const WRAP_UP_LATE_MAX: Duration = Duration::from_secs(3600);

const fn wrap_up_late_max() -> Duration {
    WRAP_UP_LATE_MAX
}

impl Queue {
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            acd: acd::QueueSetup::default(),
            keep_place: Duration::from_secs(60),
            service_level: Duration::from_secs(20),
            short_abandon: Duration::from_secs(5),
            wrap_up_late_max: WRAP_UP_LATE_MAX,
            recording: RecordingRule::default(),
            recording_prompt: RecordingPrompt::default(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trunk {
    /// Prefixes in E.164 (`+1415`) this trunk may be sent to. Empty: none.
    pub prefixes: Vec<String>,
}

impl Trunk {
    #[must_use]
    pub fn allows(&self, number: &str) -> bool {
        self.prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
    }
}

/// The codes that agents dial from their own phones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    pub log_in: String,
    pub log_out: String,
    pub ready: String,
    pub not_ready: String,
    /// Ends after-call work; followed by `1` it says resolved, by `2` not resolved.
    pub end_wrap_up: String,
    /// Pressed in a talk: what is not recorded is, what is recorded pauses, what pauses goes on.
    /// Empty: no keys do.
    pub recording_key: String,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            log_in: "*40".to_owned(),
            log_out: "*41".to_owned(),
            ready: "*42".to_owned(),
            not_ready: "*43".to_owned(),
            end_wrap_up: "*44".to_owned(),
            recording_key: "*9".to_owned(),
        }
    }
}

/// A setup of node 0 has the text that it had before there were others.
fn is_first_node(node: &NodeId) -> bool {
    *node == NodeId::default()
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            node: NodeId::default(),
            flows: Vec::new(),
            agents: Vec::new(),
            queues: Vec::new(),
            names: Names::default(),
            former_agents: BTreeSet::new(),
            former_queues: BTreeSet::new(),
            trunks: BTreeMap::new(),
            providers: BTreeMap::new(),
            reachability: BTreeMap::new(),
            directory: Arc::default(),
            region: "US".to_owned(),
            recent: Duration::from_secs(30 * 24 * 60 * 60),
            features: Features::default(),
            calls_max: 10_000,
            outbound_calls_max: 10,
        }
    }
}

impl Setup {
    /// Adds, with default settings, the queues that flows enter without declaring them; gives every
    /// name an id, the next one where it has none; and puts agents and queues at the place of
    /// theirs. Once is as good as twice.
    pub fn complete(&mut self) {
        let declared: BTreeSet<String> =
            self.queues.iter().map(|queue| queue.name.clone()).collect();
        let entered: BTreeSet<String> = self
            .flows
            .iter()
            .flat_map(|flow| flow.queues())
            .map(|used| used.queue.to_string())
            .collect();
        self.queues.extend(entered.difference(&declared).map(|name| Queue::named(name)));
        self.intern();
        let names = &self.names;
        let of_id = |id: Option<AgentId>| id.expect("every agent was given an id");
        let agents = std::mem::take(&mut self.agents).into_iter();
        let mut agents: BTreeMap<AgentId, Agent> =
            agents.map(|agent| (of_id(names.agent(&agent.name)), agent)).collect();
        for (name, id) in names.agents.iter().zip((0..).map(AgentId)) {
            if !agents.contains_key(&id) {
                self.former_agents.insert(id);
            }
            let agent = agents.remove(&id).unwrap_or_else(|| Agent::former(name));
            self.agents.push(agent);
        }
        let of_id = |id: Option<QueueId>| id.expect("every queue was given an id");
        let queues = std::mem::take(&mut self.queues).into_iter();
        let mut queues: BTreeMap<QueueId, Queue> =
            queues.map(|queue| (of_id(names.queue(&queue.name)), queue)).collect();
        for (name, id) in names.queues.iter().zip((0..).map(QueueId)) {
            if !queues.contains_key(&id) {
                self.former_queues.insert(id);
            }
            self.queues.push(queues.remove(&id).unwrap_or_else(|| Queue::named(name)));
        }
    }

    fn intern(&mut self) {
        for agent in &self.agents {
            self.names.agents.intern(&agent.name);
        }
        for queue in &self.queues {
            self.names.queues.intern(&queue.name);
        }
        let of_agents = self.agents.iter().flat_map(|agent| &agent.skills);
        // Those that flows name have ids too: relaxing one that no agent has must not relax
        // another.
        let of_flows = self.flows.iter().flat_map(|flow| flow.skills());
        let skills = of_agents.map(|(name, _)| name.as_str()).chain(of_flows).map(str::to_owned);
        let skills: BTreeSet<String> =
            skills.chain(self.origins().into_iter().map(origin_skill)).collect();
        for skill in &skills {
            self.names.skills.intern(skill);
        }
    }

    pub(super) fn is_former(&self, agent: AgentId) -> bool {
        self.former_agents.contains(&agent)
    }

    pub(super) fn skills(&self) -> Skills {
        let origins = self.origins().into_iter().filter_map(|origin| {
            let id = self.names.skill(&origin_skill(origin))?;
            Some((id, origin_name(origin).to_owned()))
        });
        Skills { origins: origins.collect(), names: self.names.skills.clone() }
    }

    /// The constraint of a call's origin: the skill that an agent must have to take a call that
    /// came from this provider, or else from our own telephones and trunks. `None` where every
    /// agent can take every call.
    pub(super) fn origin_constraint(&self, provider: Option<&str>) -> Option<String> {
        (!self.reachability.is_empty()).then(|| origin_skill(provider))
    }

    /// The skills that stand for the origins whose calls can be brought to an agent.
    pub(super) fn origin_skills_of(&self, agent: &str) -> impl Iterator<Item = String> {
        let reachability = self.reachability.get(agent);
        let is_reached = move |origin: &Option<&str>| match reachability {
            None => true,
            Some(Reachability::Provider(name)) => *origin == Some(name.as_str()),
            Some(Reachability::Sip) => origin.is_none(),
        };
        self.origins().into_iter().filter(is_reached).map(origin_skill)
    }

    /// Where calls come from, or came from under an earlier setup: our own telephones and trunks
    /// (`None`), and each provider. Also where every agent can take every call: calls may still
    /// wait that came when that was not so.
    fn origins(&self) -> BTreeSet<Option<&str>> {
        let providers = self.providers.keys().map(String::as_str);
        let earlier = self.names.skills.iter().filter_map(|skill| skill.strip_prefix(ORIGIN));
        let providers = providers.chain(earlier.filter(|origin| *origin != SIP));
        std::iter::once(None).chain(providers.map(Some)).collect()
    }
}

/// What the skills that stand for origins begin with: no flow can name one, because a skill's name
/// has no colon.
const ORIGIN: &str = "via:";
/// The origin of our own telephones and trunks.
const SIP: &str = "sip";

fn origin_skill(origin: Option<&str>) -> String {
    format!("{ORIGIN}{}", origin_name(origin))
}

fn origin_name(origin: Option<&str>) -> &str {
    origin.unwrap_or(SIP)
}

/// The table of skill names.
#[derive(Clone, Debug, Default)]
pub(super) struct Skills {
    names: Table,
    /// The origins that skills stand for, as people call them.
    origins: BTreeMap<SkillId, String>,
}

impl Skills {
    /// A skill that only a template names and no agent has gets an id no agent has: a demand for it
    /// is never met, and never an error.
    const NOBODYS: SkillId = SkillId(u32::MAX);

    pub(super) fn name(&self, skill: SkillId) -> Option<&str> {
        self.names.name(skill.0)
    }

    /// The origin that this skill stands for, if it is no skill of a person.
    pub(super) fn origin(&self, skill: SkillId) -> Option<&str> {
        self.origins.get(&skill).map(String::as_str)
    }

    pub(super) fn id(&self, name: &str) -> SkillId {
        self.names.get(name).map_or(Self::NOBODYS, SkillId)
    }
}
