//! CSV with columns of our own, for every system that can write a table.
//!
//! A row is a call with at most one visit to a queue and one offer to an agent. Rows of one call
//! stand one after another, each with a further visit or offer; what is of the call as a whole is
//! the same in all of them. `docs/import.md` has each column.
//!
//! **Invariant:** a call whose times or words contradict each other is left out, with the row and
//! the columns that do. Talk, hold and after-call work are as long as the table says.

use crate::import::rows::{Header, Row, Rows, Values};
use crate::import::{Format, Sink, fields, queue_calls};
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, CallRecord, Cause, EndedBy, LegOutcome, PartyLeg, QueueExit, QueueVisit, WrapUp,
};

/// Those that must be there.
const REQUIRED: [&str; 4] = ["call", "arrived_at", "ended_at", "outcome"];
/// The others.
const OPTIONAL: [&str; 22] = [
    "from",
    "from_name",
    "to",
    "language",
    "intent",
    "answered_at",
    "ended_by",
    "cause",
    "queue",
    "queue_entered_at",
    "queue_left_at",
    "queue_exit",
    "agent",
    "agent_rung_at",
    "agent_answered_at",
    "agent_ended_at",
    "agent_outcome",
    "talk_s",
    "hold_s",
    "acw_s",
    "resolved",
    "note",
];
/// Those of a visit or an offer, which differ between the rows of one call.
const OF_PARTS: [&str; 14] = [
    "queue",
    "queue_entered_at",
    "queue_left_at",
    "queue_exit",
    "agent",
    "agent_rung_at",
    "agent_answered_at",
    "agent_ended_at",
    "agent_outcome",
    "talk_s",
    "hold_s",
    "acw_s",
    "resolved",
    "note",
];
const EXITS: &str = "answered, abandoned, exit, taken_over, ended, timeout, full, no_agents";
const OFFERS: &str = "accepted, rejected, busy, no_answer, device_error, withdrawn";
const ENDS: &str = "caller, agent, party, flow, operator, network, server";
const OUTCOMES: &str = "handled, abandoned, overflowed, exited, voicemail, transferred, contained, \
    ivr_abandoned, refused, failed";
/// Text is no longer, in bytes.
const TEXT_LEN_MAX: usize = 500;
/// Rows of one call.
const PARTS_MAX: usize = 128;
/// How much longer talk and hold may be than from answer to end: times may be whole seconds.
const ROUNDING_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct Columns {
    header: Option<Header>,
    is_refused: bool,
    rows: Rows,
    /// The call that the rows before are of.
    call: Option<BegunCall>,
    /// The name of one that is left out, with all its rows.
    left_out: Option<String>,
}

#[derive(Debug)]
struct BegunCall {
    name: String,
    /// Its first row without the parts, to be the same in all.
    whole: Vec<(String, String)>,
    record: CallRecord,
    line: u64,
}

impl Format for Columns {
    fn line(&mut self, line: &str, into: &mut Sink) {
        if self.is_refused {
            return into.beside("rows under a header that was refused");
        }
        if line.trim().is_empty() && self.rows.is_between() {
            return;
        }
        let (first, row) = match self.rows.line(into.line, line) {
            Row::Begun => return,
            Row::NeverClosed(first) => {
                let why = format!("a quote is opened in line {first} and never closed");
                return into.skip(why);
            }
            Row::Whole(first, row) => (first, row),
        };
        let Some(header) = self.header.take() else { return self.head(&row, into) };
        if let Err(why) = self.row(&header, &row, first, into) {
            into.skip(why);
        }
        self.header = Some(header);
    }

    fn end_of_file(&mut self, into: &mut Sink) {
        if self.rows.end().is_some() {
            into.skip("a quote is opened in the last row and never closed");
        }
        self.end_call(into);
        *self = Self::default();
    }

    fn finish(&mut self, _: &mut Sink) {}
}

impl Columns {
    fn head(&mut self, row: &str, into: &mut Sink) {
        let header = Header::of(row).and_then(|header| {
            match REQUIRED.into_iter().find(|column| !header.has(column)) {
                Some(missing) => Err(format!(
                    "the header has no column `{missing}`: nothing of the file is read. These must \
                     be there: {}",
                    REQUIRED.join(", ")
                )),
                None => Ok(header),
            }
        });
        let header = match header {
            Ok(header) => header,
            Err(why) => {
                self.is_refused = true;
                return into.skip(why);
            }
        };
        let known = |name: &&str| REQUIRED.contains(name) || OPTIONAL.contains(name);
        let unknown: Vec<&str> = header.names().filter(|name| !known(name)).collect();
        if !unknown.is_empty() {
            into.warn(format!(
                "columns that are not known and not read: {}. There are {}, {}",
                unknown.join(", "),
                REQUIRED.join(", "),
                OPTIONAL.join(", ")
            ));
        }
        self.header = Some(header);
    }

    fn row(
        &mut self,
        header: &Header,
        row: &str,
        line: u64,
        into: &mut Sink,
    ) -> Result<(), String> {
        let values = header.values(row)?;
        let name = values.must("call", text)?;
        if self.left_out.as_ref() == Some(&name) {
            into.beside("rows of calls that are left out");
            return Ok(());
        }
        self.left_out = None;
        if self.call.as_ref().is_some_and(|call| call.name != name) {
            self.end_call(into);
        }
        let read = self.read(&values, &name, line, into);
        if read.is_err() {
            self.call = None;
            self.left_out = Some(name.clone());
        }
        read.map_err(|why| format!("{why}: call {name} is left out"))
    }

    fn read(
        &mut self,
        values: &Values<'_>,
        name: &str,
        line: u64,
        into: &Sink,
    ) -> Result<(), String> {
        let whole = |column: &&&str| !OF_PARTS.contains(*column);
        let whole: Vec<(String, String)> = REQUIRED
            .iter()
            .chain(&OPTIONAL)
            .filter(whole)
            .filter_map(|column| Some(((*column).to_owned(), values.get(column)?.to_owned())))
            .collect();
        let call = match &mut self.call {
            Some(call) => call,
            none => {
                let record = of_call(values, name, into)?;
                none.insert(BegunCall { name: name.to_owned(), whole: whole.clone(), record, line })
            }
        };
        if call.whole != whole {
            let differs = whole.iter().find(|value| !call.whole.contains(value));
            let column = differs.map_or("a column", |(column, _)| column);
            return Err(format!("{column}: it is not the same as in the call's row before"));
        }
        add_parts(&mut call.record, values, into)
    }

    /// The call has all its rows.
    fn end_call(&mut self, into: &mut Sink) {
        let Some(BegunCall { name, record, line, .. }) = self.call.take() else { return };
        match contradiction(&record) {
            None => into.call(record),
            Some(why) => {
                let here = std::mem::replace(&mut into.line, line);
                into.skip(format!("{why}: call {name} is left out"));
                into.line = here;
            }
        }
    }
}

fn text(value: &str) -> Result<String, String> {
    if value.len() <= TEXT_LEN_MAX {
        return Ok(value.to_owned());
    }
    Err(format!("the value is longer than {TEXT_LEN_MAX} bytes"))
}

/// What is of the call as a whole.
fn of_call(values: &Values<'_>, name: &str, into: &Sink) -> Result<CallRecord, String> {
    let zone = into.settings.time_zone.as_ref();
    let time = |value: &str| fields::time(value, zone);
    let arrived_at = values.must("arrived_at", time)?;
    let ended_at = values.must("ended_at", time)?;
    let outcome: CallOutcome = values.must("outcome", |value| fields::word(value, OUTCOMES))?;
    if outcome == CallOutcome::OwnCall {
        return Err("outcome: agents' own calls are in no figure: leave them out".to_owned());
    }
    if outcome == CallOutcome::NotReached {
        return Err(
            "outcome: outbound calls are in no figure of callers: leave them out".to_owned()
        );
    }
    let mut record = into.record(name.to_owned(), arrived_at, ended_at);
    record.outcome = outcome;
    record.answered_at = values.read("answered_at", time)?;
    record.from = values.get("from").and_then(|raw| into.caller(raw));
    record.from_name = values.read("from_name", text)?;
    record.to = values.read("to", text)?.unwrap_or_default();
    record.language = values.read("language", text)?;
    record.intent = values.read("intent", text)?;
    let ended_by = values.read("ended_by", |value| fields::word::<EndedBy>(value, ENDS))?;
    record.ended_by = ended_by.unwrap_or(EndedBy::Caller);
    let cause = values.read("cause", |value| {
        let number: Option<u8> = value.parse().ok().filter(|number| *number <= 127);
        number.ok_or_else(|| format!("`{value}` is no cause of Q.850, which is 0 to 127"))
    })?;
    record.cause = cause.map_or(Cause::NORMAL_UNSPECIFIED, Cause);
    in_order(&[
        ("arrived_at", Some(record.arrived_at)),
        ("answered_at", record.answered_at),
        ("ended_at", Some(record.ended_at)),
    ])?;
    Ok(record)
}

fn add_parts(record: &mut CallRecord, values: &Values<'_>, into: &Sink) -> Result<(), String> {
    if record.legs.len().max(record.queued.len()) >= PARTS_MAX {
        return Err(format!("the call has more than {PARTS_MAX} rows"));
    }
    let queue = values.read("queue", text)?;
    if let Some(queue) = &queue {
        let visit = visit(record, values, queue, into)?;
        // A queue that offers the call again is in several rows with one visit.
        if record.queued.last() != Some(&visit) {
            record.queued.push(visit);
        }
    } else if let Some(column) = given(values, &["queue_entered_at", "queue_left_at", "queue_exit"])
    {
        return Err(format!("{column}: it is given, and `queue` is not"));
    }
    match values.read("agent", text)? {
        Some(agent) => {
            let leg = leg(record, values, (agent, queue), into)?;
            record.legs.push(leg);
        }
        None => {
            let of_agent = &OF_PARTS[5..];
            if let Some(column) = given(values, of_agent) {
                return Err(format!("{column}: it is given, and `agent` is not"));
            }
        }
    }
    Ok(())
}

/// The first of these columns with a value.
fn given<'a>(values: &Values<'_>, columns: &[&'a str]) -> Option<&'a str> {
    columns.iter().copied().find(|column| values.get(column).is_some())
}

fn visit(
    record: &CallRecord,
    values: &Values<'_>,
    queue: &str,
    into: &Sink,
) -> Result<QueueVisit, String> {
    let zone = into.settings.time_zone.as_ref();
    let time = |value: &str| fields::time(value, zone);
    let entered_at = values.must("queue_entered_at", time)?;
    let left_at = values.must("queue_left_at", time)?;
    let left: QueueExit = values.must("queue_exit", |value| fields::word(value, EXITS))?;
    if left == QueueExit::Withdrawn {
        return Err(format!("queue_exit: `withdrawn` is none of {EXITS}"));
    }
    in_order(&[
        ("arrived_at", Some(record.arrived_at)),
        ("queue_entered_at", Some(entered_at)),
        ("queue_left_at", Some(left_at)),
        ("ended_at", Some(record.ended_at)),
    ])?;
    let queue = queue.to_owned();
    let (priority, in_line_since, consulted) = (0, None, false);
    Ok(QueueVisit { queue, entered_at, left_at, left, priority, in_line_since, consulted })
}

fn leg(
    record: &CallRecord,
    values: &Values<'_>,
    (agent, queue): (String, Option<String>),
    into: &Sink,
) -> Result<PartyLeg, String> {
    let zone = into.settings.time_zone.as_ref();
    let time = |value: &str| fields::time(value, zone);
    let rung_at = values.read("agent_rung_at", time)?;
    let answered_at = values.read("agent_answered_at", time)?;
    let ended_at = values.read("agent_ended_at", time)?;
    let outcome = values.read("agent_outcome", |value| fields::word(value, OFFERS))?;
    let outcome = match (outcome, answered_at) {
        (None | Some(LegOutcome::Accepted), Some(_)) => LegOutcome::Accepted,
        (None | Some(LegOutcome::Accepted), None) => {
            let missing = "agent_answered_at: the value is missing; an agent who did not answer \
                           has an agent_outcome";
            return Err(missing.to_owned());
        }
        (Some(other), Some(_)) => {
            return Err(format!("agent_outcome: it is {other}, and agent_answered_at is given"));
        }
        (Some(LegOutcome::Ringing | LegOutcome::Refused | LegOutcome::Failed), None) => {
            return Err(format!("agent_outcome: it is none of {OFFERS}"));
        }
        (Some(other), None) => other,
    };
    in_order(&[
        ("arrived_at", Some(record.arrived_at)),
        ("agent_rung_at", rung_at),
        ("agent_answered_at", answered_at),
        ("agent_ended_at", ended_at),
        ("ended_at", Some(record.ended_at)),
    ])?;
    let n = u16::try_from(record.legs.len() + 1).unwrap_or(u16::MAX);
    let dialed_at = rung_at.or(answered_at).unwrap_or(record.arrived_at);
    let mut leg = queue_calls::agents_leg(n, (agent, queue), dialed_at, outcome);
    (leg.answered_at, leg.ended_at) = (answered_at, ended_at);
    match answered_at {
        Some(answered_at) => worked(&mut leg, answered_at, values)?,
        None => {
            if let Some(column) = given(values, &["talk_s", "hold_s", "acw_s", "resolved", "note"])
            {
                return Err(format!("{column}: it is given, and the agent did not answer"));
            }
        }
    }
    Ok(leg)
}

/// Talk, hold and after-call work of a leg that was answered.
fn worked(leg: &mut PartyLeg, answered_at: Timestamp, values: &Values<'_>) -> Result<(), String> {
    let ms = |column| {
        let read = values.read(column, fields::seconds)?;
        Ok::<_, String>(read.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)))
    };
    let Some(ended_at) = leg.ended_at else {
        return Err("agent_ended_at: the value is missing, and the agent answered".to_owned());
    };
    let there_ms = fields::between(answered_at, ended_at);
    leg.hold_ms = ms("hold_s")?.unwrap_or(0);
    leg.talk_ms = ms("talk_s")?.unwrap_or(there_ms.saturating_sub(leg.hold_ms));
    if leg.talk_ms + leg.hold_ms > there_ms + ROUNDING_MS {
        return Err("talk_s and hold_s: together they are longer than from agent_answered_at to \
                    agent_ended_at"
            .to_owned());
    }
    let resolved = values.read("resolved", fields::truth)?;
    let note = values.read("note", text)?;
    match ms("acw_s")? {
        Some(acw_ms) => {
            let intent = None;
            leg.wrap_up = Some(WrapUp { leg: leg.leg, acw_ms, resolved, intent, note });
        }
        None if resolved.is_some() || note.is_some() => {
            return Err("acw_s: it is missing, and what an agent says of a call (resolved, note) \
                        is kept with after-call work: write 0 where there was none"
                .to_owned());
        }
        None => {}
    }
    Ok(())
}

/// Each of the times that are known is no earlier than the one before it.
fn in_order(times: &[(&str, Option<Timestamp>)]) -> Result<(), String> {
    let known: Vec<(&str, Timestamp)> =
        times.iter().filter_map(|(name, at)| Some((*name, (*at)?))).collect();
    match known.windows(2).find(|two| two[1].1 < two[0].1) {
        Some(two) => Err(format!("{}: it is before {}", two[1].0, two[0].0)),
        None => Ok(()),
    }
}

/// What an outcome says that the rows do not.
fn contradiction(record: &CallRecord) -> Option<String> {
    let is_handled = record.legs.iter().any(|leg| leg.outcome == LegOutcome::Accepted);
    let left = record.queued.last().map(|visit| visit.left);
    let is_so = match record.outcome {
        CallOutcome::Handled => is_handled,
        CallOutcome::Abandoned => !is_handled && left == Some(QueueExit::Abandoned),
        CallOutcome::Overflowed => !is_handled && matches!(left, Some(QueueExit::Overflowed(_))),
        CallOutcome::Exited => !is_handled && left == Some(QueueExit::ExitKey),
        CallOutcome::NotReached => false,
        CallOutcome::Refused => !is_handled && left.is_none() && record.answered_at.is_none(),
        CallOutcome::Voicemail
        | CallOutcome::Transferred
        | CallOutcome::Contained
        | CallOutcome::IvrAbandoned
        | CallOutcome::Failed
        | CallOutcome::OwnCall => !is_handled,
    };
    if is_so {
        return None;
    }
    let agents = if is_handled { "an agent answered" } else { "no agent answered" };
    let left = left.and_then(|left| serde_json::to_value(left).ok());
    let left = left.and_then(|left| left.as_str().map(|word| format!("left with `{word}`")));
    let queue = left.unwrap_or_else(|| "entered".to_owned());
    let of_queue = if record.queued.is_empty() { "no queue was" } else { "the last queue was" };
    Some(format!(
        "outcome: it is {}, and {agents}, and {of_queue} {queue} (docs/figures.md has what each \
         outcome is)",
        record.outcome
    ))
}
