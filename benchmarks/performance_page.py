"""The tables of docs/performance.md from what against_python.py measured: between `<!-- measured: NAME -->` and `<!-- end -->`."""
import re
import statistics

BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n)(.*?)(<!-- end -->)", re.S)


def shown(ratio):
    return f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def steps(result):
    rows = []
    for model, kinds in result["steps"].items():
        for kind, row in kinds.items():
            rates = [statistics.median(r["images_per_s"] for r in row[side]) for side in ("skylift", "peer")]
            versus = "" if row["compared_with"] in (None, kind) else f" / {row['compared_with']}"
            rows.append([model, kind + versus, shown(row["images_per_s"]), shown(row["work"]), shown(row["memory_mib"]),
                         f"{rates[0]:.2f}", f"{rates[1]:.2f} ({row['format of the peer']})"])
    return table(["model", "step", "images/s", "without waiting for data", "peak memory", "Skylift images/s", "Python images/s"], rows)


def parts(result):
    """A plain step's CPU time by part, ms, and the share outside the network by either clock."""
    names = ["network forward", "network backward", "batch", "assignment", "losses", "losses backward", "update"]
    rows = [[model, *(f"{measured['cpu']['ms'][name]:.0f}" for name in names),
             f"{100 * measured['cpu']['outside']:.1f} %", f"{100 * measured['wall']['outside']:.1f} %"]
            for model, measured in result["parts"].items()]
    return table(["model", *names, "outside, CPU time", "outside, wall clock"], rows)


def growth(result):
    rows = []
    for what, measured in result["growth"].items():
        for size, one in measured.items():
            ms, images = one["cpu"]["ms"], one["images"]
            network = sum(value for name, value in ms.items() if name.startswith("network"))
            rows.append([what, size, f"{network / images:.0f}", f"{(sum(ms.values()) - network) / images:.1f}", f"{ms['assignment'] / images:.2f}",
                         f"{one['peak_memory_mib']:.0f}"])
    return table(["grows", "to", "network, CPU ms an image", "all else", "of that assignment", "peak MiB"], rows)


def tables(result):
    """{name: Markdown}."""
    found = {"machine": f"{result['machine']}; {result['settings']}\n", "steps": steps(result)}
    if result["loaders"]:
        found["loader"] = f"{shown(result['loaders']['images_per_s'])} times the images/s of DataLoader + OpenCV.\n"
    if result["parts"]:
        found |= {"parts": parts(result), "growth": growth(result)}
        one = result["assignment"]
        found["assignment"] = f"{one['objects']} objects at 1333x800 px: {one['ms']:.1f} ms, {one['added_mib']:.1f} MiB.\n"
    return found


def write(page, result):
    found = tables(result)
    page.write_text(BLOCK.sub(lambda block: block[1] + found.get(block[2], block[3]) + block[4], page.read_text()))
