//! What a device holds from call to call: parameters and examples; a search whose last accepted trial may not have reached them;
//! and steps that are recorded and not submitted, since several share a submission. They are joined here so that nobody reads
//! parameters that are behind.

use crate::engine::gpu::recording::{Commands, OpenCommands};
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::lbfgs::LbfgsSearch;
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;

/// A training problem on the device.
#[derive(Debug)]
pub(crate) struct Held {
    resident: Resident,
    /// The source of rows that are not resident.
    fetcher: Option<Fetcher>,
    search: Option<LbfgsSearch>,
    /// Steps that wait for more.
    open: OpenCommands,
}

/// The same with parameters that are those of the last step and the last accepted trial.
pub(crate) struct Settled<'a> {
    pub on: &'a Resident,
    pub fetcher: Option<&'a mut Fetcher>,
    pub search: &'a mut Option<LbfgsSearch>,
}

/// Share of the work of a submission beyond which it is not worth waiting for another step: two milliseconds.
const SHARE: f64 = 0.05;
const SEARCH_HAS_BEGUN: &str = "begin_search comes first";

impl Held {
    /// Without a search.
    pub fn new(resident: Resident, fetcher: Option<Fetcher>) -> Self {
        Self { resident, fetcher, search: None, open: OpenCommands::default() }
    }

    /// What does not change from step to step: shapes, objective, device.
    pub fn constants(&self) -> &Resident {
        &self.resident
    }

    /// Whether rows are fetched.
    pub fn fetches(&self) -> bool {
        self.fetcher.is_some()
    }

    /// For whoever reads or writes tensors.
    pub fn settled(&mut self) -> Result<Settled<'_>> {
        self.submit()?;
        let Self { resident: on, fetcher, search, .. } = self;
        if let Some(search) = search {
            search.settle(on)?;
        }
        Ok(Settled { on, fetcher: fetcher.as_mut(), search })
    }

    /// For another step, behind those that are open. Nothing has been submitted for it.
    pub fn stepping(&mut self) -> Result<(Commands<'_>, &Resident, Option<&mut Fetcher>)> {
        let Self { resident: on, fetcher, search, open, .. } = self;
        if let Some(search) = search {
            search.settle(on)?;
        }
        Ok((Commands::resume(&on.gpu, std::mem::take(open)), on, fetcher.as_mut()))
    }

    /// Keeps the commands of a step for a later submission, or submits them with those before: as many steps as the device takes
    /// at once, or so much work that the submission itself no longer counts.
    pub fn keep(&mut self, open: OpenCommands) -> Result<()> {
        let gpu = &self.resident.gpu;
        self.open = open;
        if self.open.calls() < gpu.steps_at_once() && self.open.work() < SHARE * gpu.budget() {
            return gpu.check();
        }
        self.submit()
    }

    fn submit(&mut self) -> Result<()> {
        Commands::resume(&self.resident.gpu, std::mem::take(&mut self.open)).submit()
    }

    /// The search, which may be ahead of the parameters, and what it works on.
    pub fn searching(&mut self) -> (&mut LbfgsSearch, &Resident, Option<&mut Fetcher>) {
        let Self { resident, fetcher, search, .. } = self;
        (search.as_mut().expect(SEARCH_HAS_BEGUN), resident, fetcher.as_mut())
    }
}
