"""What the page may ask of the window's server. The guard has taken the secret off the path before."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from toolkit.app import bodies, reviewing, work
from toolkit.app.session import Session
from toolkit.asjson import plain
from toolkit.errors import ToolkitError
from toolkit.study import parse_scale
from toolkit.study.layout import ROLES


def _session(request: Request) -> Session:
    session: Session = request.app.state.session
    return session


Own = Annotated[Session, Depends(_session)]
Told = dict[str, Any]
router = APIRouter(prefix="/api")


@router.get("/state")
def state(own: Own) -> Told:
    """The study on screen and the work under way."""
    return own.told()


@router.get("/job")
def job(own: Own) -> Told | None:
    """How far the work is."""
    return own.job()


@router.post("/cancel")
def cancel(own: Own) -> Told | None:
    """Stop the work after the photo, or the step, that it is at."""
    own.jobs.cancel()
    return own.job()


@router.post("/close")
def close(own: Own) -> None:
    """End the server, once the work that is under way has been stopped and kept."""
    own.close()


@router.get("/folder")
def folder(own: Own, path: str = "") -> Told:
    """What can be chosen in a folder."""
    told: Told = plain(own.allowed.listing(own.allowed.path(path) if path else None))
    return told


@router.post("/folder")
def new_folder(own: Own, asked: bodies.NewFolder) -> Told:
    """Make a folder, and show what is in it: nothing."""
    made = own.allowed.path(str(own.allowed.path(asked.parent) / asked.name))
    if made.name != asked.name or asked.name.startswith("."):
        raise ToolkitError(f"{asked.name!r}: is no name for a folder")
    try:
        made.mkdir()
    except OSError as error:
        raise ToolkitError(f"{made}: cannot be made ({error.strerror}): choose another name") from None
    return folder(own, str(made))


@router.post("/study")
def choose_study(own: Own, asked: bodies.Choice) -> Told:
    """Put a study on screen."""
    photos, kept = (own.allowed.path(text) if text else None for text in (asked.photos, asked.folder))
    own.choose(photos, kept)
    return own.told()


@router.post("/workbook")
def choose_workbook(own: Own, asked: bodies.File) -> Told:
    """Take the experts' workbook; its columns are read by their headings until the user says otherwise."""
    path = own.allowed.path(asked.path) if asked.path else None
    own.keep(replace(own.the_study(), workbook=path, columns={}))
    return own.told()


@router.post("/columns")
def name_columns(own: Own, asked: bodies.Columns) -> Told:
    """Say which columns mean what, and on which scale the experts graded."""
    scale = str(parse_scale(asked.scale))
    named = {role: heading for role, heading in asked.columns.items() if role in ROLES and heading}
    own.keep(replace(own.the_study(), columns=named, scale=scale))
    return own.told()


@router.get("/experts")
def experts(own: Own) -> Told:
    """What is understood of the workbook, and what of it joins which photograph."""
    return own.experts()


@router.post("/grade")
def grade(own: Own, asked: bodies.Grading) -> Told | None:
    """Grade the photographs, or those that have no grade yet."""
    study = own.the_study()
    own.keep(replace(study, model=None if asked.model == "starter" else study.own_model))
    own.jobs.start("grading", work.grading(own.the_study(), asked, own.allowed, own.workers))
    return own.job()


@router.post("/train")
def train(own: Own, asked: bodies.Training) -> Told | None:
    """Train a model on the study."""
    study = own.the_study()
    reviews = work.graders(study, "reviews") if asked.reviews else []
    files = [*([study.workbook] if study.workbook else []), *reviews]
    if not files:
        raise ToolkitError("choose a workbook of the experts' grades, or review some photos, first")
    own.jobs.start("training", work.training(study, files, asked.replace, own.allowed, workers=own.workers))
    return own.job()


@router.post("/agreement")
def agreement(own: Own, asked: bodies.Agreement) -> Told | None:
    """Compare graders."""
    study = own.the_study()
    own.jobs.start("agreement", work.agreeing(study, work.graders(study, asked.who), own.allowed))
    return own.job()


@router.post("/arms")
def choose_arms(own: Own, asked: bodies.File) -> Told:
    """Take the table of the trial's arms, or none."""
    own.keep(replace(own.the_study(), arms=own.allowed.path(asked.path) if asked.path else None))
    return own.told()


@router.post("/trial")
def trial(own: Own, asked: bodies.Trial) -> Told | None:
    """Analyse the trial."""
    study = own.the_study()
    grades = study.results if asked.whose == "toolkit" else study.workbook
    if grades is None:
        raise ToolkitError("choose a workbook of the experts' grades first")
    own.jobs.start("trial", work.trial(study, grades, asked, own.allowed))
    return own.job()


@router.post("/review")
def review(own: Own, asked: bodies.Review) -> Told:
    """Write what a reader has changed to the reader's file."""
    study, read = own.the_study(), [file.path for file in own.files]
    own.allowed.refuse_outside([reviewing.review_path(study.folder, asked.reader)])
    path = reviewing.put_reviews(study.folder, asked.reader, asked.rows, parse_scale(study.scale), read=read)
    return {"file": path.name, "reviews": len(reviewing.read_reviews(path))}


@router.post("/memory")
def memory(own: Own, asked: bodies.Memory) -> None:
    """Keep what the report page remembers for a reader."""
    study, read = own.the_study(), [file.path for file in own.files]
    own.allowed.refuse_outside([reviewing.memory_path(study.folder, asked.reader)])
    reviewing.remember(study.folder, asked.reader, asked.key, asked.value, read=read)
