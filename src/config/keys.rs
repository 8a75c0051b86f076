//! The table of whatap.conf's keys: one row a key. Parsing, `check`, hints, the example file and [`Settings`] all come
//! from it.
//!
//! Names and defaults of the first groups are those of the agent this one replaces, so that its files keep working.

use super::key::{Effect, Key, Kind};
use super::settings::Stored;
use super::value::{FromValue, LogFormat, LogLevel, SpoolOrder, TokenPolicy, Value};
use crate::relabel::Anchoring;
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Milliseconds of a day, the upper bound of most times.
const DAY: u64 = 86_400_000;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const ANY: u64 = u64::MAX;

macro_rules! settings {
    ($($group:literal {
        $($field:ident: $type:ty = $name:literal $([$($also:literal),+])?, $kind:expr, $default:literal, $effect:ident, $doc:literal;)+
    })+) => {
        /// Every key there is, in the order of the example file.
        pub static KEYS: &[Key] = &[$($(
            Key {
                group: $group, name: $name, also: &[$($($also),+)?], kind: $kind, default: $default,
                effect: Effect::$effect, doc: $doc,
            },
        )+)+];

        /// What whatap.conf and the environment say, typed, complete and immutable; a change makes another one.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $($(#[doc = $doc] pub $field: $type,)+)+
            /// The text and origin of each row of [`KEYS`].
            pub(super) stored: Vec<Stored>,
        }

        impl Settings {
            /// Takes one value for each row of [`KEYS`], in its order.
            pub(super) fn from_values(values: Vec<Value>, stored: Vec<Stored>) -> Self {
                let mut values = values.into_iter();
                let mut next = || values.next().expect("one value for each row of the table");
                Self { $($($field: FromValue::from_value(next()),)+)+ stored }
            }
        }
    };
}

settings! {
    "The server" {
        licence: Secret = "WHATAP_LICENSE" ["license"], Kind::Secret, "", Reconnect,
            "The project's licence. Required.";
        hosts: Vec<String> = "WHATAP_HOST" ["whatap.server.host", "WHATAP_SERVER_HOST"], Kind::Hosts, "", Reconnect,
            "The collection servers, split by / or a comma, tried in turn. Required.";
        port: u16 = "WHATAP_PORT" ["whatap.server.port", "WHATAP_SERVER_PORT"], Kind::Number(1, 65535), "6600", Reconnect,
            "The port of the collection servers.";
    }
    "Who this agent is" {
        oname: Option<String> = "whatap.oname" ["WHATAP_ONAME"], Kind::Text, "", Reconnect,
            "The agent's name as it is; without it app_name, then the pattern of whatap.name.";
        name_pattern: String = "whatap.name" ["WHATAP_NAME", "object_name"], Kind::Text, "{type}-{ip2}-{ip3}-{process}", Reconnect,
            "The pattern of the agent's name; {ip0} to {ip3}, {port}, {hostname}, {type}, {process}, {docker} and {ips} are filled in, one without a value stays as it stands.";
        okind: Option<String> = "whatap.okind" ["WHATAP_OKIND", "OKIND"], Kind::Text, "", Reconnect,
            "The agent's kind; without it POD_NAME or PODNAME up to its last dash.";
        onode: Option<String> = "whatap.onode" ["WHATAP_ONODE", "NODE_NAME", "NODE_IP"], Kind::Text, "", Reconnect,
            "The agent's node.";
        app_name: Option<String> = "app_name", Kind::Text, "", Reconnect,
            "The agent's name where whatap.oname is absent, and {type} in the pattern.";
        app_process_name: Option<String> = "app_process_name", Kind::Text, "", Reconnect,
            "{process} in the pattern.";
    }
    "Log and debugging" {
        debug: bool = "debug", Kind::Bool, "false", Live,
            "Prints every sample that is sent on stdout, and writes debug lines to the log.";
        log_level: LogLevel = "log_level", Kind::Level, "INFO", Live,
            "The least level that is logged: DEBUG, INFO, WARN, ERROR or 0 to 3.";
        log_keep_days: u64 = "log_keep_days", Kind::Number(1, 3650), "7", Live,
            "Days for which log files are kept.";
        log_rotation_enabled: bool = "log_rotation_enabled", Kind::Bool, "true", Live,
            "Begins a new log file each day and at log_max_bytes, and removes old ones.";
        log_stdout_enabled: bool = "log_stdout_enabled", Kind::Bool, "false", Live,
            "Console lines of the log go to stdout instead of stderr.";
        log_max_bytes: u64 = "log_max_bytes", Kind::Bytes(KIB, ANY), "64MiB", Live,
            "The size at which a new log file begins.";
        log_format: LogFormat = "log_format", Kind::Choice(&["text", "json"]), "text", Live,
            "How a log line is written: text or json.";
        debug_tcp: bool = "debug_tcp*", Kind::Switches, "false", Live,
            "Any switch that begins with debug_tcp logs what the session with the server does.";
    }
    "What is sent" {
        openagent_enable_protobuf: bool = "openagent_enable_protobuf", Kind::Bool, "false", Live,
            "Asks targets for protobuf first, which brings native histograms.";
        tag_counter_enabled: bool = "tag_counter_enabled", Kind::Bool, "false", Live,
            "Sends the agent's own state: boot information, tag counts, openagent_scrape_target.";
        endpoint_metering_enabled: bool = "endpoint_metering_enabled", Kind::Bool, "false", Live,
            "Sends each target's URL with its samples.";
        scrape_report_enabled: bool = "scrape_report_enabled", Kind::Bool, "true", Live,
            "Sends up, scrape_duration_seconds, scrape_samples_scraped and scrape_samples_post_metric_relabeling for each target.";
        extra_scrape_metrics: bool = "extra_scrape_metrics", Kind::Bool, "false", Live,
            "Sends scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes too.";
    }
    "The session with the server" {
        cypher_level: u16 = "cypher_level", Kind::Choice(&["0", "128", "192", "256"]), "128", Reconnect,
            "Bits of the session's AES key; 0 neither hides nor encrypts.";
        encrypt_level: u16 = "encrypt_level", Kind::Number(1, 3), "2", Reconnect,
            "How packs are protected: 1 and 2 hide them, 3 encrypts them.";
        tcp_connection_timeout: Duration = "tcp_connection_timeout", Kind::Millis(1, DAY), "5000", Reconnect,
            "Bound of connecting to the server.";
        tcp_so_timeout: Duration = "tcp_so_timeout", Kind::Millis(1, DAY), "120000", Reconnect,
            "Silence of the server after which the session counts as dead.";
        tcp_so_send_timeout: Duration = "tcp_so_send_timeout", Kind::Millis(1, DAY), "20000", Reconnect,
            "Bound of one write to the server.";
        time_sync_interval: Duration = "time_sync_interval_ms", Kind::Millis(1, DAY), "5000", Live,
            "Time between two comparisons of the clock with the server's.";
        net_send_max_bytes: usize = "net_send_max_bytes", Kind::Bytes(KIB, 8 * MIB), "5MiB", Live,
            "The largest frame that is sent.";
        net_write_buffer_size: usize = "net_write_buffer_size", Kind::Bytes(KIB, 1024 * MIB), "8MiB", Reconnect,
            "Most bytes handed to one write of the socket.";
    }
    "Waiting for the server" {
        send_queue_bytes: u64 = "send_queue_bytes", Kind::Bytes(KIB, ANY), "16MiB", Live,
            "Most bytes of packs that wait in memory; beyond it the oldest go to the spool, or are dropped.";
        net_send_queue1_size: u64 = "net_send_queue1_size", Kind::Number(1, ANY), "512", Live,
            "Most packs that wait in memory.";
        net_send_queue2_size: u64 = "net_send_queue2_size", Kind::Number(0, ANY), "100000", Live,
            "Accepted for the sake of existing files; one queue, bounded by send_queue_bytes, takes all packs.";
        queue_tcp_sender_thread_count: u64 = "queue_tcp_sender_thread_count", Kind::Number(0, ANY), "2", Live,
            "Accepted for the sake of existing files; one thread sends, which keeps the order.";
        net_failover_retry_send_data_enabled: bool = "net_failover_retry_send_data_enabled", Kind::Bool, "true", Live,
            "Sends again what TCP had not acknowledged when a connection broke.";
        retry_window_bytes: u64 = "retry_window_bytes", Kind::Bytes(0, ANY), "1MiB", Live,
            "Bytes sent last that are sent again on a new connection, where the system does not tell what was acknowledged.";
        replay_bytes_per_second: u64 = "replay_bytes_per_second", Kind::Bytes(KIB, ANY), "8MiB", Live,
            "Rate at which waiting packs are sent once the server is back.";
        spool_dir: Option<PathBuf> = "spool_dir", Kind::Text, "", Restart,
            "Directory for packs that memory cannot hold and for those left at the end; empty: no spool.";
        spool_max_bytes: u64 = "spool_max_bytes", Kind::Bytes(KIB, ANY), "256MiB", Live,
            "Most bytes of the spool; beyond it the oldest are dropped.";
        spool_fsync: Duration = "spool_fsync", Kind::Time(0, DAY), "1s", Live,
            "Time between two writes of the spool through to the disk; 0 writes each pack through.";
        spool_order: SpoolOrder = "spool_order", Kind::Choice(&["oldest", "newest"]), "oldest", Live,
            "Which packs of the spool go out first: oldest or newest.";
    }
    "Scraping" {
        scrape_threads: usize = "scrape_threads", Kind::Number(0, 1024), "0", Restart,
            "Threads that scrape; 0: by the number of CPUs, 8 at least.";
        slow_scrape_threads: usize = "slow_scrape_threads", Kind::Number(1, 1024), "4", Restart,
            "Threads for targets that timed out, until they answer in time.";
        scrape_connect_timeout: Duration = "scrape_connect_timeout", Kind::Time(1, DAY), "2s", Live,
            "Bound of connecting to a target, inside the scrape's own timeout.";
        strict_text: bool = "strict_text", Kind::Bool, "false", Live,
            "Fails a scrape of the text format for one bad line; otherwise the line is skipped and counted.";
        max_line_bytes: usize = "max_line_bytes", Kind::Bytes(KIB, 1024 * MIB), "1MiB", Live,
            "The longest line of an exposition.";
        relabel_anchoring: Anchoring = "relabel_regex_anchored", Kind::Bool, "true", Live,
            "Relabelling regexes match the whole value, as in Prometheus; false matches anywhere in it.";
        service_account_token: TokenPolicy = "service_account_token", Kind::Choice(&["never", "verified", "always"]), "verified", Live,
            "Which Kubernetes targets get the service account token, over https only: never, those whose certificate is verified, always. Static endpoints never do.";
    }
    "Limits of each job that sets none itself" {
        body_size_limit: u64 = "body_size_limit", Kind::Bytes(1, ANY), "64MiB", Live,
            "Bytes of a body after inflation; a larger one fails the scrape.";
        sample_limit: u64 = "sample_limit", Kind::Number(0, ANY), "0", Live,
            "Samples of a scrape after relabelling; 0: no limit.";
        label_limit: usize = "label_limit", Kind::Number(1, 255), "255", Live,
            "Labels of a sample; the protocol holds 255.";
        label_name_length_limit: usize = "label_name_length_limit", Kind::Bytes(0, ANY), "0", Live,
            "Bytes of a label's name; 0: no limit.";
        label_value_length_limit: usize = "label_value_length_limit", Kind::Bytes(0, ANY), "0", Live,
            "Bytes of a label's value; 0: no limit.";
        target_limit: usize = "target_limit", Kind::Number(0, ANY), "0", Live,
            "Targets of a job; 0: no limit.";
    }
    "Kubernetes" {
        kubernetes_poll_interval: Duration = "kubernetes_poll_interval", Kind::Time(1000, DAY), "15s", Live,
            "Time between two looks at the API server.";
        node_local: bool = "node_local", Kind::Bool, "false", Live,
            "Only pods of the node named by NODE_NAME, for a DaemonSet.";
        node_name: Option<String> = "NODE_NAME", Kind::Text, "", Restart,
            "The node this agent runs on.";
        pod_name: Option<String> = "POD_NAME" ["PODNAME"], Kind::Text, "", Restart,
            "The pod this agent runs in.";
        pod_namespace: Option<String> = "POD_NAMESPACE", Kind::Text, "", Restart,
            "The namespace this agent runs in; without it that of the service account.";
        cluster_members: u64 = "cluster_members", Kind::Number(1, 10_000), "1", Live,
            "How many agents share the targets among them.";
        cluster_member: Option<u64> = "cluster_member", Kind::Number(0, 9_999), "", Live,
            "Which of them this one is, from 0; without it the number at the end of POD_NAME.";
    }
    "Status and processes" {
        status_listen: Option<String> = "status_listen", Kind::Listen, "127.0.0.1:9527", Restart,
            "Address of the status pages and the agent's own metrics; empty turns them off.";
        heartbeat_timeout: Duration = "heartbeat_timeout", Kind::Time(100, DAY), "60s", Restart,
            "Silence of the worker after which the supervisor replaces it.";
    }
}
