//! All that reads a format, for the tests here and the fuzzers of fuzz/.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::dtype::DType;
use rhohat::data::shuffle::Shuffle;
use rhohat::data::stream::Store;
use rhohat::data::{Opened, Picture, Reading, Scale, Source, Table};
use rhohat::engine::Engine;
use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::tune::cache::{Cache, CachedRace, Key, Platform};
use rhohat::engine::variant::Variant;
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::run::checkpoint::{Checkpoints, Found};
use rhohat::run::config::{Config, ConfigContext, SourceKind, UserSettings};
use rhohat::run::model_file::{Meta, ModelFile};
use rhohat::run::picture::{features, form_of};
use rhohat::train::{Recipe, resume};
use rhohat::{Error, Result};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

/// What was read.
#[derive(Debug)]
pub struct Seen {
    /// Bytes of what was decoded.
    pub bytes: u64,
}

/// Opens it as data, in memory and for training, and reads all of it.
pub fn read_data(path: &Path) -> Result<Seen> {
    if let Source::Stored(store) = Source::open_for_training(path, None)? {
        store.table()?;
    }
    let bytes = match Source::open(path)? {
        Source::Images(pictures) => {
            let read = |number| Ok(size_of_val(&pictures.read(number)?.pixels[..]));
            (0..pictures.list().len()).map(read).sum::<Result<usize>>()?
        }
        Source::Rows(table) => size_of_val(&table.values[..]),
        Source::Stored(_) => unreachable!("data are opened whole"),
    };
    Ok(Seen { bytes: bytes as u64 })
}

/// Opens it as one of the tensors of a folder, before and behind a good one, and by several meanings of their dimensions.
pub fn read_shards(path: &Path) -> Result<Seen> {
    let folder = path.with_file_name("shards");
    let _ = fs::create_dir_all(&folder);
    let header = r#"{"codes":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]},"acts":{"dtype":"F16","shape":[3,2,2],"data_offsets":[48,72]}}"#;
    let good = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 72]].concat();
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    for (name, bytes) in [("a", &good), ("b", &bytes), ("c", &good)] {
        let to = folder.join(name).with_extension("safetensors");
        fs::write(&to, bytes).map_err(|error| Error::io("write", &to, error))?;
    }
    let at = |part: &str| PathBuf::from(format!("{}{part}", folder.display()));
    let mut bytes = 0;
    let mut refused = None;
    for (part, axes) in
        [("", None), (":acts", Some("count,count,length")), (":acts", Some("count,length,length"))]
    {
        let axes = axes.map(|axes| axes.parse().expect("axes"));
        match Opened::new(&at(part), &Reading { axes, ..Reading::default() }) {
            Ok(Opened { source: Source::Stored(store), .. }) => match store.table() {
                Ok(table) => bytes += size_of_val(&table.values[..]) as u64,
                Err(why) => refused = Some(why),
            },
            Ok(_) => {}
            Err(why) => refused = Some(why),
        }
    }
    // By the name that the file has here.
    let here = |why: Error| match why {
        Error::Input { reason, .. } => Error::input(path, reason),
        other => other,
    };
    refused.map_or(Ok(Seen { bytes }), |why| Err(here(why)))
}

/// Opens it as a table of text, with labels where it has those of the fixtures.
pub fn read_table(path: &Path) -> Result<Seen> {
    let reading = Reading { label_column: Some("kind".to_owned()), ..Reading::default() };
    match Opened::new(path, &reading) {
        Ok(Opened { source: Source::Rows(table), .. }) => {
            Ok(Seen { bytes: size_of_val(&table.values[..]) as u64 })
        }
        _ => read_data(path),
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
            features(&preprocess.weights_of_inputs(&params.w1), form, None)?;
        }
    }
    Ok(Seen { bytes: 4 * params.to_flat().len() as u64 })
}

/// Takes it as the settings of a run.
pub fn read_config(path: &Path) -> Result<Seen> {
    let given = UserSettings::new(Some(path), ::toml::Table::new())?;
    let facts = ConfigContext {
        held_out: None,
        kind: SourceKind::BuiltIn,
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

/// Takes it as the three files of a checkpoint, zero bytes between them; a manifest that fits is made where there is none.
/// What can be read is gone on with for two steps, whatever comes of them.
pub fn read_checkpoint(path: &Path) -> Result<Seen> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let [manifest, progress, state] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let digest = |bytes: &[u8]| json!({"bytes": bytes.len(), "xxh3": format!("{:032x}", xxh3_128(bytes))});
    // What it was taken under came with the second format.
    let format = if progress.windows(10).any(|word| word == b"provenance") { 2 } else { 1 };
    let fitting =
        json!({"format": format, "rhohat": "0", "state": digest(state), "progress": digest(progress)});
    let manifest = if manifest.is_empty() { fitting.to_string().into_bytes() } else { manifest.to_owned() };
    let checkpoints = Checkpoints::of(path.parent().unwrap());
    let folder = checkpoints.path().join("step-000000003");
    let _ = fs::create_dir_all(&folder);
    for (name, bytes) in [("manifest.json", &manifest[..]), ("progress.json", progress), ("state.bin", state)]
    {
        fs::write(folder.join(name), bytes).map_err(|error| Error::io("write", &folder, error))?;
    }
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
        let _ = resume(&mut cpu, &recipe, found.position, &mut ());
    }
    Ok(Seen { bytes: bytes.len() as u64 })
}

/// Takes it as bare numbers, of several types.
pub fn read_raw(path: &Path) -> Result<Seen> {
    for kind in ["bool:1", "i8:2", "u16be:5", "bf16:3", "i64be:1", "f64:2"] {
        let _ = Store::open_raw(path, kind.parse().expect("rows")).and_then(|store| store.table());
    }
    let table = Store::open_raw(path, "f32:3".parse().unwrap())?.table()?;
    Ok(Seen { bytes: size_of_val(&table.values[..]) as u64 })
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
