#!/usr/bin/env python3
"""Run the specs that upstream's suite v1.20 lacks: run.py KUBECONFIG [FILTER]; one line PASSED|FAILED per spec.

Options: --api leaves out specs that start containers; --jobs N (4) how many run at once; --list names them;
exit status 1 if one failed that KNOWN.md does not name.
FILTER is a regular expression over the names."""
import argparse, importlib, os, re, sys, threading, time, traceback
from concurrent.futures import ThreadPoolExecutor

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
sys.dont_write_bytecode = True
import harness

AREAS = ["apimachinery", "extensions", "policies", "auth", "apps", "jobs", "network", "node", "resize", "storage", "beyond"]


def known():
    """Names in KNOWN.md's list items: `- name: cause`."""
    file = os.path.join(here, "KNOWN.md")
    return re.findall(r"^- `(.+?)`", open(file).read(), re.M) if os.path.exists(file) else []


def run(cluster, entry):
    base = re.sub(r"[^a-z0-9]+", "-", entry["name"].split("]", 1)[1].lower()).strip("-")[:32].strip("-")
    test, begin, failure = harness.Test(cluster, base), time.monotonic(), None
    try:
        entry["body"](test)
    except harness.Failed as error:
        failure = str(error)
    except Exception:
        failure = traceback.format_exc(limit=-3)
    try:
        test.end()
    except Exception as error:
        failure = failure or f"clean-up: {error}"
    return failure, time.monotonic() - begin


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("kubeconfig")
    arguments.add_argument("filter", nargs="?", default="")
    arguments.add_argument("--api", action="store_true")
    arguments.add_argument("--jobs", type=int, default=4)
    arguments.add_argument("--list", action="store_true")
    options = arguments.parse_args()
    for area in AREAS:
        if os.path.exists(os.path.join(here, area + ".py")):
            importlib.import_module(area)
    chosen = [s for s in harness.SPECS if re.search(options.filter, s["name"]) and not (options.api and s["pods"])]
    if options.list:
        print("\n".join(s["name"] for s in chosen))
        return 0
    cluster, excused, failed, lock = harness.Cluster(options.kubeconfig), known(), [], threading.Lock()

    def one(entry):
        failure, seconds = run(cluster, entry)
        with lock:
            print(f"{'FAILED' if failure else 'PASSED'} {entry['name']} ({seconds:.1f} s)", flush=True)
            if failure:
                failed.append(entry["name"])
                print("    " + failure.strip().replace("\n", "\n    "), flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, [s for s in chosen if not s["serial"]]))
    for entry in [s for s in chosen if s["serial"]]:
        one(entry)
    surprises = [name for name in failed if name not in excused]
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed of {len(chosen)} ({len(failed) - len(surprises)} of them known)")
    return 1 if surprises or not chosen else 0


sys.exit(main())
