//! Figures as others read them: typed in the OpenAPI document, and as gauges for Prometheus. Both
//! go through the table ([`FIGURES`]).
//!
//! **Invariant:** the document names every field that a report has, and no other (tested).
//!
//! **Deliberately absent:** figures. A line in the table is all that one needs.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::prometheus::Text;
use crate::metrics::{FIGURES, Figure, Section, Unit};

/// What Prometheus is shown: the calls that ended within this.
pub(super) const RECENT: Duration = Duration::from_secs(15 * 60);

/// A field of a report that is no figure.
struct Counted {
    name: &'static str,
    kind: Kind,
    sections: &'static [Section],
    help: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Count,
    /// None where nobody followed it.
    MaybeSeconds,
    /// None where there is nothing to count.
    Percent,
    /// Milliseconds since 1970.
    Time,
    /// None where there is none.
    MaybeTime,
    Text,
    /// None where the configuration has no such name any more.
    MaybeText,
}

const CALLS: &[Section] = &[Section::All];
const QUEUEING: &[Section] = &[Section::All, Section::Queue];
const HANDLING: &[Section] = &[Section::All, Section::Queue, Section::Agent];
const TIME: &[Section] = &[Section::All, Section::Agent];
const QUEUE: &[Section] = &[Section::Queue];
const AGENT: &[Section] = &[Section::Agent];

const fn counted(
    name: &'static str,
    kind: Kind,
    sections: &'static [Section],
    help: &'static str,
) -> Counted {
    Counted { name, kind, sections, help }
}

const COUNTED: &[Counted] = &[
    counted("at", Kind::Time, CALLS, "When this was computed."),
    counted("from", Kind::Time, CALLS, "Calls that ended at this time or later."),
    counted("to", Kind::Time, CALLS, "Calls that ended before this time."),
    counted("calls", Kind::Count, CALLS, "Customers' calls that ended in the period."),
    counted(
        "agent_calls",
        Kind::Count,
        CALLS,
        "Calls from agents' own telephones that ended in it: in no other figure.",
    ),
    counted(
        "outbound_calls",
        Kind::Count,
        CALLS,
        "Calls that we began, by dialing the caller, and that ended in it: in no other figure but \
         those of agents' time.",
    ),
    counted("withheld", Kind::Count, CALLS, "Calls whose caller sent no usable number."),
    counted("queue", Kind::Count, QUEUE, "The queue's number in the configuration."),
    counted("agent", Kind::Count, AGENT, "The agent's number in the configuration."),
    counted("name", Kind::MaybeText, &[Section::Queue, Section::Agent], "Its name."),
    counted("own_calls", Kind::Count, AGENT, "Calls from the agent's own telephone."),
    counted("offered", Kind::Count, QUEUEING, "Visits to queues that ended."),
    counted("answered", Kind::Count, QUEUEING, "Visits that an agent answered."),
    counted("abandoned", Kind::Count, QUEUEING, "Visits that the caller gave up."),
    counted(
        "short_abandoned",
        Kind::Count,
        QUEUEING,
        "Of the abandoned, those sooner than the queue's `short_abandon_s`.",
    ),
    counted("overflowed", Kind::Count, QUEUEING, "Visits that the queue sent elsewhere."),
    counted(
        "exited",
        Kind::Count,
        QUEUEING,
        "Visits that ended with the exit key, or with a supervisor taking over.",
    ),
    counted(
        "cut_off",
        Kind::Count,
        QUEUEING,
        "Visits during which we ended the call, or lost it: no abandons, and never in time.",
    ),
    counted("handled_calls", Kind::Count, HANDLING, "Calls that an agent talked to."),
    counted("handled_legs", Kind::Count, HANDLING, "Talks of agents with callers."),
    counted(
        "provisional_calls",
        Kind::Count,
        HANDLING,
        "Handled calls whose after-call work goes on: not in the averages yet.",
    ),
    counted(
        "provisional_legs",
        Kind::Count,
        HANDLING,
        "Talks whose after-call work goes on: not in the averages yet.",
    ),
    counted(
        "legs_without_acw",
        Kind::Count,
        HANDLING,
        "Talks of imported calls whose after-call work nobody measured: talk and hold count.",
    ),
    counted(
        "fcr_agent_coverage_percent",
        Kind::Percent,
        HANDLING,
        "Share of the handled calls with a disposition.",
    ),
    counted("offers", Kind::Count, HANDLING, "Offers of calls to agents that ended."),
    counted("offers_accepted", Kind::Count, HANDLING, "Offers that the agent accepted."),
    counted("offers_no_answer", Kind::Count, HANDLING, "Offers that rang out."),
    counted("offers_rejected", Kind::Count, HANDLING, "Offers that the agent rejected."),
    counted("offers_busy", Kind::Count, HANDLING, "Offers that found the telephone busy."),
    counted("offers_device_error", Kind::Count, HANDLING, "Offers that the telephone failed."),
    counted(
        "offers_withdrawn",
        Kind::Count,
        HANDLING,
        "Offers taken back before an answer: the caller left, another agent was faster, or the \
         agent was on a call of their own.",
    ),
    counted("logged_in_s", Kind::MaybeSeconds, TIME, "Agents' time logged in, in the period."),
    counted("not_ready_s", Kind::MaybeSeconds, TIME, "Of it, not ready."),
    counted("ready_s", Kind::MaybeSeconds, TIME, "Of it, ready for a call."),
    counted("own_call_s", Kind::MaybeSeconds, TIME, "Of it, on a call of the agent's own."),
    counted("reserved_s", Kind::MaybeSeconds, TIME, "Of it, ringing."),
    counted("talking_s", Kind::MaybeSeconds, TIME, "Of it, talking, hold included."),
    counted("after_call_work_s", Kind::MaybeSeconds, TIME, "Of it, in after-call work."),
];

const WINDOW: Counted = counted("window", Kind::Text, HANDLING, "W: 24h, 72h, 7d or 30d.");
const REPEATS: Counted =
    counted("repeats", Kind::Count, HANDLING, "Handled calls that were repeats themselves.");
const AFTER_ATTEMPTS: Counted = counted(
    "after_attempts",
    Kind::Count,
    HANDLING,
    "Issues whose caller had tried before, within W, and been served by nobody: no repeats.",
);
const COVERAGE: Counted =
    counted("coverage_percent", Kind::Percent, HANDLING, "Share that could be judged.");
const PROVISIONAL: Counted =
    counted("provisional_n", Kind::Count, HANDLING, "Issues that can still be repeated.");
const PROVISIONAL_UNTIL: Counted =
    counted("provisional_until", Kind::MaybeTime, HANDLING, "When the last of them is final.");

const REPEATED: &[Counted] = &[
    WINDOW,
    counted("scope", Kind::Text, HANDLING, "any_reason, same_queue or same_intent."),
    REPEATS,
    AFTER_ATTEMPTS,
    COVERAGE,
    PROVISIONAL,
    PROVISIONAL_UNTIL,
];

const BLENDED: &[Counted] = &[
    WINDOW,
    counted("by_disposition", Kind::Count, HANDLING, "Issues that a disposition judged."),
    REPEATS,
    AFTER_ATTEMPTS,
    COVERAGE,
    PROVISIONAL,
    PROVISIONAL_UNTIL,
];

/// Handled calls that could not be judged, by the first cause that is true.
const LEFT_OUT: &[Counted] = &[
    counted(
        "cut_off",
        Kind::Count,
        HANDLING,
        "The call ended by our own doing: the server, an operator, or the line to the caller.",
    ),
    counted("withheld", Kind::Count, HANDLING, "The caller sent no usable number."),
    counted("no_scope", Kind::Count, HANDLING, "No queue, or no intent, to compare."),
];

const CELL: &[Counted] = &[
    counted(
        "group",
        Kind::MaybeText,
        CALLS,
        "The value that its calls have in common; null without one.",
    ),
    counted("from", Kind::Time, CALLS, "Calls attributed to this time or later."),
    counted("to", Kind::Time, CALLS, "Calls attributed to before this time."),
    counted(
        "calls",
        Kind::Count,
        CALLS,
        "Customers' calls; of a queue or an agent those that it handled.",
    ),
];

const KEPT: &[Counted] = &[
    counted("calls_open", Kind::Count, CALLS, "Calls that have not ended."),
    counted(
        "records_gone_until",
        Kind::MaybeTime,
        CALLS,
        "Calls of the period that ended before this are not all counted: their records were \
         deleted, and sums are of whole quarters of an hour.",
    ),
    counted(
        "agent_times_gone_until",
        Kind::MaybeTime,
        CALLS,
        "Agents' times before this are not known any more.",
    ),
];

/// The figures of a period, overall, by queue and by agent.
pub(super) struct Report;

/// The figures of one group.
pub(super) struct Cell;

/// A figure: `value` is null where `n`, the number of things it was computed from, is 0.
struct Measured;

impl ToSchema for Report {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Measured::name().into_owned(), Measured::schema()));
    }
}

impl PartialSchema for Report {
    fn schema() -> RefOr<Schema> {
        let by_outcome = |description| {
            ObjectBuilder::new()
                .description(Some(description))
                .additional_properties(Some(RefOr::from(Kind::Count.schema(""))))
        };
        let outcomes = "Calls by what became of them; an outcome nobody had is left out.";
        section(Section::All)
            .description(Some("The figures of the calls that ended in a period."))
            .property("outcomes", by_outcome(outcomes))
            .required("outcomes")
            .property("outbound_outcomes", by_outcome("The same of outbound calls."))
            .required("outbound_outcomes")
            .property("queues", ArrayBuilder::new().items(section(Section::Queue)))
            .required("queues")
            .property("agents", ArrayBuilder::new().items(section(Section::Agent)))
            .required("agents")
            .property("kept", fields(ObjectBuilder::new(), KEPT, Section::All))
            .required("kept")
            .into()
    }
}

impl ToSchema for Cell {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Measured::name().into_owned(), Measured::schema()));
    }
}

/// What every group has, and the rest, which a group of queues or agents has not.
impl PartialSchema for Cell {
    fn schema() -> RefOr<Schema> {
        let mut object = fields(ObjectBuilder::new(), CELL, Section::All);
        let is_counted = |field: &&Counted| {
            let is_of_calls = field.sections == QUEUEING || field.sections == HANDLING;
            is_of_calls && !field.name.starts_with("offers")
        };
        for field in COUNTED.iter().filter(is_counted) {
            object = object.property(field.name, field.kind.schema(field.help));
            object = object.required(field.name);
        }
        let is_time = |figure: &&Figure| figure.sections == TIME;
        for figure in FIGURES.iter().filter(|figure| !is_time(figure)) {
            object = object.property(figure.name, measured(figure));
            if figure.sections.contains(&Section::Agent) {
                object = object.required(figure.name);
            }
        }
        with_resolution(object, Section::All)
            .description(Some(
                "The figures of a group: as of a report of its calls alone; of a queue or an agent \
                 those that a report has of them.",
            ))
            .into()
    }
}

impl ToSchema for Measured {}

impl PartialSchema for Measured {
    fn schema() -> RefOr<Schema> {
        let help = "null where there is nothing to count";
        ObjectBuilder::new()
            .description(Some("A figure, what it was computed from, and how."))
            .property("value", typed(&[Type::Number, Type::Null], help))
            .required("value")
            .property("n", Kind::Count.schema("The number of things it was computed from."))
            .required("n")
            .property("definition", Kind::Text.schema("How it is computed."))
            .required("definition")
            .into()
    }
}

/// Every field of a section: what was counted, then the figures.
fn section(section: Section) -> ObjectBuilder {
    let mut object = fields(ObjectBuilder::new(), COUNTED, section);
    let figures = || FIGURES.iter().filter(|figure| figure.sections.contains(&section));
    for figure in figures() {
        object = object.property(figure.name, measured(figure)).required(figure.name);
    }
    with_resolution(object, section)
}

/// First contact resolution, in its every form.
fn with_resolution(object: ObjectBuilder, section: Section) -> ObjectBuilder {
    let left_out = || fields(ObjectBuilder::new(), LEFT_OUT, section);
    let repeats = fields(ObjectBuilder::new(), REPEATED, section)
        .property("fcr", Ref::from_schema_name(Measured::name()))
        .required("fcr")
        .property("left_out", left_out())
        .required("left_out");
    let help = "First contact resolution for every window and scope.";
    let repeats = ArrayBuilder::new().items(repeats).description(Some(help));
    let blended = fields(ObjectBuilder::new(), BLENDED, section)
        .description(Some("How `fcr_blend` came about."))
        .property("left_out", left_out())
        .required("left_out");
    let object = object.property("fcr_repeat", repeats).required("fcr_repeat");
    object.property("fcr_blended", blended).required("fcr_blended")
}

fn fields(object: ObjectBuilder, all: &[Counted], section: Section) -> ObjectBuilder {
    let of_section = all.iter().filter(|field| field.sections.contains(&section));
    of_section.fold(object, |object, field| {
        object.property(field.name, field.kind.schema(field.help)).required(field.name)
    })
}

fn measured(figure: &Figure) -> Ref {
    let unit = match figure.unit {
        Unit::Seconds => "seconds",
        Unit::Share => "0 to 1",
    };
    let mut measured = Ref::from_schema_name(Measured::name());
    measured.description = format!("{}; {unit}", figure.definition);
    measured
}

impl Kind {
    fn schema(self, help: &str) -> ObjectBuilder {
        match self {
            Self::Count | Self::Time => typed(&[Type::Integer], help),
            Self::MaybeTime => typed(&[Type::Integer, Type::Null], help),
            Self::MaybeSeconds | Self::Percent => typed(&[Type::Number, Type::Null], help),
            Self::Text => typed(&[Type::String], help),
            Self::MaybeText => typed(&[Type::String, Type::Null], help),
        }
    }
}

fn typed(types: &[Type], help: &str) -> ObjectBuilder {
    let schema_type = match types {
        [one] => SchemaType::Type(one.clone()),
        several => SchemaType::Array(several.to_vec()),
    };
    let help = (!help.is_empty()).then_some(help);
    ObjectBuilder::new().schema_type(schema_type).description(help)
}

/// Every figure of a report as a gauge, and beside each what it was computed from: by queue, or as
/// a whole where there is none by queue. A figure without anything to count has no sample.
pub(super) fn prometheus(report: &Value) -> String {
    let mut text = Text(String::new());
    for figure in FIGURES {
        let name = family(figure);
        let at = |section: &Value| section.get(figure.name).cloned();
        let mut samples = Vec::new();
        if figure.sections.contains(&Section::Queue) {
            for queue in report["queues"].as_array().into_iter().flatten() {
                let queue_name = queue["name"].as_str().map(str::to_owned);
                samples.extend(queue_name.map(Some).zip(at(queue)));
            }
        } else {
            samples.extend(Some(None).zip(at(report)));
        }
        samples.retain(|(_, measured)| measured["value"].is_number());
        if samples.is_empty() {
            continue;
        }
        let minutes = RECENT.as_secs() / 60;
        let help = format!("Of the calls that ended in {minutes} minutes: {}.", figure.definition);
        text.family(&name, "gauge", &help);
        for (queue, measured) in &samples {
            let _ = writeln!(text.0, "{} {}", labelled(&name, queue.as_deref()), measured["value"]);
        }
        let name = format!("{name}_n");
        text.family(&name, "gauge", "The number of things it was computed from.");
        for (queue, measured) in &samples {
            let _ = writeln!(text.0, "{} {}", labelled(&name, queue.as_deref()), measured["n"]);
        }
    }
    text.0
}

/// `aht_call_s` is `attendant_recent_aht_call_seconds`.
fn family(figure: &Figure) -> String {
    let name = figure.name;
    match figure.unit {
        Unit::Seconds => {
            format!("attendant_recent_{}_seconds", name.strip_suffix("_s").unwrap_or(name))
        }
        Unit::Share => format!("attendant_recent_{name}"),
    }
}

fn labelled(name: &str, queue: Option<&str>) -> String {
    match queue {
        Some(queue) => format!("{name}{}", Text::label("queue", queue)),
        None => name.to_owned(),
    }
}
