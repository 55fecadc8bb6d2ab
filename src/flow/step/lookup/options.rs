//! What a `lookup` step may hold, and the reference of it.

use crate::flow::option::{Choice, Entries, ExitTo, Flag, Opt, STEP, Schema, Seconds, Value};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::wait_sound::{MUSIC, Sound, WAIT_WORDS};
use crate::words::{HttpMethod, Need};

const TIMEOUT_S: u64 = 3;
/// Callers hang up sooner.
const TIMEOUT_S_MAX: u64 = 30;

pub(super) const URL: Opt<Value> = Opt::value(
    "url",
    "https://HOST/PATH, filled in",
    "Whom to ask; what is filled in is percent-encoded, and not in the host.",
)
.required();
pub(super) const METHOD: Opt<Choice<HttpMethod>> = Opt::choice(
    "method",
    "get",
    &[("get", HttpMethod::Get), ("post", HttpMethod::Post)],
    "How to ask.",
);
pub(super) const HEADERS: Opt<Entries> = Opt::entries(
    "headers",
    "`{ NAME = \"…\" }`",
    "Headers of the request: texts, filled in, or secrets of the configuration.",
)
.of(&HEADER_TABLE);
pub(super) const BODY: Opt<Entries> = Opt::entries(
    "body",
    "a table",
    "Sent as JSON, with `method = \"post\"`: its texts are filled in.",
);
pub(super) const TIMEOUT: Opt<Seconds> =
    Opt::seconds("timeout_s", TIMEOUT_S, 1..=TIMEOUT_S_MAX, "How long the answer is waited for.");
pub(super) const SET: Opt<Entries> = Opt::entries(
    "set",
    "`{ VARIABLE = \"PATH\" }`",
    "Variables, and where in the JSON of the answer their values are.",
)
.of(&SET_TABLE);
pub(super) const TEXT: Opt<Value> =
    Opt::speech("text", "What is said while the service works; an answer cuts it short.");
pub(super) const WAIT: Opt<Choice<Sound>> =
    Opt::choice("wait", "music", WAIT_WORDS, "What the caller hears until the answer is there.");
pub(super) const OK: Opt<ExitTo> = Opt::exit("ok", "The service has answered; `set` is done.")
    .required_or("say where the call goes when the service has answered");
pub(super) const NONE: Opt<ExitTo> = Opt::exit("none", "The service answered 404, or nothing.")
    .required_or("say where the call goes when the service knows of nothing");
pub(super) const FAILED: Opt<ExitTo> =
    Opt::exit("failed", "The service cannot be reached, refuses, or its answer is no JSON.")
        .required_or("say where the call goes when the service does not answer");
pub(super) const TIMED_OUT: Opt<ExitTo> =
    Opt::exit("timeout", "No answer came within `timeout_s`.").without("as `failed`");

pub(super) const HEADER_TABLE: Schema =
    Schema { name: "lookup.headers", groups: &[&[&BEFORE, &SECRET]] };
pub(super) const BEFORE: Opt<Value> =
    Opt::value("before", "a text", "Stands before the secret: `\"Bearer \"`.");
pub(super) const SECRET: Opt<Value> =
    Opt::value("secret", "a name", "Which of `[lookup.secrets]` of the configuration is sent.")
        .required();

pub(super) const SET_TABLE: Schema = Schema { name: "lookup.set", groups: &[&[&PATH, &IS_SECRET]] };
pub(super) const PATH: Opt<Value> = Opt::value(
    "path",
    "names with dots",
    "Where the value is: `orders[0].state`, items counted from 0.",
)
.required();
pub(super) const IS_SECRET: Opt<Flag> =
    Opt::flag("secret", false, "The variable may only decide conditions; see `secrets`.");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "asks an HTTP service about the caller, and goes on with what it says",
    about: &[
        "`text` is said while the service works, and an answer cuts it short; until the answer is \
         there, the caller then hears what `wait` says. Keys \
         pressed meanwhile are typed ahead. The hosts that may be asked are those of `[lookup]` in \
         the configuration; scheme and host are the same for every caller, and no redirect is \
         followed.",
        "A text of `body` that is a single `{{ expression }}` keeps its type. `body` may hold what a \
         caller typed at a secret step. A value of `set` that is not in the answer is an empty text. \
         An entry of `headers` or `set` is a text, or a table with the entries below.",
    ],
    table: Schema {
        name: "lookup",
        groups: &[
            &[
                &URL, &METHOD, &HEADERS, &BODY, &TIMEOUT, &SET, &TEXT, &WAIT, &MUSIC, &OK, &NONE,
                &FAILED, &TIMED_OUT,
            ],
            STEP,
        ],
    },
    needs: || vec![Need::WaitSound],
    example: r#"
[flow]
numbers = ["*"]
start   = "account"

[lookup.account]
url     = "https://crm.example.com/v1/callers/{{ caller.number }}"
headers = { Authorization = { before = "Bearer ", secret = "crm" } }
set     = { balance = "account.balance", pin = { path = "account.pin", secret = true } }
text    = "One moment, please."
ok      = "tell"
none    = "people"
failed  = "people"

[say.tell]
text = "Your balance is {{ balance }} dollars."
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};
