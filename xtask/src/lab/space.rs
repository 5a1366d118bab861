//! Two namespaces, a cable between them, and who runs in each.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::step::Step;

/// How the names of namespaces begin. The number of the run that made them follows, so that two runs do
/// not meet, and what a killed one left is known.
const NAMED: &str = "backstop-lab-";
/// The ends of the cable.
const CABLE: [&str; 2] = ["world", "home"];
/// The world's addresses on the cable: a router, which is the way to all others.
const ROUTER: [&str; 2] = ["192.168.1.1", "fd00:1ab::1"];
/// The other end's.
const US: [&str; 2] = ["192.168.1.2", "fd00:1ab::2"];
/// Where the files of a namespace stand that are put over those of `/etc`.
const FILES: &str = "/etc/netns";
/// How long a program may take.
const SECONDS_MAX: &str = "30";

/// Namespaces that were made. Dropped, they are removed.
pub(super) struct Space {
    /// The namespace that plays the world.
    world: String,
    /// The one where programs are asked.
    home: String,
    variables: Vec<String>,
    serving: Option<Child>,
}

// === impl Space ===

impl Space {
    /// Whether this machine makes namespaces.
    pub(super) fn possible() -> Result<()> {
        Self::new().map(drop)
    }

    /// Makes the namespaces as `lab wishes` says.
    pub(super) fn open(wishes: &str) -> Result<Self> {
        let mut space = Self::new()?;
        let (world, home) = (space.world.clone(), space.home.clone());
        let [far, near] = CABLE;
        let cable = ["link", "add", far, "netns", &world, "type", "veth", "peer", "name", near];
        ip(&[&cable[..], &["netns", &home]].concat())?;
        for (name, end, addresses) in [(&world, far, ROUTER), (&home, near, US)] {
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", end, "up"])?;
            let [v4, v6] = addresses;
            ip(&["-n", name, "address", "add", &format!("{v4}/24"), "dev", end])?;
            ip(&["-n", name, "address", "add", &format!("{v6}/64"), "dev", end, "nodad"])?;
        }
        for (family, router) in ["-4", "-6"].into_iter().zip(ROUTER) {
            ip(&[family, "-n", &home, "route", "add", "default", "via", router])?;
            // An address that nobody has answers nothing, not even that nobody has it.
            ip(&[family, "-n", &world, "route", "add", "blackhole", "default"])?;
        }
        for wish in wishes.lines() {
            space.grant(wish)?;
        }
        Ok(space)
    }

    /// Two namespaces with nothing in them.
    fn new() -> Result<Self> {
        remove_left()?;
        let name = |end: &str| format!("{NAMED}{}-{end}", process::id());
        let (world, home) = (name("world"), name("home"));
        let space = Self { world, home, variables: Vec::new(), serving: None };
        for name in [&space.world, &space.home] {
            ip(&["netns", "add", name])?;
        }
        Ok(space)
    }

    /// Grants a line of `lab wishes`.
    fn grant(&mut self, wish: &str) -> Result<()> {
        let (what, value) = wish.split_once(' ').with_context(|| format!("no wish: {wish}"))?;
        let [_, near] = CABLE;
        match what {
            "link" if value == "up" => Ok(()),
            "link" => ip(&["-n", &self.home, "link", "set", near, "down"]),
            "address" if ROUTER.contains(&value) => Ok(()),
            "address" => ip(&["-n", &self.world, "address", "add", &single(value)?, "dev", "lo"]),
            "unreachable" => {
                ip(&["-n", &self.home, "route", "add", "unreachable", &single(value)?])
            }
            "variable" => {
                self.variables.push(value.to_owned());
                Ok(())
            }
            _ => bail!("the lab wishes what is not known here: {wish}"),
        }
    }

    /// Starts the servers of a situation, and waits until they listen.
    pub(super) fn serve(&mut self, lab: &Path, situation: &str) -> Result<()> {
        let files = files(&self.home);
        fs::create_dir_all(&files).with_context(|| format!("making {}", files.display()))?;
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.world])
            .arg(lab)
            .args(["serve", situation])
            .arg(&files);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the lab's servers")?;
        let told = child.stdout.take();
        self.serving = Some(child);
        let mut line = String::new();
        // It says so once it listens, or ends.
        BufReader::new(told.context("no output of the lab's servers")?).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "the lab's servers did not start");
        Ok(())
    }

    /// What a program says on the other side of the cable, whether it succeeds or not.
    pub(super) fn ask(&self, program: &Path, args: &[&str]) -> Result<String> {
        let files = files(&self.home);
        let step = Step::new("timeout").args([SECONDS_MAX, "ip", "netns", "exec", &self.home]);
        // Nothing of our own environment: a proxy or a key of ours is none of the situation's.
        let step = step.args(["env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/bin"]);
        let step = step.arg(format!("HOME={}", files.display()));
        let step = step.arg(format!("SSL_CERT_FILE={}", files.join("ca.pem").display()));
        step.args(&self.variables).arg(program).args(args).told()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(mut child) = self.serving.take() {
            // It ends when nobody holds its input; one that is stuck is not waited for.
            drop(child.stdin.take());
            drop(child.kill());
            drop(child.wait());
        }
        remove(&self.world);
        remove(&self.home);
    }
}

/// Removes the namespaces of runs that are no more.
fn remove_left() -> Result<()> {
    let listed = Step::new("ip").args(["netns", "list"]).output()?;
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    for name in names {
        let run = name.strip_prefix(NAMED).and_then(|rest| rest.split('-').next());
        if run.is_some_and(|run| !Path::new("/proc").join(run).exists()) {
            remove(name);
        }
    }
    Ok(())
}

/// Removes a namespace and its files. What is not there need not be removed.
fn remove(name: &str) {
    Step::new("ip").args(["netns", "delete", name]).succeeds();
    drop(fs::remove_dir_all(files(name)));
}

/// The files that are put over those of `/etc`.
fn files(name: &str) -> PathBuf {
    Path::new(FILES).join(name)
}

/// An address as a network of one.
fn single(address: &str) -> Result<String> {
    let ip: IpAddr = address.parse().with_context(|| format!("{address} is no address"))?;
    Ok(format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 }))
}

fn ip(args: &[&str]) -> Result<()> {
    Step::new("ip").args(args).output().map(drop)
}

#[cfg(test)]
mod tests {
    use super::single;

    #[test]
    fn an_address_is_a_network_of_one() {
        assert_eq!(single("1.1.1.1").unwrap(), "1.1.1.1/32");
        assert_eq!(single("2620:fe::fe").unwrap(), "2620:fe::fe/128");
        assert!(single("one").is_err());
    }
}
