//! The figures over HTTP: periods, groups, waterfalls, and what is refused by name.

use super::*;

#[test]
fn figures_are_of_a_period() {
    serve(SETTINGS, async |served| {
        let line = "GET /v1/metrics?since=2025-11-24T16:00:00Z";
        let (status, report) = served.ask(line, READ, None).await;
        assert_eq!((status, &report["calls"]), (200, &json!(3)));
        let until = NOW + Duration::from_millis(1);
        let period = Timestamp(1_764_000_000_000)..until;
        assert_eq!(*served.asked.lock().unwrap(), [format!("{period:?}")]);
        assert_eq!(served.ask("GET /v1/metrics?since=today", READ, None).await.0, 400);
        for (wrong, word) in [
            ("since=2025-11-25&until=2025-11-24", "before"),
            ("last=10000d", "3660 days"),
            ("last=soon", "24h"),
            ("since=2025-11-24T16:00:00+01:00", "%2B"),
            ("tz=Europe/Bonn", "Europe/Bonn"),
            ("short_abandon_s=9999", "short_abandon_s"),
            ("nonsense=1", "nonsense"),
        ] {
            let (status, body) = served.ask(&format!("GET /v1/metrics?{wrong}"), READ, None).await;
            assert_eq!(status, 400, "{wrong}");
            assert!(body["message"].as_str().unwrap().contains(word), "{wrong}: {body}");
        }
    });
}

#[test]
fn figures_come_in_groups_and_intervals() {
    serve(SETTINGS, async |served| {
        let line = "GET /v1/metrics/groups?last=week&tz=Europe/Berlin&by=number&interval=day\
                    &attribution=arrival";
        let (status, report) = served.ask(line, READ, None).await;
        assert_eq!(status, 200, "{report}");
        assert_eq!((&report["by"], &report["interval"]), (&json!("number"), &json!("day")));
        assert_eq!(report["groups"][0]["group"], "+14155550100", "{report}");
        assert_eq!(report["groups"][0]["calls"], 3);
        for (wrong, word) in [
            ("by=team", "no agent is in a team"),
            ("by=colour", "`colour`"),
            ("interval=minute", "`minute`"),
            ("attribution=later", "`later`"),
            ("only=billing", "`by`"),
            ("last=3000d&interval=15m", "10000 intervals"),
        ] {
            let line = format!("GET /v1/metrics/groups?{wrong}");
            let (status, body) = served.ask(&line, READ, None).await;
            assert_eq!(status, 400, "{wrong}");
            assert!(body["message"].as_str().unwrap().contains(word), "{wrong}: {body}");
        }
        for unknown in ["by=queue&only=nowhere", "by=agent&only=nobody"] {
            let line = format!("GET /v1/metrics/groups?{unknown}");
            let (status, body) = served.ask(&line, READ, None).await;
            assert_eq!(status, 400, "{unknown}");
            assert!(body["message"].as_str().unwrap().contains("is named"), "{body}");
        }
    });
}

#[test]
fn a_flow_has_a_waterfall_where_it_had_calls() {
    serve(SETTINGS, async |served| {
        let (status, report) = served.ask("GET /v1/flows/support/waterfall", READ, None).await;
        assert_eq!((status, &report["calls"]), (200, &json!(1)), "{report}");
        assert_eq!(served.ask("GET /v1/flows/nowhere/waterfall", READ, None).await.0, 404);
        let line = "GET /v1/flows/support/waterfall?since=2025-11-25&until=2025-11-24";
        assert_eq!(served.ask(line, READ, None).await.0, 400);
    });
}
