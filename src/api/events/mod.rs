//! `/v1/events`: how things stand, and then every fact as it happens (server-sent events).
//!
//! A task per listener reads the ring from where it is and waits for more. Nothing is kept for a
//! listener but the few pieces that are on their way: where the ring has gone on without a slow
//! reader, its last event says so, and it has to come again.
//!
//! **Invariant:** a listener gets the facts that its filter lets through in the order of their
//! numbers, none left out; where one is lost for it, that is an event of its own.
//!
//! **Bound:** [`LISTENERS_MAX`]; one more is a 503. [`PIECES_MAX`] pieces per listener.
//!
//! **Deliberately absent:** the driver, which knows nothing of listeners.

mod filter;
mod text;

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::api::Api;
use crate::api::auth::{Tokens, Who};
use crate::api::error::ApiError;
use crate::api::feed::Listening;
use crate::api::guard::{ConnectionHandle, Streaming};
use crate::live::{Lost, Ring};
use crate::words::{PrincipalRole, Seq};

use filter::FactFilter;

/// Listeners at the same time.
pub(super) const LISTENERS_MAX: usize = 512;
/// Pieces of an answer on their way to one listener.
const PIECES_MAX: usize = 4;
/// Facts in one piece.
const PIECE_FACTS_MAX: usize = 256;
/// A comment is sent after this long without a fact, so that everybody in between knows that the
/// connection is in use. Less than the patience that connections have with a silent peer.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a listener may take for the last event when the server ends.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// Events as they happen: first how things stand, then every fact (server-sent events).
///
/// The first event is `snapshot`, with the same calls, queues and agents as `/v1/calls` and the
/// like. Every fact after it has its kind as the event's name, JSON as its data, and an id. Whoever
/// sends the last id they got as `Last-Event-ID` gets what came after it, and no snapshot. Where
/// that is not possible (the server has begun a new run, or the fact is no longer kept) the event
/// `lost` says why, and a snapshot follows.
///
/// `queue`, `agent` and `kind` may be given several times each; a fact has to match one of each
/// that is given. A call concerns every queue it has waited in and every agent who was rung for it.
///
/// The token of an agent hears of that agent alone, and of the calls they have while they have
/// them: the snapshot has no queue and no other agent, a call that is over comes without its
/// record, and nothing says who supervises. The numbers of what it does not hear are left out.
///
/// The last event of a stream that the server ends is `end`, with the reason.
#[utoipa::path(get, path = "/v1/events", tag = "events", security(("token" = [])),
    params(
        ("queue" = Option<Vec<String>>, Query, description = "Only what concerns these queues"),
        ("agent" = Option<Vec<String>>, Query, description = "Only what concerns these agents"),
        ("kind" = Option<Vec<String>>, Query, description = "Only these kinds of facts"),
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event"),
    ),
    responses(
        (status = 200, body = str, content_type = "text/event-stream"),
        (status = 400, body = ApiError, description = "No queue, agent or kind has this name"),
        (status = 503, body = ApiError, description = "There are too many listeners"),
    ))]
pub(super) async fn events(
    State(api): State<Api>,
    Extension(connection): Extension<ConnectionHandle>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let own = match who.principal.role {
        PrincipalRole::Agent => Some(who.agent.as_deref().unwrap_or_default()),
        PrincipalRole::Admin | PrincipalRole::Supervisor | PrincipalRole::Monitor => None,
    };
    let filter = api.look(|board, _, _| FactFilter::read(&query, own, board.roster())).await??;
    let after = headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default().to_owned());
    let listening =
        api.0.live.listen(LISTENERS_MAX).ok_or_else(|| ApiError::too_many(LISTENERS_MAX))?;
    let (pieces, body) = mpsc::channel(PIECES_MAX);
    let streaming = connection.streams();
    let tokens = api.0.tokens.subscribe();
    let task = ListenerTask { listening, filter, pieces, next: Seq::default(), who, tokens };
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the listener's connection, or when the server ends the streams; what \
                  is left then ends with the runtime of this thread"
    )]
    tokio::spawn(async move {
        task.run(after.as_deref(), &connection).await;
    });
    let head = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that collects an answer before it passes it on would hold facts back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((head, Body::new(Pieces { pieces: body, _streaming: streaming })).into_response())
}

/// Stands for the end of an answer among its pieces, none of which is empty.
const END: Bytes = Bytes::new();

/// The answer to one listener.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    _streaming: Streaming,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.poll_recv(cx);
        piece.map(|piece| piece.filter(|piece| *piece != END).map(|it| Ok(Frame::data(it))))
    }
}

/// Tells one listener.
struct ListenerTask {
    listening: Listening,
    filter: FactFilter,
    pieces: mpsc::Sender<Bytes>,
    /// The first fact that it has not got yet.
    next: Seq,
    who: Arc<Who>,
    tokens: watch::Receiver<Tokens>,
}

/// Why a listener gets no more.
enum Over {
    /// It is gone.
    Gone,
    /// It reads so slowly that facts are lost for it.
    TooSlow,
    /// The server ends.
    ServerEnds,
    /// A reload took its token away, or gave it another role or agent.
    Revoked,
}

/// What the ring has for a listener.
enum Found {
    Piece(String),
    Nothing,
    Lost,
}

impl ListenerTask {
    async fn run(mut self, after: Option<&str>, connection: &ConnectionHandle) {
        let over = match self.begin(after).await {
            Ok(()) => self.follow().await,
            Err(over) => over,
        };
        let last = match over {
            Over::Gone => return,
            Over::TooSlow => text::end("too_slow", "this listener reads too slowly"),
            Over::ServerEnds => text::end("server_ends", "the server is about to end"),
            Over::Revoked => text::end("revoked", "this token is no longer valid for this stream"),
        };
        if timeout(LAST_WITHIN, self.end(last)).await.is_err() {
            connection.close(); // it reads nothing, and no turn waits for it
        }
    }

    /// Sends the last event and the end, and waits until all is taken.
    async fn end(&self, last: String) {
        for piece in [Bytes::from(last), END] {
            if self.pieces.send(piece).await.is_err() {
                return; // it is gone
            }
        }
        self.pieces.closed().await;
    }

    /// What comes before the facts: how things stand, or nothing where the listener comes back.
    async fn begin(&mut self, after: Option<&str>) -> Result<(), Over> {
        let (live, filter) = (&self.listening.live, &self.filter);
        let run = live.run;
        let begun = live.read(|board, ring, now| {
            let lost = match after.map(|id| goes_on(run, id, ring)) {
                Some(Ok(next)) => return (text::BEGIN.to_owned(), next),
                Some(Err(lost)) => Some(lost),
                None => None,
            };
            let mut said = text::BEGIN.to_owned();
            said.extend(lost.map(|(word, why)| text::lost(word, &why)));
            said += &text::snapshot(run, board, filter, now);
            (said, board.next())
        });
        let Ok((said, next)) = begun else { return Err(Over::ServerEnds) };
        self.next = next;
        self.send(said).await
    }

    async fn follow(&mut self) -> Over {
        let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let sent = match self.find() {
                Ok(Found::Piece(piece)) => {
                    keep_alive.reset();
                    self.send(piece).await
                }
                Ok(Found::Lost) => return Over::TooSlow,
                Ok(Found::Nothing) => {
                    tokio::select! {
                        more = self.listening.more() => match more {
                            true => Ok(()),
                            false => Err(Over::ServerEnds),
                        },
                        () = self.pieces.closed() => Err(Over::Gone),
                        () = revoked(&mut self.tokens, &self.who) => Err(Over::Revoked),
                        _ = keep_alive.tick() => self.send(text::KEEP_ALIVE.to_owned()).await,
                    }
                }
                Err(_) => Err(Over::ServerEnds),
            };
            if let Err(over) = sent {
                return over;
            }
        }
    }

    /// Takes the next facts off the ring.
    fn find(&mut self) -> Result<Found, ApiError> {
        let (live, filter) = (&self.listening.live, &self.filter);
        let (run, first) = (live.run, self.next);
        let (found, next) = live.read(|_, ring, _| {
            let Ok(entries) = ring.since(first) else { return (Found::Lost, first) };
            let (mut piece, mut next) = (String::new(), first);
            for entry in entries.take(PIECE_FACTS_MAX) {
                next = entry.numbered.seq.next();
                if !filter.lets_through(entry) {
                    continue;
                }
                match filter.own().and_then(|own| text::own_fact(run, entry, own)) {
                    Some(own) => piece += &own,
                    None => piece += entry.text.get_or_init(|| text::fact(run, entry).into()),
                }
            }
            let found = match (piece.is_empty(), next == first) {
                (false, _) => Found::Piece(piece),
                // All of them were filtered out: there may be more behind.
                (true, false) => Found::Piece(String::new()),
                (true, true) => Found::Nothing,
            };
            (found, next)
        })?;
        self.next = next;
        Ok(found)
    }

    async fn send(&mut self, piece: String) -> Result<(), Over> {
        if piece.is_empty() {
            return Ok(());
        }
        tokio::select! {
            sent = self.pieces.send(piece.into()) => sent.map_err(|_| Over::Gone),
            () = self.listening.ends() => Err(Over::ServerEnds),
            () = revoked(&mut self.tokens, &self.who) => Err(Over::Revoked),
        }
    }
}

/// Waits until this token is no longer one, or means something else.
async fn revoked(tokens: &mut watch::Receiver<Tokens>, who: &Who) {
    if tokens.wait_for(|tokens| !tokens.still_has(who)).await.is_err() {
        pending::<()>().await; // the interface is gone, which ends the stream by itself
    }
}

/// The number of the first fact after the event with this id, or why there is none.
fn goes_on(run: u64, id: &str, ring: &Ring) -> Result<Seq, (&'static str, String)> {
    let numbers = id
        .split_once('-')
        .and_then(|(of, seq)| Some((of.parse::<u64>().ok()?, Seq(seq.parse().ok()?))));
    let Some((of, seq)) = numbers else {
        return Err(("no_id", format!("`{id}` is no id of an event: one is RUN-NUMBER")));
    };
    if of != run {
        return Err(("other_run", format!("event {id} is of another run of the server")));
    }
    let next = seq.next();
    match ring.since(next).map(|_| ()) {
        Ok(()) => Ok(next),
        Err(Lost::TooOld(oldest)) => {
            Err(("too_old", format!("events before {run}-{oldest} are kept no longer")))
        }
        Err(Lost::NotYet(next)) => {
            Err(("not_yet", format!("the next event is {run}-{next}, so {id} was never sent")))
        }
    }
}
