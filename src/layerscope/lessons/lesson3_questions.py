"""Questions of lesson 3: asked before the experiment, explained after it."""

from layerscope.lessons.guess import Option, Question

QUESTIONS = {
    "3.bag": Question(
        "We count which words a text holds, forget their order, and draw a straight line between the counts. There are "
        "14 organ systems, so a blind guess is right in about one of ten texts (some systems are larger). How many "
        "texts about terms that it has never seen will this method get right?",
        {
            "a": Option(
                "About one in five: without order there is no meaning.",
                "Much of the meaning is in single words: *renal*, *retinal*, *cardiac* each name an organ. Order "
                "matters less than one thinks.",
            ),
            "b": Option(
                "More than half.",
                "Words such as *renal* or *corneal* nearly give the answer away. A bag of words is a strong baseline, "
                "and a paper that leaves it out hides something.",
            ),
            "c": Option(
                "Nearly all: medical terms say which organ they mean.",
                "Many do, but in many words for one thing (*renal*, *kidney*, *nephro-*), and a bag of words must have "
                "met each of them.",
            ),
        },
        right="b",
    ),
    "3.unknown": Question(
        "A word that stood in no training text comes along: *nephroblastoma*. What can each method make of it?",
        {
            "a": Option(
                "Neither knows it: what was never seen cannot be read.",
                "That is so for the bag of words. But pieces of words were seen.",
            ),
            "b": Option(
                "Both know it: it looks like words that they know.",
                "A bag of words compares whole words. To it, *nephroblastoma* and *nephropathy* are strangers.",
            ),
            "c": Option(
                "The bag of words passes it over; word pieces read parts of it, such as neph, which they know.",
                "A piece that was met in *nephrotic* or *nephropathy* is known here too. That is why nearly every "
                "language model of today reads pieces.",
            ),
        },
        right="c",
    ),
    "3.order": Question(
        "We take the places away from the embeddings: a token says what it is, but not where it stands. Then we turn "
        "the words of a sentence around. What does attention, followed by the mean over tokens, answer?",
        {
            "a": Option(
                "Exactly the same, up to rounding.",
                "Attention sees a set, not a sequence. That is why places are added to the embeddings.",
            ),
            "b": Option(
                "Something else, since each word has other neighbours now.",
                "Attention compares each token with ALL others. Who stands next to whom plays no part in it.",
            ),
            "c": Option(
                "Nonsense: attention needs places to work.",
                "It works well without them. It only cannot tell *man bites dog* from *dog bites man*.",
            ),
        },
        right="a",
    ),
    "3.scratch": Question(
        "A transformer learns to read from our few thousand short texts alone, from scratch. Will it beat the best "
        "of the simple methods of section 2, counted runs of letters?",
        {
            "a": Option(
                "Yes, clearly: it is the network behind all language models.",
                "Those have read billions of words. Ours has read a few thousand texts, and must learn from them what "
                "a word means and what the task is.",
            ),
            "b": Option(
                "No: with so few texts it stays behind.",
                "Depth pays where there is enough to learn from, or where something was learned before. Nothing is "
                "wrong with the network; it has only just begun to read.",
            ),
            "c": Option(
                "No, it learns nothing at all.",
                "It is far better than always naming the largest organ system. See its curve of layers.",
            ),
        },
        right="b",
    ),
    "3.changed": Question(
        "Fine-tuning changes all weights of the pretrained network. In which layers will its representation have "
        "changed most?",
        {
            "a": Option(
                "In the first: all that follows depends on it.",
                "What letters and words are does not depend on our task, so there is little to change there. (And we "
                "let lower layers learn more slowly.)",
            ),
            "b": Option(
                "In all alike: they all get gradients.",
                "They do, but small changes of many layers add up along the way, and the last ones have most to do.",
            ),
            "c": Option(
                "In the last ones.",
                "Changes of all layers add up on the way, and we let the upper ones learn faster: both work this way. "
                "Which of the last ones changed most, by a hair, another run may decide.",
            ),
        },
        right="c",
    ),
    "3.weights": Question(
        "Attention weights show how much each token takes from each other one. If a word gets much attention, does the "
        "decision rest on it?",
        {
            "a": Option(
                "Not necessarily: it must be tested, by taking words away.",
                "A claim about what a decision rests on is a claim about what happens without it. So we take words "
                "away, and compare with taking away words at random.",
            ),
            "b": Option(
                "Yes: that is what attention means.",
                "The name suggests it. But a weight says what is mixed in ONE block, not what the last layer makes of "
                "it. Our check by deletion measures the difference.",
            ),
            "c": Option(
                "No, attention has nothing to do with it.",
                "It moves all information between tokens, so it is not unrelated. It is only no measure of importance.",
            ),
        },
        right="a",
    ),
    "3.trap": Question(
        "A colleague draws a fifth of all texts at random as test texts. Every term is there with its name, its "
        "synonyms and its definition. Her nearest-neighbour method gets a very good score. Why?",
        {
            "a": Option(
                "Nearest neighbours suit texts well.",
                "See what is left of it when no term stands on both sides.",
            ),
            "b": Option(
                "By chance: another draw would give another score.",
                "Every random draw parts the synonyms in the same way. The error is the same every time.",
            ),
            "c": Option(
                "For most test texts, another text of the same term stands in training, with the answer.",
                "*Nephrolithiasis* is in the test part, *Kidney stones* in training. The method need not know "
                "medicine; it only needs to find the twin.",
            ),
        },
        right="c",
    ),
}
