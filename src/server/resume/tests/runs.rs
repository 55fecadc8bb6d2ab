//! Several losses, starts that are cut short, other configurations, drains, clocks; and agents.

use super::*;
use crate::metrics::Target;

#[test]
fn calls_live_through_two_losses_and_end_with_the_third_run() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.ask("alice", AgentRequest::Ready);
    let first = server.provided("+14155550101");
    let now = server.kill();
    let mut server = world.start(now);
    server.register("bob"); // an agent to wait for, who takes no calls
    server.presses(first, "1");
    let second = server.provided("+14155550102");
    assert!(second > first, "no number is given twice");
    let waiting = server.call(first);
    assert_eq!(waiting.state, CallState::Waiting);
    let now = server.kill();
    let mut server = world.start(now);
    assert_eq!(server.call(first), waiting);
    assert_eq!(server.call(second).step.as_deref(), Some("hello"));
    server.hangs_up(second);
    let now = server.kill();
    let server = world.start(now);
    assert_eq!((server.center.calls_live(), server.carried), (1, 1));
    let now = server.stop();
    let server = world.start(now);
    assert!(!server.goes_on && server.center.calls_live() == 0);
    server.stop();
    let ends: Vec<_> = world.records().iter().map(|r| (r.call, r.ended_by)).collect();
    assert_eq!(ends, [(first, EndedBy::Operator), (second, EndedBy::Caller)]);
}

#[test]
fn a_start_that_is_cut_short_loses_nothing() {
    let world = World::new();
    let mut server = world.start(MORNING);
    let call = server.provided(CALLER);
    let before = server.call(call);
    let mut now = server.kill();
    // Killed before the first input, and once before the journal had its head.
    for torn in [false, true] {
        let opened = store_only(&world, now);
        opened.store.kill();
        if torn {
            let last = store::journal::segments(&world.state()).unwrap().pop().unwrap();
            std::fs::write(last, "").unwrap();
        }
        now = now + AWAY;
    }
    let server = world.start(now);
    assert_eq!(server.call(call), before);
    server.stop();
    assert_eq!(world.records().len(), 1);
}

/// A start that ends right after the store was opened.
fn store_only(world: &World, now: Timestamp) -> Opened {
    let sources = Sources { file: Some(world.path("attendant.toml")), ..Sources::default() };
    let config::Loaded { mut config, flows, directory, .. } = config::load(&sources).unwrap();
    config.server.state = world.state();
    let setup = setup::center(&config, flows, directory);
    look(&config, &|| now).unwrap().open(&config, setup).unwrap().opened
}

#[test]
fn a_record_that_was_not_written_any_more_is_rebuilt_as_it_was() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.ask("alice", AgentRequest::Ready);
    let call = server.provided(CALLER);
    server.presses(call, "1");
    server.tell(Event::HungUp { leg: LegId::caller(call), cause: Cause::NORMAL_CLEARING });
    let now = server.kill();
    let written = world.record(call).unwrap();
    store::sqlite::tests::forget_records(&world.state());
    world.start(now).stop();
    assert_eq!(world.records(), [written]);
}

#[test]
fn a_run_without_its_setup_keeps_what_is_certain_and_where_agents_stood() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.ready("alice");
    server.ready("bob");
    server.ask("bob", AgentRequest::NotReady { reason: "lunch".to_owned() });
    let call = server.provided(CALLER);
    server.presses(call, "1");
    let now = server.kill();
    // The setup of the run is lost. Alice is gone, and a new agent is before Bob.
    world.lose_setups();
    let changed = with_skills(CONFIG).replace("[agents.alice]", "[agents.adam]");
    world.configure(&changed);
    let server = world.start(now);
    assert!(!server.goes_on);
    let lunch = AgentState::NotReady { reason: "lunch".to_owned() };
    assert_eq!(server.agent("bob").state, lunch);
    assert_eq!(server.agent("adam").state, AgentState::LoggedOut);
    let record = world.record(call).unwrap();
    assert_eq!((record.ended_by, record.outcome), (EndedBy::ServerLost, CallOutcome::Failed));
    assert_eq!((record.from.as_deref(), path(&record)), (Some(CALLER), vec![]));
    server.stop();
}

#[test]
fn a_journal_with_a_gap_keeps_what_is_certain() {
    let world = World::new();
    let (server, call) = talking(&world, Via::Provider(PROVIDER.to_owned()));
    let now = server.kill();
    let journal = store::journal::segments(&world.state()).unwrap().pop().unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    let cut: Vec<&str> = text.lines().enumerate().filter(|(n, _)| *n != 3).map(|l| l.1).collect();
    std::fs::write(&journal, cut.join("\n") + "\n").unwrap();
    let server = world.start(now);
    assert!(!server.goes_on);
    assert_eq!(server.agent("alice").state, AgentState::Ready, "who was not said to leave");
    let record = world.record(call).unwrap();
    assert_eq!((record.ended_by, path(&record)), (EndedBy::ServerLost, vec![]));
    server.stop();
}

#[test]
fn agents_stand_where_they_stood() {
    let world = World::new();
    for kill in [true, false] {
        let mut server = world.start(MORNING);
        server.ready("alice");
        server.register("bob");
        server.ask("fay", AgentRequest::LogOut);
        let now = if kill { server.kill() } else { server.stop() };
        let mut server = world.start(now);
        let state = |server: &Server, name: &str| {
            let agent = server.agent(name);
            (agent.state, agent.reachable)
        };
        assert_eq!(state(&server, "alice"), (AgentState::Ready, false), "killed: {kill}");
        let logged_in = AgentState::NotReady { reason: "logged_in".to_owned() };
        assert_eq!(state(&server, "bob"), (logged_in, false));
        assert_eq!(state(&server, "fay"), (AgentState::LoggedOut, true), "by her own wish");
        server.register("alice");
        assert_eq!(state(&server, "alice"), (AgentState::Ready, true));
        server.ask("fay", AgentRequest::Ready);
        server.ask("alice", AgentRequest::LogOut);
        server.stop();
    }
}

#[test]
fn a_drain_that_was_cut_short_is_over() {
    let world = World::new();
    let mut server = world.start(MORNING);
    let call = server.provided("+14155550101");
    server.tell(Event::Drain { until: server.now + Duration::from_secs(3_600) });
    let refused = server.provided("+14155550102");
    let mut now = server.kill();
    for caller in ["+14155550103", "+14155550104"] {
        let mut server = world.start(now);
        assert!(!server.center.is_draining());
        let taken = server.provided(caller);
        assert_eq!(server.call(taken).step.as_deref(), Some("hello"));
        assert_eq!(server.call(call).step.as_deref(), Some("hello"));
        now = server.kill();
    }
    assert_eq!(world.record(refused).unwrap().ended_by, EndedBy::Server);
    assert_eq!(world.start(now).center.calls_live(), 3);
}

#[test]
fn the_replay_knows_the_callers_that_the_run_knew_and_no_later_ones() {
    let world = World::new();
    let (server, first) = talking(&world, trunk());
    let now = server.kill();
    // The second run begins knowing of that call, so its flow goes another way.
    let mut server = world.start(now);
    server.register("bob"); // an agent to wait for, who takes no calls
    let second = server.provided(CALLER);
    let third = server.calls("+14155550199", trunk());
    let now = server.kill();
    let server = world.start(now);
    assert_eq!(server.call(second).step.as_deref(), Some("sales"));
    server.stop();
    let of = |call| world.record(call).unwrap();
    assert_eq!(path(&of(first)), ["often", "hello", "sales"]);
    assert_eq!(path(&of(second)), ["often", "sales"]);
    assert_eq!(path(&of(third)), ["often", "hello"]);
}

/// Time goes on where the journal ends, also when the clock was set back meanwhile.
#[test]
fn a_clock_that_was_set_back_turns_no_time_back() {
    let world = World::new();
    let mut server = world.start(MORNING);
    let call = server.provided(CALLER);
    let lost_at = server.now;
    server.kill();
    let server = world.start(lost_at - Duration::from_secs(60));
    assert_eq!(server.now, lost_at);
    assert_eq!(server.call(call).step.as_deref(), Some("hello"));
    server.kill();
    let server = world.start(lost_at - Duration::from_secs(3 * 60 * 60));
    assert!(!server.goes_on);
    assert_eq!(world.record(call).unwrap().ended_by, EndedBy::ServerLost);
    server.stop();
}

#[test]
fn figures_count_each_call_once() {
    let world = World::new();
    let (mut server, first) = talking(&world, Via::Provider(PROVIDER.to_owned()));
    server.hangs_up(first);
    let second = server.provided("+14155550102");
    let now = server.kill();
    let mut server = world.start(now);
    server.hangs_up(second);
    let (from, to) = (MORNING - Duration::from_secs(1), server.now + AWAY);
    let now = server.stop();
    let report = || {
        let mut gathered = Gathering::new(to);
        let reader = store::read_records(&world.state()).unwrap();
        reader.gather(from..to, &mut Names::default(), &mut gathered).unwrap();
        Report::of_records(gathered, (from, to), |_| Target::default(), &Times::default())
    };
    let once = report();
    assert_eq!(once.calls, 2);
    world.start(now).stop();
    assert_eq!(report(), once);
}

#[test]
fn agents_times_before_what_a_run_knows_are_said_to_be_gone() {
    let world = World::new();
    let gone_until = |server: &Server| {
        let (from, to) = (MORNING - Duration::from_secs(60), server.now);
        let report = server.figures.metrics.report(to, from, to);
        report.kept.agent_times_gone_until
    };
    let server = world.start(MORNING);
    assert_eq!(gone_until(&server), Some(MORNING));
    let noon = server.stop() + AWAY;
    let mut server = world.start(noon);
    assert_eq!(gone_until(&server), Some(noon), "an ordinary restart forgets them");
    server.provided("+14155550102");
    let now = server.kill() + AWAY;
    let server = world.start(now);
    assert!(server.goes_on);
    assert_eq!(gone_until(&server), Some(noon), "its journal has them");
}

impl Server {
    /// As the driver while a call or after-call work goes on.
    fn beats_for(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + Duration::from_secs(1);
            self.store.note(self.now, None);
            self.center.handle_timeout(self.now);
            self.carry_out(self.now);
        }
    }
}

/// A talk of half a minute was recorded as if it had ended with its last event.
#[test]
fn a_talk_that_a_kill_ends_is_as_long_as_it_was_and_final() {
    let world = World::new();
    let (mut server, call) = talking(&world, trunk());
    server.beats_for(30);
    let now = server.kill();
    world.start(now).stop();
    let record = world.record(call).unwrap();
    assert_eq!((record.legs[0].talk_ms, record.ended_at), (30_000, now - AWAY));
    assert_eq!(record.legs[0].wrap_up.as_ref().unwrap().acw_ms, 0);
}

/// Its call was provisional for ever, and what was said of it later was lost.
#[test]
fn after_call_work_that_a_kill_cuts_off_ends_there_and_can_still_be_written_up() {
    let world = World::new();
    let (mut server, call) = talking(&world, trunk());
    server.hangs_up(call);
    server.beats_for(4);
    assert!(server.center.is_at_work(), "timed for ten seconds");
    let now = server.kill();
    let mut server = world.start(now);
    let said = Disposition { resolved: Some(true), ..Disposition::default() };
    let ask = AgentRequest::EndWrapUp { call: Some(call), said };
    let alice = server.center.agent_id("alice").unwrap();
    assert_eq!(server.center.check_request(server.now, alice, &ask), Ok(()));
    server.ask("alice", ask);
    server.stop();
    let record = world.record(call).unwrap();
    let wrap_up = record.legs[0].wrap_up.as_ref().unwrap();
    assert_eq!((wrap_up.acw_ms, wrap_up.resolved), (4_000, Some(true)));
}

/// Agents wait and rest through a kill and a stop.
#[test]
fn what_agents_did_is_known_after_every_end() {
    let world = World::new();
    let seconds = |n| Duration::from_secs(n);
    let mut server = world.start(MORNING);
    server.ask("alice", AgentRequest::Ready);
    server.pass(seconds(30));
    server.ask("alice", AgentRequest::NotReady { reason: "lunch".to_owned() });
    server.pass(seconds(10));
    server.ask("alice", AgentRequest::Ready); // the last that the journal has
    let now = server.kill();
    // Fay's telephone needs no register: she is ready while a server runs, and only then.
    let mut server = world.start(now + seconds(1000));
    server.pass(seconds(5));
    let end = server.stop();
    let (times, names) = world.times(MORNING, end + seconds(9000));
    let spent = |name| times.logged_in_and_occupied(names.agents.get(name).map(AgentId).unwrap());
    assert_eq!(spent("fay").0, 49_000, "43 s, then 5 s and 1 s of the stop: to ask takes a second");
    assert_eq!(spent("alice").0, 48_000, "she stands where she stood");
}
