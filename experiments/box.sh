#!/bin/sh
# The weights in the box from nothing, in about five hours of one core: sh experiments/box.sh FOLDER, in the project's folder.
# It replaces src/seido/models/weights/tract-phantom-1.safetensors and its card. Broken off, phantom and prepare go on
# where they stopped; for a training add --resume to its line.
set -eu
seido phantom "$1"/corpus
seido phantom "$1"/more --skip 8 --utterances 24 --languages ja,en --unseen none
seido prepare "$1"/corpus "$1"/clips --region experiments/clips/regions.toml --denoise auto --held-out W --held-out-language zh
seido prepare "$1"/more "$1"/more-clips --region experiments/clips/more.toml --denoise auto
seido join "$1"/clips "$1"/more-clips --out "$1"/both
seido train "$1"/clips "$1"/first --model tract --losses.structure 0.1 --steps 7200 --validate-every 600 --patience 99 --precision bfloat16 --threads 1 --augment.shift 12
seido train "$1"/both "$1"/run --model tract --init "$1"/first/best.safetensors --losses.structure 0.1 --losses.motion 0.5 --steps 6600 --validate-every 600 --patience 99 --precision bfloat16 --threads 1 --augment.shift 12 --learning-rate 0.0007 --warm-up 200
seido models half "$1"/run/best.safetensors src/seido/models/weights/tract-phantom-1.safetensors --note faces=left --note level=-16 --note "licence=Apache-2.0" --note "origin=a phantom: nobody was scanned, and it knows nobody's tract"
