//! What can go wrong. No text here ever holds a stored value.

use std::fmt;

/// The expression is not FHIRPath, too large, or (with `compile_for`) does not fit the type it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte offset into the expression.
    pub offset: usize,
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at offset {})", self.message, self.offset)
    }
}

impl std::error::Error for SyntaxError {}

/// Why an evaluation ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationError {
    /// `Context::steps_max` was reached.
    StepsExceeded,
    /// A string grew over `STRING_BYTES_MAX`.
    StringTooLong,
    /// More than one item where one was needed.
    SingletonExpected(&'static str),
    /// An operand or input of the wrong type.
    Type(&'static str),
    /// An argument outside of its domain.
    Argument(&'static str),
    /// A `%name` that the context does not define.
    UnknownConstant,
    /// A regular expression that is not supported or too large.
    Regex,
    /// `conformsTo` with a profile nobody knows.
    UnknownProfile,
    /// `checkModifiers` met a modifier extension it was not told of.
    Modifier,
    /// Not available here.
    Unsupported(&'static str),
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepsExceeded => f.write_str("the expression took too many steps"),
            Self::StringTooLong => f.write_str("the expression built too long a string"),
            Self::SingletonExpected(at) => write!(f, "{at}: a single item was expected"),
            Self::Type(at) => write!(f, "{at}: operand of the wrong type"),
            Self::Argument(at) => write!(f, "{at}: argument out of range"),
            Self::UnknownConstant => f.write_str("unknown %constant"),
            Self::Regex => f.write_str("regular expression not supported or too large"),
            Self::UnknownProfile => f.write_str("conformsTo: unknown profile"),
            Self::Modifier => f.write_str("checkModifiers: unexpected modifier extension"),
            Self::Unsupported(at) => write!(f, "{at} is not supported here"),
        }
    }
}

impl std::error::Error for EvaluationError {}
