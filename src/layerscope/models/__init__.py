"""Networks and baselines by name."""

from layerscope.models.cnn import CNN, CNNConfig
from layerscope.models.mlp import MLP, MLPConfig
from layerscope.models.transformer import Transformer, TransformerConfig

MODELS = {"cnn": (CNN, CNNConfig), "mlp": (MLP, MLPConfig), "transformer": (Transformer, TransformerConfig)}
