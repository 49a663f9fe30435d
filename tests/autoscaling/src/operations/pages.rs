//! Pages: `MaxRecords` and `NextToken`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;
use crate::wire::{Element, Form};

/// AWS's default for every operation that pages.
const DEFAULT_SIZE: u32 = 50;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    size: usize,
    /// The key of the last item of the page before.
    after: Option<String>,
}

impl Page {
    pub(crate) fn parse(form: &Form, largest: u32) -> Result<Self, ApiError> {
        let size = form.number("MaxRecords", &(1..=largest))?.unwrap_or(DEFAULT_SIZE);
        let after = form.text("NextToken").map(|token| decode(&token)).transpose()?;
        Ok(Self {
            size: usize::try_from(size).unwrap_or(usize::MAX),
            after,
        })
    }

    /// A result with the items of this page under `name`. A page goes on where the last ended even when items
    /// came or went in between, for which `items` must be in the order of their keys.
    pub(crate) fn result(&self, name: &str, items: impl Iterator<Item = (String, Element)>) -> Element {
        let after = |key: &str| self.after.as_deref().is_none_or(|after| key > after);
        let mut rest = items.filter(|(key, _)| after(key)).peekable();
        let page: Vec<(String, Element)> = rest.by_ref().take(self.size).collect();
        let next = page
            .last()
            .filter(|_| rest.peek().is_some())
            .map(|(key, _)| STANDARD.encode(key));
        Element::new("Result")
            .list(name, page.into_iter().map(|(_, item)| item))
            .maybe("NextToken", next)
    }
}

fn decode(token: &str) -> Result<String, ApiError> {
    let invalid = || ApiError::new("InvalidNextToken", format!("The token '{token}' is not valid"));
    let bytes = STANDARD.decode(token).map_err(|_| invalid())?;
    String::from_utf8(bytes).map_err(|_| invalid())
}
