"""One cloud over several devices: time, memory and what they send, computed and not measured.

Letters: N points, K patches, Q supernodes per patch, D width, P devices.
"""

from dataclasses import dataclass

from mspt.config import ModelConfig
from mspt.cost.forecast import Rates, held_bytes
from mspt.cost.formulas import FLOAT_BYTES, peak_bytes


@dataclass(frozen=True, kw_only=True)
class Network:
    """Connection between devices.

    Attributes:
        bandwidth: Bytes that each device receives in a second.
        latency: Seconds until a message arrives.
    """

    bandwidth: float = 25e9
    latency: float = 1e-5


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A pass over one cloud that is divided over devices, computed and not measured.

    Attributes:
        devices: Devices P.
        compute_seconds: Time of the largest share of patches.
        exchange_seconds: Time in which supernodes, and features between two trees, are exchanged.
        received_bytes: What each device receives in a block, without features between trees.
        peak_bytes: Memory of each device above weights.
    """

    devices: int
    compute_seconds: float
    exchange_seconds: float
    received_bytes: float
    peak_bytes: float

    @property
    def seconds(self) -> float:
        """Time of the pass, as if nothing were exchanged while something is computed."""
        return self.compute_seconds + self.exchange_seconds


def over_devices(
    config: ModelConfig,
    num_points: int,
    rates: Rates,
    *,
    devices: int,
    network: Network | None = None,
) -> Shared:
    """Return the cost of one pass whose patches are divided over devices of equal speed.

    Every device has whole patches and receives the supernodes of all others once a block, K Q D
    numbers in all (:mod:`mspt.models.ranks`); in a training step their gradient goes the same way
    back. With two trees in turn, each device also sends its features to where they are needed next.
    The partition, which every device computes, and the output are left out.

    Args:
        config: Config of an MSPT.
        num_points: Points N.
        rates: Of one device.
        devices: Devices P, at most one for each patch.
        network: Between them.

    Raises:
        ValueError: If the model is no MSPT, or devices would have no patch.

    Examples:
        >>> from mspt.cost.forecast import fit_rates
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=2, num_patches=8)
        >>> rates = fit_rates([(config, 4096, 0.5)], work="forward")
        >>> over_devices(config, 4096, rates, devices=4).received_bytes  # 6 of 8 supernodes
        1536.0
    """
    network = network or Network()
    patches = config.patches_for(num_points)
    if config.architecture != "mspt":
        raise ValueError(f"architecture must be mspt, got {config.architecture}")
    if not 1 <= devices <= patches:
        raise ValueError(
            f"devices must be between 1 and the number of patches, got {devices} for {patches} "
            "patches; use more patches"
        )
    share = -(-patches // devices) / patches
    others = 1 - 1 / devices
    received = FLOAT_BYTES * patches * config.num_supernodes * config.width * others
    moved = FLOAT_BYTES * num_points * share * config.width * others
    moves = config.num_blocks - 1 if config.partition == "alternating_trees" else 0
    ways = 1 if rates.work == "forward" else 2
    transfers = ways * (config.num_blocks * received + moves * moved) / network.bandwidth
    waits = ways * (config.num_blocks + moves) * (devices - 1) * network.latency
    supernodes = FLOAT_BYTES * 3 * patches * config.num_supernodes * config.width
    whole = peak_bytes(config, num_points, work=rates.work) + held_bytes(config, num_points)
    return Shared(
        devices=devices,
        compute_seconds=share * rates.seconds(config, num_points),
        exchange_seconds=transfers + waits,
        received_bytes=received,
        peak_bytes=share * max(whole - supernodes, 0.0) + supernodes,
    )
