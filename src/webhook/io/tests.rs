//! The webhook server, through HTTP requests without a socket, with a provider made for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::handler::HandlerWithoutStateExt;
use axum::http::Request as Http;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::id::CallId;
use crate::webhook::link::Links;
use crate::webhook::provider::{Checked, Malformed};
use crate::webhook::provider_info::{Console, ProviderInfo};
use crate::webhook::rest::{Account, RestCall, RestCommand};
use crate::webhook::support::Support;
use crate::words::Need;

/// Its signature is the secret in a header, and its body the name of a call.
struct Plain;

static PLAIN: Plain = Plain;

impl Provider for Plain {
    fn info(&self) -> &ProviderInfo {
        const NOWHERE: Console = Console { place: "", voice: "", events: None };
        const INFO: ProviderInfo = ProviderInfo::new("plain", "", NOWHERE);
        &INFO
    }

    fn verify(&self, keys: &Keys, request: &Request, _: Timestamp) -> Result<Checked, Refusal> {
        let signature = request.header("x-secret").ok_or(Refusal::Missing("x-secret"))?;
        if !keys.secrets.iter().any(|secret| secret == signature) {
            return Err(Refusal::Signature);
        }
        Ok(Checked { once: request.header("x-once").map(str::to_owned) })
    }

    fn signed(&self, _: &Keys, request: &Request) -> String {
        request.url.clone()
    }

    fn parse(&self, _: &Link, request: &Request) -> Result<Fields, Malformed> {
        let reference = request.text().into_owned();
        if reference.is_empty() {
            return Err(Malformed::Missing("reference"));
        }
        Ok(Fields { reference, from: Some(request.url.clone()), ..Fields::default() })
    }

    fn render(&self, document: &Document, _: &RenderContext) -> Reply {
        Reply::ok("text/plain", format!("{:?}", document.actions))
    }

    fn support(&self, _: &Need) -> Support {
        Support::Whole
    }

    fn rest(&self, _: &Account, _: &RestCommand) -> Option<RestCall> {
        None
    }
}

struct Tune;

impl Sounds for Tune {
    fn wav(&self, name: &str) -> Option<Vec<u8>> {
        ["music/default/1", "say/en/Ann"].contains(&name).then(|| (0..100).collect())
    }
}

struct Door {
    server: WebhookServer,
    webhooks: mpsc::Receiver<WebhookBatch>,
    links: Links,
}

fn door(webhooks_max: usize) -> Door {
    let (sender, webhooks) = mpsc::channel(webhooks_max);
    let links = Links::new("https://ivr.example.com/calls", "plain", [7; 32]);
    let context = RenderContext { links: links.clone(), voices: BTreeMap::new() };
    let secrets = vec!["old".to_owned(), "new".to_owned()];
    let keys = Keys { secrets, application: None, window_s: 300 };
    let settings = Settings {
        public_url: "https://ivr.example.com/calls".to_owned(),
        sites: vec![Site { provider: &PLAIN, keys, context }],
        deadline: Duration::from_millis(50),
        body_len_max: 100,
        requests_max: 4,
    };
    let around = Around {
        clock: Box::new(|| Timestamp(1_000_000)),
        webhooks: sender,
        sounds: Arc::new(Tune),
    };
    Door { server: WebhookServer::new(settings, around), webhooks, links }
}

/// Status, one header and body of the answer.
type Said = (u16, Option<String>, String);

impl Door {
    fn ask(&self, request: Http<Body>) -> impl Future<Output = Said> + 'static {
        let server = self.server.clone();
        async move {
            let response = server.handle(request).await;
            let status = response.status().as_u16();
            let names = [header::RETRY_AFTER, header::ALLOW, header::CONTENT_RANGE, header::ETAG];
            let found = names.iter().find_map(|name| response.headers().get(name));
            let found = found.map(|value| value.to_str().unwrap().to_owned());
            let body = to_bytes(response.into_body(), 10_000).await.unwrap();
            (status, found, String::from_utf8_lossy(&body).trim_end().to_owned())
        }
    }

    fn post(&self, link: &Link, headers: &[(&str, &str)], body: &str) -> Http<Body> {
        let url = self.links.url(link).replace("https://ivr.example.com/calls", "");
        request("POST", &url, headers, body)
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.server.0.counts.get("plain", outcome)
    }

    /// The next request that was let in, answered with this.
    async fn answer(&mut self, document: Option<Document>) -> Webhook {
        let WebhookBatch { mut webhooks, reply } = self.webhooks.recv().await.unwrap();
        assert_eq!(webhooks.len(), 1);
        drop(reply.send(vec![document]));
        webhooks.remove(0)
    }

    fn is_untouched(&mut self) -> bool {
        self.webhooks.try_recv().is_err()
    }
}

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Http<Body> {
    let mut request = Http::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

const SECRET: &[(&str, &str)] = &[("x-secret", "new")];
const STEP: Link = Link::Step { call: CallId(41), n: 7 };

#[tokio::test]
async fn a_signed_request_is_answered_with_the_document() {
    let mut door = door(4);
    let asked = door.ask(door.post(&STEP, SECRET, "call-1"));
    let answered = async {
        let document = Document { actions: vec![Action::Goto(Link::Voice)] };
        let webhook = door.answer(Some(document)).await;
        assert_eq!((webhook.provider, webhook.link), ("plain", STEP));
        assert_eq!(webhook.fields.reference, "call-1");
        // The address as the provider knows it, whatever the proxy made of it.
        assert_eq!(webhook.fields.from, Some(door.links.url(&STEP)));
    };
    let (said, ()) = tokio::join!(asked, answered);
    assert_eq!(said, (200, None, "[Goto(Voice)]".to_owned()));
    assert_eq!(door.count(Outcome::Answered), 1);
}

#[tokio::test]
async fn the_path_of_the_public_url_may_be_passed_on_or_not() {
    let mut door = door(4);
    for path in ["/calls/webhooks/plain/voice", "/webhooks/plain/voice"] {
        let asked = door.ask(request("POST", path, SECRET, "call-1"));
        let answered = async {
            let webhook = door.answer(Some(Document::default())).await;
            assert_eq!(webhook.fields.from, Some(door.links.url(&Link::Voice)));
        };
        assert_eq!(tokio::join!(asked, answered).0.0, 200);
    }
}

#[tokio::test]
async fn what_is_not_the_providers_reaches_nobody() {
    let mut door = door(4);
    let unsigned = door.ask(door.post(&STEP, &[], "call-1")).await;
    assert_eq!((unsigned.0, unsigned.2.contains("x-secret is missing")), (403, true));
    let forged = door.ask(door.post(&STEP, &[("x-secret", "guess")], "call-1")).await;
    assert_eq!(forged.0, 403);
    assert!(forged.2.contains("check providers.plain.secrets"), "{}", forged.2);
    assert!(!forged.2.contains("new") && !forged.2.contains("old"), "{}", forged.2);
    assert_eq!(door.count(Outcome::Unsigned), 2);

    let other = door.links.url(&STEP).replace("n=7", "n=8");
    let other = other.replace("https://ivr.example.com", "");
    assert_eq!(door.ask(request("POST", &other, SECRET, "call-1")).await.0, 404);
    assert_eq!(door.count(Outcome::BadLink), 1);
    for path in ["/", "/webhooks/", "/webhooks/twilio/voice", "/webhooks/plain", "/v1/calls"] {
        assert_eq!(door.ask(request("POST", path, SECRET, "call-1")).await.0, 404, "{path}");
    }
    assert_eq!(door.ask(door.post(&STEP, SECRET, "")).await.0, 400);
    assert_eq!(door.ask(door.post(&STEP, SECRET, &"x".repeat(101))).await.0, 413);
    let header = [("content-length", "1000000"), SECRET[0]];
    assert_eq!(door.ask(door.post(&STEP, &header, "short")).await.0, 413);
    let long = "x".repeat(20_000);
    assert_eq!(door.ask(door.post(&STEP, &[("x-long", &long)], "call-1")).await.0, 431);
    let address = format!("/webhooks/plain/voice?{long}");
    assert_eq!(door.ask(request("POST", &address, SECRET, "call-1")).await.0, 414);
    let delete = door.ask(request("DELETE", "/webhooks/plain/voice", SECRET, "call-1")).await;
    assert_eq!((delete.0, delete.1.as_deref()), (405, Some("GET, POST")));
    assert!(door.is_untouched());
}

#[tokio::test]
async fn a_signature_is_good_for_one_request() {
    let mut door = door(4);
    let once = [SECRET[0], ("x-once", "one")];
    for (link, want) in [(&STEP, 200), (&STEP, 200), (&Link::Voice, 403)] {
        let asked = door.ask(door.post(link, &once, "call-1"));
        let answered = async {
            if want == 200 {
                door.answer(Some(Document::default())).await;
            }
        };
        assert_eq!(tokio::join!(asked, answered).0.0, want);
    }
    assert_eq!((door.count(Outcome::Again), door.count(Outcome::Replayed)), (1, 1));
    assert!(door.is_untouched());
}

#[tokio::test]
async fn fault_05_only_a_good_signature_makes_a_connection_known() {
    let door = door(4);
    let verified = Arc::new(AtomicUsize::new(0));
    let once = [SECRET[0], ("x-once", "one")];
    let audio = Link::Audio { name: "music/default/1".to_owned() };
    for (link, headers, want) in [
        (&STEP, &[][..], 0),
        (&STEP, &[("x-secret", "guess")][..], 0),
        (&audio, SECRET, 0),
        (&STEP, &once[..], 1),
        (&Link::Voice, &once[..], 1), // a signature that was seen elsewhere
        (&STEP, SECRET, 2),
    ] {
        let mut request = door.post(link, headers, "call-1");
        let count = Arc::clone(&verified);
        request.extensions_mut().insert(OnVerified(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        })));
        // The deadline answers where the driver does not.
        door.ask(request).await;
        assert_eq!(verified.load(Ordering::Relaxed), want, "{link:?} {headers:?}");
    }
}

#[tokio::test]
async fn the_deadline_is_kept_by_asking_to_wait() {
    let mut door = door(4);
    let said = door.ask(door.post(&STEP, SECRET, "call-1")).await;
    assert_eq!(said.0, 200);
    assert_eq!(said.2, "[Sound(Pause { ms: 1000 }), Goto(Step { call: CallId(41), n: 7 })]");
    // The first is still under way.
    let answer = door.ask(door.post(&Link::Status { call: CallId(41) }, SECRET, "call-2")).await;
    assert_eq!((answer.0, answer.2.as_str()), (200, "[]"));
    assert_eq!(door.count(Outcome::Late), 2);
    for call in ["call-1", "call-2"] {
        assert_eq!(door.answer(None).await.fields.reference, call);
    }
}

#[tokio::test]
async fn too_much_at_once_is_sent_away() {
    let mut door = door(1);
    let first = door.ask(door.post(&STEP, SECRET, "call-1"));
    let second = door.ask(door.post(&STEP, SECRET, "call-2"));
    // The first waits for its answer until the deadline; meanwhile there is no room.
    let (_, second) = tokio::join!(first, second);
    assert_eq!((second.0, second.1.as_deref()), (503, Some("1")));
    assert_eq!(door.count(Outcome::Busy), 1);
    assert_eq!(door.answer(None).await.fields.reference, "call-1");
}

#[tokio::test]
async fn requests_that_are_there_together_go_together() {
    let mut door = door(4);
    let asked = ["call-1", "call-2", "call-3"].map(|call| door.ask(door.post(&STEP, SECRET, call)));
    let [first, second, third] = asked;
    let answered = async {
        let WebhookBatch { webhooks, reply } = door.webhooks.recv().await.unwrap();
        let calls: Vec<&str> =
            webhooks.iter().map(|webhook| webhook.fields.reference.as_str()).collect();
        assert_eq!(calls, ["call-1", "call-2", "call-3"]);
        let goto =
            |n| Document { actions: vec![Action::Goto(Link::Step { call: CallId(n), n: 1 })] };
        reply.send((1..=3).map(goto).map(Some).collect()).unwrap();
    };
    let (first, second, third, ()) = tokio::join!(first, second, third, answered);
    let said = [first.2, second.2, third.2];
    for (said, n) in said.iter().zip(1..) {
        assert_eq!(*said, format!("[Goto(Step {{ call: CallId({n}), n: 1 }})]"));
    }
}

/// This number of requests announce a body and do not send it: more than may be in work at once.
async fn slow(door: &Door, count: usize) -> (SocketAddr, Vec<TcpStream>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut served = JoinSet::new();
    let serve = axum::serve(listener, door.server.clone().into_make_service());
    served.spawn(async { serve.await.unwrap() });
    let mut slow = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST /webhooks/plain/voice HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    (address, slow, served)
}

#[tokio::test]
async fn bodies_that_never_come_keep_no_signed_request_out() {
    let door = door(4);
    let (address, _slow, _served) = slow(&door, 8).await;
    // Connections are taken in their order, so the eight are at work before this one.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = "POST /webhooks/plain/voice HTTP/1.1\r\nhost: a\r\nx-secret: new\r\n\
                connection: close\r\ncontent-length: 6\r\n\r\ncall-1";
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert_eq!(door.count(Outcome::Busy), 0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let mut door = door(4);
    Arc::get_mut(&mut door.server.0).unwrap().body_timeout = Duration::from_millis(20);
    let (_, mut slow, _served) = slow(&door, 1).await;
    let mut said = [0; 12];
    slow[0].read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 408");
    assert_eq!(door.count(Outcome::BodyLate), 1);
    assert!(door.is_untouched());
}

#[tokio::test]
async fn requests_without_room_are_counted_and_sound_has_room_of_its_own() {
    let door = door(4);
    let _all = door.server.0.in_work.try_acquire_many(4).unwrap();
    assert_eq!(door.ask(door.post(&STEP, SECRET, "call-1")).await.0, 503);
    assert_eq!(door.count(Outcome::Busy), 1);
    let url = door.links.url(&Link::Audio { name: "music/default/1".to_owned() });
    let url = url.replace("https://ivr.example.com", "");
    assert_eq!(door.ask(request("GET", &url, &[], "")).await.0, 200);
    let _sounds = door.server.0.sounds_in_work.try_acquire_many(64).unwrap();
    assert_eq!(door.ask(request("GET", &url, &[], "")).await.0, 503);
    assert_eq!(door.count(Outcome::Busy), 2);
}

#[tokio::test]
async fn a_call_that_is_none_of_ours_is_not_left_standing() {
    let mut door = door(4);
    for (link, want) in [(STEP, "HangUp"), (Link::Status { call: CallId(41) }, "[]")] {
        let asked = door.ask(door.post(&link, SECRET, "call-1"));
        let answered = async { drop(door.answer(None).await) };
        let said = tokio::join!(asked, answered).0;
        assert!(said.0 == 200 && said.2.contains(want), "{said:?}");
    }
}

#[tokio::test]
async fn sound_is_served_whole_in_parts_and_not_again() {
    let door = door(4);
    let get = |name: &str, method: &str, headers: &[(&str, &str)]| {
        let url = door.links.url(&Link::Audio { name: name.to_owned() });
        let url = url.replace("https://ivr.example.com", "");
        door.ask(request(method, &url, headers, ""))
    };
    let whole = get("music/default/1", "GET", &[]).await;
    assert_eq!((whole.0, whole.2.len()), (200, 100));
    let tag = whole.1.unwrap();
    let part = get("music/default/1", "GET", &[("range", "bytes=10-19")]).await;
    assert_eq!((part.0, part.1.as_deref()), (206, Some("bytes 10-19/100")));
    assert_eq!(part.2.as_bytes(), (10..20).collect::<Vec<u8>>());
    let known = get("music/default/1", "GET", &[("if-none-match", &tag)]).await;
    assert_eq!((known.0, known.2.as_str()), (304, ""));
    let other = [("range", "bytes=10-19"), ("if-range", "\"other\"")];
    assert_eq!(get("music/default/1", "GET", &other).await.0, 200);
    assert_eq!(get("music/default/1", "GET", &[("range", "bytes=100-")]).await.0, 416);
    assert_eq!(get("music/default/1", "HEAD", &[]).await.2, "");
    assert_eq!(get("music/default/1", "POST", &[]).await.0, 405);
    assert_eq!(get("music/default/2", "GET", &[]).await.0, 404);
    let url = door.links.url(&Link::Audio { name: "music/default/1".to_owned() });
    let url = url.replace("https://ivr.example.com", "").replace("default", "defbult");
    assert_eq!(door.ask(request("GET", &url, &[], "")).await.0, 404);
}

#[tokio::test]
async fn what_is_said_to_one_caller_is_kept_by_nobody_on_the_way() {
    let door = door(4);
    for (name, want) in [("music/default/1", "public"), ("say/en/Ann", "private")] {
        let url = door.links.url(&Link::Audio { name: name.to_owned() });
        let url = url.replace("https://ivr.example.com", "");
        for range in ["bytes=0-", "bytes=1-2", "bytes=100-"] {
            let asked = request("GET", &url, &[("range", range)], "");
            let response = door.server.clone().handle(asked).await;
            let cached = response.headers()[header::CACHE_CONTROL].to_str().unwrap();
            assert!(cached.starts_with(want), "{name} {range}: {cached}");
        }
    }
}
