"""The peer's training loop over one epoch, as a process of its own: prints what Skylift logs of every step, and its peak memory.

A step is counted from asking for its batch to the end of the optimizer's step, as in Skylift's metrics.jsonl.
    python -m peers.train ANNOTATIONS.json --student MODEL [--teacher MODEL --method bckd] [--batch 4] ...     (in the folder benchmarks)
"""
import argparse
import json
import resource
import time

import torch

from . import detector, loader, step


def moved(batch, device):
    """A batch of the loader's on the device; on the CPU it is there already."""
    to_device = lambda value: value.to(device) if torch.is_tensor(value) else value
    return {"images": to_device(batch["images"]),
            "targets": [{name: to_device(value) for name, value in target.items()} for target in batch["targets"]]}


def waited_for(device):
    """A CUDA device works on after a call has returned: no clock is read before it has caught up."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory_mib(device):
    """As Skylift's metrics have it: of the process on the CPU, of the device's allocations elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("annotations")
    parser.add_argument("--student", required=True, help="a model file of Skylift's to start from")
    parser.add_argument("--teacher")
    parser.add_argument("--method", choices=list(step.METHODS), default="bckd")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--device", type=torch.device, default="cpu")
    for name, value in (("side", 640), ("batch", 4), ("workers", 2), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    batches = loader.make_loader(arguments.annotations, arguments.side, arguments.batch, arguments.workers, loader.PLAIN)
    load = lambda path: detector.load_detector(path).to(arguments.device)
    teacher = load(arguments.teacher) if arguments.teacher else None
    trainer = step.Trainer(load(arguments.student), teacher, arguments.method, arguments.precision,
                           arguments.channels_last, lr=1e-6)
    steps, source = [], iter(batches)
    while True:
        begun = time.perf_counter()
        batch = next(source, None)
        if batch is None:
            break
        worked = time.perf_counter()
        terms = trainer.step(moved(batch, arguments.device))
        waited_for(arguments.device)
        seconds = time.perf_counter() - begun
        steps.append({"images_per_s": arguments.batch / seconds, "data_wait": (worked - begun) / seconds} | terms)
    print(json.dumps({"steps": steps, "torch": torch.__version__, "threads": torch.get_num_threads(),
                      "peak_memory_mib": peak_memory_mib(arguments.device)}))


if __name__ == "__main__":
    main()
