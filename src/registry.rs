//! Registries: each member is a file in a folder and one line in the list of that folder's `mod.rs`.
//!
//! The line names the file's module and the type in it. The macro generates from the lines the modules, the enum that
//! specs and artifacts hold, the names, and the conversion from the enum to the members' trait. The name of a member
//! in a spec is that of its module.

use serde::Deserializer;
use serde::de::value::{Error as ValueError, StringDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};

/// Declares a registry, as described in the module documentation.
///
/// `enum List of dyn Trait` makes an enum whose variants hold the settings of their members. `enum List to dyn Trait`
/// makes an enum of names, for members that are looked up by name. With `each name!`, that macro is called with `(module,
/// Member)` for every member.
macro_rules! registry {
    (
        $(#[$meta:meta])*
        $vis:vis enum $List:ident of dyn $Trait:ident, each $each:ident! {
            $($(#[$doc:meta])* $module:ident::$Member:ident,)+
        }
    ) => {
        registry! {
            $(#[$meta])*
            $vis enum $List of dyn $Trait {
                $($(#[$doc])* $module::$Member,)+
            }
        }
        $each! { $($(#[$doc])* $module, $Member;)+ }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $List:ident of dyn $Trait:ident {
            $($(#[$doc:meta])* $module:ident::$Member:ident,)+
        }
    ) => {
        $(mod $module;)+
        $(#[allow(unused_imports, reason = "what others name of a registry differs")] $vis use $module::$Member;)+

        $(#[$meta])*
        #[serde(rename_all = "snake_case")]
        $vis enum $List {
            $($(#[$doc])* $Member($Member),)+
        }

        impl $List {
            /// The names of all members in a spec, in the order of the list.
            #[allow(dead_code, reason = "not every registry is listed")]
            pub const NAMES: [&'static str; [$(stringify!($module)),+].len()] = [$(stringify!($module)),+];

            /// The member's name in a spec.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$Member(_) => stringify!($module),)+
                }
            }

            /// The member as its trait object.
            pub fn member(&self) -> &dyn $Trait {
                match self {
                    $(Self::$Member(member) => member,)+
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $List:ident to dyn $Trait:ident, each $each:ident! {
            $($(#[$doc:meta])* $module:ident::$Member:ident,)+
        }
    ) => {
        registry! {
            $(#[$meta])*
            $vis enum $List to dyn $Trait {
                $($(#[$doc])* $module::$Member,)+
            }
        }
        $each! { $($(#[$doc])* $module, $Member;)+ }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $List:ident to dyn $Trait:ident {
            $($(#[$doc:meta])* $module:ident::$Member:ident,)+
        }
    ) => {
        $(mod $module;)+

        $(#[$meta])*
        #[serde(rename_all = "snake_case")]
        $vis enum $List {
            $($(#[$doc])* $Member,)+
        }

        impl $List {
            /// All members, in the order of the list.
            pub const ALL: [Self; [$(stringify!($module)),+].len()] = [$(Self::$Member),+];

            /// The member's name in a spec.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Member => stringify!($module),)+
                }
            }

            /// The member as its trait object.
            $vis fn member(self) -> &'static dyn $Trait {
                match self {
                    $(Self::$Member => &$module::$Member,)+
                }
            }
        }
    };
}

/// Implements reading a member by its key, and lists the keys for the schema of a table that holds them.
///
/// It is called with the list, the name of the struct of keys, and the members, as `each` gives them.
macro_rules! keyed {
    ($List:ident, $Keys:ident; $($(#[$doc:meta])* $module:ident, $Member:ident;)+) => {
        impl $List {
            /// Reads the settings of the named member from the next value of a table; `None` if no member has the name.
            ///
            /// # Errors
            /// The value is not the settings of the member.
            pub(crate) fn read<'de, A: serde::de::MapAccess<'de>>(
                name: &str,
                map: &mut A,
            ) -> Result<Option<Self>, A::Error> {
                Ok(Some(match name {
                    $(stringify!($module) => Self::$Member(map.next_value()?),)+
                    _ => return Ok(None),
                }))
            }
        }

        /// The keys of the members in a table of a spec, for its schema.
        #[derive(schemars::JsonSchema)]
        #[expect(dead_code, reason = "the schema is made of the fields")]
        pub struct $Keys {
            $($(#[$doc])* $module: Option<$Member>,)+
        }
    };
}

pub(crate) use {keyed, registry};

/// The entries of a table that remain after those of a registry's members.
///
/// `take` receives a key and the table. It reads the value and returns `true` if the key is that of a member.
pub(crate) struct Remaining<A, F> {
    map: A,
    take: F,
}

impl<A, F> Remaining<A, F> {
    /// The entries of a table without those that `take` reads.
    pub(crate) const fn new(map: A, take: F) -> Self {
        Self { map, take }
    }
}

impl<'de, A: MapAccess<'de>, F: FnMut(&str, &mut A) -> Result<bool, A::Error>> MapAccess<'de> for Remaining<A, F> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if (self.take)(&key, &mut self.map)? {
                continue;
            }
            let key: StringDeserializer<A::Error> = key.into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The keys of a table, which are the fields of the struct that `read` deserialises.
pub(crate) fn keys_of<T>(read: impl FnOnce(Keys<'_>) -> Result<T, ValueError>) -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    drop(read(Keys(&mut keys)));
    keys
}

/// A deserializer that notes the fields of a struct and has no values.
pub(crate) struct Keys<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Keys<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ValueError> {
        Err(Error::custom("there are no values"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
