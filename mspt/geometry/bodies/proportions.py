"""Kinds of vehicles and the ranges of their proportions, in lengths of the body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VehicleKind = Literal[
    "city", "hatchback", "saloon", "tourer", "coupe", "supercar", "suv", "crew-cab",
    "minibus", "bus", "train", "lorry", "single-seater",
]  # fmt: skip
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Proportions:
    """Ranges of parameters of a kind; see :class:`~mspt.geometry.bodies.vehicles.Vehicle`."""

    height: Range
    width: Range
    clearance: Range
    nose: Range
    hood: Range
    cowl: Range
    roof_start: Range
    roof_stop: Range
    deck_x: Range
    deck: Range
    tail: Range
    axles: tuple[Range, Range]
    wheel: Range


PROPORTIONS: Mapping[VehicleKind, Proportions] = {
    "city": Proportions(
        height=(0.38, 0.46), width=(0.43, 0.49), clearance=(0.035, 0.06), nose=(0.16, 0.22),
        hood=(0.24, 0.28), cowl=(0.13, 0.2), roof_start=(0.33, 0.4), roof_stop=(0.84, 0.92),
        deck_x=(0.95, 0.975), deck=(0.23, 0.29), tail=(0.22, 0.27),
        axles=((0.17, 0.2), (0.82, 0.855)), wheel=(0.078, 0.09),
    ),
    "hatchback": Proportions(
        height=(0.32, 0.37), width=(0.4, 0.45), clearance=(0.03, 0.05), nose=(0.13, 0.18),
        hood=(0.2, 0.235), cowl=(0.22, 0.28), roof_start=(0.38, 0.44), roof_stop=(0.78, 0.88),
        deck_x=(0.93, 0.97), deck=(0.21, 0.26), tail=(0.2, 0.25),
        axles=((0.185, 0.22), (0.8, 0.83)), wheel=(0.071, 0.082),
    ),
    "saloon": Proportions(
        height=(0.285, 0.325), width=(0.37, 0.415), clearance=(0.025, 0.045), nose=(0.12, 0.16),
        hood=(0.175, 0.21), cowl=(0.25, 0.3), roof_start=(0.4, 0.46), roof_stop=(0.64, 0.74),
        deck_x=(0.82, 0.9), deck=(0.2, 0.23), tail=(0.19, 0.225),
        axles=((0.18, 0.21), (0.785, 0.82)), wheel=(0.065, 0.076),
    ),
    "tourer": Proportions(
        height=(0.285, 0.335), width=(0.37, 0.415), clearance=(0.025, 0.045), nose=(0.12, 0.16),
        hood=(0.175, 0.21), cowl=(0.25, 0.3), roof_start=(0.4, 0.46), roof_stop=(0.86, 0.93),
        deck_x=(0.95, 0.98), deck=(0.19, 0.24), tail=(0.18, 0.225),
        axles=((0.18, 0.21), (0.785, 0.82)), wheel=(0.065, 0.076),
    ),
    "coupe": Proportions(
        height=(0.265, 0.31), width=(0.385, 0.43), clearance=(0.025, 0.04), nose=(0.1, 0.15),
        hood=(0.165, 0.2), cowl=(0.27, 0.35), roof_start=(0.43, 0.49), roof_stop=(0.57, 0.68),
        deck_x=(0.88, 0.97), deck=(0.18, 0.22), tail=(0.17, 0.215),
        axles=((0.18, 0.22), (0.78, 0.81)), wheel=(0.07, 0.08),
    ),
    "supercar": Proportions(
        height=(0.235, 0.27), width=(0.42, 0.465), clearance=(0.022, 0.032), nose=(0.07, 0.11),
        hood=(0.13, 0.165), cowl=(0.18, 0.26), roof_start=(0.37, 0.43), roof_stop=(0.5, 0.58),
        deck_x=(0.78, 0.95), deck=(0.165, 0.2), tail=(0.16, 0.2),
        axles=((0.19, 0.23), (0.77, 0.81)), wheel=(0.074, 0.084),
    ),
    "suv": Proportions(
        height=(0.355, 0.42), width=(0.395, 0.44), clearance=(0.045, 0.07), nose=(0.17, 0.22),
        hood=(0.225, 0.265), cowl=(0.23, 0.28), roof_start=(0.37, 0.42), roof_stop=(0.83, 0.92),
        deck_x=(0.94, 0.98), deck=(0.23, 0.28), tail=(0.21, 0.27),
        axles=((0.18, 0.21), (0.8, 0.83)), wheel=(0.078, 0.09),
    ),
    "crew-cab": Proportions(
        height=(0.33, 0.37), width=(0.35, 0.39), clearance=(0.045, 0.065), nose=(0.16, 0.2),
        hood=(0.21, 0.24), cowl=(0.24, 0.29), roof_start=(0.36, 0.41), roof_stop=(0.57, 0.64),
        deck_x=(0.625, 0.68), deck=(0.2, 0.225), tail=(0.195, 0.225),
        axles=((0.17, 0.2), (0.775, 0.81)), wheel=(0.07, 0.08),
    ),
    "minibus": Proportions(
        height=(0.37, 0.47), width=(0.35, 0.41), clearance=(0.03, 0.05), nose=(0.16, 0.22),
        hood=(0.23, 0.28), cowl=(0.08, 0.17), roof_start=(0.2, 0.31), roof_stop=(0.92, 0.97),
        deck_x=(0.975, 0.99), deck=(0.18, 0.25), tail=(0.18, 0.23),
        axles=((0.16, 0.2), (0.77, 0.82)), wheel=(0.062, 0.072),
    ),
    "bus": Proportions(
        height=(0.25, 0.34), width=(0.2, 0.28), clearance=(0.025, 0.04), nose=(0.1, 0.14),
        hood=(0.13, 0.16), cowl=(0.005, 0.03), roof_start=(0.02, 0.1), roof_stop=(0.96, 0.985),
        deck_x=(0.985, 0.995), deck=(0.15, 0.2), tail=(0.1, 0.14),
        axles=((0.2, 0.27), (0.68, 0.76)), wheel=(0.04, 0.052),
    ),
    "train": Proportions(
        height=(0.22, 0.32), width=(0.17, 0.26), clearance=(0.022, 0.035), nose=(0.06, 0.12),
        hood=(0.1, 0.18), cowl=(0.05, 0.2), roof_start=(0.15, 0.5), roof_stop=(0.97, 0.99),
        deck_x=(0.99, 0.995), deck=(0.15, 0.18), tail=(0.1, 0.15),
        axles=((0.3, 0.4), (0.8, 0.9)), wheel=(0.03, 0.03),
    ),
    "lorry": Proportions(
        height=(0.23, 0.29), width=(0.155, 0.21), clearance=(0.025, 0.035), nose=(0.07, 0.1),
        hood=(0.1, 0.13), cowl=(0.002, 0.015), roof_start=(0.02, 0.06), roof_stop=(0.13, 0.17),
        deck_x=(0.18, 0.22), deck=(0.07, 0.085), tail=(0.07, 0.085),
        axles=((0.075, 0.1), (0.8, 0.9)), wheel=(0.03, 0.034),
    ),
    "single-seater": Proportions(
        height=(0.18, 0.22), width=(0.34, 0.4), clearance=(0.022, 0.03), nose=(0.05, 0.09),
        hood=(0.1, 0.13), cowl=(0.3, 0.36), roof_start=(0.5, 0.55), roof_stop=(0.6, 0.66),
        deck_x=(0.85, 0.92), deck=(0.08, 0.11), tail=(0.06, 0.09),
        axles=((0.16, 0.2), (0.8, 0.84)), wheel=(0.06, 0.068),
    ),
}  # fmt: skip
