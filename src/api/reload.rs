//! The configuration that a server runs with: which one it is, and reading it again.
//!
//! **Invariant:** a reload that is refused says all that is wrong, and nothing has changed.
//!
//! **Deliberately absent:** doing it. Whoever holds the other end of the [`ReloadHandle`] does,
//! on a thread of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::{mpsc, oneshot};
use utoipa::{IntoParams, ToSchema};

use crate::api::auth::Asker;
use crate::api::views::stamp;
use crate::api::{Api, ApiError};
use crate::time::Timestamp;

/// Reloads take as long as their voices do; after this the answer is to look again.
const RELOAD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(9);

/// The way to who reads the configuration.
#[derive(Clone, Debug)]
pub struct ReloadHandle {
    pub tx: mpsc::Sender<ReloadRequest>,
    pub state: Arc<ReloadState>,
}

/// Which configuration runs, and whether it is being read again.
#[derive(Debug)]
pub struct ReloadState {
    running: Mutex<RunningConfig>,
    /// Whoever sets it sends a request; it is taken back with the answer.
    pub is_busy: AtomicBool,
    /// A signal came while it was busy: the files are read once more.
    pub is_wished: AtomicBool,
}

impl ReloadState {
    #[must_use]
    pub const fn new(running: RunningConfig) -> Self {
        Self {
            running: Mutex::new(running),
            is_busy: AtomicBool::new(false),
            is_wished: AtomicBool::new(false),
        }
    }

    pub fn update(&self, change: impl FnOnce(&mut RunningConfig)) {
        change(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner));
    }

    #[must_use]
    pub fn running(&self) -> RunningConfig {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The configuration is wanted again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Only say what would change.
    pub dry_run: bool,
    /// Who wants it: `signal`, or a principal with the role.
    pub by: String,
    pub reply: Option<oneshot::Sender<Result<Reloaded, NotReloaded>>>,
}

/// The configuration that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunningConfig {
    /// A digest of the configuration, the flows and the callers' file.
    pub version: String,
    /// Since when. A reload that found nothing new changes neither this nor `by`.
    #[serde(serialize_with = "as_stamp")]
    #[schema(value_type = String)]
    pub since: Timestamp,
    /// Who brought it: `start`, `signal`, `file_change`, or the principal who asked, as
    /// `operator (admin)`.
    pub by: String,
    /// Whether the files say something else by now.
    pub files_differ: bool,
    /// What a reload would change, one line for each thing, with the last digits of telephone
    /// numbers. A dry run of a reload says to an administrator what the files say.
    pub differs: Vec<String>,
    /// What is wrong with the files, where they were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Keys whose new value needs a restart.
    pub needs_restart: Vec<String>,
}

/// As all times of the interface.
fn as_stamp<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&stamp(*at))
}

/// What a reload changed, or would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    pub dry_run: bool,
    /// The version from now on.
    pub version: String,
    /// One line for each thing that is another: a flow, an agent, a caller, a sound, a key.
    pub changed: Vec<String>,
    /// Keys whose new value needs a restart: the old one holds until then.
    pub needs_restart: Vec<String>,
    pub warnings: Vec<String>,
}

/// Why nothing was reloaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReloaded {
    /// Another reload is under way.
    #[error("the configuration is being read already")]
    Busy,
    /// All that is wrong.
    #[error("{0}")]
    Refused(String),
    /// Nothing of it is in a file.
    #[error("this is the demonstration, which is in no file: nothing can be read again")]
    Demonstration,
    /// The system gives no thread for a part of it, so none of it may begin.
    #[error("the system gives no thread for {what}: {why}")]
    NoThread { what: &'static str, why: String },
    /// It could not be kept, so it may not begin.
    #[error("it could not be kept: {0}")]
    Unwritten(String),
}

#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// Read the configuration, the flows, the sounds and the callers again. Calls that are up keep the
/// flow they began with.
#[utoipa::path(post, path = "/v1/reload", tag = "server", params(Wish), security(("token" = [])),
    responses((status = 200, body = Reloaded), (status = 409, body = ApiError),
        (status = 422, body = ApiError), (status = 503, body = ApiError)))]
pub(super) async fn reload(
    Asker { api, by }: Asker,
    Query(Wish { dry_run }): Query<Wish>,
) -> Result<Json<Reloaded>, ApiError> {
    let Some(handle) = api.0.reloads.get() else { return Err(ApiError::busy()) };
    if handle.state.is_busy.swap(true, Ordering::AcqRel) {
        return Err(ApiError::reload_busy());
    }
    let (reply, answer) = oneshot::channel();
    let request = ReloadRequest { dry_run, by: by.to_string(), reply: Some(reply) };
    if handle.tx.try_send(request).is_err() {
        handle.state.is_busy.store(false, Ordering::Release);
        return Err(ApiError::busy());
    }
    let Ok(Ok(answer)) = tokio::time::timeout(RELOAD_TIMEOUT, answer).await else {
        return Err(ApiError::reload_slow());
    };
    match answer {
        Ok(reloaded) => Ok(Json(reloaded)),
        Err(NotReloaded::Busy) => Err(ApiError::reload_busy()),
        Err(NotReloaded::Refused(problems)) => Err(ApiError::reload_refused(problems)),
        Err(NotReloaded::Demonstration) => Err(ApiError::reload_of_demonstration()),
        Err(why @ NotReloaded::NoThread { .. }) => Err(ApiError::reload_unstarted(why.to_string())),
        Err(NotReloaded::Unwritten(why)) => Err(ApiError::reload_unwritten(why)),
    }
}

/// Which configuration runs, since when, who brought it, and how the files differ from it.
#[utoipa::path(get, path = "/v1/config", tag = "server", security(("token" = [])),
    responses((status = 200, body = RunningConfig), (status = 503, body = ApiError)))]
pub(super) async fn running(State(api): State<Api>) -> Result<Json<RunningConfig>, ApiError> {
    let Some(handle) = api.0.reloads.get() else { return Err(ApiError::busy()) };
    Ok(Json(handle.state.running()))
}

/// Who reads the configuration, and is at it already.
#[cfg(test)]
pub(super) fn idle() -> ReloadHandle {
    let running = RunningConfig {
        version: "9f".to_owned(),
        since: Timestamp::default(),
        by: "start".to_owned(),
        files_differ: false,
        differs: Vec::new(),
        refused: None,
        needs_restart: Vec::new(),
    };
    let state = Arc::new(ReloadState::new(running));
    state.is_busy.store(true, Ordering::Release);
    ReloadHandle { tx: mpsc::channel(1).0, state }
}
