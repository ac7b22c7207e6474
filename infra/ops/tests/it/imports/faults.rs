//! Lines that are wrong, and what becomes of the others.

use serde_json::json;

use super::{File, counts, import, shown};
use crate::local::Local;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_line_of_an_address_and_a_deleted_row_are_faults() {
    let local = Local::start("import-twice").await;
    let lines = [
        json!({ "email": "ada@example.com", "name": "Ada" }),
        json!({ "email": "ADA@example.com", "name": "Eve" }),
        json!({ "email": "bob@example.com", "deleted_at": "2025-11-01T00:00:00+00:00" }),
        json!({ "email": "eve@example.com", "deleted_at": null }),
    ];
    let file = File::new("twice", &lines.map(|line| line.to_string()).join("\n"));
    let dry = import(&local, "dashtam", &file, &[]).await.assert(2);
    assert!(
        dry.err.contains("line 2: it has the address of line 1") && dry.err.contains("line 3: "),
        "{}",
        dry.err
    );
    assert_eq!(
        counts(
            &import(&local, "dashtam", &file, &["--yes", "--on-fault", "skip"])
                .await
                .assert(1)
        ),
        [2, 0, 2]
    );
    assert_eq!(
        shown(&local, "ada@example.com").await.pointer("/user/name"),
        Some(&json!("Ada"))
    );
}

/// A file with a fault of each kind in every second line.
fn faulty() -> File {
    let good = |n: u32| json!({ "email": format!("good{n}@example.com") }).to_string();
    let lines = [
        good(1),
        r#"{"email":"M4rk3d"}"#.to_owned(),
        good(2),
        r#"{"email":"a@example.com","password_hash":"M4rk3d"}"#.to_owned(),
        good(3),
        r#"{"email":"b@example.com","M4rk3d":true}"#.to_owned(),
        good(4),
        "M4rk3d".to_owned(),
        String::new(),
        r#"{"email":"c@example.com","password_hash":"$2b$04$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"}"#
            .to_owned(),
    ];
    File::new("faulty", &lines.join("\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_lines_are_named_by_number_and_left_out_where_asked() {
    let local = Local::start("import-skip").await;
    let ran = import(&local, "jsonl", &faulty(), &["--yes", "--on-fault", "skip"])
        .await
        .assert(1);
    assert_eq!(counts(&ran), [4, 0, 5]);
    for line in [2, 4, 6, 8, 10] {
        assert!(ran.err.contains(&format!("line {line}: ")), "{}", ran.err);
    }
    assert!(
        !ran.err.contains("M4rk3d") && !ran.err.contains("R9h"),
        "{}",
        ran.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_were_left_out_are_kept_and_can_be_imported_once_mended() {
    let local = Local::start("import-rejected").await;
    let good = json!({ "email": "good@example.com" }).to_string();
    let bad =
        json!({ "email": "bad@example.com", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99" })
            .to_string();
    let file = File::new("rejected", &[&*bad, &*good, &*bad].join("\n"));
    let ran = import(&local, "jsonl", &file, &["--yes", "--on-fault", "skip"])
        .await
        .assert(1);
    assert!(
        ran.err
            .contains("line 1: the password hash is a plain MD5, which is too weak"),
        "{}",
        ran.err
    );
    let kept = file.rejected();
    assert_eq!(
        ran.document().get("rejected_file"),
        Some(&json!(kept.display().to_string()))
    );
    let lines = std::fs::read_to_string(&kept).expect("kept");
    assert_eq!(lines, format!("{bad}\n{bad}\n"));
    let mended = File::new(
        "mended",
        &lines
            .lines()
            .next()
            .expect("a line")
            .replace("5f4dcc3b5aa765d61d8327deb882cf99", ""),
    );
    assert_eq!(
        counts(&import(&local, "jsonl", &mended, &["--yes"]).await.assert(0)),
        [1, 0, 0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_line_of_a_table_has_its_columns() {
    let local = Local::start("import-rejected-csv").await;
    let file = File::new(
        "rejected-csv",
        "name,email,email_verified\n\"King, Bob\",bob,true\nAda,ada@example.com,true\n",
    );
    let ran = import(&local, "cognito", &file, &["--yes", "--on-fault", "skip"])
        .await
        .assert(1);
    assert_eq!(counts(&ran), [1, 0, 1]);
    let lines = std::fs::read_to_string(file.rejected()).expect("kept");
    assert_eq!(lines, "name,email,email_verified\n\"King, Bob\",bob,true\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_too_long_or_no_text_is_told_and_the_next_one_is_read() {
    let local = Local::start("import-long").await;
    let [longest, too_long] = [65_536, 65_537].map(|length| {
        let mut line = json!({ "email": format!("of{length}@example.com") }).to_string();
        line.extend(std::iter::repeat_n(' ', length - line.len()));
        line.into_bytes()
    });
    let more = [
        &longest[..],
        b"\n",
        &too_long,
        b"\n{\"email\":\"\xff@example.com\"}\n",
        &too_long,
    ];
    let file = File::new("long", "");
    std::fs::write(&file.0, more.concat()).expect("written");
    let ran = import(&local, "jsonl", &file, &["--yes", "--on-fault", "skip"])
        .await
        .assert(1);
    assert_eq!(counts(&ran), [1, 0, 3], "{}", ran.err);
    for line in [
        "line 2: it has more than",
        "line 3: it is not UTF-8",
        "line 4: it has more than",
    ] {
        assert!(ran.err.contains(line), "{}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_faulty_line_ends_the_import_without_being_asked() {
    let local = Local::start("import-stop").await;
    let ran = import(&local, "jsonl", &faulty(), &["--yes"])
        .await
        .assert(1);
    assert_eq!(counts(&ran), [1, 0, 1]);
    assert_eq!(ran.document().get("stopped_at_line"), Some(&json!(2)));
    local
        .ops(&["users", "show", "good2@example.com"])
        .await
        .assert(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_yes_every_fault_is_named_and_nobody_imported() {
    let local = Local::start("import-dry").await;
    let ran = import(&local, "jsonl", &faulty(), &[]).await.assert(2);
    assert!(
        ran.err
            .contains("import 4 accounts; 5 lines cannot be imported"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("line 10: "), "{}", ran.err);
    local
        .ops(&["users", "show", "good1@example.com"])
        .await
        .assert(3);
}
