//! What the chart takes over from the program.

use std::path::Path;

#[test]
fn the_schema_of_the_charts_values_is_the_programs_own() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/nbu-exporter/schema/config.schema.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let committed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(
        committed == nbu_exporter::config::schema(),
        "stale: nbu-exporter schema > {} && charts/nbu-exporter/schema/build",
        file.display()
    );
}
