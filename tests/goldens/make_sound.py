#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transformers makes of one short sound with settings that no released model has: cases for tests/media.

Usage: make_sound.py DIR   (needs torch, transformers, safetensors)
"""
import json
import pathlib
import sys

import numpy as np
import transformers as tf
from safetensors.numpy import save_file

RATE = 8000


def sound(samples):
    """A chirp in noise, which falls silent in the middle."""
    t = np.arange(samples) / RATE
    x = 0.4 * np.sin(2 * np.pi * (200 * t + 900 * t * t)) + 0.05 * np.random.default_rng(7).standard_normal(samples)
    x[samples // 2 : samples // 2 + 900] = 0
    return x.astype(np.float32)


def main():
    out = pathlib.Path(sys.argv[1])
    cases = {
        "mel": (tf.WhisperFeatureExtractor(feature_size=20, sampling_rate=RATE, hop_length=90, n_fft=250, chunk_length=1),
                {"shorter": 5000, "longer": 9001}, "input_features"),
        "fbank": (tf.ASTFeatureExtractor(num_mel_bins=24, max_length=40, mean=-3.5, std=2.5),
                  {"shorter": 5000, "longer": 9001}, "input_values"),
        "samples": (tf.Wav2Vec2FeatureExtractor(), {"all": 3000}, "input_values"),
    }
    for name, (extractor, lengths, key) in cases.items():
        folder = out / name
        extractor.save_pretrained(folder)
        tensors = {}
        for length, samples in lengths.items():
            x = sound(samples)
            tensors[f"input.{length}"] = x
            values = extractor(x, sampling_rate=extractor.sampling_rate, return_tensors="np")[key][0]
            tensors[f"output.{length}"] = np.ascontiguousarray(values, np.float32)
        save_file(tensors, folder / "io.safetensors")
        (folder / "io.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
