"""Public data sets, read where a person keeps them; see :mod:`mspt.data.sets._public`."""

from collections.abc import Mapping
from types import MappingProxyType

from mspt.data.sets._public import Adapter
from mspt.data.sets.ahmedml import AHMEDML
from mspt.data.sets.shapenet_car import SHAPENET_CAR

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {adapter.name: adapter for adapter in (SHAPENET_CAR, AHMEDML)}
)
