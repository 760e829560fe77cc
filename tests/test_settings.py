import dataclasses
import json

import pytest

from toolkit.errors import ModelError
from toolkit.settings import BlendSettings, EncoderSettings, IndexSettings, PatchSettings, Settings


def changed(section, **values):
    raw = json.loads(Settings().to_json())
    raw[section] = {**raw[section], **values}
    return json.dumps(raw)


def test_settings_survive_being_saved():
    settings = Settings(
        encoder=EncoderSettings(channels=(8, 16), epochs=3),
        index=IndexSettings(class_edges=(0.0, 2.0, 6.5)),
        blend=BlendSettings(mmasi_weights=(0.25, 0.25, 0.25, 0.25)),
    )
    assert Settings.from_json(settings.to_json()) == settings
    assert Settings.from_json(Settings().to_json()) == Settings()


def test_every_section_and_value_is_saved():
    raw = json.loads(Settings().to_json())
    for section in dataclasses.fields(Settings):
        names = {field.name for field in dataclasses.fields(getattr(Settings(), section.name))}
        assert set(raw[section.name]) == names


def test_what_is_missing_takes_the_default():
    assert Settings.from_json('{"encoder": {"epochs": 2}}') == Settings(encoder=EncoderSettings(epochs=2))


def test_a_whole_number_serves_as_a_length():
    assert Settings.from_json(changed("pigment", smooth_mm=1)).pigment.smooth_mm == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "settings are not valid JSON"),
        ("[]", "settings: expected a table of named values, got list"),
        ('{"colour": {}}', "settings: unknown name 'colour'; the model was made by another version"),
        ('{"encoder": 3}', r"settings\.encoder: expected a table of named values, got int"),
        (changed("encoder", depth=9), r"settings\.encoder: unknown name 'depth'"),
        (changed("encoder", epochs="many"), r"settings\.encoder\.epochs: expected int, got 'many'"),
        (changed("encoder", epochs=True), r"epochs: expected int, got True"),
        (changed("encoder", epochs=1.5), r"epochs: expected int, got 1\.5"),
        (changed("encoder", dropout=None), r"dropout: expected float, got None"),
        (changed("encoder", loss=2), r"loss: expected str, got 2"),
        (changed("face", use_cnn=1), r"use_cnn: expected bool, got 1"),
        (changed("encoder", channels=4), r"channels: expected .*, got 4"),
        (changed("encoder", channels=[16, "x"]), r"channels: expected int, got 'x'"),
        (changed("blend", mmasi_weights=[0.5, 0.5]), r"mmasi_weights: expected 4 values, got 2"),
    ],
)
def test_damaged_settings_are_refused_in_one_line(text, message):
    with pytest.raises(ModelError, match=message) as caught:
        Settings.from_json(text)
    assert "\n" not in str(caught.value)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().patch.px_per_mm = 1.0


def test_patch_sizes_in_pixels():
    patch = PatchSettings(
        px_per_mm=2.0, forehead_mm=(100.0, 40.0), cheek_mm=(50.0, 60.0), chin_mm=(30.5, 20.0)
    )
    assert patch.size_px("forehead") == (200, 80)
    assert patch.size_px("left_cheek") == patch.size_px("right_cheek") == (100, 120)
    assert patch.size_px("chin") == (61, 40)


@pytest.mark.parametrize(
    ("edges", "labels"),
    [
        ((0.0, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5), ("<3", "3", "3.5", "4", "4.5", "5", ">5")),
        ((0.0, 2.0, 4.0, 7.0), ("<2", "2-3.5", "4-6.5", ">6.5")),
        ((0.0, 4.0), ("<4", ">3.5")),
    ],
)
def test_class_labels(edges, labels):
    assert IndexSettings(class_edges=edges).class_labels() == labels


def test_default_weights_are_those_of_the_mmasi():
    assert sum(BlendSettings().mmasi_weights) == pytest.approx(1)
