"""Exercises: functions of computer vision that a student writes."""

from dlplug import Exercise, Target

EXERCISES = {
    "fgsm": Exercise(
        summary="The fast gradient sign method: an image that a classifier gets wrong, one step away",
        function="dlplug_vision.attacks.gradient:fgsm",
        check="dlplug_vision.exercises.checks:fgsm",
        recipe="digits",
        options={"metrics": ["attack"], "metrics.attack.method": "fgsm"},
        target=Target(
            "val/robust_accuracy", "scikit-learn's digits under your attack, ε 0.1; not attacked 0.98", at_most=0.85
        ),
        minutes=0.2,
        hints=[
            "Training descends the gradient with respect to the weights; an attack ascends that with respect to the"
            " image.",
            "logits_and_gradient has the gradient of each image's loss with respect to it; call it within"
            " `with attacked(model):`, so that the weights stay as they are.",
            "Every pixel moves by ε, whatever the gradient's size: only its sign counts. within keeps the result in"
            " [0, 1] and ε-near.",
        ],
        level=2,
    ),
    "soft-assignment": Exercise(
        summary="How much a descriptor counts for each visual word, by its distance",
        function="dlplug_vision.bag_of_words.words:shares",
        check="dlplug_vision.exercises.checks:shares",
        recipe="bovw-digits",
        options={"images": 5000, "model.words": 100},
        target=Target("val/accuracy", "scikit-learn's digits, the bag of words", at_least=0.9),
        minutes=0.2,
        hints=[
            "The shares of a descriptor are a softmax over the words of -β |d - w|²: all of them sum to 1.",
            "|d - w|² = |d|² - 2 d·w + |w|² makes one matrix product of all distances.",
            "exp of a large negative number is 0, and 0 / 0 is NaN: let softmax do it, which subtracts the largest.",
        ],
        level=3,
    ),
}
