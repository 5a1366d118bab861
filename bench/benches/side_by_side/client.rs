//! A blocking HTTP/1.1 client that does nothing but read: its own cost is the same on both sides.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// One kept-alive connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    port: u16,
}

/// Times of many requests, in µs.
#[derive(Default)]
pub(crate) struct Taken {
    first: Vec<f64>,
    last: Vec<f64>,
}

// === impl Client ===

impl Client {
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream), port })
    }

    /// Asks the same many times, one after the other.
    pub(crate) fn take(mut self, path: &str, body: &str, times: usize) -> Result<Taken> {
        let port = self.port;
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut taken = Taken::default();
        for _ in 0..times {
            let began = Instant::now();
            self.stream.get_mut().write_all(request.as_bytes())?;
            let first = self.answer(began)?;
            taken.first.push(first.as_secs_f64() * 1e6);
            taken.last.push(began.elapsed().as_secs_f64() * 1e6);
        }
        Ok(taken)
    }

    /// Reads one answer to its end. Returns when its first body byte was there.
    fn answer(&mut self, began: Instant) -> Result<Duration> {
        let mut length = None;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200"), "not an answer: {line}");
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<u64>()?);
            }
        }
        self.stream.fill_buf()?;
        let first = began.elapsed();
        match length {
            Some(length) => self.skip(length)?,
            None => loop {
                line.clear();
                self.stream.read_line(&mut line)?;
                let chunk = u64::from_str_radix(line.trim(), 16).context("a chunk's length")?;
                self.skip(chunk + 2)?;
                if chunk == 0 {
                    break;
                }
            },
        }
        Ok(first)
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        let skipped = std::io::copy(&mut (&mut self.stream).take(bytes), &mut std::io::sink())?;
        ensure!(skipped == bytes, "the answer broke off");
        Ok(())
    }
}

// === impl Taken ===

impl Taken {
    pub(crate) fn add(&mut self, more: Self) {
        self.first.extend(more.first);
        self.last.extend(more.last);
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.last.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn first(&self, percent: usize) -> f64 {
        percentile(&self.first, percent)
    }

    pub(crate) fn last(&self, percent: usize) -> f64 {
        percentile(&self.last, percent)
    }
}

/// The nearest rank.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}
