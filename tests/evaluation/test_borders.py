"""Errors across borders of patches, against plain loops and made-up predictions."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay
from torch import Tensor

from mspt.checkpoint import load_checkpoint
from mspt.cli.main import main
from mspt.data.registry import get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.borders import (
    LONGEST,
    BorderEvaluation,
    border_steps,
    evaluate_borders,
    neighbor_pairs,
)
from mspt.partition.ball_tree import Partition, build_partition
from mspt.partition.turned import add_turned
from mspt.seeding import generator


def cloud(num_points: int = 400) -> Tensor:
    return torch.rand(num_points, 2, generator=generator(3, "borders"))


def both_trees(points: Tensor, num_patches: int = 8) -> Partition:
    return add_turned(points, build_partition(points, num_patches=num_patches))


def smooth(points: Tensor) -> Tensor:
    return torch.stack([points.sum(1), (3 * points[:, 0]).sin()], dim=1)


def test_neighbors_are_the_short_edges_of_the_triangulation() -> None:
    points = cloud(60)
    places = points.double().numpy()
    edges = {
        tuple(sorted((int(triangle[i]), int(triangle[i - 1]))))
        for triangle in Delaunay(places).simplices
        for i in range(3)
    }
    length = {edge: math.dist(places[edge[0]], places[edge[1]]) for edge in edges}
    usual = {
        point: np.quantile(
            [length[edge] for edge in edges if point in edge], 0.5, method="inverted_cdf"
        )
        for point in range(len(points))
    }
    short = [e for e in edges if length[e] <= LONGEST * min(usual[e[0]], usual[e[1]])]
    assert neighbor_pairs(points).tolist() == sorted(list(edge) for edge in short)
    assert 0 < len(short) < len(edges)


def test_neighbors_do_not_reach_across_a_hole() -> None:
    points = cloud(2000)
    ring = points[((points - 0.5).norm(dim=1) - 0.35).abs() < 0.1]
    pairs = neighbor_pairs(ring)
    middles = ring[pairs].mean(dim=1)
    assert ((middles - 0.5).norm(dim=1) > 0.2).all()


def test_points_on_a_line_have_no_neighbors() -> None:
    line = torch.linspace(0, 1, 9)[:, None].expand(9, 2)
    with pytest.raises(MSPTError, match="points must not lie on one line"):
        neighbor_pairs(line)


def test_steps_are_those_of_plain_loops() -> None:
    points = cloud()
    partition, truth = both_trees(points), smooth(points)
    predicted = truth + 0.1 * torch.randn(truth.shape, generator=generator(4, "borders"))
    found = border_steps(points, predicted, truth, partition)
    sums = {kind: [0.0, 0.0, 0] for kind in ("inside", "across", "across_turned")}
    for i, j in neighbor_pairs(points).tolist():
        first, second = (
            tree.patch_of_point[i] != tree.patch_of_point[j]
            for tree in (partition, partition.turned)
        )
        if first and second:
            continue
        kind = "across" if first else "across_turned" if second else "inside"
        miss = (predicted[i] - predicted[j]) - (truth[i] - truth[j])
        sums[kind][0] += miss.double().square().sum().item()
        sums[kind][1] += (truth[i] - truth[j]).double().square().sum().item()
        sums[kind][2] += 1
    expected = {kind: math.sqrt(miss / true) for kind, (miss, true, _) in sums.items()}
    for kind, value in expected.items():
        assert getattr(found, kind) == pytest.approx(value, rel=1e-5)
    assert found.pairs == tuple(count for _, _, count in sums.values())


@pytest.mark.parametrize("block", [0, 1])
def test_a_jump_at_the_borders_of_one_tree_is_seen_there_alone(block: int) -> None:
    points = cloud(1500)
    partition, truth = both_trees(points), smooth(points)
    tree = partition.of_block(block)
    offset = torch.randn(8, 1, generator=generator(5, "borders"))[tree.patch_of_point]
    noise = 1e-3 * torch.randn(truth.shape, generator=generator(6, "borders"))
    found = border_steps(points, truth + 0.1 * offset + noise, truth, partition)
    seen, other = (found.across, found.across_turned)[:: -1 if block else 1]
    assert seen > 20 * found.inside
    assert other == pytest.approx(found.inside, rel=0.15)


def test_an_error_without_seams_has_ratios_near_one() -> None:
    points = cloud(4000)
    truth = smooth(points)
    predicted = truth + 1e-2 * (20 * points).sin()
    steps = border_steps(points, predicted, truth, both_trees(points))
    ratios = BorderEvaluation(("one",), (steps,), uses_turned=False).ratios()
    torch.testing.assert_close(ratios, torch.ones(1, 2).double(), atol=0.15, rtol=0)


def test_a_second_tree_is_needed() -> None:
    points = cloud()
    with pytest.raises(ValueError, match="second one"):
        border_steps(points, smooth(points), smooth(points), build_partition(points, num_patches=4))


def test_one_patch_has_no_borders() -> None:
    points = cloud()
    with pytest.raises(MSPTError, match="another number of patches"):
        border_steps(points, smooth(points), smooth(points), both_trees(points, 1))


def test_each_case_reports_progress() -> None:
    checkpoint = load_checkpoint("pretrained/darcy.safetensors")
    cases = get_dataset("darcy").cases("validation", limit=3)
    *progress, found = evaluate_borders(checkpoint, cases, device="cpu")
    assert [event.done for event in progress] == [1, 2, 3]
    assert found.names == cases.names


ROW = re.compile(r"^\| `([\w-]+)` \| K = .*\| ([\d.]+) ± ([\d.]+) \| ([\d.]+) ± ([\d.]+) \|$", re.M)


def test_the_table_in_the_documents_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = Path("docs/results.md").read_text(encoding="utf-8")
    rows = ROW.findall(text.split("### Seams")[1])
    assert len(rows) == 5
    for name, *numbers in rows:
        given = ["borders", f"pretrained/{name}.safetensors", "--per-split", "8", "--json"]
        assert main([*given, "--device", "cpu", "--progress", "off"]) == 0
        found = json.loads(capsys.readouterr().out)
        keys = ("ratio", "ratio_standard_error", "ratio_turned", "ratio_turned_standard_error")
        assert [float(number) for number in numbers] == pytest.approx(
            [found[key] for key in keys], abs=0.0051
        )


@pytest.mark.parametrize("name", ["darcy-transolver", "elasticity-sequence"])
def test_models_without_a_ball_tree_are_refused(name: str) -> None:
    checkpoint = load_checkpoint(f"pretrained/{name}.safetensors")
    cases = get_dataset(checkpoint.info["dataset"]).cases("validation", limit=1)
    with pytest.raises(MSPTError, match="with a ball tree"):
        next(evaluate_borders(checkpoint, cases))
