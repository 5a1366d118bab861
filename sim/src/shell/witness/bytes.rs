//! What must hold of bytes, whatever they say: a stream means the same however it is split (CD1), and a
//! key is shown to nobody but its own provider (SE1).

use crate::shell::caller::{CALLERS_KEY, Heard};
use crate::shell::scene::Scene;
use crate::shell::world::{Life, key_of};
use bytes::Bytes;
use codec::Decoder;
use ir::{Dialect, Frame, Shape};

/// Pieces of so many bytes: each end of a line stands alone in some of them, and each letter.
const PIECES: [usize; 4] = [1, 2, 3, 7];

/// The first promise that is broken, and where.
pub(super) fn judge(scene: &Scene, life: &Life) -> Result<(), String> {
    for (place, (ask, heard)) in scene.plan.asks.iter().zip(&life.heard).enumerate() {
        if heard.status == 200 && ask.shape == Shape::Stream {
            splits(ask.dialect, &heard.body)
                .map_err(|what| format!("caller {place}, {}: {what}", ask.model))?;
        }
    }
    secrets(scene, life)
}

/// What was heard is read at once, and in pieces.
fn splits(dialect: Dialect, body: &[u8]) -> Result<(), String> {
    let body = Bytes::copy_from_slice(body);
    let whole = read(dialect, &body, body.len().max(1));
    for size in PIECES {
        let split = read(dialect, &body, size);
        if split != whole {
            let same = split.0.iter().zip(&whole.0).take_while(|(one, other)| one == other).count();
            let frames = whole.0.len();
            return Err(format!(
                "CD1: other events in pieces of {size}, behind {same} of {frames} frames"
            ));
        }
    }
    Ok(())
}

/// Its frames, what was left over, and whether all of it could be read.
fn read(dialect: Dialect, body: &Bytes, size: usize) -> (Vec<Frame>, Bytes, bool) {
    let mut decoder = Decoder::carrying(dialect, 1);
    let mut frames = Vec::new();
    let mut pieces = body.chunks(size);
    let read = pieces.all(|piece| decoder.feed(body.slice_ref(piece), &mut frames).is_ok());
    (frames, decoder.finish(), read)
}

/// Providers see their own key, and nobody sees any other.
fn secrets(scene: &Scene, life: &Life) -> Result<(), String> {
    let keys: Vec<String> = scene.plan.sites.iter().map(|site| key_of(site.name)).collect();
    let all = || keys.iter().map(String::as_str).chain([CALLERS_KEY]);
    for (site, seen) in scene.plan.sites.iter().zip(&life.seen) {
        let own = key_of(site.name);
        for (_, seen) in seen {
            let headers = seen.headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>();
            let (headers, body) = (headers.join("\n"), String::from_utf8_lossy(&seen.body));
            let shown = |key: &&str| (*key != own && headers.contains(*key)) || body.contains(*key);
            if let Some(key) = all().find(shown) {
                return Err(format!("SE1: {} is shown {key}", site.name));
            }
        }
    }
    let heard = |Heard { headers, body, .. }: &Heard| {
        format!("{headers:?} {}", String::from_utf8_lossy(body))
    };
    let heard = life.heard.iter().map(heard);
    let records = life.records.iter().map(|record| format!("{record:?}"));
    for text in heard.chain(records) {
        if let Some(key) = all().find(|key| text.contains(*key)) {
            return Err(format!("SE1: {key} stands in {text}"));
        }
    }
    Ok(())
}
