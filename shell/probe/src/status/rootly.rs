//! Rootly: `/api/v1/status.json`, the page as a whole and what is open there:
//! <https://docs.rootly.com/configuration/status-page-public-api>.

use serde_json::Value;

use super::format::Format;
use super::json::{list, moment, table, word};
use super::pages::Selection;
use super::reading::Reading;
use super::statuspage::{INDICATOR, incidents};
use super::why::Why;

pub(super) fn read(value: &Value, now: u64) -> Result<Reading, Why> {
    let page = table(value, "page").filter(|page| word(page, "name").is_some());
    let status = table(value, "status");
    // Pages with components are Statuspage's.
    let (Some(page), Some(status), true, None) =
        (page, status, list(value, "incidents").is_some(), value.get("components"))
    else {
        return Err(Why::Format(Format::Rootly));
    };
    let mut reading = Reading::new(
        moment(page, "updated_at"),
        true,
        word(status, "description").unwrap_or_default(),
    );
    reading.add("the page", &INDICATOR.hear(word(status, "indicator")));
    incidents(value, &Selection::default(), &mut reading, now);
    Ok(reading)
}
