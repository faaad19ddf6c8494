//! Tables of a query that have their own keys and variables of the study: `{ flops = 1e22, factor = 10 }`.

/// Implements reading of such a table. Listed keys go to their fields; any other key is a variable and goes to
/// `values`.
macro_rules! keyed {
    ($table:ident, $example:literal, { $($key:literal => $field:ident or $default:expr),* $(,)? }) => {
        impl<'de> serde::Deserialize<'de> for $table {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TableVisitor;
                impl<'de> serde::de::Visitor<'de> for TableVisitor {
                    type Value = $table;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a table such as ", $example))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$table, A::Error> {
                        let mut values = std::collections::BTreeMap::new();
                        $(let mut $field = None;)*
                        while let Some(key) = map.next_key::<String>()? {
                            match key.as_str() {
                                $($key => $field = Some(map.next_value()?),)*
                                _ => {
                                    values.insert(key, map.next_value()?);
                                }
                            }
                        }
                        Ok($table { values, $($field: match $field { Some(given) => given, None => $default },)* })
                    }
                }
                deserializer.deserialize_map(TableVisitor)
            }
        }

        impl $table {
            /// Keys that are not variables.
            const KEYS: &[&str] = &[$($key),*];
        }
    };
}

pub(super) use keyed;
