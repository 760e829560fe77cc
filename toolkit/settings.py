"""Every default of the package, once: frozen dataclasses, saved as JSON beside the model they made.

Lengths are millimetres on skin, optical densities (OD) natural-log units, unless a name says otherwise.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from toolkit.errors import ModelError


@dataclass(frozen=True)
class PhotoSettings:
    """Limits of what is decoded, and what counts as painted out."""

    max_megapixels: float = 60.0
    max_bytes: int = 200_000_000
    painted_level: int = 8  # max(R, G, B) at or under this is painted out; tolerance round a fill colour
    min_fill_fraction: float = 0.01  # share of the picture that makes one constant colour a fill
    min_area_fraction: float = 1e-4  # share of the picture under which a painted spot is not believed
    halo_px: int = 16  # two JPEG blocks of subsampled colour round what is painted out
    halo_fraction: float = 0.01  # but no more than this share of the longer side


@dataclass(frozen=True)
class FaceSettings:
    """The chain that finds the face."""

    whole_px: int = 320  # a whole face is first looked for on a picture of this many pixels squared,
    half_px: int = 200  # a half face, completed by its mirror image, on one of this many,
    detect_width_px: int = 600  # a face too small for that on one of this many, and twice as many a side
    whole_threshold: float = 0.0  # HOG score under which a whole face is not believed
    half_threshold: float = -0.5  # the same for a half face completed by its mirror image
    border_fraction: float = 0.4  # black border added round the picture, as a share of its width
    use_cnn: bool = False  # dlib's mmod network as the last step: seconds a photo


@dataclass(frozen=True)
class ChartSettings:
    """The chart of the visible skin: what is left out of it."""

    halo_mm: float = 0.4  # round what is painted out, where JPEG mixes skin with paint;
    halo_px: tuple[int, int] = (2, 4)  # but at least and at most so many pixels of the photograph
    upper_lid_mm: float = 4.0  # above the eye
    lower_lid_mm: float = 3.5  # below it
    nostril_mm: float = 1.5  # round the nostrils and the lower edge of the wings
    lips_mm: float = 1.0  # round the landmarks of the lips
    lip_od: float = 0.2  # redder than skin in this place by this much, near them
    contour_mm: float = 2.0  # taken off along the jaw of an unmasked face
    hair_od: float = 0.55  # darker than bare skin in this place by this much, over a millimetre or so,
    hair_mm2: float = 40.0  # and in one piece over this area, is hair and no spot
    strand_mm: float = 7.0  # a dark line of this length
    strand_od: float = 0.1  # and this dark is a strand
    fair_hair_mm2: float = (
        300.0  # at the top of an unmasked face: a smaller piece cut off by its edge stays skin
    )
    hair_lines: float = (
        2.5  # at the rim of an unmasked face: fine lines so many times as dense as on the cheeks
    )
    beard_lines: float = 2.2  # the same of the lower face: stubble or beard,
    beard_fringe: float = 1.5  # and what hangs together with it,
    beard_mm2: float = 100.0  # over this area
    single_od: float = 0.08  # there a fine line this much darker than its sides is a hair,
    dense_share: float = 0.45  # and hairs that cover this share of the skin hide it,
    dense_mm2: float = 20.0  # over this area
    object_mm2: float = 6.0  # a smaller piece of a colour that is no skin's is left to the maps
    glare_level: int = 250  # green or blue at or over this is a highlight
    min_piece_mm2: float = 30.0  # smaller islands of skin are not measured


@dataclass(frozen=True)
class PatchSettings:
    """The scale of the chart and of the patches, which are windows on it, and where these lie."""

    px_per_mm: float = 3.0
    forehead_mm: tuple[float, float] = (112.0, 48.0)  # width, height
    cheek_mm: tuple[float, float] = (56.0, 64.0)
    chin_mm: tuple[float, float] = (64.0, 40.0)
    min_skin_cm2: float = 2.0  # with less of it a region is not graded by itself

    def size_px(self, region: str) -> tuple[int, int]:
        """(width, height) of a region's patch in pixels."""
        size = {"forehead": self.forehead_mm, "chin": self.chin_mm}.get(region, self.cheek_mm)
        return round(size[0] * self.px_per_mm), round(size[1] * self.px_per_mm)


@dataclass(frozen=True)
class QualitySettings:
    """Limits beyond which the workbook's quality column names a fault."""

    min_px_per_mm: float = 2.5
    max_blur: float = 0.6  # Crete's blur metric on skin, 0 sharp to 1 blurred
    max_clipped_fraction: float = 0.02  # of skin at or over 250, or at or under 5
    min_level: int = 40  # median of the skin's brightest channel under which levels are too few
    min_skin_fraction: float = 0.25  # of the patches' area
    max_cast_mad: float = 3.0  # robust standard deviations of ln R/G or ln B/G from the study's median
    min_cast: float = 0.1  # natural-log units of the same below which no cast is named
    min_study_photos: int = 8  # fewer photos have no median to speak of


@dataclass(frozen=True)
class PigmentSettings:
    """Maps and threshold regions of interest."""

    smooth_mm: float = 0.4
    fine_background_mm: float = 2.0
    background_mm: float = 4.0
    wide_background_mm: float = 12.0
    hysteresis_low: float = 1.5  # in robust standard deviations of the melanin map
    hysteresis_high: float = 3.0
    min_scale_od: float = 0.03  # taken for that deviation where it is smaller: what shows on clear skin
    dark_low: float = 2.0  # the same of the darkness map, where nothing is brown
    dark_high: float = 4.0
    min_deviation_od: float = 0.03
    min_spot_mm2: float = 0.3
    mole_od: float = 0.8  # darker than its surroundings by this much
    mole_mm2: float = 30.0
    mole_roundness: float = 0.55  # share of its smallest enclosing circle
    seed_threshold: float = 0.165


@dataclass(frozen=True)
class EncoderSettings:
    """The Siamese network and its training."""

    px_per_mm: float = 2.0
    channels: tuple[int, ...] = (16, 24, 48, 72, 96)
    embedding: int = 32
    dropout: float = 0.2
    map_gain: float = 6.0
    map_clip: float = 3.0
    loss: str = "rnc"
    rnc_temperature: float = 2.0
    learning_rate: float = 2e-3
    batch: int = 64
    epochs: int = 40


@dataclass(frozen=True)
class IndexSettings:
    """References and class similarities; a class runs from its edge (included) to the next."""

    factory: str = "Flat"
    neighbours: int = 15
    top_per_class: int = 5
    class_edges: tuple[float, ...] = (0.0, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5)

    def class_labels(self) -> tuple[str, ...]:
        """The classes' names: "<3", "3", ..., ">5" for the default edges."""
        edges = self.class_edges
        inner = tuple(
            f"{low:g}" if high - low <= 0.5 else f"{low:g}-{high - 0.5:g}"
            for low, high in itertools.pairwise(edges[1:])
        )
        return (f"<{edges[1]:g}", *inner, f">{edges[-1] - 0.5:g}")


@dataclass(frozen=True)
class BlendSettings:
    """The curve, LightGBM and the ridge beside it, region weights, intervals."""

    trees: int = 250
    leaves: int = 7
    min_child: int = 15
    learning_rate: float = 0.03
    feature_fraction: float = 0.5
    l2: float = 5.0
    coverage: float = 0.9
    mmasi_weights: tuple[float, float, float, float] = (0.3, 0.3, 0.3, 0.1)  # in the order of REGIONS
    # The phantoms' own scale, on which the network tells severity; a study bends it.
    curve_scale: float = 1.0
    curve_power: float = 1.0


@dataclass(frozen=True)
class BaselineSettings:
    """The deep baselines of ``toolkit evaluate``; not part of a model."""

    backbone: str = "resnet50"  # any of keras.applications
    weights: str = "imagenet"  # or "none", or a file of weights, or a whole .keras model without top
    image_size: int = 224
    epochs: int = 30
    batch: int = 32
    low_learning_rate: float = 1e-8
    high_learning_rate: float = 1e-4
    rate_decay: float = 0.99994  # of the cycles' height, a step
    half_cycle_epochs: float = 2.0
    dropout: float = 0.5
    frozen_fraction: float = 160 / 175  # of a pretrained backbone's layers, from the first: 160 of ResNet50's
    held_fraction: float = 0.15  # of the training subjects, for the validation scores
    embedding: int = 128  # of the pair network
    references: int = 100  # photographs a class that it compares with
    rolls: int = 4  # of a patch of the rarest grades
    hidden: tuple[int, ...] = (1024, 512, 256)  # of the multilayer perceptron on patches


@dataclass(frozen=True)
class RunSettings:
    """How photographs are worked through; no part of a model."""

    time_limit_s: float = 60.0  # a photo


@dataclass(frozen=True)
class ChangeSettings:
    """How two visits are compared; no part of a model."""

    # Of the root of both half-widths' squares: .47 held 90 % of 120 changes of drawn phantoms, .38 of 60 of painted
    # photographs (python -m benchmarks.change --spots), .39 of 240 in a trial of drawn ones (python -m benchmarks.trial),
    # graded by the starter model.
    interval_share: float = 0.47


@dataclass(frozen=True)
class ReportSettings:
    """How the report page shows photographs; no part of a model."""

    max_photos: int = 400  # in a page of one file
    picture_px: int = 560  # longer side of the view that outlines are drawn in
    sharp_px: int = 1280  # longer side of the picture in that view, as far as the photograph has them
    jpeg_quality: int = 75
    max_picture_bytes: int = 80_000  # a picture that would be larger is compressed harder
    max_path_letters: int = 9000  # of a layer's outlines: the smallest regions are left out beyond it
    pigment_top_od: float = 0.25  # predicted pigment that is shown in full colour
    change_pixels: int = 160_000  # of each of the two pictures of a change from baseline
    max_change_bytes: int = 20_000


@dataclass(frozen=True)
class Settings:
    """All settings; ``Settings()`` is the default."""

    photo: PhotoSettings = field(default_factory=PhotoSettings)
    face: FaceSettings = field(default_factory=FaceSettings)
    chart: ChartSettings = field(default_factory=ChartSettings)
    patch: PatchSettings = field(default_factory=PatchSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    pigment: PigmentSettings = field(default_factory=PigmentSettings)
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    blend: BlendSettings = field(default_factory=BlendSettings)

    def to_json(self) -> str:
        """The settings as indented JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Settings from ``to_json``'s text; raises ModelError on unknown names or wrong types."""
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ModelError(
                f"settings are not valid JSON ({error}): retrain or restore the model folder"
            ) from None
        return _build(cls, raw, "settings")


def _build(cls: type, raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        raise ModelError(f"{where}: expected a table of named values, got {type(raw).__name__}")
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(raw) - set(hints))
    if unknown:
        raise ModelError(f"{where}: unknown name {unknown[0]!r}; the model was made by another version")
    return cls(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in raw.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, where)
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        kinds = typing.get_args(hint)
        if kinds[-1] is not Ellipsis and len(kinds) != len(value):
            raise ModelError(f"{where}: expected {len(kinds)} values, got {len(value)}")
        return tuple(_value(kinds[0], item, where) for item in value)
    accepted = (int, float) if hint is float else hint
    mistaken_bool = isinstance(value, bool) and hint is not bool  # Python counts True as an int
    if isinstance(hint, types.GenericAlias) or not isinstance(value, accepted) or mistaken_bool:
        raise ModelError(f"{where}: expected {getattr(hint, '__name__', hint)}, got {value!r}")
    return value
