"""Networks and baselines by name."""

from layerscope.models.cnn import CNN, CNNConfig
from layerscope.models.encoder import Encoder, EncoderConfig
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.models.mlp import MLP, MLPConfig
from layerscope.models.transformer import Transformer, TransformerConfig

MODELS = {
    "cnn": (CNN, CNNConfig),
    "encoder": (Encoder, EncoderConfig),
    "gnn": (GNN, GNNConfig),
    "mlp": (MLP, MLPConfig),
    "transformer": (Transformer, TransformerConfig),
}
