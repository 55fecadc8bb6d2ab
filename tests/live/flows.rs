//! The flow, the prompts and the people of these tests.
//!
//! Each prompt is a tone of its own, so what a caller hears says where the call is.

use std::path::Path;

use crate::wav::write_tone;

/// Of every agent.
pub(crate) const PASSWORD: &str = "correct-horse-battery";

pub(crate) const GREETING_HZ: f64 = 500.0;
pub(crate) const MENU_HZ: f64 = 700.0;
pub(crate) const WRONG_KEY_HZ: f64 = 900.0;
pub(crate) const CLOSED_HZ: f64 = 1100.0;
/// What callers and agents say.
pub(crate) const CALLER_HZ: f64 = 1500.0;
pub(crate) const AGENT_HZ: f64 = 1900.0;
/// None of these is music.
pub(crate) const TONES: &[f64] =
    &[GREETING_HZ, MENU_HZ, WRONG_KEY_HZ, CLOSED_HZ, CALLER_HZ, AGENT_HZ];
/// Long enough that it never ends by itself in a test.
pub(crate) const MENU_SECONDS: f64 = 20.0;

pub(crate) fn write_prompts(folder: &Path) {
    write_tone(&folder.join("greeting.wav"), GREETING_HZ, 0.6);
    write_tone(&folder.join("menu.wav"), MENU_HZ, MENU_SECONDS);
    write_tone(&folder.join("wrong.wav"), WRONG_KEY_HZ, 0.6);
    write_tone(&folder.join("closed.wav"), CLOSED_HZ, 0.6);
}

/// Dialed as 1000: a greeting, a menu, a queue.
pub(crate) const SUPPORT: &str = r#"
[flow]
numbers  = ["1000"]
start    = "greeting"

[play.greeting]
file = "greeting.wav"
next = "main"

[menu.main]
text      = "menu.wav"
keys      = { 1 = "tech", 2 = "bye" }
no_match  = ["wrong.wav"]
tries_max = 3
give_up   = "bye"

[queue.tech]
skills     = { tech = 1 }
intent     = "technical_help"
wait       = "music"
wait_s_max = 600
timeout    = "closed"
no_agents  = "closed"
full       = "closed"

[play.closed]
file = "closed.wav"
next = "bye"

[hangup.bye]
"#;

/// One agent at a registered phone.
pub(crate) const ALICE: &str = r#"
[agents.alice]
skills = { tech = 5 }
password = "correct-horse-battery"
auto_login = true
auto_ready = true

[queues.tech]
wrap_up = "until_done"
"#;

/// Two agents; alice is asked first, because she is the better one.
pub(crate) const ALICE_AND_BOB: &str = r#"
[agents.alice]
skills = { tech = 8 }
password = "correct-horse-battery"
auto_login = true
auto_ready = true

[agents.bob]
skills = { tech = 3 }
password = "correct-horse-battery"
auto_login = true
auto_ready = true

[queues.tech]
wrap_up = "off"
strategy = "most_skilled"
ring_timeout_s = 3
"#;
