//! What the whole suite has used against what `template.yaml` allows.
//!
//! This program runs after `it`, which writes down each allowance that a call needs. The other way round there is nothing
//! to compare: a call that no policy allows has failed its test.

use std::collections::BTreeSet;

use bundle_tests::rights;

/// What the tests cannot use, and why the functions need it all the same.
const WAIVED: [(&str, &str, &str); 0] = [];

#[test]
fn what_the_policies_allow_is_what_the_whole_suite_has_used() {
    let used =
        rights::used().unwrap_or_else(|why| panic!("it is not known what the tests use: {why}"));
    let policies = rights::read(rights::template());
    let allowed: Vec<_> = policies.allowances().map(ToString::to_string).collect();
    let mut once = BTreeSet::new();
    let twice: Vec<_> = allowed
        .iter()
        .filter(|allowance| !once.insert(allowance.as_str()))
        .collect();
    assert!(twice.is_empty(), "allowed twice: {twice:#?}");
    let waived: BTreeSet<_> = WAIVED.iter().map(|(allowance, ..)| *allowance).collect();
    let unused: BTreeSet<_> = once
        .iter()
        .copied()
        .filter(|allowance| !used.contains(*allowance))
        .collect();
    let surplus: Vec<_> = unused.difference(&waived).collect();
    assert!(
        surplus.is_empty(),
        "no test needs these; take them out of template.yaml and shared/src/routes/, or add the missing test: {surplus:#?}"
    );
    let needed: Vec<_> = waived.difference(&unused).collect();
    assert!(
        needed.is_empty(),
        "waived and used, or not allowed at all: {needed:#?}"
    );
    let strange: Vec<_> = used
        .iter()
        .filter(|allowance| !once.contains(allowance.as_str()))
        .collect();
    assert!(
        strange.is_empty(),
        "used, but of another template than this: {strange:#?}"
    );
}
