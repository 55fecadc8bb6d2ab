//! F03: the options of a step, and their values.

use super::kind::{Code, codes};

codes! {
    OPTION_UNKNOWN = Code::error(
        301,
        "an option that the table does not have",
        "Options that no verb reads would be silently without effect. The message lists those that \
         the table may have; `attendant help flow VERB` says more.",
    )
    .wrong(r#"
[say.a]
text   = "Hello."
repaet = 2
next   = "end"

[hangup.end]
"#)
    .right(r#"
[say.a]
text   = "Hello."
repeat = 2
next   = "end"

[hangup.end]
"#);
    OPTION_MISSING = Code::error(
        302,
        "an option that must be there",
        "Without it the step would leave the caller in silence, or could not be carried out.",
    )
    .wrong(r#"
[say.a]
text = "Hello."

[hangup.end]
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "end"

[hangup.end]
"#);
    WRONG_TYPE = Code::error(
        303,
        "a value of another type",
        "A text stands in quotes, a number does not; a list stands in brackets, a table in braces. \
         The unit of a number is in the name of its option: `timeout_s = 30`.",
    )
    .wrong(r#"
[say.a]
text   = "Hello."
repeat = "2"
next   = "end"

[hangup.end]
"#)
    .right(r#"
[say.a]
text   = "Hello."
repeat = 2
next   = "end"

[hangup.end]
"#);
    OUT_OF_RANGE = Code::error(
        304,
        "a number outside of its range",
        "Each number has bounds, which the message names: beyond them a caller would wait without \
         end, or hear the same words for minutes.",
    )
    .wrong(r#"
[say.a]
text   = "Hello."
repeat = 99
next   = "end"

[hangup.end]
"#)
    .right(r#"
[say.a]
text   = "Hello."
repeat = 2
next   = "end"

[hangup.end]
"#);
    WORD_UNKNOWN = Code::error(
        305,
        "a word that is none of those to choose from",
        "Some options take one of a few words. The message lists them, or names the one that was \
         probably meant.",
    )
    .wrong(r#"
[queue.a]
wait      = "musik"
no_agents = "end"

[hangup.end]
"#)
    .right(r#"
[queue.a]
wait      = "music"
no_agents = "end"

[hangup.end]
"#);
    VALUE = Code::error(
        306,
        "a value that the option cannot have",
        "The type is right and the value is not: the message says what is wrong with it, and what \
         to write.",
    )
    .wrong(r#"
[menu.a]
text    = "Press one."
keys    = { one = "help" }
give_up = "help"

[queue.help]
"#)
    .right(r#"
[menu.a]
text    = "Press one."
keys    = { 1 = "help" }
give_up = "help"

[queue.help]
"#);
    CONTRADICTION = Code::error(
        307,
        "two options that cannot both hold",
        "One of them would be without effect, or a key would mean two things.",
    )
    .wrong(r#"
[menu.a]
text    = "For help press 1, to hear this again press 1."
keys    = { 1 = "help" }
repeat  = "1"
give_up = "help"

[queue.help]
"#)
    .right(r#"
[menu.a]
text    = "For help press 1, to hear this again press star."
keys    = { 1 = "help" }
repeat  = "*"
give_up = "help"

[queue.help]
"#);
    LIMIT = Code::error(
        308,
        "more than there may be",
        "Lists, names and steps have a limit each, far beyond what a caller could take in. It \
         keeps one file from using up what all calls need.",
    )
    .wrong(r#"
[hangup.a]
text = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11",
        "12", "13", "14", "15", "16", "17", "18", "19", "20", "21"]
"#)
    .right(r#"
[hangup.a]
text = "1 to 21"
"#);
    NEVER_APPLIES = Code::warning(
        309,
        "a setting that never takes effect",
        "It is read, and nothing ever comes to it.",
    )
    .wrong(r#"
[queue.a]
skills     = { tech = 3 }
relax      = [{ after_s = 90, tech = 1 }]
wait_s_max = 60
timeout    = "end"

[hangup.end]
"#)
    .right(r#"
[queue.a]
skills     = { tech = 3 }
relax      = [{ after_s = 30, tech = 1 }]
wait_s_max = 60
timeout    = "end"

[hangup.end]
"#);
}
