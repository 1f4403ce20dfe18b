//! The picture of a section: its keys with their types, ranges and defaults.

/// Declares a section by its keys: `key: Type [range] = default`, of which the last two may be left
/// out. It makes a struct with one [`Field`](super::Field) per key, and tells how it is read. A key with a default
/// is also a method that gives its value, or the default where there is none or where it is out of
/// its range. `key(around: Type)` names what range and default depend on.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident = $title:literal {
        $(
            $(#[$key_doc:meta])*
            $key:ident $(($around:ident: $around_type:ty))?: $type:ty
            $([$range:expr])? $(= $default:expr)?,
        )*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $($(#[$key_doc])* pub $key: $crate::config::read::Field<$type>,)*
        }

        $($crate::config::read::section! {
            @value $name, $(#[$key_doc])* $key, ($($around: $around_type)?), $type,
            $([$range])? $(= $default)?
        })*

        impl $crate::config::read::Section for $name {
            const TITLE: &'static str = $title;
            const FORM: &'static str = concat!("it under a line `", $title, "`");
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];

            fn from_table(
                table: &toml::de::DeTable<'_>,
                faults: &mut $crate::config::read::Faults<'_>,
            ) -> Self {
                $crate::config::read::unknown_keys::<Self>(table, faults);
                Self {
                    $($key: $crate::config::read::Field::read(stringify!($key), table, faults),)*
                }
            }

            fn over(&self, below: &Self) -> Self {
                Self { $($key: self.$key.over(&below.$key),)* }
            }
        }
    };

    (@value $name:ident, $(#[$doc:meta])* $key:ident, (), $type:ty,) => {};

    (@value $name:ident, $(#[$doc:meta])* $key:ident, (), $type:ty, = $default:expr) => {
        impl $name {
            $(#[$doc])*
            pub fn $key(&self) -> $type {
                self.$key.given().cloned().unwrap_or_else(|| $default)
            }
        }
    };

    (@value $name:ident, $(#[$doc:meta])* $key:ident, ($($around:ident: $around_type:ty)?),
     $type:ty, [$range:expr] = $default:expr) => {
        impl $name {
            $(#[$doc])*
            pub fn $key(
                &self,
                $($around: $around_type,)?
                conversion: &mut $crate::config::read::Conversion<'_>,
            ) -> <$type as $crate::config::read::Ranged>::Within {
                conversion.within(&self.$key, stringify!($key), &($range), $default)
            }
        }
    };
}
pub(crate) use section;
