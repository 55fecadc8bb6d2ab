//! The board drawn on a terminal.
//!
//! **Invariant:** the terminal is as it was when this ends, also where it ends with a fault.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attendant::id::CallId;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::widgets::{Block, Cell, Row, Table};
use ratatui::{DefaultTerminal, Frame};

use crate::cli::plain::field;
use crate::cli::watch::board::Board;
use crate::cli::watch::events::{Event, Fault, Source};
use crate::cli::watch::{RETRY, Takes};

/// Elapsed times are drawn anew this often.
const TICK: Duration = Duration::from_millis(250);

/// Lines of a table that are no rows: its border, and the head.
const TABLE_EDGES: u16 = 3;
/// On a terminal of fewer lines the tables have no border.
const SMALL: u16 = 16;
/// A column is no wider than this.
const WIDTH_MAX: usize = 40;

/// What the thread that listens has to say.
enum FromServer {
    Event(Event),
    Fault(Fault),
    /// It cannot be listened to, and will not be.
    Final(Fault),
}

/// Draws until q or ctrl-c.
pub(super) fn run(source: Source) -> Result<(), Fault> {
    let inbox = listen(source);
    let mut terminal = ratatui::init();
    let ended = draw_until_asked(&mut terminal, &inbox);
    ratatui::restore();
    ended
}

fn listen(mut source: Source) -> Receiver<FromServer> {
    let (tell, inbox) = channel();
    std::thread::spawn(move || {
        loop {
            let Err(fault) = source.listen(|event| tell.send(FromServer::Event(event)).is_ok())
            else {
                return; // nobody looks any more
            };
            let is_over = fault.is_final() || !source.was_there();
            let said = if is_over { FromServer::Final(fault) } else { FromServer::Fault(fault) };
            if tell.send(said).is_err() || is_over {
                return;
            }
            std::thread::park_timeout(RETRY);
        }
    });
    inbox
}

fn draw_until_asked(
    terminal: &mut DefaultTerminal,
    inbox: &Receiver<FromServer>,
) -> Result<(), Fault> {
    let (mut board, mut fault) = (Board::default(), None);
    loop {
        for said in inbox.try_iter() {
            match said {
                FromServer::Event(event) => {
                    fault = None;
                    board.take(&event);
                }
                FromServer::Fault(why) => fault = Some(why.to_string()),
                FromServer::Final(why) => return Err(why),
            }
        }
        let now = attendant::server::now().as_millis();
        let drawn = terminal.draw(|frame| draw(frame, &board, fault.as_deref(), now));
        if drawn.is_err() || is_asked_to_end().unwrap_or(true) {
            return Ok(());
        }
    }
}

/// Waits a moment for a key.
fn is_asked_to_end() -> io::Result<bool> {
    if !event::poll(TICK)? {
        return Ok(false);
    }
    let Input::Key(key) = event::read()? else { return Ok(false) };
    let ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    Ok(ctrl_c || key.code == KeyCode::Char('q'))
}

fn draw(frame: &mut Frame<'_>, board: &Board, fault: Option<&str>, now_ms: u64) {
    let queues_len = u16::try_from(board.queues.len()).unwrap_or(u16::MAX).saturating_add(3);
    // The other two tables get as much at least.
    let queues_len = queues_len.min(frame.area().height / 3);
    let [head, queues, agents, calls] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Max(queues_len),
        Constraint::Fill(1),
        Constraint::Fill(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(board, fault), head);
    draw_queues(frame, queues, board, now_ms);
    draw_agents(frame, agents, board, now_ms);
    draw_calls(frame, calls, board, now_ms);
}

fn title(board: &Board, fault: Option<&str>) -> ratatui::text::Line<'static> {
    if let Some(fault) = fault {
        return ratatui::text::Line::from(format!("{}; trying again", field(fault))).reversed();
    }
    let (calls, ready) = (board.calls.len(), board.ready());
    let draining = if board.is_draining { "  no new calls are taken" } else { "" };
    let text = format!("{calls} calls  {ready} agents ready{draining}  (q ends)");
    ratatui::text::Line::from(text).bold()
}

fn draw_queues(frame: &mut Frame<'_>, area: Rect, board: &Board, now_ms: u64) {
    let rows = board.count_queues().into_iter().map(|queue| {
        let longest = queue.since.map_or_else(String::new, |since| elapsed(since, now_ms));
        let counts = [queue.waiting, queue.ringing, queue.talking].map(|count| count.to_string());
        let [waiting, ringing, talking] = counts;
        [queue.name.to_owned(), waiting, longest, ringing, talking]
    });
    let head = ["queue", "waiting", "longest", "ringing", "talking"];
    table(frame, area, ("", head), rows.collect());
}

fn draw_agents(frame: &mut Frame<'_>, area: Rect, board: &Board, now_ms: u64) {
    let rows = board.by_state().into_iter().map(|(name, agent)| {
        let reason = agent.reason.as_ref().map(|reason| format!(" ({reason})"));
        let state = format!("{}{}", agent.state, reason.unwrap_or_default());
        let call = agent.call.map(|call| CallId(call).to_string()).unwrap_or_default();
        let queue = agent.queue.clone().unwrap_or_default();
        [name.to_owned(), state, elapsed(&agent.since, now_ms), call, queue]
    });
    let counts = board.count_states().into_iter().map(|(state, count)| format!("{count} {state}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let head = ["agent", "state", "since", "call", "queue"];
    table(frame, area, (&counts, head), rows.collect());
}

fn draw_calls(frame: &mut Frame<'_>, area: Rect, board: &Board, now_ms: u64) {
    let rows = board.calls.iter().map(|(id, call)| {
        let with = call.queue.as_ref().or(call.agent.as_ref()).cloned().unwrap_or_default();
        let since = elapsed(&call.since, now_ms);
        [CallId(*id).to_string(), call.state.clone(), since, call.caller.clone(), with]
    });
    table(frame, area, ("", ["call", "state", "since", "caller", "with"]), rows.collect());
}

/// As many rows as there is room for; of the others the last says how many they are.
fn table(
    frame: &mut Frame<'_>,
    area: Rect,
    (title, names): (&str, [&str; 5]),
    mut rows: Vec<[String; 5]>,
) {
    let is_small = frame.area().height < SMALL;
    let edges = if is_small { 1 } else { TABLE_EDGES };
    let room = usize::from(area.height.saturating_sub(edges));
    if rows.len() > room {
        let shown = room.saturating_sub(1);
        let more = format!("and {} more", rows.len() - shown);
        rows.truncate(shown);
        rows.push([more, String::new(), String::new(), String::new(), String::new()]);
    }
    let cells = |row: [String; 5]| row.map(|text| Cell::from(field(&text).into_owned()));
    let head = Row::new(names).style(Style::new().bold());
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        let widest = cells.chain([names[column].len()]).max().unwrap_or_default();
        Constraint::Length(u16::try_from(widest.min(WIDTH_MAX)).unwrap_or(u16::MAX))
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let rows = rows.into_iter().map(|row| Row::new(cells(row)));
    let block = match is_small {
        true => Block::new(),
        false => Block::bordered().title(field(title).into_owned()),
    };
    frame.render_widget(Table::new(rows, widths).column_spacing(2).header(head).block(block), area);
}

/// Hours are counted on: `75:02` is an hour and a quarter.
fn elapsed(since: &str, now_ms: u64) -> String {
    let Ok(at) = since.parse::<jiff::Timestamp>() else { return String::new() };
    let at_ms = u64::try_from(at.as_millisecond()).unwrap_or_default();
    let seconds = now_ms.saturating_sub(at_ms) / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::cli::watch::board::AgentRow;
    use crate::cli::watch::board::tests::{EIGHT, board};

    /// A minute and a half after eight.
    const NOW_MS: u64 = 1_796_025_690_000;

    #[track_caller]
    fn drawn(fault: Option<&str>) -> String {
        drawn_of(&board(), fault)
    }

    #[track_caller]
    fn drawn_of(board: &Board, fault: Option<&str>) -> String {
        let mut terminal = Terminal::new(TestBackend::new(96, 20)).unwrap();
        terminal.draw(|frame| draw(frame, board, fault, NOW_MS)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let width = usize::from(buffer.area.width);
        let cells: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        cells.chunks(width).map(|row| row.concat() + "\n").collect()
    }

    #[test]
    fn queues_agents_and_calls_are_drawn_with_how_long_they_stand_so() {
        let text = drawn(None);
        let row = |begin: &str| {
            let found = text.lines().find(|line| line.contains(begin));
            let words = found.unwrap_or_else(|| panic!("no {begin}: {text}")).split_whitespace();
            words.filter(|word| *word != "│").map(|it| it.trim_matches('│').to_owned()).collect()
        };
        let row = |begin: &str| -> Vec<String> { row(begin) };
        assert_eq!(row("billing  "), ["billing", "1", "1:30", "0", "0"]);
        assert_eq!(row("ada"), ["ada", "ready", "1:30"]);
        assert_eq!(row("bob"), ["bob", "not_ready", "(lunch)", "1:30"]);
        assert_eq!(row("call-41"), ["call-41", "waiting", "1:30", "+14•••••••23", "billing"]);
        assert!(text.starts_with("1 calls  1 agents ready"), "{text}");
    }

    #[test]
    fn more_agents_than_there_is_room_for_are_counted_and_those_who_are_ready_come_first() {
        let mut board = board();
        for n in 0..30 {
            let agent = AgentRow {
                state: "logged_out".to_owned(),
                reason: None,
                since: EIGHT.to_owned(),
                call: None,
                queue: None,
            };
            board.agents.insert(format!("aaron-{n:02}"), agent);
        }
        let text = drawn_of(&board, None);
        assert!(text.contains("1 ready, 1 not_ready, 30 logged_out"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let at = |word: &str| lines.iter().position(|line| line.contains(word));
        assert!(at("│ada").is_some() && at("│ada") < at("│bob"), "{text}");
        assert!(at("│bob") < at("│aaron-00"), "{text}");
        let shown = lines.iter().filter(|line| line.contains("│aaron-")).count();
        assert!(text.contains(&format!("│and {} more", 30 - shown)), "{shown}: {text}");
        assert!(text.contains("call-41"), "{text}");
    }

    #[test]
    fn a_small_terminal_has_rows_of_each() {
        let mut terminal = Terminal::new(TestBackend::new(60, 10)).unwrap();
        let mut board = board();
        board.agents.get_mut("ada").unwrap().queue = Some("appointments".to_owned());
        terminal.draw(|frame| draw(frame, &board, None, NOW_MS)).unwrap();
        let cells = terminal.backend().buffer().content.iter();
        let text: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        for word in ["billing", "ada", "appointments", "bob", "call-41"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn a_fault_is_shown_above_what_was_known() {
        let text = drawn(Some("http://x: the connection is lost\u{1b}[2J"));
        assert!(text.starts_with("http://x: the connection is lost\\u001b[2J; trying"), "{text}");
        assert!(text.contains("call-41"), "{text}");
    }

    #[test]
    fn elapsed_time_is_minutes_and_seconds() {
        assert_eq!(elapsed("2026-11-30T08:00:00.000Z", NOW_MS), "1:30");
        assert_eq!(elapsed("2026-11-30T08:00:00.000Z", 0), "0:00");
        assert_eq!(elapsed("", NOW_MS), "");
    }
}
