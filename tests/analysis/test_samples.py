"""The contact sheet shows what the next step sees, and looking changes nothing."""

import numpy as np
import torch

from marginmix.analysis.samples import contact_sheet
from marginmix.views.augment import Scaling, weak_views
from tests.toy_training import toy_trainer


def trained(name):
    trainer = toy_trainer(name)
    trainer.start()
    trainer.step()
    return trainer


def test_pictures_are_what_was_scaled():
    images = torch.arange(2 * 3 * 4 * 2, dtype=torch.uint8).reshape(2, 3, 4, 2)
    scaling = Scaling.of("channel", torch.tensor([0.3, 0.5]), torch.tensor([0.2, 0.1]))
    assert torch.equal(scaling.pictures(scaling(images)), images)


def test_a_sheet_shows_the_next_step():
    trainer = trained("marginmix")
    parts = trainer.network, trainer.average.module, trainer.method
    before = [value.clone() for part in parts for value in part.state_dict().values()]
    sheet = contact_sheet(trainer, 4)
    after = [value for part in parts for value in part.state_dict().values()]
    assert all(map(torch.equal, before, after))
    data, draws = trainer.data, trainer.drawer.step(1)
    views = [weak_views(data.images, pool[drawn], draws.offsets[part], draws.flips[part], data.shift)
             for pool, drawn, part in ((data.labelled, draws.labelled, slice(0, 6)),
                                       (data.unlabelled, draws.unlabelled, slice(12, 18)))]  # fmt: skip
    assert np.array_equal(sheet["labelled"], views[0][:4]) and np.array_equal(sheet["view_2"], views[1][:4])
    assert sheet["labelled_labels"].argmax(1).tolist() == data.targets[data.labelled[draws.labelled]][:4].tolist()
    share = draws.lam[0, 0].item()
    mixed = share * views[0][1].double() + (1 - share) * _partner(trainer, draws, 1)
    assert np.abs(sheet["mixture"][1].astype(float) - mixed.numpy()).max() <= 1
    confidence = [sheet[f"{name}_labels"].max(1) for name in ("confident", "doubtful")]
    assert (np.diff(confidence[0]) <= 0).all() and (np.diff(confidence[1]) >= 0).all()
    assert confidence[0].min() >= confidence[1].max()


def _partner(trainer, draws, i):
    indices = torch.cat([trainer.data.labelled[draws.labelled], *[trainer.data.unlabelled[draws.unlabelled]] * 2])
    whole = weak_views(trainer.data.images, indices, draws.offsets, draws.flips, trainer.data.shift)
    return whole[draws.partners[i]].double()


def test_what_guesses_nothing_has_no_sheet():
    assert contact_sheet(trained("supervised"), 4) == {}
