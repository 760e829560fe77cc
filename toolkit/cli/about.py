"""What is installed, here or on the machines of a cluster, and what words mean."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli.lines import say, say_json
from toolkit.cli.options import ClusterAddress, Json
from toolkit.cli.root import app
from toolkit.errors import ToolkitError
from toolkit.outputs import counted


@app.command(epilog="Example:  toolkit info --model models/my-study")
def info(
    model: Annotated[
        Path | None, typer.Option(help="Tell of this model folder alone, and where its card is.")
    ] = None,
    cluster: ClusterAddress = None,
    as_json: Json = False,
) -> None:
    """Versions, devices, models found, and what is missing; with --cluster the workers, and whether all are alike."""
    from toolkit.info import describe, describe_model, facts, model_facts

    if cluster is not None:
        return _say_cluster(cluster, as_json)
    if as_json:
        say_json(model_facts(model) if model else facts())
    else:
        say(*(describe_model(model) if model else describe()))


def _say_cluster(address: str, as_json: bool) -> None:
    """The exit status is 1 where a worker is unlike this machine: grade would refuse it."""
    from toolkit.cluster import connect

    with connect(address) as cluster:
        nodes, unlike = cluster.nodes(), cluster.unlike()
    if as_json:
        say_json({"workers": nodes, "unlike": unlike})
    else:
        for address, node in nodes.items():
            like = f"UNLIKE: {unlike[address]}" if address in unlike else "as this machine"
            say(f"{address}: {', '.join(_of_worker(node))}, {like}")
        threads = sum(node["threads"] for node in nodes.values())
        say(f"{len(nodes)} workers, {threads} photos at a time, {len(unlike)} of them unlike this machine")
    raise typer.Exit(1 if unlike else 0)


def _of_worker(node: Mapping[str, Any]) -> Iterator[str]:
    from toolkit.cluster import named

    yield f"{node['host']}, {node['threads']} of {node['cores']} cores"
    yield f"resources {named(node['resources']) or 'none'}"
    yield counted(node["gpus"], "NVIDIA GPU")
    providers = (name.removesuffix("ExecutionProvider") for name in node["onnx_providers"])
    yield f"ONNX Runtime with {' '.join(providers)}"
    yield f"toolkit {node['toolkit']}"


@app.command(epilog="Example:  toolkit glossary fold")
def glossary(
    term: Annotated[str, typer.Argument(help="A word, or a part of one; without it all are listed.")] = "",
) -> None:
    """What the words mean: fold, embedding, conformal interval, OD, ICC, ..."""
    from toolkit.glossary import terms

    found = terms(term)
    if not found:
        raise ToolkitError(f"{term}: is not in the glossary: toolkit glossary lists all words")
    for one in found:
        say(*textwrap.wrap(f"{one.term}: {one.meaning}", 110, subsequent_indent="  "))
