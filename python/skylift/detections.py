"""What a predictor finds in an image."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True)
class Detections:
    """The detections of one image, by descending score. N of them; `detections[mask]` takes some.

    xyxy     [N,4] float64  x1, y1, x2, y2 in pixels of the image; edges, not centres
    scores   [N]   float64  confidence in 0..1
    labels   [N]   int64    places in `classes`
    classes  names by label
    """

    xyxy: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    classes: list[str]

    @property
    def names(self) -> np.ndarray:
        """[N] the class's name of each detection."""
        return np.array(self.classes, dtype=object)[self.labels] if len(self) else np.array([], dtype=object)

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: Any) -> Detections:
        """Those that a mask, a slice or a list of places chooses."""
        if isinstance(which, (int, np.integer)):
            which = [which]
        return Detections(self.xyxy[which], self.scores[which], self.labels[which], self.classes)

    def to_supervision(self) -> supervision.Detections:
        """As supervision.Detections, names in data["class_name"]. ImportError: the package is not there."""
        import supervision

        return supervision.Detections(xyxy=self.xyxy.astype(np.float32), confidence=self.scores.astype(np.float32),
                                      class_id=self.labels.astype(int), data={"class_name": self.names.astype(str)})
