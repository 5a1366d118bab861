//! What is broken, scene by scene, and what the caller is promised.

/// One way to break the first cloud, or none.
#[derive(Debug)]
pub(super) struct Scene {
    /// What is broken, in words.
    pub(super) title: &'static str,
    /// The model that callers ask for.
    pub(super) model: &'static str,
    /// What cloud-a is asked for: the order for its fault. A scene has a target of its own, so that
    /// what one scene teaches about cloud-a does not spare it the next.
    pub(super) order: &'static str,
    /// What cloud-b is asked for.
    pub(super) spare: &'static str,
    /// A tool is offered, and called.
    pub(super) tool: bool,
    pub(super) cloud: Cloud,
}

/// How cloud-a is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cloud {
    Well,
    /// It answers, and not well.
    Broken,
    /// Nobody listens at its address any more.
    Gone,
}

/// Words at a pace that can be watched.
const TEXT: &str = "ok+tokens-8+every-25ms";
const TOOL: &str = "ok+tools";

/// What cloud-a says when it is well, and what cloud-b says.
pub(super) const WORDS_A: &str = "[cloud-a] w0 w1 w2 w3 w4 w5 w6 w7";
pub(super) const WORDS_B: &str = "[cloud-b] w0 w1 w2 w3 w4 w5 w6 w7";
/// The call that every cloud makes of the tool that is offered.
const CALL: &str = r#"get_weather{"city":"Oslo","unit":"celsius"}"#;

/// The scenes, in order.
pub(super) const SCENES: &[Scene] = &[
    Scene {
        title: "Nothing is broken",
        model: "well",
        order: TEXT,
        spare: TEXT,
        tool: false,
        cloud: Cloud::Well,
    },
    Scene {
        title: "cloud-a is overloaded: it answers 529, or 503 in OpenAI's dialect",
        model: "overloaded",
        order: "overloaded",
        spare: TEXT,
        tool: false,
        cloud: Cloud::Broken,
    },
    Scene {
        title: "cloud-a says 200 and then, instead of an answer, an error",
        model: "error-in-200",
        order: "error-in-200",
        spare: TEXT,
        tool: false,
        cloud: Cloud::Broken,
    },
    Scene {
        title: "cloud-a goes silent: after 0.3 s here, 10 s in real life, cloud-b is asked beside it",
        model: "silent",
        order: "hang-before-head",
        spare: TEXT,
        tool: false,
        cloud: Cloud::Broken,
    },
    Scene {
        title: "cloud-a is cut in the middle of a tool call: half a call reaches nobody",
        model: "tool-cut",
        order: "tool-cut",
        spare: TOOL,
        tool: true,
        cloud: Cloud::Broken,
    },
    Scene {
        title: "cloud-a is gone: its address refuses connections",
        model: "gone",
        order: "ok+tokens-8",
        spare: TEXT,
        tool: false,
        cloud: Cloud::Gone,
    },
];

/// Played at the very end: the limit outlasts its scene.
pub(super) const LIMITED: Scene = Scene {
    title: "cloud-a limits the rate and wants 1 s: nobody waits for it, nobody bothers it meanwhile",
    model: "limited",
    order: "status-429+retry-after-1",
    spare: TEXT,
    tool: false,
    cloud: Cloud::Broken,
};

/// The model of the breaker's scene, with what both clouds are asked for.
pub(super) const STEADY: (&str, &str) = ("steady", "ok+tokens-8");

// === impl Scene ===

impl Scene {
    /// What the caller is to get, whole.
    pub(super) fn expect(&self) -> &'static str {
        match (self.tool, self.cloud) {
            (true, _) => CALL,
            (false, Cloud::Well) => WORDS_A,
            (false, Cloud::Broken | Cloud::Gone) => WORDS_B,
        }
    }

    /// Who is to serve it.
    pub(super) fn server(&self) -> &'static str {
        match self.cloud {
            Cloud::Well => "cloud-a",
            Cloud::Broken | Cloud::Gone => "cloud-b",
        }
    }
}
