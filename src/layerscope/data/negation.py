"""Synthetic sentences that affirm, deny or leave open a finding, with known answers. No patient is described in them.

Each is about one of FINDINGS; OTHERS only stand beside it. In some, a cue does not reach the finding ("No fever, but a
seizure was seen"): the same words in another order may say the opposite, which no bag of words can tell. Measured on
wordings held out (TF-IDF and a linear classifier, 20 sentences to a template): 0.47 of all right, by chance 0.33; 0.63
of those without a stray cue, 0.26 of those with one.
"""

from dataclasses import dataclass

import numpy as np
import torch

from layerscope.card import Card
from layerscope.dataset import Dataset
from layerscope.inputs import Texts

CLASSES = ("affirmed", "negated", "speculated")
CARD = Card(
    "negation",
    "Negation (synthetic sentences, written by layerscope)",
    "CC0 1.0: filled from templates; no patient is described",
    "layerscope.data.negation; not medical data. Kinds of cue after Chapman et al. 2001, doi:10.1006/jbin.2001.1029 "
    "(NegEx), and Vincze et al. 2008, doi:10.1186/1471-2105-9-S11-S9 (BioScope)",
    "template (known, since sentences are filled from them)",
)

COUNTED = """
    abdominal mass, aortic aneurysm, atrial septal defect, bicuspid aortic valve, bifid uvula, cataract, cleft lip,
    cleft palate, heart murmur, horseshoe kidney, inguinal hernia, intention tremor, iris coloboma, pericardial
    effusion, seizure, single transverse palmar crease, stroke, umbilical hernia, unsteady gait, ventricular septal
    defect
"""
UNCOUNTED = """
    ataxia, brachydactyly, cardiomegaly, chorea, clinodactyly, dystonia, hepatomegaly, hypertelorism, hypoglycemia,
    hypotonia, jaundice, lactic acidosis, macrocephaly, microcephaly, micrognathia, nystagmus, optic atrophy,
    polydactyly, proteinuria, ptosis, scoliosis, sensorineural hearing loss, short stature, spasticity, splenomegaly,
    strabismus, syndactyly, thrombocytopenia
"""
PLURAL = (
    "café-au-lait spots, contractures, febrile seizures, hepatic cysts, low-set ears, renal cysts, widely spaced teeth"
)

OTHERS = ("fever", "vomiting", "cough", "diarrhea", "fatigue", "weight loss")
WHO = ("the patient", "the child", "the proband", "the boy", "the girl", "the infant")
SEEN = ("seen", "noted", "found", "observed")
WHEN = ("", " today", " on examination", " at follow-up", " at the first visit")

# {f}: the finding; {a}: with its article; {is}, {was}, {has}: agree with it. {o}, {who}, {seen}, {when}: drawn.
# A * marks a cue that does not decide, mostly because it does not reach the finding. Cues come back in several
# wordings, or none could be learned.
AFFIRMED = """
    {who} has {a}{when}.
    {who} presents with {a}{when}.
    {who} has {a} and {o}.
    {who} has had {a} since birth.
    {who} is known to have {a}.
    {a} {was} {seen}{when}.
    {a} {was} {seen}, as was {o}.
    {a} {was} confirmed{when}.
    Examination confirmed {a}.
    Examination shows {a}.
    The mother reports {a} in {who}.
    Known {f}, with {o}.
    Screening is positive for {f}.
    Positive for {f} and for {o}.
    {a} {is} present{when}.
    * No {o}, but {a} {was} {seen}{when}.
    * {a} {was} {seen}{when}, but no {o}.
    * {who} has no {o}, but has {a}.
    * {who} denies {o} and presents with {a}.
    * {o} was not {seen}, but {a} {was} present.
    * {o} is absent, but {a} {is} present{when}.
    * {o} was ruled out, while {a} {was} confirmed{when}.
    * {who} may have {o}, and has {a}.
    * {o} is possible, while {a} {was} confirmed{when}.
    * Not only {o} but also {a} {was} {seen}.
    * There {is} without doubt {a}{when}.
"""
NEGATED = """
    {who} has no {f}{when}.
    {who} has no {f} and no {o}.
    There {is} no {f}{when}.
    No evidence of {f}{when}.
    {who} is without {f}{when}.
    {who} was {seen} to be without {f}.
    {a} {was} not {seen}{when}.
    {who} does not have {a}.
    {who} denies {a}{when}.
    The mother denies {a} in {who}.
    Screening is negative for {f}.
    Negative for {f} and for {o}.
    {a} {is} absent{when}.
    {a} {was} ruled out{when}.
    {a} {was} excluded{when}.
    * No {f}, but {o} was {seen}{when}.
    * {o} was {seen}{when}, but no {f}.
    * {who} has {o}, but has no {f}.
    * {who} presents with {o} and denies {a}.
    * {o} was present, but {a} {was} not {seen}.
    * {o} is present, but {a} {is} absent{when}.
    * {o} was confirmed, while {a} {was} ruled out{when}.
    * {who} may have {o}, and has no {f}.
    * {o} is possible, while {a} {was} excluded{when}.
    * Not {f} but {o} was {seen}{when}.
    * There is without doubt {o}, but no {f}{when}.
"""
SPECULATED = """
    {who} may have {a}{when}.
    {a} may have been present since birth.
    Possible {f}{when}.
    {who} possibly has {a}.
    {a} {is} possible{when}.
    Suspected {f}{when}.
    {a} {was} suspected{when}.
    Examination raised the suspicion of {a}.
    {who} probably has {a} and {o}.
    Probable {f}, with {o}.
    It is uncertain whether {who} has {a}.
    The mother is uncertain whether {a} {is} present.
    {f}?
    {who} has {o}; {f}?
    To rule out {f}{when}.
    * {who} was referred to rule out {a}.
    * {a} cannot be excluded{when}.
    * {a} could not be ruled out{when}.
    * No {o}, but {a} {was} suspected{when}.
    * {who} has no {o}, but may have {a}.
    * {who} denies {o} and presents with possible {f}.
    * {o} is absent, but {a} {is} possible{when}.
    * {o} was ruled out, while {a} {was} not excluded{when}.
    * Not only {o} but possibly also {f}.
    * There is without doubt {o}, and possibly {a}{when}.
    * It is not known whether {who} has {a}.
"""


@dataclass(frozen=True)
class Template:
    text: str
    kind: str  # of CLASSES
    stray: bool  # whether it holds a cue that does not decide


@dataclass(frozen=True)
class Sentence:
    text: str
    negated: bool
    speculated: bool
    finding: str
    template: int  # position in TEMPLATES
    pair: int  # the affirmed, the negated and the speculated version of one finding have the same


def _listed(names: str) -> list[str]:
    return [" ".join(name.split()) for name in names.split(",")]


FINDINGS = tuple(sorted(_listed(COUNTED) + _listed(UNCOUNTED) + _listed(PLURAL)))
TEMPLATES = tuple(
    Template(line.strip().removeprefix("* "), kind, line.strip().startswith("*"))
    for kind, lines in zip(CLASSES, (AFFIRMED, NEGATED, SPECULATED), strict=True)
    for line in lines.strip().splitlines()
)


def negations(seed: int = 0, per_cell: int = 20) -> list[Sentence]:
    """Each template filled with `per_cell` findings: as many sentences of each kind, and of each finding in each kind.

    Example:
        >>> negations(seed=0, per_cell=1)[0].text
        'The boy has splenomegaly today.'

    Raises:
        ValueError: if there are not that many findings.
    """
    if not 1 <= per_cell <= len(FINDINGS):
        raise ValueError(f"per_cell must be 1 to {len(FINDINGS)}, the number of findings. Got {per_cell}.")
    rng, found, wordings = np.random.default_rng(seed), [], len(TEMPLATES) // len(CLASSES)
    for wording in range(wordings):
        for i, finding in enumerate(rng.choice(FINDINGS, per_cell, replace=False).tolist()):
            for k, kind in enumerate(CLASSES):
                template = k * wordings + wording
                text = fill(TEMPLATES[template].text, finding, rng)
                pair = wording * per_cell + i
                found.append(Sentence(text, kind == "negated", kind == "speculated", finding, template, pair))
    return found


def fill(template: str, finding: str, rng: np.random.Generator) -> str:
    """A sentence, with articles and verbs that agree with the finding; what stands beside it is drawn."""
    article = ("an " if finding[0] in "aeiou" else "a ") if finding in _listed(COUNTED) else ""
    verbs = ("are", "were", "have") if finding in _listed(PLURAL) else ("is", "was", "has")
    names = dict(zip(("is", "was", "has"), verbs, strict=True)) | {"f": finding, "a": article + finding}
    drawn = {name: str(rng.choice(of)) for name, of in (("o", OTHERS), ("who", WHO), ("seen", SEEN), ("when", WHEN))}
    text = template.format(**names, **drawn)
    return text[0].upper() + text[1:]


def dataset(seed: int = 0, per_cell: int = 20) -> Dataset[Texts]:
    """The sentences as a data set whose groups are templates, so that `split` leaves no wording on both sides."""
    sentences = negations(seed, per_cell)
    targets = [2 if s.speculated else int(s.negated) for s in sentences]
    ids = [f"{CLASSES[k]}/{s.template:02}/{s.finding}" for k, s in zip(targets, sentences, strict=True)]
    return Dataset(
        CARD.title,
        Texts.of(s.text for s in sentences),
        torch.tensor(targets),
        np.array([s.template for s in sentences]),
        np.array(ids),
        CLASSES,
        CARD,
    )
