//! The target that `NBU_EXPORTER_FUZZ_TARGET` names, driven by libFuzzer.

#![no_main]

use std::env;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nbu_exporter::FuzzTarget;

static TARGET: LazyLock<FuzzTarget> = LazyLock::new(|| {
    let wanted = env::var("NBU_EXPORTER_FUZZ_TARGET").expect("NBU_EXPORTER_FUZZ_TARGET names a target");
    let mut all = FuzzTarget::all();
    let at = all.iter().position(|target| target.name() == wanted).unwrap_or_else(|| panic!("there is no target {wanted}"));
    all.swap_remove(at)
});

fuzz_target!(|input: &[u8]| TARGET.run(input));
