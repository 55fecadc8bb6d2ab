//! `lookup`: what is asked, what is heard meanwhile, and where each reply leads.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;
use crate::words::{HeaderValue, Question};

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "pin"
[collect.pin]
text = "PIN?"
into = "pin"
digits_min = 2
digits_max = 2
secret = true
next = "who"
give_up = "end"
[lookup.who]
url = "https://crm.example.com/callers/{{ caller.number }}?name={{ caller.name }}&plain=a%20b"
method = "post"
headers = { Authorization = { before = "Bearer ", secret = "crm" }, X-Line = "{{ call.to }}" }
body = { pin = "{{ pin }}", vip = "{{ caller.vip }}", list = [1, "a {{ call.to }}", true], n = 1.5 }
set = { name = "person.name", code = { path = "person.code", secret = true }, deep = "a[0].b" }
text = "One moment."
wait = "ring"
ok = "hello"
none = "nobody"
failed = "broken"
timeout = "slow"
[menu.hello]
text = "Hello {{ name }}, {{ deep }}."
keys = { 1 = "end", 22 = "end" }
give_up = "end"
[say.nobody]
text = "Nobody."
next = "end"
[say.broken]
text = "Broken."
next = "end"
[say.slow]
text = "Slow."
next = "end"
[hangup.end]
"##;

/// To the look-up, by a known caller.
const OPENING: &str = r#"
    caller {"number": "+1415555-0111", "name": "Ada & Bob/é", "vip": true}
    call {"to": "+14155550100"}
    0 start
    1 key 4
    1 key 7
"#;

fn play(rest: &str) -> String {
    Stage::new(FLOW).play(&format!("{OPENING}{rest}"))
}

fn after(rest: &str, expected: expect_test::Expect) {
    let log = play(rest);
    let from = log.find("[who]").expect("it is asked");
    expected.assert_eq(&log[from..]);
}

#[test]
fn a_caller_hears_the_words_then_the_wait_and_goes_on_with_the_answer() {
    after(
        "
        2 done
        3 reply {\"name\": \"Ada\", \"code\": \"4711\", \"deep\": 2}
        4 done
        5 key 1
        ",
        expect![[r#"
            [who]
                  play "One moment."
                  ask Http(HttpQuestion { method: Post, service: Some("crm.example.com"), take: [Take { name: "name", path: JsonPath([Member("person"), Member("name")]), is_secret: false }, Take { name: "code", path: JsonPath([Member("person"), Member("code")]), is_secret: true }, Take { name: "deep", path: JsonPath([Member("a"), Item(0), Member("b")]), is_secret: false }], .. }) for 3s
            2.0 > done
                  play on <ring>
            3.0 > reply {"name": "Ada", "code": "4711", "deep": 2}
                  [hello]
                  play "Hello Ada, 2."
            4.0 > done
            5.0 > key 1
                  hello: Matched
                  [end]
                  hang up 16
        "#]],
    );
}

#[test]
fn each_reply_has_its_exit_also_before_the_words_are_over() {
    for (reply, failed, step) in [
        ("reply {}", "", "[hello]"),
        ("reply nothing", "", "[nobody]"),
        ("reply failed", "failed: the service could not be reached", "[broken]"),
        ("reply timeout", "failed: the service did not answer in time", "[slow]"),
    ] {
        for first in ["", "1.5 done\n"] {
            let log = play(&format!("{first}2 {reply}"));
            let (_, told) = log.rsplit_once('>').unwrap();
            assert!(told.contains(step) && told.contains("play \""), "{reply}: {told}");
            let is_told = told.contains(" failed: ");
            assert!(told.contains(failed) && is_told != failed.is_empty(), "{reply}: {told}");
        }
    }
}

#[test]
fn what_is_not_in_the_answer_is_an_empty_text() {
    let log = play("2 reply {\"name\": null}");
    assert!(log.ends_with("play \"Hello , .\"\n"), "{log}");
}

/// The sound of the wait ends where the next step says nothing, because keys were typed ahead.
#[test]
fn keys_typed_meanwhile_are_for_the_next_step_and_the_wait_falls_silent() {
    after(
        "
        2 done
        2 key 2
        3 reply {}
        4 key 2
        ",
        expect![[r#"
            [who]
                  play "One moment."
                  ask Http(HttpQuestion { method: Post, service: Some("crm.example.com"), take: [Take { name: "name", path: JsonPath([Member("person"), Member("name")]), is_secret: false }, Take { name: "code", path: JsonPath([Member("person"), Member("code")]), is_secret: true }, Take { name: "deep", path: JsonPath([Member("a"), Item(0), Member("b")]), is_secret: false }], .. }) for 3s
            2.0 > done
                  play on <ring>
            2.0 > key 2
            3.0 > reply {}
                  [hello]
                  stop
            4.0 > key 2
                  hello: Matched
                  [end]
                  hang up 16
        "#]],
    );
}

fn asked(flow: &str, facts: &str) -> crate::words::HttpQuestion {
    let flow = Arc::new(super::flow(flow));
    let facts = Facts { caller: serde_json::from_str(facts).unwrap(), ..Facts::default() };
    let mut run = Run::new(flow, facts);
    let context = Context { now: instant(TUESDAY), ..Context::default() };
    let mut effects = Vec::new();
    for input in [Input::Start, Input::PromptDone, key('4'), key('7')] {
        run.handle(&context, input, &mut effects);
    }
    let asked = effects.into_iter().find_map(|effect| match effect {
        Effect::Ask(request) => Some(*request.what),
        _ => None,
    });
    let Question::Http(http) = asked.expect("it is asked");
    http
}

fn key(key: char) -> Input {
    Input::Digit(Digit::new(key).unwrap())
}

#[test]
fn what_is_filled_in_can_be_no_other_part_of_the_question() {
    let http = asked(FLOW, r#"{"number": "+1/../x", "name": "Ada & Bob/é?#\"", "vip": true}"#);
    let url = "https://crm.example.com/callers/%2B1%2F..%2Fx?name=Ada%20%26%20Bob%2F%C3%A9%3F%23%22\
               &plain=a%20b";
    assert_eq!(http.url, url);
    let body: serde_json::Value = serde_json::from_str(&http.body.unwrap()).unwrap();
    let expected = serde_json::json!({"pin": "47", "vip": true, "list": [1, "a", true], "n": 1.5});
    assert_eq!(body, expected);
    let secret = HeaderValue::Secret { before: "Bearer ".into(), name: "crm".into() };
    assert_eq!(http.headers[0], ("Authorization".into(), secret));
    assert!(http.is_secret, "the PIN is in it");
    let open = asked(&FLOW.replace("pin = \"{{ pin }}\", ", ""), "{}");
    assert!(!open.is_secret);
    assert_eq!(open.url, "https://crm.example.com/callers/?name=&plain=a%20b");
}

/// What a secret step took may be in the body, and nowhere else of the question or the call.
#[test]
fn a_secret_is_in_the_body_only() {
    let refused = |from: &str, to: &str| told(&FLOW.replace(from, to), &Known::anything());
    for (from, to) in [
        ("{{ caller.number }}", "{{ pin }}"),
        ("{{ call.to }}\" }", "{{ pin }}\" }"),
        ("One moment.", "{{ pin }}"),
        ("Hello {{ name }}", "Hello {{ code }}"),
    ] {
        let said = refused(from, to);
        assert!(said.contains("is secret"), "{from} -> {to}: {said}");
    }
    let mut run = Run::new(Arc::new(flow(FLOW)), Facts::default());
    let context = Context { now: instant(TUESDAY), ..Context::default() };
    let found = Input::Replied(Reply::Found {
        values: [("name", "Ada"), ("code", "4711")]
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into(),
        withheld: ["code".to_owned()].into(),
    });
    for input in [Input::Start, Input::PromptDone, key('4'), key('7'), found] {
        run.handle(&context, input, &mut Vec::new());
    }
    assert_eq!(run.vars().keys().collect::<Vec<_>>(), ["deep", "name"]);
}

#[test]
fn hosts_and_secrets_that_the_configuration_lacks_are_named() {
    let known = Known {
        services: Some(["crm.example.org".to_owned()].into()),
        hidden_names: Some(BTreeSet::new()),
        ..Known::default()
    };
    let said = told(FLOW, &known);
    expect![[r#"
        error[F0604]: step `who`: look-ups may not ask `crm.example.com`
           --> flows/test.toml:14:7
           |
        14 | url = "https://crm.example.com/callers/{{ caller.number }}?name={{ caller.name }}&plain=a%20b"
           |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `crm.example.org`?

        error[F0601]: step `who`, `headers`, `Authorization`: [lookup.secrets] of the configuration has no `crm`
           --> flows/test.toml:16:60
           |
        16 | headers = { Authorization = { before = "Bearer ", secret = "crm" }, X-Line = "{{ call.to }}" }
           |                                                            ^^^^^
           |
           = help: the configuration has none yet

    "#]].assert_eq(&said);
    let services = ["crm.example.com".to_owned()].into();
    let known = Known { services: Some(services), hidden_names: None, ..Known::default() };
    assert_eq!(told(FLOW, &known), "");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one file with all that can be wrong, and what is said")]
fn a_wrong_look_up_is_explained() {
    let source = r##"
[flow]
numbers = ["*"]
start = "a"
[lookup.a]
url = "https://{{ caller.name }}.example.com/"
body = { a = "b" }
headers = { Host = "x", "a b" = "c", X = { before = "y" } }
set = { "1" = "a", b = "a..b", c = { pat = "a" }, d = 1 }
timeout_s = 31
exit = "b"
ok = "b"
[lookup.b]
url = "https://crm.example.com/{caller.name}?q={{ nobody }}"
ok = "c"
none = "c"
failed = "c"
[lookup.c]
url = "https://crm.example.com/{{ b|upper"
ok = "b"
none = "b"
failed = "b"
"##;
    expect![[r#"
        error[F0302]: step `a` has no `none`
          --> flows/test.toml:5:9
          |
        5 | [lookup.a]
          |         ^
          |
          = help: say where the call goes when the service knows of nothing

        error[F0302]: step `a` has no `failed`
          --> flows/test.toml:5:9
          |
        5 | [lookup.a]
          |         ^
          |
          = help: say where the call goes when the service does not answer

        error[F0306]: step `a`: `url` is not the address of an HTTP service
          --> flows/test.toml:6:7
          |
        6 | url = "https://{{ caller.name }}.example.com/"
          |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write https://HOST/PATH; scheme and host are the same for every caller, and no user or password is in it

        error[F0307]: step `a`: a `get` has no `body`
          --> flows/test.toml:7:1
          |
        7 | body = { a = "b" }
          | ^^^^
          |
          = help: write method = "post" beside it

        error[F0306]: step `a`, `headers`: `Host` is set by the server itself
          --> flows/test.toml:8:13
          |
        8 | headers = { Host = "x", "a b" = "c", X = { before = "y" } }
          |             ^^^^

        error[F0306]: step `a`, `headers`: `a b` is not the name of a header
          --> flows/test.toml:8:25
          |
        8 | headers = { Host = "x", "a b" = "c", X = { before = "y" } }
          |                         ^^^^^

        error[F0302]: step `a`, `headers`, `X` has no `secret`
          --> flows/test.toml:8:42
          |
        8 | headers = { Host = "x", "a b" = "c", X = { before = "y" } }
          |                                          ^^^^^^^^^^^^^^^^

        error[F0204]: step `a`, `set`: `1` is not a name for a variable: use a-z, 0-9 and _
          --> flows/test.toml:9:9
          |
        9 | set = { "1" = "a", b = "a..b", c = { pat = "a" }, d = 1 }
          |         ^^^

        error[F0306]: step `a`, `set`, `b`: `a..b` is no place in a JSON text
          --> flows/test.toml:9:24
          |
        9 | set = { "1" = "a", b = "a..b", c = { pat = "a" }, d = 1 }
          |                        ^^^^^^
          |
          = help: write names with dots between, and items counted from 0: orders[0].state

        error[F0302]: step `a`, `set`, `c` has no `path`
          --> flows/test.toml:9:36
          |
        9 | set = { "1" = "a", b = "a..b", c = { pat = "a" }, d = 1 }
          |                                    ^^^^^^^^^^^^^

        error[F0301]: step `a`, `set`, `c` has no option `pat`
          --> flows/test.toml:9:38
          |
        9 | set = { "1" = "a", b = "a..b", c = { pat = "a" }, d = 1 }
          |                                      ^^^
          |
          = help: did you mean `path`?
            `lookup.set` may have
              path              Where the value is: `orders[0].state`, items counted from 0.
              secret            The variable may only decide conditions; see `secrets`.

        error[F0303]: step `a`, `set`: `d` must be a text in quotes, not a whole number
          --> flows/test.toml:9:55
          |
        9 | set = { "1" = "a", b = "a..b", c = { pat = "a" }, d = 1 }
          |                                                       ^

        error[F0304]: step `a`: `timeout_s` must be between 1 and 30 seconds
           --> flows/test.toml:10:13
           |
        10 | timeout_s = 31
           |             ^^

        error[F0301]: step `a` has no option `exit`
           --> flows/test.toml:11:1
           |
        11 | exit = "b"
           | ^^^^
           |
           = help: `lookup` may have
               url               Whom to ask; what is filled in is percent-encoded, and not
                                 in the host.
               method            How to ask.
               headers           Headers of the request: texts, filled in, or secrets of the
                                 configuration.
               body              Sent as JSON, with `method = "post"`: its texts are filled
                                 in.
               timeout_s         How long the answer is waited for.
               set               Variables, and where in the JSON of the answer their values
                                 are.
               text              What is said while the service works; an answer cuts it
                                 short.
               wait              What the caller hears until the answer is there.
               music             Which music: `default`, `ring`, or the file
                                 `music/NAME.wav`; only where `wait` is music.
             and these lead to steps:
               ok                The service has answered; `set` is done.
               none              The service answered 404, or nothing.
               failed            The service cannot be reached, refuses, or its answer is no
                                 JSON.
               timeout           No answer came within `timeout_s`.
               on_error          The step could not do its work, and no exit of its own is
                                 for that.

        error[F0502]: this loop never waits for the caller: b -> c -> b
           --> flows/test.toml:13:9
           |
        13 | [lookup.b]
           |         ^
           |
           = help: put a `menu`, a `collect` or a `queue` into it, or end it

        error[F0306]: step `b`: `url` cannot hold '{'
           --> flows/test.toml:14:7
           |
        14 | url = "https://crm.example.com/{caller.name}?q={{ nobody }}"
           |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: what is filled in has two braces: {{ caller.number }}; all else stands as in a URL, percent-encoded where it must be

        error[F0404]: step `b`, `url`: nothing sets `nobody`
           --> flows/test.toml:14:51
           |
        14 | url = "https://crm.example.com/{caller.name}?q={{ nobody }}"
           |                                                   ^^^^^^
           |
           = help: there is `1`, `b`, `c`, `call`, `caller`, `d`, `intent`, `language`

        error[F0306]: step `c`: `url` cannot hold '{'
           --> flows/test.toml:19:7
           |
        19 | url = "https://crm.example.com/{{ b|upper"
           |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: what is filled in has two braces: {{ caller.number }}; all else stands as in a URL, percent-encoded where it must be

    "#]].assert_eq(&told(source, &Known::anything()));
}
