"""Make and check the website.

    python tools/site.py build             lessons as run in full (what is out of date is run), into build/site
    python tools/site.py build --smoke     lessons as run with small numbers; the pages say so
    python tools/site.py measure [NAME...] data sets: groups, leaks, reference results, into docs/results/data.json
    python tools/site.py check             links, requests, accessibility, width, search; --links fetches external links

Hand-written pages are in docs/; all others are made from the library, the lessons and the results of benchmarks.
SITE_LESSONS=smoke in the environment is the same as --smoke.
"""

import argparse
import os
import sys

from website import SITE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["build", "measure", "check"])
    parser.add_argument("names", nargs="*", help="of measure: data sets; all without")
    parser.add_argument("--smoke", action="store_true", default=os.environ.get("SITE_LESSONS") == "smoke")
    parser.add_argument(
        "--no-run", action="store_true", help="of build: take the last runs as they are, if out of date"
    )
    parser.add_argument("--data", help="of build: the data set of the start page")
    parser.add_argument("--links", action="store_true", help="of check: fetch every external link")
    asked = parser.parse_intermixed_args()
    if asked.what == "build":
        from website.assemble import build

        print(build("smoke" if asked.smoke else "full", asked.data, not asked.no_run) / "index.html")
        return 0
    if asked.what == "measure":
        from website.measure import measure

        measure(asked.names)
        return 0
    from website.check import check

    faults = check(SITE, fetch=asked.links)
    print(*faults or ["The site is as it should be."], sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
