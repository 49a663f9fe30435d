//! The AWS Query protocol: forms in, XML out.

mod form;
mod xml;

pub(crate) use form::Form;
pub(crate) use xml::Element;
