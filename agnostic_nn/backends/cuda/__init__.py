"""CUDA: a recorded step as kernels and products, launched by the host or captured as one graph."""
