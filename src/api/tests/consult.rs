//! Requests to consult a party.

use super::*;

#[test]
fn a_number_an_agent_or_a_queue_is_consulted_and_never_two_of_them() {
    serve(SETTINGS, async |served| {
        let ask = async |body: &Value| {
            served.ask("POST /v1/agents/alice/consult", OPERATE, Some(body)).await
        };
        for right in [
            json!({"number": "+14155550123", "trunk": "away"}),
            json!({"agent": "bob"}),
            json!({"queue": "tech"}),
        ] {
            assert_eq!(ask(&right).await.0, 200, "{right}");
        }
        assert_eq!(
            *served.asked.lock().unwrap(),
            [
                "alice: Consult { target: Telephone(Number { number: \"+14155550123\", \
                 trunk: Some(\"away\") }) }",
                "alice: Consult { target: Telephone(Agent { agent: \"bob\" }) }",
                "alice: Consult { target: Queue { queue: \"tech\" } }",
            ]
        );
        let one = "exactly one of `number`";
        for (wrong, named) in [
            (json!({}), one),
            (json!({"trunk": "away"}), one),
            (json!({"number": "1", "agent": "bob"}), one),
            (json!({"number": "1", "queue": "tech"}), one),
            (json!({"agent": "bob", "queue": "tech"}), one),
            (json!({"agent": "bob", "trunk": "away"}), one),
            (json!({"queue": "tech", "trunk": "away"}), one),
            (json!({"agent": ""}), "`agent`"),
            (json!({"queue": "x".repeat(65)}), "`queue`"),
            (json!({"number": "\u{7}"}), "`number`"),
            (json!({"number": "1", "trunk": ""}), "`trunk`"),
            (json!({"to": "1"}), "to"),
        ] {
            let (status, body) = ask(&wrong).await;
            assert!(status == 400 || status == 422, "{wrong}: {status}");
            let message = body["message"].as_str().unwrap();
            assert!(message.contains(named), "{wrong}: {message}");
        }
        assert_eq!(served.asked.lock().unwrap().len(), 3);
    });
}
