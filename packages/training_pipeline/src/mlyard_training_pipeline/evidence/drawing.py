"""How plots become files, without anything that all of a process shares."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from mlyard_training_pipeline.evidence.allowance import Allowance
from mlyard_training_pipeline.evidence.classification import Plot

_EXPECTED = 0.15
"""Seconds that a plot takes; from the first one on it is measured."""


class Drawing:
    """Draws plots while there is time."""

    def __init__(self, allowance: Allowance, cache: Path) -> None:
        """Draw nothing yet.

        Args:
            allowance: the time that there is.
            cache: where Matplotlib keeps what it knows of fonts.
        """
        os.environ.setdefault("MPLCONFIGDIR", str(cache))
        # As scikit-learn does: the time is no plot's own.
        import matplotlib.pyplot as plt  # noqa: F401

        self._allowance, self._last = allowance, _EXPECTED

    def draw(self, folder: Path, plots: Mapping[str, tuple[Plot, ...]], what: str) -> int:
        """Draw each plot into an SVG file of its name, several beside one another, and return how many there are."""
        return sum(self._draw(folder / f"{name}.svg", plots[name], f"{what}: {name}") for name in plots)

    def _draw(self, file: Path, plots: tuple[Plot, ...], what: str) -> bool:
        from matplotlib.figure import Figure

        if not self._allowance.allows(self._last, what):
            return False
        begun = self._allowance.spent
        figure = Figure(figsize=(6.4 * len(plots), 4.8))
        # What cannot be drawn of some rows is no fault of the training, and the other plots are of use.
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for plot, axes in zip(plots, figure.subplots(1, len(plots), squeeze=False)[0], strict=True):
                    plot(axes)
                figure.savefig(file, format="svg")
        except Exception as error:  # noqa: BLE001
            self._allowance.left_out.append(f"{what}: {str(error).strip().splitlines()[0] or type(error).__name__}")
            file.unlink(missing_ok=True)
            return False
        self._last = self._allowance.spent - begun
        return True
