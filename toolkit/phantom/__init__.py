"""Digital phantoms: faces, drawn or photographed, with painted pigment of known map, load and grade.

They serve the demonstration, the tests, the starter model and the benchmark: nobody outside a company
has graded photographs, and on a phantom the truth and the noise floor of any score are known.
"""

from toolkit.phantom.clinical import to_clinical_half
from toolkit.phantom.distractors import Blemishes, Distractors, render
from toolkit.phantom.draw import Canvas, draw_face
from toolkit.phantom.graders import SimulatedGrader, draw_graders, grades_by, simulate_graders
from toolkit.phantom.latent import grade_of_load, load_of_grade, load_of_map
from toolkit.phantom.painters import PAINTERS
from toolkit.phantom.painting import paint
from toolkit.phantom.photograph import canvas_of_photograph
from toolkit.phantom.scene import Scene, Shot, compose, shoot, with_mole
from toolkit.phantom.stamps import Kinds
from toolkit.phantom.study import StudySummary, draw_latent_grades, write_study

__all__ = [
    "PAINTERS",
    "Blemishes",
    "Canvas",
    "Distractors",
    "Kinds",
    "Scene",
    "Shot",
    "SimulatedGrader",
    "StudySummary",
    "canvas_of_photograph",
    "compose",
    "draw_face",
    "draw_graders",
    "draw_latent_grades",
    "grade_of_load",
    "grades_by",
    "load_of_grade",
    "load_of_map",
    "paint",
    "render",
    "shoot",
    "simulate_graders",
    "to_clinical_half",
    "with_mole",
    "write_study",
]
