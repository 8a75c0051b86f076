//! What whatap.conf and the environment say, turned into each room's own settings.

use crate::config::{Settings, value};
use crate::scrape::auth::ServiceAccount;
use crate::scrape::fetch::FetchSettings;
use crate::scrape::live::ScrapeSettings;
use crate::scrape::pool::PoolSize;
use crate::sender::{SenderSettings, SpoolOrder, SpoolSettings};
use crate::telemetry::log::LogOptions;
use crate::telemetry::log_file::Rotation;
use crate::telemetry::log_format::LogFormat;
use crate::telemetry::process;
use crate::wire::cypher::Level;
use crate::wire::identity::{Identity, Sources};
use crate::wire::licence::{Licence, LicenceError};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where Kubernetes puts a pod's token.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where Kubernetes puts the certificates that the cluster's own are signed with.
const SERVICE_ACCOUNT_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// The server that packs go to, and the project they are for.
#[derive(Debug, Clone)]
pub struct Account {
    /// The project's licence.
    pub licence: Licence,
    /// Hosts, tried in turn.
    pub hosts: Vec<String>,
    /// Their port.
    pub port: u16,
}

impl Account {
    /// Reads the licence of the settings.
    ///
    /// # Errors
    /// The missing keys, or what is wrong with the licence, as a text for people; `file` is whatap.conf's path.
    pub fn of(settings: &Settings, file: &str) -> Result<Self, String> {
        let server = settings.server(file).map_err(|missing| missing.to_string())?;
        let licence = Licence::parse(server.licence.expose())
            .map_err(|error: LicenceError| format!("WHATAP_LICENSE (or license in {file}): {error}"))?;
        Ok(Self { licence, hosts: server.hosts, port: server.port })
    }
}

/// Who the agent was the last time a connection decided it: the local address of the socket is part of its name.
#[derive(Debug, Clone, Default)]
pub struct LastIdentity(Arc<Mutex<Option<Arc<Identity>>>>);

impl LastIdentity {
    /// Who the agent is; `None` before the first connection.
    pub fn known(&self) -> Option<Arc<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, identity: &Identity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(identity.clone()));
    }
}

/// The sender's settings.
///
/// `last` is told who the agent is each time a connection decides it.
pub fn sender(settings: &Settings, account: &Account, last: &LastIdentity) -> SenderSettings {
    let (named, last) = (settings.clone(), last.clone());
    let identity = Arc::new(move |pcode, ip| {
        let identity = identity(&named, pcode, ip);
        last.note(&identity);
        identity
    });
    let plain = SenderSettings::new(account.licence.clone(), account.hosts.clone(), account.port, identity);
    let retry = if settings.net_failover_retry_send_data_enabled { settings.retry_window_bytes } else { 0 };
    SenderSettings {
        cypher_level: Level::from_bits(u32::from(settings.cypher_level)).unwrap_or_default(),
        encrypt: settings.encrypt_level >= 3,
        connect_timeout: settings.tcp_connection_timeout,
        read_timeout: settings.tcp_so_timeout,
        write_timeout: settings.tcp_so_send_timeout,
        time_sync_interval: settings.time_sync_interval,
        net_send_max_bytes: settings.net_send_max_bytes,
        queue_bytes: size(settings.send_queue_bytes),
        retry_window_bytes: size(retry),
        replay_bytes_per_second: settings.replay_bytes_per_second,
        spool: spool(settings),
        ..plain
    }
}

fn spool(settings: &Settings) -> Option<SpoolSettings> {
    let dir = settings.spool_dir.clone()?;
    let mut spool = SpoolSettings::new(dir);
    spool.max_bytes = settings.spool_max_bytes;
    spool.fsync = settings.spool_fsync;
    spool.order = match settings.spool_order {
        value::SpoolOrder::Oldest => SpoolOrder::Oldest,
        value::SpoolOrder::Newest => SpoolOrder::Newest,
    };
    Some(spool)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn identity(settings: &Settings, pcode: i64, ip: Ipv4Addr) -> Identity {
    let setting = |key: &str| match key {
        "whatap.oname" => settings.oname.clone(),
        "whatap.name" => Some(settings.name_pattern.clone()),
        "whatap.okind" => settings.okind.clone(),
        "whatap.onode" => settings.onode.clone(),
        "app_name" => settings.app_name.clone(),
        "app_process_name" => settings.app_process_name.clone(),
        _ => None,
    };
    let env = |name: &str| match name {
        "POD_NAME" => settings.pod_name.clone(),
        _ => None, // the settings have looked there already
    };
    let hostname = process::hostname();
    Identity::resolve(
        pcode,
        ip,
        &Sources { setting: &setting, env: &env, hostname: &hostname, container_id: "", addresses: "" },
    )
}

/// The settings of scraping that change while it runs.
pub fn scraping(settings: &Settings, pcode: i64) -> ScrapeSettings {
    ScrapeSettings {
        pcode,
        strict_text: settings.strict_text,
        max_line_bytes: settings.max_line_bytes,
        report_series: settings.scrape_report_enabled,
        extra_series: settings.extra_scrape_metrics,
        debug: settings.debug,
        endpoint_metering: settings.endpoint_metering_enabled,
    }
}

/// What HTTP needs to know.
pub fn fetch(settings: &Settings) -> FetchSettings {
    FetchSettings {
        protobuf: settings.openagent_enable_protobuf,
        connect_timeout: settings.scrape_connect_timeout,
        service_account: service_account(settings),
        cluster_ca: Some(PathBuf::from(SERVICE_ACCOUNT_CA)).filter(|file| file.is_file()),
    }
}

/// The agent's service account, inside a pod; nobody's elsewhere.
pub fn service_account(settings: &Settings) -> ServiceAccount {
    let token = Path::new(SERVICE_ACCOUNT_TOKEN);
    let (Ok(host), true) = (std::env::var("KUBERNETES_SERVICE_HOST"), token.is_file()) else {
        return ServiceAccount::none();
    };
    let port = std::env::var("KUBERNETES_SERVICE_PORT").unwrap_or_else(|_| "443".to_owned());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let policy = settings.service_account_token;
    let api_servers = vec![format!("{host}:{port}"), format!("kubernetes.default.svc:{port}")];
    ServiceAccount { policy, token_file: Some(token.to_owned()), api_servers }
}

/// How many threads scrape.
pub fn pool_size(settings: &Settings) -> PoolSize {
    let default = PoolSize::default();
    let fast = if settings.scrape_threads == 0 { default.fast } else { settings.scrape_threads };
    PoolSize { fast, slow: settings.slow_scrape_threads }
}

/// How the log is written; `debug=true` makes it say everything.
pub fn log(settings: &Settings) -> LogOptions {
    LogOptions {
        level: if settings.debug { log::LevelFilter::Debug } else { settings.log_level.0 },
        format: match settings.log_format {
            value::LogFormat::Text => LogFormat::Text,
            value::LogFormat::Json => LogFormat::Json,
        },
        to_stdout: settings.log_stdout_enabled,
        rotation: Rotation {
            enabled: settings.log_rotation_enabled,
            keep_days: u32::try_from(settings.log_keep_days).unwrap_or(u32::MAX),
            max_bytes: settings.log_max_bytes,
        },
    }
}
