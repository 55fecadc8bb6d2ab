//! The key that ends an input, at providers that collect keys themselves.

use super::{World, told};
use crate::webhook::fields::Fields;
use crate::words::Digit;

/// What a provider says of an input that its finish key ended before any other.
fn finish_alone() -> Fields {
    Fields { keys: Some(Vec::new()), finished_by: Digit::new('#'), ..Fields::default() }
}

#[test]
fn fault_35_a_late_ending_key_neither_leaves_the_queue_nor_counts_as_no_input() {
    let mut world = World::new(None, false);
    world.call();
    world.keys(1, "1");
    world.pass(1);
    assert_eq!(told(&world.keys(2, "#")), ["[music/default/2] 1 keys → 3"]);
    world.pass(1);
    let left = told(&world.keys(3, "#"));
    assert!(left[0].contains("Press 1 to wait"), "{left:?}");

    let mut world = World::new(None, false);
    world.call();
    let asked = told(&world.keys(1, "3"));
    assert!(asked[0].starts_with("[\"Your number?\"]"), "{asked:?}");
    world.pass(1);
    let again = told(&world.step(2, finish_alone()));
    assert!(again[0].starts_with("[\"Your number?\"]"), "{again:?}");
}
