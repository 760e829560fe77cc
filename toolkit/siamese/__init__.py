"""The Siamese network: one encoder for two patches, trained so that distance tells how grades differ.

The encoder sees maps of melanin, darkness and erythema deviations instead of raw colour: trained from few
subjects, a network fed RGB learns their complexion; fed pigment it learns pigment. Its trunk can be taught by
phantoms, whose pigment is known in every pixel, and then kept: a study has few subjects.
"""

from toolkit.siamese.encoder import Embedded, Encoder, Weights
from toolkit.siamese.inputs import encoder_input
from toolkit.siamese.losses import LOSSES, contrastive_loss, log_ratio_loss, pair_loss, rank_n_contrast
from toolkit.siamese.severity import Severity
from toolkit.siamese.training import pretrain, train_encoder

__all__ = [
    "LOSSES",
    "Embedded",
    "Encoder",
    "Severity",
    "Weights",
    "contrastive_loss",
    "encoder_input",
    "log_ratio_loss",
    "pair_loss",
    "pretrain",
    "rank_n_contrast",
    "train_encoder",
]
