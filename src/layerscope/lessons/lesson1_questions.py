"""Questions of lesson 1: asked before the experiment, explained after it."""

from layerscope.lessons.guess import Option, Question

QUESTIONS = {
    "1.twins": Question(
        "We draw a fifth of all images at random as test images. Some of them have a near twin (correlation above "
        "0.95) among the images that the network learns from. In which kind of class is their share largest?",
        {
            "a": Option(
                "X-ray films: they all look alike.",
                "Two films differ more than two neighbouring slices, even of one person: another day, another "
                "position. (Many people in the NIH chest set were filmed several times, so the same patient may "
                "still stand on both sides.)",
            ),
            "b": Option(
                "Slices of CT and MR series: a neighbour slice shows nearly the same.",
                "A scanner writes a series of slices a few millimetres apart. A random draw puts one slice on one "
                "side and its neighbour on the other.",
            ),
            "c": Option(
                "About the same share in every class, since the draw is random.",
                "The draw treats all classes alike, but the classes are not alike: where an image has many near "
                "copies, a random draw nearly always leaves one of them on the other side.",
            ),
        },
        right="b",
    ),
    "1.nearest": Question(
        "A method without any learning: shrink each image to 16×16 pixels and answer with the class of the training "
        "image that is most alike. How good is it?",
        {
            "a": Option(
                "As bad as guessing, one in six.",
                "The classes differ in their rough shape and brightness, and a thumbnail shows that.",
            ),
            "b": Option(
                "Right for about half of the images.",
                "Even the mean image of each class does better than that. Shape at 16×16 pixels says nearly "
                "everything here.",
            ),
            "c": Option(
                "Right for more than nine of ten images.",
                "This task hardly needs learning. A network that gets 98 % here has shown very little, so baselines "
                "come first.",
            ),
        },
        right="c",
    ),
    "1.first": Question(
        "Six classes, and a network with small random weights that has learned nothing. About how large is its loss, "
        "the mean of -log p(true class)?",
        {
            "a": Option(
                "About 0: it has made no mistake yet.",
                "A loss of 0 means that the network is certain and right. This one is neither.",
            ),
            "b": Option(
                "About 1.8, the logarithm of 6.",
                "Small weights give nearly equal logits, so each class gets about 1/6, and -log(1/6) = log 6 = 1.79. "
                "If your first loss is far from that, look for a mistake before you train.",
            ),
            "c": Option(
                "About 6, one for each class.",
                "The loss is a mean of -log p over images. With p near 1/6 that is log 6, not 6.",
            ),
        },
        right="b",
    ),
    "1.deeper": Question(
        "We add a second hidden layer, or make the layer wider. What does that guarantee?",
        {
            "a": Option(
                "Better answers on new images.",
                "More parameters can fit the training images better. Whether new images gain is a question that only "
                "images kept aside can answer.",
            ),
            "b": Option(
                "Worse answers on new images, because of overfitting.",
                "Often networks with far more parameters than images do well on new ones. There is no such law.",
            ),
            "c": Option(
                "Nothing about new images: one has to measure.",
                "Right: that is what the validation set is for. Watch also how much the result moves when only the "
                "seed changes: a smaller difference between two networks is no evidence.",
            ),
        },
        right="c",
    ),
    "1.shift": Question(
        "Both networks learned from images in which the body part is centred. Now we move each new image to the "
        "right by some pixels. Which network suffers more?",
        {
            "a": Option(
                "The fully connected one.",
                "It has a weight for each position. Move the image, and each pixel meets a weight that was learned "
                "for another place.",
            ),
            "b": Option(
                "The convolutional one.",
                "It uses the same kernel at every position and in the end averages over positions, so a moved image "
                "gives moved maps with nearly the same average.",
            ),
            "c": Option(
                "Both the same: neither has seen a moved image.",
                "Neither has seen one, but the convolutional network need not: that a thing stays the same thing "
                "when it moves is built into it.",
            ),
        },
        right="a",
    ),
    "1.believe": Question(
        "A colleague's curve says that a handful of labels per class give a perfect result on validation images. "
        "What do you do first?",
        {
            "a": Option(
                "Believe it: the task is easy, as the baselines have shown.",
                "An easy task makes a high number plausible. That is just why a wrong one slips through.",
            ),
            "b": Option(
                "Repeat it with more seeds and show the interval.",
                "Seeds show how much a number varies. A number that is wrong for the same reason each time will not "
                "vary.",
            ),
            "c": Option(
                "Feed the same code something on which it cannot be right, such as shuffled labels.",
                "A test that must fail is the quickest way to see whether a number can be wrong at all. If it stays "
                "perfect, the fault is in the code that judges.",
            ),
        },
        right="c",
    ),
    "1.clean": Question(
        "We read each layer of the trained CNN with a straight line (a probe), and the same layers of its twin that "
        "was never trained. Clean images. What will the *early* layers of the twin show?",
        {
            "a": Option(
                "Chance level: random weights destroy the information.",
                "A random layer mixes the pixels, but it hardly throws anything away, and a straight line on many "
                "random features can do a lot.",
            ),
            "b": Option(
                "Nearly the same as the trained network: the task is too easy to tell them apart.",
                "On clean images even raw pixels nearly suffice, so random features do as well. That is why a layer "
                "curve needs its twin beside it, and a harder task.",
            ),
            "c": Option(
                "Much worse than raw pixels.",
                "Random convolutions with a ReLU even help a straight line: they offer it bent combinations of "
                "neighbouring pixels, which single pixels do not contain.",
            ),
        },
        right="b",
    ),
    "1.task": Question(
        "Three networks of the same build, with equally many outputs, see the same images. One learns the organ, one "
        "how the image was turned, one whether it is a negative. From the *last* layer (the logits) of the network "
        "that learned the turn, how well can the organ be read?",
        {
            "a": Option(
                "Badly: its last layer keeps the turn and lets the organ go.",
                "A representation is good for a task. Early layers serve several questions, the last one mostly its "
                "own. And it is not its size: the logits of all networks are equally many.",
            ),
            "b": Option(
                "As well as from the one that learned the organ: the images are the same.",
                "The images are, the labels are not. Both last layers have equally many numbers, but each keeps what "
                "its own labels asked for.",
            ),
            "c": Option(
                "Not at all, in any of its layers.",
                "In its early and middle layers the organ is still there: you see it in the rows of the figure.",
            ),
        },
        right="a",
    ),
}
