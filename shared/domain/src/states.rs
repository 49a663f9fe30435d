//! States in the words of another system, of which a later version may know more than we do.

/// Makes an enum of such states, with `Other(String)` for what this version does not know, `parse`, `as_str` and
/// `Display`.
macro_rules! states {
    (
        $(#[$meta:meta])* $state:ident {
            $($(#[$doc:meta])* $name:ident = $text:literal,)*
        }
        $(#[$other:meta])* Other
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $state {
            $($(#[$doc])* $name,)*
            $(#[$other])* Other(String),
        }

        impl $state {
            /// Reads the state as the API writes it.
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Other(other.to_owned()),
                }
            }

            /// The state as the API writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl std::fmt::Display for $state {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use states;
