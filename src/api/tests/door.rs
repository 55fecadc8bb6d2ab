//! Connections, heads and who asks, over a real socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Barrier;

use super::{OPERATE, Questions, READ, SETTINGS, Shelf, serve, serve_behind};
use crate::api::door::serve_from;
use crate::api::guard::{ConnectionHandle, Guarded, IsProxy, LIMITS, Limits};
use crate::api::seats::SHARE_MAX;
use crate::api::{Api, DriverHandle, Settings};

const WHOLE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Runs `test` against a port at which everybody is a stranger.
async fn among_strangers(limits: Limits, test: impl AsyncFnOnce(SocketAddr)) {
    let app = Router::new().route("/", get(async || "well").post(async |_: String| "well"));
    serve_strangers(app, limits, test).await;
}

async fn serve_strangers(app: Router, limits: Limits, test: impl AsyncFnOnce(SocketAddr)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let nobody: IsProxy = Arc::new(|_| false);
    let guarded = Guarded::new(listener, Arc::clone(&nobody)).with_limits(limits);
    tokio::select! {
        ended = serve_from(guarded, app, nobody, std::future::pending()) => panic!("{ended:?}"),
        () = test(address) => {}
    }
}

/// A connection from this address of this machine, on which `text` was sent.
async fn send(from: IpAddr, to: SocketAddr, text: &str) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(to).await?;
    stream.write_all(text.as_bytes()).await?;
    Ok(stream)
}

/// What comes until the other side closes, which it may do with what we sent unread.
async fn rest(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn fault_05_half_written_requests_take_no_seat_from_anybody() {
    among_strangers(LIMITS, async |port| {
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let mut held = Vec::new();
        for _ in 0..SHARE_MAX * 2 {
            held.push(send(one, port, "GET / HTTP/1.1\r\nHost:").await.unwrap());
        }
        for from in [other, one] {
            let answer = rest(send(from, port, WHOLE).await.unwrap()).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{from}: {answer}");
        }
        // The oldest made room for them.
        assert_eq!(rest(held.remove(0)).await, "");
    })
    .await;
}

#[tokio::test]
async fn fault_05_verified_requests_of_one_address_are_all_in_work_at_once() {
    // More than a share, and no more than may wait to be accepted.
    const CALLERS: usize = SHARE_MAX + 32;
    let all = Arc::new(Barrier::new(CALLERS));
    let verify = async move |Extension(connection): Extension<ConnectionHandle>| {
        connection.became_known();
        all.wait().await;
        "well"
    };
    let app = Router::new().route("/", get(verify));
    serve_strangers(app, LIMITS, async |port| {
        // All come before the first is accepted.
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let mut stream = std::net::TcpStream::connect(port).unwrap();
                io::Write::write_all(&mut stream, WHOLE.as_bytes()).unwrap();
                stream.set_nonblocking(true).unwrap();
                TcpStream::from_std(stream).unwrap()
            })
            .collect();
        for (n, caller) in callers.into_iter().enumerate() {
            assert!(rest(caller).await.ends_with("well"), "{n}");
        }
    })
    .await;
}

#[tokio::test]
async fn fault_05_a_good_token_makes_a_connection_known_and_a_guess_does_not() {
    for (path, token, answers) in
        [("/v1/calls", READ, 2), ("/metrics", OPERATE, 2), ("/v1/calls", "guess", 1)]
    {
        let (tx, _) = tokio::sync::mpsc::channel(1); // no driver: a good token is answered 503
        let shelf = Arc::new(Shelf { asked: Questions::default() });
        // And a driver that has gone before it told anything.
        let (_, live) = crate::api::feed(
            7,
            Arc::new(crate::time::Timestamp::default),
            crate::words::Seq(0),
            crate::metrics::Follower::new(&crate::words::Roster::default()),
        );
        let app = Api::new(&SETTINGS, DriverHandle { tx }, live, Arc::new(|| None), shelf).router();
        serve_strangers(app, LIMITS, async |port| {
            let from = IpAddr::from([127, 0, 0, 1]);
            let authorized = format!("Authorization: Bearer {token}\r\n");
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{authorized}");
            let mut kept = send(from, port, &format!("{head}\r\n")).await.unwrap();
            let mut begun = [0; 12];
            kept.read_exact(&mut begun).await.unwrap();
            // Its network's share is answered later than it: it is the first that has to go.
            let mut held = Vec::new();
            for _ in 0..SHARE_MAX {
                let text = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
                let mut stream = send(from, port, text).await.unwrap();
                stream.read_exact(&mut begun).await.unwrap();
                held.push(stream);
            }
            let _ = kept.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
            let more = rest(kept).await.matches("HTTP/1.1").count();
            assert_eq!(1 + more, answers, "{path} {token}");
        })
        .await;
    }
}

#[tokio::test]
async fn fault_05_a_request_head_comes_soon_or_not_at_all() {
    const FOREVER: Duration = Duration::from_secs(100_000);
    let limits = Limits { head: Duration::from_millis(20), patience: FOREVER };
    among_strangers(limits, async |port| {
        let from = IpAddr::from([127, 0, 0, 1]);
        for half in ["", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            // Without the limit this would wait forever.
            assert_eq!(rest(send(from, port, half).await.unwrap()).await, "", "{half}");
        }
    })
    .await;
    let limits = Limits { head: FOREVER, patience: Duration::from_millis(20) };
    among_strangers(limits, async |port| {
        let text = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
        let stream = send([127, 0, 0, 1].into(), port, text).await.unwrap();
        assert!(!rest(stream).await.contains("well"), "a body that never comes");
    })
    .await;
}

#[test]
fn fault_08_a_head_that_is_no_http_is_refused() {
    serve(SETTINGS, async |served| {
        let host = "Host: x\r\nConnection: close\r\n";
        let two = "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n";
        let turned = "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n";
        for (head, want) in [
            ("GET /healthz HTTP/1.1\r\nConnection: close\r\n".to_owned(), 400),
            (format!("GET /healthz HTTP/1.1\r\n{host}host: x\r\n"), 400),
            ("GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n".to_owned(), 400),
            ("GET /healthz HTTP/1.1\r\nHost: a@b\r\nConnection: close\r\n".to_owned(), 400),
            ("GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n".to_owned(), 400),
            (format!("POST /healthz HTTP/1.1\r\n{host}{two}"), 400),
            (format!("POST /healthz HTTP/1.1\r\n{host}{turned}"), 400),
            ("GET /healthz HTTP/1.0\r\n".to_owned(), 200),
            (format!("GET http://elsewhere.example/healthz HTTP/1.1\r\n{host}"), 200),
            ("GET http://x.example/healthz HTTP/1.1\r\nConnection: close\r\n".to_owned(), 400),
            (format!("HEAD /healthz HTTP/1.1\r\n{host}"), 200),
            (format!("GET /nothing HTTP/1.1\r\n{host}"), 404),
            (format!("OPTIONS * HTTP/1.1\r\n{host}"), 404),
        ] {
            let body = if head.contains(": chunked") { "0\r\n\r\n" } else { "" };
            let (status, said) = served.raw(&format!("{head}\r\n{body}")).await;
            assert_eq!(status, want, "{head}");
            let is_json = serde_json::from_str::<serde_json::Value>(&said).is_ok();
            assert!(want == 200 || is_json, "{head}: {said}");
        }
        let body = format!("GET /healthz HTTP/1.1\r\n{host}Content-Length: 2\r\n\r\nhi");
        assert_eq!(served.raw(&body).await, (200, "ok\n".to_owned()));
    });
}

#[test]
fn fault_08_another_method_is_405_and_says_which_are_allowed() {
    serve(SETTINGS, async |served| {
        for (path, allowed) in [
            ("/healthz", "GET,HEAD"),
            ("/readyz", "GET,HEAD"),
            ("/metrics", "GET,HEAD"),
            ("/openapi.json", "GET,HEAD"),
            ("/v1/calls", "GET,HEAD,POST"),
            ("/v1/agents/alice/ready", "POST"),
            ("/v1/calls/7", "GET,HEAD,DELETE"),
        ] {
            for method in ["PUT", "PATCH", "TRACE", "BREW"] {
                let head = "Host: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                let head = format!("{method} {path} HTTP/1.1\r\n{head}");
                let stream = send([127, 0, 0, 1].into(), served.address, &head).await.unwrap();
                let answer = rest(stream).await.to_ascii_lowercase();
                assert!(answer.starts_with("http/1.1 405"), "{method} {path}: {answer}");
                let allow = format!("allow: {}\r\n", allowed.to_ascii_lowercase());
                assert!(answer.contains(&allow), "{method} {path}: {answer}");
                assert!(answer.contains("\"method_not_allowed\""), "{method} {path}: {answer}");
            }
        }
    });
}

#[test]
fn fault_07_wrong_tokens_behind_a_proxy_lock_out_nobody_else() {
    serve_behind(Arc::new(|ip| ip.is_loopback()), SETTINGS, async |served| {
        let line = "GET /v1/calls";
        let guesser = "X-Forwarded-For: 198.51.100.1, 203.0.113.66\r\n";
        for _ in 0..10 {
            assert_eq!(served.ask_with(guesser, line, "guess", None).await.0, 401);
        }
        assert_eq!(served.ask_with(guesser, line, OPERATE, None).await.0, 429);
        for other in ["X-Forwarded-For: 203.0.113.66, 198.51.100.1\r\n", ""] {
            assert_eq!(served.ask_with(other, line, OPERATE, None).await.0, 200, "{other}");
        }
    });
}

#[test]
fn fault_07_the_right_token_gets_in_from_this_machine_whoever_guesses_on_it() {
    serve(SETTINGS, async |served| {
        let line = "GET /v1/calls";
        for _ in 0..10 {
            assert_eq!(served.ask(line, "guess", None).await.0, 401);
        }
        assert_eq!(served.ask(line, "guess", None).await.0, 429);
        for line in [line, "GET /metrics"] {
            assert_eq!(served.ask(line, READ, None).await.0, 200, "{line}");
        }
        // A request that was passed on may be anybody's.
        let (status, body) = served.ask_with("Via: 1.1 x\r\n", line, READ, None).await;
        assert_eq!((status, &body["error"]), (429, &json!("too_many_wrong_tokens")));
    });
}

#[test]
fn fault_07_metrics_are_open_to_this_machine_itself_only() {
    let settings = Settings { metrics_open_on_loopback: true, ..SETTINGS };
    serve(settings, async |served| {
        let line = "GET /metrics";
        assert_eq!(served.ask(line, "", None).await.0, 200);
        for passed in ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 x"] {
            let more = format!("{passed}\r\n");
            assert_eq!(served.ask_with(&more, line, "", None).await.0, 401, "{passed}");
            assert_eq!(served.ask_with(&more, line, READ, None).await.0, 200, "{passed}");
        }
        // A page of another origin, under a name that means this machine for the moment.
        let rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
        assert_eq!(served.raw(rebound).await.0, 401);
    });
    // A client behind a proxy that adds no header looks like this machine, and is not.
    serve_behind(Arc::new(|ip| ip.is_loopback()), settings, async |served| {
        assert_eq!(served.ask("GET /metrics", "", None).await.0, 401);
        assert_eq!(served.ask("GET /metrics", READ, None).await.0, 200);
    });
}

/// As many clients send it: the head, and the body when it has gone.
#[test]
fn a_body_that_is_not_needed_and_comes_late_leaves_the_connection_for_the_next_request() {
    serve(SETTINGS, async |served| {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head = format!(
            "POST /v1/agents/alice/ready HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OPERATE}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server has seen the head once it has answered a client that came after it.
        assert_eq!(served.ask("GET /v1/calls", READ, None).await.0, 200);
        stream.write_all(b"{}").await.unwrap();
        let next = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(next.as_bytes()).await.unwrap();
        let mut answers = String::new();
        let _ = stream.read_to_string(&mut answers).await;
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    });
}
