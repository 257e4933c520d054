"""The RayJob manifest: fields that KubeRay's schema has, and a command that exists.

The fields are those of the custom resource ``ray.io/v1`` and of Kubernetes pods, as far as the
manifest uses them; a cluster was not at hand.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main

from maskcast.cli import app

yaml = pytest.importorskip("yaml")
MANIFEST = Path(__file__).parents[2] / "examples" / "kubernetes" / "rayjob.yaml"

QUANTITIES = {"cpu": str, "memory": str, "nvidia.com/gpu": str}
RESOURCES = {"requests": QUANTITIES, "limits": QUANTITIES}
CONTAINER = {
    "name": str,
    "image": str,
    "envFrom": [{"secretRef": {"name": str}}],
    "resources": RESOURCES,
}
TEMPLATE = {"spec": {"containers": [CONTAINER]}}
WORKERS = {
    "groupName": str,
    "replicas": int,
    "minReplicas": int,
    "maxReplicas": int,
    "rayStartParams": Mapping,
    "template": TEMPLATE,
}
CLUSTER = {
    "rayVersion": str,
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": {"idleTimeoutSeconds": int},
    "headGroupSpec": {"rayStartParams": Mapping, "template": TEMPLATE},
    "workerGroupSpecs": [WORKERS],
}
RAY_JOB = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"generateName": str},
    "spec": {
        "entrypoint": str,
        "shutdownAfterJobFinishes": bool,
        "ttlSecondsAfterFinished": int,
        "backoffLimit": int,
        "rayClusterSpec": CLUSTER,
    },
}


def problems(content: Any, schema: Any, place: str = "") -> list[str]:  # noqa: ANN401
    if isinstance(schema, dict):
        if not isinstance(content, dict):
            return [f"{place} is no mapping"]
        unknown = [f"{place}.{key} is unknown" for key in content.keys() - schema.keys()]
        known = content.keys() & schema.keys()
        return unknown + [
            problem
            for key in known
            for problem in problems(content[key], schema[key], f"{place}.{key}")
        ]
    if isinstance(schema, list):
        return [problem for one in content for problem in problems(one, schema[0], f"{place}[]")]
    return [] if isinstance(content, schema) else [f"{place} is not {schema.__name__}"]


@pytest.fixture(scope="module")
def manifest() -> Any:  # noqa: ANN401
    return yaml.safe_load(MANIFEST.read_text("utf-8"))


def test_the_manifest_has_the_fields_of_a_ray_job(manifest: Any) -> None:  # noqa: ANN401
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    assert problems(manifest, RAY_JOB) == []
    for group in manifest["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    head = manifest["spec"]["rayClusterSpec"]["headGroupSpec"]
    assert all(isinstance(value, str) for value in head["rayStartParams"].values())


def test_its_command_exists_and_fits_the_pods_it_asks_for(manifest: Any) -> None:  # noqa: ANN401
    words = shlex.split(manifest["spec"]["entrypoint"])
    assert words[:2] == ["maskcast", "run"]
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    context = command.make_context("run", words[2:])
    flags = context.params
    (group,) = manifest["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    assert int(container["resources"]["limits"]["cpu"]) == flags["workers"]
    assert int(container["resources"]["limits"]["nvidia.com/gpu"]) == flags["gpus_per_worker"]
    assert group["maxReplicas"] == flags["max_workers"]


def test_it_holds_no_credentials() -> None:
    text = MANIFEST.read_text("utf-8")
    assert not any(word in text for word in ("SECRET", "ACCESS_KEY", "PASSWORD", "token"))
