//! Classifiers in f32 on the processor, with the products and epilogues of the autoencoders' engine.
//!
//! Rows go through the network in chunks, and those of a chunk in blocks, each a task that takes its rows forward and their
//! deltas back. Gradients follow by panels of their columns, over all blocks of the chunk, and are added up in f64 over chunks.
//! The cut follows from the number of rows alone, so that bits do not depend on threads. What is as long as the parameters
//! (history of L-BFGS, moments) is f64 on the host: next to a pass over the examples it costs little.

mod pass;
mod row_block;
mod weights;

use std::sync::Arc;

use rayon::prelude::*;

use crate::engine::network::{Labelled, NetworkEngine, NetworkObjective, NetworkStep, cost_of_sums};
use crate::engine::search_vectors::{FlatEngine, SearchVectors};
use crate::engine::step::whole_rows;
use crate::engine::{Arrangement, Role, Rows, State, Update, VectorData, check_list};
use crate::error::Result;
use crate::math::network::{Network, NetworkShape, ranges};
use crate::math::objective::Cost;
use crate::math::optim::first_order::{adam, adam_corrections, sgd};
use crate::math::params::cast;
use pass::Pass;
use weights::LayerPanels;

/// Parameters that a task updates.
const UPDATED: usize = 1 << 14;

/// The engine.
#[derive(Debug)]
pub struct NetworkCpu {
    objective: NetworkObjective,
    network: Network<f32>,
    data: Arc<Labelled<f32>>,
    moments: [Vec<f64>; 2],
    search: SearchVectors,
    pass: Pass,
}

impl NetworkCpu {
    /// Takes parameters and examples.
    pub fn new(
        objective: NetworkObjective,
        network: Network<f32>,
        data: impl Into<Arc<Labelled<f32>>>,
    ) -> Self {
        let zeros = vec![0.0; network.shape.parameters()];
        let (data, pass) = (data.into(), Pass::new(&network.shape, &objective.activations));
        Self {
            objective,
            network,
            data,
            moments: [zeros.clone(), zeros],
            search: SearchVectors::default(),
            pass,
        }
    }

    /// J and its gradient at `network` over the examples of a list, or over all.
    fn evaluate_over(&mut self, network: &Network<f32>, list: Option<&[usize]>) -> (Cost, Vec<f64>) {
        let (losses, mut gradient) = self.pass.gradient(&LayerPanels::of(network), &self.data, list);
        let rows = list.map_or(self.data.labels.len(), <[usize]>::len);
        let m = rows as f64;
        gradient.iter_mut().for_each(|g| *g /= m);
        let mut squares = Vec::new();
        let lambdas = self.objective.decay.of_layers(&network.shape);
        let layers = network.layers.iter().zip(lambdas).zip(ranges(&network.shape));
        for ((layer, lambda), (weights, _)) in layers {
            let mut sum = 0.0;
            for (g, &w) in gradient[weights].iter_mut().zip(&layer.weight) {
                let w = f64::from(w);
                *g += lambda * w;
                sum += w * w;
            }
            squares.push(sum);
        }
        (cost_of_sums(&self.objective, &network.shape, rows, (losses, &squares)), gradient)
    }
}

impl NetworkEngine for NetworkCpu {
    fn shape(&self) -> &NetworkShape {
        &self.network.shape
    }

    fn examples(&self) -> usize {
        self.data.examples.rows
    }

    fn adapter(&self) -> String {
        super::processor()
    }

    fn cost(&mut self) -> Result<Cost> {
        let losses = self.pass.losses(&LayerPanels::of(&self.network), &self.data);
        let squared = |w: &f32| f64::from(*w).powi(2);
        let squares: Vec<f64> =
            self.network.layers.iter().map(|layer| layer.weight.iter().map(squared).sum()).collect();
        Ok(cost_of_sums(&self.objective, &self.network.shape, self.examples(), (losses, &squares)))
    }

    fn gradient(&mut self) -> Result<(Cost, Network<f64>)> {
        let (cost, gradient) = self.evaluate_over(&self.network.clone(), None);
        Ok((cost, Network::from_flat(self.network.shape.clone(), &gradient)))
    }

    fn step(&mut self, step: &NetworkStep<'_>) -> Result<Option<Cost>> {
        let list = match step.rows {
            Rows::All => None,
            Rows::Listed(list) => {
                check_list(list, self.examples())?;
                Some(list)
            }
        };
        let (cost, gradient) = self.evaluate_over(&self.network.clone(), list);
        let mut w = self.flat()?;
        let [first, second] = &mut self.moments;
        let vectors = w.par_chunks_mut(UPDATED).zip(first.par_chunks_mut(UPDATED));
        let vectors = vectors.zip(second.par_chunks_mut(UPDATED)).zip(gradient.par_chunks(UPDATED));
        vectors.for_each(|(((w, v), s), g)| {
            for (((w, v), s), &g) in w.iter_mut().zip(v).zip(s).zip(g) {
                match step.update {
                    Update::Sgd { lr, momentum } => [*w, *v] = sgd([*w, *v], g, lr, momentum),
                    Update::Adam { lr, step } => {
                        [*w, *v, *s] = adam([*w, *v, *s], g, lr, adam_corrections(step))
                    }
                }
            }
        });
        self.put_flat(&w)?;
        Ok(step.report.then_some(cost))
    }

    fn probabilities(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        whole_rows(rows, self.network.shape.inputs, "rows")?;
        Ok(self.pass.probabilities(&LayerPanels::of(&self.network), rows))
    }

    fn params(&mut self) -> Result<Network<f32>> {
        Ok(self.network.clone())
    }

    fn set_params(&mut self, params: &Network<f32>) -> Result<()> {
        self.network = params.clone();
        self.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>) -> Result<State<NetworkShape>> {
        let vector = |role| match role {
            Role::Params => VectorData::Single(self.network.to_flat()),
            Role::Moment(i) => VectorData::Double(self.moments[i].clone()),
            other => VectorData::Double(self.search.vector(other).to_vec()),
        };
        let vectors = Role::of_state(pairs).map(|role| (role, vector(role))).collect();
        Ok(State { shape: self.network.shape.clone(), order: Arrangement::Rows, vectors, average: None })
    }

    fn set_state(&mut self, state: &State<NetworkShape>) -> Result<()> {
        let kept = |role| state.numbers(role).map(VectorData::wide);
        let params = kept(Role::Params).expect("a state has parameters");
        self.put_flat(&params)?;
        self.moments = [0, 1].map(|i| kept(Role::Moment(i)).unwrap_or_else(|| vec![0.0; params.len()]));
        self.search = SearchVectors::restored(self.flat()?, kept);
        Ok(())
    }
}

impl FlatEngine for NetworkCpu {
    fn flat(&mut self) -> Result<Vec<f64>> {
        Ok(cast(&self.network.to_flat()))
    }

    fn put_flat(&mut self, flat: &[f64]) -> Result<()> {
        self.network = Network::from_flat(self.network.shape.clone(), &cast(flat));
        Ok(())
    }

    fn cost_and_gradient_at(&mut self, point: &[f64]) -> Result<(Cost, Vec<f64>)> {
        let network = Network::from_flat(self.network.shape.clone(), &cast(point));
        Ok(self.evaluate_over(&network, None))
    }

    fn rounded(x: f64) -> f64 {
        f64::from(x as f32)
    }

    fn vectors(&mut self) -> &mut SearchVectors {
        &mut self.search
    }
}
