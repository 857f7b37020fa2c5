"""Questions of lesson 2: asked before the experiment, explained after it."""

from layerscope.lessons.guess import Option, Question

QUESTIONS = {
    "2.channels": Question(
        "Our images have one channel (grey). A course normalises them with the means of ImageNet, three numbers, one "
        "for each colour, and forgets to make three channels. What happens?",
        {
            "a": Option(
                "No error. Out come three channels that are shifted differently: a tinted image.",
                "The grey channel is repeated silently, and each copy gets another mean and spread: just what three "
                "copies would have given. That is right for a network trained with these numbers. Ours comes with its "
                "own (`network.mean`, `network.std`); where they differ from these it is wrong, and nothing warns "
                "you. Look at the shape and the range of a batch.",
            ),
            "b": Option(
                "An error: shapes (1, 64, 64) and (3, 1, 1) do not fit.",
                "They do fit, by a rule of PyTorch (and NumPy) that is called broadcasting: an axis of length 1 is "
                "repeated. That saves typing, and hides mistakes.",
            ),
            "c": Option(
                "No error. Only the first of the three means is used, since there is one channel.",
                "Broadcasting repeats the short axis; it never drops numbers of the long one.",
            ),
        },
        right="a",
    ),
    "2.resize": Question(
        "fastai changes images at two places: `item_tfms` one by one, before they are stacked to a batch; `batch_tfms` "
        "on the whole batch, on the GPU if there is one. A course trained on images of 1,024 pixels and put "
        "`Resize(800)` among the `batch_tfms`. At which size did it train?",
        {
            "a": Option("800 pixels.", "So its authors believed, since there was no error and training ran."),
            "b": Option(
                "1,024 pixels.",
                "`Resize` works on pictures (PIL), and in a batch there are no pictures any more, only numbers. A "
                "transform that finds nothing it can work on does nothing, silently. Look at the shape of a batch.",
            ),
            "c": Option(
                "At none: fastai stops with an error.",
                "fastai sends each kind of data to the transforms that know it; one that knows none of them is passed "
                "over without a word. That is the trap.",
            ),
        },
        right="b",
    ),
    "2.rate": Question(
        "The learning rate finder suggests a rate. We train one round with it, one round with a ninth of it, and look "
        "at the loss on validation images. What do you expect of the ninth?",
        {
            "a": Option(
                "The loss is higher: after one round it has not come as far.",
                "With the same number of steps, a ninth of the step length gets less far downhill. A course let the "
                "finder run, showed its curve, and then trained with a ninth of what it suggested, by a typed number.",
            ),
            "b": Option(
                "The loss is lower: small steps are careful steps.",
                "Small steps are careful, but one round has only a few dozen of them. Whoever takes small steps does "
                "not get far.",
            ),
            "c": Option(
                "The same: the optimizer adapts the rate by itself.",
                "Adam adapts the steps of the weights relative to each other; how long they are overall is still the "
                "learning rate.",
            ),
        },
        right="a",
    ),
    "2.middle": Question(
        "The network learned from photographs of dogs, cars and palaces. We read its layers with a straight line that "
        "gets 10 labelled MedNIST images per class. Which layer serves medical images best?",
        {
            "a": Option(
                "The first: edges and spots are the same everywhere.",
                "They are the same everywhere, and so they do not yet tell a hand from a head. Much combining is left "
                "to do for ten labels.",
            ),
            "b": Option(
                "One in the middle.",
                "Parts and textures serve other tasks as well. The last layers were shaped for one task, the 1,000 "
                "classes of ImageNet, and threw away what does not serve it. Yosinski et al. 2014 measured this.",
            ),
            "c": Option(
                "The last: it has seen the most.",
                "It is best for its own task. For another it has already thrown away too much: it knows many kinds of "
                "dog and no bone.",
            ),
        },
        right="b",
    ),
    "2.max": Question(
        "Each image of a study gets a probability of being abnormal. In some abnormal studies only one view shows what "
        "is wrong. Take the maximum over the images instead of the mean: what happens to *normal* studies with many "
        "images, at the same threshold?",
        {
            "a": Option(
                "Nothing: all of their images are normal, so the maximum is low.",
                "Every image has its chance of looking suspicious. The maximum of four draws is greater than the "
                "maximum of one, even if nothing is wrong.",
            ),
            "b": Option(
                "They get fewer false alarms: more images give more certainty.",
                "That holds for the mean, where errors average out. The maximum listens to one image alone.",
            ),
            "c": Option(
                "They get more false alarms, the more images they have.",
                "The most suspicious of many normal images is more suspicious than the one image of a small study. "
                "The maximum finds what one view shows, and pays with alarms. The threshold has to move with it.",
            ),
        },
        right="c",
    ),
    "2.prevalence": Question(
        "A test finds 85 of 100 ill people and clears 85 of 100 healthy ones. In MURA about half of the studies are "
        "abnormal. You use it where 2 of 100 are ill. It gives an alarm. How likely is the patient ill?",
        {
            "a": Option("About 85 %.", "That is the share of the ill who get an alarm. You were asked the other way."),
            "b": Option(
                "About 50 %.",
                "Of 100 people, 2 are ill and 98 healthy. 15 % of 98 is about 15 false alarms, against 2 right ones.",
            ),
            "c": Option(
                "About 10 %.",
                "Of 1,000 people, 20 are ill and 17 of them get an alarm; 980 are healthy and 147 of them get one too. "
                "17 of 164 is 10 %. The test is the same; the people are others.",
            ),
        },
        right="c",
    ),
    "2.unit": Question(
        "We judge the same network by image and give an interval, once as if every image were a person of its own, "
        "once with all images of a patient kept together. Which interval is wider?",
        {
            "a": Option(
                "The one with patients kept together.",
                "Images of one patient share the bone, the fracture and the mistake of the network: they repeat each "
                "other. There are as many independent witnesses as patients, or little more.",
            ),
            "b": Option(
                "The one with images on their own: there are more of them, so more can vary.",
                "More independent samples make an interval narrower. The question is whether they are independent.",
            ),
            "c": Option(
                "They are equal: it is the same network on the same images.",
                "The value is the same. The interval tells what other patients would have given, and those come with "
                "all of their images at once.",
            ),
        },
        right="a",
    ),
}
