"""A small network as a list of operations: read from a .tflite file, run by Keras, written as ONNX.

Only what Face Mesh consists of is known: convolutions, depthwise convolutions, PReLU, addition, padding of
channels with zeros, and max pooling. The reader of .tflite's flatbuffers comes with TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Op:
    """One operation: ``weights`` name arrays of the graph in TensorFlow's layout (height, width, in, out)."""

    kind: str  # conv, depthwise, prelu, add, pad, pool
    inputs: tuple[str, ...]
    output: str
    weights: tuple[str, ...] = ()
    stride: int = 1
    same: bool = True  # zeros round the input, the odd one behind, as TensorFlow's "SAME"
    size: int = 1  # of a pool's window; channels added by a pad


@dataclass(frozen=True)
class Graph:
    """Operations in their order. ``shapes``: (height, width, channels) of every value that is computed."""

    ops: tuple[Op, ...]
    weights: Weights
    shapes: dict[str, tuple[int, ...]]
    source: str
    outputs: tuple[str, ...]


# ---- .tflite


def read_tflite(path: Path) -> Graph:
    """The network of a .tflite file of float32 weights."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    part = model.subgraphs[0]
    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    weights: Weights = {}
    for number, tensor in enumerate(part.tensors):
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data):
            dtype = {0: np.float32, 2: np.int32}[tensor.type]
            weights[f"t{number}"] = np.frombuffer(bytes(data), dtype).reshape(tensor.shape)
    ops = []
    for operator in part.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        ops.append(_read_op(kind, operator, weights))
    used = {name for op in ops for name in op.weights}
    shapes = {
        f"t{number}": tuple(int(n) for n in tensor.shape[1:])
        for number, tensor in enumerate(part.tensors)
        if f"t{number}" not in weights
    }
    return Graph(
        tuple(ops),
        {name: value for name, value in weights.items() if name in used},
        shapes,
        f"t{part.inputs[0]}",
        tuple(f"t{number}" for number in part.outputs),
    )


def _read_op(kind: str, operator: Any, weights: Weights) -> Op:
    names = [f"t{number}" for number in operator.inputs]
    given = tuple(name for name in names if name not in weights)
    held = tuple(name for name in names if name in weights)
    output, told = f"t{operator.outputs[0]}", operator.builtinOptions
    if told is not None and getattr(told, "fusedActivationFunction", False):
        raise ValueError(f"{kind} with an activation of its own is not known")
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        kernel = weights[held[0]]  # (out, height, width, in); depthwise (1, height, width, channels)
        weights[held[0]] = np.ascontiguousarray(kernel.transpose(1, 2, 3, 0))
        name = "conv" if kind == "CONV_2D" else "depthwise"
        return Op(name, given, output, held, told.strideW, told.padding == 0)
    if kind == "PRELU":
        return Op("prelu", given, output, held)
    if kind == "ADD":
        return Op("add", given, output)
    if kind == "MAX_POOL_2D":
        return Op("pool", given, output, (), told.strideW, told.padding == 0, told.filterWidth)
    if kind == "PAD":
        before, after = weights[held[0]][:, 0], weights[held[0]][:, 1]
        if before.any() or after[:3].any():
            raise ValueError("only channels may be padded")
        return Op("pad", given, output, size=int(after[3]))
    raise ValueError(f"operation {kind} is not known")


# ---- Keras


def as_keras(graph: Graph) -> Any:
    """A Keras model with the graph's weights, all trainable; every layer has its op's output's name."""
    import keras

    values = {graph.source: keras.Input(graph.shapes[graph.source])}
    for op in graph.ops:
        inputs = [values[name] for name in op.inputs]
        values[op.output] = _layer(op, graph)(inputs if op.kind == "add" else inputs[0])
    model = keras.Model(values[graph.source], [values[name] for name in graph.outputs])
    for op in graph.ops:
        if op.weights:
            model.get_layer(op.output).set_weights([graph.weights[name] for name in op.weights])
    return model


def _layer(op: Op, graph: Graph) -> Any:
    from keras import layers, ops

    padding = "same" if op.same else "valid"
    if op.kind == "conv":
        height, width, _, out = graph.weights[op.weights[0]].shape
        return layers.Conv2D(out, (height, width), op.stride, padding, name=op.output)
    if op.kind == "depthwise":
        size = graph.weights[op.weights[0]].shape[:2]
        return layers.DepthwiseConv2D(size, op.stride, padding, name=op.output)
    if op.kind == "prelu":
        return layers.PReLU(shared_axes=[1, 2], name=op.output)
    if op.kind == "add":
        return layers.Add(name=op.output)
    if op.kind == "pool":
        return layers.MaxPooling2D(op.size, op.stride, padding, name=op.output)
    added = op.size
    return layers.Lambda(lambda x: ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, added]]), name=op.output)


def with_weights_of(graph: Graph, model: Any) -> Graph:
    """The graph with the weights that a model of ``as_keras`` has learnt."""
    weights = dict(graph.weights)
    for op in graph.ops:
        if op.weights:
            weights.update(zip(op.weights, model.get_layer(op.output).get_weights(), strict=True))
    return replace(graph, weights=weights)


# ---- ONNX


def write_onnx(graph: Graph, path: Path, names: tuple[str, ...], note: str) -> None:
    """Write it as ONNX: input ``picture`` (n, height, width, 3) float32, outputs (n, values) by name."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    height, width, channels = graph.shapes[graph.source]
    nodes = [helper.make_node("Transpose", ["picture"], [graph.source], perm=[0, 3, 1, 2])]
    held: list[Any] = []
    for op in graph.ops:
        made, arrays = _onnx_nodes(op, graph)
        nodes += made
        held += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    nodes += [
        helper.make_node("Flatten", [output], [name], axis=1)
        for output, name in zip(graph.outputs, names, strict=True)
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", height, width, channels])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", int(np.prod(graph.shapes[output]))])
        for output, name in zip(graph.outputs, names, strict=True)
    ]
    whole = helper.make_graph(nodes, "landmarks", [picture], outputs, held)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], doc_string=note)
    model.ir_version = 9
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _onnx_nodes(op: Op, graph: Graph) -> tuple[list[Any], Weights]:
    from onnx import helper

    inputs, outputs = list(op.inputs), [op.output]
    if op.kind in ("conv", "depthwise"):
        kernel, bias = (graph.weights[name] for name in op.weights)
        order = (3, 2, 0, 1) if op.kind == "conv" else (2, 3, 0, 1)
        arrays = {op.weights[0]: np.ascontiguousarray(kernel.transpose(order)), op.weights[1]: bias}
        told: dict[str, Any] = {
            "strides": [op.stride] * 2,
            "pads": _pads(op, graph, kernel.shape[0]),
            "group": 1 if op.kind == "conv" else kernel.shape[2],
        }
        return [helper.make_node("Conv", [*inputs, *op.weights], outputs, **told)], arrays
    if op.kind == "prelu":
        return _prelu(op, graph.weights[op.weights[0]].reshape(-1, 1, 1))
    if op.kind == "add":
        return [helper.make_node("Add", inputs, outputs)], {}
    if op.kind == "pool":
        told = {"kernel_shape": [op.size] * 2, "strides": [op.stride] * 2, "pads": _pads(op, graph, op.size)}
        return [helper.make_node("MaxPool", inputs, outputs, **told)], {}
    name = f"{op.output}_pads"
    pads = np.array([0, 0, 0, 0, 0, op.size, 0, 0], np.int64)
    return [helper.make_node("Pad", [*inputs, name], outputs)], {name: pads}


def _prelu(op: Op, slope: NDArray[np.float32]) -> tuple[list[Any], Weights]:
    """max(x, slope x), or where a slope exceeds one slope x + (1 - slope) max(x, 0): ONNX Runtime's own PRelu
    takes several times as long."""
    from onnx import helper

    (name,), (value,) = op.weights, op.inputs
    scaled, positive, rest = (f"{op.output}_{part}" for part in ("scaled", "positive", "rest"))
    multiply = helper.make_node("Mul", [value, name], [scaled])
    if slope.max() <= 1:
        return [multiply, helper.make_node("Max", [value, scaled], [op.output])], {name: slope}
    return [
        multiply,
        helper.make_node("Relu", [value], [positive]),
        helper.make_node("Mul", [positive, f"{name}_left"], [rest]),
        helper.make_node("Add", [scaled, rest], [op.output]),
    ], {name: slope, f"{name}_left": 1 - slope}


def _pads(op: Op, graph: Graph, size: int) -> list[int]:
    """[top, left, bottom, right] zeros that TensorFlow's "SAME" puts round a square input."""
    if not op.same:
        return [0, 0, 0, 0]
    before, after = graph.shapes[op.inputs[0]][0], graph.shapes[op.output][0]
    total = max(0, (after - 1) * op.stride + size - before)
    return [total // 2, total // 2, total - total // 2, total - total // 2]
