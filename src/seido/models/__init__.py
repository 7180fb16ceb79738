"""The networks and their checkpoints; imports nothing beyond torch, numpy and safetensors."""
