//! A start from a checkpoint is as one from the whole journal.

use std::path::Path;

use super::*;
use crate::server::resume::{Ahead, Folder};

const STEP: Duration = Duration::from_millis(10);
/// Half a minute, on a machine that does nothing else.
const STEPS_MAX: u32 = 3_000;

impl Server {
    /// The next segment of the journal begins, and its checkpoint is made as beside a server.
    fn checkpoint(&mut self, world: &World) {
        self.checkpoint_but(world, &BTreeSet::new());
    }

    /// The same where these calls went another way than their replay.
    fn checkpoint_but(&mut self, world: &World, astray: &BTreeSet<CallId>) {
        let of = self.store.checkpointing();
        let before = of.segment();
        self.store.close_segments_after(1);
        let mut steps = 0..STEPS_MAX;
        let segment = || of.segment().filter(|segment| Some(*segment) > before);
        while segment().is_none() {
            steps.next().expect("a segment begins");
            self.store.note(self.now, None);
            self.center.handle_timeout(self.now);
            self.carry_out(self.now);
            self.store.settle(self.now);
            std::thread::park_timeout(STEP);
        }
        self.store.close_segments_after(store::journal::SEGMENT_LEN_MAX);
        let (folder, pause) = (Folder::new((&world.state()).into()), || true);
        let mut ahead = Ahead::new(&folder, &pause);
        let segment = segment().unwrap();
        assert!(of.lead(None, segment, &mut ahead).unwrap());
        let reached = ahead.reached(segment).unwrap();
        while !of.without_record(&reached.ended).unwrap().is_subset(astray) {
            steps.next().expect("the records of calls that ended are written");
            std::thread::park_timeout(STEP);
        }
        let missing = of.without_record(&reached.ended).unwrap();
        assert!(of.keep(&reached.settled(&missing)).unwrap());
    }
}

impl World {
    fn checkpoints(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.state()).unwrap().map(|entry| entry.unwrap().path());
        let is_one = |path: &PathBuf| name(path).starts_with("checkpoint-");
        files.filter(is_one).collect()
    }

    /// The same folder, without its checkpoints.
    fn without_checkpoints(&self) -> Self {
        assert!(!self.checkpoints().is_empty());
        let other = Self::new();
        for file in ["attendant.toml", "flows/lost.toml"] {
            std::fs::copy(self.path(file), other.path(file)).unwrap();
        }
        std::fs::create_dir(other.state()).unwrap();
        for entry in std::fs::read_dir(self.state()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && !name(&path).starts_with("checkpoint-") {
                std::fs::copy(&path, other.state().join(name(&path))).unwrap();
            }
        }
        other
    }

    /// What a start would do, which changes nothing: inputs it replays.
    fn replayed(&self, now: Timestamp) -> u64 {
        let sources = Sources { file: Some(self.path("attendant.toml")), ..Sources::default() };
        let config::Loaded { mut config, .. } = config::load(&sources).unwrap();
        config.server.state = self.state();
        look(&config, &|| now).unwrap().inputs
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A start with the checkpoints and one without come to the same, also in what follows.
#[track_caller]
fn same_start(world: &World, now: Timestamp, what_follows: impl Fn(&mut Server)) {
    let other = world.without_checkpoints();
    assert!(world.replayed(now) < other.replayed(now), "the checkpoint saves nothing");
    let [one, two] = [world, &other].map(|world| {
        let mut server = world.start(now);
        let before = server.center.snapshot(server.now);
        what_follows(&mut server);
        let after = server.center.snapshot(server.now);
        let shown = (server.goes_on, server.carried, before, after, server.next_call);
        server.stop();
        let until = now + Duration::from_secs(3_600);
        (shown, world.records(), world.times(MORNING, until).0)
    });
    assert_eq!(one.0, two.0);
    assert_eq!(one.1, two.1);
    assert_eq!(format!("{:?}", one.2), format!("{:?}", two.2));
}

/// Calls of every kind: one that ended, Alice's talk, one that waits, one in its menu; Bob works
/// after a call.
fn busy(world: &World, via: &Via) -> (Server, [CallId; 4]) {
    let mut server = world.start(MORNING);
    server.ready("bob");
    let ended = server.calls("+14155550101", via.clone());
    server.presses(ended, "1");
    let _leg = server.answered();
    server.checkpoint(world);
    server.hangs_up(ended);
    server.ready("alice");
    let talk = server.calls("+14155550102", via.clone());
    server.presses(talk, "1");
    server.answered();
    server.checkpoint(world);
    let waits = server.calls("+14155550103", via.clone());
    server.presses(waits, "1");
    let menu = server.calls("+14155550104", via.clone());
    server.checkpoint(world);
    server.pass(Duration::from_secs(2));
    (server, [ended, talk, waits, menu])
}

#[test]
fn calls_at_a_provider_go_on_as_they_would_by_the_whole_journal() {
    let world = World::new();
    let (mut server, [_, talk, waits, menu]) = busy(&world, &Via::Provider(PROVIDER.to_owned()));
    assert!(matches!(server.agent("bob").state, AgentState::AfterCallWork { .. }));
    assert_eq!(world.checkpoints().len(), 2);
    server.presses(menu, "1");
    let now = server.kill();
    same_start(&world, now, |server| {
        assert_eq!(server.carried, 3);
        // Alice's telephone was lost with the process.
        assert_eq!(server.call(talk).step.as_deref(), Some("survey"));
        server.ask("alice", AgentRequest::end_wrap_up(Some(true)));
        server.hangs_up(talk);
        server.ready("alice");
        server.answered();
        server.presses(menu, "1");
        server.hangs_up(waits);
        server.pass(Duration::from_secs(90));
    });
}

#[test]
fn calls_of_telephones_get_the_records_they_would_by_the_whole_journal() {
    let world = World::new();
    let (server, [ended, talk, ..]) = busy(&world, &trunk());
    let now = server.kill();
    same_start(&world, now, |server| assert!(!server.goes_on));
    let record = world.record(talk).unwrap();
    assert_eq!((record.ended_by, record.legs.len()), (EndedBy::ServerLost, 1));
    assert!(world.record(ended).unwrap().legs[0].wrap_up.is_some(), "Bob's work ended with it");
    assert!(world.checkpoints().is_empty(), "no start needs them any more");
}

#[test]
fn a_checkpoint_is_of_the_setup_of_its_moment() {
    let world = World::new();
    let (mut server, [_, _, waits, _]) = busy(&world, &Via::Provider(PROVIDER.to_owned()));
    let now = server.kill();
    // Bob is gone, and the flow is another.
    world.configure(&with_skills(CONFIG).replace("[agents.bob]", "[agents.ben]"));
    let flow = FLOW.replace("Were we of help", "Were we quick");
    std::fs::write(world.path("flows/lost.toml"), flow).unwrap();
    server = world.start(now);
    server.checkpoint(&world);
    let new = server.provided("+14155550105");
    server.checkpoint(&world);
    let now = server.kill();
    same_start(&world, now, |server| {
        assert_eq!(server.call(new).step.as_deref(), Some("hello"));
        assert_eq!(server.call(waits).state, CallState::Waiting);
        server.presses(new, "1");
        server.pass(Duration::from_secs(5));
    });
}

#[test]
fn a_run_that_goes_on_with_another_has_its_own_checkpoints() {
    let world = World::new();
    let (server, [_, talk, ..]) = busy(&world, &Via::Provider(PROVIDER.to_owned()));
    let mut now = server.kill();
    for _ in 0..2 {
        let mut server = world.start(now);
        assert_eq!(server.call(talk).step.as_deref(), Some("survey"));
        server.provided("+14155550106");
        server.checkpoint(&world);
        assert_eq!(world.checkpoints().len(), 1, "those of the run before are gone");
        now = server.kill();
    }
    same_start(&world, now, |server| server.hangs_up(talk));
}

#[test]
fn what_the_records_say_of_agents_and_callers_is_learned_again() {
    let world = World::new();
    let (mut server, call) = talking(&world, trunk());
    server.hangs_up(call);
    server.ask("alice", AgentRequest::end_wrap_up(None));
    let now = server.stop();
    let mut server = world.start(now);
    server.ready("alice");
    server.checkpoint(&world);
    let text = std::fs::read_to_string(&world.checkpoints()[0]).unwrap();
    assert!(!text.contains(CALLER), "a caller of an earlier run: {text}");
    let up = server.provided("+14155550107");
    let now = server.kill();
    same_start(&world, now, |server| {
        let note = Some("they called twice".to_owned());
        let said = Disposition { note, ..Disposition::default() };
        server.ask("alice", AgentRequest::EndWrapUp { call: Some(call), said });
        server.ready("alice");
        let known = server.provided(CALLER);
        assert_eq!(server.call(known).queue.as_deref(), Some("sales"), "who called before");
        server.hangs_up(up);
    });
    let legs = world.record(call).unwrap().legs;
    let note = legs[0].wrap_up.as_ref().and_then(|it| it.note.as_deref());
    assert_eq!(note, Some("they called twice"));
}

#[test]
fn fault_09_no_key_of_a_secret_step_is_in_a_checkpoint() {
    let world = World::new();
    let pin = "[collect.pin]\ntext = \"Your PIN?\"\ninto = \"pin\"\nsecret = true\n\
               digits_min = 4\ndigits_max = 4\nnext = \"often\"\ngive_up = \"bye\"\n";
    let flow = FLOW.replace("start = \"often\"", "start = \"pin\"");
    std::fs::write(world.path("flows/lost.toml"), format!("{flow}{pin}")).unwrap();
    let mut server = world.start(MORNING);
    let typed = server.provided("+14155550101");
    server.presses(typed, "4711");
    let types = server.provided("+14155550102");
    server.presses(types, "47");
    assert_eq!(server.call(typed).step.as_deref(), Some("hello"));
    server.checkpoint(&world);
    let text = std::fs::read_to_string(&world.checkpoints()[0]).unwrap();
    let (_, text) = text.split_once('\n').unwrap(); // a digest may have any digits
    let masked: String = [Digit::MASKED.as_char(); 4].iter().collect();
    assert!(text.contains(&masked), "the first caller's, as the journal has it");
    for secret in ["4711", "\"47\"", "[\"4\",", "[\"7\","] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let now = server.kill();
    same_start(&world, now, |server| {
        server.presses(types, "1111");
        assert_eq!(server.call(types).step.as_deref(), Some("hello"));
    });
}

/// A call whose flow decides by a secret key is over in the replay, and goes on in the run.
#[test]
fn fault_09_a_call_that_goes_another_way_in_the_replay_keeps_no_checkpoint_from_being_made() {
    let world = World::new();
    let pin = "[collect.pin]\ntext = \"Your PIN?\"\ninto = \"pin\"\nsecret = true\n\
               digits_min = 4\ndigits_max = 4\nnext = \"known\"\ngive_up = \"gone\"\n\
               [branch.known]\ncases = [{ if = \"pin == '4711'\", next = \"hello\" }]\n\
               else = \"gone\"\n[hangup.gone]\n";
    let flow = FLOW.replace("start = \"often\"", "start = \"pin\"");
    let flow = flow.replace("give_up = \"bye\"\n[queue", "give_up = \"often\"\n[queue");
    std::fs::write(world.path("flows/lost.toml"), format!("{flow}{pin}")).unwrap();
    let mut server = world.start(MORNING);
    let astray = server.calls("+14155550101", trunk());
    server.presses(astray, "4711");
    assert_eq!(server.call(astray).step.as_deref(), Some("hello"));
    let other = server.calls("+14155550102", trunk());
    for _ in 0..2 {
        server.checkpoint_but(&world, &BTreeSet::from([astray]));
    }
    assert_eq!(world.checkpoints().len(), 2);
    let now = server.kill();
    world.start(now).stop();
    for call in [astray, other] {
        assert_eq!(world.record(call).unwrap().ended_by, EndedBy::ServerLost);
    }
}

/// A call that ended in the moment of the last input before the checkpoint is an earlier one.
#[test]
fn a_caller_is_known_by_a_call_that_ended_in_the_moment_of_the_checkpoint() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.register("bob");
    let first = server.provided("+14155550101");
    let up = server.provided("+14155550102");
    server.hangs_up(first);
    server.checkpoint(&world);
    let again = server.provided("+14155550101");
    assert_eq!(server.call(again).queue.as_deref(), Some("sales"), "who called before");
    let now = server.kill();
    same_start(&world, now, |server| server.hangs_up(up));
}
