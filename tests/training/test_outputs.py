"""model.pt is the same file whatever device trained the network."""

import io

import torch
from torch import nn

from marginmix.training.outputs import model_file
from marginmix.views.augment import Scaling
from tests.toy_training import toy_trainer


class Elsewhere(torch.Tensor):
    """Stands in for a tensor of a GPU: it says in a file where it was, and `cpu` makes a usual tensor of it."""

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def moved(module):
    for layer in module.modules():
        for name, tensor in layer._parameters.items():
            if tensor is not None:
                layer._parameters[name] = nn.Parameter(tensor.data.as_subclass(Elsewhere), requires_grad=False)
        for name, tensor in layer._buffers.items():
            if tensor is not None:
                layer._buffers[name] = tensor.as_subclass(Elsewhere)


def test_a_model_has_the_bytes_of_a_cpus():
    trainer = toy_trainer("marginmix", prediction="shares")
    trainer.start()
    trainer.step()
    expected = model_file("marginmix.methods.marginmix:MarginMix", trainer)
    moved(trainer.average.module)
    moved(trainer.method)
    scaling = trainer.data.scaling
    there = Scaling(*(tensor.as_subclass(Elsewhere) for tensor in (scaling.factor, scaling.bias)))
    object.__setattr__(trainer.data, "scaling", there)
    adjustment = trainer.adjustment_of_predictions()
    trainer.adjustment_of_predictions = lambda: adjustment.as_subclass(Elsewhere)
    assert type(trainer.average.module.state_dict()["head.weight"]) is Elsewhere
    found = model_file("marginmix.methods.marginmix:MarginMix", trainer)
    assert found == expected
    content = torch.load(io.BytesIO(found), weights_only=True)
    assert content["adjustment"].tolist() == adjustment.tolist()
