//! The server for providers' webhooks: HTTP in, verified [`Fields`] to the driver, documents out.
//!
//! ```text
//!  bounds ─► our link? ─► body ─► provider's signature ─► fields ─► [`Webhook`] ─► document
//!   413 431     404      408 413           403               400        503    or one to wait by
//! ```
//!
//! **Invariant:** only a request to one of our addresses, with a good signature of the provider,
//! reaches the driver; a refused one changes nothing but a counter. An answer goes out within the
//! deadline, even if it is only a document to wait by. A client that sends its body slowly, or only
//! fetches sound, keeps no signed request out.
//!
//! **Deliberately absent:** encryption, which the proxy in front has; what calls do.

mod audio;
mod counts;
mod jwt;
mod post;
mod replay;
pub mod rest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method as HttpMethod, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};

use crate::time::Timestamp;
use crate::webhook::document::{Action, Document, Sound};
use crate::webhook::fields::Fields;
use crate::webhook::link::{Link, PREFIX};
use crate::webhook::provider::{Keys, Provider, Refusal};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Method, Reply, Request};

pub use audio::Sounds;
pub use counts::{Counts, Outcome};
pub use post::{Webhook, WebhookBatch};

use post::{Answer, Post};
use replay::{Replays, Seen};

/// Names and values of all headers together, in bytes.
const HEADERS_LEN_MAX: usize = 16 * 1024;
/// The longest address: texts that our voice speaks are in it.
const URI_LEN_MAX: usize = 16 * 1024;
/// The most verified requests that wait for the driver; a further one is answered 503.
pub const WEBHOOKS_MAX: usize = 1_024;
/// How long the body of a request may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Sounds made at once; a voice may take long. More are answered 503.
const SOUNDS_MAX: usize = 64;
/// The pause that a caller hears while our answer is late, in milliseconds.
const WAIT_MS: u32 = 1_000;
/// When to come again while there is too much to do, in seconds.
const RETRY_AFTER: &str = "1";

/// One provider, as it is served here.
#[derive(Clone)]
pub struct Site {
    pub provider: &'static dyn Provider,
    pub keys: Keys,
    pub context: RenderContext,
}

/// How the server is set up.
#[derive(Clone)]
pub struct Settings {
    /// Scheme, host and path prefix as providers call us, without a slash at the end.
    pub public_url: String,
    pub sites: Vec<Site>,
    /// After this time a document to wait by goes out.
    pub deadline: Duration,
    pub body_len_max: usize,
    /// The most requests in work at once; a further one is answered 503.
    pub requests_max: usize,
}

/// What the server needs from its surroundings.
pub struct Around {
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    pub webhooks: mpsc::Sender<WebhookBatch>,
    pub sounds: Arc<dyn Sounds>,
}

/// The client's address: an extension of each request, from the code that accepts connections and
/// knows the proxies.
#[derive(Clone, Copy, Debug)]
pub struct Remote(pub IpAddr);

/// What to do once a request is verified: an extension of each request, from the code that accepts
/// connections and has more room for clients with such requests.
#[derive(Clone)]
pub struct OnVerified(pub Arc<dyn Fn() + Send + Sync>);

/// The server, ready for any number of listeners.
#[derive(Clone)]
pub struct WebhookServer(Arc<Inner>);

struct Inner {
    public_url: String,
    /// The path of the public URL, which a proxy may pass on or not.
    prefix: String,
    sites: RwLock<BTreeMap<&'static str, Arc<ServedSite>>>,
    body_len_max: usize,
    body_timeout: Duration,
    in_work: Semaphore,
    sounds_in_work: Semaphore,
    replays: Mutex<Replays>,
    counts: Arc<Counts>,
    post: Arc<Post>,
    around: Around,
}

struct ServedSite {
    site: Site,
    /// It was taken out of the configuration: it carries on with the calls it has.
    is_former: bool,
}

impl WebhookServer {
    #[must_use]
    pub fn new(settings: Settings, around: Around) -> Self {
        let authority = settings.public_url.split_once("://").map_or("", |(_, rest)| rest);
        let prefix = authority.find('/').map_or("", |at| &authority[at..]).to_owned();
        let server = Self(Arc::new(Inner {
            public_url: settings.public_url,
            prefix,
            sites: RwLock::default(),
            body_len_max: settings.body_len_max,
            body_timeout: BODY_TIMEOUT,
            in_work: Semaphore::new(settings.requests_max),
            sounds_in_work: Semaphore::new(SOUNDS_MAX),
            replays: Mutex::default(),
            counts: Arc::new(Counts::new([])),
            post: Arc::new(Post::new(around.webhooks.clone(), settings.deadline)),
            around,
        }));
        server.set_sites(settings.sites);
        server
    }

    /// Serves these from now on. One that is not among them any more goes on with the calls it has
    /// and brings no new ones. A request that is in work ends as it began.
    pub fn set_sites(&self, sites: Vec<Site>) {
        self.0.counts.begin(sites.iter().map(|site| site.provider.name()));
        let mut served = self.0.sites.write().unwrap_or_else(PoisonError::into_inner);
        let former = served.iter().map(|(name, it)| (*name, it.site.clone(), true));
        let new = sites.into_iter().map(|site| (site.provider.name(), site, false));
        let all: Vec<_> = former.chain(new).collect();
        for (name, site, is_former) in all {
            served.insert(name, Arc::new(ServedSite { site, is_former }));
        }
    }

    fn site(&self, name: &str) -> Option<Arc<ServedSite>> {
        let served = self.0.sites.read().unwrap_or_else(PoisonError::into_inner);
        served.get(name).cloned()
    }

    /// Counts of what was let in and what was not.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.0.counts)
    }

    /// Taken apart before it is waited for, so that what waits keeps no more than the parts.
    fn handle(self, request: HttpRequest) -> impl Future<Output = Response> + Send {
        let (parts, body) = request.into_parts();
        async move {
            match self.answer(&parts, body).await {
                Ok(response) => response,
                Err(refused) => refused.into_response(),
            }
        }
    }
}

/// As the only handler of a listener: there is nothing to route.
impl Handler<(), ()> for WebhookServer {
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: HttpRequest, (): ()) -> Self::Future {
        Box::pin(self.handle(request))
    }
}

/// Why a request was refused. The texts are for the person who set the provider up.
enum Refused {
    HeadersTooLarge,
    UriTooLong,
    NotFound,
    Link,
    Method(&'static str),
    BodyTooLarge(usize),
    BodyLate,
    Signature(String),
    Malformed(String),
    Busy,
}

impl Refused {
    fn status_and_text(&self) -> (StatusCode, String) {
        match self {
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("the headers are larger than {HEADERS_LEN_MAX} bytes"),
            ),
            Self::UriTooLong => (
                StatusCode::URI_TOO_LONG,
                format!("the address is longer than {URI_LEN_MAX} bytes"),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "nothing is here: `attendant` prints at start which addresses there are".to_owned(),
            ),
            Self::Link => (
                StatusCode::NOT_FOUND,
                "this address was not handed out by this server, or was changed".to_owned(),
            ),
            Self::Method(allowed) => {
                (StatusCode::METHOD_NOT_ALLOWED, format!("the method must be {allowed}"))
            }
            Self::BodyTooLarge(most) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is broken off, or larger than {most} bytes"),
            ),
            Self::BodyLate => (
                StatusCode::REQUEST_TIMEOUT,
                format!("the body was not there within {} s", BODY_TIMEOUT.as_secs()),
            ),
            Self::Signature(text) => (StatusCode::FORBIDDEN, text.clone()),
            Self::Malformed(text) => (StatusCode::BAD_REQUEST, text.clone()),
            Self::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, "too much to do: come again".to_owned())
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = self.status_and_text();
        let mut response = (status, format!("{text}\n")).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
            }
            Self::Method(allowed) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Self::HeadersTooLarge
            | Self::UriTooLong
            | Self::NotFound
            | Self::Link
            | Self::BodyTooLarge(_)
            | Self::BodyLate
            | Self::Signature(_)
            | Self::Malformed(_) => {}
        }
        response
    }
}

impl WebhookServer {
    async fn answer(&self, parts: &Parts, body: Body) -> Result<Response, Refused> {
        let sizes = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        if sizes.sum::<usize>() > HEADERS_LEN_MAX {
            return Err(Refused::HeadersTooLarge);
        }
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        if path.len() + query.len() > URI_LEN_MAX {
            return Err(Refused::UriTooLong);
        }
        if path == "/healthz" {
            return match parts.method {
                HttpMethod::GET | HttpMethod::HEAD => Ok("ok\n".into_response()),
                _ => Err(Refused::Method("GET, HEAD")),
            };
        }
        let path = path.strip_prefix(self.0.prefix.as_str()).unwrap_or(path);
        let below = path.strip_prefix(PREFIX).ok_or(Refused::NotFound)?;
        let (name, kind) = below.split_once('/').ok_or(Refused::NotFound)?;
        let served = self.site(name).ok_or(Refused::NotFound)?;
        let site = &served.site;
        let link = site.context.links.read(kind, query);
        let Some(link) = link.filter(|link| !served.is_former || *link != Link::Voice) else {
            self.0.counts.add(site.provider.name(), Outcome::BadLink);
            return Err(Refused::Link);
        };
        if let Link::Audio { name } = &link {
            let _in_work = self.permit(&self.0.sounds_in_work, site)?;
            self.0.counts.add(site.provider.name(), Outcome::Audio);
            return audio::answer(&self.0.around.sounds, name, parts).await;
        }
        let method = match parts.method {
            HttpMethod::GET => Method::Get,
            HttpMethod::POST => Method::Post,
            _ => return Err(Refused::Method("GET, POST")),
        };
        let body = self.body(site, parts, body).await?;
        let _in_work = self.permit(&self.0.in_work, site)?;
        let answer = {
            let url = self.url(path, parts.uri.query());
            let request = Request { method, url, headers: headers(parts), body };
            let fields = self.fields(site, parts, &link, &request)?;
            self.post(site, &link, fields)?
        };
        let document = self.document(site, &link, answer).await?;
        self.0.counts.add(site.provider.name(), Outcome::Answered);
        Ok(response(site.provider.render(&document, &site.context)))
    }

    /// The address as the provider knows it.
    fn url(&self, path: &str, query: Option<&str>) -> String {
        let base = self.0.public_url.as_str();
        let query_len = query.map_or(0, |query| query.len() + 1);
        let mut url = String::with_capacity(base.len() + path.len() + query_len);
        for part in [base, path] {
            url.push_str(part);
        }
        if let Some(query) = query {
            url.push('?');
            url.push_str(query);
        }
        url
    }

    fn permit<'a>(&self, of: &'a Semaphore, site: &Site) -> Result<SemaphorePermit<'a>, Refused> {
        of.try_acquire().map_err(|_| {
            self.0.counts.add(site.provider.name(), Outcome::Busy);
            Refused::Busy
        })
    }

    async fn body(&self, site: &Site, parts: &Parts, body: Body) -> Result<Vec<u8>, Refused> {
        let most = self.0.body_len_max;
        let announced = parts.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let bytes = match announced.is_some_and(|len| len > most) {
            true => None,
            false => {
                let read = tokio::time::timeout(self.0.body_timeout, to_bytes(body, most)).await;
                let Ok(read) = read else {
                    self.0.counts.add(site.provider.name(), Outcome::BodyLate);
                    return Err(Refused::BodyLate);
                };
                read.ok()
            }
        };
        bytes.map(Into::into).ok_or_else(|| {
            self.0.counts.add(site.provider.name(), Outcome::TooLarge);
            Refused::BodyTooLarge(most)
        })
    }

    /// What the request says, if it is the provider's.
    fn fields(
        &self,
        site: &Site,
        parts: &Parts,
        link: &Link,
        request: &Request,
    ) -> Result<Fields, Refused> {
        let name = site.provider.name();
        let now = (self.0.around.clock)();
        let checked = site.provider.verify(&site.keys, request, now).map_err(|refusal| {
            self.refused(name, parts, now, Outcome::Unsigned, &refusal.to_string());
            Refused::Signature(advice(name, &self.0.public_url, &refusal))
        })?;
        if let Some(once) = &checked.once {
            let seen = {
                let mut replays = self.0.replays.lock().unwrap_or_else(PoisonError::into_inner);
                replays.see(now, site.keys.window_s, name, once, request)
            };
            match seen {
                Seen::First => {}
                Seen::FirstButFull => self.0.counts.add(name, Outcome::ReplayForgotten),
                // The same request once more: the driver has kept its answer.
                Seen::Again => self.0.counts.add(name, Outcome::Again),
                Seen::Elsewhere => {
                    self.refused(name, parts, now, Outcome::Replayed, "a signature was used twice");
                    let text = "its signature came with another request before".to_owned();
                    return Err(Refused::Signature(text));
                }
            }
        }
        if let Some(OnVerified(act)) = parts.extensions.get() {
            act();
        }
        site.provider.parse(link, request).map_err(|malformed| {
            self.refused(name, parts, now, Outcome::Malformed, &malformed.to_string());
            Refused::Malformed(malformed.to_string())
        })
    }

    fn post(
        &self,
        site: &Site,
        link: &Link,
        fields: Fields,
    ) -> Result<oneshot::Receiver<Answer>, Refused> {
        let name = site.provider.name();
        self.0.post.send(Webhook { provider: name, link: link.clone(), fields }).ok_or_else(|| {
            self.0.counts.add(name, Outcome::Busy);
            Refused::Busy
        })
    }

    async fn document(
        &self,
        site: &Site,
        link: &Link,
        answer: oneshot::Receiver<Answer>,
    ) -> Result<Document, Refused> {
        let name = site.provider.name();
        match answer.await {
            Ok(Answer::Document(document)) => Ok(document),
            Ok(Answer::Unknown) => {
                self.0.counts.add(name, Outcome::UnknownCall);
                Ok(unknown(link))
            }
            Ok(Answer::Late) => {
                self.0.counts.add(name, Outcome::Late);
                Ok(wait(link))
            }
            // The driver ends, and its calls with it.
            Err(_) => {
                self.0.counts.add(name, Outcome::Busy);
                Err(Refused::Busy)
            }
        }
    }

    /// Counts, and says so in the log now and then.
    fn refused(&self, name: &'static str, parts: &Parts, now: Timestamp, what: Outcome, why: &str) {
        let Some(unsaid) = self.0.counts.refuse(name, what, now) else { return };
        let remote = parts.extensions.get().map(|Remote(ip)| ip.to_string());
        let remote = remote.unwrap_or_else(|| "unknown".to_owned());
        tracing::warn!(provider = name, %remote, unsaid, "a webhook was refused: {why}");
    }
}

/// Headers that say nothing about who sent a request: no provider signs one.
const UNREAD: [HeaderName; 6] = [
    header::HOST,
    header::USER_AGENT,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONNECTION,
];

/// The other headers. Their names are in lower case already.
fn headers(parts: &Parts) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    let read = parts.headers.iter().filter(|(name, _)| !UNREAD.contains(name));
    let mut headers = Vec::with_capacity(parts.headers.len());
    headers.extend(read.map(|(name, value)| (name.as_str().to_owned(), text(value))));
    headers
}

/// What to look at. The right signature is a secret, and not part of it.
fn advice(name: &str, public_url: &str, refusal: &Refusal) -> String {
    let check = match refusal {
        Refusal::Signature | Refusal::Body => format!(
            "check providers.{name}.secrets, and that {public_url} is exactly what the provider \
             calls; `attendant webhook verify` shows what was signed"
        ),
        Refusal::Missing(_) | Refusal::Double(_) | Refusal::Unreadable(_) => {
            "check that the request comes from the provider, and that no proxy changes its headers"
                .to_owned()
        }
        Refusal::Time(_) => {
            format!("check the clock of this machine, and providers.{name}.window_s")
        }
        Refusal::Application => format!("check providers.{name}.application"),
        Refusal::NoKey => format!("set providers.{name}.secrets"),
        Refusal::Method => return refusal.to_string(),
    };
    format!("{refusal}: {check}")
}

/// The same address again in a moment, where there may be an answer then.
fn wait(link: &Link) -> Document {
    match link {
        Link::Voice | Link::Step { .. } | Link::Leg { .. } => Document {
            actions: vec![Action::Sound(Sound::Pause { ms: WAIT_MS }), Action::Goto(link.clone())],
        },
        // A report: its sender waits for nothing.
        Link::Events
        | Link::Status { .. }
        | Link::LegStatus { .. }
        | Link::Recording { .. }
        | Link::Audio { .. } => Document::default(),
    }
}

/// For a call that we do not know, because it ended long ago. A leg that asks is hung up.
fn unknown(link: &Link) -> Document {
    match link {
        Link::Voice | Link::Step { .. } | Link::Leg { .. } => Document {
            actions: vec![Action::HangUp { cause: crate::words::Cause::NORMAL_CLEARING }],
        },
        Link::Events
        | Link::Status { .. }
        | Link::LegStatus { .. }
        | Link::Recording { .. }
        | Link::Audio { .. } => Document::default(),
    }
}

fn response(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if !reply.content_type.is_empty() {
        let value = HeaderValue::from_static(reply.content_type);
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
