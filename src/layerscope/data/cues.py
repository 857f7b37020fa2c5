"""Words that deny or leave open: does a text hold such a cue? Not whether the cue reaches what matters in it.

References: Chapman et al. 2001, doi:10.1006/jbin.2001.1029 (NegEx); Vincze et al. 2008, doi:10.1186/1471-2105-9-S11-S9
(BioScope).
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

# "NO" is nitric oxide and "No. 3" a number; "May 2003" is a month.
NEGATION = re.compile(
    r"\b(?:[Nn]o(?!\.? ?\d)|(?i:not(?! only)|cannot|can't|doesn't|didn't|isn't|wasn't|neither|nor|none|never|without"
    r"(?! (?:any )?doubt)|absent|absence of|negative for|lack(?:s|ed|ing)?(?: of)?|den(?:y|ies|ied|ying)|free of|"
    r"fail(?:s|ed|ure)? to|ruled out|rules? out|excluded))\b"
)
SPECULATION = re.compile(
    r"\b(?:may(?!,? (?:of )?\d)|might|could|possibl[ey]|possibility|probabl[ey]|perhaps|maybe|presum(?:ed|abl[ey])|"
    r"suspect(?:s|ed)?|suspicion|suspicious|suggest(?:s|ed|ing|ive)?|likely|unlikely|questionable|uncertain|unclear|"
    r"appears? to|seems?(?: to)?|putative(?:ly)?|hypothesi[sz]ed?|whether|cannot (?:be excluded|exclude)|"
    r"(?:cannot|not) (?:be )?(?:ruled|rule) out|not (?:be )?excluded)\b",
    re.I,
)


def holds(cue: re.Pattern[str], texts: Sequence[str]) -> Bool[np.ndarray, " s"]:
    """Which of the texts hold the cue.

    Example:
        >>> holds(NEGATION, ["no fever", "NO synthase", "a note"]).tolist()
        [True, False, False]
    """
    return np.array([cue.search(text) is not None for text in texts], dtype=bool)
