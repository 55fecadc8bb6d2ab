//! F06: what a flow asks of the configuration; F07: what providers do otherwise.

use super::kind::{Code, codes};

codes! {
    UNDECLARED = Code::error(
        601,
        "a name that the configuration does not have",
        "Queues, skills, agents, trunks, music and the secrets of look-ups are declared in \
         `attendant.toml`. A flow by itself, where there is no configuration, is not held against \
         one.",
    )
    .wrong(r#"
[queue.a]
skills    = { biling = 3 }
no_agents = "end"

[hangup.end]
"#)
    .right(r#"
[queue.a]
skills    = { billing = 3 }
no_agents = "end"

[hangup.end]
"#);
    SOUND_MISSING = Code::error(
        602,
        "a sound file that is not there",
        "A text that ends in `.wav` is a file below the folder of `server.prompts`.",
    )
    .wrong(r#"
[hangup.a]
text = "wellcome.wav"
"#)
    .right(r#"
[hangup.a]
text = "welcome.wav"
"#);
    NOBODY_ABLE = Code::error(
        603,
        "a queue whose calls no agent can answer",
        "The skills exist, but no agent has all of them at the level that is asked for, at no step \
         of `relax`. Every caller would wait until `wait_s_max` in vain.",
    )
    .wrong(r#"
[queue.a]
skills    = { billing = 9 }
no_agents = "end"

[hangup.end]
"#)
    .right(r#"
[queue.a]
skills    = { billing = 9 }
relax     = [{ after_s = 30, billing = 3 }]
no_agents = "end"

[hangup.end]
"#);
    HIDDEN_SERVICE = Code::error(
        604,
        "a service that look-ups may not ask",
        "Only the hosts that `[lookup] allow_hosts` names are asked, so that no flow can be made \
         to reach into the network behind the server.",
    )
    .wrong(r#"
[lookup.a]
url    = "https://crn.example.com/"
ok     = "end"
none   = "end"
failed = "end"

[hangup.end]
"#)
    .right(r#"
[lookup.a]
url    = "https://crm.example.com/"
ok     = "end"
none   = "end"
failed = "end"

[hangup.end]
"#);
    SOUND_BROKEN = Code::error(
        605,
        "a sound that cannot be made",
        "Every sound that is the same for all callers is decoded or spoken before the first call. \
         The file is damaged or of a kind that is not read, or the voice of the language could \
         not speak the text.",
    );
    NOT_DIALABLE = Code::error(
        606,
        "a number that cannot be dialed",
        "A `transfer` dials numbers in E.164, with their country code: `\"+14155550199\"`. \
         Emergency numbers are never dialed for a caller: the emergency service would see the \
         wrong address.",
    );
    DIALED_BY_NOBODY = Code::error(
        607,
        "a number that no trunk may dial",
        "`prefixes` of a trunk or provider lists the beginnings of the numbers it may dial. \
         Without one that fits, every such transfer would be refused.",
    );
    NOTHING_DIALED = Code::warning(
        608,
        "a transfer while nothing can be dialed",
        "No trunk and no provider has `prefixes`, so that every transfer goes on at `refused`. A \
         server can be tried like that; callers cannot be transferred.",
    );
    PROVIDER_CANNOT = Code::error(
        701,
        "a step that a provider cannot carry out",
        "`attendant check --provider NAME` says what happens to its calls instead.",
    );
    PROVIDER_DIFFERS = Code::warning(
        702,
        "a step that a provider carries out differently",
        "`attendant check --provider NAME` says what is different for its calls.",
    );
}
