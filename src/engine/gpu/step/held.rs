//! What a device holds from call to call: parameters and examples, and a search whose last accepted trial may not have reached
//! them. The two are joined here so that nobody reads parameters that a search is ahead of.

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
}

/// The same with parameters that are those of the last accepted trial.
pub(crate) struct Settled<'a> {
    pub on: &'a Resident,
    pub fetcher: Option<&'a mut Fetcher>,
    pub search: &'a mut Option<LbfgsSearch>,
}

const SEARCH_HAS_BEGUN: &str = "begin_search comes first";

impl Held {
    /// Without a search.
    pub fn new(resident: Resident, fetcher: Option<Fetcher>) -> Self {
        Self { resident, fetcher, search: None }
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
        let Self { resident: on, fetcher, search } = self;
        if let Some(search) = search {
            search.settle(on)?;
        }
        Ok(Settled { on, fetcher: fetcher.as_mut(), search })
    }

    /// The search, which may be ahead of the parameters, and what it works on.
    pub fn searching(&mut self) -> (&mut LbfgsSearch, &Resident, Option<&mut Fetcher>) {
        let Self { resident, fetcher, search } = self;
        (search.as_mut().expect(SEARCH_HAS_BEGUN), resident, fetcher.as_mut())
    }
}
