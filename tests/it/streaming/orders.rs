//! One order of the rows, whichever way it is made and wherever the rows are.

use rhohat::data::Normalize;
use rhohat::data::batches::{Dataset, ExampleSet, RowSelection};
use rhohat::data::shuffle::{BatchSampler, RunOrder, Shuffle};
use rhohat::data::stream::{Feed, Transform};
use rhohat::engine::Chunking;
use rhohat::engine::device::{ParamsAndExamples, Setup};
use rhohat::math::optim::{DescentConfig, OptimizerConfig};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::train::{Recipe, train};

use super::{COLS, ROWS, at_once, engines, folder, open, preprocess};

const SHUFFLES: [Shuffle; 3] = [
    Shuffle { seed: 5, run: None, order: RunOrder::Drawn },
    Shuffle { seed: 5, run: Some(1), order: RunOrder::Drawn },
    Shuffle { seed: 5, run: Some(3), order: RunOrder::Computed },
];

fn feed(name: &str, shuffle: Shuffle) -> Feed {
    let folder = folder();
    let store = open(&folder.path().join(name));
    let transform = Transform::new(&store, &preprocess(Normalize::None));
    Feed::new(store, transform, shuffle).unwrap().comparing_epochs()
}

#[test]
fn every_order_is_fed_from_its_beginning_and_from_its_middle() {
    let (matrix, _) = at_once(&folder().path().join("shards"), Normalize::None);
    for shuffle in SHUFFLES {
        for taken in [0, 100, ROWS as u64 + 399] {
            let (mut order, mut feed) =
                (BatchSampler::after(ROWS, shuffle, taken), feed("shards", shuffle).after(taken));
            for _ in 0..30 {
                let list = order.next(33).to_vec();
                let mut out = vec![0.0; list.len() * COLS];
                feed.numbers(&RowSelection::Listed(&list), &mut out).unwrap();
                for (row, found) in list.iter().zip(out.chunks_exact(COLS)) {
                    assert_eq!(found, matrix.row(*row), "{shuffle:?}: row {row}");
                }
            }
        }
    }
}

struct From(Option<Shuffle>);

impl ParamsAndExamples for From {
    fn single(&self) -> rhohat::Result<(Params<f32>, ExampleSet)> {
        let examples = match self.0 {
            Some(shuffle) => ExampleSet::Streamed(Box::new(feed("f16.npy", shuffle))),
            None => at_once(&folder().path().join("f16.npy"), Normalize::None).0.into(),
        };
        Ok((Params::random(Shape { visible: COLS, hidden: 19 }, 1), examples))
    }

    fn double(&self) -> rhohat::Result<(Params<f64>, Matrix<f64>)> {
        unreachable!("the reference holds its rows")
    }
}

#[test]
fn every_order_trains_to_the_bits_of_rows_in_memory() {
    for choice in engines("orders") {
        for shuffle in SHUFFLES {
            let recipe = Recipe {
                yardstick: None,
                optimizer: OptimizerConfig::Adam {
                    descent: DescentConfig { batch: Some(90), ..DescentConfig::constant(0.05) },
                },
                resampling: None,
                steps: 12,
                shuffle,
                report_every: 3,
            };
            let cut = Chunking { chunk: Some(64), ..Chunking::default() };
            let trained = |rows| {
                let mut engine = choice.open(&Setup { cut, ..Setup::default() }, &From(rows)).unwrap();
                let outcome = train(&mut *engine, &recipe, &mut ()).unwrap();
                (outcome.cost.total().to_bits(), engine.params().unwrap())
            };
            assert!(trained(Some(shuffle)) == trained(None), "{shuffle:?}");
        }
    }
}
