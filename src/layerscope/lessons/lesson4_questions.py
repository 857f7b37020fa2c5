"""Questions of lesson 4: asked before the experiment, explained after it."""

from layerscope.lessons.guess import Option, Question

QUESTIONS = {
    "4.order": Question(
        "A molecule has no first atom: whoever writes it down numbers its atoms as he likes. We number them in another "
        "way, pass messages, and take the sum over all atoms. What changes?",
        {
            "a": Option(
                "Nothing, up to rounding.",
                "Each atom hears the same neighbours as before, and a sum over all has no order. This is built into "
                "the network, so it need not be learned from examples.",
            ),
            "b": Option(
                "The result: each atom now stands in another row.",
                "The rows change places, and so do the messages. But a sum does not ask in which order it is added up.",
            ),
            "c": Option(
                "Little, after training: the network learns that the order means nothing.",
                "A network that reads a list of atoms would have to learn that, from very many examples. Ours cannot "
                "see the order at all.",
            ),
        },
        right="a",
    ),
    "4.count": Question(
        "An atom takes the MEAN over its neighbours. One atom has one oxygen beside it, another has two, and nothing "
        "else. Which of the two ways to gather can tell these atoms apart: the mean, or the sum?",
        {
            "a": Option(
                "Both: they see different neighbours.",
                "The mean of one oxygen is an oxygen, and the mean of two is an oxygen too.",
            ),
            "b": Option(
                "Only the sum.",
                "A mean says what the neighbours are like, a sum also how many there are, if no feature gives the "
                "number away. GIN takes the sum; GCN lies between the two.",
            ),
            "c": Option(
                "Neither, before it has learned.",
                "No weight is needed for it: twice a number is another number.",
            ),
        },
        right="b",
    ),
    "4.win": Question(
        "About a thousand molecules to learn from, whose scaffolds do not occur in the test part. A graph network "
        "against a fingerprint of 2,048 bits with a random forest, a method of 2001. Who wins?",
        {
            "a": Option(
                "The network, clearly: it learns its own features.",
                "It must learn them from a thousand molecules, while the fingerprint brings them along. Look at the "
                "interval of the difference.",
            ),
            "b": Option(
                "Neither is better than always saying yes.",
                "Both rank molecules far better than that. See the AUROC, for which always saying yes gives 0.5.",
            ),
            "c": Option(
                "The network is not clearly ahead.",
                "Features that need not be learned are worth much where there is little to learn from. Papers "
                "in which the network wins by far have often taken a weak fingerprint for the comparison.",
            ),
        },
        right="c",
    ),
    "4.split": Question(
        "Papers report an AUROC between about 0.7 and 0.95 for one and the same data set, BBBP. What moves this number "
        "most?",
        {
            "a": Option(
                "Which molecules are put into the test part.",
                "Near relatives in training make the test easy; a test part of the rarest scaffolds makes it hard. "
                "Numbers of two papers can be compared only if they are of the same split.",
            ),
            "b": Option(
                "The architecture of the network.",
                "Architectures differ too. By how much, against the splits, stands in the two columns of the table.",
            ),
            "c": Option(
                "The seed of the training.",
                "That matters too, but less than how the molecules are divided.",
            ),
        },
        right="a",
    ),
    "4.blind": Question(
        "Decalin is two rings of six that share a bond. Bicyclopentyl is two rings of five, joined by a bond. Both "
        "have ten carbon atoms. Our network knows of an atom its element, its neighbours and its hydrogens. How large "
        "must it be to tell the two apart?",
        {
            "a": Option(
                "Four blocks and 64 features are enough: the molecules are small.",
                "Compare its two answers to the last digit.",
            ),
            "b": Option(
                "Ten blocks, so that messages go around the rings.",
                "A message that comes back around a ring brings nothing that says so: nobody signs messages.",
            ),
            "c": Option(
                "No size is enough: it gives both the same answer, whatever its weights.",
                "Each atom of the one has a partner in the other with the same neighbours, whose neighbours have the "
                "same neighbours, and so on. A network that passes messages sees no more than that.",
            ),
        },
        right="c",
    ),
    "4.deep": Question(
        "Each block lets an atom hear one bond farther. So we take twelve blocks, one after the other. What happens "
        "to the atoms of a molecule, if each block REPLACES what was there?",
        {
            "a": Option(
                "They become alike.",
                "Averages of averages are all one. It is called over-smoothing. If what a block finds is ADDED to what "
                "was there, as in our networks, more of each atom is kept.",
            ),
            "b": Option(
                "They become more and more different: each has a wider view.",
                "Wider views overlap: twelve bonds away, atoms of most molecules all see the same, the whole molecule.",
            ),
            "c": Option(
                "Nothing, after four blocks all has been heard.",
                "What was heard is averaged on and on, and every averaging takes something away.",
            ),
        },
        right="a",
    ),
    "4.twin": Question(
        "We never train the network: its messages are made with random weights. Then a straight line reads its layers. "
        "How much of the answer will it find?",
        {
            "a": Option(
                "Nothing: it has learned nothing.",
                "The network has not, but the line has. And random messages still carry who is bonded to whom.",
            ),
            "b": Option(
                "Much of what it finds in the trained network.",
                "What atoms there are tells much, and messages at random are a fingerprint already: what is told apart "
                "by its neighbourhood stays apart. So a curve that rises with depth is no evidence of learning, until "
                "the twin stands beside it.",
            ),
            "c": Option(
                "More than in the trained network.",
                "That would be strange, though in single layers it happens. See the curves and their intervals.",
            ),
        },
        right="b",
    ),
    "4.trap": Question(
        "A colleague gives her forest one more feature: what the trained network says of each molecule. She tries it "
        "out by cross-validation on the training molecules, and it is almost perfect. On the test molecules it is not. "
        "Why?",
        {
            "a": Option(
                "Bad luck with the test molecules.",
                "Then it would not happen again where there is nothing to learn at all: with labels dealt at random.",
            ),
            "b": Option(
                "A network and a forest do not go together.",
                "They go together well, if what the network says of a molecule is said by a network that has not "
                "seen it.",
            ),
            "c": Option(
                "The network has learned from the very molecules that she cross-validates with.",
                "Its answer for a training molecule holds that molecule's label. Cross-validating the forest alone "
                "does not help: the label has come in before, through the feature.",
            ),
        },
        right="c",
    ),
}
