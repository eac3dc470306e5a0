"""Names of files as they come from outside, made safe to show, to type and to save under."""

MAX_LENGTH = 80
"""Characters of a name that are kept."""

_KEPT = " ._-+()"


def safe_name(name: str) -> str:
    r"""Return a file's name with safe characters only, without folders; ``shape`` if none is left.

    Letters and digits of any language stay. A name never begins with a hyphen, which a command
    would take for an option, nor with a dot. It still needs quotes in a command, as it may hold
    spaces and brackets.

    Args:
        name: Any text.

    Examples:
        >>> safe_name("../../my car.STL"), safe_name(r"C:\models\$(rm*).stl"), safe_name("-o.stl")
        ('my car.STL', '(rm).stl', 'o.stl')
        >>> safe_name("..")
        'shape'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        letter for letter in last if letter.isalnum() or (letter in _KEPT and letter.isascii())
    )
    kept = kept.lstrip(" .-").rstrip(" .")
    if len(kept) > MAX_LENGTH:
        stem, _, ending = kept.rpartition(".")
        room = MAX_LENGTH - len(ending) - 1
        kept = f"{stem[:room].rstrip(' .')}.{ending}" if stem and room > 0 else kept[:MAX_LENGTH]
    return kept.rstrip(" .") or "shape"


def stem_of(name: str) -> str:
    """Return a safe name without its ending, to name other files after it.

    Examples:
        >>> stem_of("my-car.v2.stl"), stem_of("shape")
        ('my-car.v2', 'shape')
    """
    stem, dot, _ = safe_name(name).rpartition(".")
    return stem if dot else safe_name(name)
