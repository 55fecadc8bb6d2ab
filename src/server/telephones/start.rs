//! The front of telephones, from the configuration: media, speech, sockets and the user agent.
//!
//! **Invariant:** the threads of the media run before an address is bound at which a call could
//! come.
//!
//! **Deliberately absent:** the driver, which has the sockets and what the media say.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::center::names::Names;
use crate::config::Config;
use crate::media::fact::Fact;
use crate::media::io::{MediaEngine, Repaired, repair};
use crate::media::prompt_store::PromptStore;
use crate::media::speech::Speech;
use crate::server::local::LocalAddresses;
use crate::server::seed::random_seed;
use crate::server::start_error::StartError;
use crate::server::telephones::{EnginePlane, Telephones};
use crate::server::{listen, setup};
use crate::sip::io::Sockets;
use crate::sip::ua::Ua;
use crate::sip_front::{SipFront, SipSetup};
use crate::time::Timestamp;
use crate::words::{Event, RecordingEnd, RecordingKind};

/// Facts on their way from the media threads. Each leg has a handful under way at most; a full
/// channel means that the driver stands still, and then the fact is lost and said so.
const FACTS_MAX: usize = 65_536;

/// The front, and its doors.
pub(in crate::server) struct SipStarted {
    pub(in crate::server) front: Telephones,
    pub(in crate::server) sockets: Sockets,
    pub(in crate::server) facts: mpsc::Receiver<Fact>,
    /// What became of the recordings that the run before left unfinished.
    pub(in crate::server) repaired: VecDeque<Event>,
}

pub(in crate::server) fn start(
    config: &Config,
    names: &Names,
    now: Timestamp,
    prompts: &Arc<PromptStore>,
    is_demo: bool,
) -> Result<SipStarted, StartError> {
    let repaired = repaired(config)?;
    let (media, facts) = start_media(config, now)?;
    let speech = Speech::start(Arc::clone(&media), Arc::clone(prompts))?;
    let mut sockets = listen::sip(&config.sip, is_demo).map_err(StartError::Listen)?;
    let setup = setup::user_agent(config, names, sockets.addresses().collect());
    let ua = Ua::new(setup, random_seed()?);
    let media_networks = setup::media_networks(config, ua.trunk_names());
    sockets.set_peer_names(ua.peer_names().clone());
    let local = LocalAddresses::new(config.sip.external_address);
    let front = SipFront::new(SipSetup {
        ua,
        plane: EnginePlane::new(media, speech, local),
        media_networks,
        outside: setup::outside(config, names),
        has_handoffs: !config.providers.is_empty(),
    });
    Ok(SipStarted { front, sockets, facts, repaired: repaired.into_iter().map(left).collect() })
}

/// The recordings that the run before left unfinished, as they are kept now.
fn repaired(config: &Config) -> Result<Vec<Repaired>, StartError> {
    let folder = &config.server.recordings;
    repair(folder).map_err(|error| StartError::Recordings(folder.clone(), error))
}

fn start_media(
    config: &Config,
    now: Timestamp,
) -> io::Result<(Arc<MediaEngine>, mpsc::Receiver<Fact>)> {
    let (sender, facts) = mpsc::channel(FACTS_MAX);
    let setup = setup::media(&config.media, &config.server.recordings);
    Ok((Arc::new(MediaEngine::start(&setup, now, &told(sender))?), facts))
}

fn told(sender: mpsc::Sender<Fact>) -> crate::media::io::Facts {
    Arc::new(move |fact| {
        if sender.try_send(fact).is_err() {
            tracing::error!("a fact of the media was lost: the driver does not keep up");
        }
    })
}

/// A recording that was being made when the server was lost: its record is still to hear of it.
fn left(Repaired { recording, kind, length_ms }: Repaired) -> Event {
    tracing::warn!(%recording, length_ms, "a recording that was cut off is kept");
    let ended = match kind {
        RecordingKind::Message => RecordingEnd::HungUp,
        RecordingKind::Call => RecordingEnd::ServerLost,
    };
    Event::Recorded { recording, kind, length_ms, ended, url: None }
}
