"""Networks and baselines by name."""

from layerscope.models.cnn import CNN, CNNConfig
from layerscope.models.mlp import MLP, MLPConfig

MODELS = {"cnn": (CNN, CNNConfig), "mlp": (MLP, MLPConfig)}
