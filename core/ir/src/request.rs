//! A request between two dialects: what both can say. What only one can say is a [`Loss`](crate::Loss)
//! of the reading: within one dialect nothing is read and written, so nobody could take it up again.
//!
//! It borrows from the body that it was read from.
//!
//! **Invariant:** texts, numbers, schemas and arguments keep the spelling they came in.

use std::borrow::Cow;

/// The inside of a JSON string: without its quotes, with the escapes that it came in.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Text<'a>(Cow<'a, str>);

/// The JSON text of one value, as it was spelt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Json<'a>(Cow<'a, str>);

/// What a model is asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Request<'a> {
    /// The conversation. System turns stay where they were.
    pub turns: Vec<Turn<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether and what it must call.
    pub choice: Option<Choice<'a>>,
    /// Whether it may call several at once.
    pub parallel: Option<bool>,
    /// The limit of the answer's length, in tokens: a number.
    pub max_tokens: Option<Json<'a>>,
    /// A number.
    pub temperature: Option<Json<'a>>,
    /// A number.
    pub top_p: Option<Json<'a>>,
    /// Texts that end the answer.
    pub stop: Vec<Text<'a>>,
    /// `none` to `max`.
    pub effort: Option<Text<'a>>,
    /// Whether and how it shall think.
    pub thinking: Option<Thinking<'a>>,
    /// The form of the answer.
    pub format: Option<Format<'a>>,
    /// Whom it is for.
    pub user: Option<Text<'a>>,
    /// `auto`, `default` and so on, in the words of Chat.
    pub tier: Option<Text<'a>>,
}

/// One message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part<'a>>,
}

/// Who speaks. Results of tools are the user's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The operator; `developer` in newer words of Chat.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// A part of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part<'a> {
    /// Text.
    Text(Text<'a>),
    /// The model's refusal.
    Refusal(Text<'a>),
    /// A picture.
    Image(Source<'a>),
    /// A document and its name.
    File(Source<'a>, Option<Text<'a>>),
    /// Reasoning, and the seal or signature that its issuer wants back.
    Think {
        /// What was thought, as far as it is told.
        text: Text<'a>,
        /// The signature; empty where there is none.
        seal: Text<'a>,
    },
    /// Reasoning that only its issuer can read.
    Sealed(Text<'a>),
    /// A call of a tool, that the caller carried out.
    Call {
        /// Its id.
        id: Text<'a>,
        /// The tool.
        name: Text<'a>,
        /// With what.
        args: Args<'a>,
    },
    /// What came of a call.
    Result {
        /// The id of the call.
        id: Text<'a>,
        /// Texts, images, documents.
        parts: Vec<Part<'a>>,
        /// It went wrong.
        error: bool,
    },
}

/// The arguments of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Args<'a> {
    /// A JSON object.
    Object(Json<'a>),
    /// The inside of a string that should hold a JSON object.
    Quoted(Text<'a>),
    /// Free text, of a custom tool.
    Free(Text<'a>),
}

/// Where an image or a document is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source<'a> {
    /// Here, in base64.
    Inline {
        /// `image/png`.
        mime: Text<'a>,
        /// Base64.
        data: Text<'a>,
    },
    /// There.
    Url(Text<'a>),
    /// Here, as plain text.
    Plain(Text<'a>),
    /// In the store of its vendor, under this id.
    Stored(Text<'a>),
}

/// What the model may call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tool<'a> {
    /// A function that the caller carries out.
    Function {
        /// Its name.
        name: Text<'a>,
        /// What it does.
        description: Option<Text<'a>>,
        /// The JSON schema of its arguments; none where it takes none.
        schema: Option<Json<'a>>,
        /// Whether the arguments must follow the schema: a boolean.
        strict: Option<Json<'a>>,
    },
    /// A function that takes free text (Chat's custom tools).
    Free {
        /// Its name.
        name: Text<'a>,
        /// What it does.
        description: Option<Text<'a>>,
        /// The form that its text must have.
        grammar: Option<Json<'a>>,
    },
    /// The provider searches the web by itself; where it shall search from.
    Search(Option<Json<'a>>),
}

/// Whether and what the model must call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Choice<'a> {
    /// As it likes.
    Auto,
    /// Nothing.
    None,
    /// Anything.
    Any,
    /// This one.
    Named(Text<'a>),
    /// Only these; `must` it call one?
    Subset {
        /// Their names.
        names: Vec<Text<'a>>,
        /// Whether it must.
        must: bool,
    },
}

/// Whether and how the model shall think.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Thinking<'a> {
    /// The form.
    pub form: ThinkingForm<'a>,
    /// What of it is shown.
    pub display: Option<Text<'a>>,
}

/// How the model shall think.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ThinkingForm<'a> {
    /// Not at all.
    Off,
    /// As it likes.
    Adaptive,
    /// As it likes, also between calls only.
    BetweenTools,
    /// Up to this many tokens.
    Budget(Json<'a>),
}

/// The form of the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Format<'a> {
    /// Some JSON object.
    Object,
    /// JSON of this schema.
    Schema {
        /// Its name, where it has one.
        name: Option<Text<'a>>,
        /// What it is.
        description: Option<Text<'a>>,
        /// The schema.
        schema: Json<'a>,
        /// Whether the answer must follow it: a boolean.
        strict: Option<Json<'a>>,
    },
}

// === impl Text ===

impl<'a> Text<'a> {
    /// The inside of a JSON string.
    pub fn inside(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// Its spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// === impl Json ===

impl<'a> Json<'a> {
    /// The JSON text of one value.
    pub fn of(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// Its spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Tool ===

impl<'a> Tool<'a> {
    /// Its name, where it has one.
    pub fn name(&self) -> Option<&Text<'a>> {
        match self {
            Self::Function { name, .. } | Self::Free { name, .. } => Some(name),
            Self::Search(_) => None,
        }
    }
}
