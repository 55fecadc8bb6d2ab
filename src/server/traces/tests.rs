//! A trace of a call, and a collector that is slow, down, or there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use expect_test::expect;
use serde_json::json;

use super::*;

/// A caller who waited ten seconds for Alice, talked for a minute, and was put through to a number.
fn record() -> CallRecord {
    let leg = |n: u16, party: Value, answered_at: Option<u64>, ended_at: u64| {
        json!({
            "leg": { "call": 41, "n": n }, "party": party, "queue": null, "dialed_at": 12_000,
            "answered_at": answered_at, "ended_at": ended_at, "outcome": "accepted",
            "cause": null, "talk_ms": 50_000, "hold_ms": 10_000, "wrap_up": null,
        })
    };
    let mut record: CallRecord = serde_json::from_value(json!({
        "call": 41, "from": "+14155550100", "from_name": "Ann", "account": "a-1", "to": "200",
        "via": "trunk:t", "flow": "s@1", "language": null, "intent": null,
        "arrived_at": 1_000, "answered_at": 1_500, "ended_at": 80_000,
        "outcome": "handled", "ended_by": "caller", "cause": 16,
        "path": [
            { "at": 1_500, "step": "greeting",
              "inputs": [{ "at": 2_000, "outcome": "matched", "keys": "7" }] },
            { "at": 4_000, "step": "billing", "failed": true },
        ],
        "queued": [{ "queue": "billing", "entered_at": 4_000, "left_at": 14_000,
            "left": "answered", "priority": 0 }],
        "legs": [], "vars": { "pin": "9999" },
    }))
    .unwrap();
    let alice = leg(1, json!({ "agent": { "id": 3, "name": "alice" } }), Some(14_000), 74_000);
    record.legs = vec![serde_json::from_value(alice).unwrap()];
    record
}

fn wrap_up(acw_ms: u64) -> WrapUp {
    let leg = LegId { call: CallId(41), n: 1 };
    WrapUp { leg, acw_ms, resolved: None, intent: None, note: None }
}

/// A line per span: name, start and end, kind, what it says.
fn lines(spans: &[Value]) -> String {
    let line = |span: &Value| {
        let attributes = span["attributes"].as_array().unwrap().iter();
        let attributes: Vec<String> = attributes
            .map(|it| {
                let value = it["value"].as_object().unwrap().values().next().unwrap();
                format!("{}={}", it["key"].as_str().unwrap(), value.as_str().unwrap())
            })
            .collect();
        let [start, end] = ["startTimeUnixNano", "endTimeUnixNano"]
            .map(|key| span[key].as_str().unwrap().parse::<u64>().unwrap() / 1_000_000);
        let status = span["status"].get("code").map_or("", |_| " ERROR");
        format!(
            "{} {start}-{end} kind {}{status} [{}]\n",
            span["name"].as_str().unwrap(),
            span["kind"],
            attributes.join(" ")
        )
    };
    spans.iter().map(line).collect()
}

#[test]
fn a_call_is_a_trace_of_its_steps_waits_and_talks_and_says_nothing_of_the_caller() {
    let record = record();
    let trace = otlp::Trace::of(&record);
    let mut spans = trace.spans(&record);
    spans.extend(trace.after_call_work((wrap_up(5_000).leg, "alice"), Timestamp(74_000), 5_000));
    expect![[r#"
        call 41 1000-80000 kind 2 [call=call-41 via=trunk:t outcome=handled ended_by=caller cause=16 flow=s@1]
        step greeting 1500-4000 kind 1 [step=greeting]
        step billing 4000-80000 kind 1 ERROR [step=billing]
        queue billing 4000-14000 kind 1 [queue=billing left=answered]
        ring alice 12000-14000 kind 1 [party=alice outcome=accepted]
        talk alice 14000-74000 kind 1 [party=alice hold_ms=10000]
        after-call work alice 74000-79000 kind 1 [party=alice]
    "#]]
    .assert_eq(&lines(&spans));
    let text = otlp::request(spans.clone()).to_string();
    for private in ["+1415", "Ann", "a-1", "9999", "pin", "\"7\""] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    let (whole, parts) = spans.split_first().unwrap();
    assert_eq!(whole.get("parentSpanId"), None);
    assert!(parts.iter().all(|part| part["parentSpanId"] == whole["spanId"]));
    let ids: std::collections::BTreeSet<&str> =
        spans.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), spans.len(), "each span has an id of its own");
    for span in &spans {
        assert_eq!(span["traceId"], whole["traceId"]);
        let [trace, id] = ["traceId", "spanId"].map(|key| span[key].as_str().unwrap().len());
        assert_eq!((trace, id), (32, 16), "hexadecimal, of 16 and of 8 bytes");
    }
}

/// What a collector got: head and body.
type Got = (String, Value);

/// Answers requests with these statuses, one connection each, and says what it got.
fn collector(statuses: &'static [u16]) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (say, got) = sync_channel(statuses.len());
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read(&stream);
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n");
            stream.write_all((head + "Connection: close\r\n\r\n").as_bytes()).unwrap();
            say.send(request).unwrap();
        }
    });
    (url, got)
}

fn read(stream: &TcpStream) -> Got {
    let mut reader = BufReader::new(stream);
    let (mut head, mut len) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let before = head.len();
        reader.read_line(&mut head).unwrap();
        let line = head[before..].to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            len = text.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).unwrap();
    (head.to_ascii_lowercase(), serde_json::from_slice(&body).unwrap())
}

fn settings(url: String) -> Settings {
    let token = Some(crate::config::Secret::from("collectors-token"));
    Settings { url, token }
}

fn names(request: &Value) -> Vec<&str> {
    let spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    spans.iter().map(|span| span["name"].as_str().unwrap()).collect()
}

#[test]
fn a_collector_that_cannot_now_gets_the_same_again_and_later_work_in_the_same_trace() {
    let (url, collector) = collector(&[503, 200, 200]);
    let next = || collector.recv_timeout(Duration::from_secs(30)).unwrap();
    let traces = Traces::start(Some(&settings(url))).unwrap();
    traces.ended(&record());
    let (refused, again) = (next(), next());
    assert!(refused.0.contains("authorization: bearer collectors-token"), "{}", refused.0);
    assert_eq!(refused.1, again.1, "the same again");
    assert_eq!(names(&again.1)[0], "call 41");
    traces.wrapped_up(CallId(41), &wrap_up(5_000));
    drop(traces); // ends after what it has is sent
    let work = next();
    assert_eq!(names(&work.1), ["after-call work alice"]);
    let trace =
        |got: &Got| got.1["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"].clone();
    assert_eq!(trace(&work), trace(&again));
}

#[test]
fn without_a_collector_nothing_is_done_and_one_that_stands_still_holds_up_no_driver() {
    let none = Traces::start(None).unwrap();
    none.ended(&record());
    assert!(none.thread.is_none());
    // It accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut traces = Traces::start(Some(&settings(url))).unwrap();
    let many = 2 * WAITING_MAX;
    for _ in 0..many {
        traces.ended(&record());
    }
    assert!(traces.lost.load(Ordering::Relaxed) > 0, "it is counted");
    // Not waited for here: it would wait for the collector.
    drop((traces.ended.take(), traces.thread.take()));
}
