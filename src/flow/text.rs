//! What a step says: words or sound files, one list a language.
//!
//! **Invariant:** a [`Speech`] has a list for each language of its flow, in the flow's order;
//! missing ones were filled from the first language when the flow was loaded.

use std::sync::Arc;

use crate::flow::expr::{Engine, Template, View};
use crate::words::Prompt;

/// A text that may depend on the caller.
#[derive(Debug)]
pub(in crate::flow) enum Text {
    /// The same for everybody: the engine is not asked.
    Fixed(Arc<str>),
    Template(Template),
}

#[derive(Clone, Debug)]
pub(in crate::flow) enum Part {
    Fixed(Prompt),
    Words { language: Arc<str>, template: Arc<Template> },
}

#[derive(Debug, Default)]
pub(in crate::flow) struct Speech {
    by_language: Vec<Vec<Part>>,
}

/// What rendering needs.
pub(in crate::flow) struct Speaker<'a> {
    pub(in crate::flow) engine: &'a Engine,
    /// Which language of the flow.
    pub(in crate::flow) language: usize,
    pub(in crate::flow) view: &'a dyn Fn() -> View,
}

impl Text {
    pub(in crate::flow) fn render(
        &self,
        engine: &Engine,
        view: &dyn Fn() -> View,
    ) -> Result<Arc<str>, String> {
        match self {
            Text::Fixed(text) => Ok(Arc::clone(text)),
            Text::Template(template) => engine.render(template, view()).map(Arc::from),
        }
    }
}

impl Speech {
    pub(in crate::flow) fn new(by_language: Vec<Vec<Part>>) -> Self {
        Self { by_language }
    }

    /// All parts, one after another. A part that renders to nothing is left out.
    pub(in crate::flow) fn all(&self, speaker: &Speaker<'_>) -> Result<Vec<Prompt>, String> {
        let parts = self.by_language.get(speaker.language).map_or(&[][..], Vec::as_slice);
        parts.iter().filter_map(|part| part.render(speaker).transpose()).collect()
    }

    /// The part for the n-th time, counted from 0; the last one serves all later times.
    pub(in crate::flow) fn nth(
        &self,
        speaker: &Speaker<'_>,
        n: usize,
    ) -> Result<Option<Prompt>, String> {
        let parts = self.by_language.get(speaker.language).map_or(&[][..], Vec::as_slice);
        let part = parts.get(n).or(parts.last());
        part.map_or(Ok(None), |part| part.render(speaker))
    }

    /// How many parts the language has that has most of them.
    pub(in crate::flow) fn most(&self) -> usize {
        self.by_language.iter().map(Vec::len).max().unwrap_or_default()
    }

    pub(in crate::flow) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.by_language.iter().flatten()
    }
}

impl Part {
    fn render(&self, speaker: &Speaker<'_>) -> Result<Option<Prompt>, String> {
        match self {
            Part::Fixed(prompt) => Ok(Some(prompt.clone())),
            Part::Words { language, template } => {
                let text = speaker.engine.render(template, (speaker.view)())?;
                let language = Arc::clone(language);
                Ok((!text.is_empty()).then(|| Prompt::Text { language, text: text.into() }))
            }
        }
    }
}
