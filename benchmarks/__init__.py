"""What measures the product, and what makes the weights that come with it; nothing of this is installed.

    python -m benchmarks                        # this list
    python -m benchmarks.charts --help          # what one is for, and its options

Measured:

    cameras             grades of the same people by several cameras, with colours as they come and corrected
    change              how far off two visits are laid on each other, and what of sameness counts as change
    charts              how much of the visible skin a chart measures, and whether it is the same every time
    cluster             grading by shares and on a Dask cluster: the same cells, through every death, and its costs
    drift               how far a grade moves when its photograph comes dark, small, turned or compressed
    encoders            variants of the network on one study
    fuzz                damaged photographs, workbooks, models, results: each ends in one line or a result
    graders             simulated graders told apart, and what a model gains that learns their combined grades
    guide               the pictures of the guide: each step in the window, on phantoms
    landmarks           landmarks and patches on changed photographs of people whose points were set by hand
    making.missed       which faults of a trunk's map the errors of its grades come from
    pictures            the phantoms shown in docs/
    pigment             what the pigment features find, what moves them, for whom they err, what they cost
    speed               how fast grading is, stage by stage and end to end, beside a plain decode
    speed.versions      processor time a photo of two versions of the package, in turn
    starter             the starter model on phantoms of unseen seeds and on people it never saw
    stranger            the starter model on half faces painted and graded by a hand that took no part in training
    trial               a whole trial whose effect is known: what is found, how surely, and in what time
    studies             whole studies, trained on as a user would, beside trivial answers and graders' noise
    suggest             whether the photographs that toolkit suggest lists teach more than random ones
    tutorial            the tutorial walked from its first command to its last, and what its models are worth
    watched             how often runs are called unlike their training study: of the same kind, and of others
    wheel               the wheel in a new environment: installed as users do, and the demo run from it

Made:

    making.landmarks    the landmark network, from Google's Face Mesh and points set by hand
    making.starter      the starter model, from a trunk and phantoms of known grades
    making.trunk        the network's trunk and the severity of its maps, from charts painted without end

Shared: changed (photographs as other visits' may be), command (options, help, errors), people (whom to paint
on), phantoms (studies on disk), tables. FACES in the examples is a folder of frontal photographs.
"""
