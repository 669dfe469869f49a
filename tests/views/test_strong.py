"""Strong augmentation against Pillow, image by image and to the value; its draws; what it asks of the host."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from marginmix.views import strong
from marginmix.views.strong import OPERATIONS, StrongDraws, cutout, draw_strong, randaugment, strong_views

SIZES = [(32, 32), (24, 24), (13, 21)]
MAGNITUDES = [0.0, 0.013, 0.2, 0.25, 0.39, 0.5, 0.618, 0.8, 0.97, 1 - 2**-53]


def enhance(kind):
    return lambda image, u, s: kind(image).enhance(0.05 + 0.9 * u)


def affine(coefficients):
    return lambda image, u, s: image.transform(image.size, Image.Transform.AFFINE, coefficients(0.3 * (s * u), image))


PILLOW = {
    "autocontrast": lambda image, u, s: ImageOps.autocontrast(image),
    "brightness": enhance(ImageEnhance.Brightness),
    "color": enhance(ImageEnhance.Color),
    "contrast": enhance(ImageEnhance.Contrast),
    "equalize": lambda image, u, s: ImageOps.equalize(image),
    "identity": lambda image, u, s: image,
    "posterize": lambda image, u, s: ImageOps.posterize(image, 4 + int(5 * u)),
    "rotate": lambda image, u, s: image.rotate(30 * s * u),
    "sharpness": enhance(ImageEnhance.Sharpness),
    "shear_x": affine(lambda v, image: (1, v, 0, 0, 1, 0)),
    "shear_y": affine(lambda v, image: (1, 0, 0, v, 1, 0)),
    "solarize": lambda image, u, s: ImageOps.solarize(image, int(256 * u)),
    "translate_x": affine(lambda v, image: (1, 0, int(v * image.width), 0, 1, 0)),
    "translate_y": affine(lambda v, image: (1, 0, 0, 0, 1, int(v * image.height))),
}


def by_pillow(image, operations):
    """uint8 [H, W, C] after `operations`, a list of (name, magnitude, sign)."""
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    for name, magnitude, sign in operations:
        picture = PILLOW[name](picture, magnitude, sign)
    return np.asarray(picture).reshape(image.shape)


def pictures(height, width, channels):
    """Random, of few levels, of low contrast, smooth, constant, of two values, with one odd pixel: uint8."""
    rng = np.random.default_rng(height)
    shape = (height, width, channels)
    one_odd = np.full(shape, 9)
    one_odd[3, 5] = 200
    smooth = np.add.outer(np.arange(height) * 3, np.arange(width) * 5)[..., None] + 20 * np.arange(channels)
    images = [
        *rng.integers(0, 256, (4, *shape)), rng.integers(0, 5, shape) * 60, rng.integers(100, 140, shape),
        (256 * rng.random(shape) ** 4).astype(int), smooth, *(np.full(shape, value) for value in (0, 77, 255)),
        255 * rng.integers(0, 2, shape), rng.integers(3, 5, shape), 255 * (rng.random(shape) < 0.02), one_odd,
    ]  # fmt: skip
    return np.stack(images).astype(np.uint8)


def same_for_all(name, count, magnitude, sign):
    """Draws of one operation; the second one is the identity."""
    return StrongDraws(
        operation=torch.tensor([[OPERATIONS.index(name), OPERATIONS.index("identity")]]).expand(count, 2),
        magnitude=torch.full((count, 2), magnitude, dtype=torch.float64),
        sign=torch.full((count, 2), sign),
        centre=torch.full((count, 2), 0.5, dtype=torch.float64),
    )


def random_images(count, height=24, width=24, channels=3):
    return torch.randint(0, 256, (count, height, width, channels), dtype=torch.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_pillows(name, channels, size):
    """To the value: no rounding differs."""
    images = pictures(*size, channels)
    for magnitude in MAGNITUDES:
        for sign in (-1, 1):
            views = randaugment(torch.from_numpy(images), same_for_all(name, len(images), magnitude, sign))
            expected = np.stack([by_pillow(image, [(name, magnitude, sign)]) for image in images])
            np.testing.assert_array_equal(views.numpy(), expected, f"magnitude {magnitude}, sign {sign}")


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_has_its_own_two_operations_then_cutout(channels):
    images, draws = random_images(200, 32, 28, channels), draw_strong("a cell/0", 200)
    views = strong_views(images, draws).numpy()
    assert len({tuple(pair) for pair in draws.operation.tolist()}) > 100
    for n, image in enumerate(images.numpy()):
        names = [OPERATIONS[number] for number in draws.operation[n]]
        expected = by_pillow(image, zip(names, draws.magnitude[n].tolist(), draws.sign[n].tolist(), strict=True)).copy()
        row, column = int(draws.centre[n, 0] * 32), int(draws.centre[n, 1] * 28)
        expected[max(0, row - 7) : row + 7, max(0, column - 7) : column + 7] = 127
        np.testing.assert_array_equal(views[n], expected, f"{n}: {names}")


def test_a_grey_image_has_no_color():
    images = random_images(5, channels=1)
    assert torch.equal(randaugment(images, same_for_all("color", 5, 0.3, 1)), images)


def test_the_first_operation_comes_first():
    """Brightness 0.05 leaves 0 to 12, which equalize spreads again; equalize, then darkness does not."""
    images, numbers = random_images(3, 32, 32), [OPERATIONS.index("brightness"), OPERATIONS.index("equalize")]
    draws = same_for_all("identity", 3, 0.0, 1)
    bright, dark = (
        randaugment(images, StrongDraws(torch.tensor([pair] * 3), draws.magnitude, draws.sign, draws.centre))
        for pair in (numbers, numbers[::-1])
    )
    assert bright.max() > 200 and dark.max() <= 12


@pytest.mark.parametrize("size", [(32, 32), (24, 20), (7, 9)])
def test_cutout_is_a_grey_square_of_half_the_side(size):
    centre = torch.tensor([[0.5, 0.5], [0.0, 0.0], [0.0, 1 - 2**-53]], dtype=torch.float64)
    grey = cutout(torch.zeros(3, *size, 1, dtype=torch.uint8), centre)[..., 0]
    side = min(size) // 2
    assert set(grey.unique().tolist()) == {0, 127}
    assert (grey[0] > 0).sum() == side**2
    assert (grey[0] > 0).any(1).sum() == (grey[0] > 0).any(0).sum() == side
    assert (grey[1] > 0).sum() == (side - side // 2) ** 2 and grey[1, 0, 0] == 127
    assert grey[2, 0, -1] == 127 and grey[2, -1, -1] == 0


def test_uint8_in_uint8_out_and_nothing_else_changes():
    images, draws = random_images(30), draw_strong("b", 30)
    before = images.clone()
    views = strong_views(images, draws)
    assert views.dtype == torch.uint8 and views.shape == images.shape and views.is_contiguous()
    assert torch.equal(images, before) and torch.equal(strong_views(images, draws), views)
    with pytest.raises(ValueError, match="expected 1 or 3 channels, found 2"):
        strong_views(images[..., :2], draws)


def test_draws_are_those_of_the_text():
    first, again, other = draw_strong("cell/0", 50), draw_strong("cell/0", 50), draw_strong("cell/1", 50)
    for name in StrongDraws.__dataclass_fields__:
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_draws_are_even():
    """Within 4.5 standard deviations, over 60,000 of each."""
    count = 30_000
    draws = draw_strong("even", count)
    for place in range(2):
        shares = draws.operation[:, place].bincount(minlength=14) / count
        assert len(shares) == 14 and (shares - 1 / 14).abs().max() < 4.5 * (13 / 14**2 / count) ** 0.5
        for values in (draws.magnitude[:, place], draws.centre[:, place]):
            assert 0 <= values.min() < 0.001 and 0.999 < values.max() < 1
            tenths = (10 * values).long().bincount(minlength=10) / count
            assert (tenths - 0.1).abs().max() < 4.5 * (0.09 / count) ** 0.5
        assert set(draws.sign[:, place].tolist()) == {-1, 1}
        assert abs(draws.sign[:, place].double().mean()) < 4.5 / count**0.5
    draws_of_each = [draws.operation, draws.magnitude, draws.sign, draws.centre]
    columns = torch.cat([values.double() for values in draws_of_each], 1).T
    assert (columns.corrcoef() - torch.eye(8)).abs().max() < 4.5 / count**0.5


def moved_to(device, draws):
    return StrongDraws(*(getattr(draws, name).to(device) for name in StrongDraws.__dataclass_fields__))


@pytest.mark.parametrize("channels", [1, 3])
def test_it_asks_the_host_nothing(channels):
    """Where tensors have no content, whatever asks for a number on the host raises, and so does what mixes devices."""
    views = strong_views(random_images(6, channels=channels).to("meta"), moved_to("meta", draw_strong("m", 6)))
    assert views.is_meta and views.shape == (6, 24, 24, channels) and views.dtype == torch.uint8


@pytest.mark.parametrize("count", [strong._counted, strong._sorted])
def test_both_ways_to_count_the_darker_pixels(count):
    images = pictures(24, 24, 3)
    expected = (images[..., None] < np.arange(256)).sum((1, 2))
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).flatten(2).contiguous()
    np.testing.assert_array_equal(count(planes).numpy(), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_recorded_on_a_gpu_it_is_the_same():
    images, draws = random_images(100), draw_strong("g", 100)
    there, its_draws = images.cuda(), moved_to("cuda", draws)
    torch.set_deterministic_debug_mode("error")
    try:
        strong_views(there, its_draws)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            views = strong_views(there, its_draws)
        graph.replay()
    finally:
        torch.set_deterministic_debug_mode("default")
    assert torch.equal(views.cpu(), strong_views(images, draws))
