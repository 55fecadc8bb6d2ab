//! The cases: first AHT, then first contact resolution.

use super::{Case, Cut};

type Lines = &'static [&'static str];

const fn case(what: &'static str, calls: Lines, figures: Lines) -> Case {
    Case { what, calls, cut: None, figures }
}

const fn by(interval: &'static str, attribution: &'static str, period: [&'static str; 2]) -> Cut {
    Cut { by: None, interval: Some(interval), attribution, zone: "UTC", period }
}

const fn of(by: &'static str) -> Cut {
    let period = ["03-01T00:00:00", "04-01T00:00:00"];
    Cut { by: Some(by), interval: None, attribution: "ended", zone: "UTC", period }
}

const fn cut(cut: Cut, what: &'static str, calls: Lines, figures: Lines) -> Case {
    Case { what, calls, cut: Some(cut), figures }
}

const fn in_berlin(cut: Cut) -> Cut {
    Cut { zone: "Europe/Berlin", ..cut }
}

const ONE_DAY: [&str; 2] = ["03-02T00:00:00", "03-03T00:00:00"];
const TWO_DAYS: [&str; 2] = ["03-02T00:00:00", "03-04T00:00:00"];
const TWO_HOURS: [&str; 2] = ["03-02T09:00:00", "03-02T11:00:00"];

pub(super) const CASES: &[Case] = &[
    case(
        "AHT is talk, hold and after-call work",
        &["+1 03-02T09:00:00 wait:billing/10 ann:60/10/20"],
        &["aht_call_s = (60 + 10 + 20) / 1", "aht_leg_s = (60 + 10 + 20) / 1"],
    ),
    case(
        "The wait, ring time in it, is not handle time",
        &["+1 03-02T09:00:00 wait:billing/300 ann:60/0/0"],
        &["aht_call_s = 60 / 1", "asa_s = 300 / 1"],
    ),
    case(
        "A mean is over all handled calls",
        &["+1 03-02T09:00:00 ann:60/10/20", "+2 03-02T09:30:00 ann:30/0/0"],
        &["aht_call_s = (90 + 30) / 2", "talk_leg_s = (60 + 30) / 2", "acw_leg_s = 20 / 2"],
    ),
    case(
        "Hold is per leg, held or not",
        &["+1 03-02T09:00:00 ann:60/10/0", "+2 03-02T09:30:00 ann:60/0/0"],
        &["hold_leg_s = (10 + 0) / 2"],
    ),
    case(
        "A talk of no length counts",
        &["+1 03-02T09:00:00 ann:0/0/0", "+2 03-02T09:30:00 ann:60/0/0"],
        &["aht_leg_s = (0 + 60) / 2"],
    ),
    case(
        "A cold transfer is one call and two legs",
        &["+1 03-02T09:00:00 wait:billing/5 ann:60/0/10>flow wait:billing/40 bob:100/0/20"],
        &[
            "aht_call_s = (60 + 10 + 100 + 20) / 1",
            "aht_leg_s = (60 + 10 + 100 + 20) / 2",
            "transfer_rate_agent = 1 / 1",
            "transfer_leg_rate_cold = 1 / 2",
        ],
    ),
    case(
        "Each agent has the legs that are theirs",
        &["+1 03-02T09:00:00 ann:60/0/10>flow bob:100/0/20"],
        &["agent ann aht_call_s = (60 + 10) / 1", "agent bob aht_call_s = (100 + 20) / 1"],
    ),
    case(
        "So has each queue",
        &["+1 03-02T09:00:00 wait:billing/5 ann:60/0/10>flow wait:tech/5 bob:100/0/20"],
        &["queue billing aht_leg_s = 70 / 1", "queue tech aht_leg_s = 120 / 1"],
    ),
    case(
        "An agent who comes twice has one call and two legs",
        &["+1 03-02T09:00:00 ann:60/0/10>flow ann:20/0/10"],
        &[
            "agent ann aht_call_s = (70 + 30) / 1",
            "agent ann aht_leg_s = (70 + 30) / 2",
            "transfer_rate = 0 / 1",
            "transfer_rate_agent = 0 / 1",
        ],
    ),
    case(
        "A consulted agent handles nothing; the caller was on hold with the other",
        &["+1 03-02T09:00:00 ann:60/30/10 consults:bob/30"],
        &["aht_leg_s = (60 + 30 + 10) / 1", "aht_call_s = 100 / 1"],
    ),
    case(
        "In a conference the time is that of the agent whose call it is",
        &["+1 03-02T09:00:00 ann:200/0/10 consults:bob/120"],
        &["aht_call_s = (200 + 10) / 1", "aht_leg_s = 210 / 1"],
    ),
    case(
        "After a warm transfer each has their own part: the consultation is of who asked",
        &["+1 03-02T09:00:00 ann:60/30/5>agent gets:bob:30:100/0/20"],
        &[
            "aht_call_s = (60 + 30 + 5 + 100 + 20) / 1",
            "aht_leg_s = (95 + 120) / 2",
            "agent bob aht_leg_s = 120 / 1",
            "transfer_leg_rate_warm_agent = 1 / 2",
        ],
    ),
    case(
        "Left to somebody outside, the agent's part counts",
        &["+1 03-02T09:00:00 ann:60/0/10>out"],
        &["aht_call_s = 70 / 1", "transfer_leg_rate_warm_outside = 1 / 1"],
    ),
    case(
        "Sent outside by the flow, nobody here handled it",
        &["+1 03-02T09:00:00 transferred"],
        &["aht_call_s = none", "transfer_rate = none"],
    ),
    case(
        "A call in after-call work is in no mean yet",
        &["+1 03-02T09:00:00 ann:60/0/20", "+2 03-02T09:30:00 ann:600/0/?"],
        &["aht_call_s = (60 + 20) / 1", "aht_leg_s = 80 / 1"],
    ),
    case(
        "Of a transferred call whose last work goes on, the leg that is done counts",
        &["+1 03-02T09:00:00 ann:60/0/10>flow bob:100/0/?"],
        &["aht_leg_s = 70 / 1", "aht_call_s = none"],
    ),
    case(
        "An abandoned call has no handle time",
        &["+1 03-02T09:00:00 wait:billing/45/abandoned", "+2 03-02T09:30:00 ann:60/0/0"],
        &["aht_call_s = 60 / 1", "abandonment_rate = 1 / 1"],
    ),
    case(
        "An agent's own call is none of a customer's",
        &["ann 03-02T09:00:00 own:ann bob:600/0/0", "+2 03-02T09:30:00 ann:60/0/0"],
        &["aht_call_s = 60 / 1"],
    ),
    case(
        "A supervisor who takes a call over handles no queue's work",
        &["+1 03-02T09:00:00 ann:60/0/10 supervisor:90"],
        &["aht_call_s = (60 + 10) / 1"],
    ),
    case(
        "Half took no longer, nine in ten took no longer: nearest rank",
        &[
            "+1 03-02T09:00:00 ann:30/0/0",
            "+2 03-02T09:10:00 ann:60/0/0",
            "+3 03-02T09:20:00 ann:300/0/0",
        ],
        &["handle_call_p50_s = 60", "handle_call_p90_s = 300", "aht_call_s = (30 + 60 + 300) / 3"],
    ),
    cut(
        by("day", "ended", TWO_DAYS),
        "A call across midnight is of the day in which it ended, whole",
        &["+1 03-02T23:59:00 ann:120/0/30"],
        &["interval 1 aht_leg_s = none", "interval 2 aht_leg_s = (120 + 30) / 1"],
    ),
    cut(
        by("day", "arrival", TWO_DAYS),
        "By arrival it is of the day before",
        &["+1 03-02T23:59:00 ann:120/0/30"],
        &["interval 1 aht_leg_s = (120 + 30) / 1", "interval 2 aht_leg_s = none"],
    ),
    cut(
        by("day", "spread", TWO_DAYS),
        "Spread, each day has the seconds that lie in it; a leg counts where it was done",
        &["+1 03-02T12:00:00 ann:40/0/0", "+2 03-02T23:59:00 ann:120/0/30"],
        &["interval 1 aht_leg_s = (40 + 60) / 1", "interval 2 aht_leg_s = (60 + 30) / 1"],
    ),
    cut(
        by("day", "spread", ONE_DAY),
        "Asked for alone, the first day has the same, also of a call that ends after it",
        &["+1 03-02T12:00:00 ann:40/0/0", "+2 03-02T23:59:00 ann:120/0/30"],
        &["interval 1 aht_leg_s = (40 + 60) / 1"],
    ),
    cut(
        by("day", "spread", TWO_DAYS),
        "Spread, hold is in each part as in the whole",
        &["+1 03-02T12:00:00 ann:0/0/0", "+2 03-02T23:59:00 ann:80/40/0"],
        &[
            "interval 1 hold_leg_s = (60 × 40 / 120) / 1",
            "interval 2 talk_leg_s = (60 × 80 / 120) / 1",
        ],
    ),
    cut(
        by("hour", "wrap_up_end", TWO_HOURS),
        "Wrap-up over the edge: by its end the call is of the next hour",
        &["+1 03-02T09:59:00 ann:50/0/30"],
        &["interval 1 aht_leg_s = none", "interval 2 aht_leg_s = 80 / 1"],
    ),
    cut(
        by("hour", "ended", TWO_HOURS),
        "By its own end it is of the hour before",
        &["+1 03-02T09:59:00 ann:50/0/30"],
        &["interval 1 aht_leg_s = 80 / 1", "interval 2 aht_leg_s = none"],
    ),
    cut(
        by("hour", "ended", TWO_HOURS),
        "What ends on the edge is of what begins there",
        &["+1 03-02T09:59:00 ann:60/0/0"],
        &["interval 1 aht_leg_s = none", "interval 2 aht_leg_s = 60 / 1"],
    ),
    cut(
        in_berlin(by("day", "ended", ["03-28T23:00:00", "03-30T22:00:00"])),
        "Clocks go forward: 29 March in Berlin ends 23 hours after it began",
        &[
            "+1 03-28T23:30:00 ann:60/0/0",
            "+2 03-29T21:30:00 ann:20/0/0",
            "+3 03-29T22:30:00 ann:90/0/0",
        ],
        &["interval 1 aht_leg_s = (60 + 20) / 2", "interval 2 aht_leg_s = 90 / 1"],
    ),
    cut(
        in_berlin(by("hour", "ended", ["10-25T00:00:00", "10-25T02:00:00"])),
        "Clocks go back: half past two comes twice in Berlin, in two hours",
        &["+1 10-25T00:30:00 ann:60/0/0", "+2 10-25T01:30:00 ann:20/0/0"],
        &["interval 1 aht_leg_s = 60 / 1", "interval 2 aht_leg_s = 20 / 1"],
    ),
    cut(
        in_berlin(by("day", "ended", ["10-24T22:00:00", "10-25T23:00:00"])),
        "And that day has 25 hours",
        &["+1 10-24T22:30:00 ann:60/0/0", "+2 10-25T22:30:00 ann:20/0/0"],
        &["interval 1 aht_leg_s = (60 + 20) / 2"],
    ),
    cut(
        by("week", "ended", ["02-23T00:00:00", "03-09T00:00:00"]),
        "A week begins on Monday",
        &["+1 03-01T12:00:00 ann:60/0/0", "+2 03-02T12:00:00 ann:20/0/0"],
        &["interval 1 aht_leg_s = 60 / 1", "interval 2 aht_leg_s = 20 / 1"],
    ),
    cut(
        of("intent"),
        "By intent; who has none is a group",
        &["+1 03-02T09:00:00 intent:card ann:60/0/0", "+2 03-02T09:10:00 ann:20/0/0"],
        &["group card aht_call_s = 60 / 1", "group none aht_call_s = 20 / 1"],
    ),
    cut(
        of("flow"),
        "By flow, whatever its version",
        &["+1 03-02T09:00:00 flow:sales@1 ann:60/0/0", "+2 03-02T09:10:00 flow:sales@2 ann:20/0/0"],
        &["group sales aht_call_s = (60 + 20) / 2"],
    ),
    cut(
        of("number"),
        "By the number dialed",
        &["+1 03-02T09:00:00 to:200 ann:60/0/0", "+2 03-02T09:10:00 to:300 ann:20/0/0"],
        &["group 200 aht_call_s = 60 / 1", "group 300 aht_call_s = 20 / 1"],
    ),
    cut(
        of("segment"),
        "By the caller's segment",
        &["+1 03-02T09:00:00 segment:gold ann:60/0/0", "+2 03-02T09:10:00 ann:20/0/0"],
        &["group gold aht_call_s = 60 / 1"],
    ),
    cut(
        of("var:city"),
        "By a variable of the flow",
        &[
            "+1 03-02T09:00:00 var:city=Rome ann:60/0/0",
            "+2 03-02T09:10:00 var:city=Oslo ann:20/0/0",
        ],
        &["group Rome aht_call_s = 60 / 1", "group Oslo aht_call_s = 20 / 1"],
    ),
    cut(
        of("team"),
        "By team: ann and bob are the north, cleo is the south, dan is in none",
        &[
            "+1 03-02T09:00:00 ann:60/0/10>flow bob:100/0/20",
            "+2 03-02T09:30:00 cleo:40/0/0",
            "+3 03-02T09:40:00 dan:20/0/0",
        ],
        &[
            "group north aht_call_s = (60 + 10 + 100 + 20) / 1",
            "group north aht_leg_s = (60 + 10 + 100 + 20) / 2",
            "group south aht_call_s = 40 / 1",
            "group none aht_call_s = 20 / 1",
        ],
    ),
    case(
        "Nobody calls again: resolved",
        &["+1 03-02T09:00:00 ann:60/0/0"],
        &["24h any_reason = 1 / 1", "30d any_reason = 1 / 1"],
    ),
    case(
        "Called again within every window: not resolved, and the second call is a repeat",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 ann:60/0/0"],
        &["24h any_reason = 0 / 1", "30d any_reason = 0 / 1"],
    ),
    case(
        "The window is closed at its end",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-03T09:00:00 ann:60/0/0"],
        &["24h any_reason = 0 / 1"],
    ),
    case(
        "A second later it is another issue",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-03T09:00:01 ann:60/0/0"],
        &["24h any_reason = (1 + 1) / 2", "72h any_reason = 0 / 1"],
    ),
    case(
        "Three calls, each within a day of the one before: one issue",
        &[
            "+1 03-02T09:00:00 ann:60/0/0",
            "+1 03-03T08:00:00 ann:60/0/0",
            "+1 03-04T07:00:00 ann:60/0/0",
        ],
        &["24h any_reason = 0 / 1"],
    ),
    case(
        "Two days apart: each window says its own",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-04T09:00:00 ann:60/0/0"],
        &["24h any_reason = 2 / 2", "72h any_reason = 0 / 1", "7d any_reason = 0 / 1"],
    ),
    case(
        "A withheld number is left out",
        &["withheld 03-02T09:00:00 ann:60/0/0", "+1 03-02T09:00:00 ann:60/0/0"],
        &["7d any_reason = 1 / 1"],
    ),
    case(
        "`0` is nobody, so two of them are no repeat",
        &["0 03-02T09:00:00 ann:60/0/0", "0 03-02T10:00:00 ann:60/0/0"],
        &["7d any_reason = none"],
    ),
    case(
        "So is `000000`",
        &["000000 03-02T09:00:00 ann:60/0/0", "000000 03-02T10:00:00 ann:60/0/0"],
        &["7d any_reason = none"],
    ),
    case(
        "Two numbers of one account are one caller",
        &[
            "+1 03-02T09:00:00 account:smith ann:60/0/0",
            "+2 03-02T10:00:00 account:smith ann:60/0/0",
        ],
        &["7d any_reason = 0 / 1"],
    ),
    case(
        "Without an account they are two",
        &["+1 03-02T09:00:00 ann:60/0/0", "+2 03-02T10:00:00 ann:60/0/0"],
        &["7d any_reason = (1 + 1) / 2"],
    ),
    case(
        "A number that a family shares is one caller: their second call spoils the first",
        &["+1 03-02T09:00:00 intent:card ann:60/0/0", "+1 03-02T10:00:00 intent:loan ann:60/0/0"],
        &["7d any_reason = 0 / 1", "7d same_intent = (1 + 1) / 2"],
    ),
    case(
        "An abandoned call before is an attempt: it resolved nothing and failed nothing",
        &[
            "+1 03-02T09:00:00 wait:billing/60/abandoned",
            "+1 03-02T10:00:00 wait:billing/5 ann:60/0/0",
        ],
        &["7d any_reason = 1 / 1"],
    ),
    case(
        "So is a contained one before",
        &["+1 03-02T09:00:00 contained", "+1 03-02T10:00:00 ann:60/0/0"],
        &["7d any_reason = 1 / 1", "true_containment_rate = 0 / 1"],
    ),
    case(
        "An abandoned call after it is a repeat: the caller came back",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 wait:billing/60/abandoned"],
        &["7d any_reason = 0 / 1"],
    ),
    case(
        "So is a contained one after",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 contained"],
        &["7d any_reason = 0 / 1", "true_containment_rate = 1 / 1"],
    ),
    case(
        "A call refused at the door is no contact",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 refused"],
        &["7d any_reason = 1 / 1"],
    ),
    case(
        "What we cut off is left out, and the call after it is an issue, no repeat",
        &["+1 03-02T09:00:00 ann:60/0/0 cut", "+1 03-02T09:05:00 ann:60/0/0"],
        &["7d any_reason = 1 / 1"],
    ),
    case(
        "Cut off twice: nothing is known",
        &["+1 03-02T09:00:00 ann:60/0/0 cut", "+1 03-02T09:05:00 ann:60/0/0 cut"],
        &["7d any_reason = none"],
    ),
    case(
        "Called again for another queue",
        &[
            "+1 03-02T09:00:00 wait:billing/5 ann:60/0/0",
            "+1 03-02T10:00:00 wait:tech/5 ann:60/0/0",
        ],
        &["7d any_reason = 0 / 1", "7d same_queue = (1 + 1) / 2"],
    ),
    case(
        "Without a queue it is not compared by queue",
        &["+1 03-02T09:00:00 ann:60/0/0"],
        &["7d any_reason = 1 / 1", "7d same_queue = none"],
    ),
    case(
        "Without an intent it is not compared by intent",
        &["+1 03-02T09:00:00 intent:card ann:60/0/0", "+1 03-02T10:00:00 ann:60/0/0"],
        &["7d any_reason = 0 / 1", "7d same_intent = 1 / 1"],
    ),
    case(
        "A transfer is one contact",
        &["+1 03-02T09:00:00 ann:60/0/10>flow bob:60/0/10"],
        &["7d any_reason = 1 / 1"],
    ),
    case(
        "An agent's own call is no contact",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 own:bob ann:60/0/0"],
        &["7d any_reason = 1 / 1"],
    ),
    case(
        "An outbound call is no contact, and its talk is in no mean",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 outbound:eve wait:tech/9 ann:90/0/9"],
        &["7d any_reason = 1 / 1", "aht_call_s = 60 / 1", "asa_s = none"],
    ),
    case(
        "Outbound calls have a share of their own: those that were answered",
        &[
            "+1 03-02T09:00:00 outbound:eve contained",
            "+2 03-02T09:10:00 outbound:eve not_reached",
            "+3 03-02T09:20:00 contained",
        ],
        &["reach_rate = 1 / 2", "containment_rate = 1 / 1"],
    ),
    case(
        "The issue is of the agent who had the first call; the repeat is nobody's",
        &["+1 03-02T09:00:00 ann:60/0/0", "+1 03-02T10:00:00 bob:60/0/0"],
        &["agent ann fcr_repeat_any_reason = 0 / 1", "agent bob fcr_repeat_any_reason = none"],
    ),
    case(
        "Agents' word: of the calls with a disposition",
        &[
            "+1 03-02T09:00:00 ann:60/0/0+yes",
            "+2 03-02T09:10:00 ann:60/0/0+no",
            "+3 03-02T09:20:00 ann:60/0/0",
        ],
        &["fcr_agent = 1 / 2"],
    ),
    case(
        "The last disposition counts",
        &["+1 03-02T09:00:00 ann:60/0/0+yes>flow bob:60/0/0+no"],
        &["fcr_agent = 0 / 1", "agent ann fcr_agent = 0 / 1"],
    ),
    case(
        "Blend: the agent's word before what repeats show",
        &["+1 03-02T09:00:00 ann:60/0/0+yes", "+1 03-02T10:00:00 ann:60/0/0"],
        &["fcr_blend = 1 / 1", "7d any_reason = 0 / 1"],
    ),
    case(
        "Blend: without a word, what repeats show",
        &[
            "+1 03-02T09:00:00 ann:60/0/0",
            "+1 03-02T10:00:00 ann:60/0/0+yes",
            "+2 03-02T10:00:00 ann:60/0/0",
        ],
        &["fcr_blend = (0 + 1) / 2"],
    ),
    case(
        "Blend: a withheld number counts where an agent said something",
        &["withheld 03-02T09:00:00 ann:60/0/0+no", "withheld 03-02T10:00:00 ann:60/0/0"],
        &["fcr_blend = 0 / 1", "7d any_reason = none"],
    ),
    case(
        "Contained for good: who cannot be told is left out",
        &[
            "+1 03-02T09:00:00 contained",
            "withheld 03-02T09:10:00 contained",
            "+1 03-04T09:10:00 contained",
        ],
        &["true_containment_rate = 2 / 2", "containment_rate = 3 / 3"],
    ),
];
