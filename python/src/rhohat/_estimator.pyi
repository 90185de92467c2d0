from collections.abc import Iterable
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from torch import nn

from ._progress import Callback

class SparseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    n_components: int
    rho: float
    beta: float
    weight_decay: float
    activation: Literal["sigmoid", "tanh"]
    output: Literal["sigmoid", "tanh", "linear"] | None
    rho_hat: Literal["exact", "batch", "ema"] | None
    rho_hat_decay: float | None
    beta_warmup: int | None
    optimizer: Literal["lbfgs", "adam", "sgd"] | None
    lr: float | None
    schedule: Literal["cosine", "constant"] | None
    warmup: int | None
    momentum: float | None
    resample: int | None
    batch_size: int | Literal["full"] | None
    steps: int | None
    epochs: int | None
    start: Literal["data", "lecture"] | None
    normalize: Literal["none", "unit", "lecture", "minmax", "standard", "mean"] | None
    whitening: Literal["none", "pca", "zca"] | None
    epsilon: float | None
    variance: float | None
    divide: float | None
    shape: str | tuple[int, ...] | None
    validation: float | None
    patience: int | None
    max_time: str | None
    random_state: int | RandomState | None
    device: str
    threads: int | None
    memory: str | int | None
    callbacks: Callback | Iterable[Callback] | None
    verbose: int
    keep_search: bool
    summary_: dict[str, Any]
    n_steps_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    def __init__(
        self,
        n_components: int = 25,
        *,
        rho: float = 0.01,
        beta: float = 3.0,
        weight_decay: float = 1e-4,
        activation: Literal["sigmoid", "tanh"] = "sigmoid",
        output: Literal["sigmoid", "tanh", "linear"] | None = None,
        rho_hat: Literal["exact", "batch", "ema"] | None = None,
        rho_hat_decay: float | None = None,
        beta_warmup: int | None = None,
        optimizer: Literal["lbfgs", "adam", "sgd"] | None = None,
        lr: float | None = None,
        schedule: Literal["cosine", "constant"] | None = None,
        warmup: int | None = None,
        momentum: float | None = None,
        resample: int | None = None,
        batch_size: int | Literal["full"] | None = None,
        steps: int | None = None,
        epochs: int | None = None,
        start: Literal["data", "lecture"] | None = None,
        normalize: Literal["none", "unit", "lecture", "minmax", "standard", "mean"] | None = None,
        whitening: Literal["none", "pca", "zca"] | None = None,
        epsilon: float | None = None,
        variance: float | None = None,
        divide: float | None = None,
        shape: str | tuple[int, ...] | None = None,
        validation: float | None = None,
        patience: int | None = None,
        max_time: str | None = None,
        random_state: int | RandomState | None = 0,
        device: str = "auto",
        threads: int | None = None,
        memory: str | int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
        verbose: int = 0,
        keep_search: bool = False,
    ) -> None: ...
    def fit(self, X: ArrayLike, y: object = None) -> Self: ...
    def partial_fit(self, X: ArrayLike, y: object = None) -> Self: ...
    def fit_more(self, X: ArrayLike, steps: int, y: object = None) -> Self: ...
    def fit_transform(self, X: ArrayLike, y: object = None, **fit_params: object) -> NDArray[np.float32]: ...
    def transform(self, X: ArrayLike) -> NDArray[np.float32]: ...
    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float32]: ...
    def reconstruct(self, X: ArrayLike) -> NDArray[np.float32]: ...
    def evaluate(self, X: ArrayLike) -> dict[str, Any]: ...
    def score(self, X: ArrayLike, y: object = None) -> float: ...
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def to_torch(self) -> nn.Sequential: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    def save_features(self, path: str | PathLike[str]) -> None: ...
    @classmethod
    def load(cls, path: str | PathLike[str], **params: Any) -> Self: ...
    @property
    def components_(self) -> NDArray[np.float32]: ...
    @property
    def encoder_bias_(self) -> NDArray[np.float32]: ...
    @property
    def decoder_(self) -> NDArray[np.float32]: ...
    @property
    def decoder_bias_(self) -> NDArray[np.float32]: ...
