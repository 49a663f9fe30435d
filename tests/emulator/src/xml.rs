//! XML answers of the Query protocol as a tree: enough to read them by hand, without a type for each.

use anyhow::{Context, Result, bail};
use quick_xml::Reader;
use quick_xml::events::Event;

/// An element with its text and its children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// The text directly inside it.
    pub text: String,
    /// The elements inside it, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a document; the answer is its root.
    pub fn parse(document: &str) -> Result<Self> {
        let mut reader = Reader::from_str(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event()? {
                Event::Start(start) => open.push(Self::named(start.local_name().as_ref())),
                Event::Empty(start) => {
                    let element = Self::named(start.local_name().as_ref());
                    Self::innermost(&mut open)?.children.push(element);
                }
                Event::End(_) => {
                    let ended = open.pop().context("an element ends that never started")?;
                    let element = Self {
                        text: ended.text.trim().to_owned(),
                        ..ended
                    };
                    Self::innermost(&mut open)?.children.push(element);
                }
                Event::Text(text) => Self::innermost(&mut open)?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let text = entity(&reference)?;
                    Self::innermost(&mut open)?.text.push_str(&text);
                }
                Event::Eof => break,
                Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let mut document = open.pop().context("the document is empty")?;
        match document.children.pop() {
            Some(root) if open.is_empty() => Ok(root),
            _ => bail!("the document has no complete root element"),
        }
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    fn innermost(open: &mut [Self]) -> Result<&mut Self> {
        open.last_mut().context("text outside of the document")
    }

    /// The first element at `path` below this one, names separated by `/`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| {
            element.children.iter().find(|child| child.name == name)
        })
    }

    /// The text at `path`, `None` when the element is missing or empty.
    pub fn text_at(&self, path: &str) -> Option<String> {
        self.at(path)
            .map(|element| element.text.clone())
            .filter(|text| !text.is_empty())
    }

    /// The children of the list at `path`: `item` in EC2, `member` elsewhere.
    pub fn list(&self, path: &str) -> &[Self] {
        self.at(path).map_or(&[], |element| &element.children)
    }
}

fn entity(reference: &quick_xml::events::BytesRef<'_>) -> Result<String> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let name: &str = reference;
    let text = quick_xml::escape::resolve_predefined_entity(name)
        .with_context(|| format!("&{name}; is no entity of XML"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_path() {
        let answer = Element::parse(
            "<?xml version=\"1.0\"?><R xmlns=\"urn:x\"><set><item><id>i-1</id></item>\n<item/></set><m>a &amp; b&#33;</m></R>",
        )
        .unwrap();
        assert_eq!(answer.name, "R");
        assert_eq!(answer.text_at("set/item/id").as_deref(), Some("i-1"));
        assert_eq!(answer.list("set").len(), 2);
        assert_eq!(answer.text_at("m").as_deref(), Some("a & b!"));
        assert_eq!(answer.text_at("set/none"), None);
    }

    #[test]
    fn a_document_that_breaks_off_is_an_error() {
        assert!(Element::parse("<a><b>").is_err());
        assert!(Element::parse("").is_err());
    }
}
