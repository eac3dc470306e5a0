"""Upload a shape: pressure, drag, the flow around it, and how far to trust them."""

from functools import partial

import streamlit as st

from pages import _flows, _parts, _shapes, _shared, _views

_parts.require_frame()
st.header("What does the air do to my shape?", anchor=False)
with _parts.error_panel():
    numbers = st.container(height=118, border=False, gap=None)
    left, right = st.columns([7, 4], gap="medium")
    with right:
        upload = st.file_uploader(
            "Your shape: STL, OBJ, PLY, VTP, VTU, VTK, GLB",
            type=["stl", "obj", "ply", "vtp", "vtu", "vtk", "glb", "gltf"],
            max_upload_size=50,
            key="shape_file",
        )
        first, second = st.columns(2, vertical_alignment="bottom")
        example = first.selectbox(
            "Or a sample",
            _flows.SAMPLES,
            key="sample",
            bind="query-params",
            disabled=upload is not None,
        )
        found = _shared.checkpoints("car")
        header = found[
            second.selectbox("Checkpoint", list(found), key="checkpoint", bind="query-params")
        ]
        shape = _shapes.shape_of(upload, example)
        placement = _shapes.pick_placement(shape)
        key = _flows.result_key(shape, header, placement, _parts.device())
        if _flows.known(key) is None:
            steps = _flows.predict(shape, header, placement, _parts.device())
            if not _parts.follow("Predicting the flow", steps, what=key):
                with left:
                    _views.preview(shape, placement)
                st.stop()
        result = _flows.require(_flows.known(key))
        truth = _shapes.solver(shape, placement, result)
        _shapes.trust_strip(result)
        _shapes.findings(result, placement)
    with numbers:
        _shapes.numbers(result, header)
    with left:
        if truth is not None:
            key = _flows.truth_key(shape, placement)
            score = _flows.errors(key, truth, header, _parts.device())
            _shapes.truth_numbers(result, truth, score, header)
        _views.flow_view(shape, result, truth)
        with st.container(horizontal=True):
            for label, name, kind, content in (
                ("Mesh (VTP)", "prediction.vtp", "model/vtk", _flows.vtp_file),
                ("Table (CSV)", "prediction.csv", "text/csv", _flows.table_file),
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
