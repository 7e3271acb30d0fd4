//! What people try, to make a comment do something: one technique a line, none with anything that it would reach. The list is a
//! file of cases, which the tests in a real browser read too.

use std::sync::LazyLock;

/// Techniques against sanitisers, renderers and templates; each is to come out as dead text.
pub(super) static HOSTILE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let cases = include_str!("../../../../../cases/hostile.json");
    serde_json::from_str(cases).expect("the cases are a list of texts")
});
