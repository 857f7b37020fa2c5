"""Where a training step's time goes, and how far it is from the machine's own convolutions.

For the FAST and the default network: milliseconds of a step, the share of each kind of work in it (torch's
profiler), and the milliseconds that its convolutions alone take, forward and backward, on inputs that lie ready: no
step can be faster.
"""

import json
import os
from time import perf_counter

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch.profiler import ProfilerActivity, profile

from layerscope.inputs import Images
from layerscope.models.cnn import CNN, FAST, CNNConfig

BATCH, STEPS, REPEATS = 128, 30, 5
KINDS = {
    "convolution": "convolution",
    "max_pool": "pooling",
    "avg_pool": "shrinking",
    "batch_norm": "batch norm",
    "adam": "optimizer",
}


def best(work) -> float:
    """Milliseconds of the fastest of REPEATS, after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        for _step in range(STEPS):
            work()
        times.append((perf_counter() - start) / STEPS * 1000)
    return min(times)


def measure(config: CNNConfig) -> dict:
    torch.manual_seed(0)
    model = CNN(config)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    images = Images(torch.randint(0, 255, (BATCH, 1, 64, 64)).to(torch.uint8))
    targets = torch.randint(6, (BATCH,))

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    milliseconds = best(step)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(STEPS):
            step()
    total = sum(event.self_cpu_time_total for event in found.key_averages())
    shares = dict.fromkeys([*KINDS.values(), "the rest"], 0.0)
    for event in found.key_averages():
        kind = next((name for key, name in KINDS.items() if key in event.key), "the rest")
        shares[kind] += event.self_cpu_time_total / total
    floor, size, d, operations = 0.0, 64 // config.shrink, config.channels, 0
    for i, width in enumerate(config.widths):
        conv = torch.nn.Conv2d(d, width, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
        x = torch.randn(BATCH, d, size, size).to(memory_format=torch.channels_last).requires_grad_(i > 0)
        gradient = torch.randn_like(conv(x))
        floor += best(lambda conv=conv, x=x, gradient=gradient: conv(x).backward(gradient))
        operations += 2 * 9 * d * width * size * size * BATCH * (3 if i else 2)
        size, d = size // 2, width
    return {
        "milliseconds of a step": milliseconds,
        "its convolutions alone": floor,
        "share that no step can avoid": floor / milliseconds,
        "GFLOP/s of the convolutions": operations / floor / 1e6,
        "shares": shares,
    }


if __name__ == "__main__":
    print(json.dumps({"fast": measure(FAST), "default": measure(CNNConfig(1, 6)), "threads": torch.get_num_threads()}))
