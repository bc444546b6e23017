use std::path::Path;

use super::*;

fn findings(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    match load_text(Path::new("job.toml"), text, &overrides) {
        Ok(loaded) => loaded.remarks.to_string(),
        Err(JobError::Wrong { report }) => format!("{report}\n{}", report.render(100,false)),
        Err(other) => panic!("{other}"),
    }
}

const GOOD: &str = r#"version = 1
name = "test"

[inputs.transactions]
path = "lines.parquet"

[consent]
lawful_basis = "contract"
"#;

#[test]
fn p() {
    println!("{}", findings(GOOD, &[]));
    println!("{}", schema());
    println!("{}", findings(r#"
version = 2
nmae = "x"
timezone = "Asia/Shanghia"
currency = "RMB"
shards = 0
seed = 1.0
out = 5
as_of = 2026-02-30T

"#, &[]));
    println!("{}", findings(r#"
version = 2
nmae = "x"
timezone = "Asia/Shanghia"
currency = "RMB"
shards = 0
seed = 1.0
out = 5
as_of = 2026-02-28

[inputs]
transaction = 5
items = { pth = "x" , columns = { nmae = "name", price = 5, brand = { exp = "x" } } }
[inputs.object_store]
secret_access_key = "x"
[cleaning]
on_duplicate = "dorp"
start = "x"
seed = 5
[consent]
minimum_age = 13
[features]
top_categories = -1
spend_windows = [1, "2", 0]
[[features.sql]]
name = "Bad name"
[[features.sql]]
name = "good"
expr = "1"
fill = "zeor"
winsorise = 1
"#, &["a", "seed=x", "features.sql.good.unit=3", "features.sql.goof.unit=3", "consent.foo.bar=3", "consent.lawful_basis=", "consent.minimum_age=2"]));
}
