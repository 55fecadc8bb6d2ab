//! What people get wrong in a flow file, and what they are told.

use std::collections::BTreeSet;

use expect_test::expect;

use super::check_broken;
use crate::flow::Known;

fn nothing() -> Known {
    Known::anything()
}

fn names(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(ToString::to_string).collect())
}

fn office() -> Known {
    Known {
        skills: names(&["billing", "tech"]),
        queues: names(&["front"]),
        trunks: names(&["main"]),
        agents: names(&["ada", "bob"]),
        caller_fields: names(&["plan"]),
        sounds: names(&["welcome.wav"]),
        music: names(&["jazz"]),
    }
}

#[test]
fn all_errors_come_at_once_with_a_caret_and_a_suggestion() {
    check_broken(
        r#"
[flow]
numbers = ["+14155550100", "*", "+14155550100", "call me"]
start   = "greting"
langauges = ["en"]

[say.greeting]
text = "Welcome{% if caller.nam %}, {{ caller.name|uper }}{% endif %}. {{ acount }}"
next = "main"
barge_in = "no"

[menu.main]
text      = "Press 1."
keys      = { 1 = "biling", x = "greeting" }
no_inpt   = ["Hm?"]
tries_max = 99
timeout_s = "5s"

[queue.billing]
skills = { biling = 11 }
wait   = "musik"

[qeue.tech]
"#,
        &office(),
        expect![[r##"
            error: `[flow]`: `+14155550100` is there twice
              --> flows/test.toml:3:33
              |
            3 | numbers = ["+14155550100", "*", "+14155550100", "call me"]
              |                                 ^^^^^^^^^^^^^^

            error: `[flow]`: `call me` cannot be dialed
              --> flows/test.toml:3:49
              |
            3 | numbers = ["+14155550100", "*", "+14155550100", "call me"]
              |                                                 ^^^^^^^^^
              |
              = help: write "+14155550100", an extension such as "600", or "*" for any

            error: `[flow]`, `start`: no step is named `greting`
              --> flows/test.toml:4:11
              |
            4 | start   = "greting"
              |           ^^^^^^^^^
              |
              = help: did you mean `greeting`?

            error: `[flow]` has no option `langauges`
              --> flows/test.toml:5:1
              |
            5 | langauges = ["en"]
              | ^^^^^^^^^
              |
              = help: did you mean `languages`?

            error: step `greeting`, `text`: `caller` has no `nam`
              --> flows/test.toml:8:22
              |
            8 | text = "Welcome{% if caller.nam %}, {{ caller.name|uper }}{% endif %}. {{ acount }}"
              |                      ^^^^^^^^^^
              |
              = help: did you mean `name`?

            error: step `greeting`, `text`: there is no filter `uper`
              --> flows/test.toml:8:52
              |
            8 | text = "Welcome{% if caller.nam %}, {{ caller.name|uper }}{% endif %}. {{ acount }}"
              |                                                    ^^^^
              |
              = help: did you mean `upper`?

            error: step `greeting`, `text`: nothing sets `acount`
              --> flows/test.toml:8:75
              |
            8 | text = "Welcome{% if caller.nam %}, {{ caller.name|uper }}{% endif %}. {{ acount }}"
              |                                                                           ^^^^^^
              |
              = help: there is `call`, `caller`, `intent`, `language`

            error: step `greeting`: `barge_in` is `true` or `false`, not a text
               --> flows/test.toml:10:12
               |
            10 | barge_in = "no"
               |            ^^^^

            error: step `main` has no `give_up`
               --> flows/test.toml:12:7
               |
            12 | [menu.main]
               |       ^^^^
               |
               = help: a caller who presses nothing would stay here for ever; name the step to go to after `tries_max` tries

            error: step `main`, `keys`, `1`: no step is named `biling`
               --> flows/test.toml:14:19
               |
            14 | keys      = { 1 = "biling", x = "greeting" }
               |                   ^^^^^^^^
               |
               = help: did you mean `billing`?

            error: step `main`, `keys`: `x` cannot be pressed
               --> flows/test.toml:14:29
               |
            14 | keys      = { 1 = "biling", x = "greeting" }
               |                             ^
               |
               = help: a key is 0 to 9, "*", "#" or A to D, or several of them

            error: step `main` has no option `no_inpt`
               --> flows/test.toml:15:1
               |
            15 | no_inpt   = ["Hm?"]
               | ^^^^^^^
               |
               = help: did you mean `no_input`?

            error: step `main`: `tries_max` must be between 1 and 10
               --> flows/test.toml:16:13
               |
            16 | tries_max = 99
               |             ^^

            error: step `main`: `timeout_s` is a number of seconds
               --> flows/test.toml:17:13
               |
            17 | timeout_s = "5s"
               |             ^^^^
               |
               = help: the unit is in the name of the key: write 30, not "30s"

            error: step `billing`, `skills`: no agent has the skill `biling`
               --> flows/test.toml:20:12
               |
            20 | skills = { biling = 11 }
               |            ^^^^^^
               |
               = help: did you mean `billing`?

            error: step `billing`, `skills`: `biling` must be between 1 and 10
               --> flows/test.toml:20:21
               |
            20 | skills = { biling = 11 }
               |                     ^^

            error: step `billing`: `wait` cannot be `musik`
               --> flows/test.toml:21:10
               |
            21 | wait   = "musik"
               |          ^^^^^^^
               |
               = help: did you mean `music`?

            error: there is no verb `qeue`
               --> flows/test.toml:23:2
               |
            23 | [qeue.tech]
               |  ^^^^
               |
               = help: did you mean `queue`?

        "##]],
    );
}

#[test]
fn broken_toml_is_a_diagnostic_too() {
    check_broken(
        "[flow\nstart = \"a\"\nb = = 2\n",
        &nothing(),
        expect![[r#"
        error: unclosed table, expected `]`
          --> flows/test.toml:1:6
          |
        1 | [flow
          |      ^

        error: extra `=`, expected nothing
          --> flows/test.toml:3:5
          |
        3 | b = = 2
          |     ^

        error: unexpected key or value, expected newline, `#`
          --> flows/test.toml:3:7
          |
        3 | b = = 2
          |       ^

    "#]],
    );
    check_broken(
        "[flow]\nstart = \"a\"\n[say.a]\ntext = \"x\"\ntext = \"y\"\n",
        &nothing(),
        expect![[r#"
            error: duplicate key
              --> flows/test.toml:5:1
              |
            5 | text = "y"
              | ^^^^

        "#]],
    );
    check_broken(
        "",
        &nothing(),
        expect![[r#"
        error: there is no `[flow]`
          --> flows/test.toml:1:1
          |
        1 | 
          | ^
          |
          = help: every file begins with `[flow]`: its `numbers`, its `start` step

    "#]],
    );
    check_broken(
        "flow = 1\nsay = 2\n[menu]\ntext = \"x\"\n",
        &nothing(),
        expect![[r#"
        error: `[flow]` is a table, not a whole number
          --> flows/test.toml:1:8
          |
        1 | flow = 1
          |        ^

        error: write a step as `[say.name]`
          --> flows/test.toml:2:1
          |
        2 | say = 2
          | ^^^

        error: `[menu]` needs a name: write `[menu.name]`
          --> flows/test.toml:4:1
          |
        4 | text = "x"
          | ^^^^

    "#]],
    );
}

#[test]
fn what_the_configuration_lacks_cannot_be_named() {
    check_broken(
        r#"
[flow]
numbers = ["*"]
start = "a"
[play.a]
file = ["welcom.wav", "../secret.wav"]
next = "b"
[say.b]
text = "{{ caller.plan }} {{ caller.plam }} {{ call.nunber }} {{ queue.position }}"
next = "q"
[queue.q]
queue  = "frnt"
skills = { sales = 1 }
relax  = [{ after_s = 60, tehc = 1 }, { after_s = 30, tech = 0 }]
prefer = { agent = "adda", wait_s = 20 }
music  = "jaz"
full   = "t"
[transfer.t]
to    = "+14155550123"
trunk = "mian"
"#,
        &office(),
        expect![[r#"
            error: step `a`: there is no prompt file `welcom.wav`
              --> flows/test.toml:6:9
              |
            6 | file = ["welcom.wav", "../secret.wav"]
              |         ^^^^^^^^^^^^
              |
              = help: did you mean `welcome.wav`?

            error: step `a`: `../secret.wav` is not a path inside the prompts folder
              --> flows/test.toml:6:23
              |
            6 | file = ["welcom.wav", "../secret.wav"]
              |                       ^^^^^^^^^^^^^^^

            error: step `b`, `text`: `caller` has no `plam`
              --> flows/test.toml:9:30
              |
            9 | text = "{{ caller.plan }} {{ caller.plam }} {{ call.nunber }} {{ queue.position }}"
              |                              ^^^^^^^^^^^
              |
              = help: did you mean `plan`?

            error: step `b`, `text`: `call` has no `nunber`
              --> flows/test.toml:9:48
              |
            9 | text = "{{ caller.plan }} {{ caller.plam }} {{ call.nunber }} {{ queue.position }}"
              |                                                ^^^^^^^^^^^
              |
              = help: there is `id`, `to`, `via`

            error: step `b`, `text`: nobody waits here
              --> flows/test.toml:9:66
              |
            9 | text = "{{ caller.plan }} {{ caller.plam }} {{ call.nunber }} {{ queue.position }}"
              |                                                                  ^^^^^^^^^^^^^^
              |
              = help: `queue.position` and `queue.waiting` belong in a queue's `announce`

            error: step `q`: no queue is declared as `frnt`
               --> flows/test.toml:12:10
               |
            12 | queue  = "frnt"
               |          ^^^^^^
               |
               = help: did you mean `front`?

            error: step `q`, `skills`: no agent has the skill `sales`
               --> flows/test.toml:13:12
               |
            13 | skills = { sales = 1 }
               |            ^^^^^
               |
               = help: there is `billing`, `tech`

            error: step `q`, `relax` step 1: no agent has the skill `tehc`
               --> flows/test.toml:14:27
               |
            14 | relax  = [{ after_s = 60, tehc = 1 }, { after_s = 30, tech = 0 }]
               |                           ^^^^
               |
               = help: did you mean `tech`?

            error: step `q`: `relax` steps must come in the order of `after_s`
               --> flows/test.toml:14:39
               |
            14 | relax  = [{ after_s = 60, tehc = 1 }, { after_s = 30, tech = 0 }]
               |                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: step `q`, `prefer`: there is no agent `adda`
               --> flows/test.toml:15:20
               |
            15 | prefer = { agent = "adda", wait_s = 20 }
               |                    ^^^^^^
               |
               = help: did you mean `ada`?

            error: step `q`: there is no music `jaz`
               --> flows/test.toml:16:10
               |
            16 | music  = "jaz"
               |          ^^^^^
               |
               = help: did you mean `jazz`?

            error: step `t`: there is no trunk `mian`
               --> flows/test.toml:20:9
               |
            20 | trunk = "mian"
               |         ^^^^^^
               |
               = help: did you mean `main`?

        "#]],
    );
}

#[test]
fn steps_have_one_name_and_lead_somewhere() {
    check_broken(
        r#"
[flow]
numbers = ["*"]
start = "a"
[say.a]
text = "Hello."
next = "b"
[play.a]
file = "x.wav"
next = "b"
[menu.b]
text = "Press."
keys = { 1 = "b" }
give_up = "b"
[hangup."c c"]
[collect.d]
text = "Number?"
digits_min = 5
digits_max = 3
into = "caller"
pattern = "4Q"
next = "b"
"#,
        &nothing(),
        expect![[r#"
            error: a step named `a` is already in line 5
              --> flows/test.toml:8:7
              |
            8 | [play.a]
              |       ^

            error: `c c` is not a name: use letters, digits, _ and -
               --> flows/test.toml:15:9
               |
            15 | [hangup."c c"]
               |         ^^^^^

            error: step `d` has no `give_up`
               --> flows/test.toml:16:10
               |
            16 | [collect.d]
               |          ^
               |
               = help: a caller who presses nothing would stay here for ever; name the step to go to after `tries_max` tries

            error: step `d`: `digits_min` 5 is above `digits_max` 3
               --> flows/test.toml:18:1
               |
            18 | digits_min = 5
               | ^^^^^^^^^^

            error: step `d`: `caller` is taken; choose another name for the variable
               --> flows/test.toml:20:8
               |
            20 | into = "caller"
               |        ^^^^^^^^

            error: step `d`: `4Q` is not a pattern of digits
               --> flows/test.toml:21:11
               |
            21 | pattern = "4Q"
               |           ^^^^
               |
               = help: write digits, X for any digit, Z for 1-9, N for 2-9, [1-57] for some, and `.` at the end for any more

        "#]],
    );
}

#[test]
fn a_loop_must_wait_and_a_menu_must_let_go() {
    check_broken(
        r#"
[flow]
numbers = ["*"]
start = "a"
on_hangup = "bye"
[say.a]
text = "Round"
next = "b"
[branch.b]
cases = [{ if = "caller.vip", next = "menu" }]
else = "c"
[set.c]
vars = { x = 1 }
next = "a"
[menu.menu]
text = "Press 1."
keys = { 1 = "other" }
give_up = "other"
[menu.other]
text = "Press 1."
keys = { 1 = "menu" }
give_up = "menu"
[queue.full]
full = "again"
[say.again]
text = "Still full."
next = "full"
[say.bye]
text = "Nobody hears this."
next = "end"
[hangup.end]
"#,
        &nothing(),
        expect![[r#"
            error: this loop never waits for the caller: a -> b -> c -> a
              --> flows/test.toml:6:6
              |
            6 | [say.a]
              |      ^
              |
              = help: put a `menu`, a `collect` or a `queue` into it, or end it

            error: step `menu` has no way out
               --> flows/test.toml:15:7
               |
            15 | [menu.menu]
               |       ^^^^
               |
               = help: let one of its exits lead to a queue, a transfer or a hangup

            error: step `other` has no way out
               --> flows/test.toml:19:7
               |
            19 | [menu.other]
               |       ^^^^^
               |
               = help: let one of its exits lead to a queue, a transfer or a hangup

            error: this loop never waits for the caller: full -> again -> full
               --> flows/test.toml:23:8
               |
            23 | [queue.full]
               |        ^^^^
               |
               = help: put a `menu`, a `collect` or a `queue` into it, or end it

            warning: no call can reach step `full`
               --> flows/test.toml:23:8
               |
            23 | [queue.full]
               |        ^^^^
               |
               = help: name it in another step, or take it out

            warning: no call can reach step `again`
               --> flows/test.toml:25:6
               |
            25 | [say.again]
               |      ^^^^^
               |
               = help: name it in another step, or take it out

            error: step `bye` runs after the caller left, where `say` cannot
               --> flows/test.toml:28:6
               |
            28 | [say.bye]
               |      ^^^
               |
               = help: `on_hangup` leads through `set`, `branch`, `hours_check` and `hangup` only

        "#]],
    );
}

#[test]
fn warnings_do_not_stop_a_flow() {
    check_broken(
        r#"
[flow]
start     = "a"
languages = ["en", "es"]
[hangup.a]
text.en = "Goodbye."
[hangup.lost]
"#,
        &nothing(),
        expect![[r#"
            warning: no number leads to this flow
              --> flows/test.toml:2:2
              |
            2 | [flow]
              |  ^^^^
              |
              = help: `numbers = ["+14155550100"]`, or "*" for calls no other flow takes

            warning: step `a`, `text` has no `es`
              --> flows/test.toml:6:1
              |
            6 | text.en = "Goodbye."
              | ^^^^
              |
              = help: callers who chose `es` hear `en` here

            warning: no call can reach step `lost`
              --> flows/test.toml:7:9
              |
            7 | [hangup.lost]
              |         ^^^^
              |
              = help: name it in another step, or take it out

        "#]],
    );
}

#[test]
fn languages_hours_and_causes_are_checked() {
    check_broken(
        r#"
[flow]
numbers = ["*"]
start = "a"
languages = ["en", "es", "e!"]
[hours.office]
timezone = "America/NewYork"
open     = ["Mon-Fri 9-17", "Mon 09:00-17:00"]
holidays = { "2026-13-01" = "Christmas", "2026-12-25" = "Christmas", "rule:US" = "yes" }
[hours_check.a]
hours  = "offce"
open   = "b"
closed = "b"
[hours_check.b]
hours  = "office"
open   = "c"
closed = "c"
holiday.Chrismas = "c"
[say.c]
text.es = "Hola."
text.ed = "Hi."
next    = "d"
[set.d]
language = "fr"
next     = "e"
[hangup.e]
cause = "user_bussy"
"#,
        &nothing(),
        expect![[r#"
            error: `[flow]`: `e!` is not a language; write `en` or `pt-BR`
              --> flows/test.toml:5:26
              |
            5 | languages = ["en", "es", "e!"]
              |                          ^^^^

            error: hours `office`: there is no time zone `America/NewYork`
              --> flows/test.toml:7:12
              |
            7 | timezone = "America/NewYork"
              |            ^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `America/New_York`?

            error: hours `office`: `Mon-Fri 9-17` is not a range of hours
              --> flows/test.toml:8:13
              |
            8 | open     = ["Mon-Fri 9-17", "Mon 09:00-17:00"]
              |             ^^^^^^^^^^^^^^
              |
              = help: write "Mon-Fri 09:00-17:30", "Sat,Sun 10:00-14:00" or "daily 00:00-24:00"

            error: hours `office`, `holidays`: `2026-13-01` is not a date
              --> flows/test.toml:9:14
              |
            9 | holidays = { "2026-13-01" = "Christmas", "2026-12-25" = "Christmas", "rule:US" = "yes" }
              |              ^^^^^^^^^^^^
              |
              = help: write "2026-12-25" = "Christmas", or "rule:US" = true

            error: hours `office`, `holidays`: `rule:US` is `true` or `false`, not a text
              --> flows/test.toml:9:82
              |
            9 | holidays = { "2026-13-01" = "Christmas", "2026-12-25" = "Christmas", "rule:US" = "yes" }
              |                                                                                  ^^^^^

            error: step `a`: there is no `[hours.offce]`
               --> flows/test.toml:11:10
               |
            11 | hours  = "offce"
               |          ^^^^^^^
               |
               = help: did you mean `office`?

            error: step `b`, `holiday`: no holiday is named `Chrismas`
               --> flows/test.toml:18:9
               |
            18 | holiday.Chrismas = "c"
               |         ^^^^^^^^
               |
               = help: did you mean `Christmas`?

            error: step `c`, `text` has no `en`
               --> flows/test.toml:20:1
               |
            20 | text.es = "Hola."
               | ^^^^
               |
               = help: the first language of the flow is always needed

            error: step `c`, `text`: the flow does not speak `ed`
               --> flows/test.toml:21:6
               |
            21 | text.ed = "Hi."
               |      ^^
               |
               = help: there is `en`, `es`

            error: step `d`: the flow does not speak `fr`
               --> flows/test.toml:24:12
               |
            24 | language = "fr"
               |            ^^^^
               |
               = help: there is `en`, `es`

            error: step `e`: there is no cause `user_bussy`
               --> flows/test.toml:27:9
               |
            27 | cause = "user_bussy"
               |         ^^^^^^^^^^^^
               |
               = help: did you mean `user_busy`?

        "#]],
    );
}

#[test]
fn templates_are_small_and_secrets_stay_in_conditions() {
    check_broken(
        r#"
[flow]
numbers = ["*"]
start = "pin"
[collect.pin]
text = "PIN?"
digits_min = 4
digits_max = 4
into = "pin"
secret = true
give_up = "bye"
next = "show"
[say.show]
text = "{% for x in caller %}{{ x }}{% endfor %}{{ range(3) }}"
next = "tell"
[say.tell]
text = "You typed {{ pin }}."
next = "keep"
[set.keep]
vars = { copy = "{{ pin }}", "2x" = 1, language = "x" }
next = "which"
[branch.which]
cases = [
  { if = "pin == '1234'", next = "bye" },
  { if = "pin = 1", next = "bye" },
  { if = "caller.vip &", next = "nowhere", then = 1 },
]
else = "bye"
[hangup.bye]
text = "Bye {{ caller.name"
"#,
        &nothing(),
        expect![[r#"
            error: step `show`, `text`: `{% for %}` is not part of the flow language
               --> flows/test.toml:14:12
               |
            14 | text = "{% for x in caller %}{{ x }}{% endfor %}{{ range(3) }}"
               |            ^^^
               |
               = help: a template has `if`, `elif`, `else` and `endif`

            error: step `show`, `text`: `{% endfor %}` is not part of the flow language
               --> flows/test.toml:14:40
               |
            14 | text = "{% for x in caller %}{{ x }}{% endfor %}{{ range(3) }}"
               |                                        ^^^^^^
               |
               = help: a template has `if`, `elif`, `else` and `endif`

            error: step `show`, `text`: there is no function `range`
               --> flows/test.toml:14:52
               |
            14 | text = "{% for x in caller %}{{ x }}{% endfor %}{{ range(3) }}"
               |                                                    ^^^^^
               |
               = help: filters are written `value|name`: abs, capitalize, default, digits, duration, first, float, int, join, last, length, lower, max, min, ordinal, replace, round, string, trim, upper

            error: step `tell`, `text`: `pin` is secret
               --> flows/test.toml:17:22
               |
            17 | text = "You typed {{ pin }}."
               |                      ^^^
               |
               = help: what a caller typed at a secret step may only decide a condition

            error: step `keep`, `vars`, `copy`: `pin` is secret
               --> flows/test.toml:20:21
               |
            20 | vars = { copy = "{{ pin }}", "2x" = 1, language = "x" }
               |                     ^^^
               |
               = help: what a caller typed at a secret step may only decide a condition

            error: step `keep`, `vars`: `2x` is not a name for a variable: use a-z, 0-9 and _
               --> flows/test.toml:20:30
               |
            20 | vars = { copy = "{{ pin }}", "2x" = 1, language = "x" }
               |                              ^^^^

            error: step `keep`, `vars`: `language` is taken; choose another name for the variable
               --> flows/test.toml:20:40
               |
            20 | vars = { copy = "{{ pin }}", "2x" = 1, language = "x" }
               |                                        ^^^^^^^^

            error: step `which`, case 2, `if`: syntax error: unexpected input after expression
               --> flows/test.toml:25:15
               |
            25 |   { if = "pin = 1", next = "bye" },
               |               ^

            error: step `which`, case 3, `if`: syntax error: unexpected character
               --> flows/test.toml:26:22
               |
            26 |   { if = "caller.vip &", next = "nowhere", then = 1 },
               |                      ^

            error: step `which`, case 3, `next`: no step is named `nowhere`
               --> flows/test.toml:26:33
               |
            26 |   { if = "caller.vip &", next = "nowhere", then = 1 },
               |                                 ^^^^^^^^^
               |
               = help: there is `bye`, `keep`, `pin`, `show`, `tell`, `which`

            error: step `which`, case 3 has no option `then`
               --> flows/test.toml:26:44
               |
            26 |   { if = "caller.vip &", next = "nowhere", then = 1 },
               |                                            ^^^^
               |
               = help: there is `if`, `next`

            error: step `bye`, `text`: syntax error: unexpected end of input, expected end of variable block
               --> flows/test.toml:30:23
               |
            30 | text = "Bye {{ caller.name"
               |                       ^^^^

        "#]],
    );
}

#[test]
fn keys_do_not_mean_two_things() {
    check_broken(
        r##"
[flow]
numbers = ["*"]
start = "m"
[menu.m]
text = "Press."
keys = { 1 = "c", "*" = "bye" }
repeat = "*"
phrases = { c = ["yes"], bye = ["yes", 4] }
no_input = "What?"
no_input_next = "bye"
give_up = "bye"
[collect.c]
text = "Number."
into = "n"
repeat = "#"
give_up = "bye"
next = "q"
[queue.q]
exit_key = "12"
exit = "bye"
announce_every_s = 10
[hangup.bye]
"##,
        &nothing(),
        expect![[r##"
            error: step `m`: `*` is the `repeat` key and the key of a choice
              --> flows/test.toml:8:1
              |
            8 | repeat = "*"
              | ^^^^^^

            error: step `m`, `phrases`: `yes` means both `c` and `bye`
              --> flows/test.toml:9:33
              |
            9 | phrases = { c = ["yes"], bye = ["yes", 4] }
              |                                 ^^^^^

            error: step `m`, `phrases`: `bye` is a text in quotes, not a whole number
              --> flows/test.toml:9:40
              |
            9 | phrases = { c = ["yes"], bye = ["yes", 4] }
              |                                        ^

            error: step `m`: `no_input` would never be heard, because `no_input_next` is there
               --> flows/test.toml:10:1
               |
            10 | no_input = "What?"
               | ^^^^^^^^

            error: step `c`: `repeat` and `terminator` are the same key
               --> flows/test.toml:16:1
               |
            16 | repeat = "#"
               | ^^^^^^

            error: step `q` has no `announce`
               --> flows/test.toml:19:8
               |
            19 | [queue.q]
               |        ^
               |
               = help: say what to tell those who wait, or `wait = "music_and_position"`

            error: step `q`: `exit_key` is one telephone key, not `12`
               --> flows/test.toml:20:12
               |
            20 | exit_key = "12"
               |            ^^^^

        "##]],
    );
}

#[test]
fn a_problem_has_a_one_line_form() {
    let source = "[flow]\nnumbers = [\"*\"]\nstart = \"maim\"\n[hangup.main]\n";
    let found = crate::flow::parse("flows/a.toml", source, &nothing()).unwrap_err();
    expect![
        "flows/a.toml:3:9: error: `[flow]`, `start`: no step is named `maim` (did you mean `main`?)"
    ]
    .assert_eq(&found[0].to_string());
}
