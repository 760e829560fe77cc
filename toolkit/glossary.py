"""Terms that stand in help, page and workbook without a word of explanation; docs/reference/glossary.md has more."""

from __future__ import annotations

from collections.abc import Mapping

TERMS: Mapping[str, str] = {
    "Region": "forehead, left cheek, right cheek or chin, each graded by itself too.",
    "OD (optical density)": "negative natural logarithm of linear light: the darker, the larger. Melanin and blood add to it.",
    "Melanin index": "amount of melanin in the skin, estimated from colour, in OD. The workbook gives the median of the skin.",
    "Erythema index": "the same for redness.",
    "ITA (individual typology angle)": "skin tone as an angle, from lightness and yellowness: the larger, the lighter.",
    "Landmarks": "68 points of the face, such as eye corners and jaw line.",
    "Chart": "all visible skin of a face, rectified to one scale, with a mask of what is measured and the reason for the rest.",
    "Patch": "a rectangular window on the chart: forehead, a cheek or the chin.",
    "Embedding": "short list of numbers that describes a patch. Patches of similar grade have similar embeddings.",
    "Reference (prototype)": "a graded patch stored in the model, with which new patches are compared.",
    "FAISS": "library that searches the nearest embeddings quickly; the index of references.",
    "LightGBM": "library for gradient-boosted decision trees.",
    "Ridge regression": "linear regression that keeps its coefficients small.",
    "Curve": "rising function from the severity figure to the grade, fitted to a study's graders.",
    "Blend": "the weighted sum of curve, LightGBM and ridge regression; the weights are called shares.",
    "Contribution": "what one figure adds to a photo's grade. The contributions of a photo add up to its grade.",
    "Fold": "one part of the subjects. A model learns from the other parts and is tested on this one; this is repeated for every fold.",
    "Conformal interval": "interval around a grade, set from the errors on unseen subjects so that it holds the expert's grade in a chosen share of photos (90 %).",
    "Coverage": "the share of photos whose expert grade lies inside the interval.",
    "Out of range": "a photo unlike every reference of the model; its grade is an extrapolation.",
    "RMSE": "root mean square of the differences, in grades.",
    "Noise floor": "the error that remains because graders differ. No method can be expected to score better.",
}  # fmt: skip
