//! Tools that Anthropic's models know without being told, and that the caller carries out: for
//! other models they are functions with the same arguments
//! (<https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview>).

/// What a model must be told of such a tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed {
    /// What its type begins with; a date follows.
    prefix: &'static str,
    pub(super) description: &'static str,
    pub(super) schema: &'static str,
}

const TYPED: &[Typed] = &[
    Typed {
        prefix: "bash_",
        description: "Runs a command in a shell that lives on between calls.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","description":"The command to run. Required unless restart is true."},"restart":{"type":"boolean","description":"True restarts the shell."}}}"#,
    },
    Typed {
        prefix: "text_editor_",
        description: "Views, creates and edits text files.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},"path":{"type":"string","description":"Absolute path of the file or folder."},"view_range":{"type":"array","items":{"type":"integer"},"description":"First and last line to view, from 1; -1 is the end."},"file_text":{"type":"string","description":"Content of the file to create."},"old_str":{"type":"string","description":"Text to replace, which must occur once."},"new_str":{"type":"string","description":"Text to put in its place."},"insert_line":{"type":"integer","description":"Line behind which to insert; 0 is the beginning."},"insert_text":{"type":"string","description":"Text to insert."}},"required":["command","path"]}"#,
    },
    Typed {
        prefix: "memory_",
        description: "Keeps notes as files below /memories that live on between conversations.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},"path":{"type":"string"},"view_range":{"type":"array","items":{"type":"integer"}},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"}},"required":["command"]}"#,
    },
];

/// The tool of a `tools[].type`.
pub(super) fn find(kind: &str) -> Option<&'static Typed> {
    TYPED.iter().find(|typed| kind.starts_with(typed.prefix))
}
