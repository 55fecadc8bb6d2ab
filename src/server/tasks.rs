//! The one place that starts threads for the HTTP interface, so that it can be joined.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::Api;

/// The HTTP interface on a thread and a runtime of its own: a slow reader of a long report must
/// not delay a key press.
#[derive(Debug)]
pub(super) struct ApiThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ApiThread {
    pub(super) fn start(api: Api, listener: std::net::TcpListener) -> std::io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        let thread = std::thread::Builder::new().name("api".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let stopped = async move { drop(stopped.await) };
                let served = match TcpListener::from_std(listener) {
                    Ok(listener) => api.serve(listener, stopped).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = served {
                    tracing::error!(%error, "the HTTP interface ended");
                }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ApiThread {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Binds the HTTP interface; a demonstration takes any free port when its own is taken.
pub(super) fn bind(address: SocketAddr, demo: bool) -> std::io::Result<std::net::TcpListener> {
    match std::net::TcpListener::bind(address) {
        Err(_) if demo => std::net::TcpListener::bind((address.ip(), 0)),
        bound => bound,
    }
}
