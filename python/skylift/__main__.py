"""The console script `skylift`: the program itself, which lies in this package."""
import os
import pathlib
import sys


def main() -> None:
    program = pathlib.Path(__file__).parent / "bin" / "skylift"
    os.execv(program, ["skylift", *sys.argv[1:]])


if __name__ == "__main__":
    main()
