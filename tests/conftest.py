"""Every test runs with shapes executed: jaxtyping and beartype check each annotated signature of the library."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from jaxtyping import install_import_hook

install_import_hook("layerscope", "beartype.beartype")
