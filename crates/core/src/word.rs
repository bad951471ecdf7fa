//! The shapes that many words of this crate have, written once.

/// An enum of which each variant has a stable name: `as_str` and `Display`.
macro_rules! named {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[cfg_attr(feature = "serde", serde(rename = $text))] $variant,)+
        }

        impl $name {
            /// The stable name, as files and telemetry write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        crate::word::shown!(Display for $name, |named| named.as_str());
    };
}

/// An opaque error with a kind that a caller can act on, and what is behind it.
macro_rules! kinded_error {
    (
        $(#[$meta:meta])* pub struct $error:ident;
        $(#[$kind_meta:meta])* pub enum $kind:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $error {
            kind: $kind,
            source: Option<crate::BoxError>,
        }

        $(#[$kind_meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $kind { $($(#[$doc])* $variant,)+ }

        impl $error {
            /// An error of this kind.
            pub const fn new(kind: $kind) -> Self {
                Self { kind, source: None }
            }

            /// With what is behind it. Its text must hold no secret.
            pub fn with_source(self, source: impl Into<crate::BoxError>) -> Self {
                Self { source: Some(source.into()), ..self }
            }

            /// What the caller can act on.
            pub const fn kind(&self) -> $kind {
                self.kind
            }
        }

        crate::word::shown!(Display for $error, |error| match error.kind { $($kind::$variant => $text,)+ });

        impl std::error::Error for $error {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
            }
        }
    };
}

/// An error that is a text: `Display` by the given expression over `self`.
macro_rules! plain_error {
    ($error:ty, |$this:ident| $text:expr) => {
        crate::word::shown!(Display for $error, |$this| $text);

        impl std::error::Error for $error {}
    };
}

/// `Display` or `Debug` as whatever can be displayed: a text, or `format_args!`.
macro_rules! shown {
    ($how:ident for $type:ty, |$this:ident| $text:expr) => {
        impl std::fmt::$how for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let $this = self;
                write!(f, "{}", $text)
            }
        }
    };
}

pub(crate) use {kinded_error, named, plain_error, shown};
