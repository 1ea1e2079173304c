"""Lets torchvision be imported beside a torch without CUDA, which its own builds are not made for.

Its operators in C++ need CUDA, and so does the module that describes them to torch. All else is Python.
"""

import sys
from types import ModuleType

DESCRIPTIONS = "torchvision._meta_registrations"
sys.modules.setdefault(DESCRIPTIONS, ModuleType(DESCRIPTIONS))
