# SPDX-License-Identifier: Apache-2.0
"""What `emoclip doctor` looks at: the installation, this computer, the decoders, and one run of the whole path.

A part returns findings and raises nothing: a broken library is what it is there to tell.
"""

from .decoders import examine_decoders
from .finding import Finding
from .machine import examine_machine
from .self_test import examine_path
from .versions import examine_extras, examine_versions


PARTS = {
    "Versions": examine_versions,
    "Extras": examine_extras,
    "Computer": examine_machine,
    "Decoders": examine_decoders,
}
SELF_TEST = {"Self-test": examine_path}

__all__ = ["PARTS", "SELF_TEST", "Finding"]
