//! The words of the fault menu that take no argument, each list complete by construction.

/// Defines an enum whose every variant has a word, so that `ALL` and the names cannot miss one.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its word in the grammar.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one of this word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

words! {
    /// What comes instead of a good answer, or around it.
    Plain {
        /// The connection is reset before any byte of the answer.
        ResetBeforeHead = "reset-before-head",
        /// Nothing ever comes; the connection stays open.
        HangBeforeHead = "hang-before-head",
        /// The connection is closed cleanly before any byte of the answer.
        FinBeforeHead = "fin-before-head",
        /// Bytes that are not HTTP.
        GarbageHttp = "garbage-http",
        /// A good answer under a head of 1 MiB.
        HugeHead = "huge-head",
        /// 307 to another host.
        Redirect = "redirect",
        /// 200 with a body of no bytes.
        Empty200 = "empty-200",
        /// A well-formed answer without any content.
        EmptyAnswer = "empty-answer",
        /// 200 with an HTML page: a captive portal, a firewall.
        WrongType = "wrong-type",
        /// One JSON document to a request that asked for a stream.
        WholeToStream = "whole-to-stream",
        /// `content-encoding: gzip`, which nobody asked for; the body is gzip indeed.
        Gzip = "gzip",
        /// A 200 head, then nothing; the connection stays open.
        Silent200 = "silent-200",
        /// Well on a fresh connection; a reused one is closed when the request arrives on it.
        Stale = "stale",
        /// The provider's word for "too busy": 529 `overloaded_error`, 503 `server_is_overloaded`.
        Overloaded = "overloaded",
        /// llama.cpp while it reads the weights: 503 "Loading model".
        Loading = "loading",
        /// 400 where the conversation ends with the assistant's own words; well otherwise.
        RefusesPrefill = "refuses-prefill",
    }
}

words! {
    /// What is wrong within the body of a 200 answer.
    Flaw {
        /// A 200 head, the envelope, and then pings for ever.
        PingsOnly = "pings-only",
        /// One line without an end, 32 MiB of it.
        EndlessLine = "endless-line",
        /// The finish reason came, the end marker does not; the connection closes cleanly.
        NoEnd = "no-end",
        /// The finish reason came, the end marker does not; the connection stays open.
        NoEndOpen = "no-end-open",
        /// All the text, then a clean end without finish reason and without end marker.
        NoFinish = "no-finish",
        /// All the text, then the end marker without a finish reason.
        DoneWithoutFinish = "done-without-finish",
        /// The end marker twice.
        DoubleEnd = "double-end",
        /// `content-length` promises more than comes before the clean close.
        ShortBody = "short-body",
        /// A reset in the middle of the document.
        ResetBody = "reset-body",
        /// Silence in the middle of the document; the connection stays open.
        StallBody = "stall-body",
        /// Half a document, declared complete by the framing.
        TornBody = "torn-body",
    }
}

words! {
    /// Refusals in each dialect's own words and codes.
    Refusal {
        /// A request that makes no sense.
        Invalid = "400-invalid",
        /// A parameter this model does not take.
        UnsupportedParam = "400-unsupported-param",
        /// The prompt is longer than the model's window.
        Context = "400-context",
        /// A filter refused the prompt.
        ContentFilter = "400-content-filter",
        /// The account is empty, said with 400 (Anthropic) or 429 (`OpenAI`).
        Credit = "400-credit",
        /// 400 with an empty body.
        Bare = "400-bare",
        /// The key is not valid.
        Unauthorized = "401",
        /// Payment required.
        Payment = "402",
        /// The key may not do this.
        Forbidden = "403",
        /// A firewall's HTML page with 403.
        Firewall = "403-html",
        /// No such model.
        Model = "404-model",
        /// The provider gave up on the request.
        Timeout = "408",
        /// A conflict with another request.
        Conflict = "409",
        /// The body is too large.
        TooLarge = "413",
        /// The body is JSON, but not a request.
        Unprocessable = "422",
        /// The quota is spent; waiting does not help.
        Quota = "429-quota",
        /// Not implemented.
        Unimplemented = "501",
    }
}

words! {
    /// How an answer breaks off.
    Break {
        /// Silence; the connection stays open.
        Stall = "stall",
        /// TCP reset.
        Reset = "reset",
        /// The connection closes where HTTP's framing promised more.
        Cut = "cut",
        /// A clean end by HTTP's framing, which only the dialect can tell from a complete answer.
        Fin = "fin",
    }
}

words! {
    /// What an error inside a 200 answer says.
    InBand {
        /// Too busy.
        Overloaded = "overloaded",
        /// Too many requests.
        RateLimit = "rate-limit",
        /// The provider's own fault.
        Api = "api",
        /// The request is wrong, though the answer had begun.
        Invalid = "invalid-request",
    }
}

words! {
    /// How a good answer ends, where it is not as usual.
    Finish {
        /// The model declines: `refusal` with its details; in Chat the `refusal` of the message.
        Refusal = "refusal",
        /// A filter ended it: `refusal` without details; in Chat `content_filter`.
        Filtered = "filtered",
        /// The window is full: `model_context_window_exceeded`; in Chat `length`.
        Context = "context",
        /// The turn is to be gone on with: `pause_turn`; in Chat `length`.
        Paused = "paused",
    }
}

words! {
    /// How a request stands to an answer that was cut.
    Way {
        /// It asks as if nothing had been said.
        Fresh = "fresh",
        /// It ends with the assistant's own words, to be gone on with.
        Prefill = "prefill",
        /// It ends with a wish to repeat the end of what was said, and to go on.
        Anchor = "anchor",
        /// It ends with the results of calls that were made, and asks whether there are more.
        Calls = "calls",
    }
}

words! {
    /// How the model takes a wish to go on with what was said.
    GoesOn {
        /// As it is asked: it repeats the end that was quoted and goes on; a prefill it goes on
        /// with at once.
        Anchor = "anchor",
        /// It answers from the beginning.
        Restart = "restart",
        /// It says that it will, and then does.
        Preamble = "preamble",
        /// It repeats less than was quoted, and goes on.
        Overlap = "overlap",
        /// It repeats more than was quoted, and goes on.
        Longer = "longer",
        /// It repeats the end with other white space and letters taken apart, and goes on.
        Respelled = "respelled",
        /// It apologises and asks what to do.
        Chat = "chat",
        /// It talks about the quoted end and does not go on.
        Quotes = "quotes",
        /// It writes something else of the same length.
        Other = "other",
        /// It puts what it repeats and goes on with into quotation marks.
        Wraps = "wraps",
        /// It repeats the end that was quoted, and that is all.
        Stops = "stops",
        /// It says nothing at all.
        Nothing = "nothing",
    }
}

words! {
    /// What the model answers where it is asked whether there are more calls.
    AfterCalls {
        /// The one word that there are none.
        NothingMore = "nothing-more",
        /// The calls that were still to come; the one word where there were none.
        Rest = "rest",
        /// The calls that were made, once more.
        Again = "again",
        /// Some words about them.
        Talk = "talk",
    }
}

words! {
    /// The kinds of [`Fault`](super::Fault), one per variant.
    Kind {
        /// [`Fault::Plain`](super::Fault::Plain).
        Plain = "plain",
        /// [`Fault::Flaw`](super::Fault::Flaw).
        Flaw = "flaw",
        /// [`Fault::Status`](super::Fault::Status).
        Status = "status",
        /// [`Fault::Html`](super::Fault::Html).
        Html = "html",
        /// [`Fault::Refusal`](super::Fault::Refusal).
        Refusal = "refusal",
        /// [`Fault::Break`](super::Fault::Break).
        Break = "break",
        /// [`Fault::Error`](super::Fault::Error).
        Error = "error",
        /// [`Fault::GarbleAfter`](super::Fault::GarbleAfter).
        GarbleAfter = "garble-after",
        /// [`Fault::Slow`](super::Fault::Slow).
        Slow = "slow",
        /// [`Fault::BigAnswer`](super::Fault::BigAnswer).
        BigAnswer = "big-answer",
        /// [`Fault::NeedsKey`](super::Fault::NeedsKey).
        NeedsKey = "needs-key",
    }
}

words! {
    /// Where an answer takes its time.
    Pace {
        /// Before the head.
        Head = "slow-head",
        /// Between the envelope and the first content; before the head of a whole answer.
        First = "slow-first",
        /// Before every piece of a tool's arguments.
        Tool = "tool-slow",
        /// Between any two bytes.
        Drip = "drip",
    }
}
