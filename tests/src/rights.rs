//! Who may do what in the tests: the policies of the template, and the list of those that were of use.
//!
//! A call that no policy allows is refused, and fails its test at the end even if nothing else shows it ([`Watch`]). What a
//! policy allows and a call needs is written into a list beside the test program, which the test program `rights` reads
//! when the whole suite has run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use dashtam_local::names::Names;
use dashtam_local::policies;
use dashtam_local::template::Template;
use local_aws::iam::{Policies, Rights};

/// What the template's resources are called in the tests.
pub const NAMES: Names<'static> = Names {
    table_prefix: "dashtam-local-",
    secret_prefix: "dashtam-local/",
    sender: "no-reply@dashtam.example",
};

/// The list's name, in the folder of the test programs.
const LIST: &str = "rights-used.txt";
/// The first line of a list that all tests have written.
const WHOLE: &str = "by all tests of";
/// The first line of a list that some tests have written.
const PART: &str = "by some tests of";

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template::embedded().expect("the template"));
static POLICIES: LazyLock<Arc<Policies>> = LazyLock::new(|| {
    let list = Mutex::new(begin_list());
    let policies = read(&TEMPLATE).observed_by(move |allowance| {
        writeln!(list.lock().expect("no panic"), "{allowance}")
            .expect("the list of used rights is written");
    });
    Arc::new(policies)
});

/// The template.
#[must_use]
pub fn template() -> &'static Template {
    &TEMPLATE
}

/// Its policies, which write down what is used.
#[must_use]
pub fn policies() -> Arc<Policies> {
    Arc::clone(&POLICIES)
}

/// The policies of any template.
#[must_use]
pub fn read(template: &Template) -> Policies {
    policies::read(&template.document, NAMES).expect("policies that can be evaluated")
}

/// Everything that all tests of the last run have used.
///
/// # Errors
/// Why there is no such list.
pub fn used() -> Result<BTreeSet<String>, String> {
    let list = list();
    let again = "run `cargo test --workspace`, whole";
    let text = fs::read_to_string(&list)
        .map_err(|error| format!("{}: {error}; {again}", list.display()))?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let program = first
        .strip_prefix(WHOLE)
        .map(str::trim)
        .ok_or_else(|| format!("only some tests have run; {again}"))?;
    let changed = |path: &Path| {
        fs::metadata(path)
            .and_then(|data| data.modified())
            .map_err(|error| error.to_string())
    };
    if changed(Path::new(program))? > changed(&list)? {
        return Err(format!(
            "the tests were built anew and have not run since; {again}"
        ));
    }
    Ok(lines.map(str::to_owned).collect())
}

fn list() -> PathBuf {
    std::env::current_exe()
        .expect("a program")
        .with_file_name(LIST)
}

fn begin_list() -> File {
    let mut file = File::create(list()).expect("a list of used rights");
    // What only changes how tests are run and shown; anything else leaves some out.
    let is_harmless = |word: &String| {
        let shown = [
            "--nocapture",
            "--no-capture",
            "--show-output",
            "--quiet",
            "-q",
        ]
        .contains(&word.as_str());
        shown
            || ["--test-threads=", "--color=", "--format="]
                .iter()
                .any(|option| word.starts_with(option))
    };
    let first = if std::env::args().skip(1).all(|word| is_harmless(&word)) {
        WHOLE
    } else {
        PART
    };
    let program = std::env::current_exe().expect("a program");
    writeln!(file, "{first} {}", program.display()).expect("the list of used rights is written");
    file
}

/// Fails a test in which a call was refused that nobody has asked about.
#[derive(Debug)]
pub struct Watch(Rights);

impl Watch {
    pub(crate) fn over(rights: &Rights) -> Self {
        Self(rights.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let refused = self.0.take_refused().join("\n");
        if std::thread::panicking() {
            eprintln!("{refused}");
        } else {
            assert!(refused.is_empty(), "calls to AWS were refused:\n{refused}");
        }
    }
}
