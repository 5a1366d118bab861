//! Whom to examine, and from where: by the configuration, and where that does not say, by the table of
//! providers.

use super::spend;
use crate::around::{self, Surrounding, Unloaded};
use crate::cli::{ConfigArgs, DoctorArgs, FallbackArg};
use crate::out;
use crate::prober::{ground_of, is_here, page_of};
use crate::subject::{Told, subject};
use config::{Config, Credential, Problem, Provider, Watch};
use ir::evidence::KeySeen;
use probe::{Asks, Ground, Named, Subject, would_ask};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// One to be examined.
#[derive(Debug)]
pub(super) struct Patient {
    pub(super) subject: Subject,
    /// As it is configured: its status page, and the way there.
    pub(super) provider: Provider,
}

/// Whom to examine, and from where.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) ground: Ground,
    pub(super) patients: Vec<Patient>,
    /// Others, to see whether it is them alone.
    pub(super) siblings: Vec<Subject>,
    /// What may be asked.
    pub(super) watch: Watch,
    /// Where a gateway on this machine shows how it stands.
    pub(super) console: Option<SocketAddr>,
}

/// What a configuration gave.
struct Found {
    config: Config,
    path: Option<PathBuf>,
    text: String,
    problems: Vec<Problem>,
}

/// Providers that are asked beside one that is examined alone.
const BESIDE: [&str; 3] = ["anthropic", "openai", "groq"];
/// So many of them.
const SIBLINGS: usize = 2;
/// More than these at once would take longer than anybody waits.
const PATIENTS_MAX: usize = 16;
/// The variables that name a proxy, in the order in which they count.
const PROXIES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY"];

// === impl Scope ===

impl Scope {
    /// `None` after everything was said that keeps us from beginning.
    pub(super) async fn find(args: &DoctorArgs) -> Option<Self> {
        let found = Found::load(args).await?;
        around::say_all(found.path.as_deref(), &found.problems);
        let of_ways = |it: &&Problem| it.key.to_ascii_lowercase().contains("proxy");
        let warnings: Vec<Problem> =
            found.config.warnings.iter().filter(of_ways).cloned().collect();
        around::say_all(found.path.as_deref(), &warnings);
        if args.providers.is_empty() && !found.problems.is_empty() {
            out::say("name the providers to examine them without this configuration");
            return None;
        }
        let patients = found.patients(args)?;
        let siblings =
            if found.config.watch.controls { found.siblings(&patients) } else { Vec::new() };
        Some(Self {
            ground: Ground { programs: !args.offline, ..Ground::default() },
            patients,
            siblings,
            watch: found.config.watch,
            console: found.config.console.listen.addr(),
        })
    }

    /// Whom it would ask, each once.
    pub(super) fn would_ask(&self) -> BTreeSet<Asks> {
        let mut all: BTreeSet<Asks> = BTreeSet::new();
        for patient in &self.patients {
            let ground = ground_of(self.ground.clone(), &patient.provider, self.watch);
            all.extend(would_ask(&ground, &patient.subject));
            let reader = page_of(&patient.provider);
            if let Some(at) = self.console.filter(|at| at.ip().is_loopback()) {
                let (host, port) = (at.ip().to_string(), at.port());
                all.insert(Asks { host, port, what: "the console of a gateway here" });
            }
            for source in reader.iter().flat_map(|reader| &reader.row().sources) {
                if let Ok(base) = source.url.parse::<probe::Base>() {
                    all.insert(Asks { host: base.host, port: base.port, what: "the status page" });
                }
            }
        }
        for sibling in &self.siblings {
            let (host, port) = (sibling.base.host.clone(), sibling.base.port);
            all.insert(Asks { host, port, what: "another provider" });
        }
        all
    }
}

// === impl Found ===

impl Found {
    /// `None` after it was said why there is none.
    async fn load(args: &DoctorArgs) -> Option<Self> {
        let from =
            ConfigArgs { config: args.config.clone(), fallback: FallbackArg::Own, listen: None };
        match around::try_load_asking(&from, false).await {
            Ok(it) => {
                Some(Self { config: it.config, path: it.path, text: it.text, problems: Vec::new() })
            }
            Err(Unloaded::Problems(path, problems, _)) => {
                let text = path.as_deref().and_then(|it| std::fs::read_to_string(it).ok());
                let text = text.unwrap_or_default();
                Some(Self { config: Config::default(), path, text, problems })
            }
            Err(Unloaded::Failed(error)) => {
                out::say(&format!("error: {error:#}"));
                None
            }
        }
    }

    /// Those that are named, or all that are configured: those on this machine only where there are no
    /// others.
    fn patients(&self, args: &DoctorArgs) -> Option<Vec<Patient>> {
        let named = |name: &String| {
            let configured = self.config.providers.iter().find(|it| it.name == *name).cloned();
            configured.or_else(|| config::known(name, &Surrounding::default()))
        };
        let mut providers: Vec<Provider> = Vec::new();
        for name in &args.providers {
            let Some(provider) = named(name) else {
                out::say(&unknown(name, &self.config));
                return None;
            };
            if !providers.iter().any(|it| it.name == provider.name) {
                providers.push(provider);
            }
        }
        if args.providers.is_empty() {
            providers = self.config.providers.iter().filter(|it| !it.local).cloned().collect();
            if providers.is_empty() {
                providers.clone_from(&self.config.providers);
            }
            // One address is examined once, whatever is spoken there.
            let mut seen = BTreeSet::new();
            providers.retain(|it| seen.insert((it.base_url.host.clone(), it.base_url.port)));
        }
        if providers.is_empty() {
            out::say(
                "there is no provider beyond this machine; name one: backstop doctor anthropic",
            );
            return None;
        }
        if PATIENTS_MAX < providers.len() {
            out::say(&format!("only the first {PATIENTS_MAX} providers are examined; name others"));
            providers.truncate(PATIENTS_MAX);
        }
        let patients: Result<Vec<Patient>, String> =
            providers.iter().map(|it| self.patient(it, args)).collect();
        patients.map_err(|why| out::say(&format!("error: {why}"))).ok()
    }

    fn patient(&self, provider: &Provider, args: &DoctorArgs) -> Result<Patient, String> {
        let mut subject = self.subject(provider);
        if let Some(model) = &args.complete {
            subject.completion = Some(spend::allowed(args, provider, model)?);
        }
        Ok(Patient { provider: provider.clone(), subject })
    }

    fn subject(&self, provider: &Provider) -> Subject {
        let mut subject = subject(provider, self.told(provider));
        // A file that was refused for want of a key says whose key it is.
        let key = format!("providers.{}.api_key", provider.name);
        if let Some(problem) = self.problems.iter().find(|it| it.key == key) {
            subject.header = None;
            subject.key = Some(KeySeen::Missing { from: variable(problem).unwrap_or(key) });
        }
        subject
    }

    /// Who says what about a provider.
    fn told(&self, provider: &Provider) -> Told {
        let key = |field: &str| ["providers".to_owned(), provider.name.clone(), field.to_owned()];
        let line = |field: &str| {
            let path = key(field);
            config::line_of(&self.text, &path.each_ref().map(String::as_str))
        };
        let said = |field: &str| key(field).join(".");
        let path = self.path.as_deref().map(|it: &Path| it.display().to_string());
        let ours = provider.credentials.iter().any(Credential::is_ours);
        let variable = provider.quirks.env.iter().find(|it| std::env::var_os(it).is_some());
        Told {
            base_url: Named {
                from: said("base_url"),
                path: line("base_url").and(path),
                line: line("base_url"),
            },
            proxy: match (line("proxy"), config::line_of(&self.text, &["upstream", "proxy"])) {
                (Some(_), _) => said("proxy"),
                (None, Some(_)) => "upstream.proxy".to_owned(),
                (None, None) => {
                    let set = PROXIES.iter().find(|it| std::env::var_os(it).is_some());
                    set.map_or_else(|| said("proxy"), |it| (*it).to_owned())
                }
            },
            key: match (line("api_key"), variable) {
                (None, Some(name)) if ours => (*name).to_owned(),
                _ => said("api_key"),
            },
        }
    }

    /// Other vendors, by names of the table, that are not examined anyway.
    fn siblings(&self, patients: &[Patient]) -> Vec<Subject> {
        if 1 < patients.len() || patients.iter().all(|it| is_here(&it.provider)) {
            return Vec::new();
        }
        let examined = |host: &str| patients.iter().any(|it| it.subject.base.host == host);
        let configured = self.config.providers.iter().filter(|it| !it.local).cloned();
        let known = BESIDE.iter().filter_map(|name| config::known(name, &Surrounding::default()));
        let mut seen = BTreeSet::new();
        configured
            .chain(known)
            .filter(|it| !examined(&it.base_url.host) && seen.insert(it.base_url.host.clone()))
            .take(SIBLINGS)
            .map(|provider| self.subject(&provider))
            .collect()
    }
}

/// The variable that a problem names.
fn variable(problem: &Problem) -> Option<String> {
    let is_name = |word: &&str| {
        let letters = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
        word.contains('_') && word.chars().all(letters)
    };
    let mut words = problem.what.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
    words.find(is_name).map(str::to_owned)
}

fn unknown(name: &str, config: &Config) -> String {
    let rows = config::providers::ROWS.iter().filter(|it| !it.base_url.is_empty());
    let mut known: BTreeSet<&str> = rows.map(|it| it.name).collect();
    known.extend(config.providers.iter().map(|it| it.name.as_str()));
    let known: Vec<&str> = known.into_iter().collect();
    format!("error: {name:?} is no provider that is known here; known: {}", known.join(", "))
}
