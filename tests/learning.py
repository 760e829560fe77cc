"""How networks are taught in the tests: a few steps one by one, since to compile a step takes longer than to do it."""

from functools import wraps

import pytest

from toolkit.siamese import backend, training

_FEW = 2  # epochs


@pytest.fixture(scope="session", autouse=True)
def few_steps_are_not_compiled():
    """Most tests want a network that computes, whatever it says: an epoch or two, as users would not."""

    def of(learn, settings_of):
        @wraps(learn)
        def taught(*args, **named):
            if settings_of(args).epochs > _FEW:
                return learn(*args, **named)
            config = backend.tensorflow().config
            config.run_functions_eagerly(True)
            try:
                return learn(*args, **named)
            finally:
                config.run_functions_eagerly(False)

        return taught

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_train_all", of(training._train_all, lambda args: args[2]))
        patch.setattr(training, "_train_head", of(training._train_head, lambda args: args[0].settings))
        yield
