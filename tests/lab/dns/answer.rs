//! What a name server answers for a name, and how that comes to be bytes.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::net::IpAddr;
use std::str::FromStr;

use super::Way;

/// The number of the option that explains a failure (RFC 8914).
const EXPLANATION: u16 = 15;
/// The TTL of records that nobody said another of.
const TTL_S: u32 = 300;

/// What is answered for a name.
#[derive(Clone, Debug)]
pub struct Reply {
    rcode: ResponseCode,
    addresses: Vec<IpAddr>,
    cnames: Vec<String>,
    ttl_s: u32,
    validated: bool,
    because: Option<(u16, String)>,
    fault: Option<Fault>,
}

/// What is wrong with the message itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Over UDP it says that it is too long, and over TCP it is whole.
    Truncated,
    /// It carries another number than the question.
    WrongId,
    /// It answers another question.
    WrongQuestion,
    /// It is no message.
    Garbage,
    /// There is none.
    Silent,
    /// There is none over UDP.
    SilentOverUdp,
}

// === impl Reply ===

impl Reply {
    fn new(rcode: ResponseCode) -> Self {
        Self {
            rcode,
            addresses: Vec::new(),
            cnames: Vec::new(),
            ttl_s: TTL_S,
            validated: false,
            because: None,
            fault: None,
        }
    }

    /// These addresses; each kind of question gets those of its kind.
    pub fn addresses(addresses: &[IpAddr]) -> Self {
        Self { addresses: addresses.to_vec(), ..Self::new(ResponseCode::NoError) }
    }

    /// The name is there, and has no address.
    pub fn empty() -> Self {
        Self::new(ResponseCode::NoError)
    }

    /// There is no such name.
    pub fn no_such_name() -> Self {
        Self::new(ResponseCode::NXDomain)
    }

    /// The server could not find out.
    pub fn failure() -> Self {
        Self::new(ResponseCode::ServFail)
    }

    /// The server does not want to.
    pub fn refused() -> Self {
        Self::new(ResponseCode::Refused)
    }

    /// Nothing.
    pub fn silent() -> Self {
        Self::failure().fault(Fault::Silent)
    }

    /// With an explanation (RFC 8914): 6 is a bogus signature, 15 blocked, 16 censored, 17 filtered, 22
    /// no reachable authority.
    #[must_use]
    pub fn because(mut self, code: u16, text: &str) -> Self {
        self.because = Some((code, text.to_owned()));
        self
    }

    /// By way of these names, the last of which has the addresses.
    #[must_use]
    pub fn through(mut self, names: &[&str]) -> Self {
        self.cnames = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// To be remembered for so long.
    #[must_use]
    pub fn ttl(mut self, ttl_s: u32) -> Self {
        self.ttl_s = ttl_s;
        self
    }

    /// With the word that it was validated.
    #[must_use]
    pub fn validated(mut self) -> Self {
        self.validated = true;
        self
    }

    /// In a message that is wrong itself.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// The bytes of the answer; none for silence.
    pub(super) fn bytes(&self, question: &Message, query: &Query, way: Way) -> Option<Vec<u8>> {
        let mut message = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        message.metadata.recursion_desired = question.metadata.recursion_desired;
        message.metadata.recursion_available = true;
        message.metadata.authentic_data = self.validated;
        message.metadata.response_code = self.rcode;
        message.add_query(query.clone());
        match self.fault {
            Some(Fault::Silent) => return None,
            Some(Fault::SilentOverUdp) if way == Way::Udp => return None,
            Some(Fault::Garbage) => return Some(b"\x00\x01this is no message".to_vec()),
            Some(Fault::WrongId) => message.metadata.id = message.metadata.id.wrapping_add(1),
            Some(Fault::WrongQuestion) => {
                message.queries = vec![Query::query(
                    Name::from_str("elsewhere.invalid.").ok()?,
                    query.query_type(),
                )];
            }
            Some(Fault::Truncated) if way == Way::Udp => message.metadata.truncation = true,
            Some(Fault::Truncated | Fault::SilentOverUdp) | None => {}
        }
        if !message.metadata.truncation {
            self.records(query, &mut message)?;
        }
        if question.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(1232);
            if let Some((code, text)) = &self.because {
                let option = [&code.to_be_bytes()[..], text.as_bytes()].concat();
                edns.options_mut().insert(EdnsOption::Unknown(EXPLANATION, option));
            }
            message.set_edns(edns);
        }
        message.to_vec().ok()
    }

    /// Fills in the records, and for none of the kind that is asked for the zone's own (RFC 2308).
    fn records(&self, query: &Query, message: &mut Message) -> Option<()> {
        let mut owner = query.name().clone();
        for next in &self.cnames {
            let next = Name::from_ascii(format!("{next}.")).ok()?;
            let data = RData::CNAME(CNAME(next.clone()));
            message.add_answer(Record::from_rdata(owner, self.ttl_s, data));
            owner = next;
        }
        let mut found = false;
        for address in &self.addresses {
            let data = match (address, query.query_type()) {
                (IpAddr::V4(it), RecordType::A) => RData::A(A(*it)),
                (IpAddr::V6(it), RecordType::AAAA) => RData::AAAA(AAAA(*it)),
                _ => continue,
            };
            found = true;
            message.add_answer(Record::from_rdata(owner.clone(), self.ttl_s, data));
        }
        let absent = matches!(self.rcode, ResponseCode::NoError | ResponseCode::NXDomain);
        if !found && absent {
            message.add_authority(soa(&owner, self.ttl_s)?);
        }
        Some(())
    }
}

/// The zone's own record, whose life is how long an absence may be remembered.
fn soa(owner: &Name, ttl_s: u32) -> Option<Record> {
    let zone = owner.base_name();
    let name = |label: &str| Name::from_ascii(label).and_then(|it| it.append_domain(&zone));
    let data = SOA::new(name("ns1").ok()?, name("hostmaster").ok()?, 1, 7200, 3600, 86400, ttl_s);
    Some(Record::from_rdata(zone, ttl_s, RData::SOA(data)))
}
