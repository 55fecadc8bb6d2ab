//! Requests that a customer be dialed.

use super::*;
use crate::api::Made;
use crate::words::OutboundRequest;

/// As the driver answers: whoever asks with a key asks again.
pub(super) fn answer(ask: &OutboundRequest) -> Result<Made, Unconfirmed> {
    match ask.to.as_str() {
        "+882139900000" => {
            let number = ask.to.clone();
            Err(Unconfirmed::Refused(Refused::NotAllowed { number }))
        }
        "+14155550199" => Err(Unconfirmed::NotMade),
        _ => Ok(Made { call: CallId(41), is_repeat: ask.key.is_some() }),
    }
}

#[test]
fn a_customer_is_dialed_once_for_each_key() {
    serve(SETTINGS, async |served| {
        let ask = async |body: &Value| served.ask("POST /v1/calls", OPERATE, Some(body)).await;
        let body = json!({"to": "+14155550142", "flow": "support", "vars": {"order": 7}});
        let (status, made) = ask(&body).await;
        assert_eq!((status, &made["id"], &made["is_repeat"]), (201, &json!(41), &json!(false)));
        assert_eq!(made["live"]["id"], 41);
        let text = body.to_string();
        let head = format!(
            "POST /v1/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {OPERATE}\r\n\
             Idempotency-Key: order 7\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let (status, again) = served.raw(&head).await;
        assert_eq!(status, 200, "{again}");
        assert!(again.contains(r#""is_repeat":true"#), "{again}");
        let barred = json!({"to": "+882139900000", "queue": "help"});
        let (status, why) = ask(&barred).await;
        assert_eq!((status, &why["error"]), (409, &json!("refused")));
        let unwritten = json!({"to": "+14155550199", "queue": "help"});
        let (status, why) = ask(&unwritten).await;
        assert_eq!((status, &why["error"]), (503, &json!("not_written")));
        let asked = served.asked.lock().unwrap();
        assert!(asked[0].contains(r#"flow: Some("support")"#), "{asked:?}");
        assert!(asked[1].contains(r#"key: Some("order 7")"#), "{asked:?}");
        assert_eq!(*served.by.lock().unwrap(), ["operator (admin)"; 4]);
    });
}

#[test]
fn a_wrong_body_or_key_is_refused_by_its_name() {
    serve(SETTINGS, async |served| {
        let long = "x".repeat(65);
        for (wrong, named) in [
            (json!({}), "to"),
            (json!({"to": ""}), "to"),
            (json!({"to": long}), "to"),
            (json!({"to": "1", "flow": ""}), "flow"),
            (json!({"to": "1", "queue": long}), "queue"),
            (json!({"to": "1", "from": "a\nb\u{7}"}), "from"),
            (json!({"to": "1", "trunk": ""}), "trunk"),
            (json!({"to": "1", "ring_s": 4}), "ring_s"),
            (json!({"to": "1", "ring_s": 121}), "ring_s"),
            (json!({"to": "1", "ring_s": "soon"}), "string"),
            (json!({"to": "1", "vars": 7}), "map"),
            (json!({"to": "1", "numbers": []}), "numbers"),
        ] {
            let (status, said) = served.ask("POST /v1/calls", OPERATE, Some(&wrong)).await;
            let message = said["message"].as_str().unwrap_or_default().to_owned();
            assert!([400, 422].contains(&status), "{wrong}: {status} {said}");
            assert!(message.contains(named), "{wrong}: {message}");
        }
        let key = "x".repeat(65);
        let head = format!(
            "POST /v1/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {OPERATE}\r\n\
             Idempotency-Key: {key}\r\nContent-Length: 10\r\n\r\n{{\"to\":\"1\"}}"
        );
        let (status, said) = served.raw(&head).await;
        assert_eq!(status, 400);
        assert!(said.contains("Idempotency-Key"), "{said}");
        assert!(served.asked.lock().unwrap().is_empty());
    });
}
