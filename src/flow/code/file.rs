//! F01: the file as a whole, and its `[flow]` table.

use super::kind::{Code, codes};

codes! {
    /// The parser's own words follow.
    NOT_TOML = Code::error(
        101,
        "not valid TOML",
        "A flow is a TOML file (https://toml.io/en/v1.0.0). Nothing else is checked until it can \
         be read as one: what is left of a broken file would only add noise.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye.
"#)
    .right(r#"
[hangup.a]
text = "Goodbye."
"#);
    TWICE = Code::error(
        102,
        "the same key or table twice",
        "TOML has each key of a table once, and each table once. Of two, one would be ignored; the \
         message names the line of the first.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye."
text = "So long."
"#)
    .right(r#"
[hangup.a]
text = ["Goodbye.", "So long."]
"#);
    NO_FLOW_TABLE = Code::error(
        103,
        "no `[flow]` table",
        "Every flow begins with `[flow]`: which dialed numbers enter it, and the step a call \
         begins with.",
    )
    .wrong(r#"
[hangup.bye]
text = "Goodbye."
"#)
    .right(r#"
[flow]
numbers = ["600"]
start   = "bye"

[hangup.bye]
text = "Goodbye."
"#);
    VERB_UNKNOWN = Code::error(
        104,
        "a verb that the language does not have",
        "A step is a table `[verb.name]`. The verb says what happens there and is one of the \
         language; `attendant help flow` lists them. The steps of an unknown verb are not looked \
         at, and what leads to them is not reported again.",
    )
    .wrong(r#"
[speak.a]
text = "Goodbye."
"#)
    .right(r#"
[hangup.a]
text = "Goodbye."
"#);
    STEP_WITHOUT_NAME = Code::error(
        105,
        "a table where a step with a name was expected",
        "Each step has a name of its own, by which other steps lead to it: `[say.greeting]`. The \
         same holds for opening hours, `[hours.office]`.",
    )
    .wrong(r#"
[hangup.a]

[say]
text = "Hello."
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "end"

[hangup.end]
"#);
    FILE_TOO_LARGE = Code::error(
        106,
        "a file that is larger than a flow may be",
        "A flow of a thousand steps is a few hundred kilobytes. A larger file is refused before it \
         is read: it is probably no flow. Split it into flows by dialed number.",
    );
    NO_STEP = Code::error(
        107,
        "a flow without a step",
        "A call needs a step to begin with.",
    )
    .wrong(r#"
[flow]
numbers = ["600"]
"#)
    .right(r#"
[hangup.a]
text = "Goodbye."
"#);
    NUMBER_UNUSABLE = Code::error(
        108,
        "a number of `[flow]` that nobody can dial",
        "`numbers` lists what callers dial to come to this flow, each number once: in E.164, \
         `\"+14155550100\"`, as trunks and providers bring it, or an extension such as `\"600\"`. \
         `\"*\"` stands for every number that no other flow has.",
    )
    .wrong(r#"
[flow]
numbers = ["reception"]
start   = "a"

[hangup.a]
"#)
    .right(r#"
[flow]
numbers = ["+14155550100", "600"]
start   = "a"

[hangup.a]
"#);
    NUMBERS_NONE = Code::warning(
        109,
        "no number leads to the flow",
        "Calls come to a flow by the number that was dialed. A flow without one is loaded, and no \
         call comes.",
    )
    .wrong(r#"
[flow]
start = "a"

[hangup.a]
"#)
    .right(r#"
[flow]
numbers = ["600"]
start   = "a"

[hangup.a]
"#);
    NUMBER_NOT_E164 = Code::warning(
        110,
        "a number of `[flow]` that is not written in E.164",
        "Trunks and providers bring dialed numbers in E.164: `+`, the country code, the number. A \
         long number without `+` is read as one of the country of `callers.region`, and leads \
         nowhere where the trunk brings another.",
    )
    .wrong(r#"
[flow]
numbers = ["4155550100"]
start   = "a"

[hangup.a]
"#)
    .right(r#"
[flow]
numbers = ["+14155550100"]
start   = "a"

[hangup.a]
"#);
}
