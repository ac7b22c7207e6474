//! What the functions may cost, in relation to the floor of the same run.

use super::build::FLOORS;
use super::measure::Costs;
use crate::Failure;
use crate::report::Goals;

/// Judges the costs.
pub fn judge(costs: &[Costs], goals: &mut Goals) -> Result<(), Failure> {
    let find = |name: &str| costs.iter().find(|cost| cost.name == name);
    let [Some(bare), Some(client), Some(least)] = FLOORS.map(find) else {
        return Err("the floor was not measured".into());
    };
    let ours = || {
        costs
            .iter()
            .filter(|cost| !FLOORS.contains(&cost.name.as_str()))
    };
    let mut worst =
        |what: &str, costs: Vec<&Costs>, value: &dyn Fn(&Costs) -> f64, limit: f64, unit: &str| {
            if let Some(worst) = costs
                .into_iter()
                .max_by(|one, other| value(one).total_cmp(&value(other)))
            {
                goals.at_most(
                    &format!("{what}, the worst: {}", worst.name),
                    value(worst),
                    limit,
                    unit,
                );
            }
        };
    let start = 1.5 * bare.init_cpu + client.init_cpu - bare.init_cpu;
    let init = |cost: &Costs| cost.init_cpu;
    let hashing = |hashes: bool| {
        ours()
            .filter(move |cost| cost.hashes == hashes)
            .collect::<Vec<_>>()
    };
    worst(
        "init CPU, 1.5 bare ones and a TLS client",
        hashing(false),
        &init,
        start,
        "ms",
    );
    worst(
        "the same where passwords are hashed",
        hashing(true),
        &init,
        start,
        "ms",
    );
    worst(
        "first event over a warm one",
        hashing(false),
        &|cost| cost.first_cpu / cost.warm_cpu,
        1.5,
        "",
    );
    worst(
        "peak memory, nothing hashed",
        hashing(false),
        &|cost| cost.mebibytes,
        16.0,
        "MiB",
    );
    worst(
        "peak memory, 19 MiB hashed",
        hashing(true),
        &|cost| cost.mebibytes,
        40.0,
        "MiB",
    );
    if let Some(me) = find("auth-me") {
        let call = client.warm_cpu - bare.warm_cpu;
        goals.at_most(
            "warm GET me without its call, of a bare one",
            (me.warm_cpu - call) / bare.warm_cpu,
            1.15,
            "",
        );
        goals.at_most(
            "warm GET me, of a bare one with its call and its signature",
            me.warm_cpu / least.warm_cpu,
            1.15,
            "",
        );
    }
    if let Some(health) = find("service-static") {
        goals.at_most(
            "warm GET health, of a bare one",
            health.warm_cpu / bare.warm_cpu,
            1.15,
            "",
        );
    }
    Ok(())
}
