//! Bodies that are left out or cannot be read, and what is said where nothing has the name.

use serde_json::json;

use super::{OPERATE, READ, SETTINGS, serve};

#[test]
fn a_body_of_what_may_be_left_out_may_be_left_out() {
    serve(SETTINGS, async |served| {
        for action in ["not-ready", "wrap-up"] {
            let (status, answer) = served
                .raw(&format!(
                    "POST /v1/agents/alice/{action} HTTP/1.1\r\nHost: localhost\r\n\
                     Connection: close\r\nAuthorization: Bearer {OPERATE}\r\n\r\n"
                ))
                .await;
            assert_eq!(status, 200, "{action}: {answer}");
        }
        let (status, answer) = served
            .raw(&format!(
                "POST /v1/agents/alice/transfer HTTP/1.1\r\nHost: localhost\r\n\
                 Connection: close\r\nAuthorization: Bearer {OPERATE}\r\n\
                 Content-Length: 14\r\n\r\n{{\"step\":\"help\"}}"
            ))
            .await;
        assert_eq!(status, 415);
        assert!(answer.contains("-H 'Content-Type: application/json'"), "{answer}");
    });
}

#[test]
fn a_wrong_field_is_named_in_the_words_of_the_interface() {
    serve(SETTINGS, async |served| {
        let body = json!({"mode": "listen", "from": "eve"});
        let line = "POST /v1/calls/41/supervise";
        let (status, answer) = served.ask(line, OPERATE, Some(&body)).await;
        let said = answer["message"].as_str().expect("words");
        assert_eq!(status, 422);
        assert!(said.starts_with("from: ") && said.contains("{\"agent\": NAME}"), "{said}");
        assert!(!said.contains("SuperviseFrom") && !said.contains("deserialize"), "{said}");
    });
}

#[test]
fn what_is_not_there_is_named() {
    serve(SETTINGS, async |served| {
        for (path, said) in [
            ("/v1/agents/nope", "no agent is named `nope`"),
            ("/v1/queues/nope", "no queue is named `nope`"),
            ("/v1/why/99", "call-99 is not waiting: it is not up"),
            ("/v1/records/99", "call-99 is not up and has no record"),
            ("/v2/calls", "there is no such path"),
        ] {
            let (status, answer) = served.ask(&format!("GET {path}"), READ, None).await;
            assert_eq!((status, &answer["message"]), (404, &json!(said)), "{path}");
        }
    });
}
