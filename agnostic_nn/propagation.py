"""The lesson: one layer forward, one layer backward, and L layers of them.

These functions are the engine. Training calls them as they stand here; nothing faster hides
behind them. Columns are examples: an (n, 1) array is one example, an (n, m) array is m of them.

==========  ==================  =============================================
symbol      shape               meaning
==========  ==================  =============================================
A_prev      (n[l-1], m)         activations of the previous layer, A[0] = X
W, b        (n[l], n[l-1]),     parameters of layer l
            (n[l], 1)
Z, A        (n[l], m)           pre-activation and activation of layer l
dZ, dA      (n[l], m)           gradient of each example's loss
dW, db      as W and b          gradient of the cost, the mean over examples
==========  ==================  =============================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .activations import Activation, get_activation
from .checks import (
    check_cache,
    check_flag,
    check_layer,
    check_pair,
    check_same_length,
    check_same_shape,
)
from .layer import Layer
from .namespace import Array, Namespace, agnostic


class LayerParameters(NamedTuple):
    """What a layer learns."""

    W: Array  # (n[l], n[l-1])
    b: Array  # (n[l], 1)


class LayerCache(NamedTuple):
    """What a layer's forward step keeps for its backward step."""

    Z: Array  # (n[l], m)
    A_prev: Array  # (n[l-1], m)
    W: Array  # (n[l], n[l-1])
    b: Array  # (n[l], 1)


class LayerGradients(NamedTuple):
    """The gradient of the cost with respect to a layer's parameters."""

    dW: Array  # (n[l], n[l-1])
    db: Array  # (n[l], 1)


@agnostic
def forward_propagation_layer(
    A_prev: Array, W: Array, b: Array, activation: str | Activation, *, xp: Namespace = None
) -> tuple[Array, LayerCache]:
    r"""Compute the activations of layer l from those of layer l-1.

    .. math:: Z = W A_{prev} + b, \qquad A = g(Z)

    Parameters
    ----------
    A_prev : array, shape (n[l-1], m)
        Activations of the previous layer, one example per column.
    W : array, shape (n[l], n[l-1])
        Weights.
    b : array, shape (n[l], 1)
        Biases, added to every column.
    activation : str or Activation
        The function g: a name in `ACTIVATIONS`, or an `Activation` of your own.
    xp : namespace, optional
        The array namespace; left out, that of the arrays.

    Returns
    -------
    A : array, shape (n[l], m)
        Activations of this layer.
    cache : LayerCache
        (Z, A_prev, W, b), for `backward_propagation_layer`.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the shapes do not fit, or the activation is not known.

    Examples
    --------
    >>> import numpy as np
    >>> A, cache = forward_propagation_layer(
    ...     np.asarray([[1.0], [2.0]]), np.asarray([[1.0, 1.0], [1.0, -1.0]]),
    ...     np.asarray([[0.5], [0.5]]), "relu")
    >>> A
    array([[3.5],
           [0. ]])
    >>> cache.Z
    array([[ 3.5],
           [-0.5]])
    """
    g = get_activation(activation)
    check_layer(A_prev, W, b)
    Z = W @ A_prev  # (n[l], n[l-1]) @ (n[l-1], m) -> (n[l], m)
    Z += b  # (n[l], 1), the same for every example
    A = g(Z, xp=xp)
    return A, LayerCache(Z, A_prev, W, b)


@agnostic
def backward_propagation_layer(
    dA: Array,
    cache: LayerCache,
    activation: str | Activation,
    *,
    input_gradient: bool = True,
    xp: Namespace = None,
) -> tuple[Array, Array, Array]:
    r"""Compute the gradients of layer l from that of its activations: the four equations.

    .. math::

        dZ &= dA \odot g'(Z)                    \qquad& (1) \\
        dW &= \tfrac{1}{m} dZ A_{prev}^T        & (2) \\
        db &= \tfrac{1}{m} \sum_i dZ^{(i)}     & (3) \\
        dA_{prev} &= W^T dZ                      & (4)

    Parameters
    ----------
    dA : array, shape (n[l], m)
        Gradient of each example's loss with respect to this layer's activations.
    cache : LayerCache
        (Z, A_prev, W, b) from `forward_propagation_layer`.
    activation : str or Activation
        The function g of this layer.
    input_gradient : bool, default True
        Whether to compute Eq. 4. Below the first layer nobody needs it.
    xp : namespace, optional
        The array namespace; left out, that of the arrays.

    Returns
    -------
    dA_prev : array, shape (n[l-1], m)
        What the layer below takes as its dA; None without `input_gradient`.
    dW : array, shape (n[l], n[l-1])
        Gradient of the cost with respect to W.
    db : array, shape (n[l], 1)
        Gradient of the cost with respect to b.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If dA has not the shape of Z, or the activation is not known.

    Examples
    --------
    >>> import numpy as np
    >>> A, cache = forward_propagation_layer(
    ...     np.asarray([[1.0], [2.0]]), np.asarray([[1.0, 1.0], [1.0, -1.0]]),
    ...     np.asarray([[0.5], [0.5]]), "relu")
    >>> dA_prev, dW, db = backward_propagation_layer(np.ones((2, 1)), cache, "relu")
    >>> dW
    array([[1., 2.],
           [0., 0.]])
    >>> dA_prev
    array([[1.],
           [1.]])
    """
    check_cache(cache)
    check_flag("input_gradient", input_gradient)
    Z, A_prev, W, _ = cache
    g = get_activation(activation)
    check_same_shape("dA", dA, "Z", Z)
    m = Z.shape[1]

    dZ = g.backward(dA, Z, xp=xp)  # Eq. 1: dA * g'(Z), (n[l], m)
    dW = (1 / m * dZ) @ A_prev.T  # Eq. 2: (n[l], m) @ (m, n[l-1]) -> (n[l], n[l-1])
    db = 1 / m * xp.sum(dZ, axis=1, keepdims=True)  # Eq. 3: over the examples, (n[l], 1)
    dA_prev = W.T @ dZ if input_gradient else None  # Eq. 4: (n[l-1], n[l]) @ (n[l], m)
    return dA_prev, dW, db


@agnostic
def forward_propagation(
    X: Array,
    parameters: Sequence[tuple[Array, ...]],
    activations: Sequence[str | Activation | Layer],
    *,
    masks: Sequence[Array | None] | None = None,
    xp: Namespace = None,
) -> tuple[Array, list[Any]]:
    """Carry the examples X through all L layers: A[0] = X, A[1], ..., A[L].

    Parameters
    ----------
    X : array, shape (n[0], m)
        Features, one example per column.
    parameters : sequence of (W, b), length L
        Shapes (n[l], n[l-1]) and (n[l], 1); what a layer of another kind holds, in its place.
    activations : sequence of str, Activation or Layer, length L
        The function g of each layer; a layer of another kind, in its place.
    masks : sequence of (array or None), length L, optional
        Dropout: what each layer's activations are multiplied by, shape (n[l], m).
    xp : namespace, optional
        The array namespace; left out, that of the arrays.

    Returns
    -------
    AL : array, shape (n[L], m)
        Activations of the last layer.
    caches : list of LayerCache, length L
        One cache a layer, for `backward_propagation`; of another kind for another kind of layer.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the number of layers or any shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> W1, b1, W2, b2 = np.ones((3, 2)), np.zeros((3, 1)), np.ones((1, 3)), np.zeros((1, 1))
    >>> AL, caches = forward_propagation(
    ...     np.asarray([[1.0, -1.0], [2.0, 0.5]]), [(W1, b1), (W2, b2)], ["relu", "identity"])
    >>> AL
    array([[9., 0.]])
    >>> len(caches)
    2
    """
    check_same_length(parameters=parameters, activations=activations)
    masks = [None] * len(parameters) if masks is None else masks
    check_same_length(parameters=parameters, masks=masks)
    A, caches = X, []
    for layer, (g, p, mask) in enumerate(zip(activations, parameters, masks, strict=True)):
        if isinstance(g, Layer):
            A, cache = g.forward(A, p, xp=xp)
        else:
            W, b = check_pair(p)
            A, cache = forward_propagation_layer(A, W, b, g, xp=xp)
        if mask is not None:
            check_same_shape(f"masks[{layer}]", mask, "A", A)
            A = A * mask
        caches.append(cache)
    return A, caches


@agnostic
def backward_propagation(
    dAL: Array,
    caches: Sequence[Any],
    activations: Sequence[str | Activation | Layer],
    *,
    masks: Sequence[Array | None] | None = None,
    xp: Namespace = None,
) -> list[Any]:
    """Carry the gradient dA[L] back through all L layers.

    Parameters
    ----------
    dAL : array, shape (n[L], m)
        Where backward propagation starts: `initialize_backward`.
    caches : sequence of LayerCache, length L
        From `forward_propagation`.
    activations : sequence of str, Activation or Layer, length L
        The function g of each layer; a layer of another kind, in its place.
    masks : sequence of (array or None), length L, optional
        The masks that `forward_propagation` was given.
    xp : namespace, optional
        The array namespace; left out, that of the arrays.

    Returns
    -------
    list of LayerGradients, length L
        (dW, db) of each layer, in the order of the layers; for a layer of another kind the
        gradient of what it learns. dA[0] is not computed: nobody below the first layer learns.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If the number of layers or any shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> X, Y = np.asarray([[1.0, -1.0]]), np.asarray([[1.0, 0.0]])
    >>> AL, caches = forward_propagation(X, [(np.zeros((1, 1)), np.zeros((1, 1)))], ["sigmoid"])
    >>> backward_propagation((AL - Y) / (AL * (1 - AL)), caches, ["sigmoid"])
    [LayerGradients(dW=array([[-0.5]]), db=array([[0.]]))]
    """
    check_same_length(caches=caches, activations=activations)
    masks = [None] * len(caches) if masks is None else masks
    check_same_length(caches=caches, masks=masks)
    _, gradients = backward_through(dAL, caches, activations, masks, input_gradient=False, xp=xp)
    return gradients


def backward_through(
    dA: Array,
    caches: Sequence[Any],
    activations: Sequence[str | Activation | Layer],
    masks: Sequence[Array | None],
    *,
    input_gradient: bool,
    xp: Namespace,
) -> tuple[Array, list[Any]]:
    """Run `backward_propagation`, and return dA[0] as well where `input_gradient` asks for it."""
    gradients = []
    for layer in reversed(range(len(caches))):
        g, cache, mask = activations[layer], caches[layer], masks[layer]
        wanted = input_gradient or layer > 0
        if mask is not None:
            check_same_shape(f"masks[{layer}]", mask, "dA", dA)
            dA = dA * mask
        if isinstance(g, Layer):
            dA, gradient = g.backward(dA, cache, input_gradient=wanted, xp=xp)
        else:
            dA, dW, db = backward_propagation_layer(dA, cache, g, input_gradient=wanted, xp=xp)
            gradient = LayerGradients(dW, db)
        gradients.append(gradient)
    return dA, gradients[::-1]
