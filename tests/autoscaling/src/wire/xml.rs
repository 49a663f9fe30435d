//! Just enough XML for answers: elements with text or children, no attributes but the namespace.

use std::fmt::{Display, Write as _};

/// The namespace of every answer.
pub(crate) const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

/// An element of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    name: String,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Element {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            content: Content::Children(Vec::new()),
        }
    }

    fn leaf(name: &str, text: impl Display) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Text(text.to_string()),
        }
    }

    /// The same under another name.
    pub(crate) fn named(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// With one more child.
    pub(crate) fn with(mut self, child: Self) -> Self {
        match &mut self.content {
            Content::Children(children) => children.push(child),
            Content::Text(_) => self.content = Content::Children(vec![child]),
        }
        self
    }

    /// With a child that has this text.
    pub(crate) fn text(self, name: &str, text: impl Display) -> Self {
        self.with(Self::leaf(name, text))
    }

    /// The same, if there is a text.
    pub(crate) fn maybe(self, name: &str, text: Option<impl Display>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// With a list of structures: each is renamed to `member`.
    pub(crate) fn list(self, name: &str, items: impl IntoIterator<Item = Self>) -> Self {
        let members = items.into_iter().map(|item| item.named("member")).collect();
        self.with(Self {
            name: name.to_owned(),
            content: Content::Children(members),
        })
    }

    /// With a list of texts.
    pub(crate) fn texts(self, name: &str, items: impl IntoIterator<Item = impl Display>) -> Self {
        let members = items.into_iter().map(|item| Self::leaf("member", item)).collect();
        self.with(Self {
            name: name.to_owned(),
            content: Content::Children(members),
        })
    }

    fn write(&self, out: &mut String, attributes: &str) {
        // Writing to a String can't fail.
        let _ = write!(out, "<{}{attributes}>", self.name);
        match &self.content {
            Content::Text(text) => escape(text, out),
            Content::Children(children) => children.iter().for_each(|child| child.write(out, "")),
        }
        let _ = write!(out, "</{}>", self.name);
    }

    /// As a document of the service's namespace.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &format!(" xmlns=\"{NAMESPACE}\""));
        out
    }
}

/// Characters that XML 1.0 can't carry at all are left out.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            '\n' | '\t' => out.push(character),
            _ if character < ' ' => {}
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_lists_have_members() {
        let answer = Element::new("Answer")
            .text("A", "1 < 2 & 3")
            .maybe("B", None::<u8>)
            .texts("L", ["x", "y"]);
        assert_eq!(
            answer.document(),
            "<Answer xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><A>1 &lt; 2 &amp; 3</A>\
             <L><member>x</member><member>y</member></L></Answer>"
        );
    }
}
