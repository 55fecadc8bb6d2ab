//! Records: filtered, in pages, and while much is being read.

use serde_json::{Value, json};

use super::{OPERATE, READ, SETTINGS, serve};

#[test]
fn records_are_filtered_and_paged() {
    serve(SETTINGS, async |served| {
        let line = "GET /v1/records?since=2025-11-24T16:00:00Z&outcome=failed&limit=2\
                    &number=%2B14155550123";
        let (status, page) = served.ask(line, READ, None).await;
        assert_eq!((status, &page["next"]), (200, &json!(6)));
        let (_, last) = served.ask("GET /v1/records?before=6", READ, None).await;
        assert_eq!(last["next"], Value::Null);
        let asked = served.asked.lock().unwrap()[0].clone();
        assert!(asked.contains("since: Some(Timestamp(1764000000000))"), "{asked}");
        assert!(asked.contains("outcome: Some(Failed)"), "{asked}");
        assert!(asked.contains("number: Some(\"+14155550123\")"), "{asked}");
        for wrong in [
            "since=yesterday",
            "outcome=lost",
            "colour=red",
            "limit=-1",
            "limit=0",
            "limit=501",
            "before=leg-6",
        ] {
            let (status, body) = served.ask(&format!("GET /v1/records?{wrong}"), READ, None).await;
            assert_eq!((status, &body["error"]), (400, &json!("bad_request")), "{wrong}");
        }
    });
}

#[test]
fn too_many_lists_at_once_are_refused_for_now() {
    serve(SETTINGS, async |served| {
        let (status, body) = served.ask("GET /v1/records?queue=slow", READ, None).await;
        assert_eq!((status, &body["error"]), (503, &json!("busy")));
        let (status, _) = served.ask("GET /v1/records/7", READ, None).await;
        assert_eq!(status, 200);
    });
}

#[test]
fn a_caller_is_erased_by_number_and_the_answer_says_what_is_left_to_do() {
    serve(SETTINGS, async |served| {
        let line = "POST /v1/callers/erase";
        let number = json!({ "number": "+14155550123" });
        let (status, body) = served.ask(line, OPERATE, Some(&number)).await;
        let expected = json!({
            "calls": 2, "named_in": 1, "recordings": 3, "journals": 1, "live_calls": 1,
            "at_providers": ["https://provider.example/7"],
        });
        assert_eq!((status, body), (200, expected));
        assert_eq!(*served.asked.lock().unwrap(), ["erase +14155550123"]);
        for wrong in [json!({}), json!({ "number": "" }), json!({ "number": "1", "all": true })] {
            let (status, _) = served.ask(line, OPERATE, Some(&wrong)).await;
            assert!(status == 400 || status == 422, "{wrong}: {status}");
        }
        assert_eq!(served.asked.lock().unwrap().len(), 1);
    });
}

#[test]
fn a_queue_of_no_record_that_is_none_now_either_is_refused_with_one_that_is_near() {
    serve(SETTINGS, async |served| {
        let (status, body) = served.ask("GET /v1/records?queue=biling", READ, None).await;
        let said = "no queue is named `biling`: did you mean `billing`?";
        assert_eq!((status, &body["message"]), (400, &json!(said)), "{body:#}");
        // Records know it, so it was one.
        let line = "GET /v1/records?queue=former&number=%2B14155550199";
        let (status, body) = served.ask(line, READ, None).await;
        assert_eq!((status, &body["records"]), (200, &json!([])), "{body:#}");
    });
}
