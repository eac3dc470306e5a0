"""Equation 7 of the paper with the attention weights of one point in it, as LaTeX."""

from mspt.inspection.observation import Observed, PointAttention
from mspt.inspection.weights import over_heads

_MOST_POINTS, _MOST_SUPERNODES = 2, 3
"""Terms that are written out; more would not fit one line of a page."""


def attention_equation(observed: Observed, attention: PointAttention) -> str:
    """Return the sum of values that the first point attends to, in two lines, by size of weight.

    Args:
        observed: A recorded prediction.
        attention: Attention from one or more points of it, in one block.
    """
    local = over_heads(attention.trace.local, attention.head)[0]
    supernodes, rows = attention.on_supernodes[0], attention.trace.local_rows[0]
    order = observed.partition_of(attention.block).order
    keys = order[rows.clamp(min=0)]  # padding has the row -1 and no weight
    near = [
        rf"{local[place]:.3f}\,v_{{{int(keys[place])}}}"
        for place in local.topk(min(_MOST_POINTS, len(local))).indices.tolist()
    ]
    far = [
        rf"{supernodes[place]:.3f}\,v^{{glob}}_{{{place}}}"
        for place in supernodes.topk(min(_MOST_SUPERNODES, len(supernodes))).indices.tolist()
    ]
    size, share = int((rows >= 0).sum()), attention.summaries[0]
    return (
        rf"\begin{{aligned}} H'_{{{attention.points[0]}}} = {{}} &"
        rf" \underbrace{{{' + '.join(near)} + \dots}}"
        rf"_{{{size}\ \text{{points of the own patch: }} {100 * share.local_share:.1f}\%}}"
        rf" \\ & + \underbrace{{{' + '.join(far)} + \dots}}"
        rf"_{{{len(supernodes)}\ \text{{supernodes: }} {100 * share.global_share:.1f}\%}}"
        r" \end{aligned}"
    )
