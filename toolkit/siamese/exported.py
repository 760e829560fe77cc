"""A trained encoder without TensorFlow: the trunk as an ONNX graph for ONNX Runtime, the head in NumPy.

Grading on a CPU uses this: it starts in a tenth of a second, and a patch takes a third of the time. The weights are
those of the Keras models, in Keras's order.

Why not Keras's own export: it needs tf2onnx, and its graph gives the same map (to 2e-8) in 1.5 times the time, since batch
normalisation and the order of channels stay as they are in TensorFlow. A test holds this description to Keras's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.settings import EncoderSettings
from toolkit.siamese.inputs import CHANNELS

_OPSET = 17
_BATCH_EPSILON = 1e-3  # Keras's default of batch normalisation
_SHOWN = 6  # figures of the pigment map that are pooled


def trunk_graph(weights: Sequence[NDArray[np.float32]], settings: EncoderSettings) -> bytes:
    """The trunk of ``network.build_trunk`` as a serialised ONNX model, from its weights in Keras's order.

    Input "patch" (n, h, w, 6) float32; outputs "pigment" (n, h, w), and "deepest" and "last" (n, c, ., .), channels
    first, the layers that ``pooling`` pools. Batch normalisation is folded into the convolutions.
    """
    from onnx import TensorProto, checker, helper

    graph = _Graph(list(weights))
    graph.trunk(settings)
    kind = TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "trunk",
            [helper.make_tensor_value_info("patch", kind, ["n", "h", "w", CHANNELS])],
            [
                helper.make_tensor_value_info("pigment", kind, ["n", "h", "w"]),
                helper.make_tensor_value_info("deepest", kind, ["n", "c", "hd", "wd"]),
                helper.make_tensor_value_info("last", kind, ["n", "cl", "h", "w"]),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    checker.check_model(model)
    return bytes(model.SerializeToString())


def trunk_shapes(settings: EncoderSettings) -> list[tuple[int, ...]]:
    """The shapes of the weights of ``network.build_trunk``, in Keras's order."""
    shapes: list[tuple[int, ...]] = []

    def convolved(channels: int, width: int, size: int = 3) -> int:
        shapes.extend([(size, size, channels, width), *[(width,)] * 4])
        return width

    channels = CHANNELS
    for width in settings.channels:
        channels = convolved(convolved(channels, width), width)
    for width in settings.channels[-2::-1]:
        channels = convolved(convolved(channels, width, size=1) + width, width)
    return [*shapes, (3, 3, channels, 1), (1,)]


def head_shapes(settings: EncoderSettings) -> list[tuple[int, ...]]:
    """The shapes of the weights of ``network.build_head``, in Keras's order."""
    pooled = 2 * (settings.channels[-1] + settings.channels[0] + _SHOWN)
    hidden, embedding = 2 * settings.embedding, settings.embedding
    return [
        (pooled,),
        (pooled,),
        (pooled, hidden),
        (hidden,),
        (hidden, embedding),
        (embedding,),
        (embedding, 1),
        (1,),
    ]


def head_of(
    weights: Sequence[NDArray[np.float32]], pooled: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The embedding (n, e) and grade (n, 1) in grades / 9 that ``network.build_head`` makes of (n, p)."""
    mean, variance, *dense = weights
    x = (pooled - mean) / np.sqrt(variance + _BATCH_EPSILON)
    x = np.maximum(x @ dense[0] + dense[1], 0)
    embedding = x @ dense[2] + dense[3]
    return embedding, np.maximum(embedding, 0) @ dense[4] + dense[5]


class ExportedTrunk:
    """A trunk of ``trunk_graph``, ready to run on the CPU, in one thread: processes are the parallelism."""

    def __init__(self, graph: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def __call__(
        self, pictures: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """The map (n, h, w), and the deepest and the last layer (n, c, ., .), of n inputs (n, h, w, 6)."""
        pigment, deepest, last = self._session.run(["pigment", "deepest", "last"], {"patch": pictures})
        return pigment, deepest, last


class _Graph:
    """Nodes and constants, added one by one; pictures are (n, c, h, w) within."""

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._weights = weights
        self._count = 0

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        self._count += 1
        name = name or f"{kind.lower()}_{self._count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        from onnx import numpy_helper

        self._count += 1
        name = f"constant_{self._count}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def trunk(self, settings: EncoderSettings) -> None:
        """The same steps as ``network.build_trunk``, in its order."""
        x = self.add("Transpose", "patch", perm=[0, 3, 1, 2])
        levels: list[str] = []
        for depth, _ in enumerate(settings.channels):
            if depth:
                x = self._halved(x)
            deepest = "deepest" if depth == len(settings.channels) - 1 else ""
            x = self._convolved(self._convolved(x), name=deepest)
            levels.append(x)
        for level in levels[-2::-1]:
            doubled = self.constant([1, 1, 2, 2])
            x = self.add("Resize", self._convolved(x), "", doubled, mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
            last = "last" if level == levels[0] else ""
            x = self._convolved(self.add("Concat", x, level, axis=1), name=last)
        kernel, bias = self._take(2)
        self.add("Squeeze", self._to_one(x, kernel, bias), self.constant([1], np.int64), name="pigment")

    def _take(self, count: int) -> list[NDArray[np.float32]]:
        taken, self._weights = self._weights[:count], self._weights[count:]
        return taken

    def _convolved(self, x: str, name: str = "") -> str:
        kernel, gain, offset, mean, variance = self._take(5)
        factor = gain / np.sqrt(variance + _BATCH_EPSILON)
        return self.add("Relu", self._convolution(x, kernel * factor, offset - mean * factor), name=name)

    def _convolution(self, x: str, kernel: NDArray, bias: NDArray) -> str:
        rim = kernel.shape[0] // 2
        weights = self.constant(kernel.transpose(3, 2, 0, 1))
        return self.add("Conv", x, weights, self.constant(bias), pads=[rim] * 4)

    def _to_one(self, x: str, kernel: NDArray, bias: NDArray) -> str:
        """Convolved to one channel: as a transposed convolution, since ONNX Runtime computes sixteen where one is wanted."""
        rim = kernel.shape[0] // 2
        weights = self.constant(kernel[::-1, ::-1].transpose(2, 3, 0, 1))
        return self.add("ConvTranspose", x, weights, self.constant(bias), pads=[rim] * 4)

    def _halved(self, x: str) -> str:
        return self.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
