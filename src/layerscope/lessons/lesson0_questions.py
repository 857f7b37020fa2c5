"""Questions of lesson 0: asked before the cell that answers them."""

from layerscope.lessons.guess import Option, Question

QUESTIONS = {
    "0.line": Question(
        "Healthy people lie in the middle of the plane, sick ones all around. Take the best of all straight lines. How "
        "many of new people will it put on the right side?",
        {
            "a": Option(
                "About 90 %.", "A line cuts off one side of the ring, but the ring's other sides stay with the healthy."
            ),
            "b": Option(
                "About half, no more than always the same answer.",
                "A line can do a little better: it cuts a slice off the ring, and all in this slice are sick.",
            ),
            "c": Option(
                "About two thirds.",
                "It cuts a slice off the ring and is right there. But the sick of all other sides stay with the "
                "healthy.",
            ),
            "d": Option(
                "All of them, if the line is well chosen.",
                "A straight line has two sides, and sick people lie on all sides of the healthy.",
            ),
        },
        right="c",
    ),
    "0.width": Question(
        "Hidden layers turn two lab values into new numbers; then a straight cut must suffice. The first of two hidden "
        "layers has one, two or three units (new numbers); the second has two. How many does the first need to "
        "separate a disc from the ring around it nearly perfectly?",
        {
            "a": Option(
                "One.",
                "One unit is a ramp in one direction. Along any direction, sick people lie on both sides of the "
                "healthy.",
            ),
            "b": Option(
                "Two.",
                "Two units can bend the plane, but it stays a plane: the middle stays enclosed by the ring. "
                "Bending within the plane never takes it out.",
            ),
            "c": Option(
                "Three.",
                "With a third number there is a third dimension: the middle can be pushed out of the plane, like the "
                "bottom of a bowl, and a flat cut takes it off.",
            ),
        },
        right="c",
    ),
    "0.zeros": Question(
        "All weights and biases start at exactly zero, instead of small random numbers. What happens in training?",
        {
            "a": Option(
                "It learns nothing but the share of each class.",
                "Every hidden unit gives 0, so no weight has any effect and no weight gets a gradient. Only the last "
                "bias moves. Units that start equal stay equal: chance must make them differ first.",
            ),
            "b": Option(
                "The network learns as well; it only takes longer.",
                "More time does not help: the gradients of the weights are exactly zero, at every step.",
            ),
            "c": Option(
                "The gradients overflow.",
                "They do the opposite: they are exactly zero.",
            ),
        },
        right="a",
    ),
    "0.forget": Question(
        "We never call `forget`, so gradients of all earlier steps stay in `p.grad` and add up. What happens?",
        {
            "a": Option(
                "Python stops with an error.",
                "Every number has a lawful value. No program notices; only a person who looks does.",
            ),
            "b": Option(
                "Nothing: the loss goes down as before.",
                "It may look so for a few steps, while the old gradients still point the right way.",
            ),
            "c": Option(
                "No error, but each step follows the sum of all gradients so far, and training rolls past the valley.",
                "Like a ball without friction: it gathers speed and cannot stop at the bottom. PyTorch's gradients "
                "add up in the same way, and `optimizer.zero_grad()` is its `forget`.",
            ),
        },
        right="c",
    ),
    "0.rate": Question(
        "The same network is trained with three learning rates: the middle one, one that is a thousand times "
        "smaller, and one that is a hundred times larger. What do the loss curves look like?",
        {
            "a": Option(
                "All three end at the same loss; the small rate just needs longer.",
                "The small one would get there, in a thousand times as many steps. The large one never does.",
            ),
            "b": Option(
                "The larger the rate, the lower the final loss.",
                "Up to a point. A step that is longer than the valley is wide lands higher on the other side.",
            ),
            "c": Option(
                "The small one hardly moves, the middle one falls, the large one jumps up or stays high.",
                "A gradient is only true nearby. Small steps waste it, and huge steps go where it no longer holds.",
            ),
        },
        right="c",
    ),
    "0.shuffled": Question(
        "We shuffle the labels of these few images at random: 'hand' may now stand under a head. Then we measure "
        "again how well a flat cut separates the classes of the raw thumbnails. What will it say?",
        {
            "a": Option(
                "Nearly 100 %.",
                "There are more pixels than images, so there is a flat cut for any labels whatever (Cover 1965). A "
                "measure that praises nonsense cannot tell a good representation from a bad one.",
            ),
            "b": Option(
                "About one in six, which is chance.",
                "An honest measure would say so. But there are more pixels than images, so a flat cut can be found for "
                "any labels whatever, and this measure does not notice.",
            ),
            "c": Option(
                "About 50 %.",
                "Nothing here has two equal halves: there are six classes, so pure luck would be about 17 %.",
            ),
        },
        right="a",
    ),
    "0.islands": Question(
        "A map lays each image near those that are like it. We draw one of the raw thumbnails, one after each layer, "
        "before and after training. Where will the six kinds of examination lie apart, as islands?",
        {
            "a": Option(
                "Only in the trained network, after its last hidden layers.",
                "Training makes islands rounder and moves them apart, but it need not make them: images of one kind "
                "resemble each other before any network looks at them.",
            ),
            "b": Option(
                "In the raw thumbnails already, though not all of them clearly.",
                "Two images of one kind resemble each other pixel by pixel, so the nearest neighbours of an image "
                "are mostly of its kind. An island in a map is therefore no proof that anything was learned. Ask "
                "what a straight line can read, and compare with the pixels and with the untrained network.",
            ),
            "c": Option(
                "Nowhere: with six kinds of images, a map in the plane has no room for islands.",
                "Islands need neighbours that agree, not many dimensions. A plane has room for hundreds of them.",
            ),
        },
        right="b",
    ),
}
