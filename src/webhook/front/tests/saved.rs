//! Saved legs of several providers, and those that an earlier version saved.

use super::*;
use crate::webhook::commanded::LegSaving;
use crate::webhook::render_context::RenderContext;

/// A provider that can read no leg's text, and has none.
#[derive(Debug)]
struct Other;

impl Commanded for Other {
    fn context(&self) -> RenderContext {
        unreachable!("it renders nothing")
    }
    fn set_context(&mut self, _: RenderContext) {}
    fn handle_event(&mut self, _: Timestamp, _: &Fields) {}
    fn execute(&mut self, _: Timestamp, _: &str, _: &Link, _: Option<&Document>) {}
    fn execute_instead(&mut self, _: Timestamp, _: &str, _: &Document) {}
    fn move_to(&mut self, _: Timestamp, _: &str, _: &Link) {}
    fn hang_up(&mut self, _: &str) {}
    fn split(&mut self, _: Timestamp, _: &str, _: LegId, _: Split) {}
    fn handle_rest_result(&mut self, _: Timestamp, _: &str, _: &str, _: &RestOutcome) {}
    fn poll_request(&mut self) -> Option<(Link, Fields)> {
        None
    }
    fn poll_unsplit(&mut self) -> Option<LegId> {
        None
    }
    fn poll_order(&mut self) -> Option<LegOrder> {
        None
    }
    fn poll_saving(&mut self) -> Option<LegSaving> {
        None
    }
    fn restore(
        &mut self,
        _: Timestamp,
        saved: &BTreeMap<String, String>,
        _: &dyn Fn(CallId) -> bool,
    ) -> Vec<String> {
        saved.keys().cloned().collect()
    }
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
    fn handle_timeout(&mut self, _: Timestamp) {}
}

fn other() -> Way {
    Way::Commands(Box::new(Other))
}

impl World {
    /// The front is gone, but for what is on the disk. Returns the names of legs that no provider
    /// can read.
    fn restart(&mut self, ways: BTreeMap<&'static str, Way>) -> Vec<String> {
        self.orders.clear();
        self.front = ProviderFront::new(setup(), ways);
        for (call, text) in &self.calls {
            assert!(self.front.restore_call(self.now, *call, text, true));
        }
        let legs: Vec<(String, String)> = self.legs.clone().into_iter().collect();
        let unreadable = self.front.restore_legs(self.now, &legs, &|_| true);
        self.turn();
        unreadable
    }

    /// Legs on the disk.
    fn names(&self) -> Vec<&str> {
        self.legs.keys().map(String::as_str).collect()
    }

    /// As an earlier version wrote them.
    fn without_providers(&mut self) {
        let old = std::mem::take(&mut self.legs);
        let bare = |(name, text): (String, String)| {
            (name.split_once('/').expect("a provider's").1.to_owned(), text)
        };
        self.legs = old.into_iter().map(bare).collect();
    }
}

fn one_in_the_menu() -> World {
    let mut world = World::new();
    world.calls(ONE);
    world.sent();
    world.is_answered(ONE, CALLER);
    assert_eq!(world.sent(), ["telnyx 1.1.2.gather_using_speak"]);
    world
}

#[test]
fn legs_of_two_providers_are_told_apart_on_paper() {
    let mut world = World::in_menus();
    assert_eq!(world.names(), ["acme/v3:caller", "telnyx/v3:caller"]);
    assert_eq!(world.restart(all_ways()), [""; 0]);
    assert_eq!(world.names(), ["acme/v3:caller", "telnyx/v3:caller"]);
    // Whether each is still there is asked; then each goes on where it was.
    let updates = ["acme 2.1.3.client_state_update", "telnyx 1.1.3.client_state_update"];
    assert_eq!(sorted(world.sent()), updates);
    world.presses(ONE, '1');
    assert_eq!(world.sent(), ["telnyx 1.2.1.dial"]);
    world.presses(TWO, '9');
    assert_eq!(world.sent(), ["acme 2.2.1.gather_using_speak"]);
}

#[test]
fn legs_that_an_earlier_version_wrote_are_taken_up() {
    // By the one provider that is commanded, or the one of several that can read them.
    let alone =
        || BTreeMap::from([(ONE, commanded(ONE)), (DOCUMENTS, Way::Documents(links(DOCUMENTS)))]);
    let several = || BTreeMap::from([(TWO, other()), (ONE, commanded(ONE))]);
    for ways in [alone(), several()] {
        let mut world = one_in_the_menu();
        world.without_providers();
        assert_eq!(world.names(), [CALLER]);
        assert_eq!(world.restart(ways), [""; 0]);
        assert_eq!(world.sent(), ["telnyx 1.1.3.client_state_update"]);
        assert_eq!(world.names(), ["telnyx/v3:caller"], "it has its new name alone");
        world.presses(ONE, '1');
        assert_eq!(world.sent(), ["telnyx 1.2.1.dial"]);
    }
}

#[test]
fn a_leg_has_its_new_name_on_paper_before_the_old_one_is_forgotten() {
    let mut world = one_in_the_menu();
    world.without_providers();
    let legs: Vec<(String, String)> = world.legs.clone().into_iter().collect();
    let mut front = ProviderFront::new(setup(), all_ways());
    front.restore_legs(world.now, &legs, &|_| true);
    let savings: Vec<Saving> = std::iter::from_fn(|| front.poll_saving()).collect();
    let [Saving::KeepLeg(kept, _), Saving::ForgetLeg(forgotten)] = &savings[..] else {
        panic!("{savings:?}")
    };
    assert!(kept.ends_with("/v3:caller") && forgotten == CALLER);
    // Lost in between: it is there under both names, and the new one counts.
    let mut world = one_in_the_menu();
    let old = "{\"written\":\"before\"}".to_owned();
    world.legs.insert(CALLER.to_owned(), old);
    assert_eq!(world.restart(all_ways_but_two()), [""; 0]);
    assert_eq!(world.names(), ["telnyx/v3:caller"]);
    world.sent();
    world.presses(ONE, '1');
    assert_eq!(world.sent(), ["telnyx 1.2.1.dial"]);
}

fn all_ways_but_two() -> BTreeMap<&'static str, Way> {
    let mut ways = all_ways();
    ways.remove(TWO);
    ways
}

#[test]
fn what_nobody_can_read_is_named_and_what_is_of_another_provider_stays() {
    let mut world = one_in_the_menu();
    world.legs.insert("acme/v3:x".to_owned(), "{}".to_owned());
    world.legs.insert("v3:y".to_owned(), "{}".to_owned());
    let both = BTreeMap::from([(TWO, other()), (ONE, commanded(ONE))]);
    assert_eq!(world.restart(both), ["acme/v3:x", "v3:y"]);
    // Without a provider that is commanded nothing is read, and nothing lost.
    let mut world = one_in_the_menu();
    world.legs.insert("v3:y".to_owned(), "{}".to_owned());
    let documents = BTreeMap::from([(DOCUMENTS, Way::Documents(links(DOCUMENTS)))]);
    assert_eq!(world.restart(documents), [""; 0]);
    assert_eq!(world.names(), ["telnyx/v3:caller", "v3:y"]);
    assert_eq!(world.restart(all_ways_but_two()), ["v3:y"]);
    assert_eq!(world.sent(), ["telnyx 1.1.3.client_state_update"]);
}
