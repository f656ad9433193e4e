"""Conversion of class weights from labels, as in experiments, to codes, as for estimators.

They are the parameter `class_weight` of a model, or of a step of a pipeline, if it is a table.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from alrun.errors import ModelError
from alrun.spec_parts import PIPELINE
from alrun.util.numbers import is_number


def checked_weights(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with class weights as floats; raises ModelError for invalid weights."""
    weights = parameters.get("class_weight")
    if isinstance(weights, list) and any(isinstance(entry, dict) for entry in weights):
        raise ModelError("class_weight must be one table of labels and weights, not a list")
    if not isinstance(weights, dict):
        return dict(parameters)
    for label, weight in weights.items():
        if not (is_number(weight) and 0 < weight < 1e300):
            raise ModelError(f"class_weight.{label} must be a positive number, not {weight!r:.60}")
    floats = {label: float(weight) for label, weight in weights.items()}
    return {**parameters, "class_weight": floats}


def labels_weighted(name: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key of each class weight in the table of a model, and the label of its class."""
    if name == PIPELINE:
        for place, step in enumerate(parameters["steps"]):
            for key, label in labels_weighted(step["name"], step["parameters"]):
                yield f"steps[{place + 1}].{key}", label
        return
    weights = parameters.get("class_weight")
    for label in weights if isinstance(weights, dict) else ():
        yield f"class_weight.{label}", label


def weights_by_code(
    name: str, parameters: Mapping[str, Any], labels: Mapping[int, str]
) -> dict[str, Any]:
    """Return the parameters of a model with class weights by code instead of label.

    `labels` maps the code of each class to weigh to its label. A class without a weight gets 1:
    scikit-learn accepts weights of classes missing from a bootstrap only if all others have one.
    """
    if name == PIPELINE:
        steps = [
            {**step, "parameters": weights_by_code(step["name"], step["parameters"], labels)}
            for step in parameters["steps"]
        ]
        return {"steps": steps}
    weights = parameters.get("class_weight")
    if not isinstance(weights, dict):
        return dict(parameters)
    by_code = {code: weights.get(label, 1.0) for code, label in labels.items()}
    return {**parameters, "class_weight": by_code}
