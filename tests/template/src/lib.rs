//! Checks of `template.yaml`.
