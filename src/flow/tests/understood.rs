//! What is not understood is refused, what can only fail later fails here, and one mistake makes
//! one message.

use super::told;
use crate::flow::{Known, parse};

fn with(steps: &str) -> String {
    format!("[flow]\nnumbers = [\"*\"]\nstart = \"a\"\n{steps}\n[hangup.end]\n")
}

#[track_caller]
fn says(steps: &str, words: &[&str]) -> String {
    let said = told(&with(steps), &Known::anything());
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    said
}

#[track_caller]
fn loads(steps: &str) {
    let said = told(&with(steps), &Known::anything());
    assert_eq!(said, "", "{steps}");
}

#[test]
fn fault_36_days_and_times_are_understood_exactly_or_refused() {
    let hours = |open: &str, holidays: &str| {
        format!(
            "[hours_check.a]\nhours = \"h\"\nopen = \"end\"\nclosed = \"end\"\n\
             [hours.h]\ntimezone = \"UTC\"\nopen = [{open}]\nholidays = {{ {holidays} }}\n"
        )
    };
    let open = "\"Mon-Fri 09:00-17:30\"";
    for holiday in ["2026-11-29 23:00-24:00", "2026-11-29T23:00", "20261129", "2026-02-30"] {
        let said = says(&hours(open, &format!("\"{holiday}\" = \"x\"")), &["is not a date"]);
        assert!(said.contains("a holiday is a whole day"), "{said}");
    }
    says(&hours(open, "\"2026-12-25\" = \"\""), &["needs the name of the holiday"]);
    for wrong in [
        "Mon 9:5-17:00",
        "Mon +9:00-17:00",
        "Mon 009:00-17:00",
        "Mon 24:00-02:00",
        "Monday 9:00-17:00",
        "Mon 09:00-12:00, 13:00-17:00",
        "Mon 09:00-09:00",
        "Mon 09:00-24:30",
        "Mon 9-17",
    ] {
        says(
            &hours(&format!("\"{wrong}\""), ""),
            &["is not a range of hours", "daily 00:00-24:00"],
        );
    }
    says(&hours("", ""), &["warning", "it is never open"]);
    loads(&hours("\"daily 22:00-24:00\", \"Sat 22:00-02:00\", \"Sun 9:00-17:00\"", ""));
}

#[test]
fn fault_36_what_has_no_effect_or_the_opposite_one_is_refused() {
    let queue = |options: &str| {
        let exits = "full = \"end\"\ntimeout = \"end\"\nno_agents = \"end\"";
        format!("[queue.a]\n{exits}\n{options}\n")
    };
    let raises = "skills = { tech = 2 }\nrelax = [{ after_s = 9, tech = 3 }]";
    says(&queue(raises), &["raises `tech` from 2 to 3", "0 drops the skill"]);
    let twice = "skills = { tech = 5 }\n\
                 relax = [{ after_s = 9, tech = 2 }, { after_s = 19, tech = 4 }]";
    says(&queue(twice), &["raises `tech` from 2 to 4"]);
    let again = "skills = { tech = 5 }\n\
                 relax = [{ after_s = 9, tech = 0 }, { after_s = 19, tech = 4 }]";
    says(&queue(again), &["raises `tech` from 0 to 4"]);
    let other = "skills = { tech = 5 }\nrelax = [{ after_s = 9, sales = 0 }]";
    says(&queue(other), &["step 1 drops `sales`, which nothing asks for"]);
    let late = "wait_s_max = 60\nskills = { tech = 5 }\nrelax = [{ after_s = 60, tech = 2 }]";
    says(&queue(late), &["warning", "never comes: callers wait 60 s at most"]);
    says(&queue("wait = \"ring\"\nmusic = \"harp\""), &["would never be heard"]);
    let transfer = "[transfer.a]\nto = \"600\"\nfailed = \"end\"\nmusic = \"harp\"";
    says(transfer, &["would never be heard"]);
    says("[transfer.a]\nto = \" \"\nfailed = \"end\"", &["`to` is empty"]);
    says(&queue("announce_first_s = 9"), &["has no `announce`"]);
    says("[say.a]\ntext = []\nnext = \"end\"", &["`text` lists nothing to say"]);
    let pattern = "[collect.a]\ntext = \"?\"\ninto = \"x\"\npattern = []\n\
                   next = \"end\"\ngive_up = \"end\"";
    says(pattern, &["`pattern` lists none"]);
    says("[say.a]\ntext = \"Hello {caller.name}.\"\nnext = \"end\"", &["taken as it stands"]);
    let language = with("").replace("start", "languages = [\"english\"]\nstart");
    let said = told(&language, &Known::anything());
    assert!(said.contains("`english` is not a language"), "{said}");
    let text = "[say.a]\ntext.en = \"Hello.\"\ntext.ed = \"Hi.\"\nnext = \"end\"";
    says(text, &["does not speak `ed`"]);
    says("[set.a]\nlanguage = \"fr\"\nnext = \"end\"", &["does not speak `fr`"]);
}

#[test]
fn fault_36_a_step_of_relax_may_ask_for_another_skill() {
    let queue = |options: &str| {
        let exits = "full = \"end\"\ntimeout = \"end\"\nno_agents = \"end\"";
        with(&format!("[queue.a]\n{exits}\n{options}\n"))
    };
    let billing = "skills = { billing = 3 }\nrelax = [{ after_s = 45, billing = 0, general = 1 }]";
    assert_eq!(told(&queue(billing), &Known::anything()), "");
    let raised = "skills = { billing = 3 }\n\
                  relax = [{ after_s = 9, general = 1 }, { after_s = 45, general = 2 }]";
    let said = told(&queue(raised), &Known::anything());
    assert!(said.contains("raises `general` from 1 to 2"), "{said}");
    let named = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let staff = |level| {
        let agent = |name: &str, level: u8| [(name.to_owned(), level)].into();
        Known {
            skills: named(&["billing", "general"]),
            staff: Some(vec![agent("billing", 1), agent("general", level)]),
            ..Known::anything()
        }
    };
    // A whole step decides which agents can answer, whatever the order of what it lists.
    assert_eq!(told(&queue(billing), &staff(1)), "");
    let higher = billing.replace("general = 1", "general = 2");
    let said = told(&queue(&higher), &staff(1));
    assert!(said.contains("no agent can ever answer these calls"), "{said}");
    let said = told(&queue(&billing.replace("general", "genral")), &staff(1));
    assert!(said.contains("did you mean `general`?"), "{said}");
}

#[test]
fn fault_36_operators_of_other_languages_are_named_with_ours() {
    let branch = |condition: &str| {
        let case = format!("{{ if = \"{condition}\", next = \"end\" }}");
        format!("[branch.a]\ncases = [{case}]\nelse = \"end\"")
    };
    for (condition, ours) in [
        ("caller.vip && caller.known", "and"),
        ("caller.vip || caller.known", "or"),
        ("!caller.vip", "not"),
        ("caller.name = 'Ada'", "=="),
        ("caller.vip AND caller.known", "and"),
        ("caller.vip ? 1 : 2", "a if condition else b"),
    ] {
        let said = says(&branch(condition), &[&format!("help: write `{ours}`")]);
        assert_eq!(said.matches("error").count(), 1, "{said}");
    }
    says("[say.a]\ntext = \"{{ 'a' if caller.vip && caller.known }}\"\nnext = \"end\"", &["`and`"]);
    loads(&branch("caller.vip and not caller.known or caller.name != '&& || !'"));
}

#[test]
fn fault_36_a_variable_that_is_not_set_yet_is_found_before_a_call_finds_it() {
    let counter = |first: &str, sum: &str| {
        format!(
            "[say.a]\ntext = \"Hello.\"\nnext = \"{first}\"\n\
             [set.zero]\nvars = {{ tries = 0 }}\nnext = \"count\"\n\
             [set.count]\nvars = {{ tries = \"{{{{ {sum} }}}}\" }}\nnext = \"ask\"\n\
             [menu.ask]\ntext = \"Press 1.\"\nkeys = {{ 1 = \"count\", 2 = \"end\", 3 = \"zero\" }}\n\
             give_up = \"end\""
        )
    };
    let said = says(&counter("count", "tries + 1"), &["`tries` may not be set yet"]);
    assert!(said.contains("vars = { tries = 0 }") && said.contains("tries|default(0)"), "{said}");
    loads(&counter("zero", "tries + 1"));
    loads(&counter("count", "tries|default(0) + 1"));
    // Set on one way, and not on the other; and on none.
    let ways = |text: &str, condition: &str| {
        format!(
            "[branch.a]\ncases = [{{ if = \"{condition}\", next = \"set\" }}]\nelse = \"tell\"\n\
             [set.set]\nvars = {{ x = 1 }}\nnext = \"tell\"\n\
             [say.tell]\ntext = \"{text}\"\nnext = \"end\""
        )
    };
    says(&ways("It is {{ x }}.", "caller.vip"), &["warning", "`x` is not set on every way"]);
    loads(&ways("It is {{ x|default('none') }}.", "caller.vip"));
    loads(&ways("{% if x is defined %}It is {{ x }}.{% endif %}", "caller.vip"));
    let early = "[say.a]\ntext = \"It is {{ x }}.\"\nnext = \"set\"\n\
                 [set.set]\nvars = { x = 1 }\nnext = \"end\"";
    says(early, &["error", "no step before this one sets `x`"]);
    says(
        "[say.a]\ntext = \"{{ caller.last_call_days + 1 }}\"\nnext = \"end\"",
        &["`caller.last_call_days` may not be set yet", "not every caller has it"],
    );
}

#[test]
fn fault_41_one_mistake_is_one_message() {
    let menu = "[menu.a]\ntext = \"?\"\nkeys = { 1 = \"hlep\", 2 = \"hlep\", 3 = \"hlep\" }\n\
                give_up = \"hlep\"\n[say.help]\ntext = \"Hello.\"\nnext = \"hlep\"";
    let said = says(menu, &["no step is named `hlep`", "did you mean `help`?", "the same in line"]);
    assert_eq!(said.matches("error").count(), 1, "{said}");
    // A step of a verb there is not is a step, and sets what it says.
    let verb = "[say.a]\ntext = \"Hello.\"\nnext = \"b\"\n\
                [colect.b]\ntext = \"?\"\ninto = \"x\"\nnext = \"c\"\ngive_up = \"end\"\n\
                [say.c]\ntext = \"It is {{ x }}.\"\nnext = \"b\"";
    let said = says(verb, &["there is no verb `colect`", "did you mean `collect`?"]);
    assert_eq!(said.matches("error").count(), 1, "{said}");
    // All there is to choose from, however many.
    let far = "[xylophone.a]\ntext = \"Hello.\"";
    let said = says(far, &["Verbs to speak:", "`[flow]`", "`[hours.NAME]`"]);
    for verb in crate::flow::step::VERBS {
        let line = format!("  {} ", verb.name);
        assert!(said.lines().any(|it| it.contains(&line)), "{}: {said}", verb.name);
    }
    let one = parse("test.toml", &with(far), &Known::anything()).unwrap_err()[0].to_string();
    assert!(
        one.contains("there is `branch`, `caller_in_list`, `collect`") && one.contains("`record`"),
        "{one}"
    );
    // What the parser makes of the rest of a line is no mistake of its own.
    let said = told("[flow]\nnumbers = [\"*\"\nstart = \"a\"\n", &Known::anything());
    assert_eq!(said.matches("error").count(), 1, "{said}");
}

#[test]
fn fault_33_a_text_no_voice_can_say_at_once_is_refused_with_its_place() {
    assert_eq!(crate::flow::SPEECH_LEN_MAX, 4_000);
    let long = "word ".repeat(801);
    let said = says(
        &format!("[say.a]\ntext = \"{long}\"\nnext = \"end\""),
        &["flows/test.toml:5:8", "is 4005 bytes long; 4000 can be said at once"],
    );
    assert_eq!(said.matches("error").count(), 1);
}

#[test]
fn fault_33_a_level_that_nobody_has_at_any_step_is_refused() {
    let agent = |skills: &[(&str, u8)]| {
        skills.iter().map(|(skill, level)| ((*skill).to_owned(), *level)).collect()
    };
    let staff = vec![agent(&[("tech", 8)]), agent(&[("sales", 3)])];
    let known = Known { staff: Some(staff), ..Known::anything() };
    let queue = |options: &str| {
        let exits = "full = \"end\"\ntimeout = \"end\"\nno_agents = \"end\"";
        told(&with(&format!("[queue.a]\n{exits}\n{options}\n")), &known)
    };
    let said = queue("skills = { tech = 9 }");
    assert!(said.contains("no agent has `tech` at 9, the best has 8"), "{said}");
    let said = queue("skills = { tech = 10 }\nrelax = [{ after_s = 9, tech = 9 }]");
    assert!(said.contains("no agent can ever answer these calls"), "{said}");
    let said = queue("skills = { tech = 1, sales = 1 }");
    assert!(said.contains("no agent has all of these skills at once"), "{said}");
    assert_eq!(queue("skills = { tech = 10 }\nrelax = [{ after_s = 9, tech = 8 }]"), "");
    assert_eq!(queue("skills = { tech = 1, sales = 1 }\nrelax = [{ after_s = 9, tech = 0 }]"), "");
}
