"""Writes notebook.ipynb, without outputs: `python make_notebook.py`. `.ci/python --all` runs it."""

import json
from pathlib import Path

TEXT, CODE = "markdown", "code"
CELLS = [
    (TEXT, "# Sparse features of handwritten digits\n\n`SparseAutoencoder` in a notebook: features, a search over ρ and β, learning from batches, PyTorch."),
    (CODE, "import matplotlib.pyplot as plt\nimport numpy as np\nfrom sklearn.datasets import load_digits\n\nfrom rhohat import SparseAutoencoder\n\ndigits = load_digits()\nX = (digits.data / 16).astype(np.float32)\nX.shape"),
    (TEXT, "## Features\n\nEach hidden unit is a template: the input that excites it most is its row of W1."),
    (CODE, "features = SparseAutoencoder(36, rho=0.05, beta=0.3, weight_decay=1e-3, shape=(8, 8)).fit(X)\nprint(f\"J {features.summary_['j']:.3f}, explained {features.score(X):.1%}, {features.summary_['dead']} units dead\")\n\nfigure, axes = plt.subplots(4, 9, figsize=(9, 4))\nfor axis, weights in zip(axes.flat, features.components_):\n    axis.imshow(weights.reshape(8, 8), cmap=\"gray\")\n    axis.axis(\"off\")"),
    (TEXT, "## Codes as features of a classifier, ρ and β searched for"),
    (CODE, "from sklearn.linear_model import LogisticRegression\nfrom sklearn.model_selection import GridSearchCV, train_test_split\nfrom sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n\nX_train, X_test, y_train, y_test = train_test_split(X, digits.target, random_state=0)\npipeline = make_pipeline(SparseAutoencoder(64, weight_decay=1e-3, steps=100), StandardScaler(), LogisticRegression(max_iter=500))\ngrid = {\"sparseautoencoder__rho\": [0.05, 0.2], \"sparseautoencoder__beta\": [0.1, 1.0]}\nsearch = GridSearchCV(pipeline, grid, cv=3).fit(X_train, y_train)\nprint(search.best_params_, f\"{search.score(X_test, y_test):.1%} of the test pictures\")\nassert search.score(X_test, y_test) > 0.9"),
    (TEXT, "## Batches as they come, and a look at J"),
    (CODE, "online, costs = SparseAutoencoder(36, rho=0.05, beta=0.3, weight_decay=1e-3), []\norder = np.random.default_rng(0)\nfor _ in range(200):\n    online.partial_fit(X[order.choice(len(X), 100)])\n    costs.append(online.summary_[\"j\"])\nplt.plot(costs)\nplt.xlabel(\"update\")\nplt.ylabel(\"J of the batch\")\nassert costs[-1] < costs[0]"),
    (TEXT, "## Saved, loaded, and as a module of PyTorch"),
    (CODE, "import tempfile\nfrom pathlib import Path\n\nwith tempfile.TemporaryDirectory() as folder:\n    features.save(Path(folder) / \"features.safetensors\")\n    again = SparseAutoencoder.load(Path(folder) / \"features.safetensors\")\nassert np.array_equal(again.transform(X), features.transform(X))\n\ntry:\n    print(again.to_torch())\nexcept ImportError:\n    print(\"PyTorch is not installed\")"),
]


def cell(number: int, kind: str, text: str) -> dict:
    lines = text.splitlines(keepends=True)
    base = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
    return {**base, "execution_count": None, "outputs": []} if kind == CODE else base


metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
notebook = {
    "cells": [cell(number, *one) for number, one in enumerate(CELLS)],
    "metadata": metadata,
    "nbformat": 4,
    "nbformat_minor": 5,
}
path = Path(__file__).with_name("notebook.ipynb")
path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
