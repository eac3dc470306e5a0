"""The 3-D viewer in a page's test: what it was sent, and a click on a point of it."""

import json

import numpy as np
from streamlit.testing.v1 import AppTest

from mspt.figures.viewer.encode import decode_packet, shuffle_order


def viewers(app: AppTest) -> list[object]:
    """The viewers on a page, as Streamlit describes them."""
    found = app.main.get("bidi_component")
    return [element.proto for element in found if element.proto.component_name == "mspt_viewer"]


def sent(app: AppTest, place: int = 0) -> tuple[dict, list[bytes]]:
    """Header and buffers of a viewer's message."""
    return decode_packet(viewers(app)[place].bytes)


def values(app: AppTest, panel: int = 0, place: int = 0) -> np.ndarray:
    """What colors a panel, by point, within the error of quantizing."""
    header, buffers = sent(app, place)
    told = header["panels"][panel]
    kind = {"u2": np.uint16, "u4": np.uint32}[header["kinds"][told["buffer"]]]
    steps = np.frombuffer(buffers[told["buffer"]], kind)
    result = np.empty(len(steps))
    if told["kind"] == "labels":
        result[shuffle_order(len(steps))] = steps
        return result
    low, high = told["range"]
    result[shuffle_order(len(steps))] = np.where(
        steps == 65535, np.nan, low + steps / 65534 * (high - low)
    )
    return result


def click(
    app: AppTest, point: int, *, panel: int = 0, place: int = 0, told_points: int | None = None
) -> AppTest:
    """Click a point, as a browser would tell it; perhaps one that still shows another cloud."""
    header, _ = sent(app, place)
    order = shuffle_order(header["points"])
    (index,) = np.flatnonzero(order == point)
    pick = {"index": int(index), "panel": panel, "points": told_points or header["points"]}
    return _tell(app, "pick", pick, place=place)


def stop_at(app: AppTest, index: int, *, place: int = 0) -> AppTest:
    """Stop the player at a time, as a browser would tell it."""
    return _tell(app, "time", index, place=place)


def _tell(app: AppTest, event: str, value: object, *, place: int) -> AppTest:
    states = app._tree.get_widget_states()
    state = states.widgets.add()
    state.id = f"$$STREAMLIT_INTERNAL_KEY_{viewers(app)[place].id}__events"
    state.json_trigger_value = json.dumps([{"event": event, "value": value}])
    return app._run(states)
