//! A TCP connection as `ureq` uses it: opened within a budget shared by all addresses, read with a deadline.

use super::error::FetchError;
use super::trace::Trace;
use super::window::{INPUT_MAX, Window};
use crate::os;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use ureq::unversioned::transport::{Buffers, NextTimeout, ShutdownHandle, Transport};

/// How far the kernel's idea of the deadline may be off: fewer system calls for a body of many reads.
const SLACK: Duration = Duration::from_millis(50);

/// Opens a connection to the first address that answers; the others share what is left of the time.
///
/// # Errors
/// The last address's own error; `TimedOut` when `until` has passed.
pub(super) fn connect(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::TimedOut);
    for (i, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        // each gets half of what is left, the last gets all of it
        let budget = if i + 1 == addresses.len() { left } else { left / 2 };
        match TcpStream::connect_timeout(address, budget.max(Duration::from_millis(1))) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A connection with its buffers.
#[derive(Debug)]
pub(super) struct Tcp {
    stream: Arc<TcpStream>,
    window: Window,
    trace: Arc<Trace>,
    /// From how many bytes on the kernel wakes a read.
    wakes_at: usize,
    /// The kernel's timeouts as last set.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Tcp {
    pub(super) fn new(stream: TcpStream, trace: Arc<Trace>) -> Self {
        Self {
            stream: Arc::new(stream),
            window: Window::default(),
            trace,
            wakes_at: 1,
            read_timeout: None,
            write_timeout: None,
        }
    }

    /// What closes the socket from another thread.
    pub(super) fn shutdown_handle(&self) -> Weak<dyn ShutdownHandle> {
        Arc::downgrade(&self.stream) as Weak<dyn ShutdownHandle>
    }

    /// Reads what there is, waiting for it until the deadline.
    fn fill(&mut self, until: Option<Instant>) -> io::Result<usize> {
        let most = self.gather()?;
        loop {
            let left = remaining(until)?;
            if drifted(self.read_timeout, left) {
                self.stream.set_read_timeout(left)?;
                self.read_timeout = left;
            }
            match (&*self.stream).read(&mut self.window.input_append_buf()[..most]) {
                Err(error) if again(&error) => {}
                result => return result,
            }
        }
    }

    /// Of a body whose length is known, waits for a full buffer, or for all that is left: one wake-up instead of one for
    /// each segment. Answers how many bytes a read may ask for; more than will come would never be there.
    fn gather(&mut self) -> io::Result<usize> {
        let room = self.window.input_append_buf().len();
        let to_come = self.trace.to_come().saturating_sub(self.window.input().len());
        let most = if to_come == 0 { room } else { room.min(to_come) };
        let gathers = most == to_come || to_come > most && room == INPUT_MAX;
        self.wake_at(if to_come > 0 && gathers { most } else { 1 })?;
        Ok(most)
    }

    fn wake_at(&mut self, bytes: usize) -> io::Result<()> {
        if self.wakes_at != bytes {
            os::wake_at(&self.stream, bytes)?;
            self.wakes_at = bytes;
        }
        Ok(())
    }

    /// Writes all of the output, or fails at the deadline: a peer that takes a byte now and then gains nothing.
    fn drain(&mut self, amount: usize, until: Option<Instant>) -> io::Result<()> {
        let mut sent = 0;
        while sent < amount {
            let left = remaining(until)?;
            if drifted(self.write_timeout, left) {
                self.stream.set_write_timeout(left)?;
                self.write_timeout = left;
            }
            match (&*self.stream).write(&self.window.output()[sent..amount]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => sent += n,
                Err(error) if again(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.window
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let result = self.drain(amount, deadline(timeout));
        self.window.sent();
        result.map_err(|error| refine(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        if self.trace.hurries() {
            return Err(ureq::Error::Timeout(timeout.reason));
        }
        if self.window.input_append_buf().is_empty() {
            return Err(ureq::Error::Other(Box::new(FetchError::line_too_long())));
        }
        let amount = self.fill(deadline(timeout)).map_err(|error| refine(error, timeout))?;
        self.window.input_appended(amount);
        Ok(amount > 0)
    }

    /// Asked when the connection goes idle and when it is to be used again; either way nobody needs its buffers now.
    fn is_open(&mut self) -> bool {
        self.window.release();
        os::is_quiet(&self.stream)
    }
}

fn deadline(timeout: NextTimeout) -> Option<Instant> {
    (!timeout.after.is_not_happening()).then(|| Instant::now() + *timeout.after)
}

/// The time left; never zero, which the kernel takes for "for ever".
fn remaining(until: Option<Instant>) -> io::Result<Option<Duration>> {
    let Some(until) = until else { return Ok(None) };
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
}

fn drifted(set: Option<Duration>, left: Option<Duration>) -> bool {
    match (set, left) {
        // a kernel that wakes early is asked again, one that wakes late breaks the deadline
        (Some(set), Some(left)) => set > left + SLACK || set < left / 2,
        (set, left) => set != left,
    }
}

/// The kernel's own timeout or a signal: what matters is the deadline, looked at next.
fn again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// A reset is told as an error of its own: `ureq` takes it for the end of a body without a length.
fn refine(error: io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            ureq::Error::Other(Box::new(FetchError::Closed { reset: true }))
        }
        _ => ureq::Error::Io(error),
    }
}
