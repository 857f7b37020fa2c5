# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   layerscope:
#     extra: "graphs,text"
#     data: [bbbp, nci, diseases]
#     weights: [minilm]
# ---

# %% [markdown]
# # Lesson 4 · Molecules using PyTorch Geometric: what do atoms learn from their neighbours?
#
# Does a molecule reach the brain? Is it poisonous? Does it dissolve? The answer lies in its
# **structure**: which atoms there are, and which are bonded. That is neither an image nor a text.
# It is a **graph**. In this lesson you build networks for graphs, step by step:
#
# 1. **atoms and bonds** as tables of numbers;
# 2. **messages**: every atom hears its neighbours, then thinks alone; repeat;
# 3. three answers to the question how the others are weighed: **GCN**, **GIN**, **attention**;
# 4. the same once more in **PyTorch Geometric**, and a network that was made for molecules;
# 5. what was there before networks: **fingerprints**, which turn out to be messages too.
#
# After each step the same questions: what did it buy? How sure are we? And two that are special to
# molecules: which molecules were in the test, and what can a network of this kind never see?

# %% tags=["parameters"]
SEED = 0  # everything random is drawn from this number
MOLECULES = 3_000  # at most  # smoke: 400
EPOCHS = 40  # rounds, each network  # smoke: 1
ENSEMBLE = 5  # networks that are asked together  # smoke: 2
TREES = 300  # of a random forest  # smoke: 20
SIZES = (250, 1_000, 3_000)  # molecules with a computed property  # smoke: (60,)
STEPS = 1_500  # of learning that property  # smoke: 4
DRAWS = 3  # of each way to split  # smoke: 1
SPLIT_EPOCHS = 25  # rounds, for each split  # smoke: 1
DEPTHS = (2, 6, 12)  # blocks  # smoke: (2,)
DEEP_EPOCHS = 12  # rounds, networks of many blocks  # smoke: 1
HELD = 1_200  # molecules for each task with a known answer  # smoke: 150
EXPLAINED = 80  # molecules whose atoms are scored  # smoke: 6
TRAPPED = 400  # molecules of the trap  # smoke: 100
TRAP_EPOCHS = 100  # rounds, until they are known by heart  # smoke: 1
FOLDS = 5  # of cross-fitting  # smoke: 2
DISEASES = 4_000  # at most  # smoke: 200
WALKED = 300  # molecules on the maps  # smoke: 40

# %%
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import HTML, display
from layerscope import atlas
from layerscope.checkpoint import build
from layerscope.data import diseasegraphs, diseases, functional, ncimolecules
from layerscope.data.fingerprints import descriptors, ecfp4, similarity
from layerscope.data.moleculegraphs import EDGE_FEATURES, NODE_FEATURES, as_dataset, graphs
from layerscope.data.scaffolds import clusters, conventional, largest_first, scaffolds
from layerscope.data.smiles import read_all
from layerscope.dataset import at_most, split
from layerscope.draw.layers import draw_layers, layer_key
from layerscope.draw.molecules import not_shared, pictures
from layerscope.draw.style import BLUE, GREY, ORANGE, RC
from layerscope.inputs import Texts
from layerscope.judge import METRICS, compare, score
from layerscope.judge.regression import scores as number_scores
from layerscope.lessons import bar, check, explain, guess, say, use
from layerscope.lessons.lesson4_data import brain_or_nci, even_split
from layerscope.lessons.lesson4_pictures import drawings
from layerscope.models.bag import line as text_line
from layerscope.models.bag import tfidf
from layerscope.models.baseline import majority
from layerscope.models.crossfit import folds
from layerscope.models.encoder import pretrained_encoder
from layerscope.models.features import as_said, forest, line
from layerscope.models.gnn import GNNConfig
from layerscope.models.layered import Layered, Stage
from layerscope.models.pyg import AttentiveFP, AttentiveFPConfig, in_pyg
from layerscope.models.weisfeiler import kinds
from layerscope.predictions import Predictions
from layerscope.see.activations import activations, untrained
from layerscope.see.atoms import found as atoms_found
from layerscope.see.atoms import integrated_gradients, occlusion
from layerscope.see.curve import layer_curve, learned
from layerscope.see.oversmoothing import oversmoothing
from layerscope.see.probe import probe
from layerscope.study.moleculelook import domain, near_pairs, nearest, parting, told_apart
from layerscope.train import Recipe, fit, predict, predict_numbers
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestClassifier
from torch import nn

torch.manual_seed(SEED)
torch.set_num_threads(
    1
)  # each operation is small: a second thread would be waited for longer than it works
plt.rcParams.update({**RC, "figure.facecolor": "white"})


def pm(e, form=".3f"):
    """A value with its interval."""
    return f"{e.value:{form}} [{e.low:{form}}, {e.high:{form}}]"


# %% [markdown]
# ## 1 · The molecules
#
# **BBBP** is a table of drugs and other molecules, and of each whether it passes from the blood
# into the brain. Where it cannot be had, this lesson goes on with molecules that come with RDKit,
# and says so below.

# %%
asked = brain_or_nci(progress=bar())
some = np.random.default_rng(SEED).permutation(len(asked.molecules))[:MOLECULES]
molecules, card = asked.molecules.rows(np.sort(some)), asked.card
dataset = as_dataset(molecules, card, bar())
classes = dataset.classes
smiles_of = dict(zip(dataset.ids.tolist(), molecules.smiles.tolist()))
say(
    f"""
**{card.title}** · licence: {card.license}

{card.citation}.

*What is a group?* {card.group}.

**{asked.question}** {len(dataset):,} molecules in {len(np.unique(dataset.groups)):,} groups;
*yes* in {float((dataset.targets == 1).float().mean()):.1%}.

What was done to the table:
"""
    + "\n".join(f"- {note}" for note in molecules.notes())
)


# %%
def smiles(part):
    """The SMILES of each sample: a molecule as a line of text."""
    return [smiles_of[name] for name in part.ids.tolist()]


short = [i for i, text in enumerate(molecules.smiles) if 8 < len(text) < 34]
some = np.random.default_rng(SEED).choice(short, 8, replace=False)
captions = [f"{classes[int(dataset.targets[i])]} · {molecules.smiles[i]}" for i in some]
display(HTML(drawings(molecules.smiles[some].tolist(), captions)))

# %% [markdown]
# **Which molecules belong together?** Chemists make molecules in series: one **scaffold** (the
# rings and what links them), many side chains. If one of a series is in training and the next in
# the test, a method need only remember. So molecules of one scaffold are one group, and a group is
# never divided. A molecule without rings has no scaffold; those that resemble each other are one
# group here. (Section 7 measures what happens otherwise.)

# %%
parts, seed_of_split = even_split(dataset, {"train": 0.55, "val": 0.15, "look": 0.15, "test": 0.15})
train, val, look, test = parts.values()
for one in (val, look, test):
    assert not np.intersect1d(train.groups, one.groups).size, "a group stands on both sides"
rows = [
    f"| {n} | {len(p):,} | {len(np.unique(p.groups)):,} | "
    f"{float((p.targets == 1).float().mean()):.0%} |"
    for n, p in parts.items()
]
say("| part | molecules | groups | yes |\n|---|---|---|---|\n" + "\n".join(rows))
say(
    "*train* is learned from, *val* chooses when to stop, *look* is for looking into the layers, "
    "and *test* is judged once, in section 6, after all choices; later it is only looked at. Whole "
    f"groups make the shares of *yes* uneven; of twenty draws number {seed_of_split} was taken, in "
    "which they are most alike. No result was looked at for that."
)

# %% [markdown]
# ## 2 · A molecule is a graph
#
# Paracetamol, as a chemist draws it, as a text (`CC(=O)Nc1ccc(O)cc1`), and as a network gets it: a
# table with a row for each atom, and a list of bonds. Hydrogens are counted at their atom.

# %%
paracetamol = "CC(=O)Nc1ccc(O)cc1"
one = graphs([paracetamol])
display(HTML(drawings([paracetamol], ["paracetamol"])))
rows = [
    f"| {i} | {', '.join(NODE_FEATURES[j] for j in row.nonzero().flatten().tolist())} |"
    for i, row in enumerate(one.nodes)
]
say("| atom | what is 1 in its row |\n|---|---|\n" + "\n".join(rows))
bonds = one.edges[:, ::2].T
say(
    f"Its {len(bonds)} bonds join the atoms "
    + ", ".join(f"{a}–{b}" for a, b in bonds.tolist())
    + "."
)

# %% [markdown]
# ### Exercise: a bond is two edges
#
# A message goes one way; a bond leads both ways. So each bond becomes two **edges**: there and
# back. Row 0 says who sends, row 1 who receives.


# %% tags=["exercise"]
def both_ways(bonds):
    """Bonds (bonds, 2), numbers of atoms -> edges (2, 2 · bonds): first row from, second row to."""
    # BEGIN SOLUTION
    return torch.cat([bonds.T, bonds.T.flip(0)], dim=1)
    # END SOLUTION


check("4.edges", both_ways)

# %%
both_ways = use("4.edges", both_ways)
edges = both_ways(bonds)
adjacency = torch.zeros(len(one.nodes), len(one.nodes))
adjacency[edges[1], edges[0]] = 1
_, ax = plt.subplots(figsize=(3.2, 3.2))
ax.imshow(adjacency, cmap="Greys", vmax=1.4)
ax.set(xlabel="sends", ylabel="receives", title="who hears whom")
ax.grid(visible=False)
plt.show()
zeros = 1 - len(train.inputs.edges[0]) / float(train.inputs.owner.bincount().square().sum())
say(
    f"The same as an **adjacency matrix**: {int(adjacency.sum())} ones for {len(bonds)} bonds. In "
    f"such matrices of the training molecules {zeros:.1%} of all numbers would be zeros. That is "
    "why we keep lists of edges."
)

# %% [markdown]
# ### Exercise: hear the neighbours
#
# The heart of every graph network is one line: each edge carries what its sender says, and each
# atom **adds up** what reaches it. `index_add` adds rows at given places, also where a place comes
# twice.


# %% tags=["exercise"]
def neighbour_sum(h, edges):
    """Features (atoms, d), edges (2, e) -> of each atom the sum of its neighbours' features "
    "(atoms, d)."""
    # BEGIN SOLUTION
    return torch.zeros_like(h).index_add(0, edges[1], h[edges[0]])
    # END SOLUTION


check("4.neighbours", neighbour_sum)

# %%
neighbour_sum = use("4.neighbours", neighbour_sum)
h = torch.randn(len(one.nodes), 16, generator=torch.Generator().manual_seed(SEED))
apart = (neighbour_sum(h, edges) - adjacency @ h).abs().max()
nitrogen = int(one.nodes[:, NODE_FEATURES.index("element N")].argmax())
heard = neighbour_sum(one.nodes, edges)[nitrogen]
elements = [
    f"{int(n)} × {name.removeprefix('element ')}"
    for name, n in zip(NODE_FEATURES, heard)
    if n and "element" in name
]
say(
    f"Largest difference to the matrix product: **{apart:.1e}**. The nitrogen of paracetamol hears "
    f"{', '.join(elements)}. After a second round it hears what they have heard: one bond farther."
)
assert apart < 1e-5

# %% tags=["guess"]
guess("4.order", "a")

# %% [markdown]
# ### Exercise: write the molecule in another order
#
# Do not take it on trust, try it. Give the atoms new numbers; then the edges must follow.


# %% tags=["exercise"]
def renumbered(nodes, edges, order):
    """The same graph; its atom i is now what atom order[i] was -> nodes, edges."""
    # BEGIN SOLUTION
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    return nodes[order], place[edges]
    # STUB return ...  # YOUR CODE HERE
    # END SOLUTION


check("4.renumber", renumbered)

# %%
renumbered = use("4.renumber", renumbered)


def after_rounds(nodes, edges, rounds=3):
    """Each atom and the sum of its neighbours, so many times; then the sum over all atoms."""
    h = nodes
    for _ in range(rounds):
        h = (h + neighbour_sum(h, edges)) / 3
    return h.sum(dim=0)


dice = torch.Generator().manual_seed(SEED)
orders = [torch.randperm(len(one.nodes), generator=dice) for _ in range(50)]
as_written = after_rounds(h, edges)
changes = [
    float((after_rounds(*renumbered(h, edges, order)) - as_written).abs().max()) for order in orders
]
as_list = (h[orders[0]] - h).abs().max()
say(
    f"{len(orders)} random orders of its atoms: the sum after three rounds changes by at most "
    f"**{max(changes):.1e}**. A network that reads the table of atoms as one long row would see "
    f"numbers that differ by up to {as_list:.1f}."
)

# %%
explain("4.order")

# %% [markdown]
# ## 3 · How are the others weighed?

# %% tags=["guess"]
guess("4.count", "b")

# %%
pair = graphs(["C=O", "O=C=O"])
only = [i for i, name in enumerate(NODE_FEATURES) if name.startswith("element")]
x = pair.nodes[:, only]
added = neighbour_sum(x, pair.edges)
mean = added / neighbour_sum(torch.ones(len(x), 1), pair.edges)
carbon = (x[:, 1] == 1).nonzero().flatten()
oxygen = [NODE_FEATURES[i] for i in only].index("element O")
say(
    "Formaldehyde and carbon dioxide, of which we tell the network nothing but the elements. The "
    "oxygen that the "
    "carbon atom hears:\n\n| | formaldehyde, C=O | carbon dioxide, O=C=O |\n|---|---|---|\n"
    + "\n".join(
        f"| {how} | {h[carbon[0], oxygen]:.0f} | {h[carbon[1], oxygen]:.0f} |"
        for how, h in (("mean", mean), ("sum", added))
    )
)

# %%
explain("4.count")

# %% [markdown]
# ### Exercise: the weights of GCN
#
# **GCN** (Kipf and Welling 2017) is a mean with a twist: who is bonded to many counts less, as a
# sender too. Every atom also hears itself (these edges are already in `edges`). An edge from $s$ to
# $r$ weighs $1 / \sqrt{d_s d_r}$, where $d$ is the number of edges that reach a node.


# %% tags=["exercise"]
def gcn_weights(edges, nodes):
    """Edges (2, e), those of each node to itself among them; number of nodes -> weights (e)."""
    # BEGIN SOLUTION
    degree = edges[1].bincount(minlength=nodes).float()
    return (degree[edges[0]] * degree[edges[1]]) ** -0.5
    # END SOLUTION


check("4.gcn", gcn_weights)

# %%
gcn_weights = use("4.gcn", gcn_weights)
everyone = torch.arange(len(one.nodes))
with_itself = torch.cat([edges, everyone.expand(2, -1)], dim=1)
weights = gcn_weights(with_itself, len(one.nodes))
at = with_itself[1] == nitrogen
say(
    "The nitrogen takes "
    + ", ".join(
        f"{w:.2f} of {'itself' if s == nitrogen else f'atom {s}'}"
        for s, w in zip(with_itself[0][at].tolist(), weights[at].tolist())
    )
    + ". These weights are fixed by who is bonded to whom; nothing of them is learned."
)

# %% [markdown]
# ### Exercise: a step of GIN
#
# **GIN** (Xu et al. 2019) takes the plain sum, because a sum can count, and keeps the atom itself
# beside it: $(1 + \text{own}) \cdot h + \sum_{\text{neighbours}} h$. Then a small network, `think`,
# the same for each atom, works on the result: *gather from the others, then think alone*.


# %% tags=["exercise"]
def gin_step(h, edges, own, think):
    """Features (atoms, d), edges, a number, a network for single atoms -> new features (atoms, "
    "d)."""
    # BEGIN SOLUTION
    return think((1 + own) * h + neighbour_sum(h, edges))
    # END SOLUTION


check("4.gin", gin_step)

# %% [markdown]
# The third answer is **attention**, as in lesson 3: the weights are learned, and depend on what
# both atoms are. The library's `gnn.py` has all three, in 200 lines.
#
# ## 4 · What was there before: fingerprints
#
# In 1965 Morgan described atoms by their surroundings, round by round; the **ECFP** fingerprint of
# today does the same (Rogers and Hahn 2010). Each atom begins with a number for its kind. In each
# round it makes a new number from its own and those of its neighbours. All numbers that ever occur
# are the fingerprint. Does that remind you of something?
#
# ### Exercise: a fingerprint by hand
#
# `hash((own, (a, b, c)))` makes one number of several; equal ones give equal numbers.


# %% tags=["exercise"]
def fingerprint(atoms, neighbours, rounds):
    """Numbers of the kinds of atoms, of each atom the list of its neighbours -> set of all "
    "numbers."""
    numbers = list(atoms)
    found = set(numbers)
    for _ in range(rounds):
        # BEGIN SOLUTION
        numbers = [
            hash((own, tuple(sorted(numbers[j] for j in near))))
            for own, near in zip(numbers, neighbours)
        ]
        found |= set(numbers)
        # STUB numbers = ...  # YOUR CODE HERE
        # END SOLUTION
    return found


check("4.fingerprint", fingerprint)

# %%
fingerprint = use("4.fingerprint", fingerprint)


def by_hand(graph, rounds=2):
    """Your fingerprint of one graph, with all that is said of its atoms."""
    near = [graph.edges[0][graph.edges[1] == i].tolist() for i in range(len(graph.nodes))]
    return fingerprint([hash(tuple(row)) for row in graph.nodes.tolist()], near, rounds)


grown = [len(by_hand(one, rounds)) for rounds in range(4)]
say(
    "Different surroundings in paracetamol: "
    + ", ".join(f"{n} after {r} round(s)" for r, n in enumerate(grown))
    + "."
)
compared = at_most(val, 80, SEED)
mine = [by_hand(compared.inputs[torch.tensor([i])]) for i in range(len(compared))]
rdkit_bits = ecfp4(smiles(compared))
rdkit_says = similarity(rdkit_bits, rdkit_bits)
upper = np.triu_indices(len(mine), 1)
tanimoto = np.array([len(mine[i] & mine[j]) / len(mine[i] | mine[j]) for i, j in zip(*upper)])
agree = spearmanr(tanimoto, rdkit_says[upper]).statistic
say(
    "How similar are two molecules? The share of numbers that both have (**Tanimoto**). Over "
    f"{len(tanimoto):,} pairs your similarity and that of RDKit's ECFP4 go together with a rank "
    f"correlation of **{agree:.2f}**. RDKit also reads bonds, and leaves out surroundings that are "
    "met twice."
)

# %% [markdown]
# ## 5 · Build the network, and train it
#
# All parts together: embed each atom; then blocks, in each of which atoms gather from their
# neighbours and think alone, and what comes out is *added* to what was there; then the mean over
# atoms; then a head. It calls your `gin_step`.

# %%
gin_step = use("4.gin", gin_step)


class YourGNN(Layered):
    def __init__(self, config):
        super().__init__()
        self.config = config
        d = config.width
        self.embedding = nn.Linear(config.features, d)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(config.blocks))
        self.own = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in range(config.blocks))
        self.thinks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d), nn.Dropout(config.dropout)
            )
            for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, config.classes)

    def stages(self, inputs):
        h = self.embedding(inputs.nodes)
        yield Stage("embedding", h)
        for i, (norm, own, think) in enumerate(zip(self.norms, self.own, self.thinks), start=1):
            h = h + gin_step(norm(h), inputs.edges, own, think)
            yield Stage(f"block{i}", h)
        z = inputs.pool(self.norm(h))
        yield Stage("pool", z, per_sample=True)
        yield Stage("logits", self.head(z), per_sample=True)


shape = {"features": len(NODE_FEATURES), "classes": len(classes), "dropout": 0.2}
with_bonds = shape | {"edge_features": len(EDGE_FEATURES)}
torch.manual_seed(SEED)
yours = YourGNN(GNNConfig(**shape))
say(
    f"{sum(p.numel() for p in yours.parameters()):,} weights. Its answer for paracetamol, "
    "untrained: "
    + ", ".join(
        f"{name} {p:.0%}" for name, p in zip(classes, yours.eval()(one)[0].softmax(dim=0).tolist())
    )
    + "."
)

# %% [markdown]
# ### The same in PyTorch Geometric
#
# **PyTorch Geometric** (PyG) is the library that most people use for graphs; its layers are what
# you have just written. `GINConv(think, train_eps=True)` called with `(h, edges)` is `gin_step`,
# `GCNConv` has the weights of `gcn_weights`. In PyG the network above reads:
#
# ```
# from torch_geometric.nn import GINConv, global_mean_pool
#
# self.convs = ModuleList(GINConv(think, train_eps=True) for think in thinks)
# ...
# for norm, conv in zip(self.norms, self.convs):
#     h = h + conv(norm(h), edge_index)
# return self.head(global_mean_pool(self.norm(h), batch))
# ```
#
# If it is the same, the same weights must give the same numbers.

# %%
library = build("gnn", shape, SEED)  # ours, from scratch, as yours
names = {"norms.": "blocks.#.norm.", "own.": "blocks.#.gather.own", "thinks.": "blocks.#.think."}


def in_library(name):
    """What the library calls a weight of your network."""
    for yours_begins, begins in names.items():
        if name.startswith(yours_begins):
            number, _, rest = name.removeprefix(yours_begins).partition(".")
            return begins.replace("#", number) + rest
    return name


library.load_state_dict({in_library(name): p for name, p in yours.state_dict().items()})
in_geometric = in_pyg(library)
some = val.inputs[torch.arange(20)]
with torch.no_grad():
    answers = [model.eval()(some) for model in (yours, library, in_geometric)]
apart = [float((a - answers[0]).abs().max()) for a in answers[1:]]
say(
    f"The same weights, twenty molecules: largest difference to yours **{apart[0]:.1e}** (the "
    f"library's network), **{apart[1]:.1e}** (PyG's layers)."
)
assert max(apart) < 1e-4

# %% [markdown]
# ### Train, and choose on *val*
#
# Five networks: yours; GCN; GIN and attention, which also read what kind of **bond** an edge is;
# and **AttentiveFP** (Xiong et al. 2020), which was made for molecules, of PyG's own modules.
# Dropout and stopping early keep them from learning a thousand molecules by heart.

# %%
recipe = Recipe(epochs=EPOCHS, batch_size=32, lr=2e-3, patience=12, seed=SEED)
AUROC = METRICS["auroc"]
torch.manual_seed(SEED)
networks = {
    "your GIN": yours,
    "GCN": build("gnn", shape | {"gather": "gcn"}, SEED),
    "GIN with bonds": build("gnn", with_bonds, SEED),
    "attention, with bonds": build("gnn", with_bonds | {"gather": "gat"}, SEED),
    "AttentiveFP": AttentiveFP(
        AttentiveFPConfig(len(NODE_FEATURES), len(EDGE_FEATURES), len(classes))
    ),
}
on_val, kept = {}, {}
for n, model in networks.items():
    history = fit(model, train, val, recipe, progress=bar(), what=n)
    on_val[n], kept[n] = AUROC(predict(model, val)), history.best
rows = [f"| {n} | {kept[n]} of {EPOCHS} | {value:.3f} |" for n, value in on_val.items()]
say(
    "**AUROC** is the chance that a molecule with *yes* is ranked above one with *no*: 0.5 by "
    "chance, "
    "1 is perfect.\n\n| network | epoch that was kept | AUROC, val |\n|---|---|---|\n"
    + "\n".join(rows)
)

# %% [markdown]
# ## 6 · Against what was there before
#
# Three methods that learn no features: always the same answer (**majority**); about 200 numbers
# that chemists have thought of (**descriptors**: weight, charges, polar surface ...) with a
# straight line; and **ECFP4 with a random forest**. These are strong. A paper that leaves them out,
# or takes a weak one, hides something.

# %% tags=["guess"]
guess("4.win", "c")

# %%
bits = {n: ecfp4(smiles(p)) for n, p in parts.items()}
all_numbers = descriptors(molecules.smiles.tolist(), bar())
place = {name: i for i, name in enumerate(dataset.ids.tolist())}
rows_of = {n: np.array([place[name] for name in p.ids.tolist()]) for n, p in parts.items()}
filled = all_numbers.filled(rows_of["train"]).values  # gaps: the median of training molecules
numbers = {n: filled[rows] for n, rows in rows_of.items()}
simple = {
    "majority": lambda p: majority(train, parts[p]),
    "descriptors + line": lambda p: as_said(line(numbers["train"], train, numbers[p]), parts[p]),
    "descriptors + forest": lambda p: as_said(
        forest(numbers["train"], train, numbers[p], TREES, SEED), parts[p]
    ),
    "ECFP4 + forest": lambda p: as_said(
        forest(bits["train"], train, bits[p], TREES, SEED), parts[p]
    ),
}
on_val |= {n: AUROC(method("val")) for n, method in simple.items()}
rows = [f"| {n} | {v:.3f} |" for n, v in sorted(on_val.items(), key=lambda pair: -pair[1])]
say("| method | AUROC, val |\n|---|---|\n" + "\n".join(rows))

# %% [markdown]
# One more that costs nothing but time: several networks of one kind with different seeds, and the
# mean of what they say (an **ensemble**).

# %%
ensemble = [networks["GIN with bonds"]]
for number in range(1, ENSEMBLE):
    model = build("gnn", with_bonds, SEED + number)
    fit(
        model, train, val, replace(recipe, seed=SEED + number), progress=bar(), what=f"{number + 1}"
    )
    ensemble.append(model)


def ask_all(part):
    """The mean of what the networks say, and what each says of yes."""
    each = np.stack([predict(model, part).probs for model in ensemble])
    said = predict(ensemble[0], part)
    return replace(said, probs=each.mean(axis=0)), each[:, :, 1]


# %% [markdown]
# ### The test, once
#
# All choices are made. Now the test molecules, with intervals over groups, and each method against
# ECFP4 with a forest, on the same molecules.

# %%
final = {n: predict(model, test) for n, model in networks.items()}
final[f"{ENSEMBLE} GINs together"] = ask_all(test)[0]
final |= {n: method("test") for n, method in simple.items()}
judged = {n: score(AUROC, p, seed=SEED) for n, p in final.items()}
rival = "ECFP4 + forest"
against = {
    n: compare(p, final[rival], AUROC, seed=SEED)
    for n, p in final.items()
    if n not in (rival, "majority")
}
rows = []
for n, s in judged.items():
    gap = pm(against[n], "+.3f") if n in against else ""
    rows.append(f"| {n} | {pm(s)} | {gap} |")
say(
    f"{len(test):,} molecules in {len(np.unique(test.groups)):,} groups.\n\n"
    f"| method | AUROC, test | against {rival} |\n|---|---|---|\n" + "\n".join(rows)
)
graph_methods = [n for n in against if "descriptors" not in n]
ahead = [n for n in graph_methods if against[n].low > 0]
behind = [n for n in graph_methods if against[n].high < 0]
say(
    f"Networks that are ahead of {rival} beyond chance: **{', '.join(ahead) or 'none'}**; behind "
    f"it beyond chance: **{', '.join(behind) or 'none'}**. Of all others this test cannot tell. "
    "(These intervals are about other molecules; another seed of training moves the numbers too, "
    "and of many intervals one may miss by chance.)"
)
if not asked.measured:
    say(
        "But mind: the property here was computed from the structure, free of noise. What is "
        "explained below is about molecules that were measured."
    )

# %%
explain("4.win")

# %% [markdown]
# ### So when does a network win?
#
# When there is enough to learn from, and when the answer depends on details that a fingerprint
# blurs. We take a property that is a known function of the graph: the **logP of Wildman and
# Crippen**, which RDKit *computes* (it is not measured) as a sum of what each atom contributes. How
# far off are the predictions (root mean squared error), with more and more molecules to learn from?

# %%
computed = as_dataset(ncimolecules.molecules(progress=bar()), ncimolecules.CARD, bar())
computed_smiles = dict(zip(computed.ids.tolist(), ncimolecules.molecules().smiles.tolist()))
cut = split(computed, {"train": 0.7, "val": 0.1, "test": 0.2}, SEED)
cut["test"] = at_most(cut["test"], max(SIZES), SEED)
shown_bits = {n: ecfp4([computed_smiles[i] for i in p.ids.tolist()]) for n, p in cut.items()}
spread = float(cut["test"].targets.std(correction=0))
curve = []
for size in SIZES:
    drawn = at_most(cut["train"], size, SEED)
    row = {name: i for i, name in enumerate(cut["train"].ids.tolist())}
    own_bits = shown_bits["train"][[row[name] for name in drawn.ids.tolist()]]
    by_forest = as_said(
        forest(own_bits, drawn, shown_bits["test"], max(TREES // 3, 10), SEED, jobs=-1), cut["test"]
    )
    adding = with_bonds | {
        "classes": 1,
        "dropout": 0.0,
        "readout": "sum",
    }  # over atoms, not their mean
    learner = build("gnn", adding, SEED)
    rounds = max(2, STEPS * 32 // size)
    fit(
        learner,
        drawn,
        None,  # the forest has no more molecules to learn from, or to choose by, either
        Recipe(epochs=rounds, batch_size=32, lr=2e-3, patience=rounds, seed=SEED),
        progress=bar(),
        what=f"{size:,} molecules",
    )
    errors = [
        number_scores(p, seed=SEED)["rmse"]
        for p in (by_forest, predict_numbers(learner, cut["test"]))
    ]
    curve.append((len(drawn), *errors))

# %% tags=["hide-input"]
_, ax = plt.subplots(figsize=(6, 3.2))
for k, (label, colour, marker) in enumerate(
    (("ECFP4 + forest", ORANGE, "^"), ("GIN with bonds", BLUE, "o")), start=1
):
    value = np.array([(c[k].value, c[k].low, c[k].high) for c in curve])
    at = [c[0] for c in curve]
    ax.plot(at, value[:, 0], color=colour, marker=marker, label=label)
    ax.fill_between(at, value[:, 1], value[:, 2], color=colour, alpha=0.15, linewidth=0)
ax.axhline(spread, color=GREY, linestyle=":", linewidth=1.2)
ax.annotate("always the mean", (curve[0][0], spread), xytext=(0, 4), textcoords="offset points")
ax.set(xscale="log", xlabel="molecules to learn from", ylabel="error (logP)", ylim=(0, None))
ax.set_xticks([c[0] for c in curve], [f"{c[0]:,}" for c in curve])
ax.minorticks_off()
ax.legend()
plt.show()
rows = [f"| {n:,} | {pm(a, '.2f')} | {pm(b, '.2f')} |" for n, a, b in curve]
say("| molecules | ECFP4 + forest | GIN with bonds |\n|---|---|---|\n" + "\n".join(rows))
n, a, b = curve[-1]
if b.high < a.low:
    say(
        f"With {n:,} molecules the network's error is {b.value / a.value:.0%} of the forest's: the "
        "answer is a sum over atoms in their surroundings, which is what the network computes, and "
        "there is no noise. Neither is so with most questions of medicine."
    )
elif a.high < b.low:
    say(f"Even here the forest is ahead with {n:,} molecules.")
else:
    say(f"With {n:,} molecules the two cannot be told apart here.")

# %% [markdown]
# ## 7 · Which molecules are in the test?

# %% tags=["guess"]
guess("4.split", "a")

# %% [markdown]
# ### Exercise: a split by scaffold
#
# Draw **scaffolds**, not molecules, until the test part holds about the share that was asked for.
# To keep it simple, molecules without a ring (scaffold `""`) count as one scaffold, as in most
# papers.


# %% tags=["exercise"]
def scaffold_split(scaffolds, share, seed):
    """A scaffold for each molecule, as text -> array, True for molecules of the test part."""
    in_test = np.zeros(len(scaffolds), dtype=bool)
    # BEGIN SOLUTION
    for kind in np.random.default_rng(seed).permutation(sorted(set(scaffolds))):
        if in_test.mean() >= share:
            break
        in_test |= np.array(scaffolds, dtype=object) == kind
    return in_test
    # STUB return ...  # YOUR CODE HERE
    # END SOLUTION


check("4.scaffold", scaffold_split)

# %%
scaffold_split = use("4.scaffold", scaffold_split)
own = scaffolds(molecules.smiles.tolist(), bar())
kinds_of = Counter(own)
commonest = kinds_of.most_common(4)
chosen = scaffold_split(own, 0.2, SEED)
say(
    f"{len(kinds_of):,} scaffolds; {kinds_of['']:,} molecules have none. Your split puts "
    f"{chosen.mean():.0%} of the molecules with "
    f"{len({s for s, there in zip(own, chosen) if there}):,} scaffolds into the test part. The "
    "commonest scaffolds:"
)
display(
    HTML(
        drawings([s for s, _ in commonest if s], [f"{n} molecules" for s, n in commonest if s])
        if any(s for s, _ in commonest)
        else ""
    )
)

# %% [markdown]
# Four ways to make a test part of a tenth: **random** molecules; whole **groups** (scaffolds) drawn
# at random, as in this lesson; **clusters** of similar molecules drawn at random; and **largest
# first**, the convention of many papers: the largest scaffolds are learned from, the rarest are the
# test. The last has no chance in it, so there the draws differ in nothing but training.

# %%
whole_bits = ecfp4(molecules.smiles.tolist())
shares = {"train": 0.8, "val": 0.1, "test": 0.1}
rarest = largest_first(conventional(molecules.smiles.tolist()))
ways = {
    "random": lambda s: split(replace(dataset, groups=np.arange(len(dataset))), shares, s),
    "groups": lambda s: split(dataset, shares, s),
    "clusters": lambda s: split(replace(dataset, groups=clusters(whole_bits)), shares, s),
    "largest first": lambda _: {n: dataset.rows(rows) for n, rows in rarest.items()},
}
report, flattered = bar(), {}
for i, (way, cut_by) in enumerate(ways.items()):
    for draw in range(DRAWS):
        report("splitting in four ways", i * DRAWS + draw, len(ways) * DRAWS, "splits")
        cut = cut_by(SEED + draw)
        x, q = (
            whole_bits[[place[name] for name in cut[n].ids.tolist()]] for n in ("train", "test")
        )
        by_forest = as_said(forest(x, cut["train"], q, TREES, SEED + draw), cut["test"])
        model = build("gnn", with_bonds, SEED + draw)
        rounds = Recipe(epochs=SPLIT_EPOCHS, batch_size=64, lr=3e-3, patience=9, seed=SEED + draw)
        fit(model, cut["train"], cut["val"], rounds)
        near = nearest(x, q).similarity[:, 0]
        flattered.setdefault(way, []).append(
            (AUROC(by_forest), AUROC(predict(model, cut["test"])), float(np.median(near)))
        )
report("splitting in four ways", len(ways) * DRAWS, len(ways) * DRAWS, "splits")


def over_draws(values):
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


rows = [
    f"| {way} | {over_draws([d[0] for d in draws])} | {over_draws([d[1] for d in draws])} | "
    f"{np.mean([d[2] for d in draws]):.2f} |"
    for way, draws in flattered.items()
]
say(
    f"Mean of {DRAWS} draw(s), and their range. Last column: how similar is a test molecule to the "
    "most similar one in training (median)?\n\n| test part | ECFP4 + forest | GIN with bonds | "
    "similarity "
    "|\n|---|---|---|---|\n" + "\n".join(rows)
)
of = {way: np.array([d[0] for d in draws]) for way, draws in flattered.items()}
lost = {way: of["random"].mean() - values.mean() for way, values in of.items()}
moved = max(abs(d[0] - d[1]) for draws in flattered.values() for d in draws)
say(
    "Against random molecules the same forest loses "
    + ", ".join(f"{lost[way]:+.3f} ({way})" for way in ways if way != "random")
    + f". Forest and network differ by at most {moved:.3f} on the same split. "
    + (
        "The split moved the number more than the method did (each test has a tenth of the "
        "molecules: differences of a few hundredths may be chance)."
        if max(lost.values()) > moved
        else "Here the method moved the number as much as the split did."
    )
)
say(
    "None of the four is *the* right one. Ask what the model is for: if it shall judge new "
    "chemistry, the test must be new chemistry. If it shall fill gaps in a series that was "
    "measured, a random test is fair. The rarest scaffolds are a third question, and one split of "
    "a tenth is a small test."
)

# %%
explain("4.split")

# %% [markdown]
# ## 8 · What it cannot see

# %% tags=["guess"]
guess("4.blind", "c")

# %%
twins = ["C1CCC2CCCCC2C1", "C1CCC(C1)C1CCCC1"]
display(HTML(drawings(twins, ["decalin", "bicyclopentyl"])))
both = graphs(twins)
blind = replace(both, edge_features=None)
with torch.no_grad():
    gaps = {
        n: float((z[0] - z[1]).abs().max())
        for n in ("your GIN", "GIN with bonds", "AttentiveFP")
        for z in [networks[n].eval()(both)]
    }
rows = [f"| {n} | {gap:.1e} |" for n, gap in gaps.items()]
say(
    "How far apart are the two answers?\n\n| network | largest difference |\n|---|---|\n"
    + "\n".join(rows)
)
sets = [by_hand(both[torch.tensor([i])], rounds=5) for i in range(2)]
colours = [len(set(kinds(g).tolist())) for g in (blind, both)]
say(
    f"Your fingerprints of the two are {'the same' if sets[0] == sets[1] else 'different'}, after "
    "five rounds. Colour refinement (Weisfeiler and Leman 1968) runs until nothing changes: it "
    f"tells {colours[0]} kind(s) of molecule apart by atoms alone, and {colours[1]} if it is told "
    "of each **bond** whether it lies in a ring. No network that passes messages sees more than "
    "this refinement (Xu et al. 2019). So what it cannot find, it must be told: a chemist put *in "
    "a ring* into the table of bonds."
)

# %%
explain("4.blind")

# %% [markdown]
# ## 9 · The deeper, the better?

# %% tags=["guess"]
guess("4.deep", "a")

# %%
deepest = max(DEPTHS)
deep, by_depth = {}, {}
few_rounds = Recipe(epochs=DEEP_EPOCHS, batch_size=32, lr=2e-3, patience=DEEP_EPOCHS, seed=SEED)
for blocks in DEPTHS:
    for how, residual in (("replaces", False), ("adds", True)):
        model = build(
            "gnn", shape | {"gather": "gcn", "blocks": blocks, "residual": residual}, SEED
        )
        fit(model, train, val, few_rounds, progress=bar(), what=f"{blocks} blocks, each {how}")
        deep[how, blocks] = model
        by_depth[how, blocks] = score(AUROC, predict(model, look), seed=SEED)
rows = [
    f"| {blocks} | {pm(by_depth['replaces', blocks])} | {pm(by_depth['adds', blocks])} |"
    for blocks in DEPTHS
]
say(
    "GCN of several depths, AUROC on *look*:\n\n| blocks | each replaces what was there | each "
    "adds to it |\n"
    "|---|---|---|\n" + "\n".join(rows)
)

# %% [markdown]
# How far apart are the atoms of one molecule, after each block? Mean cosine distance over all pairs
# of atoms: 0 if all point one way, 1 if they have nothing to do with each other. Beside it the
# untrained twin.

# %%
smoothed = {
    how: oversmoothing(deep[how, deepest], look, SEED + 1000) for how in ("replaces", "adds")
}

# %% tags=["hide-input"]
_, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True, layout="constrained")
for ax, (how, stages) in zip(axes, smoothed.items()):
    for which, colour, marker in (("untrained", ORANGE, "s"), ("trained", BLUE, "o")):
        values = np.array([getattr(s, which) for s in stages])
        ax.plot(values[:, 0], color=colour, marker=marker, label=which)
        ax.fill_between(
            range(len(values)), values[:, 1], values[:, 2], color=colour, alpha=0.15, linewidth=0
        )
    ax.set_xticks(range(len(stages)), [str(i) for i in range(len(stages))])
    ax.set(title=f"each block {how}", xlabel="blocks passed")
axes[0].set(ylabel="distance between atoms", ylim=(0, None))
axes[0].legend()
plt.show()
for how, stages in smoothed.items():
    first, last = stages[0].trained, stages[-1].trained
    say(
        f"Each block **{how}**: from {pm(first, '.2f')} in the embedding to {pm(last, '.2f')} "
        f"after {deepest} blocks"
        + (
            ": the atoms have become more alike."
            if last.high < first.low
            else ": the atoms have not become more alike."
        )
    )
a, b = (smoothed[how][-1].trained for how in ("replaces", "adds"))
say(
    "Where each block replaces what was there, less is left of the single atoms than where it adds."
    if a.high < b.low
    else "The two ways do not differ clearly in that here."
)

# %%
explain("4.deep")

# %% [markdown]
# ## 10 · Where does the answer arise?
#
# The question of this course: in which layer does the task become easy? With all controls: the
# untrained twin, the input, shuffled labels. Probes learn from *val* and are scored on *look*.

# %% tags=["guess"]
guess("4.twin", "b")

# %%
report, curves = bar(), {}
watched = {"your GIN": yours, "GIN with bonds": networks["GIN with bonds"]}
for i, (n, model) in enumerate(watched.items()):
    report("reading the layers", i, len(watched), "networks")
    twin = untrained(model, train, SEED + 1000)
    curves[n] = [layer_curve(m, val, look, SEED) for m in (model, twin)]
report("reading the layers", len(watched), len(watched), "networks")


# %% tags=["hide-input"]
def in_numbers(reading):
    """As the figure wants them: each measure with the ends of its interval."""
    measures = ("probe", "few", "neighbours", "equal", "shuffled")
    return {"stage": reading.stage} | {m: getattr(reading, m)._asdict() for m in measures}


_, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", sharey=True)
for ax, (n, (trained, twin)) in zip(axes, curves.items()):
    table = {k: [in_numbers(r) for r in c] for k, c in (("trained", trained), ("untrained", twin))}
    draw_layers([table], ax=ax)
    ax.set_title(n)
plt.show()
say(layer_key(raw="the embedded atoms", seeds=1))
for n, (trained, twin) in curves.items():
    gap = learned(trained, twin, look)
    say(
        f"**{n}**: best read from {gap.stage}; ahead of {gap.rival} by "
        f"{100 * gap.ahead.value:+.1f} points [{100 * gap.ahead.low:+.1f}, "
        f"{100 * gap.ahead.high:+.1f}]: "
        + (
            "so much it has learned."
            if gap.ahead.low > 0
            else "this test does not show that its blocks have learned more."
        )
    )
trained, twin = curves["your GIN"]
best_of_twin = max(twin[1:-1], key=lambda r: r.probe.value)
on_bits = probe(
    torch.from_numpy(bits["val"]).float(),
    val.targets,
    torch.from_numpy(bits["look"]).float(),
    len(classes),
)
right = float((on_bits.argmax(dim=1) == look.targets).float().mean())
usual = float(look.targets.bincount(minlength=len(classes)).max()) / len(look)
say(
    f"Right on *look*: always the commoner answer {usual:.1%}; a line on the untrained network's "
    f"embedding, which knows of no neighbour, {twin[0].probe.value:.1%}, on its "
    f"{best_of_twin.stage} **{best_of_twin.probe.value:.1%}**, on the trained network's best block "
    f"**{max(r.probe.value for r in trained[1:-1]):.1%}**; the same line on ECFP4, which is random "
    f"messages that are written down, {right:.1%}."
)

# %%
explain("4.twin")

# %% [markdown]
# ### Walk through it
#
# Every mark is a molecule that the network has not learned from. Move the slider of depth, press a
# mark, and see it and its neighbours in each layer as drawings.

# %%
page = atlas(
    {"GIN with bonds": networks["GIN with bonds"]},
    look,
    fit_on=val,
    samples=WALKED,
    pictures=pictures(smiles(look)),
    texts=smiles(look),
    title=card.title,
    names=("GIN", ""),
    seed=SEED,
    progress=bar(),
)
display(page)

# %% [markdown]
# ### Where near-identical molecules part
#
# An **activity cliff**: two molecules that differ in a small thing and have different answers. They
# are the hardest test of a representation. We take pairs with a similarity of at least 0.6, and
# beside them pairs that are as similar and have the *same* answer. How far apart do they lie in
# each layer, as a share of the distance of two molecules drawn at random? If the network has
# learned what makes the difference, cliffs part more than the others.

# %%
unseen_rows = np.sort(np.concatenate([rows_of["look"], rows_of["test"]]))
unseen = dataset.rows(unseen_rows)
atoms_in = unseen.inputs.owner.bincount().numpy()  # of each molecule
cliffs = near_pairs(whole_bits[unseen_rows], unseen, spread=1.0, sizes=atoms_in)
gin = networks["GIN with bonds"]
enough = cliffs.cliff.sum() >= 5 and (~cliffs.cliff).sum() >= 5
say(
    f"Among {len(unseen):,} molecules that the network has not learned from: "
    f"{int(cliffs.cliff.sum())} cliffs, and {int((~cliffs.cliff).sum())} pairs that are as similar "
    "and have the same answer."
)
if enough:
    parted = {
        n: parting(activations(model, unseen), cliffs, unseen.groups, SEED)
        for n, model in (("trained", gin), ("untrained", untrained(gin, train, SEED + 1000)))
    }
    rows = [
        f"| {a['stage']} | {pm(a['cliffs'], '.2f')} | {pm(a['beside'], '.2f')} | "
        f"{pm(a['apart'], '+.2f')} | {pm(b['apart'], '+.2f')} |"
        for a, b in zip(parted["trained"], parted["untrained"])
    ]
    say(
        "| layer | cliffs | as similar, same answer | difference | the same, untrained "
        "|\n|---|---|---|---|---|\n" + "\n".join(rows)
    )
    where = [a["stage"] for a in parted["trained"] if a["apart"].low > 0]
    say(
        f"Cliffs part more than the others, beyond chance, in: **{', '.join(where)}**."
        if where
        else "In no layer do cliffs part more than other pairs beyond chance: this network has "
        "not learned what makes the difference, or there are too few cliffs to see it."
    )
    said = predict(gin, unseen)
    in_order = told_apart(said, cliffs)
    say(
        "Of the two molecules of a cliff the network ranks the right one first in "
        f"{in_order.mean():.0%}; by chance it would be 50 %."
    )

# %% tags=["hide-input"]
order = np.flatnonzero(cliffs.cliff)[np.argsort(-cliffs.similarity[cliffs.cliff], kind="stable")]
drawn, captions, marked, met = [], [], [], set()
said = predict(gin, unseen)
for pair in order:
    ends = int(cliffs.first[pair]), int(cliffs.second[pair])
    if met & set(ends) or len(drawn) >= 6:
        continue
    met |= set(ends)
    drawn += [smiles_of[unseen.ids[i]] for i in ends]
    marked += not_shared(*drawn[-2:])
    captions += [
        f"{classes[int(unseen.targets[i])]}; the network says yes with {said.probs[i, 1]:.0%}"
        for i in ends
    ]
display(HTML(drawings(drawn, captions, marked=marked)))
if drawn:
    say("Side by side, the two molecules of a cliff; ringed is what the other one has not.")

# %% [markdown]
# ## 11 · Which atoms does it look at?
#
# A method that colours atoms always gives a picture, and every picture looks plausible. So we try
# it where the answer is **known**: does the molecule hold a certain **group** of atoms? Two tasks. A
# *carboxylic acid* is three atoms, and not known by their elements alone: an ester has the same
# ones. A *nitro group* is three atoms too, of which the nitrogen alone gives the answer away. The
# labels are computed from the structure. Then we count how many of the right atoms are found.
#
# Three methods: **integrated gradients** (the slope along the way from an atom that says nothing to
# this one), **occlusion** (replace an atom by one that says nothing), and **chance**. What is an atom
# that says nothing? We take the mean of all training atoms; and, since that is what many do, zeros.


# %%
class Task(NamedTuple):
    """What was found for one group of atoms."""

    right: object  # how often the network is right on new scaffolds
    found: dict  # way -> how many of the right atoms
    smiles: list
    scores: dict  # way -> scores of the atoms of each molecule
    truth: list  # which atoms are right, of each molecule


def score_atoms(group):
    known = functional.balanced(functional.label(nci, group), SEED)
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(known.molecules))[:HELD])
    known = known.rows(chosen)
    data = as_dataset(known.molecules, functional.CARD)
    cut = split(data, {"train": 0.7, "val": 0.1, "test": 0.2}, SEED)
    model = build("gnn", with_bonds | {"dropout": 0.0}, SEED)
    rounds = Recipe(epochs=max(1, EPOCHS // 2), batch_size=32, lr=2e-3, patience=8, seed=SEED)
    fit(model, cut["train"], cut["val"], rounds, progress=bar(), what=f"finding: {group}")
    said = predict(model, cut["test"])
    held = cut["test"].targets.numpy() == 1
    sure = np.flatnonzero(held & (said.guess == 1))
    sure = sure if len(sure) >= 2 else np.flatnonzero(held)
    explained = np.sort(np.random.default_rng(SEED).permutation(sure)[:EXPLAINED])
    mean_atom = cut["train"].inputs.nodes.mean(dim=0)
    zeros, dice = torch.zeros_like(mean_atom), torch.Generator().manual_seed(SEED)
    ways = {
        "integrated gradients": lambda g: integrated_gradients(model, g, 1, mean_atom).detach(),
        "integrated gradients, from zeros": lambda g: integrated_gradients(
            model, g, 1, zeros
        ).detach(),
        "occlusion": lambda g: occlusion(model, g, 1, mean_atom),
        "occlusion, by zeros": lambda g: occlusion(model, g, 1, zeros),
        "chance": lambda g: torch.rand(len(g.nodes), generator=dice),
    }
    row_of = {name: i for i, name in enumerate(data.ids.tolist())}
    rows = [row_of[cut["test"].ids[i]] for i in explained]
    truth = [known.atoms[row] for row in rows]
    owner = np.repeat(np.arange(len(truth)), [len(atoms) for atoms in truth])
    scores = {way: [] for way in ways}
    report = bar()
    for number, i in enumerate(explained.tolist()):
        report(f"scoring atoms: {group}", number, len(explained), "molecules")
        graph = cut["test"].inputs[torch.tensor([i])]
        for way, score_of in ways.items():
            scores[way].append(score_of(graph).double().numpy())
    report(f"scoring atoms: {group}", len(explained), len(explained), "molecules")
    right_atoms = np.concatenate(truth)
    groups = cut["test"].groups[explained]
    found = {
        way: atoms_found(np.concatenate(values), right_atoms, owner, groups)
        for way, values in scores.items()
    }
    right = score(METRICS["accuracy"], said, seed=SEED)
    return Task(right, found, [known.molecules.smiles[r] for r in rows], scores, truth)


nci = ncimolecules.molecules()
tasks = {group: score_atoms(group) for group in (functional.ASKED, "nitro group")}
say(
    "Is the group there, in molecules of new scaffolds? Right in "
    + ", ".join(f"{pm(task.right, '.1%')} ({group})" for group, task in tasks.items())
    + ". Now those that hold it, and that the network knows. Of the highest scored atoms, as many as "
    "there are right ones: **how many are right?**"
)
ways = list(tasks[functional.ASKED].found)
rows = [
    f"| {way} | {' | '.join(pm(task.found[way].top, '.0%') for task in tasks.values())} |"
    for way in ways
]
say(f"| score | {' | '.join(tasks)} |\n|---|---|---|\n" + "\n".join(rows))

# %% tags=["hide-input"]
changed = []
for group, task in tasks.items():
    best = max(ways, key=lambda way: task.found[way].top.value)
    top = task.found[best].top
    fewer = [way for way in ways if way != "chance" and task.found[way].top.high < top.low]
    for way in ("integrated gradients", "occlusion"):
        mean_atom, zeros = (f.top for n, f in task.found.items() if n.startswith(way))
        changed.append(mean_atom.low > zeros.high or zeros.low > mean_atom.high)
    say(
        f"**{group}**: most are found by *{best}*, {pm(top, '.0%')}; by chance it would be "
        f"{task.found[best].chance:.0%}. "
        + (f"Fewer beyond chance: {', '.join(fewer)}. " if fewer else "")
        + (
            "All are found. But mind: the task is clean, and the network is right."
            if top.value > 0.995
            else "Not all are found. One right atom can give the whole group away, since atoms know of "
            "their neighbours; then the others are not needed."
        )
    )
    shown = range(min(3, len(task.smiles)))
    captions = [f"{int(task.truth[k].sum())} atoms are the {group}" for k in shown]
    coloured = [task.scores[best][k].tolist() for k in shown]
    display(HTML(drawings([task.smiles[k] for k in shown], captions, coloured)))
say(
    "Blue atoms speak for the group, orange ones against it. "
    + (
        "What stands for *nothing* changes what is found, and no picture tells which choice was made."
        if any(changed)
        else "What stands for *nothing* did not change what is found here; it may elsewhere."
    )
)

# %% [markdown]
# ## 12 · The trap: two good methods together
#
# A colleague joins the two worlds: her forest gets the fingerprint, and one number more, **what a
# trained network says** of the molecule. To see what it is worth she cross-validates her forest on
# the training molecules, by scaffold, as one should.


# %%
own_train = at_most(train, TRAPPED, SEED)
trained_on = {}


def learn(part):
    """Train a network on some molecules; what comes back is asked about others: how much a yes?"""
    key = part.ids.tobytes() + part.targets.numpy().tobytes()  # the same molecules are learned once
    if key not in trained_on:
        model = build("gnn", with_bonds | {"dropout": 0.0, "readout": "both"}, SEED)
        long = Recipe(epochs=TRAP_EPOCHS, batch_size=32, lr=3e-3, label_smoothing=0, seed=SEED)
        fit(model, part, None, long)
        trained_on[key] = model
    return lambda asked: predict(trained_on[key], asked).probs[:, 1]


def colleagues_column(learn, train, fold):
    says = learn(train)
    return says(train)


# %% tags=["hide-input"]
own_bits = ecfp4(smiles(own_train))
often = (own_bits.mean(axis=0) > 0.01) & (own_bits.mean(axis=0) < 0.99)  # others say little here
fold = folds(own_train.groups, FOLDS, SEED)


def second_model(x, y, q):
    trees = RandomForestClassifier(max(20, TREES // 5), max_features=0.3, random_state=SEED)
    return trees.fit(x, y).predict_proba(q)[:, 1]


def as_yes(p, part):
    probs = np.stack([1 - p, p], axis=1)
    return Predictions(probs, part.targets.numpy(), part.groups, part.ids, part.classes)


def cross_validated(column, part):
    """Her estimate: the forest learns from all folds but one, and is judged on that one."""
    x, y = np.column_stack([own_bits[:, often], column]), part.targets.numpy()
    p = np.zeros(len(part))
    for k in np.unique(fold):
        p[fold == k] = second_model(x[fold != k], y[fold != k], x[fold == k])
    return score(AUROC, as_yes(p, part), seed=SEED)


def on_look(column, part):
    """What becomes of it: molecules that neither network nor forest has seen."""
    q = np.column_stack([bits["look"][:, often], learn(part)(look)])
    p = second_model(np.column_stack([own_bits[:, often], column]), part.targets.numpy(), q)
    return score(AUROC, as_yes(p, look), seed=SEED)


# %%
her_column = colleagues_column(learn, own_train, fold)
hers, hers_new = cross_validated(her_column, own_train), on_look(her_column, own_train)
say(
    f"Her cross-validation on {len(own_train):,} molecules says AUROC **{pm(hers)}**. On molecules "
    f"of new scaffolds it is {pm(hers_new)}."
)

# %% tags=["guess"]
guess("4.trap", "c")

# %% [markdown]
# The test of such a method: give it labels **dealt at random**. Then there is nothing to find, and
# an honest estimate is 0.5.

# %%
order = torch.randperm(len(own_train), generator=torch.Generator().manual_seed(SEED))
dealt = replace(own_train, targets=own_train.targets[order])
her_dealt = cross_validated(colleagues_column(learn, dealt, fold), dealt)
say(
    f"With labels dealt at random her cross-validation says **{pm(her_dealt)}**. "
    + (
        "It finds what is not there."
        if her_dealt.low > 0.5
        else "Here it finds nothing; the network learned too little by heart."
    )
)

# %% [markdown]
# ### Exercise: mend it
#
# What a network says of a molecule must come from a network that has not seen it. `fold` gives each
# training molecule its fold. For each fold train on all others, and ask about it.
# (**Cross-fitting**: Wolpert 1992, Chernozhukov et al. 2018.) `learn(part)` trains, and returns how
# to ask: `learn(part)(other)`. `train.rows(np.flatnonzero(...))` gives some of the molecules.


# %% tags=["exercise"]
def my_column(learn, train, fold):
    """-> one number for each training molecule, by a network that has not seen its fold."""
    found = np.empty(len(train))
    # BEGIN SOLUTION
    for k in np.unique(fold):
        says = learn(train.rows(np.flatnonzero(fold != k)))
        found[fold == k] = says(train.rows(np.flatnonzero(fold == k)))
    return found
    # STUB return ...  # YOUR CODE HERE
    # END SOLUTION


check("4.trap", my_column)

# %%
my_column = use("4.trap", my_column)
column = my_column(learn, own_train, fold)
mended, mended_new = cross_validated(column, own_train), on_look(column, own_train)
mended_dealt = cross_validated(my_column(learn, dealt, fold), dealt)
by_bits = second_model(own_bits[:, often], own_train.targets.numpy(), bits["look"][:, often])
alone = score(AUROC, as_yes(by_bits, look), seed=SEED)
say(
    "| column | cross-validation says | new scaffolds | cross-validation, labels dealt at random "
    "|\n|---|---|---|---|\n"
    f"| hers | {pm(hers)} | {pm(hers_new)} | {pm(her_dealt)} |\n"
    f"| cross-fitted | {pm(mended)} | {pm(mended_new)} | {pm(mended_dealt)} |\n"
    f"| none: the fingerprint alone | | {pm(alone)} | |"
)
say(
    f"Her estimate is off by {hers.value - hers_new.value:+.3f}, the mended one by "
    f"{mended.value - mended_new.value:+.3f}. "
    + (
        "With labels dealt at random the mended one finds nothing, as it should."
        if mended_dealt.low <= 0.5 <= mended_dealt.high
        else "With labels dealt at random the mended one is not quite 0.5 in this draw."
    )
)
say(
    "In the library this is `layerscope.models.crossfit`. It can also join hidden layers, which "
    "must first be turned towards each other, since each network has axes of its own."
)

# %%
explain("4.trap")

# %% [markdown]
# ## 13 · One large graph: where text and graph meet
#
# So far each sample was a graph. In biology there is often **one large graph**, and the question is
# about its nodes. Ours: **genetic diseases**. A node is a disease; what it is, say the sentence
# embeddings (MiniLM, lesson 3) of its phenotypes' names: their mean and spread. Two diseases are
# joined where one gene causes both. Is a disease **dominant, recessive or X-linked**?
#
# Linked data leak in a new way: neighbours of a test node are training nodes. So all diseases that
# a chain of shared genes connects, or nearly the same phenotypes, are one group. Beside it we split
# single diseases at random, as if nothing were linked, to see what that would have sold us.

# %%
every = diseases.diseases(progress=bar())
every = replace(every, all=every.all[:DISEASES])
minilm = pretrained_encoder(1)


def embed(texts):
    """One vector for each text: shorter ones together, so that little is padding."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    report, vectors = bar(), []
    pieces = np.array_split(order, max(1, len(order) // 128))
    for i, rows in enumerate(pieces):
        report("reading phenotypes", i, len(pieces), "batches")
        tokens = minilm.tokenizer.tokens(Texts.of([texts[j] for j in rows]))
        with torch.no_grad():
            vectors.append({s.name: s.h for s in minilm.model.stages(tokens)}["pool"])
    report("reading phenotypes", len(pieces), len(pieces), "batches")
    return torch.cat(vectors)[torch.from_numpy(np.argsort(order))]


z = diseasegraphs.features(every, embed)
node_sets = {
    "the disease alone": diseasegraphs.as_graphs(every, z, kinds=()),
    "with its neighbours": diseasegraphs.as_graphs(every, z, progress=bar()),
}
joined = node_sets["with its neighbours"]
sizes = joined.inputs.owner.bincount()
cut = split(joined, {"train": 0.6, "val": 0.15, "test": 0.25}, SEED)
row = {name: i for i, name in enumerate(joined.ids.tolist())}
at = {n: np.array([row[name] for name in p.ids.tolist()]) for n, p in cut.items()}
shuffled = np.random.default_rng(SEED).permutation(len(joined))
ends = [len(at["train"]), len(at["train"]) + len(at["val"])]
at_random = dict(zip(at, np.split(shuffled, ends)))  # parts of the same sizes, groups divided
say(
    f"{len(joined):,} diseases in {len(np.unique(joined.groups)):,} groups; the neighbourhood of a "
    f"disease has {float(sizes.float().mean()):.1f} nodes on average, of two steps and 16 nodes at "
    f"most. {diseases.CARD.title}."
)

# %%
nodes_say, sold = {}, {}
reads = GNNConfig(z.shape[1], 3, joined.inputs.edge_features.shape[1])
careful = Recipe(
    epochs=max(1, EPOCHS // 2), batch_size=64, lr=3e-3, weight_decay=0.1, patience=6, seed=SEED
)
for n, data in node_sets.items():
    for rows_at, kept_in in ((at, nodes_say), (at_random, sold)):
        p = {part: data.rows(rows) for part, rows in rows_at.items()}
        model = build("gnn", vars(reads) | {"blocks": 2, "readout": "first", "dropout": 0.4}, SEED)
        fit(model, p["train"], p["val"], careful, progress=bar(), what=n)
        kept_in[f"network, {n}"] = predict(model, p["test"])
nodes_say["straight line on its embedding"] = text_line(
    z[at["train"]], cut["train"], z[at["test"]], cut["test"]
)
written = {d.id: " ".join(f"{every.known.terms[t].name}." for t in d.phenotypes) for d in every.all}
as_texts = {
    n: replace(p, inputs=Texts.of([written[name.split()[0]] for name in p.ids.tolist()]))
    for n, p in cut.items()
}
nodes_say["counted words of its phenotypes"] = tfidf(as_texts["train"], as_texts["test"])
nodes_say["majority"] = majority(cut["train"], cut["test"])
told = {n: score(METRICS["accuracy"], p, seed=SEED) for n, p in nodes_say.items()}
rows = [f"| {n} | {pm(s, '.1%')} |" for n, s in told.items()]
say("| method | right, new groups |\n|---|---|\n" + "\n".join(rows))
gain, gain_sold = (
    compare(
        p["network, with its neighbours"],
        p["network, the disease alone"],
        METRICS["accuracy"],
        seed=SEED,
    )
    for p in (nodes_say, sold)
)
best_node = max(told, key=lambda n: told[n].value)
say(
    f"The neighbours bring {100 * gain.value:+.1f} points [{100 * gain.low:+.1f}, "
    f"{100 * gain.high:+.1f}]: "
    + (
        "they help."
        if gain.low > 0
        else "they hurt."
        if gain.high < 0
        else "this test cannot tell."
    )
    + f" The best number here has: *{best_node}*. A graph must earn its place beside counted "
    "words, too. Had single diseases been split at random, the same network would be right in "
    f"{METRICS['accuracy'](sold['network, with its neighbours']):.1%}, and the neighbours would "
    f"bring {100 * gain_sold.value:+.1f} points [{100 * gain_sold.low:+.1f}, "
    f"{100 * gain_sold.high:+.1f}]: a disease of the test has its gene's other diseases in "
    "training."
)

# %% [markdown]
# ## 14 · Your own molecules
#
# A table with a column of SMILES and a column of answers (classes or numbers) is enough:
#
# ```
# layerscope run molecules.csv --smiles SMILES --target y
# ```
#
# Here, write a molecule of your own. Three things belong to an answer: **how sure** it is, **from
# what** it was learned, and **whether** the network has ever seen anything like it.
#
# *How sure?* The networks of the ensemble may disagree. And what they say may be off: so we look up
# how many of the most similar answers were right, among molecules that no network has learned from.
#
# *Seen anything like it?* First measured: does it matter here how similar a molecule is to the most
# similar one in training?

# %%
checked = dataset.rows(unseen_rows)  # look and test
together, each = ask_all(checked)
near = nearest(bits["train"], whole_bits[unseen_rows]).similarity[:, 0]
reach = domain(together, majority(train, checked), near)
rows = [
    f"| {b['from']:.1f} to {b['to']:.1f} | {b['molecules']} | {b['score'].value:.3f} | {pm(b['gain'], '.2f')} |"
    for b in reach["bins"]
]
say(
    "| similarity to the nearest training molecule | molecules | AUROC | gain |\n"
    "|---|---|---|---|\n" + "\n".join(rows)
)
least = 1.0 if reach["trusted_from"] is None else reach["trusted_from"]
seen_features = train.inputs.nodes.amax(dim=0) > 0
sizes = train.inputs.owner.bincount()
say(
    "*Gain* is the share of the squared error of guessing that is gone: 0 is no better than always "
    f"saying the frequencies, 1 is perfect. From a similarity of **{least:.2f}** on it is shown to "
    "be above 0; farther out we warn. And we warn of a molecule that has an atom with something "
    "that no training molecule has, or more atoms than any of them, or fewer."
)


# %%
def ask(text):
    """What the networks say of a molecule, how sure, from what, and whether they have seen its "
    "like."""
    canonical, cause = read_all([text])[0]
    if cause:
        say(f"⚠️ `{text}` cannot be read: {cause}.")
        return
    graph, own_bits = graphs([canonical]), ecfp4([canonical])
    with torch.no_grad():
        probs = np.array([float(m.eval()(graph).softmax(dim=1)[0, 1]) for m in ensemble])
    p = probs.mean()
    like = np.argsort(np.abs(together.probs[:, 1] - p), kind="stable")[:50]
    yes = Predictions(
        np.tile([0.0, 1.0], (len(like), 1)),
        together.targets[like],
        together.groups[like],
        together.ids[like],
        classes,
    )
    share = score(
        METRICS["accuracy"], yes, seed=SEED
    )  # of those with such an answer, how many are a yes
    closest = nearest(bits["train"], own_bits, 3)
    new = [
        NODE_FEATURES[i]
        for i in ((graph.nodes.amax(dim=0) > 0) & ~seen_features).nonzero().flatten()
    ]
    why = []
    if (best := closest.similarity[0, 0]) < least:
        why.append(f"the nearest training molecule has a similarity of only {best:.2f}")
    if new:
        why.append(f"no training molecule has an atom with: {', '.join(new)}")
    if not sizes.min() <= len(graph.nodes) <= sizes.max():
        why.append(
            f"it has {len(graph.nodes)} atoms, training molecules {sizes.min()} to {sizes.max()}"
        )
    known = [n for n, p in parts.items() if canonical in smiles(p)]
    display(
        HTML(
            drawings(
                [canonical, *(smiles_of[train.ids[i]] for i in closest.row[0])],
                [
                    "asked",
                    *(
                        f"training, similarity {s:.2f}: {classes[int(train.targets[i])]}"
                        for i, s in zip(closest.row[0], closest.similarity[0])
                    ),
                ],
            )
        )
    )
    say(
        f"`{canonical}` · {asked.question} The networks say *yes* with **{p:.0%}** "
        f"({probs.min():.0%} to {probs.max():.0%}). Of {len(like)} unseen molecules with such an "
        f"answer, {share.value:.0%} [{share.low:.0%}, {share.high:.0%}] are a yes."
    )
    if known:
        say(f"It is in the table, in *{known[0]}*: so this is no test of what it says of new ones.")
    if why:
        say(f"⚠️ **Outside of what was learned**: {'; '.join(why)}. Do not trust this answer.")


YOURS = "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"  # your own molecule, as SMILES; this one is caffeine
ask(YOURS)

# %%
ask("OC(=O)CCC(N)C(=O)NC(CS)C(=O)NCC(O)=O")  # glutathione
ask("C[Si](C)(C)O[Si](C)(C)O[Si](C)(C)C")  # a siloxane: of silicone

# %% tags=["ci-only"]
assert agree > 0.8, agree
assert gaps["your GIN"] < 1e-5 < gaps["GIN with bonds"], gaps
assert colours == [1, 2], colours
assert curve[-1][2].high < curve[-1][1].low, curve
replaced, added = (smoothed[how] for how in ("replaces", "adds"))
assert replaced[-1].trained.high < min(replaced[0].trained.low, added[-1].trained.low), smoothed
for task in tasks.values():
    assert task.found["integrated gradients"].top.low > task.found["chance"].chance + 0.2, (
        task.found
    )
    assert abs(task.found["chance"].top.value - task.found["chance"].chance) < 0.15, task.found
assert hers.value > hers_new.value + 0.02, (hers, hers_new)
assert her_dealt.low > 0.5, her_dealt
assert abs(mended_dealt.value - 0.5) < 0.12, mended_dealt
assert told["network, the disease alone"].value > told["majority"].value + 0.03, told
if asked.measured:
    assert judged["your GIN"].low > 0.5, judged
    assert not ahead, against
    assert max(lost.values()) > moved, (lost, moved)
    assert best_of_twin.probe.value > usual + 0.02, (best_of_twin, usual)

# %% [markdown]
# ## 15 · What you have seen
#
# - A molecule is a graph: a table of atoms and a list of edges. Hear the neighbours, think alone,
#   repeat; then add up. The order in which atoms are written cannot matter.
# - GCN, GIN and attention differ only in how the others are weighed. In PyG they are one line each,
#   with the same numbers.
# - A fingerprint is message passing without learning. On BBBP's thousand molecules it was hard to
#   beat; for a property that adds up over atoms a network needs fewer (section 6). `layerscope run
#   esol` shows a measured one of that kind.
# - A number without its split says nothing. Section 7 has the sizes.
# - What has the same colours under Weisfeiler and Leman, no such network tells apart; more blocks
#   do not help, and without something that keeps them apart, atoms become alike.
# - Draw the untrained twin: it tells what atoms and random messages bring without any learning.
# - Colours on atoms are a claim. Test it where the answer is known.
# - What a network says of what it has learned by heart must not become a feature.
# - An answer comes with its doubt, its nearest relatives, and a warning.
#
# ### More to try
#
# 1. `layerscope.data.moleculenet` has seven sets more: `BACE`, `ESOL` (solubility), `TOX21` ...
#    Which of them does a network win?
# 2. Section 6 sums over atoms to predict logP. Take `readout="mean"`. What becomes of the error, and
#    why?
# 3. Give your own SMARTS to `functional.label`, such as `"[#7;R]"`. Are its atoms found?
# 4. `torch_geometric.explain.Explainer` with `GNNExplainer` explains networks of PyG. Does it find
#    more of the right atoms?
# 5. Leave *in a ring* out of the bonds. What becomes of section 8?
# 6. Change `SEED`. Which sentences of this lesson change?
#
# ### Where to go next
#
# - Message passing: Gilmer et al. 2017, arXiv:1704.01212. GCN: Kipf and Welling 2017,
#   arXiv:1609.02907. GIN, and what it can tell apart: Xu et al. 2019, arXiv:1810.00826. Attention:
#   Brody, Alon and Yahav 2022, arXiv:2105.14491. AttentiveFP: Xiong et al. 2020,
#   doi:10.1021/acs.jmedchem.9b00959.
# - PyTorch Geometric: Fey and Lenssen 2019, arXiv:1903.02428. RDKit: doi:10.5281/zenodo.591637.
# - Fingerprints: Morgan 1965, doi:10.1021/c160017a018; Rogers and Hahn 2010, doi:10.1021/ci100050t.
#   Colour refinement: Weisfeiler and Leman 1968; Morris et al. 2019,
#   doi:10.1609/aaai.v33i01.33014602.
# - The data: Martins et al. 2012, doi:10.1021/ci300124c (BBBP); Wu et al. 2018,
#   doi:10.1039/C7SC02664A (MoleculeNet); Bemis and Murcko 1996, doi:10.1021/jm9602928 (scaffolds).
#   logP: Wildman and Crippen 1999, doi:10.1021/ci990307l.
# - Over-smoothing: Li, Han and Wu 2018, arXiv:1801.07606. Integrated gradients: Sundararajan et al.
#   2017, arXiv:1703.01365. Attribution with known answers: McCloskey et al. 2019,
#   doi:10.1073/pnas.1820657116.
# - Activity cliffs: van Tilborg et al. 2022, doi:10.1021/acs.jcim.2c01073. Applicability domain:
#   Sahigara et al. 2012, doi:10.3390/molecules17054791.
# - Stacking and cross-fitting: Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1; Chernozhukov et al.
#   2018, doi:10.1111/ectj.12097.
# - Lesson 5: segmentation, a question for every pixel.
