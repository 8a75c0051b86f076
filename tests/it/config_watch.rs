//! Reloading: the files change under a running watch, by every way files change.

use crate::support::wait_for;
use crossbeam_channel::Receiver;
use openagent::config::watch::{SETTLE, Watch};
use openagent::config::{ConfEvent, Home, Loader, Request};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What SPEC and the watch promise: a change is seen within this.
const SEEN: Duration = Duration::from_secs(2);
/// A loaded machine may be late, the promise is printed beside it.
const PATIENCE: Duration = Duration::from_secs(20);

fn targets(names: &[&str]) -> String {
    let job = |name: &&str| format!("  - {{job_name: {name}, static_configs: [{{targets: ['{name}:1']}}]}}\n");
    format!("scrape_configs:\n{}", names.iter().map(job).collect::<String>())
}

struct Running {
    folder: TempDir,
    watch: Option<Watch>,
    events: Receiver<ConfEvent>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watch.take().unwrap().stop();
    }
}

impl Running {
    /// A watch over a folder that `prepare` has filled.
    fn over(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let loader = Loader::start(&home(folder.path()), Arc::new(BTreeMap::new()), None).unwrap();
        let (watch, events) = Watch::start(loader).unwrap();
        Self { folder, watch: Some(watch), events }
    }

    fn simple() -> Self {
        Self::over(|folder| {
            fs::write(folder.join("whatap.conf"), "license=x\nwhatap.server.host=h\n").unwrap();
            fs::write(folder.join("scrape_config.yaml"), targets(&["a", "b"])).unwrap();
        })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn watch(&self) -> &Watch {
        self.watch.as_ref().unwrap()
    }

    /// The next event, told with the time it took.
    fn next(&self, what: &str) -> ConfEvent {
        let start = Instant::now();
        let event = self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{what} was not seen"));
        eprintln!("{what}: seen after {:?} (promised: {SEEN:?})", start.elapsed());
        event
    }

    /// The names of the next jobs in force.
    fn next_jobs(&self, what: &str) -> String {
        match self.next(what) {
            ConfEvent::Jobs(jobs, changes) => {
                let names: Vec<&str> = jobs.0.iter().map(|job| &*job.name).collect();
                format!("{} ({changes})", names.join(" "))
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

fn home(folder: &Path) -> Home {
    Home {
        conf: folder.join("whatap.conf"),
        scrape_config: folder.join("scrape_config.yaml"),
        logs: folder.join("logs"),
    }
}

#[test]
fn a_write_in_place_is_seen() {
    let running = Running::simple();
    fs::write(running.path("scrape_config.yaml"), targets(&["a", "c"])).unwrap();
    assert_eq!(running.next_jobs("write"), "a c (1 stopped, 1 started, 1 untouched)");
}

#[test]
fn an_editors_rename_is_seen() {
    let running = Running::simple();
    fs::write(running.path(".scrape_config.yaml.swp"), targets(&["a", "b", "c"])).unwrap();
    fs::rename(running.path(".scrape_config.yaml.swp"), running.path("scrape_config.yaml")).unwrap();
    assert_eq!(running.next_jobs("rename"), "a b c (0 stopped, 1 started, 2 untouched)");
}

#[test]
fn a_swap_of_kubernetes_data_link_is_seen() {
    let running = Running::over(|folder| {
        for (version, names) in [("..v1", ["a", "b"]), ("..v2", ["c", "d"])] {
            fs::create_dir(folder.join(version)).unwrap();
            fs::write(folder.join(version).join("scrape_config.yaml"), targets(&names)).unwrap();
        }
        symlink("..v1", folder.join("..data")).unwrap();
        symlink("..data/scrape_config.yaml", folder.join("scrape_config.yaml")).unwrap();
    });
    symlink("..v2", running.path("..data_tmp")).unwrap();
    fs::rename(running.path("..data_tmp"), running.path("..data")).unwrap();
    assert_eq!(running.next_jobs("link swap"), "c d (2 stopped, 2 started, 0 untouched)");
}

#[test]
fn a_file_that_is_a_link_into_another_folder_is_watched_there() {
    let elsewhere = tempfile::tempdir().unwrap();
    let real = elsewhere.path().join("real.yaml");
    fs::write(&real, targets(&["a"])).unwrap();
    let running = Running::over(|folder| symlink(&real, folder.join("scrape_config.yaml")).unwrap());
    fs::write(&real, targets(&["b"])).unwrap();
    assert_eq!(running.next_jobs("write behind a link"), "b (1 stopped, 1 started, 0 untouched)");
}

#[test]
fn a_request_reloads_at_once() {
    let running = Running::simple();
    let start = Instant::now();
    fs::write(running.path("scrape_config.yaml"), targets(&["z"])).unwrap();
    running.watch().requests().send(Request::Reload).unwrap();
    assert_eq!(running.next_jobs("request"), "z (2 stopped, 1 started, 0 untouched)");
    eprintln!("without waiting for {SETTLE:?}: {:?}", start.elapsed());
}

#[test]
fn settings_tell_each_key_and_what_it_does() {
    let running = Running::simple();
    fs::write(running.path("whatap.conf"), "license=y\nwhatap.server.host=h\ndebug=true\nspool_dir=/s\n").unwrap();
    let ConfEvent::Settings(settings, changes) = running.next("whatap.conf") else { panic!("no settings") };
    let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let expected = [
        r#"WHATAP_LICENSE: "***" → "***" (reconnects)"#,
        r#"debug: "false" → "true" (live)"#,
        r#"spool_dir: "" → "/s" (at the next start)"#,
    ];
    assert_eq!(told, expected);
    assert!(settings.debug);
    fs::write(running.path("whatap.conf"), "license=y\nwhatap.server.host=h\n").unwrap();
    let ConfEvent::Settings(settings, _) = running.next("debug off") else { panic!("no settings") };
    assert!(!settings.debug);
}

#[test]
fn a_setting_that_concerns_jobs_makes_them_anew() {
    let running = Running::simple();
    fs::write(running.path("whatap.conf"), "license=x\nwhatap.server.host=h\nsample_limit=5\n").unwrap();
    let ConfEvent::Settings(..) = running.next("limit") else { panic!("no settings") };
    let ConfEvent::Jobs(jobs, changes) = running.next("jobs with the limit") else { panic!("no jobs") };
    assert_eq!((jobs.0[0].limits.samples, changes.started.len()), (5, 2));
}

#[test]
fn a_faulty_file_changes_nothing_and_is_told() {
    let running = Running::simple();
    let state = running.watch().state();
    assert!(state.last_success().0);
    fs::write(running.path("scrape_config.yaml"), "scrape_configs: [\n").unwrap();
    let ConfEvent::Faulty { file, faults } = running.next("fault") else { panic!("no fault") };
    assert!(file.ends_with("scrape_config.yaml") && faults[0].line > 0, "{file} {faults:?}");
    let (successful, last) = state.last_success();
    assert!(!successful && last.is_some());
    // the same jobs written again are no change: nothing was lost meanwhile
    fs::write(running.path("scrape_config.yaml"), targets(&["a", "b"])).unwrap();
    wait_for("the reload", PATIENCE, || state.last_success().0.then_some(()));
    fs::write(running.path("scrape_config.yaml"), targets(&["a", "b", "c"])).unwrap();
    assert_eq!(running.next_jobs("mended"), "a b c (0 stopped, 1 started, 2 untouched)");
}

#[test]
fn a_faulty_target_keeps_its_last_good_form() {
    let running = Running::simple();
    let text = targets(&["a", "b", "c"]).replace("job_name: b,", "job_name: b, scrape_interval: soon,");
    fs::write(running.path("scrape_config.yaml"), text).unwrap();
    assert_eq!(running.next_jobs("one faulty target"), "a c b (0 stopped, 1 started, 2 untouched)");
    let outcome = running.watch().state().outcome();
    assert!(!outcome.successful && outcome.scrape_faults[0].path == "scrape_configs[1].scrape_interval", "{outcome:?}");
}

#[test]
fn files_that_vanish_keep_their_last_good_content() {
    let running = Running::simple();
    for name in ["scrape_config.yaml", "whatap.conf"] {
        fs::remove_file(running.path(name)).unwrap();
        let ConfEvent::Faulty { file, .. } = running.next(name) else { panic!("no fault") };
        assert!(file.ends_with(name), "{file}");
    }
    fs::write(running.path("scrape_config.yaml"), targets(&["a", "b", "c"])).unwrap();
    assert_eq!(running.next_jobs("back again"), "a b c (0 stopped, 1 started, 2 untouched)");
}

#[test]
fn a_configmap_wins_over_the_file_until_it_is_gone() {
    let running = Running::simple();
    let requests = running.watch().requests();
    let configmap = |names: &[&str]| Request::ConfigMap(Some(("ns/map".to_owned(), targets(names))));
    requests.send(configmap(&["m"])).unwrap();
    assert_eq!(running.next_jobs("ConfigMap"), "m (2 stopped, 1 started, 0 untouched)");
    assert_eq!(running.watch().state().outcome().source.to_string(), "ConfigMap ns/map");
    fs::write(running.path("scrape_config.yaml"), targets(&["f"])).unwrap();
    requests.send(configmap(&["m", "n"])).unwrap();
    assert_eq!(running.next_jobs("ConfigMap again"), "m n (0 stopped, 1 started, 1 untouched)");
    requests.send(Request::ConfigMap(None)).unwrap();
    assert_eq!(running.next_jobs("no ConfigMap"), "f (2 stopped, 1 started, 0 untouched)");
}

#[test]
fn a_start_without_a_file_names_the_path_that_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let error = Loader::start(&home(folder.path()), Arc::new(BTreeMap::new()), None).map(|_| ()).unwrap_err();
    let path = folder.path().join("scrape_config.yaml");
    assert!(error.to_string().starts_with(&format!("{} cannot be read: No such file", path.display())), "{error}");
    fs::create_dir(folder.path().join("whatap.conf")).unwrap();
    let error = Loader::start(&home(folder.path()), Arc::new(BTreeMap::new()), None).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("whatap.conf cannot be read: "), "{error}");
    let configmap = Some(("ns/map".to_owned(), targets(&["m"])));
    fs::remove_dir(folder.path().join("whatap.conf")).unwrap();
    assert_eq!(Loader::start(&home(folder.path()), Arc::new(BTreeMap::new()), configmap).unwrap().jobs().0.len(), 1);
}
