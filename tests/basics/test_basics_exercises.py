"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

from dlplug_basics.batch_norm import batch_norm

from dlplug.testing import check_exercise


def test_backpropagation():
    def means_the_bias(self, gradient):
        self.gradients = {"w": self.x.T @ gradient, "b": gradient.mean(0)}
        return gradient @ self.weights["w"].T

    def transposes_the_weights(self, gradient):
        self.gradients = {"w": gradient.T @ self.x, "b": gradient.sum(0)}
        return gradient @ self.weights["w"].T

    def returns_nothing(self, gradient):
        self.gradients = {"w": self.x.T @ gradient, "b": gradient.sum(0)}

    def keeps_nothing(self, gradient):
        return gradient @ self.weights["w"].T

    said = check_exercise("backpropagation", [means_the_bias, transposes_the_weights, returns_nothing, keeps_nothing])
    assert said[0].startswith("∂L/∂b (O,), in self.gradients['b']: expected")
    assert said[1].startswith("∂L/∂W (I, O), in self.gradients['w']: expected an array (3, 2)")
    assert "is a `return` missing?" in said[2]
    assert said[3] == "self.gradients needs w and b, and has []"


def test_batch_norm():
    def normalised(self, x, variance, following):
        if not self.training:
            return batch_norm(x, self.running_mean, self.running_variance, self.gamma, self.beta, self.epsilon)
        self.follow(x.mean(0), following)
        return batch_norm(x, x.mean(0), variance, self.gamma, self.beta, self.epsilon)

    def unbiased(self, x):
        return normalised(self, x, x.var(0), x.var(0))

    def follows_the_biased(self, x):
        return normalised(self, x, x.var(0, unbiased=False), x.var(0, unbiased=False))

    def always_the_batch(self, x):
        if self.training:
            self.follow(x.mean(0), x.var(0))
        return batch_norm(x, x.mean(0), x.var(0, unbiased=False), self.gamma, self.beta, self.epsilon)

    divides, follows, batch = check_exercise("batch-norm", [unbiased, follows_the_biased, always_the_batch])
    assert divides.startswith("the output in training, by the batch's mean and its variance Σ (x - μ)² / B: expected")
    assert follows.startswith("running_variance after a batch")
    assert batch.startswith("the output in eval mode")
