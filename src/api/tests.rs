//! The interface over a real socket, in front of a driver that plays back one snapshot.

mod bodies;
mod consult;
mod dashboard;
mod door;
mod events;
mod figures;
mod metrics;
mod outbound;
mod own;
mod records;
mod reload;
mod roles;
mod shelf;
mod supervision;
mod told;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use expect_test::expect;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use super::*;
use crate::api::guard::IsProxy;
use crate::center::snapshot::AgentView;
use crate::id::AgentId;
use crate::metrics::Follower;
use crate::time::Timestamp;
use crate::words::{
    AgentState, CallOutcome, CallRecord, Cause, EndedBy, Fact, NamedVia, Roster, Seq,
};

use shelf::Shelf;
use told::{NOW, Told, facts, snapshot, stands, waiting};

const READ: &str = "read-token-read-token-read-token";
const OPERATE: &str = "operate-token-operate-token-oper";

/// What was asked of the driver and of the archive.
type Questions = Arc<Mutex<Vec<String>>>;

fn ended(call: u64) -> CallRecord {
    CallRecord {
        call: CallId(call),
        from: Some("+14155550123".to_owned()),
        from_name: None,
        account: None,
        segment: None,
        to: "+14155550100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        flow: None,
        language: None,
        intent: None,
        arrived_at: Timestamp(1_764_000_000_000),
        answered_at: None,
        self_service: None,
        milestones: Vec::new(),
        notes: Vec::new(),
        caller_left_at: None,
        ended_at: Timestamp(1_764_000_001_500),
        outcome: CallOutcome::Failed,
        ended_by: EndedBy::ServerLost,
        cause: Cause::TEMPORARY_FAILURE,
        path: Vec::new(),
        queued: Vec::new(),
        legs: Vec::new(),
        vars: BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    }
}

fn agent(state: AgentState) -> AgentView {
    AgentView {
        agent: AgentId(0),
        name: "alice".to_owned(),
        display_name: None,
        team: None,
        state,
        since: Timestamp(0),
        reachable: true,
        call: None,
        own_call: None,
        skills: vec![("billing".to_owned(), 5)],
        handled: 3,
    }
}

/// A server that takes calls.
fn well() -> HealthSource {
    Arc::new(|| Some(Health { accepting: true, ..Health::default() }))
}

/// Answers as the driver would, on a thread of its own.
fn drive(mut inbox: mpsc::Receiver<Request>, asked: &Questions, names: &Questions, told: &Told) {
    while let Some(request) = inbox.blocking_recv() {
        match request {
            Request::Ask { agent: name, ask, by, reply } => {
                names.lock().unwrap().push(by.to_string());
                asked.lock().unwrap().push(format!("{name}: {ask:?}"));
                let answer = match ask {
                    _ if name != "alice" => Err(Unconfirmed::NotFound),
                    AgentRequest::Resume => {
                        Err(Unconfirmed::Refused(Refused::HeldByTelephone { agent: name }))
                    }
                    AgentRequest::LogOut => Err(Unconfirmed::Unwritten),
                    _ => {
                        told.tell(vec![Fact::AgentStands(Arc::new(stands(AgentState::Ready)))]);
                        Ok(())
                    }
                };
                drop(reply.send(answer));
            }
            Request::Supervise { call, wish, by, reply } => {
                names.lock().unwrap().push(by.to_string());
                asked.lock().unwrap().push(format!("{call}: {wish:?}"));
                drop(reply.send(supervision::answer(call, &wish, told)));
            }
            Request::Dial { ask, by, reply } => {
                names.lock().unwrap().push(by.to_string());
                asked.lock().unwrap().push(format!("{ask:?}"));
                drop(reply.send(outbound::answer(&ask)));
            }
            Request::TellAnew(reply) => drop(reply.send(())),
            Request::EndCall { call, by: _, reply } => {
                let _ = reply.send(match call {
                    CallId(41) => Ok(()),
                    CallId(42) => Err(Unconfirmed::Unwritten),
                    _ => Err(Unconfirmed::NotFound),
                });
            }
        }
    }
}

struct Served {
    address: SocketAddr,
    asked: Questions,
    told: Arc<Told>,
    live: Arc<Live>,
    by: Questions,
    api: Api,
}

/// Runs `test` against the interface, which no proxy passes requests on to.
fn serve<F: Future<Output = ()>>(settings: Settings<'_>, test: impl FnOnce(Served) -> F) {
    serve_behind(Arc::new(|_| false), settings, test);
}

/// As [`serve`], behind these proxies.
fn serve_behind<F: Future<Output = ()>>(
    is_proxy: IsProxy,
    settings: Settings<'_>,
    test: impl FnOnce(Served) -> F,
) {
    let asked = Questions::default();
    let (tx, inbox) = mpsc::channel(8);
    let (teller, live) = feed(7, Arc::new(|| NOW), Seq(0), Follower::new(&Roster::default()));
    let told = Arc::new(Told::new(teller));
    told.tell(facts());
    let by = Questions::default();
    let driver = {
        let (asked, by, told) = (Arc::clone(&asked), Arc::clone(&by), Arc::clone(&told));
        std::thread::spawn(move || drive(inbox, &asked, &by, &told))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let shelf = Arc::new(Shelf { asked: Arc::clone(&asked) });
        let api = Api::new(&settings, DriverHandle { tx }, Arc::clone(&live), well(), shelf);
        api.set_reloads(super::reload::idle());
        let (served, live_too) = (api.clone(), Arc::clone(&live));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::select! {
            ended = listen(api, listener, is_proxy) => panic!("{ended:?}"),
            () = live.keep_up() => {}
            () = test(Served { live: live_too, api: served, address, asked, told, by }) => {}
        }
    });
    drop(runtime);
    driver.join().unwrap();
}

const SETTINGS: Settings<'_> = Settings {
    read_token: Some(READ),
    operate_token: Some(OPERATE),
    tokens: &[],
    metrics_open_on_loopback: false,
    requests_max: 8,
};

impl Served {
    async fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A refused body may reset the connection after the answer.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    async fn ask(&self, line: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_with("", line, token, body).await
    }

    /// As [`Self::ask`], with these lines in the head.
    async fn ask_with(
        &self,
        more: &str,
        line: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let len = body.len();
        let (status, body) = self
            .raw(&format!(
                "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\
                 Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
            ))
            .await;
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }
}

#[test]
fn the_document_lists_what_there_is() {
    let document = serde_json::to_value(document()).unwrap();
    let mut lines = String::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            lines.push_str(&format!("{method} {path}: {summary}\n"));
            // What changes something is not confirmed while the disk takes nothing.
            let is_said = method == "get" || operation["responses"].get("503").is_some();
            assert!(is_said, "{method} {path} is never 503");
        }
    }
    expect![[r#"
        get /healthz: Whether this process answers.
        get /metrics: Gauges and counters in the text format of Prometheus.
        get /readyz: Whether new calls should come here: 200, or 503 while draining or while the disk takes nothing.
        get /v1/agents: The agents and what they do.
        get /v1/agents/{name}: One agent.
        post /v1/agents/{name}/complete: The agent leaves, and the caller goes on with whom the agent consults.
        post /v1/agents/{name}/conference: Caller, agent and whom the agent consults hear each other.
        post /v1/agents/{name}/consult: Puts the caller on hold and dials another party for the agent.
        post /v1/agents/{name}/hold: Puts the caller on hold, who hears music then.
        post /v1/agents/{name}/login: Logs an agent in. The agent is not ready then.
        post /v1/agents/{name}/logout: Logs an agent out; a call that is up goes on.
        post /v1/agents/{name}/not-ready: Takes an agent out of the queues, now or after the present call.
        post /v1/agents/{name}/ready: Makes an agent ready for calls, now or after the present one.
        post /v1/agents/{name}/recording/pause: Records silence until it is resumed: while a card number is said, for instance.
        post /v1/agents/{name}/recording/resume: Records both sides again.
        post /v1/agents/{name}/recording/start: Records what both sides say from now on, or goes on with that.
        post /v1/agents/{name}/resume: Back to the caller; who is consulted is hung up.
        post /v1/agents/{name}/transfer: The agent leaves, and the call goes on at a step of its flow.
        post /v1/agents/{name}/wrap-up: Ends after-call work, and says what came of the call.
        post /v1/callers/erase: Takes a caller out of everything that is kept of ended calls.
        get /v1/calls: The calls that are up.
        post /v1/calls: Dials a customer, who is led into a flow on answering.
        delete /v1/calls/{id}: Ends a call.
        get /v1/calls/{id}: One call: as it is now, or its record when it has ended.
        delete /v1/calls/{id}/supervise: Hangs up the supervisor of a call; the others go on.
        post /v1/calls/{id}/supervise: Rings a supervisor, who listens to a call or speaks into it; or changes the mode of who does.
        get /v1/config: Which configuration runs, since when, who brought it, and how the files differ from it.
        get /v1/events: Events as they happen: first how things stand, then every fact (server-sent events).
        get /v1/flows/{flow}/waterfall: What callers did at each step of a flow that asks for keys, and what would save them time.
        get /v1/metrics: The figures of a period: AHT, FCR, ASA, service level, abandonment and occupancy.
        get /v1/metrics/groups: The figures of a period by queue, agent, team, intent, flow, number dialed, segment or variable,
        and by intervals of local time.
        get /v1/queues: The queues, with how many wait and who works.
        get /v1/queues/{name}: One queue and the calls in it, first in line first.
        get /v1/records: Calls that ended, the latest first.
        get /v1/records/{id}: One call that ended.
        get /v1/records/{id}/recordings/{name}: What a caller left, or both sides said, as a WAV file: 16 bit, 8 kHz.
        post /v1/reload: Read the configuration, the flows, the sounds and the callers again. Calls that are up keep the
        flow they began with.
        get /v1/why/{id}: Why a waiting call is with no agent yet: what speaks for and against each agent.
    "#]].assert_eq(&lines);
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}

#[test]
fn nothing_answers_without_a_token_and_nothing_changes_without_the_right_one() {
    let document = serde_json::to_value(document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("queues/{name}", "queues/billing");
        let path = path.replace("recordings/{name}", "recordings/call-7-1");
        let path = path.replace("{name}", "alice").replace("{flow}", "support");
        let path = path.replace("records/{id}", "records/7").replace("{id}", "41");
        if !path.starts_with("/v1/") {
            continue;
        }
        let methods: Vec<&String> = item.as_object().unwrap().keys().collect();
        // An interface for each path: too many wrong tokens would be answered otherwise.
        serve(SETTINGS, async |served| {
            served.live.end(); // who listens to events gets the last of them at once
            for method in methods {
                let line = format!("{} {path}", method.to_uppercase());
                for wrong in ["", "x", "operate-token-operate-token-opeR"] {
                    let (status, body) = served.ask(&line, wrong, None).await;
                    assert_eq!((status, &body["error"]), (401, &json!("unauthorized")), "{line}");
                }
                // What callers said is for those who may act.
                let looks = method == "get" && !path.contains("recordings");
                let expected = if looks { 200 } else { 403 };
                let (status, _) = served.ask(&line, READ, None).await;
                assert_eq!(status, expected, "{line}");
            }
        });
    }
    serve(SETTINGS, async |served| {
        assert_eq!(served.ask("GET /metrics", "", None).await.0, 401);
        assert_eq!(served.ask("GET /metrics", READ, None).await.0, 200);
        for open in ["/healthz", "/readyz", "/openapi.json"] {
            assert_eq!(served.ask(&format!("GET {open}"), "", None).await.0, 200, "{open}");
        }
    });
}

#[test]
fn who_guesses_tokens_is_told_to_wait() {
    serve(SETTINGS, async |served| {
        let from = "X-Forwarded-For: 192.0.2.1\r\n";
        for _ in 0..20 {
            // No token is no guess.
            assert_eq!(served.ask_with(from, "GET /v1/calls", "", None).await.0, 401);
        }
        for line in ["GET /metrics", "GET /v1/calls"].into_iter().cycle().take(10) {
            assert_eq!(served.ask_with(from, line, "guess", None).await.0, 401);
        }
        for (line, token) in [("GET /v1/calls", OPERATE), ("GET /metrics", READ)] {
            let (status, body) = served.ask_with(from, line, token, None).await;
            assert_eq!((status, &body["error"]), (429, &json!("too_many_wrong_tokens")));
        }
        assert_eq!(served.ask_with(from, "GET /healthz", "", None).await.0, 200);
    });
}

#[test]
fn without_tokens_nobody_gets_in() {
    let settings = Settings { read_token: None, operate_token: Some(""), ..SETTINGS };
    serve(settings, async |served| {
        assert_eq!(served.ask("GET /v1/calls", "", None).await.0, 401);
    });
    serve(Settings { metrics_open_on_loopback: true, ..settings }, async |served| {
        assert_eq!(served.ask("GET /metrics", "", None).await.0, 200);
    });
}

#[test]
fn calls_are_shown_live_and_ended() {
    serve(SETTINGS, async |served| {
        let (status, live) = served.ask("GET /v1/calls/41", READ, None).await;
        assert_eq!(status, 200);
        assert_eq!(live["live"]["state"], "waiting");
        assert_eq!(live["live"]["path"][0]["at"], "2025-11-24T16:00:00.000Z");
        let (status, ended) = served.ask("GET /v1/calls/7", READ, None).await;
        assert_eq!((status, &ended["ended"]["ended_by"]), (200, &json!("server_lost")));
        assert_eq!(ended["ended"]["cause_name"], "temporary_failure");
        let (status, nothing) = served.ask("GET /v1/calls/9", READ, None).await;
        assert_eq!((status, &nothing["error"]), (404, &json!("not_found")));
        assert_eq!(served.ask("GET /v1/calls/x", READ, None).await.0, 400);
        assert_eq!(served.ask("DELETE /v1/calls/41", OPERATE, None).await.0, 204);
        assert_eq!(served.ask("DELETE /v1/calls/9", OPERATE, None).await.0, 404);
        for change in ["DELETE /v1/calls/42", "POST /v1/agents/alice/logout"] {
            let (status, made) = served.ask(change, OPERATE, None).await;
            assert_eq!((status, &made["error"]), (503, &json!("unwritten")), "{change}");
            assert!(made["message"].as_str().is_some_and(|it| it.starts_with("this is done, but")));
        }
        let (_, why) = served.ask("GET /v1/why/41", READ, None).await;
        assert_eq!(why["agents"][0]["verdict"], "not_ready");
        let (_, queue) = served.ask("GET /v1/queues/billing", READ, None).await;
        assert_eq!((&queue["longest_wait_s"], &queue["calls"][0]["id"]), (&json!(4), &json!(41)));
    });
}

#[test]
fn agents_are_told_what_was_asked() {
    serve(SETTINGS, async |served| {
        let ask = async |action: &str, body: Option<&Value>| {
            served.ask(&format!("POST /v1/agents/{action}"), OPERATE, body).await
        };
        let (status, agent) = ask("alice/ready", None).await;
        assert_eq!((status, &agent["state"]), (200, &json!("ready")));
        assert_eq!(ask("nobody/ready", None).await.0, 404);
        assert_eq!(ask("alice/not-ready", Some(&json!({"reason": "lunch"}))).await.0, 200);
        assert_eq!(ask("alice/not-ready", Some(&json!({}))).await.0, 200);
        assert_eq!(ask("alice/not-ready", None).await.0, 200);
        let wrap_up = json!({"resolved": true, "intent": "refund"});
        assert_eq!(ask("alice/wrap-up", Some(&wrap_up)).await.0, 200);
        assert_eq!(ask("alice/hold", None).await.0, 200);
        let there = json!({"step": "tech", "vars": {"n": 2}});
        assert_eq!(ask("alice/transfer", Some(&there)).await.0, 200);
        assert_eq!(ask("alice/consult", Some(&json!({"number": "+14155550123"}))).await.0, 200);
        assert_eq!(ask("alice/complete", None).await.0, 200);
        assert_eq!(ask("alice/conference", None).await.0, 200);
        let (status, why) = ask("alice/resume", None).await;
        assert_eq!((status, &why["error"]), (409, &json!("refused")));
        assert!(why["message"].as_str().unwrap().contains("hold key"), "{why}");
        assert_eq!(
            *served.asked.lock().unwrap(),
            [
                "alice: Ready",
                "nobody: Ready",
                "alice: NotReady { reason: \"lunch\" }",
                "alice: NotReady { reason: \"\" }",
                "alice: NotReady { reason: \"\" }",
                "alice: EndWrapUp { call: None, said: Disposition { resolved: Some(true), intent: \
                 Some(\"refund\"), note: None } }",
                "alice: Hold",
                "alice: Transfer { step: \"tech\", vars: {\"n\": Number(2)} }",
                "alice: Consult { target: Telephone(Number { number: \"+14155550123\", \
                 trunk: None }) }",
                "alice: Complete",
                "alice: Conference",
                "alice: Resume",
            ]
        );
        for wrong in
            [json!({}), json!({"reason": ""}), json!({"reason": "a\u{7}"}), json!({"r": 1})]
        {
            for action in ["alice/not-ready", "alice/transfer", "alice/consult"] {
                if action == "alice/not-ready" && wrong == json!({}) {
                    continue; // the reason may be left out
                }
                let (status, body) = ask(action, Some(&wrong)).await;
                assert!(status == 400 || status == 422, "{wrong}: {status}");
                assert!(body["help"].is_string(), "{wrong}: {body}");
            }
        }
    });
}

#[test]
fn what_is_too_large_is_refused() {
    serve(SETTINGS, async |served| {
        let long = "x".repeat(17 * 1024);
        let end = "Host: x\r\nConnection: close\r\n\r\n";
        let (status, _) =
            served.raw(&format!("GET /v1/calls HTTP/1.1\r\nX: {long}\r\n{end}")).await;
        assert_eq!(status, 431);
        let (status, _) = served.raw(&format!("GET /{} HTTP/1.1\r\n{end}", &long[..9_000])).await;
        assert_eq!(status, 414);
        let body = json!({"reason": "x".repeat(BODY_LEN_MAX)});
        let (status, _) = served.ask("POST /v1/agents/alice/not-ready", OPERATE, Some(&body)).await;
        assert_eq!(status, 413);
        let (status, body) = served.ask("GET /v2/calls", OPERATE, None).await;
        assert_eq!((status, &body["error"]), (404, &json!("not_found")));
        let (status, body) = served.ask("PUT /v1/calls", OPERATE, None).await;
        assert_eq!((status, &body["error"]), (405, &json!("method_not_allowed")));
    });
    serve(Settings { requests_max: 0, ..SETTINGS }, async |served| {
        assert_eq!(served.ask("GET /v1/calls", OPERATE, None).await.0, 503);
    });
}

#[test]
fn a_driver_that_is_gone_is_a_503() {
    let (tx, inbox) = mpsc::channel(1);
    drop(inbox);
    let (teller, live) = feed(7, Arc::new(|| NOW), Seq(0), Follower::new(&Roster::default()));
    let shelf = Arc::new(Shelf { asked: Questions::default() });
    let api = Api::new(&SETTINGS, DriverHandle { tx }, live, Arc::new(|| None), shelf);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wait = ApiError::banned(Duration::from_secs(599)).into_response();
    assert_eq!(wait.headers()[header::RETRY_AFTER], "599");
    let end = |reply| Request::EndCall { call: CallId(41), by: Principal::admin("ops"), reply };
    let error = runtime.block_on(api.ask(end)).unwrap_err();
    assert_eq!(error.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    let error = api.health().unwrap_err();
    assert_eq!(error.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(teller);
    let error = runtime.block_on(api.look(|_, _, _| ())).unwrap_err();
    assert_eq!(error.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn prometheus_reads_the_present() {
    let health = Health { accepting: true, registrations: 2, ..Health::default() };
    let text = prometheus::text(&snapshot(), &health);
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    expect![[r#"
        attendant_calls{state="in_flow"} 0
        attendant_calls{state="waiting"} 1
        attendant_calls{state="offered"} 0
        attendant_calls{state="dialing"} 0
        attendant_calls{state="talking"} 0
        attendant_agent_calls 0
        attendant_outbound_calls 0
        attendant_queue_waiting{queue="billing"} 1
        attendant_queue_longest_wait_seconds{queue="billing"} 4
        attendant_calls_total{outcome="handled"} 0
        attendant_calls_total{outcome="abandoned"} 0
        attendant_calls_total{outcome="overflowed"} 0
        attendant_calls_total{outcome="exited"} 0
        attendant_calls_total{outcome="voicemail"} 0
        attendant_calls_total{outcome="transferred"} 0
        attendant_calls_total{outcome="contained"} 0
        attendant_calls_total{outcome="ivr_abandoned"} 0
        attendant_calls_total{outcome="refused"} 0
        attendant_calls_total{outcome="failed"} 0
        attendant_agent_calls_total 0
        attendant_outbound_calls_total{reached="no"} 0
        attendant_outbound_calls_total{reached="yes"} 0
        attendant_agents{state="logged_out"} 0
        attendant_agents{state="not_ready"} 1
        attendant_agents{state="ready"} 0
        attendant_agents{state="reserved"} 0
        attendant_agents{state="talking"} 0
        attendant_agents{state="after_call_work"} 0
        attendant_agents{state="on_own_call"} 0
        attendant_accepting 1
        attendant_draining 0
        attendant_registrations 2
        attendant_journal_failing 0
        attendant_records_failing 0
        attendant_recordings_failing 0
        attendant_database_failing 0
        attendant_database_waiting 0
        attendant_store_waiting 0
        attendant_store_lost_total 0"#]]
    .assert_eq(&samples.join("\n"));
}

/// As in the server.
async fn listen(api: Api, listener: TcpListener, is_proxy: IsProxy) -> std::io::Result<()> {
    super::door::serve(listener, api.router(), is_proxy, std::future::pending()).await
}

#[test]
fn a_recording_is_sent_whole_or_in_part_under_its_own_name_only() {
    serve(SETTINGS, async |served| {
        let ask = async |path: &str, range: &str| {
            let head = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer";
            let request = format!("GET /v1/records/{path} {head} {OPERATE}\r\n{range}\r\n");
            served.raw(&request).await
        };
        let recording = "7/recordings/call-7-1";
        assert_eq!(ask(recording, "").await, (200, "0123456789".to_owned()));
        assert_eq!(ask(recording, "Range: bytes=2-4\r\n").await, (206, "234".to_owned()));
        assert_eq!(ask(recording, "Range: bytes=-3\r\n").await, (206, "789".to_owned()));
        assert_eq!(ask(recording, "Range: bytes=10-\r\n").await.0, 416);
        for other in ["8/recordings/call-8-1", "8/recordings/call-7-1", "7/recordings/call-07-1"] {
            assert_eq!(ask(other, "").await.0, 404, "{other}");
        }
        for escape in ["7/recordings/..%2f..%2fcalls.db", "x/recordings/call-7-1"] {
            assert_eq!(ask(escape, "").await.0, 404, "{escape}");
        }
    });
}
