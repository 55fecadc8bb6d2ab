//! What a `queue` step may hold, and the reference of it.

use crate::flow::option::{
    Choice, Entries, ExitTo, MaySeconds, OneKey, Opt, STEP, Schema, Seconds, Value, Whole,
};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::wait_sound::{MUSIC, Sound};
use crate::words::Need;

pub(super) const SKILLS_MAX: usize = 20;
pub(super) const RELAX_MAX: usize = 20;
const LEVEL_MAX: u64 = 10;
pub(super) const PRIORITY_MAX: u8 = 10;
pub(super) const PRIORITY_DEFAULT: u8 = 5;
/// The first announcement comes early: an honest word about the wait is worth most then.
const FIRST_ANNOUNCEMENT_S: u64 = 5;
const WAIT_S_MAX: u64 = 24 * 3600;

/// Music, and the place in line now and then.
pub(super) const MUSIC_AND_POSITION: &str = "music_and_position";

pub(super) const QUEUE: Opt<Value> = Opt::value(
    "queue",
    "a queue",
    "Which queue the caller waits in; it must be one of `[queues]`.",
)
.without("that of the step's name");
pub(super) const SKILLS: Opt<Entries> = Opt::entries(
    "skills",
    "`{ SKILL = LEVEL }`",
    "What an agent must have, and at which level at least.",
)
.of(&SKILLS_TABLE)
.without("any agent");
pub(super) const PRIORITY: Opt<Whole> = Opt::whole(
    "priority",
    PRIORITY_DEFAULT as u64,
    1..=PRIORITY_MAX as u64,
    "Higher is sooner; it may be filled in, and is then moved into the range.",
);
pub(super) const RELAX: Opt<Entries> = Opt::entries(
    "relax",
    "a list of `{ after_s = 45, skill = 2 }`",
    "Steps that ask for less after a time, in the order of `after_s`.",
)
.of(&RELAX_TABLE);
pub(super) const PREFER: Opt<Entries> = Opt::entries(
    "prefer",
    "`{ agent = \"…\", wait_s = 20 }`",
    "An agent who gets the call, if they are ready or will be after their call.",
)
.of(&PREFER_TABLE);
pub(super) const INTENT: Opt<Value> =
    Opt::template("intent", "What the caller wants, for the agent and the record.");
pub(super) const WAIT: Opt<Choice<Sound>> = Opt::choice(
    "wait",
    "music",
    &[
        ("music", Sound::Music),
        ("silence", Sound::Silence),
        ("ring", Sound::Ring),
        (MUSIC_AND_POSITION, Sound::Music),
    ],
    "What the caller hears; with the position, `announce` has a text of its own.",
);
pub(super) const ANNOUNCE: Opt<Value> = Opt::speech(
    "announce",
    "Said now and then; `{{ queue.position }}` and `{{ queue.waiting }}` are filled in.",
);
pub(super) const ANNOUNCE_FIRST: Opt<Seconds> = Opt::seconds(
    "announce_first_s",
    FIRST_ANNOUNCEMENT_S,
    1..=3600,
    "When the first announcement comes.",
);
pub(super) const ANNOUNCE_EVERY: Opt<Seconds> =
    Opt::seconds("announce_every_s", 30, 5..=3600, "The time between two announcements.");
pub(super) const WAIT_MAX: Opt<Seconds> =
    Opt::seconds("wait_s_max", 600, 1..=WAIT_S_MAX, "How long a caller waits before `timeout`.");
pub(super) const RING_TIMEOUT: Opt<MaySeconds> = Opt::may_seconds(
    "ring_timeout_s",
    1..=300,
    "How long an agent's telephone rings before another agent is offered the call.",
)
.without("as `[queues]` says");
pub(super) const EXIT_KEY: Opt<OneKey> =
    Opt::key("exit_key", "The key that leaves the queue for `exit`; both or neither.");
pub(super) const NEXT: Opt<ExitTo> =
    Opt::exit("next", "An agent talked to the caller and left; the caller is still there.")
        .without("the call ends");
pub(super) const FULL: Opt<ExitTo> =
    Opt::exit("full", "On arrival, `len_max` calls of `[queues]` wait already.").without(ON_ERROR);
pub(super) const TIMEOUT: Opt<ExitTo> = Opt::exit(
    "timeout",
    "`wait_s_max` has passed; where a telephone rings then, when that is not answered.",
)
.without(ON_ERROR);
pub(super) const NO_AGENTS: Opt<ExitTo> = Opt::exit(
    "no_agents",
    "No agent is there who could take the call now or after a step of `relax`.",
)
.without(ON_ERROR);
pub(super) const EXIT: Opt<ExitTo> =
    Opt::exit("exit", "The caller pressed `exit_key`.").without("there is no such key");
const ON_ERROR: &str = "`on_error`";

pub(super) const RELAX_TABLE: Schema = Schema { name: "queue.relax", groups: &[&[&AFTER, &LOWER]] };
pub(super) const AFTER: Opt<MaySeconds> = Opt::may_seconds(
    "after_s",
    1..=WAIT_S_MAX,
    "How long the caller has waited when this step comes.",
)
.required();
pub(super) const LOWER: Opt<Whole> = Opt::whole(
    "SKILL",
    0,
    0..=LEVEL_MAX,
    "The new least level: lower than before, 0 to drop the skill, or that of another skill.",
)
.required();

const SKILLS_TABLE: Schema = Schema { name: "queue.skills", groups: &[&[&LEVEL]] };
pub(super) const LEVEL: Opt<Whole> = Opt::whole(
    "SKILL",
    1,
    1..=LEVEL_MAX,
    "The least level; the name of the skill may be filled in.",
)
.required();

pub(super) const PREFER_TABLE: Schema =
    Schema { name: "queue.prefer", groups: &[&[&AGENT, &PREFER_WAIT]] };
pub(super) const AGENT: Opt<Value> =
    Opt::template("agent", "The login of the agent; empty, nobody is preferred.").required();
pub(super) const PREFER_WAIT: Opt<Seconds> =
    Opt::seconds("wait_s", 20, 1..=3600, "How long the call is kept for this agent.");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::People,
    summary: "lets the caller wait for an agent, with music, announcements and a way out",
    about: &[
        "The caller waits until an agent who has the `skills` is ready, is offered the call and \
         answers it. After the talk the call goes on at `next`; when the caller hangs up, at \
         `on_hangup`. What was typed ahead is forgotten. An announcement delays no agent: whoever \
         is connected while it plays is connected at once.",
        "A call takes `no_agents` when no agent is there who could take it now or after a step of \
         `relax`. On arrival, an agent is there who is logged in, also on a break, and whose \
         telephone can be reached or who is on a call. A caller who waits goes there when the last \
         of them logs out, and not because a telephone is lost for a moment.",
        "`prefer` keeps the call only for an agent who is ready, or will be after the call they are \
         on; after `wait_s` anybody who has the skills may take it. Each step of `relax` lowers a \
         demand, drops it with level 0, or asks for another skill in its place.",
    ],
    table: Schema {
        name: "queue",
        groups: &[
            &[
                &QUEUE,
                &SKILLS,
                &PRIORITY,
                &RELAX,
                &PREFER,
                &INTENT,
                &WAIT,
                &MUSIC,
                &ANNOUNCE,
                &ANNOUNCE_FIRST,
                &ANNOUNCE_EVERY,
                &WAIT_MAX,
                &RING_TIMEOUT,
                &EXIT_KEY,
                &NEXT,
                &FULL,
                &TIMEOUT,
                &NO_AGENTS,
                &EXIT,
            ],
            STEP,
        ],
    },
    needs: || vec![Need::Queue, Need::ExitKey],
    example: r##"
[flow]
numbers = ["*"]
start   = "billing"

[queue.billing]
skills           = { billing = 3 }
priority         = "{{ 8 if caller.vip else 5 }}"
relax            = [{ after_s = 45, billing = 1 }, { after_s = 120, billing = 0 }]
prefer           = { agent = "{{ caller.preferred_agent }}", wait_s = 15 }
intent           = "billing"
announce         = "You are number {{ queue.position }} in line. To leave a message, press pound."
announce_every_s = 60
exit_key         = "#"
exit             = "message"
full             = "message"
timeout          = "message"
no_agents        = "message"
next             = "end"

[record.message]
text = "Please leave a message after the tone."
next = "end"

[hangup.end]
text = "Thank you for calling."
"##,
};
