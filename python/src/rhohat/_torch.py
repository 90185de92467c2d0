"""A trained autoencoder as a module of PyTorch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from ._estimator import SparseAutoencoder


def sequential(estimator: "SparseAutoencoder") -> "nn.Sequential":
    """`nn.Sequential(Linear(n, h), f, Linear(h, n), g)` with the estimator's weights."""
    import torch
    from torch import nn

    functions = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "linear": nn.Identity}
    w1, b1, d, b2 = estimator._params()
    hidden, visible = w1.shape
    encoder, decoder = nn.Linear(visible, hidden), nn.Linear(hidden, visible)

    def tensor(array):
        # Through bytes: a PyTorch that was built for another version of NumPy takes no arrays.
        return torch.frombuffer(bytearray(array.tobytes()), dtype=torch.float32).reshape(array.shape)

    with torch.no_grad():
        encoder.weight.copy_(tensor(w1))
        encoder.bias.copy_(tensor(b1))
        decoder.weight.copy_(tensor(d.T))
        decoder.bias.copy_(tensor(b2))
    f, g = estimator._activations()
    return nn.Sequential(encoder, functions[f](), decoder, functions[g]())
