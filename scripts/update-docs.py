#!/usr/bin/env python3
"""Tables of the documentation that come from the program: between a line `<!-- generated: COMMAND -->` and `<!-- end -->` stands what
`skylift COMMAND` prints.

    scripts/update-docs.py            rewrites them
    scripts/update-docs.py --check    fails where a page differs from the program

SKYLIFT_PROGRAM names the program (default: build/skylift).
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("SKYLIFT_PROGRAM", str(ROOT / "build/skylift"))
BLOCK = re.compile(r"(<!-- generated: (.*?) -->\n)(.*?)(<!-- end -->)", re.S)


def output_of(command):
    return subprocess.run([PROGRAM, *shlex.split(command)], check=True, capture_output=True, text=True).stdout


def main():
    check, drifted, blocks = "--check" in sys.argv[1:], [], 0
    for page in sorted(ROOT.glob("docs/*.md")):
        text = page.read_text()
        new = BLOCK.sub(lambda block: block[1] + output_of(block[2]) + block[4], text)
        blocks += len(BLOCK.findall(text))
        if new == text:
            continue
        drifted.append(str(page.relative_to(ROOT)))
        if not check:
            page.write_text(new)
    if blocks == 0:
        sys.exit("no generated table found in docs/")
    if check and drifted:
        sys.exit(f"{', '.join(drifted)}: not what the program prints (run scripts/update-docs.py)")
    print(f"{blocks} tables {'agree' if check else 'written'}")


if __name__ == "__main__":
    main()
