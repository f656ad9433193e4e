"""Models: an estimator, or a pipeline whose last step is one.

The parameters of a pipeline are its steps, each a table of name and parameters.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline

from alrun.errors import ModelError
from alrun.models.estimators import (
    BUILT_IN,
    build_one,
    parameters_of,
    resolve_classifier,
    resolve_transformer,
    version_of,
)
from alrun.seeds import generator
from alrun.spec import PIPELINE

__all__ = ["BUILT_IN", "build", "offers", "parameters_of", "resolve", "resolve_step", "version"]


def resolve(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, defaults included, as JSON can hold them.

    Raises ModelError where there is no such classifier or it refuses the parameters.
    """
    if name != PIPELINE:
        return resolve_classifier(name, parameters)
    *others, last = parameters["steps"]
    steps = [
        *(resolve_step(step["name"], step["parameters"], is_last=False) for step in others),
        resolve_step(last["name"], last["parameters"], is_last=True),
    ]
    return {"steps": steps}


def resolve_step(name: str, parameters: Mapping[str, Any], is_last: bool) -> dict[str, Any]:
    """Return a step of a pipeline, defaults included; its version stands in it where it is not 1.

    The last must be a classifier, the others transformers. Raises ModelError.
    """
    resolve_it = resolve_classifier if is_last else resolve_transformer
    resolved = {"name": name, "parameters": resolve_it(name, parameters)}
    return resolved if version_of(name) == 1 else {**resolved, "version": version_of(name)}


def version(name: str) -> int:
    """Return the version of a model's code; those of a pipeline's steps stand in the steps."""
    return 1 if name == PIPELINE else version_of(name)


def build(name: str, parameters: Mapping[str, Any], rng: np.random.Generator) -> Any:
    """Return a new, unfitted estimator; every `random_state` in it is drawn from `rng`."""
    if name != PIPELINE:
        return build_one(name, parameters, rng)
    return make_pipeline(
        *(build_one(step["name"], step["parameters"], rng) for step in parameters["steps"])
    )


def offers(name: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return which of `predict_proba` and `decision_function` the model has; raises ModelError."""
    estimator = build(name, resolve(name, parameters), generator(0, "check"))
    try:
        return frozenset(
            method
            for method in ("predict_proba", "decision_function")
            if hasattr(estimator, method)
        )
    except Exception as error:  # where it is a property, it can raise anything
        raise ModelError(f"{name} cannot be asked for probabilities: {error}") from error
