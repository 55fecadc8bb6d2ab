//! The one place that starts threads for HTTP, so that they can be joined.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::door::{self, Client};
use crate::api::guard::{ConnectionHandle, IsProxy};
use crate::api::{Api, Live};
use crate::config::Cidr;
use crate::webhook::io::{OnVerified, Remote, WebhookServer};

/// An HTTP interface on a thread and a runtime of its own: a slow reader of a long report must not
/// delay a key press.
#[derive(Debug)]
pub(super) struct HttpThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpThread {
    /// `is_proxy` says whose X-Forwarded-For is believed, here as below.
    pub(super) fn api(
        api: Api,
        live: Arc<Live>,
        listener: std::net::TcpListener,
        is_proxy: IsProxy,
    ) -> std::io::Result<Self> {
        Self::start("api", listener, async move |listener, stopped: oneshot::Receiver<()>| {
            let ends = Arc::clone(&live);
            let stopped = async move {
                drop(stopped.await);
                ends.end();
            };
            tokio::select! {
                served = door::serve(listener, api.router(), is_proxy, stopped) => served,
                () = live.keep_up() => Ok(()),
            }
        })
    }

    pub(super) fn webhooks(
        server: WebhookServer,
        listener: std::net::TcpListener,
        is_proxy: IsProxy,
    ) -> std::io::Result<Self> {
        // The server of webhooks knows nothing of the HTTP interface, and so not its word either.
        let app = Router::new().fallback(server).layer(middleware::map_request(
            async |mut request: Request| {
                if let Some(Client { ip, .. }) = request.extensions().get().copied() {
                    request.extensions_mut().insert(Remote(ip));
                }
                if let Some(connection) = request.extensions().get::<ConnectionHandle>().cloned() {
                    let known = OnVerified(Arc::new(move || connection.became_known()));
                    request.extensions_mut().insert(known);
                }
                request
            },
        ));
        Self::start("webhooks", listener, async move |listener, stopped: oneshot::Receiver<()>| {
            door::serve(listener, app, is_proxy, async { drop(stopped.await) }).await
        })
    }

    fn start(
        name: &'static str,
        listener: std::net::TcpListener,
        serve: impl AsyncFnOnce(TcpListener, oneshot::Receiver<()>) -> std::io::Result<()>
        + Send
        + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async move {
                let served = match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, stopped).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = served {
                    tracing::error!(%error, name, "the HTTP interface ended");
                }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HttpThread {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether an address is in one of these blocks.
pub(super) fn one_of(blocks: Vec<Cidr>) -> IsProxy {
    Arc::new(move |ip| blocks.iter().any(|block| block.contains(ip)))
}

/// Binds the HTTP interface; a demonstration takes any free port when its own is taken.
pub(super) fn bind(address: SocketAddr, demo: bool) -> std::io::Result<std::net::TcpListener> {
    match std::net::TcpListener::bind(address) {
        Err(_) if demo => std::net::TcpListener::bind((address.ip(), 0)),
        bound => bound,
    }
}
