//! The checked configuration: what the rest of the server may rely on.
//!
//! **Invariant:** every name in here leads somewhere (a trunk that an agent names exists), every
//! number lies in its range, every path is resolved. Agents and queues are sorted by name; their
//! ids are not here, for those outlive a configuration (`center::names`).
//!
//! **Deliberately absent:** defaults. They are in `example.toml`, which is the first layer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::acd::port::QueueSetup;
use crate::center::recording_rule::{RecordingPrompt, RecordingRule};
use crate::center::setup::Features;
use crate::config::cidr::Cidr;
use crate::config::database::DatabaseServer;
use crate::config::secret::Secret;
use crate::id::NodeId;
use crate::sip::path::Transport;
use crate::words::PrincipalRole;

#[derive(Clone, Debug)]
pub struct Config {
    pub server: Server,
    pub sip: Sip,
    pub media: Media,
    pub api: Api,
    /// By language (BCP 47, as flows write it).
    pub voices: BTreeMap<String, Voice>,
    /// Where `voices.LANGUAGE`, `queues.NAME`, `agents.NAME` and `agents.NAME.skills.SKILL` are
    /// written: `attendant.toml:31`.
    pub places: BTreeMap<String, String>,
    pub trunks: BTreeMap<String, Trunk>,
    /// Sorted by name.
    pub agents: Vec<Agent>,
    /// Sorted by name.
    pub queues: Vec<Queue>,
    pub callers: Callers,
    pub features: Features,
    pub lookup: Lookup,
    pub traces: Option<Traces>,
    pub webhooks: Webhooks,
    /// By name, as in the path of our addresses. None: nothing listens for webhooks.
    pub providers: BTreeMap<String, Provider>,
    /// Short passwords pass: a measuring rig on loopback.
    pub weak_passwords: bool,
    /// What is worth a look, but no reason to refuse.
    pub warnings: Vec<String>,
    /// A digest of all of it and of the flows, for the head of the journal: a run with the same
    /// digest was the same center.
    pub digest: String,
}

impl Config {
    /// The agent of this name.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        let index = self.agents.binary_search_by(|agent| agent.name.as_str().cmp(name)).ok()?;
        self.agents.get(index)
    }

    /// Every skill that some agent has, sorted.
    #[must_use]
    pub fn skills(&self) -> Vec<String> {
        let mut skills: Vec<String> =
            self.agents.iter().flat_map(|agent| agent.skills.keys().cloned()).collect();
        skills.sort_unstable();
        skills.dedup();
        skills
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Which of several servers this is: in the ids of its calls.
    pub node: NodeId,
    pub flows: PathBuf,
    pub prompts: PathBuf,
    pub state: PathBuf,
    /// Where records are, if not in the folder `state`.
    pub database: Option<DatabaseServer>,
    /// Where recordings are kept: what callers leave, and what both sides of a call say.
    pub recordings: PathBuf,
    /// How long. `None`: for ever.
    pub recordings_keep: Option<Duration>,
    /// How long records are kept, from the end of the call. `None`: for ever.
    pub records_keep: Option<Duration>,
    /// How long moves of agents between states are kept; sums by the day are for ever.
    pub agent_times_keep: Option<Duration>,
    /// How long journals of earlier runs are kept, from their last line.
    pub journals_keep: Option<Duration>,
    /// A segment of the journal is closed after this many bytes.
    pub journal_segment: u64,
    pub drain_timeout: Duration,
    pub calls_max: usize,
    /// Of those, the ones that we begin.
    pub outbound_calls_max: usize,
    pub log: LogFormat,
    /// Whether a change of the files is taken as a reload.
    pub reload_on_change: bool,
    /// A filter of `tracing`: `info`, or `info,attendant::sip=debug`.
    pub log_level: String,
}

/// Who may ask of the HTTP interface what the role may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    pub name: String,
    pub role: PrincipalRole,
    /// The login of the agent it acts for, with that role and no other.
    pub agent: Option<String>,
    pub token: Secret,
    /// Where it is written: `attendant.toml:31`.
    pub place: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// Name servers that are asked; more may not be named (resolv.conf(5): MAXNS).
pub const NAME_SERVERS_MAX: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    pub listen: Vec<SocketAddr>,
    pub udp: bool,
    pub tcp: bool,
    /// Asked where trunks are, in place of the system's.
    pub name_servers: Vec<SocketAddr>,
    /// What we call ourselves in Contact and SDP; the address of the socket where it is `None`.
    pub external_address: Option<IpAddr>,
    pub realm: String,
    pub registrations_max: usize,
    pub contacts_max: usize,
    pub expires_min: Duration,
    pub expires_max: Duration,
    /// Refreshes of a session are no further apart than this (RFC 4028).
    pub session_expires: Duration,
    /// After this number of failed logins within the window, the address is ignored for a while.
    pub ban_failures: u32,
    pub ban_window: Duration,
    pub ban: Duration,
}

impl Sip {
    /// Those that are in use here, the preferred one first.
    #[must_use]
    pub fn transports(&self) -> Vec<Transport> {
        let is_used = |transport: &Transport| match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
        };
        Transport::ALL.into_iter().filter(is_used).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub port_min: u16,
    pub port_max: u16,
    pub threads: usize,
    pub media_timeout: Duration,
    pub hold_timeout: Duration,
    /// Whether silence is sent while nothing plays.
    pub transmit_silence: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    pub listen: SocketAddr,
    /// May look. `None`: no client has this role.
    pub read_token: Option<Secret>,
    /// May look and act. `None`: a random one is made and printed at start.
    pub operate_token: Option<Secret>,
    /// Those with a name and a role, in the order of the file.
    pub tokens: Vec<ApiToken>,
    /// Whose word on where a request comes from is taken.
    pub trusted_proxies: Vec<Cidr>,
    pub metrics_open_on_loopback: bool,
    pub requests_max: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The embedded English voice.
    Flite,
    /// A program that writes a WAV file to its standard output; `{text}` is what to say.
    Command { command: Vec<String> },
    /// `POST {url}` as OpenAI's `/v1/audio/speech`.
    OpenAi { url: String, voice: String, model: String, key: Option<Secret> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    pub name: String,
    pub addresses: Vec<Cidr>,
    /// Calls from whichever addresses this machine has at the moment are its calls, too.
    pub this_machine: bool,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub md5: bool,
    /// Whether its P-Asserted-Identity, Diversion and the like are believed.
    pub trusted: bool,
    /// Where its sound may come from beside the addresses that its calls name and come from.
    pub media_addresses: Vec<Cidr>,
    /// Where calls out go: `sip:host:port`.
    pub uri: Option<String>,
    /// Numbers that may be called begin with one of these (E.164, `+44`). Empty: none.
    pub prefixes: Vec<String>,
    pub caller_id: Option<String>,
    pub channels_max: usize,
}

/// Values that are kept secret, by name.
pub(crate) type NamedSecrets = BTreeMap<String, Secret>;

/// Services that flows ask.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// `host` or `host:port`, in lower case. None: nothing is asked.
    pub hosts: BTreeSet<String>,
    /// Where they may be beside the public Internet.
    pub networks: Vec<Cidr>,
    /// Questions on their way at once, of all services and of one.
    pub at_once_max: usize,
    pub per_service_max: usize,
    /// What flows send by name.
    pub secrets: NamedSecrets,
}

/// The collector of OpenTelemetry that gets a trace of each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
}

/// The front that telephony providers ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// Scheme, host and path prefix as providers get them, without a slash at the end. There
    /// where any provider is.
    pub public_url: Option<String>,
    pub listen: SocketAddr,
    /// After this, a document to wait by goes out, and the work goes on.
    pub deadline: Duration,
    /// Whose word on where a request comes from is taken.
    pub trusted_proxies: Vec<Cidr>,
    /// In bytes.
    pub body_len_max: usize,
    /// Requests in work at once.
    pub requests_max: usize,
    pub speech: Speech,
    /// Where providers bring callers to us by SIP, for an agent at a telephone of ours: host, or
    /// host and port. `None`: such agents get no calls of providers.
    pub sip_host: Option<String>,
    /// Hold music goes out in pieces of this length.
    pub music_piece: Duration,
}

/// The service that turns words into sound on a provider's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// The provider, with its own voices.
    Provider,
    /// We, as sound files that the provider fetches.
    Ours,
}

/// A telephony provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub name: &'static str,
    /// What its requests are signed with; any of them is good. At least one.
    pub secrets: Vec<Secret>,
    /// The application a request must name.
    pub application: Option<String>,
    /// How old a signed time may be, either way.
    pub window: Duration,
    /// With [`Self::token`]: who we are to the provider's REST interface. Without, waiting calls
    /// are moved when they ask next.
    pub account: Option<String>,
    pub token: Option<Secret>,
    /// The user that signs in with the token, if not the account itself.
    pub user: Option<String>,
    /// Instead of the provider's own address.
    pub rest_url: Option<String>,
    /// Numbers that may be dialed begin with one of these (E.164, `+44`). Empty: none.
    pub prefixes: Vec<String>,
    /// Shown to those who are dialed.
    pub caller_id: Option<String>,
    /// The provider's names of voices, by language (BCP 47).
    pub voices: BTreeMap<String, String>,
    /// What an agent presses to take a call. `None`: answering takes it.
    pub accept_key: Option<char>,
    /// What an agent hears first. Empty: nothing.
    pub whisper: String,
    pub whisper_language: String,
    /// The numbers that point at us. Empty: all of the flows'.
    pub numbers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The login of the phone, and the name in flows, records and URLs.
    pub name: String,
    /// The name for people.
    pub display_name: Option<String>,
    /// Agents of one team have figures together.
    pub team: Option<String>,
    /// Level 1 to 10 by skill.
    pub skills: BTreeMap<String, u8>,
    pub phone: Phone,
    pub auto_login: bool,
    pub auto_ready: bool,
}

/// How an agent is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phone {
    /// A telephone that registers here as `sip:NAME@`, with this password.
    Registers { password: Secret, md5: bool },
    /// A telephone that is always at this SIP address.
    Fixed { address: String },
    /// An outside party, behind a trunk or a provider.
    Outside { trunk: String, number: String },
    /// A client of a provider's own, such as a browser, by its name there.
    Client { provider: String, client: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    pub name: String,
    pub setup: QueueSetup,
    /// A caller who comes back to the line within this has their place again.
    pub keep_place: Duration,
    /// Answered within this is within service level.
    pub service_level: Duration,
    /// A caller who leaves within this is a short abandon, and in no service level.
    pub short_abandon: Duration,
    /// How long after after-call work ended an agent may still say something of the call.
    pub wrap_up_late_max: Duration,
    pub recording: QueueRecording,
}

/// Whether both sides are recorded, and what the caller hears before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRecording {
    pub rule: RecordingRule,
    pub prompt: RecordingPrompt,
    /// Where each of them is written: `attendant.toml:31`.
    pub place: String,
    pub prompt_place: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callers {
    pub file: Option<PathBuf>,
    /// Two letters, ISO 3166: how a number without a country is read.
    pub region: String,
    /// "Called N times lately" means within this.
    pub recent: Duration,
    /// A caller who calls again within this, for the same reason, was not helped (FCR).
    pub repeat_window: Duration,
}
