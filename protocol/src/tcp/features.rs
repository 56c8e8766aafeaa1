//! What a client understands beyond the seed.

use core::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// An addition that a client asks for by name and a server grants by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The additional notices: joined, left, server shutdown.
    Notices,
    /// Several datagrams in one: see [`Bundle`](crate::udp::Bundle).
    Bundle,
    /// An answer to each presence: see [`NoticeText::Pong`](crate::udp::NoticeText::Pong).
    Pong,
}

impl Feature {
    const ALL: [Self; 3] = [Self::Notices, Self::Bundle, Self::Pong];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Notices => "notices",
            Self::Bundle => "bundle",
            Self::Pong => "pong",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of [`Feature`]s: one byte, whatever names a stranger lists.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u8);

impl Features {
    /// No feature: what the seed's own programs know.
    pub const NONE: Self = Self(0);

    /// This set and `feature`.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | feature.bit())
    }

    /// Whether `feature` is in the set.
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.contains(*feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        features.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A list of the features' names.
impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Feature::as_str))
    }
}

/// From a list of names, of which the unknown ones are passed over and none are kept.
impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Features;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of feature names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Features, A::Error> {
        let mut features = Features::NONE;
        while let Some(Name(known)) = names.next_element()? {
            features = known.map_or(features, |feature| features.with(feature));
        }
        Ok(features)
    }
}

/// One name, known or not.
struct Name(Option<Feature>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Option<Feature>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a feature's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Feature::ALL.into_iter().find(|feature| feature.as_str() == name))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn keeps_the_names_that_it_knows() {
        let features: Features =
            serde_json::from_str(r#"["bundle","x","notices","pong"]"#).unwrap();
        assert_eq!(
            features,
            Features::NONE.with(Feature::Notices).with(Feature::Bundle).with(Feature::Pong)
        );
        assert_eq!(serde_json::to_string(&features).unwrap(), r#"["notices","bundle","pong"]"#);
        assert_eq!(serde_json::from_str::<Features>("[]").unwrap(), Features::NONE);
    }

    #[test]
    fn is_a_set() {
        use Feature::{Bundle, Notices, Pong};

        let some = Features::NONE.with(Notices).with(Bundle);
        assert_eq!(some.with(Bundle), some, "twice is once");
        assert_eq!(Features::from_iter([Bundle, Notices, Bundle]), some);
        let others = Features::from_iter([Bundle, Pong]);
        assert_eq!(some.and(others), Features::NONE.with(Bundle));
        assert_eq!(some.and(Features::NONE), Features::NONE);
        assert_eq!(some.and(some), some);
        assert_eq!(format!("{some:?}"), "{Notices, Bundle}");
    }

    #[test]
    fn refuses_what_is_no_list_of_names() {
        for json in ["{}", "3", r#""notices""#, "[1]", "[null]"] {
            assert!(serde_json::from_str::<Features>(json).is_err(), "{json}");
        }
        let refusal = |json| serde_json::from_str::<Features>(json).unwrap_err().to_string();
        assert!(refusal("3").contains("expected a list of feature names"), "{}", refusal("3"));
        assert!(refusal("[1]").contains("expected a feature's name"), "{}", refusal("[1]"));
    }
}
