"""Slips in published evaluations, and the tests of this project that would catch each of them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KnownMistake:
    """One slip.

    Attributes:
        title: What was done.
        where: Where it was reported.
        effect: What goes wrong.
        test: Path and name of a test here that fails if it is done.
    """

    title: str
    where: str
    effect: str
    test: str


KNOWN_MISTAKES: tuple[KnownMistake, ...] = (
    KnownMistake(
        title="Drag from the wrong array",
        where="thuml/Transolver, issue 15",
        effect="Friction was integrated from the velocity of the volume in place of that at the "
        "surface: C_D and the ranking of designs are those of another quantity.",
        test="tests/metrics/test_forces.py::"
        "test_faces_of_a_stored_flow_give_the_solvers_own_coefficients",
    ),
    KnownMistake(
        title="Mean squared error under the name relative L2",
        where="README of thuml/Transolver, on its table for AirfRANS",
        effect="The number depends on the unit and the scale of the field and cannot be compared "
        "with relative errors.",
        test="tests/inference/test_predict.py::"
        "test_relative_l2_is_unchanged_by_scaling_both_but_not_by_a_shift",
    ),
    KnownMistake(
        title="Another test split than the others",
        where="L-I-M-I-T/LatentNeuralOperator, pull request 6",
        effect="On other cases elasticity had 0.5 %, on the 200 test cases of the other methods "
        "1.5 %.",
        test="tests/data/test_data.py::test_splits_are_disjoint_and_cover_all_cases",
    ),
    KnownMistake(
        title="Sign of the normals or of the friction",
        where="Mohamedelrefaie/DrivAerNet, issues 2 and 4",
        effect="Pressure and friction are subtracted where they add up; with cancelling errors "
        "C_D may still look right.",
        test="tests/metrics/test_forces.py::test_pressure_in_front_and_suction_behind_are_both_drag",
    ),
    KnownMistake(
        title="Kinematic pressure taken for pressure, or a missing density",
        where="Mohamedelrefaie/DrivAerNet, issues 2 and 4",
        effect="Forces are off by the density, coefficients by the unit of the pressure.",
        test="tests/metrics/test_forces.py::test_coefficients_do_not_depend_on_units",
    ),
    KnownMistake(
        title="A reference area that is not stated",
        where="Mohamedelrefaie/DrivAerNet, issue 33",
        effect="C_D can be compared with no other number.",
        test="tests/metrics/test_forces.py::test_coefficients_hold_the_parts_of_each_force",
    ),
    KnownMistake(
        title="Statistics of the surface used for the volume",
        where="wandb/senpai, pull request 3301",
        effect="Fields are normalized with the scale of other points, and the loss weighs them "
        "wrongly.",
        test="tests/data/test_public_sets_training.py::"
        "test_statistics_are_measured_where_fields_mean_something",
    ),
    KnownMistake(
        title="Points that belong to no surface are scored",
        where="neuraloperator/neuraloperator, issue 515",
        effect="Vertices without a face carry no solution: a published script had a test error of "
        "68.9 % until they were left out.",
        test="tests/data/test_shapenet_car.py::"
        "test_vertices_without_a_face_have_no_normal_and_no_area",
    ),
    KnownMistake(
        title="Padding takes part in attention and pooling",
        where="hlsheng1/CT3D, issue 11; the authors' published code of MSPT",
        effect="Made-up points at the origin change the prediction of real ones, more so with "
        "smaller patches.",
        test="tests/models/test_mspt.py::test_padding_of_a_ragged_batch_changes_nothing",
    ),
    KnownMistake(
        title="A fast path that computes something else",
        where="the authors' published code of MSPT, its flash attention, by reading the code",
        effect="Heads and points change places without an error message, so the model that was "
        "timed is not the model that was scored.",
        test="tests/models/test_attention.py::test_pmsa_equals_dense_masked_attention",
    ),
    KnownMistake(
        title="Patches in the order of the file under the name of the ball tree",
        where="the published scripts for elasticity and ShapeNet-Car",
        effect="The order of a mesh file holds its structure: errors double once points are "
        "moved or come in another order.",
        test="tests/models/test_mspt.py::test_prediction_follows_the_order_of_the_points",
    ),
    KnownMistake(
        title="Different recipes compared as different models",
        where="arXiv 2512.01738, Table 3: Lion and 12 layers against Adam and 8",
        effect="Optimizer, depth and epochs decide more than the architecture does.",
        test="tests/training/test_loop.py::test_presets_of_a_data_set_are_alike_but_for_the_model",
    ),
    KnownMistake(
        title="Relative error of velocity, free stream included",
        where="arXiv 2512.01738, Tables 3 and 4: the column for the volume is velocity",
        effect="Most of the velocity is the free stream: predicting it alone has an error of a "
        "third, so the number looks small.",
        test="tests/evaluation/test_flows.py::"
        "test_velocity_counts_the_free_stream_and_its_change_does_not",
    ),
    KnownMistake(
        title="Vectors compared by their length",
        where="NVIDIA/physicsnemo, pull request 1854",
        effect="A velocity of the right size that points the wrong way has no error.",
        test="tests/evaluation/test_comparison.py::"
        "test_numbers_of_a_vector_are_those_of_its_component_or_its_length",
    ),
    KnownMistake(
        title="Predictions change with an upgrade, unnoticed",
        where="NVIDIA/physicsnemo, issue 1116",
        effect="Published errors belong to code that nobody can run any more.",
        test="tests/evaluation/test_pretrained.py::test_scores_of_cases_are_recomputed",
    ),
)


def command_of_tests() -> str:
    """Return the command that runs all tests named above."""
    names = dict.fromkeys(one.test for one in KNOWN_MISTAKES)
    return " ".join([".venv/bin/python -m pytest -q", *names])
