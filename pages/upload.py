"""Upload a shape: pressure, drag, the flow around it, and how far to trust them."""

from functools import partial

import streamlit as st

from mspt.solvers.openfoam.run import INSTALL, is_installed
from pages import _flows, _parts, _shapes, _shared, _views

_parts.require_frame()
st.header("What does the air do to my shape?", anchor=False)
top = st.columns([3.2, 4.6, 2.2], vertical_alignment="bottom")
with top[0]:
    upload = st.file_uploader(
        "Shape (STL, OBJ, PLY, VTP, VTU, VTK, GLB)",
        type=["stl", "obj", "ply", "vtp", "vtu", "vtk", "glb", "gltf"],
        max_upload_size=50,
        key="shape_file",
    )
sample = top[1].pills(
    "Or a sample",
    _flows.SAMPLES,
    key="sample",
    default=_flows.SAMPLES[0],
    required=True,
    bind="query-params",
    disabled=upload is not None,
)
with top[2], _parts.error_panel():
    found = _shared.checkpoints("car")
    header = found[st.selectbox("Checkpoint", list(found), key="checkpoint", bind="query-params")]
with _parts.error_panel():
    shape = _shapes.shape_of(upload, sample)
    placement = _shapes.pick_placement(shape)
    key = _flows.result_key(shape, header, placement, _parts.device())
    numbers = st.container(height=118, border=False, gap=None)
    left, right = st.columns([7, 4], gap="medium")
    with right:
        waiting = st.container()
    if _flows.known(key) is None:
        with waiting:
            _shapes.follow(
                _flows.predict(shape, header, placement, _parts.device()), "Predicting the flow"
            )
    result = _flows.require(_flows.known(key))
    truth_key = _flows.truth_key(shape, placement)
    with right:
        if is_installed():
            asked = st.button("Solve it now", key="shape_solve", icon=":material/play_arrow:")
            if asked and _flows.known(truth_key) is None:
                _shapes.follow(_flows.solve(truth_key, result), "OpenFOAM computes the truth")
        else:
            st.caption(f"The solver is not on this machine: {INSTALL}.")
        truth = _flows.known(truth_key)
        _shapes.trust_strip(result)
        _shapes.findings(result, placement)
    with numbers:
        _shapes.numbers(result, header)
    with left:
        if isinstance(truth, _flows.Truth):
            _shapes.truth_numbers(result, truth, _flows.errors(truth, header, _parts.device()))
        _views.flow_view(shape, result, truth if isinstance(truth, _flows.Truth) else None)
    with st.container(horizontal=True):
        for label, name, kind, content in (
            ("Mesh with fields (VTP)", "prediction.vtp", "model/vtk", _flows.vtp_file),
            ("Table of triangles (CSV)", "prediction.csv", "text/csv", _flows.table_file),
            (
                "Passport (JSON)",
                "passport.json",
                "application/json",
                partial(_flows.passport_file, shape=shape, header=header),
            ),
        ):
            st.download_button(
                label,
                partial(content, result),
                key=f"download_{name}",
                file_name=name,
                mime=kind,
                on_click="ignore",
                icon=":material/download:",
            )
    _parts.command(*_shapes.commands(shape, placement, header))
