"""What every process that reads photographs needs: one process imports this, and the others begin as copies of it."""

import contextlib


def load() -> None:
    """What the stages import and make at a first photograph; nothing here starts a thread, which no copy would have."""
    import scipy.fftpack  # noqa: F401 (perceptual hashes)
    from PIL import Image
    from skimage.color import rgb2lab  # noqa: F401

    import toolkit.commands.onephoto  # noqa: F401 (it brings the stages with it)
    from toolkit.landmarks.models import hog_detector

    Image.init()
    hog_detector()
    with contextlib.suppress(ImportError):  # without it Keras runs the network
        import onnxruntime  # noqa: F401


with contextlib.suppress(Exception):  # what fails here fails again, and is told, in the process that needs it
    load()
