//! Heads of requests: never a panic, and a splice changes the model alone.

#![no_main]

use bytes::Bytes;
use ir::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let body = Bytes::copy_from_slice(input);
    for dialect in Dialect::ALL {
        let Ok(head) = codec::read_head(dialect, &body) else { continue };
        // As long a name as any, and one that must be escaped.
        let other = "another \"\n\u{1F980}".to_owned();
        let spliced = Bytes::from(head.splice(&body, &other, None).concat());
        let again = codec::read_head(dialect, &spliced).expect("a spliced body is readable");
        assert_eq!(again.model, other);
        let back = again.splice(&spliced, &head.model, None).concat();
        let third = codec::read_head(dialect, &back).expect("and so is one spliced back");
        assert_eq!(third.model, head.model);
        assert_eq!(third.prompt_bytes, head.prompt_bytes);
        assert_eq!(&back[..head.model_range.start], &body[..head.model_range.start]);
        let watch = Some(codec::Watch { ask_usage: true });
        let watched = head.splice(&body, &head.model, watch).concat();
        let watched = codec::read_head(dialect, &watched).expect("a watched body is readable");
        assert!(watched.stream && watched.include_usage);
        assert_eq!(watched.prompt_bytes, head.prompt_bytes);
        assert_eq!(&back[third.model_range.end..], &body[head.model_range.end..]);
    }
});
