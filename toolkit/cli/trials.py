"""The command that analyses a trial."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import pairs, say, say_json, table_names
from toolkit.cli.options import AnyScale, Json, Overwrite, SheetName, SideWords
from toolkit.cli.root import app


@app.command(
    epilog="Example:  toolkit trial grades.xlsx --arms arms.xlsx --out trial.xlsx --report trial.html"
)
def trial(
    results: Annotated[
        Path,
        typer.Argument(help="Grades over visits: a workbook or table of toolkit grade, or of an expert."),
    ],
    arms: Annotated[
        Path | None,
        typer.Option(help="Table (.xlsx, .csv) of the arm of each subject; without it a study of one arm."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Workbook to write (.xlsx), with all figures.")] = None,
    report: Annotated[Path | None, typer.Option(help="Page to write (.html): charts, tables, words.")] = None,
    long: Annotated[
        Path | None, typer.Option(help="Long table to write (.csv), in the manner of CDISC (PARAMCD=MHYP).")
    ] = None,
    redcap: Annotated[
        Path | None, typer.Option(help="Table to write (.csv) for REDCap's import, one column per side.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Name a column of the grades: grade=..., subject=..., side=..., visit=..., file=..."
        ),
    ] = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
    arm_column: Annotated[
        list[str] | None, typer.Option(help="Name a column of the arms: subject=..., arm=..., sheet=...")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Arm to compare with; by default placebo, vehicle or control, else the first by name."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Visit that changes count from; by default Baseline, else the first.")
    ] = None,
    responder: Annotated[float, typer.Option(help="Grades by which a responder is better.")] = 1.0,
    effect: Annotated[
        float, typer.Option(help="Difference of change, in grades, to plan a trial for.")
    ] = 0.5,
    power: Annotated[float, typer.Option(help="Power to plan it with.")] = 0.8,
    scale: AnyScale = "0-9/0.5",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Analyse a trial: change from baseline by arm and visit, mixed model, responders, sample size.

    Not validated for regulatory submission. Grades by machine are estimates with error.
    """
    from toolkit.study import parse_scale
    from toolkit.trial import Outputs, Questions, Reading, analyse_files

    outputs = Outputs(out, report, long, redcap)
    found = analyse_files(
        results,
        Reading(
            table_names(column, sheet, side_words),
            parse_scale(scale),
            arms,
            pairs(arm_column, "--arm-column"),
            reference,
            baseline,
        ),
        Questions(responder, effect, power),
        outputs,
        overwrite=overwrite,
    )
    if as_json:
        return say_json(found.record())
    titles = {"--out": "Workbook", "--report": "Page", "--long": "Long table", "--redcap": "REDCap table"}
    written = [f"{titles[option]}: {path}" for option, path in outputs.written().items()]
    say(found.text(), *(["", *written] if written else []))
