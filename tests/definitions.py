"""What the registries hold, written a second time: as papers print it, knowing nothing of the code.

Whoever adds an activation, a loss, an optimizer, a schedule, an initializer or a layer writes its
definition here, under the same name. It is the one place where a wrong constant shows: the
derivative may well be that of the wrong function, and every backend computes the same wrong number.
"""

import math

import numpy as np

# The constants of SELU from their closed form (Klambauer et al. 2017, eq. 14), not from the code.
_TAIL = math.erfc(math.sqrt(0.5)) * math.sqrt(math.e)
SELU_ALPHA = -math.sqrt(2.0 / math.pi) / (_TAIL - 1.0)
SELU_SCALE = (
    (1.0 - _TAIL)
    * math.sqrt(2.0 * math.pi)
    / math.sqrt(
        2.0 * math.erfc(math.sqrt(2.0)) * math.e**2
        + math.pi * _TAIL**2
        - 2.0 * (2.0 + math.pi) * _TAIL
        + math.pi
        + 2.0
    )
)


def gelu(z):
    return z / 2.0 * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (z + 0.044715 * z**3)))


#: Activations, of an array z in float64; good for moderate z.
ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1.0),
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * (np.exp(z) - 1.0)),
    "gelu": gelu,
    "silu": lambda z: z / (1.0 + np.exp(-z)),
    "mish": lambda z: z * np.tanh(np.log(1.0 + np.exp(z))),
    "softplus": lambda z: np.log(1.0 + np.exp(z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "sigmoid": lambda z: 1.0 / (1.0 + np.exp(-z)),
    "exponential": np.exp,
    "softmax": lambda z: np.exp(z) / np.sum(np.exp(z), axis=0),
}

#: Losses, of one prediction a and one target y.
LOSSES = {
    "binary_cross_entropy": lambda a, y: -math.log(a) if y == 1.0 else -math.log(1.0 - a),
    "categorical_cross_entropy": lambda a, y: -math.log(a) if y == 1.0 else 0.0,
    "squared_error": lambda a, y: (a - y) ** 2 / 2.0,
    "absolute_error": lambda a, y: abs(a - y),
    "huber": lambda a, y: (a - y) ** 2 / 2.0 if abs(a - y) <= 1.0 else abs(a - y) - 0.5,
    "poisson": lambda a, y: (y * math.log(y / a) if y > 0.0 else 0.0) - y + a,
}

# The textbook's rules, one parameter x at a time, with its gradient g at step t, and a dictionary s
# to remember things in.


def sgd(alpha=0.1):
    return lambda x, g, t, s: x - alpha * g


def momentum(alpha=0.1, mu=0.9):
    def rule(x, g, t, s):
        s["v"] = mu * s.get("v", 0.0) - alpha * g
        return x + s["v"]

    return rule


def nesterov(alpha=0.1, mu=0.9):
    """In terms of the point looked ahead to, as Sutskever's thesis rewrites it (7.2)."""

    def rule(x, g, t, s):
        before = s.get("v", 0.0)
        s["v"] = mu * before - alpha * g
        return x - mu * before + (1.0 + mu) * s["v"]

    return rule


def rmsprop(alpha=0.001, rho=0.9, epsilon=1e-8):
    def rule(x, g, t, s):
        s["v"] = rho * s.get("v", 0.0) + (1.0 - rho) * g**2
        return x - alpha * g / (math.sqrt(s["v"]) + epsilon)

    return rule


def adam(alpha=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Algorithm 1 with its corrected moments; epsilon hat as section 2 has it."""

    def rule(x, g, t, s):
        s["m"] = beta1 * s.get("m", 0.0) + (1.0 - beta1) * g
        s["v"] = beta2 * s.get("v", 0.0) + (1.0 - beta2) * g**2
        m_hat, v_hat = s["m"] / (1.0 - beta1**t), s["v"] / (1.0 - beta2**t)
        return x - alpha * m_hat / (math.sqrt(v_hat) + epsilon / math.sqrt(1.0 - beta2**t))

    return rule


def adamw(alpha=0.001, weight_decay=0.01):
    """Algorithm 2 of Loshchilov & Hutter: the weight decays before Adam moves it."""
    update = adam(alpha)
    return lambda x, g, t, s: update(x - alpha * weight_decay * x, g, t, s)


#: Optimizers with the settings they have where nothing is said.
OPTIMIZERS = {
    "sgd": sgd(),
    "momentum": momentum(),
    "nesterov": nesterov(),
    "rmsprop": rmsprop(),
    "adam": adam(),
    "adamw": adamw(),
}


def halfway(start, end, done):
    """Half a cosine wave from start to end."""
    return end + (start - end) * (1.0 + math.cos(math.pi * done)) / 2.0


def one_cycle(t, T):
    """From 0.001 up to 0.01 in the first three tenths, and down to 0."""
    done = t / T
    return (
        halfway(0.001, 0.01, done / 0.3) if done < 0.3 else halfway(0.01, 0.0, (done - 0.3) / 0.7)
    )


def reduce_on_plateau(t, T):
    """A tenth with every five epochs that the cost, which stays what it is, has not fallen."""
    return 0.001 * 0.1 ** (max(0, math.floor(t) - 1) // 5)


#: Schedules with the settings they have where nothing is said, in epoch t of T, at a constant cost.
SCHEDULES = {
    "constant": lambda t, T: 0.001,
    "inverse_scaling": lambda t, T: 0.001 / math.sqrt(1.0 + t),
    "step": lambda t, T: 0.001 * 0.1 ** (t // 10),
    "exponential": lambda t, T: 0.001 * 0.95**t,
    "cosine": lambda t, T: halfway(0.001, 0.0, t / T),
    "one_cycle": one_cycle,
    "cos_log": lambda t, T: 0.001 * math.sin(math.pi * math.log2(1.0 + 15.0 * t / T)) ** 2,
    "flat_cosine": lambda t, T: halfway(0.001, 0.0, max(0.0, 2.0 * t / T - 1.0)),
    "reduce_on_plateau": reduce_on_plateau,
    "warm_up": lambda t, T: 0.001 * min(t, 1.0),
}


def each(function):
    """One example, a column, at a time; the vectors of a layer are columns as well."""

    def layer(A, *held):
        flat = [p[:, 0] if p.ndim == 2 and p.shape[1] == 1 else p for p in held]
        return np.stack([function(x, *flat) for x in A.T], axis=1)

    return layer


def each_member(function):
    """One column at a time, of which the first half is the first member's, and so on; k = 2."""

    def layer(A, *held):
        m = A.shape[1] // 2
        return np.stack([function(x, i // m, *held) for i, x in enumerate(A.T)], axis=1)

    return layer


def periodic(x, w1, b1, W2, b2):
    vectors = [
        [x[i], *(W2[i].dot(np.cos(2.0 * np.pi * w1[i] * x[i] + b1[i])) + b2[i])]
        for i in range(len(x))
    ]
    return np.concatenate(vectors)


def piecewise_linear(x, W, w, b):
    """Eq. 1 of Gorishniy et al. (2022) for bins from -0.75, 0.25 and 2.25, and from -0.5 to 0.5."""
    vectors = []
    for i, edges in enumerate([(-0.75, 0.25, 2.25), (-0.5, 0.5)]):
        e, last = np.zeros(2), len(edges) - 1
        for t in range(1, last + 1):
            if x[i] < edges[t - 1] and t > 1:
                e[t - 1] = 0.0
            elif x[i] >= edges[t] and t < last:
                e[t - 1] = 1.0
            else:
                e[t - 1] = (x[i] - edges[t - 1]) / (edges[t] - edges[t - 1])
        vectors.append(W[i].dot(e) + w[i] * x[i] + b[i])
    return np.concatenate([*vectors, x[2:]])


def batch_norm(A, gamma, beta, mean, variance):
    deviation = np.sqrt(np.var(A, axis=1, keepdims=True) + 1e-5)
    return gamma * (A - np.mean(A, axis=1, keepdims=True)) / deviation + beta


def batch_norm_predicting(A, gamma, beta, mean, variance):
    return gamma * (A - mean) / np.sqrt(variance + 1e-5) + beta


def batch_norm_remembering(A, gamma, beta, mean, variance):
    """A tenth of the new; the variance as it is estimated from a sample."""
    new_mean = np.mean(A, axis=1, keepdims=True)
    new_variance = np.var(A, axis=1, keepdims=True, ddof=1)
    return 0.9 * mean + 0.1 * new_mean, 0.9 * variance + 0.1 * new_variance


def ensemble(norm, masks=True):
    """Two members after each other: a norm, dropout, a dense layer with tanh."""

    def layer(A, *held):
        members = []
        for j in range(2):
            *moments, W, b = (p[j] for p in (*held[:2], *held[4:6], *held[2:4]))
            N = norm(A, *moments)
            if masks:
                N = held[6].reshape(2, *A.shape)[j] * N
            members.append(np.tanh(W.dot(N) + b))
        return np.concatenate(members, axis=1)

    return layer


def ensemble_remembering(A, gamma, beta, W, b, mean, variance, mask):
    after = [batch_norm_remembering(A, None, None, mean[j], variance[j]) for j in range(2)]
    return tuple(np.stack(moments) for moments in zip(*after, strict=True))


#: Layers, of A_prev with one example per column and of what they hold; as their `example` is.
LAYERS = {
    "Activate": np.tanh,
    "BatchNorm": batch_norm,
    "Clip": lambda A: A,
    "Dense": each(lambda x, W, b: np.tanh(W.dot(x) + b)),
    "Dropout": lambda A, mask: mask * A,
    "Embedding": each(lambda x, E: np.concatenate([x[1:], E[:, int(x[0])]])),
    "Ensemble": ensemble(batch_norm),
    "EnsembleDense": each_member(
        lambda x, j, W, r, s, b: np.tanh(s[:, j] * W.dot(r[:, j] * x) + b[:, j])
    ),
    "LayerNorm": each(
        lambda x, gamma, beta: gamma * (x - np.mean(x)) / np.sqrt(np.var(x) + 1e-5) + beta
    ),
    "MemberDense": each_member(lambda x, j, W, b: np.tanh(W[j].dot(x) + b[j, :, 0])),
    "Members": lambda A: np.concatenate([A, A], axis=1),
    "NeuralTangentDense": each(lambda x, W, b: np.tanh(W.dot(x) / np.sqrt(len(x)) + b)),
    "ParametricActivation": each(lambda x, a: x + a * (np.tanh(x) - x)),
    "PeriodicEmbedding": each(periodic),
    "PiecewiseLinearEmbedding": each(piecewise_linear),
    "RMSNorm": each(lambda x, gamma: gamma * x / np.sqrt(np.mean(x**2) + 1e-5)),
    "Residual": each(lambda x, P, p, W, b: P.dot(x) + p + np.tanh(W.dot(x) + b)),
    "Scale": each(lambda x, s: s * x),
    "Sequential": lambda A: 1.0 / (1.0 + np.exp(-np.tanh(A))),
}

#: What a layer predicts, where that is not what a training step computes; without masks.
PREDICTING = {
    "BatchNorm": batch_norm_predicting,
    "Clip": lambda A: np.clip(A, -1.0, 1.0),
    "Dropout": lambda A: A,
    "Ensemble": ensemble(batch_norm_predicting, masks=False),
}

#: What a layer remembers after a training step.
REMEMBERING = {"BatchNorm": batch_norm_remembering, "Ensemble": ensemble_remembering}

#: The variance of each entry of W, (n[l], n[l-1]) = (300, 200).
INITIALIZERS = {
    "he_normal": 2 / 200,
    "he_uniform": 2 / 200,
    "glorot_normal": 2 / 500,
    "glorot_uniform": 2 / 500,
    "lecun_normal": 1 / 200,
    "lecun_uniform": 1 / 200,
    "zeros": 0.0,
}
