//! Who is in a room, as a reply has it: written once for each member and not for each reply.

use alloc::vec::Vec;

use super::json;
use crate::limits::{MAX_LIST_BYTES, MAX_LISTED};
use crate::names::UserName;

/// The names on the places of a room, of which a reply copies what lies before a place. Only the first
/// [`MAX_LISTED`] places are kept, as no reply lists another.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    /// Each name as a JSON string and a comma, in the order of the places: `"alice","ボブ",`.
    text: Vec<u8>,
    /// The bytes of each, comma included: at most 513, as at most each of 255 is escaped.
    sizes: Vec<u16>,
}

impl Roster {
    /// Puts a name on a place: on the first that is free, or instead of the one that is there. What is
    /// beyond is passed over. Costs O(its bytes), or to replace one O(the bytes kept).
    pub fn set(&mut self, place: usize, name: &UserName) {
        if place > self.sizes.len() || place >= MAX_LISTED {
            return;
        }
        let start = self.start_of(place);
        let mut entry = json::text(name.as_str());
        entry.push(b',');
        let size = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        if let Some(there) = self.sizes.get_mut(place) {
            let end = start + usize::from(core::mem::replace(there, size));
            self.text.splice(start..end, entry);
        } else {
            self.sizes.push(size);
            self.text.extend(entry);
        }
    }

    /// Takes the names off all but so many of the first places. Costs O(names taken off), and O(the
    /// bytes kept) when they are so few by now that memory is given back.
    pub fn truncate(&mut self, places: usize) {
        self.text.truncate(self.start_of(places));
        self.sizes.truncate(places);
        give_back(&mut self.text);
        give_back(&mut self.sizes);
    }

    /// The names on all places, as many of the first as a reply lists.
    pub fn names(&self) -> Names<'_> {
        self.names_before(MAX_LISTED)
    }

    /// The names on the places before this one, as many of the first as a reply lists.
    pub fn names_before(&self, place: usize) -> Names<'_> {
        let mut end = self.start_of(place);
        let mut before = self.sizes.iter().take(place).rev();
        while end > MAX_LIST_BYTES
            && let Some(size) = before.next()
        {
            end -= usize::from(*size);
        }
        Names { json: self.text.get(..end.saturating_sub(1)).unwrap_or_default() }
    }

    /// Where the names from a place on begin. Costs O(those names), which are few but where one of the
    /// first is replaced.
    fn start_of(&self, place: usize) -> usize {
        let after = self.sizes.get(place..).unwrap_or_default();
        // At most 1,000 sizes of two bytes, so the sum fits; several are added at a time.
        self.text.len() - after.iter().map(|size| u32::from(*size)).sum::<u32>() as usize
    }
}

/// The names on the first places.
impl<'a> FromIterator<&'a UserName> for Roster {
    fn from_iter<I: IntoIterator<Item = &'a UserName>>(names: I) -> Self {
        let mut roster = Self::default();
        for (place, name) in names.into_iter().take(MAX_LISTED).enumerate() {
            roster.set(place, name);
        }
        roster
    }
}

/// Names as a reply has them, never more of them than it lists: the first names of a [`Roster`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names<'a> {
    /// The elements of a JSON array.
    json: &'a [u8],
}

impl<'a> Names<'a> {
    /// The elements of the array, without its brackets.
    pub(super) fn as_json(self) -> &'a [u8] {
        self.json
    }
}

/// Keeps space for twice of what is in a list when it had more than four times as much, so that this
/// pays for itself: a room that was large once is not to hold on to that.
fn give_back<T>(list: &mut Vec<T>) {
    if list.len() < list.capacity() / 4 {
        list.shrink_to(2 * list.len());
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    /// A room's names as plain as can be: each as JSON has it.
    #[derive(Default)]
    struct Model {
        names: Vec<UserName>,
        json: Vec<String>,
    }

    impl Model {
        /// What a reply lists of the first `count`: 1,000 names, and 256 KiB, each with its comma.
        fn listed(&self, count: usize) -> String {
            let mut bytes = 0;
            let fits = self.json.iter().take(count.min(1000)).take_while(|name| {
                bytes += name.len() + 1;
                bytes <= 262_144
            });
            let listed = fits.count();
            self.json[..listed].join(",")
        }
    }

    /// A roster and what is to be in it.
    #[derive(Default)]
    struct Both(Roster, Model);

    impl Both {
        fn push(&mut self, name: &UserName) {
            let Self(roster, Model { names, json }) = self;
            roster.set(names.len(), name);
            names.push(name.clone());
            json.push(serde_json::to_string(name.as_str()).unwrap());
        }

        /// The last takes the place of the one that goes, as in a room.
        fn swap_remove(&mut self, place: usize) {
            let Self(roster, Model { names, json }) = self;
            names.swap_remove(place);
            json.swap_remove(place);
            roster.truncate(names.len());
            if let Some(moved) = names.get(place) {
                roster.set(place, moved);
            }
        }

        fn check(&self, place: usize) {
            let Self(roster, model) = self;
            let listed = model.listed(place);
            assert_eq!(roster.names_before(place).as_json(), listed.as_bytes());
            assert_eq!(roster.sizes.len(), model.names.len().min(1000));
        }
    }

    fn name(text: &str) -> UserName {
        UserName::new(text).unwrap()
    }

    #[test]
    fn names_are_listed_in_the_order_of_their_places() {
        let mut roster: Roster =
            [&name("alice"), &name("ボブ"), &name("\"c\\")].into_iter().collect();
        assert_eq!(roster.names().as_json(), r#""alice","ボブ","\"c\\""#.as_bytes());
        assert_eq!(roster.names_before(1).as_json(), br#""alice""#);
        assert_eq!(roster.names_before(0).as_json(), b"");
        roster.truncate(2);
        roster.set(0, &name("花子"));
        assert_eq!(roster.names().as_json(), r#""花子","ボブ""#.as_bytes());
        roster.set(3, &name("nobody"));
        roster.set(usize::MAX, &name("nobody"));
        roster.truncate(usize::MAX);
        assert_eq!(roster.names().as_json(), r#""花子","ボブ""#.as_bytes());
        roster.truncate(0);
        assert_eq!(roster.names().as_json(), b"");
        assert_eq!(Names::default().as_json(), Roster::default().names().as_json());
    }

    #[test]
    fn a_list_ends_with_the_thousandth_name() {
        let mut both = Both::default();
        for number in 0..1010 {
            both.push(&name(&alloc::format!("{number}")));
        }
        for place in [999, 1000, 1001, 1010, usize::MAX] {
            both.check(place);
        }
        assert!(both.0.names().as_json().ends_with(br#","999""#));
        both.swap_remove(7);
        assert!(both.0.names().as_json().starts_with(br#""0","1","2","3","4","5","6","1009","8""#));
        both.swap_remove(1005);
        for _ in 0..20 {
            both.swap_remove(3);
            both.check(usize::MAX);
        }
    }

    #[test]
    fn a_list_ends_before_the_name_that_would_be_too_much() {
        let mut both = Both::default();
        // 511 names of 513 bytes with their commas leave one byte.
        for _ in 0..511 {
            both.push(&name(&"\"".repeat(255)));
        }
        both.check(usize::MAX);
        assert_eq!(both.0.names().as_json().len(), MAX_LIST_BYTES - 2);
        both.push(&name("a"));
        both.check(usize::MAX);
        assert_eq!(both.0.names().as_json().len(), MAX_LIST_BYTES - 2);
        // One that is three bytes shorter leaves as many as "a" needs.
        both.0.set(0, &name(&alloc::format!("{}a", "\"".repeat(253))));
        assert_eq!(both.0.names().as_json().len(), MAX_LIST_BYTES - 1);
        assert!(both.0.names().as_json().ends_with(br#","a""#));
    }

    #[test]
    fn memory_is_given_back() {
        let mut both = Both::default();
        both.push(&name("alice"));
        assert!(both.0.text.capacity() <= 16 && both.0.sizes.capacity() <= 4);
        for _ in 0..2000 {
            both.push(&name(&"あ".repeat(85)));
        }
        assert!(both.0.text.capacity() < 2 * 1000 * 258);
        while both.1.names.len() > 1000 {
            both.swap_remove(1);
        }
        let mut expected = both.0.sizes.capacity();
        while both.1.names.len() > 1 {
            both.swap_remove(1);
            let left = both.0.sizes.len();
            // Not each time, and with space for as many again: who comes and goes costs nothing.
            expected = if left < expected / 4 { 2 * left } else { expected };
            assert_eq!(both.0.sizes.capacity(), expected, "{left}");
        }
        both.check(1);
        assert!(both.0.text.capacity() <= 32 && both.0.sizes.capacity() <= 4);
    }

    quickcheck::quickcheck! {
        fn agrees_with_a_list_of_names(steps: Vec<(u8, u16)>, others: Vec<UserName>) -> bool {
            let mut both = Both::default();
            let known = ["a", "ボブ", "\"", "\\n", &"\"".repeat(255), &"\\a".repeat(127), &"あ".repeat(85)];
            let palette: Vec<UserName> = known.map(name).into_iter().chain(others).collect();
            for (kind, number) in steps.into_iter().take(20) {
                let number = usize::from(number);
                let count = if kind % 8 < 5 { 1 } else { number % 400 };
                for turn in 0..count {
                    let members = both.1.names.len();
                    if kind % 3 > 0 {
                        both.push(&palette[(number + turn) % palette.len()]);
                    } else if members > 0 {
                        both.swap_remove((number + turn) % members);
                    }
                }
                both.check(number % 2000);
                both.check(usize::MAX);
            }
            true
        }
    }
}
