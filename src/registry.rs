//! Registries: each member is a file in a folder and one line in the list of that folder's `mod.rs`.
//!
//! The line names the file's module and the type in it. The macro generates from the lines the modules, the enum that
//! specs and artifacts hold, the names, and the conversion from the enum to the members' trait. The name of a member
//! in a spec is that of its module.

/// Declares a registry, as described in the module documentation.
///
/// `enum List of dyn Trait` makes an enum whose variants hold the settings of their members. `enum List to dyn Trait`
/// makes an enum of names, for members without settings. With `each name!`, that macro is called with `(module,
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

pub(crate) use registry;
