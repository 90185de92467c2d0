//! All that reads classifiers, their labels and their checkpoints.

use std::path::Path;
use std::sync::Arc;

use rhohat::data::dtype::DType;
use rhohat::data::shuffle::Shuffle;
use rhohat::data::{Labels, Picture, Source, Table};
use rhohat::engine::device::Choice;
use rhohat::engine::network::{Labelled, NetworkEngine, NetworkObjective};
use rhohat::math::activation::Activation;
use rhohat::math::network::{Network, NetworkDecay, NetworkShape};
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::Matrix;
use rhohat::run::checkpoint::{Checkpoints, Found};
use rhohat::run::classify::file::ClassifierFile;
use rhohat::train::{Recipe, resume};
use rhohat::{Error, Result};

use super::{Seen, laid_out};

/// Opens it as a file of labels.
pub fn read_labels(path: &Path) -> Result<Seen> {
    let Labels { names, of } = Labels::open(path)?;
    assert!(of.iter().all(|&label| (label as usize) < names.len()), "a label without a name");
    let words: usize = names.iter().map(|name| name.len() + size_of::<String>()).sum();
    Ok(Seen { bytes: (words + 4 * of.len()) as u64 })
}

/// Opens it as a classifier, and has it tell the classes of rows and of a picture.
pub fn read_classifier(path: &Path) -> Result<Seen> {
    let file = ClassifierFile::open(path)?;
    let (network, meta, shape) = (file.network()?, file.meta(), file.shape());
    assert_eq!((network.layers.len(), meta.classes.len()), (shape.hidden.len() + 1, shape.classes));
    let empty = Labelled { examples: Matrix::new(0, shape.inputs, Vec::new()), labels: Vec::new() };
    let mut engine = Choice::Reference.open_network(meta.objective(), &network, &Arc::new(empty))?;
    let pixels = (0..20 * 20 * 3).map(|i| (i % 7) as f32 / 7.0).collect();
    let picture = Picture { name: "picture".into(), width: 20, height: 20, channels: 3, pixels };
    let cols = meta.preprocess.inputs_of(shape.inputs);
    let values = (0..3 * cols).map(|i| (i % 5) as f64).collect();
    let table = Table { rows: 3, cols, dtype: DType::F64, values };
    for source in [Source::from(vec![picture]), Source::Rows(table)] {
        // Data need not fit the classifier; nothing may break.
        if let Ok(examples) = source.apply::<f32>(&meta.preprocess) {
            let matrix = examples.matrix;
            assert_eq!(matrix.cols, shape.inputs);
            let found = engine.probabilities(&matrix.values)?;
            assert_eq!(found.len(), matrix.rows * shape.classes);
        }
    }
    Ok(Seen { bytes: 4 * shape.parameters() as u64 })
}

/// An engine of the network whose checkpoints are gone on with.
pub fn network_engine() -> Box<dyn NetworkEngine> {
    let shape = NetworkShape { inputs: 5, hidden: vec![4], classes: 3 };
    let numbers: Vec<f32> = (0..shape.parameters()).map(|i| (i * i % 13) as f32 / 13.0 - 0.5).collect();
    let values = (0..12 * shape.inputs).map(|i| (i * i % 17) as f32 / 17.0).collect();
    let examples = Matrix::new(12, shape.inputs, values);
    let labelled = Labelled::new(examples, (0..12).map(|row| row % 3).collect(), 3).expect("labels");
    let decay = NetworkDecay { hidden: 0.0, softmax: 1e-3 };
    let objective = NetworkObjective { activations: vec![Activation::Sigmoid], decay };
    let network = Network::from_flat(shape, &numbers);
    Choice::Cpu.open_network(objective, &network, &Arc::new(labelled)).expect("the processor takes it")
}

/// Takes it as the three files of a network's checkpoint, as `read_checkpoint` does those of an autoencoder. What can be read
/// is gone on with for two steps, whatever comes of them.
pub fn read_network_checkpoint(path: &Path) -> Result<Seen> {
    let bytes = laid_out(path)?;
    let checkpoints = <Checkpoints<NetworkShape>>::of(path.parent().expect("a folder"));
    let found = checkpoints.find().map_err(|error| Error::input(path, error.to_string()));
    let Found { newest, rejected } = found?;
    let Some((_, found)) = newest else { return Err(Error::input(path, rejected[0].reason.clone())) };
    let mut engine = network_engine();
    if found.state.shape == *engine.shape() {
        engine.set_state(&found.state)?;
        let optimizer = if found.position.search.is_some() { Optimizer::Lbfgs } else { Optimizer::Adam };
        let descent = DescentConfig { batch: Some(5), ..DescentConfig::constant(0.01) };
        let recipe = Recipe {
            yardstick: None,
            optimizer: OptimizerConfig::of(optimizer, 0.9, descent),
            resampling: None,
            steps: found.position.steps.saturating_add(2),
            shuffle: Shuffle::rows(1),
            report_every: 1,
        };
        let _ = resume(&mut *engine, &recipe, found.position, &mut ());
    }
    Ok(Seen { bytes })
}
