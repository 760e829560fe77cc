"""How the landmark network is made: the graph as Keras and as ONNX, 68 points of 189, the map of Face Mesh."""

import numpy as np
import pytest
from places import REAL_FACES

from benchmarks.making.landmark_network import graph as graphs
from benchmarks.making.landmark_network import meshmap
from benchmarks.making.landmark_network.handmade import read_points, sixty_eight
from toolkit.meanface import MEAN_FACE_MM, MIRROR, fit_similarity, similarity_scale


def small_graph() -> graphs.Graph:
    rng = np.random.default_rng(0)
    ops = (
        graphs.Op("conv", ("in",), "a", ("ka", "ba"), stride=2),
        graphs.Op("prelu", ("a",), "b", ("sb",)),
        graphs.Op("depthwise", ("b",), "c", ("kc", "bc")),
        graphs.Op("add", ("b", "c"), "d"),
        graphs.Op("prelu", ("d",), "e", ("se",)),
        graphs.Op("pool", ("e",), "f", stride=2, size=2),
        graphs.Op("pad", ("f",), "g", size=3),
        graphs.Op("conv", ("g",), "h", ("kh", "bh"), same=False),
    )
    shapes = {"in": (9, 9, 3), "a": (5, 5, 4), "b": (5, 5, 4), "c": (5, 5, 4), "d": (5, 5, 4), "e": (5, 5, 4)}
    shapes |= {"f": (3, 3, 4), "g": (3, 3, 7), "h": (1, 1, 6)}
    sizes = {"ka": (3, 3, 3, 4), "ba": (4,), "kc": (3, 3, 4, 1), "bc": (4,), "kh": (3, 3, 7, 6), "bh": (6,)}
    weights = {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    weights["sb"] = np.array([[[0.2, -0.3, 0.9, 0.0]]], np.float32)
    weights["se"] = np.array([[[1.4, -0.3, 0.9, 0.0]]], np.float32)  # a slope over one
    return graphs.Graph(ops, weights, shapes, "in", ("h",))


def test_keras_and_onnx_agree(tmp_path):
    pytest.importorskip("tensorflow")
    import onnxruntime

    graph = small_graph()
    graphs.write_onnx(graph, tmp_path / "net.onnx", ("points",), "a note")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(1).normal(size=(2, 9, 9, 3)).astype(np.float32)
    model = graphs.as_keras(graph)
    wanted = np.asarray(model(picture)).reshape(2, 6)
    assert np.allclose(session.run(None, {"picture": picture})[0], wanted, atol=1e-4)
    same = graphs.with_weights_of(graph, model)
    assert all(np.array_equal(same.weights[name], graph.weights[name]) for name in graph.weights)


def test_the_map_finds_shares_and_offsets():
    rng = np.random.default_rng(0)
    mesh = rng.uniform(0, 190, (1, 468, 2)) + rng.normal(0, 4, (60, 468, 2))
    offset = np.array([1.0, -2.0])
    wanted = np.stack([mesh[:, [5, 9]].mean(axis=1) + offset, mesh[:, 7]], axis=1)
    fitted = meshmap.fit_map(mesh, wanted)
    assert np.allclose(fitted[0].sum(axis=1), 1)
    found = np.array([meshmap.apply_map(fitted, points) for points in mesh])
    assert np.linalg.norm(found[:, 1] - wanted[:, 1], axis=1).mean() < 1.0


@pytest.mark.skipif(not REAL_FACES.is_dir(), reason="the real photographs are not here")
def test_points_set_by_hand_make_a_face():
    for path in sorted((REAL_FACES / "neutral").glob("*.tem"))[::20]:
        known = read_points(path)
        points = sixty_eight(known)
        assert np.isfinite(points).all()
        transform = fit_similarity(points)
        off = np.linalg.norm(MEAN_FACE_MM @ transform[:, :2].T + transform[:, 2] - points, axis=1)
        assert off.mean() / similarity_scale(transform) < 8.0
        assert (points[[36, 39, 42, 45, 8]] == known[[18, 22, 23, 27, 129]]).all()
        assert (MIRROR[MIRROR] == np.arange(68)).all()
