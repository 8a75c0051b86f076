//! The process's log: lines to stderr and to the files of `logs/`, by the `log` façade and env_logger's filter.
//!
//! # Invariants
//! - A log that cannot be written never stops or slows the agent: the console goes on alone, one warning tells why,
//!   and the file is tried again every [`RETRY`].
//! - Level, format and rotation change while running. `RUST_LOG`, when set, decides on its own what is written.
//! - Other crates' lines are written from `warn` up: theirs would drown ours at `debug`.

use super::log_file::{LogFile, Rotation, SUPERVISOR_PREFIX, WORKER_PREFIX};
use super::log_format::{Line, LocalTime, LogFormat, write_line};
use super::log_repeats::{Repeats, Summary};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a file that failed is left alone.
pub const RETRY: Duration = Duration::from_secs(10);

/// Which process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// `OPEN-AGENT-open-YYYYMMDD.log`.
    Worker,
    /// `whatap-boot-YYYYMMDD.log`.
    Supervisor,
}

/// What can change while the process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// The least grave level that is written (`log_level`; `debug=true` makes it debug).
    pub level: LevelFilter,
    /// Form of the lines (`log_format`).
    pub format: LogFormat,
    /// Console lines go to stdout in place of stderr (`log_stdout_enabled`).
    pub to_stdout: bool,
    /// When files change and go.
    pub rotation: Rotation,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            level: LevelFilter::Info,
            format: LogFormat::Text,
            to_stdout: false,
            rotation: Rotation { enabled: true, keep_days: 7, max_bytes: 10 << 20 },
        }
    }
}

/// The installed log, to change it and to keep its counts flowing.
#[derive(Debug, Clone)]
pub struct Logging {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sink: Mutex<Sink>,
    repeats: Mutex<Repeats>,
    format: Mutex<LogFormat>,
    /// Whether `RUST_LOG` decides what is written.
    by_environment: bool,
}

/// Makes this the process's log; `logs_dir` is the `logs` folder under the open home.
///
/// Panics are logged from here on, as errors with thread and place.
///
/// # Errors
/// When the process has a log already.
pub fn install(writer: Writer, logs_dir: PathBuf, options: &LogOptions) -> Result<Logging, log::SetLoggerError> {
    let prefix = if writer == Writer::Worker { WORKER_PREFIX } else { SUPERVISOR_PREFIX };
    let file = LogFile::new(logs_dir, prefix, options.rotation);
    let sink = Sink { file, to_stdout: options.to_stdout, retry_at: None };
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.trim().is_empty());
    let shared = Arc::new(Shared {
        sink: Mutex::new(sink),
        repeats: Mutex::default(),
        format: Mutex::new(options.format),
        by_environment: filter.is_some(),
    });
    let logging = Logging { shared: Arc::clone(&shared) };
    let inner = env_logger(&shared, filter.as_deref());
    let most = inner.filter();
    log::set_boxed_logger(Box::new(Front { inner, shared }))?;
    log::set_max_level(most);
    logging.apply(options);
    log_panics();
    Ok(logging)
}

impl Logging {
    /// Changes level, format, console and rotation from the next line on.
    pub fn apply(&self, options: &LogOptions) {
        if !self.shared.by_environment {
            log::set_max_level(options.level);
        }
        *lock(&self.shared.format) = options.format;
        let mut sink = lock(&self.shared.sink);
        sink.to_stdout = options.to_stdout;
        sink.file.set_rotation(options.rotation);
    }

    /// Tells the counts of lines whose ten seconds are over; to be called about once a second.
    pub fn tick(&self) {
        log::logger().flush();
    }

    /// Tells all counts that are still open; to be called when the process ends.
    pub fn finish(&self) {
        while let Some(summary) = { lock(&self.shared.repeats).drain() } {
            tell(log::logger(), &summary);
        }
    }
}

/// env_logger with our lines and our sink; its level is open unless the environment narrows it.
fn env_logger(shared: &Arc<Shared>, filter: Option<&str>) -> env_logger::Logger {
    let formatting = Arc::clone(shared);
    let mut builder = env_logger::Builder::new();
    match filter {
        Some(filter) => builder.parse_filters(filter),
        None => builder.filter_level(LevelFilter::Trace),
    };
    builder
        .format(move |out, record| {
            let thread = std::thread::current();
            let line = Line {
                level: record.level(),
                target: record.target(),
                thread: thread.name().unwrap_or("-"),
                message: *record.args(),
            };
            let format = *lock(&formatting.format);
            let mut text = String::with_capacity(160);
            write_line(&mut text, format, LocalTime::of(SystemTime::now()), &line).map_err(io::Error::other)?;
            out.write_all(text.as_bytes())
        })
        .target(env_logger::Target::Pipe(Box::new(Pipe(Arc::clone(shared)))))
        .build()
}

/// What the façade calls: folds repeats, keeps other crates quiet, passes on to env_logger.
struct Front {
    inner: env_logger::Logger,
    shared: Arc<Shared>,
}

impl Log for Front {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = self.shared.by_environment || metadata.target().starts_with("openagent");
        (ours || metadata.level() <= Level::Warn) && self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        self.flush();
        // rendered before the lock is taken: a Display that panics logs its panic, which takes it too
        let text = record.args().as_str().map_or_else(|| Cow::Owned(record.args().to_string()), Cow::Borrowed);
        if lock(&self.shared.repeats).admit(Instant::now(), record.level(), record.target(), &text) {
            self.inner.log(record);
        }
    }

    fn flush(&self) {
        while let Some(summary) = { lock(&self.shared.repeats).due(Instant::now()) } {
            tell(&self.inner, &summary);
        }
    }
}

/// Writes a summary as a line of the level and room of what it sums up; it is no repeat itself.
fn tell(log: &dyn Log, summary: &Summary) {
    let Summary { level, target, text, times } = summary;
    let again = if *times == 1 { "once more".to_owned() } else { format!("{times} more times") };
    let args = format_args!("{again} within {} s: {text}", super::log_repeats::WINDOW.as_secs());
    log.log(&Record::builder().level(*level).target(target).args(args).build());
}

/// Where env_logger's finished lines go, one `write` a line.
struct Pipe(Arc<Shared>);

impl Write for Pipe {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        lock(&self.0.sink).line(line, SystemTime::now(), *lock(&self.0.format));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Console and file.
#[derive(Debug)]
struct Sink {
    file: LogFile,
    to_stdout: bool,
    /// Set while the file fails: when it is tried again.
    retry_at: Option<SystemTime>,
}

impl Sink {
    fn line(&mut self, line: &[u8], now: SystemTime, format: LogFormat) {
        self.console(line);
        if self.retry_at.is_some_and(|at| now < at && at.duration_since(now).is_ok_and(|wait| wait <= RETRY)) {
            return;
        }
        match self.file.write(line, LocalTime::of(now)) {
            Ok(()) => self.retry_at = None,
            Err(error) => {
                let first = self.retry_at.replace(now + RETRY).is_none();
                if first {
                    self.warn(&error, now, format);
                }
            }
        }
    }

    /// Says once, on the console alone, that there is no file.
    fn warn(&self, error: &io::Error, now: SystemTime, format: LogFormat) {
        let message = format_args!(
            "log files in {} cannot be written: {error}; lines go to the console alone. Make the folder writable for \
             this user, or mount a writable one there",
            self.file.dir().display()
        );
        let line = Line { level: Level::Warn, target: module_path!(), thread: "-", message };
        let mut text = String::new();
        if write_line(&mut text, format, LocalTime::of(now), &line).is_ok() {
            self.console(text.as_bytes());
        }
    }

    /// A closed console is borne: there is nowhere left to say it.
    fn console(&self, line: &[u8]) {
        let _ = if self.to_stdout { io::stdout().lock().write_all(line) } else { io::stderr().lock().write_all(line) };
    }
}

/// Panics become error lines: the file has them too.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("(no text)");
        log::error!("thread {:?} panicked at {place}: {message}", thread.name().unwrap_or("-"));
    }));
}

/// A panic while holding one of these locks leaves nothing half done that a log could not bear.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sink(logs: &Path) -> Sink {
        let rotation = LogOptions::default().rotation;
        Sink { file: LogFile::new(logs.to_owned(), WORKER_PREFIX, rotation), to_stdout: false, retry_at: None }
    }

    fn line(sink: &mut Sink, now: SystemTime) {
        sink.line(b"a line\n", now, LogFormat::Text);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_tried_again_and_found_mended() {
        let home = tempfile::tempdir().unwrap();
        let logs = home.path().join("logs");
        std::fs::write(&logs, "a file where the folder should be").unwrap();
        let mut sink = sink(&logs);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_718_700_000);
        line(&mut sink, now);
        assert_eq!(sink.retry_at, Some(now + RETRY));
        std::fs::remove_file(&logs).unwrap();
        line(&mut sink, now + RETRY / 2);
        assert!(!logs.exists(), "not before it is time");
        line(&mut sink, now + RETRY);
        assert_eq!(sink.retry_at, None);
        assert_eq!(std::fs::read_dir(&logs).unwrap().count(), 1);
    }

    #[test]
    fn a_clock_set_back_does_not_keep_the_file_away() {
        let home = tempfile::tempdir().unwrap();
        let mut sink = sink(&home.path().join("logs"));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_718_700_000);
        sink.retry_at = Some(now + Duration::from_secs(86_400));
        line(&mut sink, now);
        assert!(home.path().join("logs").exists());
    }
}
