"""Which stages are found in networks of six libraries; all with random weights."""

import pytest
import torch
from torch import nn

from layerscope.inputs import Graphs, Images, Tokens
from layerscope.models.borrowed import borrow
from layerscope.torchvision_cpu import declare_operators


def images(channels=3, side=64, high=None):
    g = torch.Generator().manual_seed(0)
    return Images(torch.randint(0, 255, (4, channels, high or side, side), generator=g).to(torch.uint8))


def tokens():
    mask = torch.ones(4, 7, dtype=torch.bool)
    mask[1, 4:] = False
    return Tokens(torch.randint(5, 50, (4, 7), generator=torch.Generator().manual_seed(0)), mask)


def graphs():
    edges = torch.tensor([[0, 1, 1, 2, 3, 4, 4, 5, 7, 8], [1, 0, 2, 1, 4, 3, 5, 4, 8, 7]])
    return Graphs(torch.rand(9, 5), edges, torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2]), 3)


def torchvision(name):
    declare_operators()
    from torchvision import models

    return getattr(models, name)(weights=None)


def timm(name):
    declare_operators()
    import timm

    return timm.create_model(name, pretrained=False)


def hf(name, **more):
    declare_operators()
    import transformers

    sizes = {
        "vocab_size": 50,
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 32,
        "pad_token_id": 1,
        "bos_token_id": 2,
        "eos_token_id": 3,
    } | more
    config = getattr(transformers, name.partition("Model")[0].partition("For")[0] + "Config")(**sizes)
    return getattr(transformers, name)(config)


def monai(name, *args, **more):
    from monai.networks import nets

    return getattr(nets, name)(*args, **more)


class Pooled(nn.Module):
    def __init__(self, name):
        super().__init__()
        import torch_geometric.nn as pyg

        self.base, self.head, self.pool = getattr(pyg, name)(5, 8, 3), nn.Linear(8, 2), pyg.global_mean_pool

    def forward(self, x, edge_index, batch):
        return self.head(self.pool(self.base(x, edge_index), batch))


class Encoder(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.first = batch_first
        self.e = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first)
        self.enc = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)

    def forward(self, ids):
        h = self.e(ids)
        return self.enc(h).mean(1) if self.first else self.enc(h.transpose(0, 1)).mean(0)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.gru, self.head = nn.Embedding(50, 16), nn.GRU(16, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, ids):
        return self.head(self.gru(self.e(ids))[0][:, -1])


def xresnet():
    declare_operators()
    from fastai.vision.models.xresnet import xresnet18

    return xresnet18(n_out=4)


def plain():
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 8, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)),
    )


def volume(model, inputs):
    return model(inputs.pixels.float()[:, None] / 255)


RESNET = "maxpool layer1.0 layer1 layer2.0 layer2 layer3.0 layer3 layer4.0 layer4"
SWIN = "features.0 features.1 features.2 features.3 features.4 features.5 features.6 permute flatten"
DENSE = (
    "features.pool0 features.denseblock1 features.transition1 features.denseblock2 features.transition2 "
    "features.denseblock3 features.transition3 features"
)
UNET = "conv_0 down_1 down_2 down_3 down_4 upcat_4 upcat_3 upcat_2 upcat_1"
POST = (
    "{0}encoder.layer.0.attention {0}encoder.layer.0 {0}encoder.layer.1.attention {0}encoder.layer.1 "
    "{0}encoder.layer.2.attention"
)
ALBERT = (
    "{0}.albert_layers.0.attention#0 {0}#0 {0}.albert_layers.0.attention#1 {0}#1 {0}.albert_layers.0.attention#2"
).format("encoder.albert_layer_groups.0")
CONVNEXT = (
    "stem stages.0 stages.1.downsample stages.1 stages.2.downsample stages.2 stages.3.downsample stages head.flatten"
)
CASES = {
    "torchvision resnet18": (lambda: torchvision("resnet18"), images, None, RESNET + " avgpool"),
    "torchvision resnet50": (
        lambda: torchvision("resnet50"),
        images,
        None,
        "maxpool layer1 layer2 layer3 layer4 avgpool",
    ),
    "torchvision swin_t": (lambda: torchvision("swin_t"), images, None, SWIN),
    "torchvision densenet121": (lambda: torchvision("densenet121"), images, None, DENSE),
    "torchvision efficientnet_b0": (
        lambda: torchvision("efficientnet_b0"),
        images,
        None,
        " ".join(f"features.{i}" for i in range(8)) + " features avgpool",
    ),
    "torchvision mobilenet_v3": (
        lambda: torchvision("mobilenet_v3_small"),
        images,
        None,
        "features.0 features.2 features.3 features.4 features.6 features.8 features.9 features.10 features avgpool "
        "classifier.1",
    ),
    "timm resnet18": (lambda: timm("resnet18"), lambda: images(1), None, RESNET + " global_pool"),
    "timm vit_tiny": (
        lambda: timm("vit_tiny_patch16_224"),
        lambda: images(side=224),
        None,
        "patch_embed pos_drop blocks.0 blocks.2 blocks.3 blocks.5 blocks.7 blocks.8 blocks.10 norm fc_norm",
    ),
    "timm convnext_atto": (
        lambda: timm("convnext_atto"),
        images,
        None,
        CONVNEXT,
    ),
    "timm efficientnet_lite0": (
        lambda: timm("efficientnet_lite0"),
        images,
        None,
        "bn1 blocks.0 blocks.1 blocks.2 blocks.3 blocks.4 blocks.5 blocks bn2 global_pool",
    ),
    "BERT": (lambda: hf("BertModel"), tokens, None, "embeddings.word_embeddings embeddings " + POST.format("")),
    "BERT classifier": (
        lambda: hf("BertForSequenceClassification"),
        tokens,
        None,
        "bert.embeddings.word_embeddings bert.embeddings " + POST.format("bert.") + " bert bert.pooler",
    ),
    "ESM": (lambda: hf("EsmModel", mask_token_id=4), tokens, None, "embeddings " + POST.format("")),
    "GPT2": (
        lambda: hf("GPT2Model", n_embd=16, n_layer=3, n_head=2, n_positions=32),
        tokens,
        None,
        "wte drop h.0 h.1",
    ),
    "DistilBERT": (
        lambda: hf("DistilBertForSequenceClassification", dim=16, n_layers=2, n_heads=2, hidden_dim=32),
        tokens,
        None,
        "distilbert.embeddings.word_embeddings distilbert.embeddings distilbert.transformer.layer.0.sa_layer_norm "
        "distilbert.transformer.layer.0 distilbert.transformer.layer.1.sa_layer_norm distilbert.transformer.layer.1 "
        "distilbert.transformer.layer.2.sa_layer_norm distilbert dropout",
    ),
    "ALBERT, one layer three times": (
        lambda: hf("AlbertModel", embedding_size=8),
        tokens,
        None,
        "embeddings.word_embeddings embeddings encoder.embedding_hidden_mapping_in " + ALBERT,
    ),
    "HF ViT": (
        lambda: hf("ViTModel", image_size=32, patch_size=8),
        lambda: images(1, 32),
        None,
        "embeddings.patch_embeddings embeddings layers.0 layers.1",
    ),
    "MONAI BasicUNet": (
        lambda: monai("BasicUNet", 2, 1, 2, features=(4, 4, 8, 8, 16, 4)),
        lambda: images(1, 32),
        None,
        UNET,
    ),
    "MONAI UNet": (
        lambda: monai("UNet", 2, 1, 2, channels=(4, 8, 16, 32), strides=(2, 2, 2)),
        lambda: images(1, 32),
        None,
        "model.0 model.1.submodule.0 model.1.submodule.1.submodule model.1.submodule.2",
    ),
    "MONAI DenseNet121 3-D": (lambda: monai("DenseNet121", 3, 1, 2), lambda: images(32, 32), volume, DENSE),
    "PyG GCN, nodes": (lambda: Pooled("GCN").base, graphs, None, "act#0 act#1"),
    "PyG GCN": (lambda: Pooled("GCN"), graphs, None, "base.act#0 base.act#1 base"),
    "fastai xresnet18": (xresnet, images, None, "0 1 3 4 5 6 7 9"),
    "encoder": (
        lambda: Encoder(True),
        tokens,
        None,
        "e enc.layers.0.norm1 enc.layers.0 enc.layers.1.norm1 enc.layers.1 enc.layers.2.norm1 enc",
    ),
    "encoder, sequence first": (
        lambda: Encoder(False),
        tokens,
        None,
        "e enc.layers.0.norm1 enc.layers.0 enc.layers.1.norm1 enc.layers.1 enc.layers.2.norm1 enc",
    ),
    "GRU": (Recurrent, tokens, None, "e gru"),
    "plain": (plain, lambda: images(1, 16), None, "3 5 7"),
}


@pytest.mark.filterwarnings("ignore")  # of the libraries' own making
@pytest.mark.parametrize("name", CASES)
def test_the_stages_are_those_a_person_would_choose(name):
    make, example, feed, expected = CASES[name]
    model, inputs = make().eval(), example()
    borrowed = borrow(model, inputs, feed=feed)
    assert list(borrowed.chosen) == [*expected.split(), "output"]
    with torch.inference_mode():
        stages = list(borrowed.stages(inputs))
    assert [stage.name for stage in stages] == ["input", *borrowed.chosen]
    for stage in stages:
        assert stage.h.shape[0] == len(inputs)
        assert 0 < stage.h.shape[1] <= 1024
        assert stage.h.isfinite().all()
    widths = [int(line.split()[2]) for line in borrowed.table().splitlines()[1:]]
    assert widths == [stage.h.shape[1] for stage in stages[1:]]
