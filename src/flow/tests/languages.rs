//! Callers who choose their language.

use super::Stage;
use crate::flow::{Context, Effect, Facts, Input, Known, Run, parse};
use crate::words::Prompt;

const SUPPORT: &str = include_str!("../../../flows/support.toml");

#[test]
fn fault_37_the_language_menu_that_the_shipped_flow_recommends_works() {
    let source = SUPPORT
        .replace("\n#:", "\n")
        .replace("languages = [\"en\"]", "languages = [\"en\", \"es\"]")
        .replacen("next = \"open_now\"", "next = \"offer\"", 1)
        .replace("text      = \"For billing", "text.es = \"Facturas.\"\ntext.en = \"For billing");
    let flow = parse("flows/support.toml", &source, &Known::anything());
    assert!(flow.is_ok_and(|flow| flow.languages().len() == 2));
    for (script, heard) in [
        // A key while Spanish is heard is for the menu, and so is one while English is.
        ("0 start\n 2 done\n 3 key 2", "es:\"Facturas.\""),
        ("0 start\n 2 done\n 4 done\n 5 key 2", "es:\"Facturas.\""),
        ("0 start\n 2 done\n 4 done\n 5 key 1", "\"For billing"),
        ("caller {\"language\": \"es\"}\n 0 start\n 2 done\n 4 done\n 5 key 1", "\"For billing"),
    ] {
        let log = Stage::new(&source).play(script);
        assert!(log.contains("es:\"Para español, oprima el dos.\""), "{log}");
        assert!(log.trim_end().lines().last().is_some_and(|last| last.contains(heard)), "{log}");
    }
    // A provider that looks ahead has both offers in one document, each in its language.
    let mut run = Run::new(std::sync::Arc::new(super::flow(&source)), Facts::default());
    let mut out = Vec::new();
    run.handle(&Context::default(), Input::Start, &mut out);
    let ahead = run.look_ahead(&Context::default());
    let said = ahead.plays.iter().flatten().filter_map(|prompt| match prompt {
        Prompt::Text { language, .. } => Some(&**language),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), ["es", "en"]);
    assert!(ahead.listen.is_some_and(|listen| listen.keys_max == 1));
    assert!(out.iter().any(|effect| matches!(effect, Effect::Play { .. })));
}
