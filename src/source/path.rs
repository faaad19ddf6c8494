//! Elements of lists as parts of a path: `losses.0` is the first element, `losses.-1` the last.

/// A part of a path that names an element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// The element at an index from 0.
    At(usize),
    /// The last element.
    Last,
}

/// How the last element is written.
pub(super) const LAST: &str = "-1";

impl Element {
    /// The element that a part of a path names; `None` if it is a key.
    pub(super) fn of(part: &str) -> Option<Self> {
        if part == LAST {
            return Some(Self::Last);
        }
        let is_index = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_index.then(|| part.parse().ok()).flatten().map(Self::At)
    }

    /// The index in a list of a length; `None` if the list is too short.
    pub(super) fn index(self, length: usize) -> Option<usize> {
        match self {
            Self::At(index) => (index < length).then_some(index),
            Self::Last => length.checked_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_minus_one_names_an_element() {
        assert_eq!([Element::of("0"), Element::of("12")], [Some(Element::At(0)), Some(Element::At(12))]);
        assert_eq!(Element::of("-1"), Some(Element::Last));
        for key in ["", "-2", "loss", "1.5", "99999999999999999999999"] {
            assert_eq!(Element::of(key), None, "{key}");
        }
        assert_eq!([Element::At(2).index(2), Element::Last.index(0)], [None, None]);
        assert_eq!([Element::At(1).index(2), Element::Last.index(3)], [Some(1), Some(2)]);
    }
}
