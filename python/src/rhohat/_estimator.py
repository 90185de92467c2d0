"""The estimator: a sparse autoencoder as a transformer of scikit-learn."""

import json
import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from . import _rhohat
from ._progress import listener
from ._settings import as_text, seed_of, settings_of
from ._threads import share

# float64 first: scikit-learn brings numbers of other types to the first of these.
_DTYPES = [np.float64, np.float32, np.uint8]


class SparseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Sparse autoencoder whose hidden units are held to a mean activation ρ by a Kullback-Leibler penalty.

    It minimises, over rows X of m examples,

        A2 = f(X W1ᵀ + b1)     A3 = g(A2 D + b2)     ρ̂ = column means of A2
        J  = 1/(2m) Σ ‖A3 − X‖²  +  λ/2 (‖W1‖² + ‖D‖²)  +  β Σ KL(ρ ‖ ρ̂)

    (Ng, CS294A: *Sparse autoencoder*). `transform` gives A2, in float32.

    Parameters have the names of the settings of ``rhohat train`` and its ``config.toml``, but where scikit-learn has a
    name of its own: `n_components` (hidden), `batch_size` (batch), `random_state` (seed). λ is `weight_decay`, since
    ``lambda`` is a word of Python and scikit-learn's ``alpha`` stands for the weight of sparsity in half of its
    decompositions. ``max_iter`` is not used: `steps` counts updates or iterations, `epochs` passes over the data, and
    either may be given. None leaves a parameter to the library, as leaving out its flag does.

    Parameters
    ----------
    n_components : int, default=25
        Hidden units h.
    rho : float, default=0.01
        ρ, the mean activation that hidden units are held to, in (0, 1).
    beta : float, default=3.0
        β, the weight of the sparsity penalty.
    weight_decay : float, default=1e-4
        λ, the weight of the decay.
    activation : {'sigmoid', 'tanh'}, default='sigmoid'
        f, of hidden units.
    output : {'sigmoid', 'tanh', 'linear'}, default=None
        g, of output units: sigmoid, or linear where preprocessing centres the examples.
    rho_hat : {'exact', 'batch', 'ema'}, default=None
        Where ρ̂ is taken: over all rows of an update, a mini-batch, or as a moving average.
    rho_hat_decay : float, default=None
        The share of the old value in the moving average (0.99).
    beta_warmup : int, default=None
        Updates over which β rises; not for L-BFGS.
    optimizer : {'lbfgs', 'adam', 'sgd'}, default=None
        L-BFGS on all rows, above 50 000 of them Adam in mini-batches.
    lr : float, default=None
        The learning rate: 0.01 of Adam, 0.3 of SGD, less in wide layers. L-BFGS searches for its own.
    schedule : {'cosine', 'constant'}, default=None
        The course of the learning rate: half a cosine; constant in `partial_fit`, which knows no end.
    warmup : int, default=None
        Updates over which the learning rate rises.
    momentum : float, default=None
        Of SGD (0.9).
    resample : int, default=None
        Updates between two times at which dead units are given new weights; they stay dead.
    batch_size : int or 'full', default=None
        Rows of an update: all for L-BFGS, 250 for Adam and SGD.
    steps : int, default=None
        Updates, or iterations of L-BFGS: 400 over all rows.
    epochs : int, default=None
        Passes over the data: 20 in mini-batches.
    start : {'data', 'lecture'}, default=None
        How parameters begin: fitted to the data and to ρ, or as in the lecture.
    normalize : {'none', 'unit', 'lecture', 'minmax', 'standard', 'mean'}, default=None
        How rows are brought into the range of the output units: taken as they are. Part of the model, and undone by
        `inverse_transform` where it can be.
    whitening : {'none', 'pca', 'zca'}, default=None
        Decorrelation of the columns, part of the model.
    epsilon : float, default=None
        Added to every variance by whitening (1e-5).
    variance : float, default=None
        The share of the variance that the components of 'pca' keep (all).
    divide : float, default=None
        Divisor of the numbers, 255 for bytes of pixels.
    shape : str or tuple of int, default=None
        The form of the pictures that rows are, as '28x28' or (32, 32, 3), in which `save_features` draws.
    validation : float, default=None
        Share of the rows that is held out: training ends when J over them has not fallen for `patience` looks, and
        the best parameters are kept.
    patience : int, default=None
        Looks at held-out rows without a lower J (10).
    max_time : str, default=None
        Longest time to train, as '90s' or '8h'.
    random_state : int, RandomState instance or None, default=0
        An integer is the seed, 0 as of the command; others draw one, None anew in every fit.
    device : str, default='auto'
        'auto' (a GPU, else the CPU), 'cpu', 'gpu', 'gpu:N', 'software', 'reference', or a part of an adapter's name.
    threads : int, default=None
        Threads of the CPU. None takes what RAYON_NUM_THREADS or OMP_NUM_THREADS say, which joblib sets in its workers,
        else one a core, divided by the fits that run in this process. ``n_jobs`` is not used: its None means one. Results
        have the same bits for any number.
    memory : str or int, default=None
        Most memory that training may take, as '6GB' or bytes; what is free.
    callbacks : callable or list of callables, default=None
        Called with a `Progress` at every report; training stops after a step in which one returns something true.
    verbose : int, default=0
        1 prints a report every second, 2 every report.
    keep_search : bool, default=False
        Whether the history of L-BFGS is kept for `fit_more`, and pickled: twenty times as large as the parameters.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_visible)
        W1, a row for each hidden unit. `n_visible` is `n_features_in_`, less where 'pca' leaves components out.
    encoder_bias_ : ndarray of shape (n_components,)
        b1.
    decoder_ : ndarray of shape (n_components, n_visible)
        D, a row for each hidden unit.
    decoder_bias_ : ndarray of shape (n_visible,)
        b2.
    summary_ : dict
        The result of the run, as ``rhohat train --json`` prints it. Not there for a model from a file.
    n_steps_ : int
        Updates or iterations done.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X has names.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder
    >>> X = np.random.default_rng(0).random((200, 16), dtype=np.float32)
    >>> features = SparseAutoencoder(4, rho=0.2, steps=10, device="cpu").fit(X)
    >>> features.transform(X).shape
    (200, 4)
    """

    def __init__(
        self,
        n_components=25,
        *,
        rho=0.01,
        beta=3.0,
        weight_decay=1e-4,
        activation="sigmoid",
        output=None,
        rho_hat=None,
        rho_hat_decay=None,
        beta_warmup=None,
        optimizer=None,
        lr=None,
        schedule=None,
        warmup=None,
        momentum=None,
        resample=None,
        batch_size=None,
        steps=None,
        epochs=None,
        start=None,
        normalize=None,
        whitening=None,
        epsilon=None,
        variance=None,
        divide=None,
        shape=None,
        validation=None,
        patience=None,
        max_time=None,
        random_state=0,
        device="auto",
        threads=None,
        memory=None,
        callbacks=None,
        verbose=0,
        keep_search=False,
    ):
        self.n_components = n_components
        self.rho = rho
        self.beta = beta
        self.weight_decay = weight_decay
        self.activation = activation
        self.output = output
        self.rho_hat = rho_hat
        self.rho_hat_decay = rho_hat_decay
        self.beta_warmup = beta_warmup
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.warmup = warmup
        self.momentum = momentum
        self.resample = resample
        self.batch_size = batch_size
        self.steps = steps
        self.epochs = epochs
        self.start = start
        self.normalize = normalize
        self.whitening = whitening
        self.epsilon = epsilon
        self.variance = variance
        self.divide = divide
        self.shape = shape
        self.validation = validation
        self.patience = patience
        self.max_time = max_time
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.memory = memory
        self.callbacks = callbacks
        self.verbose = verbose
        self.keep_search = keep_search

    # Training

    def fit(self, X, y=None):
        """Trains anew on the rows of X.

        float32, float64 and uint8 in C order are read where they lie; other arrays are converted once. The interpreter is
        free meanwhile. Ctrl-C raises KeyboardInterrupt after the step at hand and leaves the estimator as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, for the default output in [0, 1].
        y : Ignored

        Returns
        -------
        self : object
        """
        X = self._new_rows(X)
        return self._train(X, {})

    def partial_fit(self, X, y=None):
        """Makes one update from the rows of X, all of them; parameters and state of the optimiser go on from before.

        The optimiser is Adam unless `optimizer` says 'sgd'; L-BFGS needs all rows at once. The learning rate is constant
        unless `schedule` says otherwise, and follows from the first rows where `lr` is None. `steps`, `epochs`,
        `batch_size`, `validation` and `max_time` mean nothing here. Preprocessing is fitted to the first rows. After a `fit` with
        L-BFGS the parameters go on and Adam begins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of the update.
        y : Ignored

        Returns
        -------
        self : object
        """
        if self.optimizer == "lbfgs":
            raise ValueError(
                "`optimizer` 'lbfgs' needs all rows at once; use fit, or partial_fit with 'adam' or 'sgd'"
            )
        before = getattr(self, "_core", None)
        X = self._new_rows(X) if before is None else self._rows(X)
        of_fit = dict.fromkeys(["epochs", "validation", "patience", "max_time"])
        # A moving average is one over mini-batches, even if each of them is all that there is.
        batch = len(X) if self.rho_hat == "ema" else "full"
        of_step = {
            "optimizer": self.optimizer or "adam",
            "schedule": self.schedule or "constant",
            "batch_size": batch,
        }
        # A run of this length never ends by itself, which is what the learning rate is chosen for.
        endless = 10**9
        changes = {**of_fit, **of_step, "steps": endless}
        return self._train(X, changes, before=before, steps=endless, most=1)

    def fit_more(self, X, steps, y=None):
        """Goes on from the last `fit` for `steps` more updates or iterations.

        On the same rows Adam and SGD have the bits of one longer run, if `schedule` is 'constant'; so has L-BFGS with
        `keep_search`, without which its search begins anew from the parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        steps : int
            How many more.
        y : Ignored

        Returns
        -------
        self : object
        """
        check_is_fitted(self)
        X = self._rows(X)
        return self._train(X, {"epochs": None, "steps": None}, before=self._core, steps=int(steps))

    def _train(self, X, changes, before=None, steps=None, most=None):
        if before is not None and before.summary is None:
            raise ValueError("a model from a file has no state to go on from; fit anew")
        hear = listener(self.callbacks, self.verbose)
        params = {**self.get_params(deep=False), **changes}
        seed = self._seed if before is not None else seed_of(self.random_state)
        with share(self.threads) as threads:
            settings = as_text(settings_of(params, seed, threads))
            core = _rhohat.fit(
                X,
                settings,
                callback=hear,
                before=before,
                steps=steps,
                most=most,
                search=bool(self.keep_search),
            )
        self._core, self._seed = core, seed
        self.summary_ = json.loads(core.summary)
        self.n_steps_ = self.summary_["steps"]
        return self

    # Use

    def transform(self, X):
        """The hidden activations A2 of the rows of X, after the model's own preprocessing.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components), float32
        """
        X = self._rows(X)
        codes = np.empty((len(X), self._n_features_out), dtype=np.float32)
        self._core.encode(X, codes)
        return codes

    def inverse_transform(self, X):
        """The rows that hidden activations stand for, in the values that the data came in.

        What was done to all values or to columns is undone; what was taken from each row ('lecture') is not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features), float32
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32, order="C")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} features, but {type(self).__name__} has {self._n_features_out} components"
            )
        rows = np.empty((len(codes), self.n_features_in_), dtype=np.float32)
        self._core.decode(codes, rows, self.n_features_in_)
        return rows

    def reconstruct(self, X):
        """The rows of X through the model and back: `inverse_transform` of `transform`, with each row's own mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features), float32
        """
        X = self._rows(X)
        rows = np.empty(X.shape, dtype=np.float32)
        self._core.reconstruct(X, rows)
        return rows

    def evaluate(self, X):
        """J on the rows of X, its terms, the state of the hidden units and further measures.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        measures : dict
            As ``rhohat eval --json`` prints it.
        """
        return json.loads(self._core_of().evaluate(self._rows(X)))

    def score(self, X, y=None):
        """The share of the variance of X about its mean that the reconstruction explains; 1 is best.

        J is no score: its terms are weighed by `beta` and `weight_decay`, so that a search over them would compare other
        things. Rows that do not vary have the score 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        score : float
        """
        explained = self.evaluate(X)["explained_variance"]
        return 0.0 if explained is None else float(explained)

    def to_torch(self):
        """`torch.nn.Sequential(Linear, f, Linear, g)` with the same weights.

        It takes what the first layer takes: where `normalize`, `whitening` or `divide` are set, examples after them.
        """
        from ._torch import sequential

        check_is_fitted(self)
        return sequential(self)

    # Files

    def save(self, path):
        """Writes the model: safetensors with the names of PyTorch, as ``rhohat train`` writes it and all its commands read.

        The state of the optimiser is not part of it; `pickle` keeps that, too.
        """
        self._core_of().save(os.fspath(path))

    def save_features(self, path):
        """Draws the input that excites each hidden unit most, side by side, as a PNG; rows have to be pictures."""
        self._core_of().save_features(os.fspath(path))

    @classmethod
    def load(cls, path, **params):
        """A fitted estimator from a model file or the folder of a run.

        The model's own settings become parameters; others may be given, as `device`.

        Parameters
        ----------
        path : path-like
        **params
            Parameters of the estimator.

        Returns
        -------
        estimator : SparseAutoencoder
        """
        path = os.fspath(path)
        # The system's own words, where there is no such file.
        os.stat(path)
        core = _rhohat.load(path, params.get("device", "auto"))
        estimator = cls(**{**_params_of(core), **params})
        estimator._core, estimator._seed = core, json.loads(core.metadata)["seed"]
        estimator.n_features_in_ = core.inputs
        return estimator

    # What scikit-learn asks

    @property
    def components_(self):
        return self._params()[0]

    @property
    def encoder_bias_(self):
        return self._params()[1]

    @property
    def decoder_(self):
        return self._params()[2]

    @property
    def decoder_bias_(self):
        return self._params()[3]

    @property
    def _n_features_out(self):
        return self._core_of().shape[1]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_core")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _core_of(self):
        if not hasattr(self, "_core"):
            # An AttributeError, too: properties are looked for by hasattr.
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
        return self._core

    def _new_rows(self, X):
        # One row alone has no spread.
        needs_spread = {self.normalize, self.whitening} - {None, "none"}
        return validate_data(self, X, dtype=_DTYPES, order="C", ensure_min_samples=2 if needs_spread else 1)

    def _rows(self, X):
        check_is_fitted(self)
        return validate_data(self, X, dtype=_DTYPES, order="C", reset=False)

    def _params(self):
        visible, hidden = self._core_of().shape
        shapes = [(hidden, visible), (hidden,), (hidden, visible), (visible,)]
        arrays = [np.empty(shape, dtype=np.float32) for shape in shapes]
        self._core.params(arrays)
        return arrays

    def _activations(self):
        meta = json.loads(self._core_of().metadata)
        return meta["activation"], meta["output"]


# Where it is imported from, in pickles as well.
SparseAutoencoder.__module__ = "rhohat"


def _params_of(core):
    """Parameters that a model says of itself."""
    meta = json.loads(core.metadata)
    preprocess = meta["preprocess"]
    whitening = preprocess.get("whitening") or {}
    params = {
        "n_components": core.shape[1],
        "rho": meta["rho"],
        "beta": meta["beta"],
        "weight_decay": meta["lambda"],
        "activation": meta["activation"],
        "output": meta["output"],
        "random_state": meta["seed"],
        "normalize": preprocess["normalize"],
        "whitening": whitening.get("kind"),
        "epsilon": whitening.get("epsilon"),
        "variance": whitening.get("variance"),
        "shape": preprocess.get("shape"),
    }
    divide = preprocess.get("divide")
    if isinstance(divide, (int, float)) and divide != 1:
        params["divide"] = divide
    return params
