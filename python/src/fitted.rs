//! A run that has ended, or a model from a file, and what it makes of rows.

use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rhohat::{Data, Matrix, Model, Trained};

use crate::buffers::{Out, Rows};
use crate::errors::raised;
use crate::told::apart;

/// Numbers that are computed between two looks at signals.
const AT_ONCE: usize = 1 << 24;

/// A model, and the run that it is of.
#[pyclass(frozen, module = "rhohat._rhohat")]
pub struct Fitted(Kind);

enum Kind {
    Run(Box<Trained>),
    /// With the name of its device.
    Model(Box<Model>, String),
}

impl From<Trained> for Fitted {
    fn from(trained: Trained) -> Self {
        Self(Kind::Run(Box::new(trained)))
    }
}

/// Opens a model file, or the folder of a run.
#[pyfunction]
pub fn load(py: Python<'_>, path: PathBuf, device: String) -> PyResult<Fitted> {
    let model = apart(py, || Model::load(path))?.map_err(raised)?;
    Ok(Fitted(Kind::Model(Box::new(model.device(device.clone())), device)))
}

impl Fitted {
    /// The run, where there is one.
    pub fn trained(&self) -> Option<&Trained> {
        match &self.0 {
            Kind::Run(trained) => Some(trained),
            Kind::Model(..) => None,
        }
    }

    fn model(&self) -> &Model {
        match &self.0 {
            Kind::Run(trained) => &trained.model,
            Kind::Model(model, _) => model,
        }
    }

    /// Writes what `each` makes of pieces of rows into `out`, `cols` numbers a row.
    fn map(
        &self,
        py: Python<'_>,
        (rows, cols): (&Rows, usize),
        out: &Bound<'_, PyAny>,
        each: impl Fn(&Model, std::ops::Range<usize>) -> PyResult<Matrix<f32>> + Sync,
    ) -> PyResult<()> {
        let out = Out::of(out, rows.rows * cols)?;
        let at_once = (AT_ONCE / rows.cols.max(cols).max(1)).max(1);
        for first in (0..rows.rows).step_by(at_once) {
            let piece = first..rows.rows.min(first + at_once);
            let result = apart(py, || each(self.model(), piece))??;
            if result.cols != cols {
                return Err(PyValueError::new_err(format!(
                    "{} numbers a row, but {cols} were expected",
                    result.cols
                )));
            }
            out.put(py, first * cols, &result.values)?;
            py.check_signals()?;
        }
        Ok(())
    }
}

/// A function and its arguments, which pickle calls.
type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyBytes>, Option<String>));

#[pymethods]
impl Fitted {
    /// n of a row and h.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        let shape = self.model().shape();
        (shape.visible, shape.hidden)
    }

    /// Numbers of a row of data.
    #[getter]
    fn inputs(&self) -> usize {
        self.model().inputs()
    }

    /// Objective, preprocessing and seed as JSON.
    #[getter]
    fn metadata(&self) -> String {
        self.model().metadata()
    }

    /// The summary of the run as JSON; None of a model from a file.
    #[getter]
    fn summary(&self) -> PyResult<Option<String>> {
        let json = self.trained().map(|trained| serde_json::to_string(&trained.summary)).transpose();
        json.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Writes encoder and decoder into four arrays: W1 [h, n], b1 [h], D [h, n], b2 [n].
    fn params(&self, py: Python<'_>, out: [Bound<'_, PyAny>; 4]) -> PyResult<()> {
        let params = self.model().params();
        for (array, values) in out.iter().zip([&params.w1, &params.b1, &params.d, &params.b2]) {
            Out::of(array, values.len())?.put(py, 0, values)?;
        }
        Ok(())
    }

    /// Hidden activations of rows, into `out` [m, h].
    fn encode(&self, py: Python<'_>, rows: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = Rows::of(rows)?;
        let data = |piece| -> PyResult<Data> { rows.data(piece) };
        let hidden = self.model().shape().hidden;
        self.map(py, (&rows, hidden), out, |model, piece| model.encode(&data(piece)?).map_err(raised))
    }

    /// Rows through the model and back, into `out` of the same shape.
    fn reconstruct(&self, py: Python<'_>, rows: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = Rows::of(rows)?;
        let cols = rows.cols;
        self.map(py, (&rows, cols), out, |model, piece| model.reconstruct(&rows.data(piece)?).map_err(raised))
    }

    /// Rows `[m, cols]` that hidden activations stand for, into `out`.
    fn decode(
        &self,
        py: Python<'_>,
        codes: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        cols: usize,
    ) -> PyResult<()> {
        let codes = Rows::of(codes)?;
        self.map(py, (&codes, cols), out, |model, piece| {
            let values = codes.single(piece.clone())?.to_vec();
            model.decode(&Matrix::new(piece.len(), codes.cols, values)).map_err(raised)
        })
    }

    /// J on rows, the state of the units there, and measures, as JSON.
    fn evaluate(&self, py: Python<'_>, rows: &Bound<'_, PyAny>) -> PyResult<String> {
        let rows = Rows::of(rows)?;
        let data = rows.data(0..rows.rows)?;
        let evaluation = apart(py, || self.model().evaluate(&data))?.map_err(raised)?;
        serde_json::to_string(&evaluation).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Writes the model file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        apart(py, || self.model().save(path))?.map_err(raised)
    }

    /// Draws the features as a picture.
    fn save_features(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        apart(py, || self.model().save_features(path))?.map_err(raised)
    }

    /// Model, summary and state of a run as bytes; of a model from a file the file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| match &self.0 {
            Kind::Run(trained) => trained.to_bytes(),
            Kind::Model(model, _) => model.to_bytes(),
        });
        PyBytes::new(py, &bytes)
    }

    /// The same again; a model computes on `device`, where that is given.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8], device: Option<String>) -> PyResult<Self> {
        let read = || match device {
            None => Trained::from_bytes(bytes).map(Self::from),
            Some(device) => {
                let model = Model::from_bytes(bytes)?.device(device.clone());
                Ok(Self(Kind::Model(Box::new(model), device)))
            }
        };
        py.detach(read).map_err(raised)
    }

    /// How pickle takes it.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let from_bytes = py.get_type::<Self>().getattr("from_bytes")?;
        let device = match &self.0 {
            Kind::Run(_) => None,
            Kind::Model(_, device) => Some(device.clone()),
        };
        Ok((from_bytes, (self.to_bytes(py), device)))
    }
}
