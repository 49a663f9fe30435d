//! How an error leaves a function: with its chain rendered once.

use std::error::Error;

/// The error and its sources, outermost first, joined by `: `. A source that its parent already ends with,
/// as some libraries write it, is not repeated.
///
/// ```
/// use runtime::error::chain;
/// let error = std::io::Error::other("disk full");
/// assert_eq!(chain(&error), "disk full");
/// ```
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut last_length = text.len();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        let last = &text[text.len() - last_length..];
        if !last.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        last_length = cause_text.len();
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let source = (texts.len() > 1).then(|| Box::new(layers(&texts[1..])));
        Layer {
            text: texts[0],
            source,
        }
    }

    #[test]
    fn a_chain_is_rendered_outermost_first_and_without_repetition() {
        let cases = [
            (&["node a: not drained"][..], "node a: not drained"),
            (
                &["node a: not drained", "pod b: no answer", "timed out"],
                "node a: not drained: pod b: no answer: timed out",
            ),
            (&["connect: refused", "refused"], "connect: refused"),
            (
                &["connect: refused", "refused", "errno 111"],
                "connect: refused: errno 111",
            ),
            (&["", "timed out"], ": timed out"),
        ];
        for (texts, expected) in cases {
            assert_eq!(chain(&layers(texts)), expected);
        }
    }
}
