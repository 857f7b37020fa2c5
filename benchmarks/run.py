"""All benchmarks, side by side in one run: `make bench`. Ratios are what counts; machines are noisy.

Writes benchmarks/results/<name>.json, with the machine, and prints a table. `--only NAME` runs one.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from time import perf_counter

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def script(*words: str, env: dict[str, str] | None = None) -> dict:
    """Runs a benchmark in a fresh process; its whole wall time, imports included, is measured from outside."""
    start = perf_counter()
    command = [sys.executable, str(HERE / words[0]), *words[1:]]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **(env or {})}).stdout
    return {**json.loads(out.splitlines()[-1]), "wall": perf_counter() - start}


def speed(archive: Path, seeds: int) -> dict:
    """Archive to test predictions on the 2021 course's split: its procedure and ours, in turn."""
    runs = []
    with tempfile.TemporaryDirectory() as cache:
        script("course2021.py", "fast", str(archive), "--cache", cache)  # fills the cache
        for seed in range(seeds):
            for what in ("fast", "default"):
                for kept in ([], ["--cache", cache]):
                    runs.append(script("course2021.py", what, str(archive), "--seed", str(seed), *kept))
                    print(runs[-1], flush=True)
        runs.append(script("course2021.py", "course", str(archive), "--seed", "0"))
        print(runs[-1], flush=True)
    course = next(r["wall"] for r in runs if r["what"] == "course")
    summary = {}
    for what in ("fast", "default"):
        for source in ("archive", "cache"):
            own = [r for r in runs if (r["what"], r["from"]) == (what, source)]
            walls = [r["wall"] for r in own]
            summary[f"{what} from {source}"] = {
                "seconds": [min(walls), median(walls), max(walls)],
                "times as fast as the course": [course / w for w in (max(walls), median(walls), min(walls))],
                "mean accuracy": mean(r["accuracy"] for r in own),
            }
    return {"course seconds": course, "summary": summary, "runs": runs}


def busy(archive: Path, _: int) -> dict:
    """The same training beside another busy process, with waiting threads that spin and with ones that sleep."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as cache:
        script("course2021.py", "fast", str(archive), "--cache", cache)
        for beside in ("alone", "beside a busy process"):
            other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if beside != "alone" else None
            try:
                for policy in ("ACTIVE", "PASSIVE"):
                    env = {"OMP_WAIT_POLICY": policy}
                    result = script("course2021.py", "fast", str(archive), "--cache", cache, env=env)
                    found.setdefault(policy, {})[beside] = result["trained"] - result["read"]
                    print(beside, policy, found[policy][beside], flush=True)
            finally:
                if other:
                    other.kill()
                    other.wait()
    return {"seconds of training": found}


def start(_: Path, __: int) -> dict:
    """Seconds to import the package and to answer --help, of five tries each."""
    found = {}
    for name, words in {"import": ["-c", "import layerscope"], "help": ["-m", "layerscope", "--help"]}.items():
        tries = []
        for _try in range(6):
            begun = perf_counter()
            subprocess.run([sys.executable, *words], check=True, capture_output=True)
            tries.append(perf_counter() - begun)
        found[name] = sorted(tries[1:])
    return found


def where(_: Path, __: int) -> dict:
    """The profile of a training step."""
    return script("where_time_goes.py")


def fastai(archive: Path, repeats: int) -> dict:
    """Lesson 2's pipeline, a cached array into fastai, against fastai on a folder of files."""
    return script("fastai_pipeline.py", str(archive), "--repeats", str(repeats))


def atlas(archive: Path, repeats: int) -> dict:
    """The atlas of 10,000 images, against hooks that keep everything, logistic regression and a UMAP per layer."""
    with tempfile.TemporaryDirectory() as folder:
        script("atlas_cost.py", "prepare", str(archive), folder)
        runs = [
            script("atlas_cost.py", what, str(archive), folder) for _ in range(repeats) for what in ("ours", "obvious")
        ]
    own, other = ([r["seconds"] for r in runs if r["what"] == what] for what in ("ours", "obvious"))
    return {"times as fast": [a / b for a, b in zip(other, own, strict=True)], "runs": runs}


def text(_: Path, repeats: int) -> dict:
    """MiniLM in training and in use against plain Hugging Face, and our WordPiece against the library tokenizers."""
    threads = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}
    tries = ("--repeats", str(repeats))
    found = {f"adapting, {way}": script("text_adapting.py", way, env=threads) for way in ("frozen", "adapters", "full")}
    for what in ("training", "inference"):
        found[what] = script("text_speed.py", what, "--samples", "1000", *tries, env=threads)
    for count in ("1", "2"):
        env = threads | {"RAYON_NUM_THREADS": count}
        found[f"words, {count} threads"] = script("word_speed.py", "words", "--samples", "5330", *tries, env=env)
    return found


def graphs(_: Path, repeats: int) -> dict:
    """Our message passing against PyTorch Geometric's DataLoader and layers; reading and featurising HIV."""
    tries, calm = ("--repeats", str(repeats)), {"OMP_WAIT_POLICY": "PASSIVE"}
    found = {}
    for threads in ("1", "2"):
        for size in ("32", "128"):
            env = calm | {"OMP_NUM_THREADS": threads}
            found[f"{threads} threads, batches of {size}"] = script("graph_speed.py", "--size", size, *tries, env=env)
    return found | {"featurising HIV": script("featurising.py", env=calm)}


def machine() -> dict:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load before": os.getloadavg(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


BENCHMARKS = {
    **{"start": start, "speed": speed, "busy": busy, "profile": where},
    **{"fastai": fastai, "atlas": atlas, "text": text, "graphs": graphs},
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", choices=BENCHMARKS)
    arguments.add_argument("--seeds", type=int, default=3)
    given = arguments.parse_args()
    mirror = os.environ.get("LAYERSCOPE_MIRROR")
    archive = Path(mirror or "") / "mednist" / "MedNIST.tar.gz"
    if not archive.is_file():
        sys.exit("Set LAYERSCOPE_MIRROR to a folder that holds mednist/MedNIST.tar.gz.")
    RESULTS.mkdir(exist_ok=True)
    for name in [given.only] if given.only else BENCHMARKS:
        facts = {"machine": machine(), **BENCHMARKS[name](archive, given.seeds)}
        (RESULTS / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
        shown = {key: value for key, value in facts.items() if key != "runs"}
        print(f"== {name}\n{json.dumps(shown, indent=1)}", flush=True)


if __name__ == "__main__":
    main()
