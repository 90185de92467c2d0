//! What the WebGPU engine gives away to be gone on from, and takes back.

use crate::engine::gpu::engine::{GpuEngine, read_vector};
use crate::engine::gpu::memory::layout::Segment;
use crate::engine::gpu::step::finiteness::Look;
use crate::engine::gpu::step::first_order::Descent;
use crate::engine::gpu::step::lbfgs::Search;
use crate::engine::{Arrangement, ReusedBuffers, Role, State, VectorData};
use crate::error::Result;
use crate::math::objective::RhoHatMode;
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::Params;

impl GpuEngine {
    /// [`crate::engine::Engine::state`].
    pub(crate) fn read_state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        let (gpu, layout) = (&self.gpu, &self.layout);
        let mut flat = |role, tensors: Params<f32>| {
            let mut flat = spare.take(layout.shape.parameters());
            tensors.copy_to_flat(&mut flat);
            (role, VectorData::Single(flat))
        };
        let mut vectors = vec![flat(Role::Params, read_vector(gpu, layout, &self.params)?)];
        let mut average = None;
        if let Some(descent) = &self.descent {
            for (i, moment) in descent.moments.iter().enumerate().take(descent.used) {
                vectors.push(flat(Role::Moment(i), read_vector(gpu, layout, moment)?));
            }
            average = self.read_average(descent)?;
        }
        if let (Some(pairs), Some(search)) = (pairs, &self.search) {
            for role in Role::of_search(pairs.iter().copied()) {
                vectors.push(flat(role, search.read(gpu, layout, role)?));
            }
        }
        Ok(State { shape: layout.shape, order: Arrangement::Rows, vectors, average })
    }

    /// The moving average of ρ̂, where one is taken and a batch has started it.
    fn read_average(&self, descent: &Descent) -> Result<Option<Vec<f64>>> {
        if self.rho_hat.mode != RhoHatMode::Ema || !descent.averaging {
            return Ok(None);
        }
        let blocks = descent.average.iter().map(|block| block.read(&self.gpu)).collect::<Result<Vec<_>>>()?;
        Ok(Some(blocks.concat().into_iter().map(f64::from).collect()))
    }

    /// Whether parameters and moments are finite.
    pub(crate) fn is_finite(&mut self) -> Result<bool> {
        let look = match &mut self.look {
            Some(look) => look,
            none => none.insert(Look::new(&self.gpu, &self.layout, &self.params)?),
        };
        let moments = self.descent.as_mut().map(|descent| descent.is_finite(&self.gpu, &self.layout));
        Ok(look.finds_all_finite(&self.gpu)? && moments.unwrap_or(Ok(true))?)
    }

    /// [`crate::engine::Engine::set_state`].
    pub(crate) fn put_state(&mut self, state: &State) -> Result<()> {
        let write =
            |to: &[Segment], tensors: &Params<f32>| to.iter().for_each(|k| k.write(&self.gpu, tensors));
        write(&self.params, &state.get(Role::Params).expect("a state has parameters"));
        let moments = [0, 1].map(|i| state.get::<f32>(Role::Moment(i)));
        self.descent = None;
        if moments[0].is_some() || state.average.is_some() {
            let mut descent = self.new_descent()?;
            for (to, moment) in descent.moments.iter().zip(&moments) {
                moment.iter().for_each(|moment| write(to, moment));
            }
            descent.used = moments.iter().flatten().count();
            self.write_average(&mut descent, state.average.as_deref());
            self.descent = Some(descent);
        }
        self.search = None;
        if state.holds(Role::Gradient) {
            self.search = Some(self.search_of(state)?);
        }
        self.gpu.check()
    }

    fn write_average(&self, descent: &mut Descent, average: Option<&[f64]>) {
        let Some(average) = average else { return };
        descent.averaging = true;
        let average: Vec<f32> = average.iter().map(|&rho_hat| rho_hat as f32).collect();
        for (block, units) in descent.average.iter().zip(&self.layout.blocks) {
            block.write(&self.gpu, &average[units.clone()]);
        }
    }

    /// A search that has come as far as `state` has.
    fn search_of(&self, state: &State) -> Result<Search> {
        let search = Search::new(self, HISTORY)?;
        for role in Role::of_search(0..HISTORY) {
            if let Some(tensors) = state.get(role) {
                search.write(&self.gpu, role, &tensors)?;
            }
        }
        Ok(search)
    }
}
