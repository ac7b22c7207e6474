//! The drill in its short form.

use crate::local::Local;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_short_drill_passes_and_shows_no_secret() {
    let local = Local::start("drill").await;
    let file = std::env::temp_dir().join(format!("dashtam-ops-drill-{}.md", std::process::id()));
    let (url, path) = (local.url(), file.to_string_lossy().into_owned());
    let drill = [
        "drill",
        "breach",
        "--url",
        &url,
        "--users",
        "3",
        "--seconds",
        "1",
        "--tries",
        "200",
    ];
    let ran = local
        .ops(&[&drill[..], &["--report", &path, "--yes", "--json"]].concat())
        .await;
    let page = std::fs::read_to_string(&file).expect("a report");
    drop(std::fs::remove_file(&file));
    let report = ran.document();
    let failures = report["failures"].as_array().expect("a list");
    assert!(failures.is_empty(), "{failures:#?}\n{}", ran.err);
    assert_eq!(ran.code, 0);
    for kind in report["tokens"].as_array().expect("tokens") {
        assert_eq!(
            (&kind["stale"], &kind["failed"]),
            (&0.into(), &0.into()),
            "{kind:#}"
        );
        let is_mailed = kind["kind"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("mailed"));
        assert!(
            is_mailed
                || kind["accepted_before"]
                    .as_u64()
                    .is_some_and(|count| count > 0),
            "{kind:#}"
        );
    }
    assert_eq!(report["tokens"].as_array().map(Vec::len), Some(8));
    assert!(
        page.starts_with("# Breach drill") && page.contains("rotate the data ring"),
        "{page}"
    );
    for secret in ["Drill-7-", "eyJ", "dtr_", "drs_", "dvt_", "$argon2id$"] {
        assert!(
            !ran.out.contains(secret) && !ran.err.contains(secret) && !page.contains(secret),
            "{secret}"
        );
    }
}
