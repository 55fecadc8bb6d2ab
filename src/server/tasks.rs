//! The one place that starts threads for HTTP, so that they can be joined.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use axum::extract::connect_info::Connected;
use axum::handler::HandlerWithoutStateExt;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::Api;
use crate::api::guard::{Guarded, Peer};
use crate::webhook::io::{Front, Remote};

/// An HTTP interface on a thread and a runtime of its own: a slow reader of a long report must not
/// delay a key press.
#[derive(Debug)]
pub(super) struct HttpThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpThread {
    pub(super) fn api(api: Api, listener: std::net::TcpListener) -> std::io::Result<Self> {
        Self::start("api", listener, async move |listener, stopped: oneshot::Receiver<()>| {
            let service = api.router().into_make_service_with_connect_info::<Peer>();
            let served = axum::serve(Guarded::new(listener), service);
            served.with_graceful_shutdown(async { drop(stopped.await) }).await
        })
    }

    pub(super) fn webhooks(front: Front, listener: std::net::TcpListener) -> std::io::Result<Self> {
        Self::start("webhooks", listener, async move |listener, stopped: oneshot::Receiver<()>| {
            let service = front.into_make_service_with_connect_info::<Remote>();
            let served = axum::serve(Guarded::new(listener), service);
            served.with_graceful_shutdown(async { drop(stopped.await) }).await
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

impl Connected<IncomingStream<'_, Guarded>> for Remote {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Binds the HTTP interface; a demonstration takes any free port when its own is taken.
pub(super) fn bind(address: SocketAddr, demo: bool) -> std::io::Result<std::net::TcpListener> {
    match std::net::TcpListener::bind(address) {
        Err(_) if demo => std::net::TcpListener::bind((address.ip(), 0)),
        bound => bound,
    }
}
