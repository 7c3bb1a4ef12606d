"""Exercises: functions of first lectures that a student writes."""

from dlplug import Exercise, Target

DIGITS = Target("val/accuracy", "scikit-learn's digits, the validation split", at_least=0.9)

EXERCISES = {
    "backpropagation": Exercise(
        summary="The backward pass of an affine layer, in NumPy",
        function="dlplug_basics.in_numpy.network:Affine.backward",
        check="dlplug_basics.exercises.checks:affine_backward",
        recipe="numpy-mlp",
        options={"steps": 600},
        target=DIGITS,
        minutes=0.2,
        hints=[
            "The forward pass is y = x W + b, and self.x is x. You are passed ∂L/∂y (B, O).",
            "Shapes lead the way: ∂L/∂W is of the shape of W (I, O), and the only product of x (B, I) and ∂L/∂y (B, O)"
            " with that shape is xᵀ ∂L/∂y.",
            "b is added to every example, so its gradient is the sum over the examples. Leave both in self.gradients,"
            ' {"w": …, "b": …}; return ∂L/∂x = ∂L/∂y Wᵀ.',
        ],
        level=1,
    ),
    "batch-norm": Exercise(
        summary="Batch normalisation: batch statistics in training, running averages afterwards",
        function="dlplug_basics.batch_norm:BatchNorm.forward",
        check="dlplug_basics.exercises.checks:batch_norm",
        recipe="mlp-digits",
        options={"model.batch_norm": True, "steps": 400},
        target=DIGITS,
        minutes=0.2,
        hints=[
            "self.training says which of the two it is: the batch's mean and variance, or self.running_mean and"
            " self.running_variance. batch_norm has the formula.",
            "The variance that normalises is Σ (x - μ)² / B, not / (B - 1).",
            "In training call self.follow with the mean and the unbiased variance, Σ (x - μ)² / (B - 1), detached.",
        ],
        level=2,
    ),
}
