"""Public data sets, read where a person keeps them; see :mod:`mspt.data.adapters.common`."""

from collections.abc import Mapping
from types import MappingProxyType

from mspt.data.adapters.ahmedml import AHMEDML
from mspt.data.adapters.common import Adapter
from mspt.data.adapters.shapenet_car import SHAPENET_CAR

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {adapter.name: adapter for adapter in (SHAPENET_CAR, AHMEDML)}
)
