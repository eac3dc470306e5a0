"""Drag from one cloud: the same as the first pass of a full prediction over one cloud."""

import numpy as np
import pytest
import torch
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import Checkpoint, build_model
from mspt.geometry.mesh import box
from mspt.geometry.subdivide import refined
from mspt.inference.flow import FlowPrediction, predict_flow
from mspt.inference.quick import quick_drag
from mspt.inference.sampling import sample_inputs
from mspt.progress import last_event
from mspt.training.batches import fit_normalizer

BODY = refined(box((0, -0.2, 0.05), (1, 0.2, 0.35)), max_edge=0.1).mesh


def test_quick_drag_is_that_of_one_pass_over_one_cloud() -> None:
    stack, preset = sphere_clouds(4), flow_preset(surface_points=80, volume_points=40)
    model = build_model(preset.model, seed=1).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    info = {"train": preset.train.to_dict()}
    checkpoint = Checkpoint(model, preset.model, fit_normalizer(stack), info)
    quick = quick_drag(checkpoint, BODY, device="cpu", seed=3)
    inputs = sample_inputs(checkpoint, BODY, num_clouds=1, seed=3)
    full = last_event(predict_flow(checkpoint, BODY, inputs, device="cpu"))
    assert isinstance(full, FlowPrediction)
    (drag, _mirrored), area = full.drag_passes, quick.coefficients.reference_area
    found = quick.coefficients.C_D
    assert found == pytest.approx(drag, rel=1e-6)
    assert area == pytest.approx(0.4 * 0.3, rel=1e-6)
    np.testing.assert_allclose(quick.pressure, full.pressure_passes[0], rtol=1e-6)
    cells = quick.on_cells(BODY)
    assert cells.shape == (len(BODY.triangles),)
    assert quick.pressure.min() <= cells.min() <= cells.max() <= quick.pressure.max()
