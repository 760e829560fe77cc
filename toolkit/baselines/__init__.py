"""The models that others built before: transfer learning on whole photographs, pairs, patches with an MLP.

Each learns from some photographs and answers for all of them, so that training, validation and test scores come
from the same fit. TensorFlow is loaded when it is needed.
"""

from toolkit.baselines.backbone import backbone_title, check_backbone, load_backbone
from toolkit.baselines.classify import classify
from toolkit.baselines.common import Fitted, Split, cyclical_rate
from toolkit.baselines.pairs import classes_by_similarity, match_pairs
from toolkit.baselines.patches_mlp import deep_features, grade_patches, rolled

__all__ = [
    "Fitted",
    "Split",
    "backbone_title",
    "check_backbone",
    "classes_by_similarity",
    "classify",
    "cyclical_rate",
    "deep_features",
    "grade_patches",
    "load_backbone",
    "match_pairs",
    "rolled",
]
