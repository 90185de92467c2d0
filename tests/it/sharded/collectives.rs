//! Collectives to test with: each stands before another one.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rhohat::engine::collective::Collective;
use rhohat::{Error, Result};

use super::Rank;

/// A call, and how many numbers or bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Sum(usize),
    SumF64(usize),
    Broadcast(usize),
    ToFirst,
}

/// The calls of each rank.
pub type Log = Arc<Mutex<Vec<Call>>>;

/// Writes down what is called.
#[derive(Debug)]
pub struct Traced {
    inner: Rank,
    log: Log,
}

impl Traced {
    /// Writes down the calls of a group.
    pub fn group(ranks: Vec<Rank>) -> (Vec<Rank>, Vec<Log>) {
        let traced = |inner| {
            let log = Log::default();
            (Box::new(Self { inner, log: Arc::clone(&log) }) as Rank, log)
        };
        ranks.into_iter().map(traced).unzip()
    }
}

/// The calls that all ranks have made.
///
/// # Panics
/// If one has made others.
pub fn calls(logs: &[Log]) -> Vec<Call> {
    let of = |log: &Log| log.lock().unwrap().clone();
    for (rank, log) in logs.iter().enumerate() {
        assert_eq!(of(log), of(&logs[0]), "rank {rank} has made other calls than the first");
    }
    of(&logs[0])
}

/// Bytes of the numbers that a rank has brought to sums.
pub fn summed_bytes(calls: &[Call]) -> usize {
    let bytes = |call: &Call| match call {
        Call::Sum(numbers) => 4 * numbers,
        Call::SumF64(numbers) => 8 * numbers,
        Call::Broadcast(_) | Call::ToFirst => 0,
    };
    calls.iter().map(bytes).sum()
}

impl Collective for Traced {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn sum(&mut self, x: &mut [f32]) -> Result<()> {
        self.log.lock().unwrap().push(Call::Sum(x.len()));
        self.inner.sum(x)
    }

    fn sum_f64(&mut self, x: &mut [f64]) -> Result<()> {
        self.log.lock().unwrap().push(Call::SumF64(x.len()));
        self.inner.sum_f64(x)
    }

    fn broadcast(&mut self, x: &mut [u8]) -> Result<()> {
        self.log.lock().unwrap().push(Call::Broadcast(x.len()));
        self.inner.broadcast(x)
    }

    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        self.log.lock().unwrap().push(Call::ToFirst);
        self.inner.to_first(x, take)
    }

    fn fail(&mut self, why: &str) {
        self.inner.fail(why);
    }
}

/// A wire: every call takes as long as its bytes do, and as its latency.
#[derive(Debug)]
pub struct Slow {
    pub inner: Rank,
    pub latency: Duration,
    /// Bytes a second.
    pub bandwidth: f64,
}

impl Slow {
    fn carry(&self, bytes: usize) {
        thread::sleep(self.latency + Duration::from_secs_f64(bytes as f64 / self.bandwidth));
    }
}

impl Collective for Slow {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn sum(&mut self, x: &mut [f32]) -> Result<()> {
        self.carry(size_of_val(x));
        self.inner.sum(x)
    }

    fn sum_f64(&mut self, x: &mut [f64]) -> Result<()> {
        self.carry(size_of_val(x));
        self.inner.sum_f64(x)
    }

    fn broadcast(&mut self, x: &mut [u8]) -> Result<()> {
        self.carry(x.len());
        self.inner.broadcast(x)
    }

    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        self.carry(x.len());
        self.inner.to_first(x, take)
    }

    fn fail(&mut self, why: &str) {
        self.inner.fail(why);
    }
}

/// A fault.
#[derive(Debug)]
pub enum Fault {
    /// The call ends with an error.
    Error,
    /// The call waits until it is told to go on, by the other end of the channel going away.
    Hang(Receiver<()>),
    /// The lowest bit of the first number of a sum is another one when it comes back.
    Flip,
}

/// Has a fault at one call.
#[derive(Debug)]
pub struct Faulty {
    inner: Rank,
    fault: Fault,
    /// Calls until then.
    left: usize,
}

impl Faulty {
    /// The fault at call `at` of a rank, from 0 on.
    pub fn at(inner: Rank, at: usize, fault: Fault) -> Rank {
        Box::new(Self { inner, fault, left: at })
    }

    /// Whether a bit is to be flipped behind this call.
    fn called(&mut self) -> Result<bool> {
        let is_now = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        match &self.fault {
            Fault::Error if is_now => Err(Error::device("injected fault")),
            Fault::Hang(told) if is_now => {
                let _ = told.recv();
                Ok(false)
            }
            Fault::Flip => Ok(is_now),
            _ => Ok(false),
        }
    }
}

impl Collective for Faulty {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn sum(&mut self, x: &mut [f32]) -> Result<()> {
        let flips = self.called()?;
        self.inner.sum(x)?;
        x[0] = f32::from_bits(x[0].to_bits() ^ u32::from(flips));
        Ok(())
    }

    fn sum_f64(&mut self, x: &mut [f64]) -> Result<()> {
        let flips = self.called()?;
        self.inner.sum_f64(x)?;
        x[0] = f64::from_bits(x[0].to_bits() ^ u64::from(flips));
        Ok(())
    }

    fn broadcast(&mut self, x: &mut [u8]) -> Result<()> {
        self.called()?;
        self.inner.broadcast(x)
    }

    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        self.called()?;
        self.inner.to_first(x, take)
    }

    fn fail(&mut self, why: &str) {
        self.inner.fail(why);
    }
}
