//! Which channel is a page's, and whose page it is.

/// What the words that a page is named with may measure, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// The address and the author's `page-id`.
    pub url_chars_max: usize,
    /// The title, after cleaning.
    pub title_chars_max: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self {
            url_chars_max: 2_048,
            title_chars_max: 300,
        }
    }
}
