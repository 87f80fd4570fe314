# SPDX-License-Identifier: Apache-2.0
"""Judges what a chip's compiler says of weft's pipelines; tests/gpus.sh calls it.

    report.py --heading                         prints the heading of the table
    report.py [--update] CHIP VERSIONS FOLDER   FOLDER has MODEL.json of each, by `weft inspect --pipelines --json`

Prints a line a model, then what breaks a rule and what is not as CHIP.json beside this file has it. --update writes
that file instead of comparing. CHIP.json has, for each pipeline (kernel, form, constants), the compiler's numbers, and
the calls that each model's programs make of it, in the order that `models` lists the programs in.

The rules hold whatever is recorded: no spills, no scratch memory, and waves side by side as in LEAST_WAVES, each where
the compiler says. Exceptions stand in exceptions.json: {"chips", "kernel", "constants" (some of them), "breaks" (of
"spills", "scratch" and "waves"), "why"}; one that does not occur any more is an error.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NUMBERS = ["registers", "spills", "scratch", "shared", "waves", "lanes"]
# Tiles keep their sums in registers, and hide latency by the work of a thread rather than by the number of threads.
TILES = {"matmul", "expert_matmul", "attention", "attention_decode"}
LEAST_WAVES = {True: 2, False: 4}
LINE = "%-10s %-24s %9s %7s %8s %12s %12s %10s"


def name_of(p):
    constants = " ".join("%s=%s" % c for c in sorted(p["constants"].items()))
    return (p["kernel"] + "." + p["tier"] + " " + constants).strip()


def breaches(p):
    """The rules that a pipeline breaks: the number of each, and what it is."""
    broken = {what: p[what] for what in ("spills", "scratch") if p.get(what)}
    if "waves" in p and p["waves"] < LEAST_WAVES[p["kernel"] in TILES]:
        broken["waves"] = p["waves"]
    return broken


def covers(exception, p):
    return exception["kernel"] == p["kernel"] and exception["constants"].items() <= p["constants"].items()


def row(chip, model, pipelines):
    def fewest(tiles):
        waves = [p["waves"] for p in pipelines if "waves" in p and (p["kernel"] in TILES) == tiles]
        return min(waves, default="-")

    def most(what, join):
        said = [p[what] for p in pipelines if what in p]
        return join(said) if said else "-"

    return LINE % (chip, model, len(pipelines), most("spills", sum), most("scratch", sum), fewest(True), fewest(False),
                   most("registers", max))


def written(record):
    """JSON with a pipeline a line, so that a diff of the file shows what changed."""
    def block(entries):
        lines = ("    %s: %s" % (json.dumps(k), json.dumps(entries[k])) for k in sorted(entries))
        return "{\n" + ",\n".join(lines) + "\n  }"

    return '{\n  "versions": %s,\n  "models": %s,\n  "pipelines": %s\n}\n' % (
        json.dumps(record["versions"]), block(record["models"]), block(record["pipelines"]))


def calls(record, name, model):
    """How often each program of a model calls a pipeline."""
    counts = record["pipelines"].get(name, {}).get("calls", {}).get(model, [])
    return dict(zip(record["models"][model], counts))


def differences(old, new):
    for model in sorted(old["models"].keys() ^ new["models"].keys()):
        yield "%s %s" % (model, "is new" if model in new["models"] else "is gone")
    models = old["models"].keys() & new["models"].keys()
    for name in sorted(old["pipelines"].keys() | new["pipelines"].keys()):
        before, now = old["pipelines"].get(name, {}), new["pipelines"].get(name, {})
        changed = []
        for model in sorted(models):
            then, here = calls(old, name, model), calls(new, name, model)
            counts = [(p, then.get(p, 0), here.get(p, 0)) for p in {**then, **here}]
            changes = ["%s %d -> %d" % c for c in counts if c[1] != c[2]]
            if changes:
                changed.append(model + ": " + ", ".join(changes))
        if old["versions"] == new["versions"] and before and now:
            changed += ["%s %s -> %s" % (n, before.get(n, "-"), now.get(n, "-"))
                        for n in NUMBERS if before.get(n) != now.get(n)]
        if changed:
            yield "\n    ".join([name] + changed)


def main(arguments):
    if arguments == ["--heading"]:
        print(LINE % ("chip", "model", "pipelines", "spills", "scratch", "tiles' waves", "other waves", "registers"))
        return 0
    update = arguments[0] == "--update"
    chip, versions, folder = arguments[update:]
    record = {"versions": versions, "models": {}, "pipelines": {}}
    seen = {}  # name: the pipeline
    wrong = []
    for file in sorted(f for f in os.listdir(folder) if f.endswith(".json")):
        model = file[:-len(".json")]
        try:
            with open(os.path.join(folder, file)) as f:
                inspected = json.load(f)
        except ValueError:
            inspected = {"problems": ["weft inspect has failed"]}
        if "pipelines" not in inspected:
            wrong.append("%s: %s" % (model, "; ".join(inspected["problems"])))
            continue
        print(row(chip, model, inspected["pipelines"]))
        record["models"][model] = inspected["programs"]
        for p in inspected["pipelines"]:
            name = name_of(p)
            entry = record["pipelines"].setdefault(name, {n: p[n] for n in NUMBERS if n in p} | {"calls": {}})
            entry["calls"][model] = p["calls"]
            seen[name] = p
    with open(os.path.join(HERE, "exceptions.json")) as f:
        exceptions = [e for e in json.load(f) if chip in e["chips"]]
    unseen = [set(e["breaks"]) for e in exceptions]
    for name, p in sorted(seen.items()):
        broken = breaches(p)
        for e, left in zip(exceptions, unseen):
            if covers(e, p):
                left.difference_update(broken)
                broken = {what: n for what, n in broken.items() if what not in e["breaks"]}
        if broken:
            wrong.append("%s: %s (%s)" % (name, ", ".join("%s %d" % b for b in broken.items()),
                                          ", ".join(record["pipelines"][name]["calls"])))
    for e, left in zip(exceptions, unseen):
        if left:
            wrong.append("exceptions.json: %s with %s: no %s any more: take that, or the chip, out of the exception" %
                         (e["kernel"], e["constants"], " or ".join(sorted(left))))
    path = os.path.join(HERE, chip + ".json")
    if update:
        with open(path, "w") as f:
            f.write(written(record))
    elif not os.path.exists(path):
        wrong.append("nothing is recorded yet: tests/gpus.sh --update " + chip)
    else:
        with open(path) as f:
            old = json.load(f)
        if old["versions"] != versions:
            print("  %s: recorded with %s, this is %s: only forms and shapes are compared" %
                  (chip, old["versions"], versions))
        wrong += differences(old, record)
    for w in wrong:
        print("  %s: %s" % (chip, w))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
