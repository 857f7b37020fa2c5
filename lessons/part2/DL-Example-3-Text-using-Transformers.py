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
#     extra: "text"
#     data: [phenotypes]
#     weights: [minilm]
# ---

# %% [markdown]
# # Lesson 3 · Text using transformers: what does a network have to read before it understands?
#
# A clinician reads "nephrolithiasis" and thinks of the kidney. The letters do not say so. Somewhere
# between the letters and the answer there must be a **representation** in which *nephrolithiasis*,
# *kidney stones* and *renal calculi* lie close together. In this lesson you build such
# representations step by step:
#
# 1. **a bag of words**: count, forget the order, draw a straight line;
# 2. **word pieces and embeddings**: words become numbers that are learned;
# 3. **attention**: every word looks at all others; with it, a small **transformer** from scratch;
# 4. **pretraining**: hide words, and let the network fill them in;
# 5. a transformer that has **read before** (MiniLM): frozen, then fine-tuned.
#
# After each step the same questions: what did it buy? How sure are we? And where in the network does
# the meaning arise?

# %% tags=["parameters"]
SEED = 0  # everything random is drawn from this number
TRAIN = 4_000  # texts to learn from  # smoke: 400
KEPT = 1_200  # texts for each set that is kept aside  # smoke: 150
PIECES = 3_000  # word pieces of the vocabulary  # smoke: 600
SCRATCH_EPOCHS = 8  # rounds, the transformer from scratch  # smoke: 1
UNLABELLED = 16_000  # texts to learn to read from  # smoke: 400
READ_EPOCHS = 6  # rounds, filling in hidden words  # smoke: 1
FINE_EPOCHS = 2  # rounds, fine-tuning  # smoke: 1
LABELS = (3, 10, 30)  # labels per class, for the few-label curve  # smoke: (3,)
DRAWS = 2  # draws of few labels  # smoke: 1
FEW_STEPS = 60  # steps of learning from few labels  # smoke: 3
PER_CELL = 24  # findings for each template of the negation set  # smoke: 4
NEGATION_EPOCHS = 12  # rounds  # smoke: 1
EXPLAINED = 60  # sentences whose words are scored  # smoke: 6
TERMS = 600  # terms compared with the tree of the ontology  # smoke: 60
WALKED = 600  # texts on the maps  # smoke: 100

# %%
from collections import Counter
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from layerscope import atlas
from layerscope.checkpoint import build
from layerscope.data import negation, phenotypes
from layerscope.data.textleaks import crossing, plain
from layerscope.dataset import at_most, few, split
from layerscope.draw.layers import draw_layers, layer_key
from layerscope.draw.style import BLUE, GREEN, ORANGE, PURPLE, RC
from layerscope.draw.words import draw_words
from layerscope.inputs import Texts, Tokens
from layerscope.judge import METRICS, compare, score
from layerscope.lessons import bar, check, explain, guess, say, use
from layerscope.models.bag import line, nearest_text, tfidf
from layerscope.models.baseline import majority
from layerscope.models.encoder import pretrained_encoder
from layerscope.models.transformer import attention
from layerscope.models.wordpiece import MASK, WordPiece, words
from layerscope.predictions import Predictions
from layerscope.pretrain import pretrain, transfer
from layerscope.see.activations import activations, untrained
from layerscope.see.blame import (
    by_word,
    deletion,
    integrated_gradients,
    mean_gain,
    occlusion,
    word_numbers,
)
from layerscope.see.curve import layer_curve, learned
from layerscope.see.influence import estimate
from layerscope.see.similarity import cka_estimate
from layerscope.see.tree import between, tree_fit
from layerscope.study.plan import few_label_recipe
from layerscope.train import Recipe, fit, predict
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

torch.manual_seed(SEED)
plt.rcParams.update({**RC, "figure.facecolor": "white"})

# %% [markdown]
# ## 1 · The texts
#
# The **Human Phenotype Ontology** gives every sign of a disease a term: its name, its synonyms, a
# definition, and its place in a tree. The branches below the root are organ systems. Our task: read
# a text, say which **organ system** it is about. A term may lie in several systems (about a third
# do); these are left out, so our task is easier than the ontology. And it is nearly a tree: some
# terms have several parents. The ontology lies in a Python package, so there is nothing to download.

# %%
loaded = phenotypes.load(progress=bar())
dataset = loaded.dataset
classes, card = dataset.classes, dataset.source
K = len(classes)
names = np.array(classes)[dataset.targets.numpy()]
rows = [f"| {c} | {n:,} |" for c, n in Counter(names.tolist()).most_common()]
say(
    f"""
**{card.title}** · licence: {card.license}

{card.citation}.

*What is a group?* {card.group}.

{len(dataset):,} texts in {len(np.unique(dataset.groups)):,} groups.

| organ system | texts |
|---|---|
"""
    + "\n".join(rows)
)

# %%
some = np.random.default_rng(SEED).choice(len(dataset), 6, replace=False)
rows = [f"| {dataset.inputs.strings[i]} | {dataset.ids[i]} | {names[i]} |" for i in some]
say("| text | what it is | organ system |\n|---|---|---|\n" + "\n".join(rows))

# %% [markdown]
# **Which texts belong together?** A term and its synonyms say the same thing. If the name is in
# training and the synonym in the test part, a method can succeed by finding the twin. So a group is
# never divided. (Section 11 shows what happens otherwise.)

# %%
whole = split(dataset, {"train": 0.55, "val": 0.15, "look": 0.15, "test": 0.15}, SEED)
parts = {n: at_most(p, TRAIN if n == "train" else KEPT, SEED) for n, p in whole.items()}
train, val, test = parts["train"], parts["val"], parts["test"]
for one in ("val", "look", "test"):
    assert not np.intersect1d(train.groups, parts[one].groups).size, "a group stands on both sides"
rows = [f"| {n} | {len(p):,} | {len(np.unique(p.groups)):,} |" for n, p in parts.items()]
say("| part | texts | groups |\n|---|---|---|\n" + "\n".join(rows))
say(
    "*train* is learned from, *val* chooses when to stop, *look* is for looking into the layers, "
    "and *test* is read once, in section 8."
)

# %% [markdown]
# ## 2 · A bag of words
#
# The simplest representation of a text: which words does it hold, and how often? The order is lost.

# %% tags=["guess"]
guess("3.bag", "b")

# %% [markdown]
# ### Exercise: from words to numbers
#
# `column` gives every word of the vocabulary its place. Count.


# %% tags=["exercise"]
def bag(words_of_text, column):
    """Words of one text, {word: its place} -> a list with one count for each word."""
    row = [0] * len(column)
    # BEGIN SOLUTION
    for word in words_of_text:
        if word in column:
            row[column[word]] += 1
    # END SOLUTION
    return row


check("3.bag", bag)

# %%
bag = use("3.bag", bag)


def words_of(texts):
    return [plain(text).split() for text in texts.inputs.strings]


seen = Counter(word for text in words_of(train) for word in set(text))
vocabulary = sorted(word for word, texts in seen.items() if texts >= 2)
column = {word: i for i, word in enumerate(vocabulary)}
counts = {
    n: torch.tensor([bag(text, column) for text in words_of(parts[n])]) for n in ("train", "val")
}
say(
    f"{len(vocabulary):,} words stand in two training texts or more. A text is now a row of "
    f"{len(vocabulary):,} numbers, of which {(counts['train'] > 0).float().mean():.2%} are not zero."
)

# %% [markdown]
# ### Exercise: rare words say more
#
# *the* stands everywhere and says nothing; *renal* is rare and says nearly everything. So each word
# is weighed by its rarity: of $n$ texts, $h$ hold the word; its weight is $\log\frac{1+n}{1+h} + 1$.
# (Spärck Jones 1972.) Counts times rarity is called TF-IDF.


# %% tags=["exercise"]
def rarity(counts):
    """Counts (texts, words) -> one weight for each word."""
    # BEGIN SOLUTION
    holds = (counts > 0).sum(dim=0)
    return torch.log((1 + len(counts)) / (1 + holds)) + 1
    # END SOLUTION


check("3.rarity", rarity)

# %%
rarity = use("3.rarity", rarity)
weight = rarity(counts["train"])
order = weight.argsort()
say(
    f"The commonest words: *{', '.join(vocabulary[i] for i in order[:6])}*. Words of middling rarity: "
    f"*{', '.join(vocabulary[i] for i in order[len(order) // 2 :: max(1, len(order) // 12)][:6])}*."
)

# %% [markdown]
# Then a straight line: **logistic regression** gives each organ system one weight for each word.

# %%
x, q = (torch.nn.functional.normalize(counts[n] * weight, dim=1) for n in ("train", "val"))
by_hand = LogisticRegression(C=10, max_iter=500).fit(x.numpy(), train.targets.numpy())
mine = by_hand.score(q.numpy(), val.targets.numpy())
simple = {
    "majority": METRICS["accuracy"](majority(train, val)),
    "your bag of words": mine,
    "the library's, also pairs of words": METRICS["accuracy"](tfidf(train, val)),
    "runs of 3 to 5 letters instead of words": METRICS["accuracy"](tfidf(train, val, "letters")),
}
rows = [f"| {method} | {value:.1%} |" for method, value in simple.items()]
say("| method, on validation texts | right |\n|---|---|\n" + "\n".join(rows))
strong = simple["runs of 3 to 5 letters instead of words"]
say(
    "The last row counts runs of letters within words (*ren*, *rena*, *enal* ...), nothing else. Keep its "
    f"number in mind: **{strong:.1%}** is what every network below has to beat. Published comparisons often "
    "show less: a counted text whose settings nobody tried is a straw man."
)

# %%
strongest = [(k, by_hand.coef_[k].argsort()[::-1][:5]) for k in range(min(K, len(by_hand.coef_)))]
rows = [f"| {classes[k]} | {', '.join(vocabulary[i] for i in top)} |" for k, top in strongest]
say("What did it learn?\n\n| organ system | its strongest words |\n|---|---|\n" + "\n".join(rows))

# %%
explain("3.bag")

# %% [markdown]
# ## 3 · Pieces of words

# %% tags=["guess"]
guess("3.unknown", "c")

# %%
unseen = [w for text in words_of(val) for w in text if w not in column]
say(
    f"Of the words of the validation texts, {len(unseen) / sum(map(len, words_of(val))):.1%} stood "
    f"in less than two training texts; the bag of words passes them over. For example: "
    f"*{', '.join(sorted(set(unseen), key=len)[-6:])}*."
)

# %% [markdown]
# The way out: cut rare words into **pieces**. Begin with letters. Join the two neighbours that stand
# together most often; that is a new piece; repeat. (So byte-pair encoding learns its pieces; WordPiece
# at first joined by likelihood, and cuts as we do below.) A piece that goes on within a word is
# written with `##`.
#
# ### Exercise: the next piece


# %% tags=["exercise"]
def best_pair(spelled):
    """[(pieces of a word, how often it was met), ...] -> the pair of neighbours met most often."""
    pairs = Counter()
    # BEGIN SOLUTION
    for pieces, times in spelled:
        for pair in zip(pieces, pieces[1:]):
            pairs[pair] += times
    return max(pairs, key=pairs.get)
    # STUB return ...  # YOUR CODE HERE
    # END SOLUTION


check("3.pair", best_pair)

# %%
best_pair = use("3.pair", best_pair)
met = Counter(word.text for text in train.inputs.strings for word in words(text))
spelled = [([word[0], *("##" + c for c in word[1:])], times) for word, times in met.items()]
joined = []
for _ in range(12):
    a, b = best_pair(spelled)
    joined.append(a + b.removeprefix("##"))
    for pieces, _ in spelled:
        for i in range(len(pieces) - 2, -1, -1):
            if i + 1 < len(pieces) and (pieces[i], pieces[i + 1]) == (a, b):
                pieces[i : i + 2] = [joined[-1]]
say("Your first twelve pieces: " + ", ".join(f"`{piece}`" for piece in joined) + ".")

# %%
cutter = WordPiece.train(train.inputs.strings.tolist(), PIECES, progress=bar())
long = sorted((p for p in cutter.vocabulary if not p.startswith(("##", "["))), key=len)[-8:]
say(
    f"The library goes on until there are {len(cutter):,} pieces. Its longest are whole words: "
    f"*{', '.join(long)}*."
)

# %% [markdown]
# ### Exercise: cut a word
#
# Always take the longest piece that fits, then go on behind it.


# %% tags=["exercise"]
def cut(word, vocabulary):
    """A word -> its pieces; ["[UNK]"] where no piece fits."""
    pieces, start = [], 0
    while start < len(word):
        # BEGIN SOLUTION
        for stop in range(len(word), start, -1):
            piece = word[start:stop] if start == 0 else "##" + word[start:stop]
            if piece in vocabulary:
                pieces.append(piece)
                start = stop
                break
        else:
            return ["[UNK]"]
        # STUB return ...  # YOUR CODE HERE
        # END SOLUTION
    return pieces


check("3.cut", cut)

# %%
cut = use("3.cut", cut)
known = set(cutter.vocabulary)
for word in ("nephroblastoma", "hepatosplenomegaly", "kidney"):
    say(f"*{word}* → " + " · ".join(f"`{piece}`" for piece in cut(word, known)))
same = [
    cut(w.text, known) == cutter.encode(w.text).pieces
    for w in words(" ".join(val.inputs.strings[:50]))
]
say(f"Yours and the library's pieces are the same for {sum(same):,} of {len(same):,} words.")

# %%
explain("3.unknown")

# %% [markdown]
# ## 4 · Embeddings, and the mean over tokens
#
# Each piece gets a row of numbers, its **embedding**, which is learned. A text is then a table:
# tokens × features. To decide about the text we need one row: the mean over its tokens. Texts have
# different lengths, so shorter ones are **padded**, and padding must never change a result.
#
# ### Exercise: the mean over real tokens


# %% tags=["exercise"]
def mean_of_tokens(h, mask):
    """Features (texts, tokens, d), mask (texts, tokens) True at real tokens -> (texts, d)."""
    # BEGIN SOLUTION
    kept = h * mask[:, :, None]
    return kept.sum(dim=1) / mask.sum(dim=1)[:, None]
    # END SOLUTION


check("3.mean", mean_of_tokens)

# %% [markdown]
# ## 5 · Attention: every token looks at all others
#
# *left* means one thing in *left ventricle* and another in *hair was left uncut*. To understand a
# word one must look at the others. In **attention** each token asks a question (its *query*), each
# offers an answer to such questions (its *key*), and hands over something (its *value*). How well
# query and key fit decides how much is taken:
#
# $$ \text{weights} = \text{softmax}\left(\frac{q k^T}{\sqrt{d}}\right) \qquad \text{new} = \text{weights} \cdot v $$
#
# ### Exercise: attention


# %% tags=["exercise"]
def attend(query, key, value, mask):
    """Three tensors (texts, tokens, d) and the mask (texts, tokens) -> new values, weights (t, t)."""
    # BEGIN SOLUTION
    scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
    scores = scores.masked_fill(~mask[:, None, :], -torch.inf)
    weights = scores.softmax(dim=-1)
    return weights @ value, weights
    # END SOLUTION


check("3.attend", attend)

# %%
attend = use("3.attend", attend)
mean_of_tokens = use("3.mean", mean_of_tokens)
tokens = {n: replace(p, inputs=cutter.tokens(p.inputs)) for n, p in parts.items()}
some = tokens["val"].inputs[torch.arange(4)]
h = torch.randn(*some.ids.shape, 16, generator=torch.Generator().manual_seed(SEED))
library = attention(h[:, None], h[:, None], h[:, None], some.mask)
apart = (attend(h, h, h, some.mask)[0] - library.values[:, 0]).abs()[some.mask].max()
say(f"Largest difference to the library's attention: **{apart:.1e}**.")
assert apart < 1e-5

# %% tags=["guess"]
guess("3.order", "a")

# %%
turned = torch.arange(some.ids.shape[1]).flip(0)
one = attend(h, h, h, some.mask)[0]
other = attend(h[:, turned], h[:, turned], h[:, turned], some.mask[:, turned])[0]
change = (mean_of_tokens(one, some.mask) - mean_of_tokens(other, some.mask[:, turned])).abs().max()
say(f"Words turned around: the mean over tokens changes by at most **{change:.1e}**.")

# %%
explain("3.order")

# %% [markdown]
# ## 6 · A transformer from scratch
#
# Now all parts together. A **block**: gather from the others (attention), then think alone (two
# matrices, the same for each token); each step is *added* to what was there. A transformer: embed,
# several blocks, mean over tokens, head. The library's is 130 lines with everything above in it.

# %% tags=["guess"]
guess("3.scratch", "b")

# %%
shape = {"vocabulary": len(cutter), "classes": K, "width": 96, "blocks": 3}
scratch = build("transformer", shape, SEED)
recipe = Recipe(epochs=SCRATCH_EPOCHS, batch_size=64, lr=2e-3, seed=SEED)
history = fit(scratch, tokens["train"], tokens["val"], recipe, progress=bar(), what="from scratch")
weights = sum(p.numel() for p in scratch.parameters())
on_val = {"from scratch": METRICS["accuracy"](predict(scratch, tokens["val"]))}
say(
    f"{weights:,} weights; the epoch with the lowest validation loss, {history.best}, was kept. "
    f"Validation texts: **{on_val['from scratch']:.1%}** right, your bag of words "
    f"{simple['your bag of words']:.1%}, the best of the simple methods {strong:.1%}."
)

# %%
explain("3.scratch")

# %% [markdown]
# ## 7 · Learning to read without labels
#
# Labels are dear, texts are cheap. So hide some words and let the network fill them in. Whoever can
# do that has learned what goes with what, and needed no label. This is **self-supervised** learning:
# BERT learned so, from 3.3 billion words (Devlin et al. 2019).
#
# ### Exercise: the loss of hidden words
#
# The network gives each place scores for all pieces. `truth` holds the piece that stood there where
# a word was hidden, and −1 where nothing is asked.


# %% tags=["exercise"]
def hidden_loss(scores, truth):
    """Scores (texts, tokens, pieces), truth (texts, tokens) -> mean loss of what is asked."""
    # BEGIN SOLUTION
    asked = truth >= 0
    return cross_entropy(scores[asked], truth[asked])
    # END SOLUTION


check("3.hidden", hidden_loss)

# %%
unlabelled = at_most(whole["train"], UNLABELLED, SEED)  # the same groups, more texts, no labels
reader = build("transformer", shape, SEED)
reading = Recipe(epochs=READ_EPOCHS, batch_size=64, lr=2e-3, seed=SEED)
report = bar()
for epoch in pretrain(
    reader, cutter.tokens(unlabelled.inputs), tokens["val"].inputs, reading, cutter.vocabulary
):
    report("filling in hidden words", epoch.number, READ_EPOCHS, "epochs")
known_ids = tokens["val"].inputs.ids[tokens["val"].inputs.mask]
often = torch.bincount(known_ids, minlength=len(cutter))
often[[cutter.number[sign] for sign in ("[CLS]", "[SEP]")]] = 0
common = int(often.argmax())
say(
    f"It has read {len(unlabelled):,} texts without a label. Of the hidden pieces of validation texts "
    f"it now fills in **{epoch.share_right:.1%}** rightly; always naming the commonest piece, "
    f"*{cutter.vocabulary[common]}*, would be right in about {often[common] / often.sum():.1%}."
)

# %%
report, curve = bar(), []
cells = [(n, draw) for n in LABELS for draw in range(DRAWS)]
for i, (n, draw) in enumerate(cells):
    report("learning from few labels", i, len(cells), "draws")
    drawn = few(train, n, SEED + draw)
    drawn_tokens = replace(drawn, inputs=cutter.tokens(drawn.inputs))
    steps = few_label_recipe(recipe, len(drawn), FEW_STEPS, SEED + draw)
    curve.append(("bag of letters", n, METRICS["accuracy"](tfidf(drawn, val, "letters"))))
    for kind, model in (
        ("from scratch", build("transformer", shape, SEED + draw)),
        ("has filled in words", transfer(reader, K, SEED + draw)),
    ):
        fit(model, drawn_tokens, None, steps)
        curve.append((kind, n, METRICS["accuracy"](predict(model, tokens["val"]))))
report("learning from few labels", len(cells), len(cells), "draws")

# %% tags=["hide-input"]
looks = {
    "bag of letters": (ORANGE, "^"),
    "from scratch": (PURPLE, "s"),
    "has filled in words": (BLUE, "o"),
    "MiniLM, frozen": (GREEN, "D"),
}


def mean_at(kind, n):
    return float(np.mean([value for k, m, value in curve if (k, m) == (kind, n)]))


def draw_few_labels():
    """Lines: means; dots: single draws of labels."""
    _, ax = plt.subplots(figsize=(7, 3.4))
    kinds = [kind for kind in looks if kind in {k for k, *_ in curve}]
    for kind in kinds:
        colour, marker = looks[kind]
        ax.plot(LABELS, [mean_at(kind, n) for n in LABELS], color=colour, marker=marker, label=kind)
        ax.plot(
            *zip(*[(n, v) for k, n, v in curve if k == kind]), ".", color=colour, alpha=0.5, ms=4
        )
    ax.set(
        xscale="log",
        xlabel="labels per organ system",
        ylabel="right, validation texts",
        ylim=(0, 1),
    )
    ax.set_xticks(LABELS, [str(n) for n in LABELS])
    ax.minorticks_off()
    ax.legend()
    plt.show()
    n = LABELS[-1]
    say(
        f"Lines: means; dots: single draws of labels. With {n} labels per organ system: "
        + ", ".join(f"{kind} {mean_at(kind, n):.1%}" for kind in kinds)
        + f". Best here: *{max(kinds, key=lambda kind: mean_at(kind, n))}*."
    )


draw_few_labels()
gained = [mean_at("has filled in words", n) - mean_at("from scratch", n) for n in LABELS]
say(
    "Filling in words changed the transformer by "
    + ", ".join(f"{100 * g:+.1f} points ({n} labels)" for n, g in zip(LABELS, gained))
    + ". "
    + (
        "It pays, but reading a few thousand texts is not reading billions of words."
        if min(gained) > 0
        else "Here, with this recipe, it did not help with every number of labels. Too few texts may be why, or a "
        "pretraining too short or unsuited: this experiment does not tell. The next section takes a network that "
        "has read far more."
    )
)

# %% [markdown]
# ## 8 · A transformer that has read before
#
# **MiniLM** has 22 million weights and has read more than a billion pairs of sentences. It did more
# than fill in words: it was also trained to lay two texts that belong together near each other, and
# nearest neighbours profit from exactly that. What it has read, we do not know in full. We use it in
# two ways: **frozen**, as a machine that turns texts into numbers, with a straight line behind it; and
# **fine-tuned**: all its weights go on learning, gently.
#
# ### Exercise: gently
#
# Lower layers hold what is general, so they should change least. Each layer learns at `decay` times
# the rate of the layer above it; the head learns at `top`. (Howard and Ruder 2018.)


# %% tags=["exercise"]
def rates(blocks, top, decay):
    """-> blocks + 1 learning rates: of the embeddings, the first block, ..., the last block."""
    # BEGIN SOLUTION
    return [top * decay ** (blocks + 1 - depth) for depth in range(blocks + 1)]
    # END SOLUTION


check("3.rates", rates)

# %%
rates = use("3.rates", rates)
minilm = pretrained_encoder(K, "minilm")
say(f"{minilm.says}. {sum(p.numel() for p in minilm.model.parameters()):,} weights.")
text_tokens = {n: replace(p, inputs=minilm.tokenizer.tokens(p.inputs)) for n, p in parts.items()}
report = bar()
frozen = {}
for i, n in enumerate(("train", "val", "test")):
    report("reading with the frozen network", i, 3, "parts")
    frozen[n] = activations(minilm.model, text_tokens[n])["pool"]
report("reading with the frozen network", 3, 3, "parts")
on_val["frozen, straight line"] = METRICS["accuracy"](
    line(frozen["train"], train, frozen["val"], val)
)
on_val["frozen, nearest"] = METRICS["accuracy"](
    nearest_text(frozen["train"], train, frozen["val"], val)
)

# %% [markdown]
# First with **few labels**, the same as in section 7: here it must show what was read before.

# %%
row_of = {name: i for i, name in enumerate(train.ids.tolist())}
for n, draw in cells:
    drawn = few(train, n, SEED + draw)
    z = frozen["train"][[row_of[name] for name in drawn.ids.tolist()]]
    right = METRICS["accuracy"](nearest_text(z, drawn, frozen["val"], val))
    curve.append(("MiniLM, frozen", n, right))
draw_few_labels()

# %% [markdown]
# Then with all labels, all weights learning.

# %%
gently = Recipe(
    epochs=FINE_EPOCHS, batch_size=32, lr=3e-4, layer_decay=0.8, label_smoothing=0, seed=SEED
)
say(
    "Learning rates at their peak: "
    + ", ".join(f"{rate:.1e}" for rate in rates(6, gently.lr, gently.layer_decay))
    + f"; the head {gently.lr:.1e}."
)
tuned = pretrained_encoder(K, "minilm").model
fit(tuned, text_tokens["train"], text_tokens["val"], gently, progress=bar(), what="fine-tuning")
on_val["fine-tuned"] = METRICS["accuracy"](predict(tuned, text_tokens["val"], 64))
on_val |= {"bag of words": mine, "bag of letters": strong}
rows = [f"| {n} | {v:.1%} |" for n, v in sorted(on_val.items(), key=lambda pair: -pair[1])]
say("| method, on validation texts | right |\n|---|---|\n" + "\n".join(rows))

# %% [markdown]
# ### The test, once
#
# All choices are made. Now the test texts, with intervals over groups, and each method against the
# strongest simple one, on the same texts.

# %%
final = {
    "fine-tuned": predict(tuned, text_tokens["test"], 64),
    "frozen, straight line": line(frozen["train"], train, frozen["test"], test),
    "frozen, nearest": nearest_text(frozen["train"], train, frozen["test"], test),
    "from scratch": predict(scratch, tokens["test"]),
    "bag of letters": tfidf(train, test, "letters"),
    "bag of words": tfidf(train, test),
    "majority": majority(train, test),
}
scores = {n: score(METRICS["accuracy"], p, seed=SEED) for n, p in final.items()}
against = {
    n: compare(p, final["bag of letters"], METRICS["accuracy"], seed=SEED)
    for n, p in final.items()
    if n not in ("bag of letters", "majority")
}
rows = []
for n, s in scores.items():
    d = against.get(n)
    gap = f"{100 * d.value:+.1f} points [{100 * d.low:+.1f}, {100 * d.high:+.1f}]" if d else ""
    rows.append(f"| {n} | {s.value:.1%} [{s.low:.1%}, {s.high:.1%}] | {gap} |")
say("| method | test texts right | against the bag of letters |\n|---|---|---|\n" + "\n".join(rows))
sure = [n for n, d in against.items() if d.low > 0]
beaten = [n for n, d in against.items() if d.high < 0]
say(
    f"Better than counted letters by more than the interval: **{', '.join(sure) or 'none'}**. Worse: "
    f"**{', '.join(beaten) or 'none'}**. All others: this test cannot tell. The intervals hold what other test "
    f"terms would change, not another seed of training; {len(against)} comparisons were made, none corrected."
)
say(
    "With thousands of labels counted letters go far, since a medical term carries its meaning in its Greek and "
    "Latin pieces. The pretrained network shows its worth most clearly where labels are few. Which of the two is "
    "your case?"
)

# %% [markdown]
# ### Where does it fail?
#
# One number hides much. Names are short, definitions long.

# %%
lengths = test.inputs.strings
kinds = test.strata
rows = []
for kind in ("name", "synonym", "definition"):
    here = np.flatnonzero(kinds == kind)
    if len(here) < 5:
        continue
    cells = [
        score(METRICS["accuracy"], final[n].rows(here), seed=SEED)
        for n in ("fine-tuned", "bag of letters")
    ]
    told = " | ".join(f"{s.value:.1%} [{s.low:.1%}, {s.high:.1%}]" for s in cells)
    rows.append(f"| {kind} | {len(here):,} | {told} |")
say("| kind of text | texts | fine-tuned | bag of letters |\n|---|---|---|---|\n" + "\n".join(rows))

p = final["fine-tuned"]
wrong = np.flatnonzero(p.guess != p.targets)
surest = wrong[np.argsort(-p.probs.max(axis=1)[wrong], kind="stable")][:8]
rows = [
    f"| {lengths[i][:150]} | {classes[p.targets[i]]} | {classes[p.guess[i]]} | {p.probs[i].max():.0%} |"
    for i in surest
]
say(
    "The surest mistakes. Whose mistake is it?\n\n| text | label | network | sure |\n|---|---|---|---|\n"
    + "\n".join(rows)
)

# %% [markdown]
# ## 9 · Where does meaning arise?
#
# The question of this course: in which layer does the task become easy? As always with the controls:
# the same network untrained, the input, and shuffled labels. Probes learn from *val* and are scored
# on *look*.

# %%
report = bar()
networks = {
    "from scratch": (scratch, tokens),
    "pretrained": (minilm.model, text_tokens),
    "fine-tuned": (tuned, text_tokens),
}
curves = {}
for i, (n, (model, texts)) in enumerate(networks.items()):
    report("reading the layers", i, len(networks), "networks")
    twin = untrained(model, texts["train"], SEED + 1000)
    curves[n] = [layer_curve(m, texts["val"], texts["look"], SEED) for m in (model, twin)]
report("reading the layers", len(networks), len(networks), "networks")


# %% tags=["hide-input"]
def in_numbers(reading):
    """As the figure wants them: each measure with the ends of its interval."""
    measures = ("probe", "few", "neighbours", "equal", "shuffled")
    return {"stage": reading.stage} | {m: getattr(reading, m)._asdict() for m in measures}


figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", sharey=True)
for ax, (n, (trained, twin)) in zip(axes, curves.items()):
    table = {k: [in_numbers(r) for r in c] for k, c in (("trained", trained), ("untrained", twin))}
    draw_layers([table], ax=ax)
    ax.set_title(n)
    stages = [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()]
    ax.set_xticks(ax.get_xticks(), stages, rotation=60, ha="right", rotation_mode="anchor")
plt.show()
say(layer_key(raw="the embeddings", seeds=1))
for n, (trained, twin) in curves.items():
    found = learned(trained, twin, parts["look"])
    gap = f"{100 * found.ahead.value:+.1f} points [{100 * found.ahead.low:+.1f}, {100 * found.ahead.high:+.1f}]"
    say(
        f"**{n}**: best read from {found.stage}; ahead of {found.rival} by {gap}: "
        + (
            "so much its blocks add to its embeddings (the layer was picked on these texts)."
            if found.ahead.low > 0
            else "no evidence that its blocks add anything."
        )
    )

# %% tags=["guess"]
guess("3.changed", "c")

# %%
a, b = (activations(m, text_tokens["look"]) for m in (minilm.model, tuned))
stages = [stage for stage in a if stage not in ("pool", "logits")]


def mean_part(z):
    """The mean over tokens; the maximum in the other half grows with the length of a text, in any network."""
    return z[:, : z.shape[1] // 2]


never = untrained(minilm.model, text_tokens["train"], SEED + 1000)
c = activations(never, text_tokens["look"])
groups = parts["look"].groups
alike, unlike = (
    [cka_estimate(mean_part(a[s]), mean_part(other[s]), groups) for s in stages] for other in (b, c)
)
rows = [
    f"| {s} | {x.value:.2f} [{x.low:.2f}, {x.high:.2f}] | {y.value:.2f} |"
    for s, x, y in zip(stages, alike, unlike)
]
say(
    "How alike is each layer before and after fine-tuning (debiased CKA; 1 is the same geometry)? Beside it, how "
    "alike the pretrained network is to an untrained twin.\n\n"
    "| layer | fine-tuned | untrained twin |\n|---|---|---|\n" + "\n".join(rows)
)

# %%
explain("3.changed")

# %% [markdown]
# ### Does the network know the tree?
#
# The ontology is a tree: *Fragile nails* is near *Brittle hair* and far from *Deafness*. Nobody told
# the network. Do texts lie near each other where their terms are near in the tree? We compare all
# distances of pairs **within an organ system** (across systems a few words would do): rank
# correlation, 0 by chance. Beside it the untrained twin, and the same terms dealt out anew.

# %%
tree = phenotypes.ontology()
name_rows = np.flatnonzero(whole["look"].strata == "name")
few_names = at_most(whole["look"].rows(name_rows), TERMS, SEED)
ids = [name.split()[0] for name in few_names.ids]
apart_in_tree = between(ids, tree.distance)
few_tokens = replace(few_names, inputs=minilm.tokenizer.tokens(few_names.inputs))
fits, report = {}, bar()
for i, (n, model) in enumerate(
    {"pretrained": minilm.model, "fine-tuned": tuned, "untrained": never}.items()
):
    report("comparing with the tree", i, 3, "networks")
    for stage, z in activations(model, few_tokens).items():
        if stage not in ("logits", "pool"):
            branch = few_names.targets.numpy()
            fits[n, stage] = tree_fit(
                mean_part(z), apart_in_tree, few_names.groups, branch, seed=SEED
            )
report("comparing with the tree", 3, 3, "networks")


def with_interval(e):
    return f"{e.value:+.2f} [{e.low:+.2f}, {e.high:+.2f}]"


stages_of_tree = list(dict.fromkeys(stage for _, stage in fits))
rows = []
for stage in stages_of_tree:
    cells = [
        with_interval(fits[n, stage].within.correlation)
        for n in ("pretrained", "fine-tuned", "untrained")
    ]
    dealt = with_interval(fits["pretrained", stage].permuted_within.correlation)
    rows.append(f"| {stage} | {' | '.join(cells)} | {dealt} |")
say(
    f"{len(ids):,} terms; intervals over groups.\n\n| layer | pretrained | fine-tuned | untrained | "
    "pretrained, dealt anew |\n|---|---|---|---|---|\n" + "\n".join(rows)
)
words_in_common = tree_fit(
    torch.from_numpy(
        CountVectorizer(binary=True).fit_transform(few_names.inputs.strings).toarray()
    ).double(),
    apart_in_tree,
    few_names.groups,
    few_names.targets.numpy(),
    seed=SEED,
).within.correlation
first, lowest, last, after, twin = (
    fits[n, stage].within.correlation
    for n, stage in (
        ("pretrained", stages_of_tree[0]),
        (
            "pretrained",
            min(stages_of_tree, key=lambda s: fits["pretrained", s].within.correlation.value),
        ),
        ("pretrained", stages_of_tree[-1]),
        ("fine-tuned", stages_of_tree[-1]),
        ("untrained", stages_of_tree[-1]),
    )
)
say(
    f"In the last block of the pretrained network {with_interval(last)}, of its untrained twin "
    f"{with_interval(twin)}. But terms that are near in the tree also share words, which a twin does not know: "
    f"words in common alone, without any network, {with_interval(words_in_common)}. "
    + (
        "The network knows more of the tree than that, though it is far from it (1 would be the tree)."
        if last.low > words_in_common.high
        else "The network is not shown to know more of the tree than shared words tell."
    )
)
if last.low > lowest.high and first.low > lowest.high:
    say(f"It is no straight climb: somewhere on the way it has fallen to {lowest.value:.2f}.")
if last.low > after.high:
    say(
        f"Fine-tuning took much of it from the last block ({with_interval(after)}): the task asks for the organ "
        "system, and what is finer than that may go. A representation is good *for a task*."
    )

# %% [markdown]
# ### Walk through it
#
# Every mark is a text. Move the slider of depth, then that of training (pretrained, fine-tuned).
# Search for *kidney*, press a mark, and see who its neighbours are in each layer.

# %%
look = text_tokens["look"]
page = atlas(
    {"pretrained": minilm.model, "fine-tuned": tuned},
    look,
    fit_on=text_tokens["val"],
    samples=WALKED,
    texts=parts["look"].inputs.strings.tolist(),
    title="MiniLM on phenotypes",
    names=("MiniLM", ""),
    seed=SEED,
    progress=bar(),
)
display(page)

# %% [markdown]
# ## 10 · What does a decision rest on?
#
# Negation decides much in clinical text: *no seizure* is not *seizure*. We made sentences from
# templates, so that the truth is known: is a finding **affirmed**, **negated** or only
# **speculated**? Two tests: findings never seen, in wordings that were; and **wordings** never seen.

# %%
sentences = negation.dataset(SEED, PER_CELL)
wordings = split(sentences, {"known": 0.75, "new": 0.25}, SEED)  # its groups are the wordings
known = wordings["known"]
finding = np.array([name.rsplit("/", 1)[1] for name in known.ids])
order = np.random.default_rng(SEED).permutation(np.unique(finding))
fourth = len(order) // 4
share = {"test": order[:fourth], "val": order[fourth : fourth + 5], "train": order[fourth + 5 :]}
says = {n: known.rows(np.flatnonzero(np.isin(finding, f))) for n, f in share.items()}
says["new"] = wordings["new"]
say(f"{sentences.source.title}. For example: *{sentences.inputs.strings[0]}*")
reads = WordPiece.train(says["train"].inputs.strings.tolist(), 1500)
said = {n: replace(p, inputs=reads.tokens(p.inputs)) for n, p in says.items()}
small = build(
    "transformer",
    {"vocabulary": len(reads), "classes": 3, "width": 64, "blocks": 2, "longest": 64},
    SEED,
)
learning = Recipe(epochs=NEGATION_EPOCHS, batch_size=32, lr=2e-3, seed=SEED)
fit(small, said["train"], said["val"], learning, progress=bar(), what="learning about negation")
judged = {
    (method, n): score(METRICS["accuracy"], predicted, seed=SEED)
    for n in ("test", "new")
    for method, predicted in (
        ("transformer", predict(small, said[n])),
        ("bag of words", tfidf(says["train"], says[n])),
    )
}
rows = []
for method in ("transformer", "bag of words"):
    cells = [
        f"{s.value:.1%} [{s.low:.1%}, {s.high:.1%}]"
        for s in (judged[method, n] for n in ("test", "new"))
    ]
    rows.append(f"| {method} | {' | '.join(cells)} |")
say(
    "Intervals over wordings; by chance a third would be right. (The first column rests on "
    f"{fourth} findings only, whose luck is not in its interval.)\n\n| | new findings, known wordings | "
    "new wordings |\n|---|---|---|\n" + "\n".join(rows)
)
say(
    "With *no fever, but a seizure* and *a seizure, but no fever* counting words does not help: both hold the "
    "same words. Who knows the wordings by heart needs no rule; a new wording tells who has one. Read the last "
    "column before you trust a system with negation, and mind how wide its intervals are."
)

# %% tags=["guess"]
guess("3.weights", "a")

# %% [markdown]
# Four ways to score the words of a sentence: **occlusion** (hide a word: by how much does the network
# become less sure?), **integrated gradients** (the slope along the way from an empty text), the
# **attention** that a word gets in the last block, and **chance**. Then the test: hide words from the
# most important to the least, and watch the probability of the answer fall. A good score makes it
# fall faster than words hidden at random.

# %%
small.eval()
mask_id = reads.number[MASK]
answers_of = small(said["test"].inputs).argmax(dim=1)
chosen = np.random.default_rng(SEED).permutation(len(says["test"]))[:EXPLAINED]
dice = torch.Generator().manual_seed(SEED)
checks = {"occlusion": [], "integrated gradients": [], "attention": [], "chance": []}
kept = {}
report = bar()
for i, row in enumerate(chosen.tolist()):
    report("scoring words", i, len(chosen), "sentences")
    text = said["test"].inputs[torch.tensor([row])]
    target = int(answers_of[row])
    numbers = word_numbers([reads.vocabulary[j] for j in text.ids[0].tolist()])
    empty = Tokens(torch.where(numbers >= 0, mask_id, text.ids[0])[None], text.mask)
    with torch.no_grad():
        h, start = small.embed(text)[0], small.embed(empty)[0]
        got = [w[0].mean(dim=(0, 1)) for w in small.attentions(text)][-1]

    def of_embeddings(many, mask=text.mask):
        return small.logits_of(many, mask.expand(len(many), -1))

    ways = {
        "occlusion": occlusion(small, text, target, mask_id, numbers),
        "integrated gradients": integrated_gradients(of_embeddings, h, start, target, 32),
        "attention": got,
        "chance": torch.rand(len(numbers), generator=dice),
    }
    kept[row] = (numbers, ways)
    for way, scored in ways.items():
        checks[way].append(
            deletion(small, text, scored.detach(), mask_id, numbers, draws=39, seed=SEED)
        )
report("scoring words", len(chosen), len(chosen), "sentences")
groups = says["test"].groups[chosen]
gains = {way: mean_gain(found, groups) for way, found in checks.items()}
rows = [f"| {way} | {g.value:+.3f} [{g.low:+.3f}, {g.high:+.3f}] |" for way, g in gains.items()]
say(
    "How much faster than at random does the probability fall (mean area, 0 = no faster; intervals "
    "over templates)?\n\n| score | gain |\n|---|---|\n" + "\n".join(rows)
)
best = max(("occlusion", "integrated gradients"), key=lambda way: gains[way].value)
apart = torch.tensor([a.gain - b.gain for a, b in zip(checks[best], checks["attention"])]).double()
gap = estimate(lambda weights: weights @ apart / weights.sum(), groups)  # of the same sentences
say(
    f"The best but attention is *{best}*; attention is behind it by {gap.value:.3f} "
    f"[{gap.low:.3f}, {gap.high:.3f}]. "
    + (
        "Attention weights find less of what the decision rests on."
        if gap.low > 0
        else "This run does not tell them apart."
    )
)

# %% tags=["hide-input"]
truth = says["test"].targets
clear = [
    i for i in chosen.tolist() if truth[i] == answers_of[i] == sentences.classes.index("negated")
]
row = (clear or chosen.tolist())[0]
numbers, ways = kept[row]
text = said["test"].inputs[torch.tensor([row])]
spans = reads.encode(says["test"].inputs.strings[row])
shown = [w.text for w in words(says["test"].inputs.strings[row])]
figure, axes = plt.subplots(3, 1, figsize=(10, 4.6))
for ax, way in zip(axes, ("occlusion", "integrated gradients", "attention")):
    scored = by_word(ways[way].detach(), numbers)
    draw_words(shown[: len(scored)], scored.numpy(), ax)
    ax.set_title(f"{way}: for the answer “{sentences.classes[int(answers_of[row])]}”")
plt.show()
say(
    f"The label of this sentence is **{sentences.classes[int(truth[row])]}**. Blue words speak for the "
    "answer, orange ones against it. Attention has no sign: it cannot speak against anything."
)

# %%
explain("3.weights")

# %% [markdown]
# ## 11 · The trap: a very good score
#
# A colleague wants the best score, so she takes all texts and draws a fifth of them at random for the
# test. Her method only looks for the most similar training text.


# %%
def colleagues_split(dataset, seed):
    rows = np.random.default_rng(seed).permutation(len(dataset))
    fifth = len(dataset) // 5
    return np.sort(rows[fifth:]), np.sort(rows[:fifth])


def nearest_score(split_by, dataset, seed):
    fit_rows, test_rows = split_by(dataset, seed)
    one, two = dataset.rows(fit_rows), dataset.rows(test_rows)
    two = at_most(two, KEPT, SEED)
    x, q = word_rows(one), word_rows(two)
    best = (q @ x.T).argmax(axis=1)  # cosine: rows have length 1
    guess_of = one.targets.numpy()[np.asarray(best).ravel()]
    p = Predictions(np.eye(K)[guess_of], two.targets.numpy(), two.groups, two.ids, classes)
    return score(METRICS["accuracy"], p, seed=SEED), one, two


# %% tags=["hide-input"]
from sklearn.feature_extraction.text import TfidfVectorizer

groups = np.random.default_rng(SEED).permutation(np.unique(dataset.groups))
TRAP = dataset.rows(
    np.flatnonzero(np.isin(dataset.groups, groups[: len(groups) * TRAIN // 16_000]))
)
letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True)
letters.fit(TRAP.inputs.strings)


def word_rows(part):
    """Parts of words, counted and weighed: a text as a row."""
    return letters.transform(part.inputs.strings)


# %%
hers, her_train, her_test = nearest_score(colleagues_split, TRAP, SEED)
say(f"Her nearest neighbour is right in **{hers.value:.1%}** [{hers.low:.1%}, {hers.high:.1%}].")

# %% tags=["guess"]
guess("3.trap", "c")

# %%
both = crossing(her_train.inputs.strings.tolist(), her_test.inputs.strings.tolist())
term = np.array([name.split()[0] for name in TRAP.ids])
of = dict(zip(TRAP.ids.tolist(), term.tolist()))
hers_known = {of[name] for name in her_train.ids.tolist()}
shared = np.mean([of[name] in hers_known for name in her_test.ids.tolist()])
say(
    f"For {shared:.1%} of her test texts, another text **of the same term** stands in training; "
    f"{len(both.near) / len(her_test):.1%} have a near twin there, word by word."
)

# %% [markdown]
# ### Exercise: mend it
#
# Write a split that never divides a group: `dataset.groups` says what belongs together.


# %% tags=["exercise"]
def my_split(dataset, seed):
    """-> rows to learn from, rows of the test part (about a fifth)."""
    # BEGIN SOLUTION
    groups = np.random.default_rng(seed).permutation(np.unique(dataset.groups))
    in_test = np.isin(dataset.groups, groups[: len(groups) // 5])
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)
    # END SOLUTION


check("3.trap", my_split)

# %%
my_split = use("3.trap", my_split)
mended, *_ = nearest_score(my_split, TRAP, SEED)
say(
    f"By groups, the same method is right in **{mended.value:.1%}** [{mended.low:.1%}, "
    f"{mended.high:.1%}], by her split in {hers.value:.1%}. "
    + (
        f"Her split flattered it by {100 * (hers.value - mended.value):.1f} points."
        if hers.low > mended.high
        else "The intervals overlap: too few texts to see what the twins do."
    )
)
say(
    "This is not a toy problem. In GAD, a data set of sentences about genes and diseases that many "
    "papers use, the same sentence stands there once for each pair of names in it, in training and in "
    "the test part; `layerscope run gad` finds these twins and leaves them out of training."
)

# %%
explain("3.trap")

# %% tags=["ci-only"]
assert simple["your bag of words"] > 0.5, simple
assert on_val["from scratch"] < strong, on_val
assert on_val["from scratch"] < mine + 0.03, on_val
assert strong > mine + 0.02, simple
few_labels = {kind: mean_at(kind, LABELS[0]) for kind in looks}
assert few_labels["MiniLM, frozen"] > few_labels["bag of letters"] + 0.05, few_labels
assert scores["fine-tuned"].value > scores["from scratch"].value, scores
assert alike[-1].value < alike[0].value - 0.1, alike
assert change < 1e-5
assert hers.value > mended.value + 0.1, (hers, mended)
assert gains["occlusion"].low > 0, gains
assert abs(gains["chance"].value) < 0.15, gains
assert judged["transformer", "test"].value > 0.75, judged
assert judged["bag of words", "test"].value > judged["bag of words", "new"].value + 0.2, judged

# %% [markdown]
# ## 12 · Your own sentences
#
# A table with a column of texts and a column of labels is enough:
#
# ```
# layerscope run notes.csv --text report --label outcome --group patient
# ```
#
# Give `--group` where rows belong together, for example reports of one patient. The report that it
# writes has the same parts as this lesson: baselines, intervals, layers, mistakes, leaks, an atlas.
#
# Here, write a few words of your own. Which term of the ontology is nearest in meaning?

# %% [markdown]
# ### Search by meaning
#
# Write a few words of your own: which term of the ontology is nearest? Two texts are near if their
# features point the same way (cosine). But the features of **which layer**? We do not assume, we
# measure: each of some terms is looked up by one of its synonyms, among the names of all terms here.

# %%
QUERY = "wobbly walk"  # your own words
term = np.array([name.split()[0] for name in dataset.ids])
synonym = np.array([name.endswith("synonym 1") for name in dataset.ids])
both = np.intersect1d(term[dataset.strata == "name"], term[synonym])
drawn = np.random.default_rng(SEED).permutation(both)
some = np.isin(term, drawn[: 5 * TERMS])
name_rows = np.flatnonzero(some & (dataset.strata == "name"))
asked = np.flatnonzero(np.isin(term, drawn[:TERMS]) & synonym)
read = {}
report = bar()
for i, rows in enumerate((name_rows, asked)):
    report("reading terms", i, 2, "times")
    texts = dataset.rows(rows)
    texts = replace(texts, inputs=minilm.tokenizer.tokens(texts.inputs))
    read[i] = activations(minilm.model, texts)
report("reading terms", 2, 2, "times")
found = {}
for stage in stages:
    x, q = (torch.nn.functional.normalize(mean_part(read[i][stage]), dim=1) for i in (0, 1))
    place = (q @ x.T).argsort(dim=1, descending=True)
    hit = term[name_rows][place.numpy()]
    right = (hit[:, :10] == term[asked][:, None]).any(axis=1)
    found[stage] = right[::2].mean(), right[1::2].mean()
rows = [f"| {stage} | {chosen:.1%} | {judged:.1%} |" for stage, (chosen, judged) in found.items()]
serves = max(stages, key=lambda stage: found[stage][0])
say(
    f"{len(asked):,} synonyms looked up among {len(name_rows):,} names: how often is the right term "
    "among the first ten? The layer is chosen by one half of them and judged by the other.\n\n"
    "| layer | found, to choose by | found, to judge by |\n|---|---|---|\n"
    + "\n".join(rows)
    + f"\n\n**{serves}** is chosen; on the other half it finds {found[serves][1]:.1%}."
)


# %%
def search(query, top=5):
    one = minilm.tokenizer.tokens(Texts.of([query]))
    with torch.no_grad():
        z = one.pool({stage.name: stage.h for stage in minilm.model.stages(one)}[serves])
    x = torch.nn.functional.normalize(mean_part(read[0][serves]), dim=1)
    alike = x @ torch.nn.functional.normalize(z, dim=1)[0]
    return [
        (dataset.inputs.strings[name_rows[i]], float(alike[i])) for i in alike.topk(top).indices
    ]


say(
    f"Nearest to *{QUERY}*:\n\n"
    + "\n".join(f"{i}. {name} ({value:.2f})" for i, (name, value) in enumerate(search(QUERY), 1))
    + "\n\nThe command `layerscope search phenotypes` looks through all terms and synonyms."
)

# %% [markdown]
# ## 13 · What you have seen
#
# - A text can be represented in many ways. Counted words, or better letters, are what every network
#   must beat; with many labels they are hard to beat.
# - Pieces of words make every word readable. Attention lets words change each other's meaning.
# - A transformer from scratch needs much to learn from. A network that has read before brings it
#   along, and that shows most where labels are few. How much stands in sections 7 and 8.
# - Meaning arises layer by layer, and fine-tuning changes the last layers most. See section 9.
# - What a decision rests on must be tested by taking it away.
# - Texts have twins. Split by what belongs together.
#
# ### More to try
#
# 1. Leave the definitions out (`dataset.strata`). Which method suffers most?
# 2. Take `width=192, blocks=6` for the transformer from scratch. Does it help?
# 3. `pretrained_encoder(K, "pubmedbert")` (on a GPU): what does a network that has read PubMed bring?
# 4. Give your own sentences with *no*, *without*, *cannot be excluded* to the network of section 10.
# 5. Change `SEED`. Which sentences of this lesson change?
#
# ### Where to go next
#
# - Attention: Vaswani et al. 2017, arXiv:1706.03762. BERT: Devlin et al. 2019,
#   doi:10.18653/v1/N19-1423. MiniLM: Wang et al. 2020, arXiv:2002.10957. Sentence embeddings: Reimers
#   and Gurevych 2019, doi:10.18653/v1/D19-1410.
# - Biomedical text: PubMedBERT and the BLURB benchmark, Gu et al. 2021, doi:10.1145/3458754.
# - Fine-tuning: Howard and Ruder 2018, arXiv:1801.06146. Low-rank adapters: Hu et al. 2021,
#   arXiv:2106.09685 (`layerscope.models.lora`).
# - What attention is not: Jain and Wallace 2019, doi:10.18653/v1/N19-1357; the answer by Wiegreffe and
#   Pinter 2019, doi:10.18653/v1/D19-1002. Integrated gradients: Sundararajan et al. 2017,
#   arXiv:1703.01365.
# - The ontology: Gargano et al. 2024, doi:10.1093/nar/gkad1005.
# - Lesson 4: molecules as graphs.
