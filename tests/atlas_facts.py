"""Invented facts and columns of an atlas: islands of classes that grow apart with depth and training."""

import numpy as np

HOSTILE = ["<script>alert(1)</script>", "</script>", '"><img src=x onerror=alert(1)>', "__proto__", "🩻", "x" * 10_000]


def invented(samples=120, stages=4, moments=3, networks=2, texts=False):
    draw = np.random.default_rng(0)
    names = HOSTILE[:5]
    targets = np.arange(samples) % len(names)
    count = networks * moments * stages
    corner = np.exp(2j * np.pi * targets / len(names))
    noise = draw.normal(size=samples) + 1j * draw.normal(size=samples)
    apart = [
        (s + 1) / stages * (m + 1) / moments for _ in range(networks) for m in range(moments) for s in range(stages)
    ]
    xy = np.stack([corner * a * 22_000 + noise * 2_500 for a in apart])
    guess = np.stack([np.where(draw.random(samples) < 0.4 + 0.5 * a, targets, 0) for a in apart]).astype(np.uint8)
    columns = {
        "xy": np.stack([xy.real, xy.imag], -1).clip(-32000, 32000).astype(np.int16),
        "targets": targets.astype(np.uint8),
        "group": (np.arange(samples) // 2).astype(np.uint16),
        "guess": guess,
        "said": guess[stages - 1 :: stages],
        "sure": draw.integers(100, 255, (networks * moments, samples), dtype=np.uint8),
        "near": draw.integers(0, samples, (count, samples, 5), dtype=np.uint16),
    }
    grid = np.arange(count).reshape(networks, moments, stages).tolist()
    place = {"network": 0, "moment": moments - 1, "stage": stages - 1}
    facts = {
        "title": "The atlas of <b>something</b>", "lead": "Invented.", "notes": ["A note & more."], "unit": "image",
        "classes": names, "samples": samples, "grouping": "patient",
        "ids": [HOSTILE[i % 6] + str(i) for i in range(samples)],
        "texts": ["שלום " + HOSTILE[i % 6] for i in range(samples)] if texts else None,
        "group_names": [f"g{i}" for i in range(samples)],
        "networks": [
            {"name": f"net {n}", "control": n > 0, "of": 0 if n else None,
             "moments": [f"step {20 * m}" for m in range(moments)],
             "stages": [f"block {s}" for s in range(stages)], "slices": grid[n],
             "said": [n * moments + m for m in range(moments)]} for n in range(networks)
        ],
        "start": place,
        "measures": [
            {"key": "probe", "title": "Probe accuracy", "kind": "share", "explain": "A line."},
            {"key": "bits", "title": "Bits per label", "kind": "bits", "explain": "Less is more."},
        ],
        "slices": [
            {"features": 64,
             "readings": {"probe": [0.3 + 0.6 * a, 0.25 + 0.6 * a, 0.35 + 0.6 * a], "bits": [2 - a, None, None]},
             "map": {"trust": 0.9, "continuity": 0.9, "torn": 0.1, "held": 0.8, "seen": 0.8},
             "warning": "This map misleads." if a < 0.2 else None} for a in apart
        ],
        "moves": [[0, 1, 0.1]], "alike": {"cka": np.eye(count).tolist()},
        "tour": [{"title": f"Stop {i}", "text": "Look.", **place, "stage": i % stages, "colour": "class", "pin": None,
                  "beside": {**place, "network": networks - 1} if i == 4 else None} for i in range(5)],
        "sprite": None,
    }  # fmt: skip
    return facts, columns
