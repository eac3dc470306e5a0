import base64
import json
from time import monotonic, sleep

import numpy as np
from streamlit.testing.v1 import AppTest


def charts(app: AppTest) -> list[dict]:
    """The figures on a page, as plotly describes them, with arrays as numpy arrays."""
    return [_decode(json.loads(chart.proto.spec)) for chart in app.get("plotly_chart")]


def metrics(app: AppTest) -> dict[str, str]:
    """The numbers of a page by their labels; those that are gray look like the others here."""
    return {one.label: one.value.removeprefix(":gray[").removesuffix("]") for one in app.metric}


def finish(app: AppTest, *, seconds: float = 120) -> AppTest:
    """Run a page as its fragments do, until none of the visitor's jobs is running any more."""
    end = monotonic() + seconds
    jobs = app.session_state.get("jobs", {})
    while not all(job.ended.is_set() for job in jobs.values()):
        assert monotonic() < end
        sleep(0.05)
    return app.run()


def component(app: AppTest) -> dict:
    """The data a canvas was mounted with."""
    (found,) = app.main.get("bidi_component")
    return json.loads(found.proto.json)


def _decode(node: object) -> object:
    if isinstance(node, dict):
        if "bdata" in node:
            flat = np.frombuffer(base64.b64decode(node["bdata"]), dtype=node["dtype"])
            shape = node.get("shape")
            return flat.reshape([int(side) for side in shape.split(",")]) if shape else flat
        return {key: _decode(value) for key, value in node.items()}
    return [_decode(item) for item in node] if isinstance(node, list) else node
