//! F05: the ways that calls take from step to step.

use super::kind::{Code, codes};

codes! {
    UNREACHABLE = Code::warning(
        501,
        "a step that no call can reach",
        "No exit of a step that calls come to names it. It is probably left over, or an exit names \
         another step than was meant.",
    )
    .wrong(r#"
[hangup.a]

[hangup.closed]
text = "We are closed."
"#)
    .right(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-17:00"]

[hours_check.a]
hours  = "office"
open   = "end"
closed = "closed"

[hangup.end]

[hangup.closed]
text = "We are closed."
"#);
    ENDLESS = Code::error(
        502,
        "a loop that never waits for the caller",
        "A call would turn in it without end, talking or in silence. Every loop needs a step that \
         waits for the caller or for an agent, or a way out that is taken at some time.",
    )
    .wrong(r#"
[say.a]
text = "Hello."
next = "b"

[say.b]
text = "Hello again."
next = "a"
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "b"

[menu.b]
text    = "To hear this again, press 1. For help, stay on the line."
keys    = { 1 = "a" }
give_up = "help"

[queue.help]
"#);
    NO_WAY_OUT = Code::error(
        503,
        "a dead end",
        "From this step a call comes neither to an end nor to people, whatever the caller does.",
    )
    .wrong(r#"
[menu.a]
text    = "Press 1."
keys    = { 1 = "a" }
give_up = "a"
"#)
    .right(r#"
[menu.a]
text    = "Press 1."
keys    = { 1 = "a" }
give_up = "help"

[queue.help]
"#);
    RUNS_WITHOUT_CALLER = Code::error(
        504,
        "a step after the caller has left that needs one",
        "`on_hangup` runs when nobody is on the line any more: it can set, decide and end, and can \
         neither speak nor ask nor wait.",
    )
    .wrong(r#"
[flow]
numbers   = ["600"]
start     = "a"
on_hangup = "b"

[hangup.a]

[say.b]
text = "Are you there?"
next = "a"
"#)
    .right(r#"
[flow]
numbers   = ["600"]
start     = "a"
on_hangup = "b"

[hangup.a]

[set.b]
vars = { left = true }
next = "a"
"#);
    NO_PEOPLE = Code::warning(
        505,
        "a first menu from which no caller comes to people",
        "Some callers of this flow come to a queue, a number outside or a recorder, and those at \
         this menu do not, whatever they press. Whom no choice fits can only hang up; lead one key, \
         or `give_up`, to somebody.",
    )
    .wrong(r#"
[branch.a]
cases = [{ if = "caller.vip", next = "people" }]
else  = "b"

[menu.b]
text    = "To hear our address, press 1."
keys    = { 1 = "address" }
give_up = "address"

[queue.people]

[hangup.address]
text = "1 Main Street."
"#)
    .right(r#"
[branch.a]
cases = [{ if = "caller.vip", next = "people" }]
else  = "b"

[menu.b]
text    = "To hear our address, press 1. To talk to us, stay on the line."
keys    = { 1 = "address" }
give_up = "people"

[queue.people]

[hangup.address]
text = "1 Main Street."
"#);
    MANY_CHOICES = Code::warning(
        506,
        "a menu of more than five choices",
        "Callers forget the first choice before they hear the sixth. Put those that are chosen most \
         first, and the rest into a menu of its own.",
    )
    .wrong(r#"
[menu.a]
text    = "For sales press 1, for help 2, for billing 3, for parts 4, for jobs 5, for press 6."
keys    = { 1 = "b", 2 = "b", 3 = "b", 4 = "b", 5 = "b", 6 = "b" }
give_up = "b"

[queue.b]
"#)
    .right(r#"
[menu.a]
text    = "For sales press 1, for help 2, for billing 3, for all else stay on the line."
keys    = { 1 = "b", 2 = "b", 3 = "b" }
give_up = "b"

[queue.b]
"#);
    DEEP_MENU = Code::warning(
        507,
        "a menu behind three others",
        "Callers give up before a fourth choice. Ask less, or ask something else first.",
    )
    .wrong(r#"
[menu.a]
text    = "Press 1."
keys    = { 1 = "b" }
give_up = "help"

[menu.b]
text    = "Press 1."
keys    = { 1 = "c" }
give_up = "help"

[menu.c]
text    = "Press 1."
keys    = { 1 = "d" }
give_up = "help"

[menu.d]
text    = "Press 1."
keys    = { 1 = "help" }
give_up = "help"

[queue.help]
"#)
    .right(r#"
[menu.a]
text    = "Press 1."
keys    = { 1 = "b" }
give_up = "help"

[menu.b]
text    = "Press 1."
keys    = { 1 = "help" }
give_up = "help"

[queue.help]
"#);
    AMBIGUOUS_KEYS = Code::warning(
        508,
        "a key that is also the beginning of another choice",
        "Whoever presses it waits `inter_digit_s` in silence, because a second key may follow. Keys \
         of one length are understood at once.",
    )
    .wrong(r#"
[menu.a]
text    = "For sales press 1, for help press 12."
keys    = { 1 = "sales", 12 = "help" }
give_up = "help"

[queue.sales]

[queue.help]
"#)
    .right(r#"
[menu.a]
text    = "For sales press 1, for help press 2."
keys    = { 1 = "sales", 2 = "help" }
give_up = "help"

[queue.sales]

[queue.help]
"#);
}
