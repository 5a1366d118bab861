//! Questions and answers as they stand on the wire (RFC 1035, RFC 6891, RFC 8914).

use super::Fault;
use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinEncodable as _};
use ir::evidence::{Answer, Rcode};

/// What fits into a datagram on every way (<https://www.dnsflagday.net/2020/>).
const DATAGRAM_BYTES_MAX: u16 = 1232;
/// Longer ways from name to name are a loop.
const CNAMES_MAX: usize = 16;
/// The option that carries extended errors.
const EXTENDED_ERROR: u16 = 15;
const ERRORS_MAX: usize = 8;
const TEXT_CHARS_MAX: usize = 200;

/// One question, with its id.
#[derive(Clone, Debug)]
pub(super) struct Question {
    query: Query,
    id: u16,
    /// As it is sent.
    pub(super) bytes: Vec<u8>,
}

/// What came is not the answer to the question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Misfit {
    /// It answers another one.
    Foreign,
    /// It is no answer at all.
    Garbled,
    /// It did not fit into a datagram.
    Truncated,
}

// === impl Question ===

impl Question {
    /// A question with an id of its own. Extended errors come only where EDNS is offered, and the
    /// word about validation only where it is asked for (RFC 6840 §5.7).
    pub(super) fn new(name: &Name, kind: RecordType) -> Self {
        let mut message = Message::query();
        let query = Query::query(name.clone(), kind);
        message.metadata.recursion_desired = true;
        message.metadata.authentic_data = true;
        message.add_query(query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(DATAGRAM_BYTES_MAX);
        message.set_edns(edns);
        let bytes = message.to_bytes().unwrap_or_default();
        Self { query, id: message.metadata.id, bytes }
    }

    /// The same for HTTPS, where the id is 0 so that caches work (RFC 8484 §4.1).
    pub(super) fn without_id(&self) -> Self {
        let mut other = self.clone();
        other.id = 0;
        if let Some(id) = other.bytes.get_mut(..2) {
            id.fill(0);
        }
        other
    }

    /// Reads what came for it.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Answer, Misfit> {
        let message = Message::from_bytes(bytes).map_err(|_| Misfit::Garbled)?;
        let meta = &message.metadata;
        if meta.id != self.id || meta.message_type != MessageType::Response {
            return Err(Misfit::Foreign);
        }
        // A server that cannot read a question need not repeat it.
        let spoiled = meta.response_code == ResponseCode::FormErr && message.queries.is_empty();
        let ours = message.queries.iter().any(|query| {
            query.query_type() == self.query.query_type()
                && query.query_class() == self.query.query_class()
                && query.name().to_lowercase() == self.query.name().to_lowercase()
        });
        if !ours && !spoiled {
            return Err(Misfit::Foreign);
        }
        if meta.truncation {
            return Err(Misfit::Truncated);
        }
        Ok(self.fold(&message))
    }

    fn fold(&self, message: &Message) -> Answer {
        let mut answer = Answer {
            rcode: rcode(message.metadata.response_code),
            ad: message.metadata.authentic_data,
            ..Answer::default()
        };
        let mut ttl = Shortest(None);
        let mut at = self.query.name().to_lowercase();
        let named = |at: &Name| -> Vec<&Record> {
            message.answers.iter().filter(|it| it.name.to_lowercase() == *at).collect()
        };
        while answer.cnames.len() < CNAMES_MAX {
            let next = named(&at).into_iter().find_map(|record| {
                let RData::CNAME(next) = &record.data else { return None };
                Some((record.ttl, next.0.clone()))
            });
            let Some((seconds, next)) = next else { break };
            ttl.note(seconds);
            answer.cnames.push(plain(&next));
            at = next.to_lowercase();
        }
        for record in named(&at) {
            let Some(address) = record.data.ip_addr() else { continue };
            ttl.note(record.ttl);
            if !answer.addresses.contains(&address) {
                answer.addresses.push(address);
            }
        }
        answer.ttl_s = ttl.0;
        if answer.addresses.is_empty() {
            answer.negative_ttl_s = message.authorities.iter().find_map(|record| {
                let RData::SOA(soa) = &record.data else { return None };
                Some(record.ttl.min(soa.minimum))
            });
        }
        errors(message, &mut answer);
        answer
    }
}

/// The shortest life so far.
struct Shortest(Option<u32>);

// === impl Shortest ===

impl Shortest {
    fn note(&mut self, seconds: u32) {
        self.0 = Some(self.0.map_or(seconds, |so_far| so_far.min(seconds)));
    }
}

fn rcode(code: ResponseCode) -> Rcode {
    if code == ResponseCode::NoError {
        Rcode::NoError
    } else if code == ResponseCode::NXDomain {
        Rcode::NxDomain
    } else if code == ResponseCode::ServFail {
        Rcode::ServFail
    } else if code == ResponseCode::Refused {
        Rcode::Refused
    } else {
        Rcode::Other
    }
}

/// A name as people write it.
fn plain(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.trim_end_matches('.').to_owned()
}

/// Two bytes of a number, then text (RFC 8914 §2).
fn errors(message: &Message, answer: &mut Answer) {
    let Some(edns) = &message.edns else { return };
    for (_, option) in edns.options().options.iter().take(ERRORS_MAX) {
        let EdnsOption::Unknown(EXTENDED_ERROR, data) = option else { continue };
        let Some((number, text)) = data.split_first_chunk::<2>() else { continue };
        answer.ede.push(u16::from_be_bytes(*number));
        if answer.ede_text.is_none() && !text.is_empty() {
            let text = String::from_utf8_lossy(text);
            let printed = text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX);
            answer.ede_text = Some(printed.collect());
        }
    }
}

/// What is known of A and of AAAA, as one answer.
pub(super) fn merge(v4: Answer, v6: Answer) -> Answer {
    let (mut one, other) = if v6.rcode < v4.rcode { (v6, v4) } else { (v4, v6) };
    let shorter = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
    one.ad &= other.ad || other.rcode != one.rcode;
    one.ttl_s = shorter(one.ttl_s, other.ttl_s);
    one.addresses.extend(other.addresses);
    // The absence of one family alone is not the name's.
    one.negative_ttl_s = if one.addresses.is_empty() {
        shorter(one.negative_ttl_s, other.negative_ttl_s)
    } else {
        None
    };
    if one.cnames.is_empty() {
        one.cnames = other.cnames;
    }
    for number in other.ede {
        if !one.ede.contains(&number) {
            one.ede.push(number);
        }
    }
    one.ede_text = one.ede_text.or(other.ede_text);
    one
}

impl From<Misfit> for Fault {
    fn from(_: Misfit) -> Self {
        Self::Garbled
    }
}
