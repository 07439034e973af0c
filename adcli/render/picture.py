"""The error of difference quotients over steps as a picture. Needs the extra `draw`."""

from __future__ import annotations

import io
import logging
import math

from adcli.differentiate.compare import STEPPED, Comparison
from adcli.errors import InputError

_INCHES = (7.0, 4.5)


def steps_picture(found: Comparison, form: str) -> bytes:
    """The V of truncation and rounding, both axes logarithmic.

    Args:
        found: a comparison with steps.
        form: "svg" or "png".

    Raises:
        InputError: matplotlib is not installed.
    """
    # Where it has no home it would tell of that on standard error.
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "a picture needs matplotlib", hint="install it with: pip install 'adcli[draw]'"
        ) from None
    import warnings

    import matplotlib as mpl

    context = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "adcli"})
    with context, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font has not is drawn as a box
        figure = Figure(figsize=_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for scheme, marker in zip(STEPPED, "os^", strict=True):
            points = [
                (step, errors[scheme.name])
                for step, errors in found.steps
                if errors[scheme.name] > 0 and math.isfinite(errors[scheme.name])
            ]
            axes.loglog(
                [step for step, _ in points],
                [error for _, error in points],
                marker=marker,
                markersize=4,
                label=scheme.name,
            )
        best = [x.error for x in found.methods if x.name == "reverse mode" and x.error > 0]
        for error in best:
            axes.axhline(error, color="0.5", linestyle="--", label="automatic differentiation")
        axes.set_xlabel("step, relative to x")
        axes.set_ylabel("error")
        axes.set_title(f"Difference quotients of {found.result}".replace("$", r"\$"))
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend()
        stream = io.BytesIO()
        figure.savefig(
            stream, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {}
        )
    return stream.getvalue()
