"""What the page sends, checked before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from toolkit.app.study import SCALE

Text = Annotated[str, Field(max_length=4000)]


class Body(BaseModel):
    """A request: what is not named here is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewFolder(Body):
    """A new folder in another."""

    parent: Text
    name: Annotated[str, Field(min_length=1, max_length=120)]


class Choice(Body):
    """The photographs of a study, or the folder of one that was begun."""

    photos: Text | None = None
    folder: Text | None = None


class File(Body):
    """A file that is chosen, or none any more."""

    path: Text | None = None


class Columns(Body):
    """Which columns of the workbook mean what, by role, and the scale of its grades."""

    columns: dict[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=500)]]
    scale: Annotated[str, Field(max_length=40)] = SCALE


class Grading(Body):
    """How a study is graded: with which ``model``, whether the ``experts``' grades are shown beside, what becomes of
    ``earlier`` results of other photographs ("": they stop the grading), whether visits are compared (``change``)."""

    model: Literal["starter", "own"] = "starter"
    experts: bool = False
    earlier: Literal["", "append", "overwrite"] = ""
    change: bool = True


class Training(Body):
    """On which grades to train: the experts' workbook, the readers' reviews, or both."""

    reviews: bool = False
    replace: bool = False


class Agreement(Body):
    """Whom to compare."""

    who: Literal["reviews", "experts"]


class Trial(Body):
    """Whose grades over the visits, and with which arm (``reference``) and visit (``baseline``) they are compared; "" for
    the usual ones."""

    whose: Literal["toolkit", "experts"] = "toolkit"
    reference: Annotated[str, Field(max_length=200)] = ""
    baseline: Annotated[str, Field(max_length=200)] = ""


class Memory(Body):
    """One thing that the report page keeps for a reader."""

    reader: Annotated[str, Field(max_length=100)]
    key: Annotated[str, Field(max_length=100, pattern=r"^toolkit-[\w:-]+$")]
    value: JsonValue


class Review(Body):
    """Rows of a review that a reader has changed, as the page exports them."""

    reader: Annotated[str, Field(max_length=100)]
    rows: Annotated[list[dict[str, Annotated[str, Field(max_length=2000)]]], Field(max_length=2000)]
