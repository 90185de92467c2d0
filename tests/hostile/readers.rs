//! All that reads a format, for the tests here and the fuzzers of fuzz/.

// By its path, since the fuzzers take this file for the root of a folder.
#[path = "readers/data.rs"]
mod data;
#[path = "readers/networks.rs"]
mod networks;

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::dtype::DType;
use rhohat::data::shuffle::Shuffle;
use rhohat::data::{
    ColumnTransform, FittedColumns, Normalize, Picture, Preprocess, Rotation, Scale, Source, Table, Whitening,
};
use rhohat::engine::Engine;
use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::tune::cache::{Cache, CachedRace, Key, Platform};
use rhohat::engine::variant::Variant;
use rhohat::io::folder::Folder;
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::run::checkpoint::{Checkpoints, Found};
use rhohat::run::columns_file;
use rhohat::run::config::{Config, ConfigContext, SourceKind, UserSettings};
use rhohat::run::model_file::{Meta, ModelFile};
use rhohat::run::picture::{Layout, features, form_of};
use rhohat::train::{Recipe, resume};
use rhohat::{Error, Result};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

pub use data::{read_array, read_data, read_raw, read_records, read_shards, read_sparse, read_table};
pub use networks::{network_engine, read_classifier, read_labels, read_network_checkpoint};

/// What was read.
#[derive(Debug)]
pub struct Seen {
    /// Bytes of what was decoded.
    pub bytes: u64,
}

/// Whether an error is one line that can be printed, with the exit code of bad input.
pub fn is_plain(error: &Error) -> bool {
    !error.to_string().contains(char::is_control) && matches!(error.exit_code(), 2 | 3)
}

/// The largest of several outcomes, bytes, or the first refusal where there is nothing else.
fn any_of(outcomes: impl Iterator<Item = Result<u64>>) -> Result<Seen> {
    let (mut most, mut refused) = (None, None);
    for outcome in outcomes {
        match outcome {
            Ok(bytes) => most = most.max(Some(bytes)),
            Err(why) => {
                assert!(is_plain(&why), "{why:?}");
                refused.get_or_insert(why);
            }
        }
    }
    match (most, refused) {
        (None, Some(why)) => Err(why),
        (most, _) => Ok(Seen { bytes: most.unwrap_or_default() }),
    }
}

/// Opens it as a model, and does with it what the commands do.
pub fn read_model(path: &Path) -> Result<Seen> {
    let file = ModelFile::open(path)?;
    let params: Params<f32> = file.params()?;
    if let Some(Meta { preprocess, .. }) = file.meta() {
        let pixels = (0..20 * 20 * 3).map(|i| (i % 7) as f32 / 7.0).collect();
        let name = PathBuf::from("picture");
        let source = Source::from(vec![Picture { name, width: 20, height: 20, channels: 3, pixels }]);
        // Data need not fit the model; nothing may break.
        if let Ok(examples) = source.apply::<f32>(preprocess) {
            assert_eq!(examples.matrix.cols, file.shape().visible);
            let rows = preprocess.restore(examples.matrix.values, &examples.means);
            preprocess.pictures(&rows, &examples.grid.unwrap_or_default());
        }
        let cols = preprocess.inputs_of(params.shape.visible);
        let values = (0..3 * cols).map(|i| (i % 5) as f64).collect();
        let rows = Source::Rows(Table { rows: 3, cols, dtype: DType::F64, values });
        assert_eq!(rows.apply::<f64>(preprocess)?.matrix.cols, params.shape.visible);
        if let Some(form) = form_of(Some(preprocess), params.shape.visible) {
            features(&preprocess.weights_of_inputs(&params.w1), form, Layout::default())?;
        }
    }
    Ok(Seen { bytes: 4 * params.to_flat().len() as u64 })
}

/// Takes it as the columns of a run's preprocessing, of every kind that has some; what is known of them by their hash is made up.
pub fn read_columns(path: &Path) -> Result<Seen> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let kinds = [None, Some((Rotation::Pca, Some(0.9))), Some((Rotation::Zca, None))];
    any_of(kinds.into_iter().map(|kind| {
        let whitening = kind.map(|(kind, variance)| Whitening { kind, epsilon: 0.1, variance });
        let normalize = if whitening.is_none() { Normalize::Standard } else { Normalize::None };
        let known = columns_of(&bytes, whitening).unwrap_or(json!({"inputs": 4, "outputs": 4, "xxh3": "0"}));
        let columns = Some(serde_json::from_value(known).expect("columns"));
        let mut preprocess = Preprocess { whitening, columns, normalize, ..Preprocess::AS_IS };
        let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
        columns_file::load_from(&mut preprocess, &Folder::at(folder), &name.to_string_lossy())?;
        let transform = preprocess.transform().expect("columns that were read");
        let rows = transform.apply((0..3 * transform.inputs()).map(|i| (i % 5) as f64).collect());
        assert_eq!(rows.len(), 3 * transform.outputs());
        transform.weights_of_inputs(rows.clone());
        assert_eq!(transform.undo(rows).len(), 3 * transform.inputs());
        Ok(bytes.len() as u64)
    }))
}

/// What a preprocessing knows of these columns, where they can be read.
fn columns_of(bytes: &[u8], whitening: Option<Whitening>) -> Option<serde_json::Value> {
    let file = safetensors::SafeTensors::deserialize(bytes).ok()?;
    let read = |name: &str| {
        let numbers = file.tensor(name).ok()?.data().as_chunks::<8>().0.iter();
        Some(numbers.map(|&bytes| f64::from_le_bytes(bytes)).collect())
    };
    let transform = ColumnTransform::from_tensors::<()>(whitening, |name| Ok(read(name))).ok()?.ok()?;
    serde_json::to_value(FittedColumns::from(transform)).ok()
}

/// Takes it as the settings of a run.
pub fn read_config(path: &Path) -> Result<Seen> {
    let given = UserSettings::new(Some(path), ::toml::Table::new())?;
    let facts = ConfigContext {
        held_out: None,
        kind: SourceKind::BuiltIn,
        processes: 0,
        init: None,
        scale: Scale::Pixels,
        scale_of_pixels: Scale::Pixels,
    };
    let config = Config::resolve(&given, &facts)?;
    let choice = Choice::resolve(&"cpu".parse()?)?;
    config.plan_memory(facts.kind, &choice)?;
    Ok(Seen { bytes: 0 })
}

/// Looks up the entry that the seed has.
pub fn read_cache(path: &Path) -> Result<Seen> {
    let cache = Cache::at(path.parent().unwrap());
    cache.find(&entry().key).ok_or_else(|| Error::input(path, "holds no such entry"))?;
    Ok(Seen { bytes: 0 })
}

/// n and h of the checkpoints that are gone on with.
pub const SHAPE: Shape = Shape { visible: 5, hidden: 7 };

/// An engine of that shape.
pub fn engine() -> Cpu {
    let values = (0..12 * SHAPE.visible).map(|i| (i * i % 17) as f32 / 17.0).collect();
    let setup = Setup { threads: 1, ..Setup::default() };
    Cpu::new(&setup, Params::random(SHAPE, 1), Matrix::new(12, SHAPE.visible, values)).unwrap()
}

/// Makes the three files of a checkpoint of it, zero bytes between them, beside it; a manifest that fits is made where there is
/// none. Its bytes.
fn laid_out(path: &Path) -> Result<u64> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let [manifest, progress, state] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let digest = |bytes: &[u8]| json!({"bytes": bytes.len(), "xxh3": format!("{:032x}", xxh3_128(bytes))});
    // What it was taken under came with the second format.
    let format = if progress.windows(10).any(|word| word == b"provenance") { 2 } else { 1 };
    let fitting =
        json!({"format": format, "rhohat": "0", "state": digest(state), "progress": digest(progress)});
    let manifest = if manifest.is_empty() { fitting.to_string().into_bytes() } else { manifest.to_owned() };
    let folder = path.with_file_name("checkpoints").join("step-000000003");
    let _ = fs::create_dir_all(&folder);
    for (name, bytes) in [("manifest.json", &manifest[..]), ("progress.json", progress), ("state.bin", state)]
    {
        fs::write(folder.join(name), bytes).map_err(|error| Error::io("write", &folder, error))?;
    }
    Ok(bytes.len() as u64)
}

/// Takes it as the three files of a checkpoint. What can be read is gone on with for two steps, whatever comes of them.
pub fn read_checkpoint(path: &Path) -> Result<Seen> {
    let bytes = laid_out(path)?;
    let checkpoints = <Checkpoints>::of(path.parent().unwrap());
    // The files of the checkpoint are parts of this one.
    let found = checkpoints.find().map_err(|error| Error::input(path, error.to_string()));
    let Found { newest, rejected } = found?;
    let Some((_, found)) = newest else { return Err(Error::input(path, rejected[0].reason.clone())) };
    if found.state.shape == SHAPE {
        let mut cpu = engine();
        cpu.set_state(&found.state)?;
        let optimizer = if found.position.search.is_some() { Optimizer::Lbfgs } else { Optimizer::Adam };
        let recipe = Recipe {
            yardstick: None,
            optimizer: OptimizerConfig::of(
                optimizer,
                0.9,
                DescentConfig { batch: Some(5), ..DescentConfig::constant(0.01) },
            ),
            resampling: None,
            steps: found.position.steps.saturating_add(2),
            shuffle: Shuffle::rows(1),
            report_every: 1,
        };
        let _ = resume(&mut cpu as &mut dyn Engine, &recipe, found.position, &mut ());
    }
    Ok(Seen { bytes })
}

/// An entry of a cache of kernels.
pub fn entry() -> CachedRace {
    let text = |text: &str| text.to_owned();
    let platform = Platform {
        adapter: text("a card"),
        backend: text("vulkan"),
        driver: text("driver 1.0"),
        rhohat: text("0.1.0"),
        kernels: text("00ff"),
    };
    let key = Key { platform, visible: 64, hidden: 25, rows: 1000 };
    CachedRace { key, variant: Variant::PLAIN, milliseconds: [(text("NT direct/buffers"), 0.5)].into() }
}
