//! Which configuration runs, and reading it again.

use super::*;

#[test]
fn a_reload_while_one_runs_is_a_409_and_says_so() {
    serve(SETTINGS, async |served| {
        let (status, body) = served.ask("POST /v1/reload", OPERATE, None).await;
        assert_eq!((status, &body["error"]), (409, &json!("reload_under_way")));
        let (status, body) = served.ask("GET /v1/config", READ, None).await;
        assert_eq!((status, &body["version"], &body["by"]), (200, &json!("9f"), &json!("start")));
        assert_eq!(body["since"], "1970-01-01T00:00:00.000Z", "as all times of the interface");
    });
}
