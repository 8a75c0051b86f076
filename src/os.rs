//! What the operating system offers and the standard library does not, and the program's heap: the only file with
//! `unsafe`.
//!
//! # Invariants
//! Each function is a few lines around one call, checks what it hands over, and says in a `SAFETY` note why the call is
//! sound.
#![allow(unsafe_code, reason = "system calls and the heap; every block carries its SAFETY note")]

use dlmalloc::GlobalDlmalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::fs::File;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, RawFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};

/// How many seconds local time is ahead of UTC at that moment (seconds since 1970); 0 where the zone is unknown.
pub fn local_offset(unix_seconds: i64) -> i32 {
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    let seconds = unix_seconds as _; // a time_t; that name is on its way out for musl
    // SAFETY: both pointers are valid for the call; localtime_r writes `parts` and keeps neither.
    let filled = unsafe { !libc::localtime_r(&raw const seconds, parts.as_mut_ptr()).is_null() };
    // SAFETY: all-zero bytes are a valid `tm`, so it is initialised whether or not the call filled it.
    let parts = unsafe { parts.assume_init() };
    if filled { i32::try_from(parts.tm_gmtoff).unwrap_or(0) } else { 0 }
}

/// The heap of the program: one for all threads, which joins what is freed and gives it back. Samples cost no allocation,
/// so there is no crowd at its lock.
///
/// musl's own never stops growing by pieces (1 MiB in some 15 000 scrapes), glibc's keeps a heap for each few threads.
/// Not inlined: a call at each of thousands of places is 14 KB less than the heap's first steps there.
#[derive(Debug)]
pub struct Heap;

// SAFETY: every call is handed to an allocator that keeps the trait's promises, with the caller's own.
unsafe impl GlobalAlloc for Heap {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { GlobalDlmalloc.alloc(layout) }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { GlobalDlmalloc.alloc_zeroed(layout) }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; what is freed came from the same allocator.
        unsafe { GlobalDlmalloc.dealloc(memory, layout) }
    }

    #[inline(never)]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { GlobalDlmalloc.realloc(memory, layout, new_size) }
    }
}

/// Sends a signal to one process.
///
/// # Errors
/// When there is no such process or it belongs to somebody else; pid 0 is refused, it would mean our own group.
pub fn kill(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
    let Some(pid) = pid else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no process has that id"));
    };
    // SAFETY: kill takes plain numbers and touches no memory of ours.
    done(unsafe { libc::kill(pid, signal) })
}

/// Makes the connection end by RST instead of FIN when its last descriptor is closed; unsent data is thrown away.
///
/// # Errors
/// Those of setsockopt.
pub fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the pointer and its length are those of `linger`, which outlives the call; setsockopt copies it.
    done(unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    })
}

/// Collects one child that has ended, whichever it is, without waiting: its pid and how it ended.
///
/// # Errors
/// Those of waitpid; that there are no children at all is `Ok(None)`.
pub fn reap() -> io::Result<Option<(u32, ExitStatus)>> {
    let mut status: libc::c_int = 0;
    // SAFETY: `status` is valid for the call and waitpid keeps no pointer to it.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    match pid {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some((pid.unsigned_abs(), ExitStatus::from_raw(status)))),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
            error => Err(error),
        },
    }
}

/// Makes a command's child keep the descriptor, and makes the kernel send it `signal` when this process dies.
///
/// The kernel means the *thread* that starts the child: start it from one that lives as long as the process.
pub fn tie_to_child(command: &mut Command, fd: BorrowedFd<'_>, signal: i32) {
    let (fd, parent) = (fd.as_raw_fd(), std::process::id());
    let prepare = move || {
        // SAFETY: fcntl, prctl and getppid are async-signal-safe and take plain numbers.
        unsafe {
            done(libc::fcntl(fd, libc::F_SETFD, 0))?;
            done(libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong))?;
            // the parent may have died before prctl took effect
            if libc::getppid().unsigned_abs() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only; it neither allocates nor locks.
    unsafe { command.pre_exec(prepare) };
}

/// Takes over an inherited descriptor: closed on exec, never blocking.
///
/// # Errors
/// When the number is a standard stream or no open descriptor.
pub fn adopt_fd(fd: RawFd) -> io::Result<File> {
    if fd <= 2 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a standard stream cannot be taken over"));
    }
    // SAFETY: fcntl with these commands takes plain numbers; a descriptor that is not open makes it fail with EBADF.
    unsafe {
        done(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC))?;
        let flags = libc::fcntl(fd, libc::F_GETFL);
        done(flags)?;
        done(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    // SAFETY: the descriptor is open, and its number came from whoever started us to be owned by the caller alone.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Waits until the reader at the other end of a pipe is gone.
///
/// # Errors
/// Those of poll, an interruption aside.
pub fn wait_for_hangup(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    loop {
        // SAFETY: one entry, valid for the call; poll writes `revents` only.
        match done(unsafe { libc::poll(&raw mut entry, 1, -1) }) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ticks a second of the kernel's process times, and bytes a page of memory.
pub fn clock_ticks_and_page_size() -> (u64, u64) {
    // SAFETY: sysconf takes a plain number and touches no memory of ours.
    let read = |name| u64::try_from(unsafe { libc::sysconf(name) }).unwrap_or(0);
    (read(libc::_SC_CLK_TCK).max(1), read(libc::_SC_PAGESIZE).max(1))
}

/// Bytes written to a connection that the peer's kernel has not acknowledged; `None` where the system doesn't tell.
pub fn unacknowledged(stream: &TcpStream) -> Option<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ (TIOCOUTQ by its other name) writes one int to the pointer, which is valid for the call.
    let asked = done(unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) });
    asked.ok().and_then(|()| u64::try_from(bytes).ok())
}

/// Whether a connection is open and has nothing to read, as an idle one must be. Never waits.
pub fn is_quiet(stream: &TcpStream) -> bool {
    let mut byte = 0_u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: recv writes at most one byte to the pointer, which is valid for the call.
    let got = unsafe { libc::recv(stream.as_raw_fd(), (&raw mut byte).cast(), 1, flags) };
    got < 0 && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock
}

/// Makes reads wait until so many bytes are there, the end came, or the read timeout passed; fewer wake-ups for a body
/// of known length. A read never waits for more than it has room for. 1 is the system's own default.
///
/// # Errors
/// Those of setsockopt.
pub fn wake_at(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_option(stream, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes)
}

/// Makes the kernel ask whether the peer is still there: after 30 idle seconds, three times, every 10 seconds.
///
/// # Errors
/// Those of setsockopt.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    set_option(stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    set_option(stream, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 30)?;
    set_option(stream, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, 10)?;
    set_option(stream, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 3)
}

fn set_option(stream: &TcpStream, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to an int that lives for the call, and the size is that int's.
    done(unsafe { libc::setsockopt(stream.as_raw_fd(), level, name, (&raw const value).cast(), size) })
}

/// A system call's answer as a result.
fn done(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    #[test]
    fn a_number_that_is_no_descriptor_is_refused() {
        assert!(adopt_fd(1).is_err());
        assert_eq!(adopt_fd(1_000_000).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }

    #[test]
    fn pid_0_is_never_signalled() {
        assert_eq!(kill(0, libc::SIGTERM).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(kill(u32::MAX, libc::SIGTERM).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn the_hangup_of_a_pipe_is_seen() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b".").unwrap();
        let waiting = std::thread::spawn(move || wait_for_hangup(writer.as_fd()));
        drop(reader);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn what_the_peer_has_not_taken_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        keep_alive(&stream).unwrap();
        assert_eq!(unacknowledged(&stream), Some(0));
        stream.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(n) = stream.write(&[0; 65_536]) {
            written += n as u64;
        }
        let waiting = unacknowledged(&stream).unwrap();
        assert!(waiting > 0 && waiting <= written, "{waiting} of {written}");
    }

    #[test]
    fn a_quiet_connection_is_told_from_one_that_spoke_or_ended() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        assert!(is_quiet(&stream));
        peer.write_all(b"x").unwrap();
        let mut byte = [0];
        stream.peek(&mut byte).unwrap(); // waits until it is there
        assert!(!is_quiet(&stream));
        std::io::Read::read_exact(&mut &stream, &mut byte).unwrap();
        assert!(is_quiet(&stream));
        drop(peer);
        assert_eq!(stream.peek(&mut byte).unwrap(), 0);
        assert!(!is_quiet(&stream));
    }

    #[test]
    fn a_read_waits_for_as_much_as_was_asked_for_and_no_more_than_there_is_room() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        wake_at(&stream, 1_000).unwrap();
        let reading = std::thread::spawn(move || {
            let mut room = [0; 4_096];
            let first = std::io::Read::read(&mut stream, &mut room).unwrap();
            let rest = std::io::Read::read(&mut stream, &mut room[..10]).unwrap();
            let end = std::io::Read::read(&mut stream, &mut room).unwrap();
            (first, rest, end)
        });
        for _ in 0..101 {
            peer.write_all(&[7; 10]).unwrap();
        }
        drop(peer);
        let (first, rest, end) = reading.join().unwrap();
        assert!(first >= 1_000, "{first}");
        assert_eq!(first + rest + end, 1_010, "{first} {rest} {end}");
    }

    #[test]
    fn the_local_offset_is_less_than_a_day() {
        assert!(local_offset(1_700_000_000).abs() <= 14 * 3600);
    }
}
