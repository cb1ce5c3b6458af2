"""Finds the tests in cases/, runs them with each helm and prints what happened."""

import argparse
import importlib
import inspect
import sys
import traceback

from rendering import HERE, helms

BLESS = False


class Skipped(Exception):
    """A test could not run here; the text says why."""


def tests():
    """(name, function) of each test: functions whose name starts with `test_`, in the order of their files."""
    for path in sorted((HERE / "cases").glob("*.py")):
        module = importlib.import_module(f"cases.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and function.__module__ == module.__name__:
                yield f"{path.stem}: {name.removeprefix('test_').replace('_', ' ')}", function


def runs(function, found):
    """(label, arguments) of each run: with each helm if the test takes one, for each of its `over` items."""
    parameters = inspect.signature(function).parameters
    items = function.over() if hasattr(function, "over") else [None]
    for helm in found if "helm" in parameters else [None]:
        for item in items:
            arguments = {"helm": helm} if helm else {}
            label = f" [{helm.version}]" if helm else ""
            if item is not None:
                arguments["item"] = item
                label = f" ({getattr(item, 'stem', item)}){label}"
            yield label, arguments


def over(items):
    """Runs a test once for each of the items that the function returns."""

    def mark(function):
        function.over = items
        return function

    return mark


def main():
    parser = argparse.ArgumentParser(description="Tests the chart without a cluster.")
    parser.add_argument("--bless", action="store_true", help="write the golden files anew")
    parser.add_argument("only", nargs="?", default="", help="run the tests whose name contains this")
    options = parser.parse_args()
    sys.modules["suite"] = sys.modules["__main__"]
    globals()["BLESS"] = options.bless

    found = helms()
    print("helm", ", ".join(f"{helm.version} ({helm.path})" for helm in found))
    if len({helm.major for helm in found} & {3, 4}) < 2 and not options.only:
        print("SKIPPED: only one of Helm 3 and Helm 4 was found, the other is not tested")
    passed = failed = 0
    for name, function in tests():
        if options.only not in name:
            continue
        for label, arguments in runs(function, found):
            try:
                function(**arguments)
                passed += 1
            except Skipped as reason:
                print(f"SKIPPED: {name}{label}: {reason}")
            except Exception as error:
                failed += 1
                print(f"FAILED: {name}{label}: {error}")
                if not isinstance(error, AssertionError):
                    print("".join(traceback.format_tb(error.__traceback__)[-2:]), end="")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
