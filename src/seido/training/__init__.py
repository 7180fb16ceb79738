"""Fitting a generator to clips; imports nothing beyond torch, numpy and safetensors."""
