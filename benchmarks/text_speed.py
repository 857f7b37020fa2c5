"""Sentences per second of MiniLM: ours against Hugging Face's Trainer and pipeline, the same weights, GAD's sentences.

All ways in turn in one process, and the best of some repeats of each, so that a busy moment of the machine meets all
of them; where it is always busy, processor time (of all threads) is the better guide. From strings to the end: cutting
into pieces is measured with the rest. A GPU is used where there is one.

    text_speed.py training | inference
"""

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import numpy as np
import torch

from layerscope.data import gad
from layerscope.dataset import Dataset, batches
from layerscope.inputs import Texts
from layerscope.models.encoder import Pretrained, pretrained_encoder
from layerscope.predictions import Predictions
from layerscope.train import Recipe, choose_device, epochs, predict

Work = Callable[[], Any]
LONGEST, BATCH = 128, 32


def in_turn(ways: Mapping[str, Callable[[], Work]], samples: int, repeats: int, plain: str) -> dict[str, Any]:
    """The best of each way, by the clock and by the processor's time. What a way returns is made ready unmeasured."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, ready in ways.items():
            work = ready()
            begun, used = perf_counter(), process_time()
            work()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            spent[name].append((perf_counter() - begun, process_time() - used))
            print(name, spent[name][-1], file=sys.stderr, flush=True)
    clock, cpu = ({name: min(pair[i] for pair in own) for name, own in spent.items()} for i in (0, 1))
    return {
        "samples": samples,
        "per second": {name: samples / best for name, best in clock.items()},
        "per second of processor time": {name: samples / best for name, best in cpu.items()},
        f"times as fast as {plain}": {name: clock[plain] / best for name, best in clock.items()},
        f"times as fast as {plain}, processor time": {name: cpu[plain] / best for name, best in cpu.items()},
        "seconds, and of processor time": spent,
    }


def tokens(made: Pretrained, texts: Dataset[Texts]) -> Dataset:
    columns = {"groups": texts.groups, "ids": texts.ids, "classes": texts.classes}
    return Dataset.of(made.tokenizer.tokens(texts.inputs, LONGEST), texts.targets, **columns)


def ours_trained(texts: Dataset[Texts], precision: str = "fp32") -> Work:
    made = pretrained_encoder(2)
    recipe = Recipe(epochs=1, batch_size=BATCH, lr=2e-4, precision=precision)
    return lambda: [*epochs(made.model, tokens(made, texts), None, recipe)]


def plain_trained(texts: Dataset[Texts], folder: Path, sampling: str = "random") -> Work:
    import transformers as hf

    model = hf.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    quiet: Any = {"save_strategy": "no", "report_to": [], "disable_tqdm": True}
    device: Any = {"use_cpu": choose_device().type == "cpu", "train_sampling_strategy": sampling, **quiet}
    settings = hf.TrainingArguments(
        str(folder / "out"), per_device_train_batch_size=BATCH, num_train_epochs=1, learning_rate=2e-4, **device
    )

    def work() -> None:
        found = tokenizer(texts.inputs.strings.tolist(), truncation=True, max_length=LONGEST)
        columns = zip(found["input_ids"], found["attention_mask"], texts.targets.tolist(), strict=True)
        rows: Any = [{"input_ids": i, "attention_mask": m, "labels": k} for i, m, k in columns]
        hf.Trainer(model, settings, hf.DataCollatorWithPadding(tokenizer), rows).train()

    return work


@torch.inference_mode()
def table_order(model: Any, dataset: Dataset, size: int) -> Predictions:
    """`predict` as it would be if texts stayed in their order, long ones beside short ones."""
    model.eval()
    logits = torch.cat([model(b.inputs.to(choose_device())).float().cpu() for b in batches(dataset, size)])
    probs = logits.double().softmax(dim=-1).numpy()
    return Predictions(probs, dataset.targets.numpy(), dataset.groups, dataset.ids, dataset.classes)


def in_bf16(model: Any, dataset: Dataset, size: int) -> Predictions:
    with torch.autocast(choose_device().type, torch.bfloat16):
        return predict(model, dataset, size)


def int8(model: Any) -> Any:
    with warnings.catch_warnings(action="ignore"):  # torch.ao says that its successor is torchao, a package more
        return torch.ao.quantization.quantize_dynamic(deepcopy(model), {torch.nn.Linear}, torch.qint8)


def inference(texts: Dataset[Texts], samples: int, repeats: int, folder: Path) -> dict[str, Any]:
    """The network is trained first, so that what a way loses shows. Twins are not left out: compare, do not report."""
    import transformers as hf

    made, train, test = pretrained_encoder(2), texts.rows(np.arange(1200)), texts.rows(np.arange(1200, 1200 + samples))
    list(epochs(made.model, tokens(made, train), None, Recipe(epochs=2, batch_size=BATCH, lr=3e-4)))
    compiled = deepcopy(made.model)
    compiled.body = torch.compile(compiled.body, dynamic=True)
    begun = perf_counter()
    predict(compiled, tokens(made, test.rows(np.arange(64))), BATCH)
    compiling = perf_counter() - begun
    plain = hf.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    pipe = hf.pipeline("text-classification", plain, tokenizer=tokenizer, device=choose_device())
    strings = test.inputs.strings.tolist()
    given = {"truncation": True, "max_length": LONGEST}
    ways = {f"pipeline, {size}": partial(partial, pipe, strings, batch_size=size, **given) for size in (1, 32)}
    own = {f"table order, {size}": (table_order, made.model, size) for size in (512, 128, 32)}
    own |= {f"by length, {size}": (predict, made.model, size) for size in (512, 128, 32)}
    own |= {"by length, 32, bf16": (in_bf16, made.model, 32), "by length, 32, compiled": (predict, compiled, 32)}
    if choose_device().type == "cpu":
        own["by length, 32, int8"] = (predict, int8(made.model), 32)
    found: dict[str, Predictions] = {}

    def predicted(name: str, how: Callable[..., Predictions], model: Any, size: int) -> None:
        found[name] = how(model, tokens(made, test), size)

    ways |= {name: partial(partial, predicted, name, *way) for name, way in own.items()}
    measured = in_turn(ways, samples, repeats, "pipeline, 1")
    exact = found["table order, 512"]
    return measured | {
        "seconds to compile": compiling,
        "accuracy": {name: float((p.guess == p.targets).mean()) for name, p in found.items()},
        "decisions changed": {name: int((p.guess != exact.guess).sum()) for name, p in found.items()},
        "largest change of a probability": {name: float(abs(p.probs - exact.probs).max()) for name, p in found.items()},
    }


def training(texts: Dataset[Texts], samples: int, repeats: int, folder: Path) -> dict[str, Any]:
    some = texts.rows(np.arange(samples))
    ways = {"Trainer": partial(plain_trained, some, folder), "ours": partial(ours_trained, some)}
    ways["Trainer, grouped by length"] = partial(plain_trained, some, folder, "group_by_length")
    ways["ours, bf16"] = partial(ours_trained, some, "bf16")
    return in_turn(ways, samples, repeats, "Trainer")


def main(works: dict[str, Callable[..., dict[str, Any]]], says: str | None) -> None:
    arguments = argparse.ArgumentParser(description=says, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=works)
    arguments.add_argument("--samples", type=int, default=1000)
    arguments.add_argument("--repeats", type=int, default=3)
    given = arguments.parse_args()
    loaded = gad.load().dataset
    texts = loaded.rows(np.random.default_rng(0).permutation(len(loaded)))
    with tempfile.TemporaryDirectory() as folder:
        made = pretrained_encoder(2)
        made.model.body.save_pretrained(folder)
        made.tokenizer.fast.save_pretrained(folder)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{folder}/compiled"  # so that compiling is not found done
        found = works[given.what](texts, given.samples, given.repeats, Path(folder))
    device = torch.cuda.get_device_name() if choose_device().type == "cuda" else choose_device().type
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    has = [flag for flag in ("avx512_bf16", "amx_bf16", "avx512_vnni", "amx_int8") if flag in flags]
    print(json.dumps({"device": device, "threads of torch": torch.get_num_threads(), "processor has": has, **found}))


if __name__ == "__main__":
    main({"training": training, "inference": inference}, __doc__)
