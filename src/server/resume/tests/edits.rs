//! A server that is killed, and started again with another configuration.

use super::*;
use crate::id::AgentId;
use crate::words::Party;

/// Calls that wait at their provider for Alice, who is at lunch.
fn waiting(world: &World, calls: usize) -> (Server, Vec<CallId>) {
    let mut server = world.start(MORNING);
    server.ready("alice");
    server.ask("alice", AgentRequest::NotReady { reason: "lunch".to_owned() });
    let calls: Vec<CallId> =
        (0..calls).map(|n| server.provided(&format!("+1415555010{n}"))).collect();
    for call in &calls {
        server.presses(*call, "1");
    }
    (server, calls)
}

fn edited(world: &World, edit: impl Fn(&str) -> String) {
    world.configure(&edit(&with_skills(CONFIG)));
}

#[test]
fn every_edit_of_the_configuration_leaves_lost_calls_as_they_were() {
    let agent = "[agents.aaron]\npassword = \"aaron-has-a-long-password\"\n";
    type Edit<'a> = (&'a str, &'a dyn Fn(&str) -> String);
    let edits: [Edit<'_>; 6] = [
        ("an agent before all others", &|it| format!("{it}{agent}")),
        ("an agent is gone", &|it| it.replace("[agents.bob]", "[agents.robert]")),
        ("a queue before all others", &|it| format!("{it}[queues.aaa]\n")),
        ("a queue is gone", &|it| it.replace("[queues.sales]\nwrap_up_s = 60\n", "")),
        ("another skill", &|it| it.replace("night", "dawn")),
        ("another rule", &|it| format!("{it}ring_timeout_s = 7\nlen_max = 1\n")),
    ];
    for (what, edit) in edits {
        let world = World::new();
        let (server, calls) = waiting(&world, 2);
        let before: Vec<CallView> = calls.iter().map(|call| server.call(*call)).collect();
        let alice = server.center.agent_id("alice");
        let now = server.kill();
        edited(&world, edit);
        let mut server = world.start(now);
        assert!(server.goes_on, "{what}");
        assert_eq!(server.center.agent_id("alice"), alice, "{what}: she is who she was");
        let after: Vec<CallView> = calls.iter().map(|call| server.call(*call)).collect();
        assert_eq!(after, before, "{what}");
        // The new configuration holds, and who waits is answered.
        server.ready("alice");
        let leg = server.answered();
        assert_eq!(leg.call, calls[0], "{what}");
        server.tell(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
        // And once more: this run's journal has the old setup and the new.
        let now = server.kill();
        let mut server = world.start(now);
        assert!(server.goes_on, "{what}");
        for call in &calls {
            server.hangs_up(*call);
        }
        server.stop();
        let outcomes: Vec<_> = world.records().iter().map(|record| record.outcome).collect();
        assert_eq!(outcomes.len(), 2, "{what}");
        assert!(outcomes.contains(&CallOutcome::Handled), "{what}: {outcomes:?}");
    }
}

#[test]
fn a_lost_call_goes_on_in_the_flow_it_began_with() {
    let world = World::new();
    let mut server = world.start(MORNING);
    let call = server.provided(CALLER);
    let before = server.call(call);
    let now = server.kill();
    let other = "[flow]\nnumbers = [\"*\"]\nstart = \"a\"\n[hangup.a]\ntext = \"Closed.\"\n";
    std::fs::remove_file(world.path("flows/lost.toml")).unwrap();
    std::fs::write(world.path("flows/other.toml"), other).unwrap();
    let mut server = world.start(now);
    assert!(server.goes_on);
    assert_eq!(server.call(call), before);
    server.ready("alice");
    server.presses(call, "1");
    assert_eq!(server.answered().call, call, "the menu of the old flow");
    let next = server.provided("+14155550199");
    assert_eq!(server.call(next).flow.as_deref(), Some("other"), "the next one has the new");
    server.stop();
}

#[test]
fn a_run_that_was_given_another_setup_is_read_back_with_it() {
    let world = World::new();
    let (mut server, calls) = waiting(&world, 1);
    let mut setup = server.center.setup().clone();
    setup.agents.push(crate::center::setup::Agent {
        name: "zoe".to_owned(),
        display_name: None,
        team: None,
        skills: vec![("day".to_owned(), 9)],
        auto_login: true,
        auto_ready: true,
    });
    setup.complete();
    let kept = KeptSetup::of(&setup);
    kept.keep(&world.state(), server.store.run()).unwrap();
    store::keep_names(&world.state(), setup.node, &setup.names).unwrap();
    server.reconfigure(server.now, NewSetup { setup, digest: kept.digest });
    server.register("zoe");
    let leg = server.answered();
    let before = server.call(calls[0]);
    let now = server.kill();
    let server = world.start(now);
    assert!(server.goes_on, "the files know no zoe, and the journal does");
    assert_eq!((before.state, before.agent.as_deref()), (CallState::Talking, Some("zoe")));
    let after = server.call(calls[0]);
    assert_eq!(after.step.as_deref(), Some("survey"), "her telephone is lost with the process");
    assert_eq!(server.center.setup().names.agent_name(AgentId(3)), Some("zoe"));
    assert_eq!(leg.call, calls[0]);
    server.stop();
    let zoe = Party::Agent { id: AgentId(3), name: "zoe".to_owned() };
    assert_eq!(world.record(calls[0]).unwrap().legs[0].party, zoe);
}

#[test]
fn names_that_are_lost_or_torn_cost_nothing() {
    for text in [None, Some(""), Some("{\"attendant_names\": 1, \"agents\": [\"al")] {
        let world = World::new();
        let (server, calls) = waiting(&world, 1);
        let before = server.call(calls[0]);
        let now = server.kill();
        let path = world.state().join("names.json");
        let whole = std::fs::read_to_string(&path).unwrap();
        match text {
            None => std::fs::remove_file(&path).unwrap(),
            Some(text) => std::fs::write(&path, text).unwrap(),
        }
        edited(&world, |it| it.replace("[agents.bob]", "[agents.aaron]"));
        let server = world.start(now);
        assert!(server.goes_on, "{text:?}");
        assert_eq!(server.call(calls[0]), before);
        let again = std::fs::read_to_string(&path).unwrap();
        assert!(again.contains("\"aaron\"") && again.contains("\"bob\""), "{again}");
        assert!(whole.lines().take(4).eq(again.lines().take(4)), "{again}");
        server.stop();
    }
}

#[test]
fn a_folder_of_an_earlier_attendant_opens() {
    let world = World::new();
    let (server, call) = talking(&world, trunk());
    let now = server.kill();
    world.lose_setups();
    let server = world.start(now);
    assert!(!server.goes_on);
    assert_eq!(world.record(call).unwrap().ended_by, EndedBy::ServerLost, "what is certain");
    server.stop();
    let names = std::fs::read_to_string(world.state().join("names.json")).unwrap();
    assert!(names.contains("\"alice\""), "{names}");
}

#[test]
fn a_setup_is_for_its_owner_and_has_no_password() {
    let world = World::new();
    world.start(MORNING).stop();
    let kept: Vec<PathBuf> = std::fs::read_dir(world.state())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("setup-"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&kept[0]).unwrap();
    assert!(text.contains("For sales, press one.") && !text.contains("-password"), "{text}");
}
