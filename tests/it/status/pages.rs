//! The pages as a browser without JavaScript gets them.

use super::{Agent, refused};
use crate::exporter::Exporter;
use crate::support::{Collector, LONG, static_config, wait_for};

const EVIL: &str = "<script>document.title='owned'</script>";

#[test]
fn the_page_says_reasons_escapes_everything_and_runs_nothing_inline() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let (up, down) = (exporter.address.to_string(), refused());
    let labels = format!("labels:\n  evil: \"{EVIL}\"");
    let targets = [("good", up.as_str(), labels.as_str()), ("bad", down.as_str(), "")];
    let agent = Agent::start(&collector.address, &static_config("1s", &targets));
    agent.scraped(2);
    let (status, head, page) = agent.ask("GET", "/targets", "");
    assert_eq!(status, 200);
    for guard in ["nosniff", "default-src 'none'", "script-src 'self'", "style-src 'self'"] {
        assert!(head.contains(guard), "{head}");
    }
    assert!(!page.contains(EVIL) && page.contains("&lt;script&gt;document.title="), "{page}");
    assert!(!page.contains(" style=") && !page.contains("<style"), "the policy forbids inline style");
    assert_eq!(page.matches("<script").count(), 1, "one script, a file");
    assert!(page.contains("refused; is the exporter running"), "{page}");
    let (bad, good) = (page.find("<b>bad</b>").unwrap(), page.find("<b>good</b>").unwrap());
    assert!(bad < good, "failing targets stand first");
    for asset in ["style.css", "script.js", "icon.svg"] {
        assert!(page.contains(&format!("/assets/{asset}?")), "{asset}");
        assert!(!agent.page(&format!("/assets/{asset}")).is_empty());
    }
}

#[test]
fn filters_work_on_the_server_and_korean_is_spoken() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let (up, down) = (exporter.address.to_string(), refused());
    let agent = Agent::start(&collector.address, &static_config("1s", &[("good", &up, ""), ("bad", &down, "")]));
    agent.scraped(2);
    for (query, good, bad) in [
        ("?health=down", false, true),
        ("?health=up", true, false),
        ("?job=good", true, false),
        ("?q=REFUSED", false, true),
        ("?q=no+such+thing", false, false),
        ("?page=9", false, false),
    ] {
        let page = agent.page(&format!("/targets{query}"));
        assert_eq!((page.contains("<b>good</b>"), page.contains("<b>bad</b>")), (good, bad), "{query}");
    }
    let (_, _, korean) = agent.ask("GET", "/targets", "Accept-Language: ko-KR,ko;q=0.9,en;q=0.8\r\n");
    assert!(korean.contains("<html lang=\"ko\">") && korean.contains("연결 거부"), "{korean}");
}

#[test]
fn samples_show_what_relabelling_and_the_limits_of_the_server_did_to_each() {
    let exporter = Exporter::text(|_| {
        let mut body = String::from("kept{code=\"<b>\"} 1\ngone 2\nodd NaN\nrenamed 3\n");
        body.extend((0..2000).map(|n| format!("many{{n=\"{n}\"}} {n}\n")));
        body
    });
    let collector = Collector::start("127.0.0.1:0", &[]);
    let rules = "metricRelabelConfigs:\n- {sourceLabels: [__name__], regex: gone, action: drop}\n\
                 - {sourceLabels: [__name__], regex: renamed, targetLabel: __name__, replacement: new_name}";
    let config = static_config("1h", &[("shop", &exporter.address.to_string(), rules)]);
    let agent = Agent::start(&collector.address, &config);
    let target = wait_for("the target", LONG, || agent.targets().pop());
    let page = agent.page(&format!("/samples?target={}", target["id"].as_str().unwrap()));
    let row =
        |part: &str| page.lines().find(|line| line.starts_with("<tr") && line.contains(part)).expect(part).to_owned();
    assert!(row("<code>kept{").contains("kept{code=&quot;&lt;b&gt;&quot;"), "{}", row("<code>kept{"));
    assert!(row("<code>kept{").contains("pcode=&quot;1845&quot;"));
    assert!(row("<code>gone</code>").contains("dropped by metricRelabelConfigs"));
    assert!(row("<code>gone</code>").contains("dropped it"));
    assert!(row("<code>odd</code>").contains("NaN, which the server does not take"));
    assert!(row("<code>renamed</code>").contains("new_name{"));
    assert_eq!(page.matches("<tr class=").count(), 1000);
    assert!(page.contains("The first samples only"));
    assert_eq!(agent.targets()[0]["scrapes"], 0, "a look is no scrape");
    assert_eq!(agent.ask("GET", "/samples?target=nobody", "").0, 404);
}

#[test]
fn dropped_targets_show_their_rule_and_the_configuration_in_force_no_secret() {
    let collector = Collector::start("127.0.0.1:0", &[]);
    let rules = "relabelConfigs:\n- {sourceLabels: [job], regex: unwanted, action: drop}\n\
                 basicAuth: {username: me, password: hunter2}";
    let (wanted, unwanted) = (refused(), refused());
    let targets = [("wanted", wanted.as_str(), ""), ("unwanted", unwanted.as_str(), rules)];
    let agent = Agent::start(&collector.address, &static_config("1s", &targets));
    agent.scraped(1);
    let page = agent.page("/targets");
    let dropped = page.split("id=\"dropped\"").nth(1).expect("a list of dropped targets");
    assert!(dropped.contains(&unwanted) && dropped.contains("drop") && dropped.contains("unwanted"), "{dropped}");
    let answer: serde_json::Value = serde_json::from_str(&agent.page("/api/v1/targets?state=dropped")).unwrap();
    let one = &answer["data"]["droppedTargets"][0];
    assert_eq!(one["scrapePool"], "unwanted");
    assert_eq!(one["discoveredLabels"]["__address__"], unwanted.as_str());
    assert!(one["reason"].as_str().unwrap().contains("drop"), "{one}");
    let config = agent.page("/api/v1/status/config");
    assert!(config.contains("wanted") && config.contains("***") && !config.contains("hunter2"), "{config}");
    assert!(!config.contains(crate::support::LICENCE), "{config}");
    let (status, _, told) = agent.ask("POST", "/-/reload", "");
    assert_eq!(status, 200, "{told}");
}
