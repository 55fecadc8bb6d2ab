//! Requests of supervisors.

use super::*;
use crate::id::LegId;
use crate::words::{LegOutcome, ModeEntry, Party, PartyLeg, PartyRole, SupervisorStands};

/// As the driver answers: there is one call, which no one supervises.
pub(super) fn answer(call: CallId, wish: &Supervision, told: &Told) -> Result<(), Unconfirmed> {
    if call != CallId(41) {
        return Err(Unconfirmed::NotFound);
    }
    match wish {
        Supervision::Mode { mode, from: Some(Telephone::Agent { agent }) } => {
            let supervisor = SupervisorStands {
                agent: Some(agent.as_str().into()),
                number: None,
                by: "operator".into(),
                instead_of: None,
                mode: *mode,
                since: None,
            };
            let stands = Arc::new(waiting(Some(supervisor)));
            told.tell(vec![Fact::CallStands { call, stands }]);
            Ok(())
        }
        Supervision::Mode { .. } | Supervision::Leave => {
            Err(Unconfirmed::Refused(Refused::NoSupervisor { call }))
        }
    }
}

#[test]
fn a_supervisor_is_asked_for_and_shown() {
    serve(SETTINGS, async |served| {
        let ask = async |call: &str, body: &Value| {
            let line = format!("POST /v1/calls/{call}/supervise");
            served.ask(&line, OPERATE, Some(body)).await
        };
        let body = json!({"mode": "listen", "from": {"agent": "eve"}});
        let (status, call) = ask("41", &body).await;
        assert_eq!(status, 200, "{call}");
        let expected = json!({
            "agent": "eve", "number": null, "by": "operator", "mode": "listen", "since": null,
        });
        assert_eq!(call["supervisor"], expected);
        let (status, none) = ask("9", &body).await;
        assert_eq!((status, &none["error"]), (404, &json!("not_found")));
        let away = json!({"mode": "barge", "from": {"number": "+14155550177", "trunk": "away"}});
        let (status, why) = ask("41", &away).await;
        assert_eq!((status, &why["error"]), (409, &json!("refused")));
        assert_eq!(ask("41", &json!({"mode": "take_over"})).await.0, 409);
        let leave = async |call: &str| {
            served.ask(&format!("DELETE /v1/calls/{call}/supervise"), OPERATE, None).await
        };
        assert_eq!((leave("41").await.0, leave("9").await.0), (409, 404));
        assert_eq!(
            *served.asked.lock().unwrap(),
            [
                r#"call-41: Mode { mode: Listen, from: Some(Agent { agent: "eve" }) }"#,
                r#"call-9: Mode { mode: Listen, from: Some(Agent { agent: "eve" }) }"#,
                "call-41: Mode { mode: Barge, from: Some(Number { number: \"+14155550177\", \
                 trunk: Some(\"away\") }) }",
                "call-41: Mode { mode: TakeOver, from: None }",
                "call-41: Leave",
                "call-9: Leave",
            ]
        );
    });
}

#[test]
fn a_wrong_body_is_refused_by_the_name_of_the_field() {
    serve(SETTINGS, async |served| {
        let long = "x".repeat(65);
        for (wrong, named) in [
            (json!({}), "mode"),
            (json!({"mode": "shout"}), "mode"),
            (json!({"mode": "listen", "form": {}}), "form"),
            (json!({"mode": "listen", "from": "eve"}), "from"),
            (json!({"mode": "listen", "from": {}}), "`from`"),
            (json!({"mode": "listen", "from": {"login": "eve"}}), "login"),
            (json!({"mode": "listen", "from": {"agent": "eve", "number": "1"}}), "`from`"),
            (json!({"mode": "listen", "from": {"agent": "eve", "trunk": "away"}}), "`from`"),
            (json!({"mode": "listen", "from": {"trunk": "away"}}), "`from`"),
            (json!({"mode": "listen", "from": {"agent": ""}}), "from.agent"),
            (json!({"mode": "listen", "from": {"number": long}}), "from.number"),
            (json!({"mode": "listen", "from": {"number": "1", "trunk": "\u{7}"}}), "from.trunk"),
        ] {
            let line = "POST /v1/calls/41/supervise";
            let (status, body) = served.ask(line, OPERATE, Some(&wrong)).await;
            // What the document does not allow is 422, what it cannot say is 400.
            let expected = if named.starts_with("from.") || named == "`from`" { 400 } else { 422 };
            assert_eq!(status, expected, "{wrong}");
            let message = body["message"].as_str().unwrap();
            assert!(message.contains(named), "{wrong}: {message}");
        }
        assert_eq!(
            served.ask("POST /v1/calls/x/supervise", OPERATE, Some(&json!({}))).await.0,
            400
        );
        assert!(served.asked.lock().unwrap().is_empty());
    });
}

#[test]
fn a_record_says_who_supervised_how_and_from_when_on() {
    let leg = PartyLeg {
        leg: LegId { call: CallId(7), n: 1 },
        party: Party::Agent { id: AgentId(0), name: "alice".to_owned() },
        queue: None,
        dialed_at: Timestamp(0),
        answered_at: None,
        ended_at: None,
        outcome: LegOutcome::Accepted,
        cause: None,
        talk_ms: 0,
        hold_ms: 0,
        wrap_up: None,
        sent_to: None,
        consulted: false,
        handed_over: None,
        role: None,
        by: None,
        modes: Vec::new(),
    };
    let mode =
        |at: u64, mode| ModeEntry { at: Timestamp(1_764_000_000_000 + at), mode, instead_of: None };
    let modes = vec![mode(0, SupervisorMode::Whisper), mode(1_500, SupervisorMode::TakeOver)];
    let (role, by) = (Some(PartyRole::Supervisor), Some("operator".to_owned()));
    let supervisor = PartyLeg { role, by, modes, ..leg.clone() };
    let record = record_json(CallRecord { legs: vec![leg, supervisor], ..ended(7) });
    let (agent, supervisor) = (&record["legs"][0], &record["legs"][1]);
    assert!(agent.get("role").is_none() && agent.get("modes").is_none(), "{agent:#}");
    assert_eq!(
        (&supervisor["role"], &supervisor["by"]),
        (&json!("supervisor"), &json!("operator"))
    );
    let expected = json!([
        { "at": "2025-11-24T16:00:00.000Z", "mode": "whisper" },
        { "at": "2025-11-24T16:00:01.500Z", "mode": "take_over" },
    ]);
    assert_eq!(supervisor["modes"], expected);
}
