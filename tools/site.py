"""Make and check the website.

    python tools/site.py build             lessons as run in full (what is out of date is run), into build/site
    python tools/site.py build --smoke     lessons as run with small numbers; the pages say so
    python tools/site.py measure [NAME...] data sets: groups, leaks, reference results, into docs/results/data.json
    python tools/site.py check             links within the site, requests, accessibility, width, search
    python tools/site.py links             whether what is linked to elsewhere still answers; needs the internet

Hand-written pages are in docs/; all others are made from the library, the lessons and the results of benchmarks.
SITE_LESSONS=smoke in the environment is the same as --smoke.
"""

import argparse
import os
import sys

from website import SITE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["build", "measure", "check", "links"])
    parser.add_argument("names", nargs="*", help="of measure: data sets; all without")
    parser.add_argument("--smoke", action="store_true", default=os.environ.get("SITE_LESSONS") == "smoke")
    parser.add_argument(
        "--no-run", action="store_true", help="of build: take the last runs as they are, if out of date"
    )
    parser.add_argument("--data", help="of build: the data set of the start page")
    asked = parser.parse_intermixed_args()
    if asked.what == "build":
        from website.assemble import build

        print(build("smoke" if asked.smoke else "full", asked.data, not asked.no_run) / "index.html")
        return 0
    if asked.what == "measure":
        from website.measure import measure

        measure(asked.names)
        return 0
    if asked.what == "links":
        from website.outside import check as outside

        faults, good = outside(), "Every link to another place is answered."
    else:
        from website.check import check

        faults, good = check(SITE), "The site is as it should be."
    print(*faults or [good], sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
