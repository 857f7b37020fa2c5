"""Exercises of lesson 4, molecules: their tests, hints and reference answers; and its questions."""

from layerscope.lessons import lesson4_answers as answers
from layerscope.lessons import lesson4_tests as tests
from layerscope.lessons.check import Check
from layerscope.lessons.lesson4_questions import QUESTIONS as QUESTIONS

CHECKS = {
    "4.edges": Check(
        tests.both_ways,
        (
            "bonds has one row for each bond. Turned (bonds.T) its rows are: from, to.",
            "The way back is the same with both rows exchanged: .flip(0).",
            "torch.cat([bonds.T, bonds.T.flip(0)], dim=1)",
        ),
        answers.both_ways,
    ),
    "4.neighbours": Check(
        tests.neighbour_sum,
        (
            "h[edges[0]] are the messages, one for each edge.",
            "Begin with zeros, and add each message at its receiver, edges[1].",
            "torch.zeros_like(h).index_add(0, edges[1], h[edges[0]])",
        ),
        answers.neighbour_sum,
    ),
    "4.renumber": Check(
        tests.renumbered,
        (
            "nodes[order] puts the atoms in their new order.",
            "An edge names old atoms. Where does old atom order[i] stand now? At i.",
            "place = torch.empty_like(order); place[order] = torch.arange(len(order)); then nodes[order], place[edges]",
        ),
        answers.renumbered,
    ),
    "4.gcn": Check(
        tests.gcn_weights,
        (
            "How many edges reach each node? edges[1].bincount(minlength=nodes)",
            "An edge from s to r weighs 1 / sqrt(d[s] * d[r]).",
            "d = edges[1].bincount(minlength=nodes).float(); (d[edges[0]] * d[edges[1]]) ** -0.5",
        ),
        answers.gcn_weights,
    ),
    "4.gin": Check(
        tests.gin_step,
        (
            "Gather: the atom itself, (1 + own) times, and the sum of its neighbours.",
            "You have written the sum already: neighbour_sum(h, edges). Then `think` works on the whole.",
            "think((1 + own) * h + neighbour_sum(h, edges))",
        ),
        answers.gin_step,
    ),
    "4.fingerprint": Check(
        tests.fingerprint,
        (
            "In each round an atom's new number is the hash of its own and of its neighbours' numbers.",
            "Neighbours have no order, so sort: tuple(sorted(numbers[j] for j in near)).",
            "numbers = [hash((own, tuple(sorted(numbers[j] for j in near)))) for own, near in zip(numbers, "
            "neighbours)]; found |= set(numbers)",
        ),
        answers.fingerprint,
    ),
    "4.scaffold": Check(
        tests.scaffold_split,
        (
            "Draw scaffolds, not molecules: shuffle sorted(set(scaffolds)).",
            "Take one scaffold after the other into the test part until it holds the share that was asked for.",
            "for kind in np.random.default_rng(seed).permutation(sorted(set(scaffolds))): stop if in_test.mean() >= "
            "share, else in_test |= np.array(scaffolds, dtype=object) == kind",
        ),
        answers.scaffold_split,
    ),
    "4.trap": Check(
        tests.out_of_fold,
        (
            "Train one model for each fold k, on the molecules of all others: train.rows(np.flatnonzero(fold != k)).",
            "Ask it about the molecules of fold k, and write what it says into found[fold == k].",
            "for k in np.unique(fold): says = learn(train.rows(np.flatnonzero(fold != k))); "
            "found[fold == k] = says(train.rows(np.flatnonzero(fold == k)))",
        ),
        answers.out_of_fold,
    ),
}
