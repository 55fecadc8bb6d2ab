//! F04: texts, templates, conditions and what they name.

use super::kind::{Code, codes};

codes! {
    TEMPLATE_UNREADABLE = Code::error(
        401,
        "a template or condition that cannot be read",
        "What stands between `{{` and `}}` is an expression, and between `{%` and `%}` one of \
         `if`, `elif`, `else` and `endif`. `attendant help flow templates` has the rules.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye{% if caller.name %}, {{ caller.name }}."
"#)
    .right(r#"
[hangup.a]
text = "Goodbye{% if caller.name %}, {{ caller.name }}{% endif %}."
"#);
    TEMPLATE_WORD_UNKNOWN = Code::error(
        402,
        "a filter, test, function or statement that templates do not have",
        "Templates are small on purpose: they cannot loop and call nothing, so that a text is made \
         in no time for every caller.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye, {{ caller.name|shout }}."
"#)
    .right(r#"
[hangup.a]
text = "Goodbye, {{ caller.name|upper }}."
"#);
    FOREIGN_OPERATOR = Code::error(
        403,
        "an operator of another language",
        "Conditions are written with `and`, `or`, `not`, `==`, `!=`, `<` and `>`.",
    )
    .wrong(r#"
[branch.a]
cases = [{ if = "caller.vip && caller.known", next = "end" }]
else  = "end"

[hangup.end]
"#)
    .right(r#"
[branch.a]
cases = [{ if = "caller.vip and caller.known", next = "end" }]
else  = "end"

[hangup.end]
"#);
    NAME_UNKNOWN = Code::error(
        404,
        "a name that nothing sets",
        "A text may name the variables that some step sets, and `caller`, `call`, `language` and \
         `intent`. A name that nothing sets would be empty for every caller.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye, {{ nmae }}."
"#)
    .right(r#"
[hangup.a]
text = "Goodbye, {{ caller.name }}."
"#);
    FIELD_UNKNOWN = Code::error(
        405,
        "a field that `caller`, `call` or `queue` does not have",
        "`attendant help flow templates` lists the fields. Free fields of callers are those that \
         the file of callers has.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye, {{ call.number }}."
"#)
    .right(r#"
[hangup.a]
text = "Goodbye, {{ call.to }}."
"#);
    NOT_WAITING = Code::error(
        406,
        "a place in line where no caller waits",
        "`queue.position` and `queue.waiting` are known while a caller waits, in what the queue \
         announces.",
    )
    .wrong(r#"
[hangup.a]
text = "You were number {{ queue.position }}."
"#)
    .right(r#"
[queue.a]
wait      = "music"
no_agents = "end"

[hangup.end]
"#);
    SECRET_IN_TEXT = Code::error(
        407,
        "a secret where it could be heard, shown or kept",
        "What a caller types at a step with `secret = true` may decide a condition and may be sent \
         to a service. In a text, a name or a record it would be written down.",
    )
    .wrong(r#"
[collect.a]
text    = "Your PIN, please."
into    = "pin"
secret  = true
next    = "end"
give_up = "bye"

[hangup.end]
text = "Your PIN is {{ pin }}."

[hangup.bye]
"#)
    .right(r#"
[collect.a]
text    = "Your PIN, please."
into    = "pin"
secret  = true
next    = "end"
give_up = "bye"

[hangup.end]
text = "Thank you."

[hangup.bye]
"#);
    MAY_FAIL = Code::error(
        408,
        "a text or condition that fails where a variable is not set",
        "Arithmetic and filters need a value. On some way to this step there is none, and then the \
         step would fail in the middle of a call.",
    )
    .wrong(r#"
[set.a]
vars = { tries = "{{ tries + 1 }}" }
next = "end"

[hangup.end]
"#)
    .right(r#"
[set.a]
vars = { tries = "{{ tries|default(0) + 1 }}" }
next = "end"

[hangup.end]
"#);
    SET_NOWHERE_BEFORE = Code::error(
        409,
        "a variable that no step before this one sets",
        "Some step sets it, but no call comes to that one first: the variable is always empty \
         here.",
    )
    .wrong(r#"
[say.a]
text = "Your order is {{ order }}."
next = "b"

[set.b]
vars = { order = 1 }
next = "end"

[hangup.end]
"#)
    .right(r#"
[set.a]
vars = { order = 1 }
next = "b"

[say.b]
text = "Your order is {{ order }}."
next = "end"

[hangup.end]
"#);
    MAY_BE_EMPTY = Code::warning(
        410,
        "a variable that is empty on some way to this step",
        "Callers who come by another way hear nothing in its place. Set it on every way, or say \
         what to use then: `{{ order|default(\"unknown\") }}`.",
    )
    .wrong(r#"
[branch.a]
cases = [{ if = "caller.vip", next = "b" }]
else  = "end"

[set.b]
vars = { order = 1 }
next = "end"

[hangup.end]
text = "Your order is {{ order }}."
"#)
    .right(r#"
[branch.a]
cases = [{ if = "caller.vip", next = "b" }]
else  = "end"

[set.b]
vars = { order = 1 }
next = "end"

[hangup.end]
text = "Your order is {{ order|default(0) }}."
"#);
    BRACES = Code::warning(
        411,
        "braces that fill nothing in",
        "What is filled in stands in two braces. With one, callers hear the name itself.",
    )
    .wrong(r#"
[hangup.a]
text = "Goodbye, {caller.name}."
"#)
    .right(r#"
[hangup.a]
text = "Goodbye, {{ caller.name }}."
"#);
    TEXT_EMPTY = Code::error(
        412,
        "nothing to say",
        "A text without words is silence, in which callers wonder whether they are still \
         connected.",
    )
    .wrong(r#"
[say.a]
text = ""
next = "end"

[hangup.end]
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "end"

[hangup.end]
"#);
    TEXT_TOO_LONG = Code::error(
        413,
        "a text that is longer than a voice says at once",
        "Write several texts, `text = [\"…\", \"…\"]`, or better: fewer words.",
    );
    SOUND_OUTSIDE = Code::error(
        414,
        "a sound outside of the prompts folder",
        "A sound is named by its path inside the folder of `server.prompts`, with `/` between \
         folders, and never leads out of it.",
    )
    .wrong(r#"
[hangup.a]
text = "../bye.wav"
"#)
    .right(r#"
[hangup.a]
text = "farewells/bye.wav"
"#);
    LANGUAGE_MISSING = Code::error(
        415,
        "words in some languages, and not in the first",
        "The first of `languages` is the one that callers hear where another is missing, so every \
         text has it.",
    )
    .wrong(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["en", "es"]

[hangup.a]
text.es = "Adiós."
"#)
    .right(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["en", "es"]

[hangup.a]
text.en = "Goodbye."
text.es = "Adiós."
"#);
    LANGUAGE_FALLS_BACK = Code::warning(
        416,
        "words that a language of the flow does not have",
        "Callers who chose that language hear the first language here.",
    )
    .wrong(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["en", "es"]

[hangup.a]
text.en = "Goodbye."
"#)
    .right(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["en", "es"]

[hangup.a]
text.en = "Goodbye."
text.es = "Adiós."
"#);
}
