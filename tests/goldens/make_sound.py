#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transformers makes of sound with settings that no released model has, and of tokens: cases for tests.

Usage: make_sound.py DIR   (needs torch, transformers, safetensors)
"""
import json
import pathlib
import sys

import numpy as np
import torch
import transformers as tf
from safetensors.numpy import save_file
from transformers import WhisperForConditionalGeneration
from transformers.generation.logits_process import (
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor,
)

RATE = 8000


def sound(samples):
    """A chirp in noise, which falls silent in the middle."""
    t = np.arange(samples) / RATE
    x = 0.4 * np.sin(2 * np.pi * (200 * t + 900 * t * t)) + 0.05 * np.random.default_rng(7).standard_normal(samples)
    x[samples // 2 : samples // 2 + 900] = 0
    return x.astype(np.float32)


def whisper_rules(rng):
    """What may follow which tokens: logits of 24 words before and after."""
    end, no_times, words = 9, 12, 24
    cases = []
    for made in ([], [13], [13, 5], [13, 5, 15], [13, 5, 15, 15], [13, 5, 15, 15, 3], [14, 20], [13, 2, 23], [4],
                 [4, 14]):
        for settings in ({}, {"max_initial_timestamp_index": 3}):
            for sharp in (0.5, 3):
                config = tf.GenerationConfig(eos_token_id=end, no_timestamps_token_id=no_times, **settings)
                logits = torch.tensor(rng.standard_normal((1, words)) * sharp, dtype=torch.float32)
                ids = torch.tensor([[10, 11] + made])
                allowed = SuppressTokensAtBeginLogitsProcessor([1, end], begin_index=2)(ids, logits)
                allowed = SuppressTokensLogitsProcessor([0, 7])(ids, allowed)
                text = allowed
                allowed = WhisperTimeStampLogitsProcessor(config, begin_index=2)(ids, allowed)
                finite = lambda x: [i for i, v in enumerate(x[0].tolist()) if v > -np.inf]
                cases.append(dict(made=made, latest=settings.get("max_initial_timestamp_index"),
                                  logits=logits[0].tolist(), allowed=finite(allowed), allowed_text=finite(text)))
    return dict(end=end, no_times=no_times, suppressed=[0, 7], suppressed_first=[1, end], cases=cases)


def whisper_segments(rng):
    """What one window's tokens say, in steps of a time; the last of two closing times is none of its segment's."""
    zero, window = 100, 50
    cases = [[100, 1, 2, 120], [1, 2, 3], [100], [], [100, 1, 110, 110, 2, 3], [100, 1, 110, 110, 2, 130, 130],
             [100, 1, 110, 110, 2, 130], [100, 1, 110, 115, 2, 130, 131, 4], [100, 1, 2, 100], [103, 1, 107, 107]]
    for _ in range(20):
        made, t = [], 0
        for _ in range(rng.integers(1, 5)):
            made += [zero + t, *rng.integers(1, 90, rng.integers(1, 4)).tolist()]
            t = min(t + int(rng.integers(1, 12)), window)
            made.append(zero + t)
        cases.append(made[: len(made) - int(rng.integers(0, 3))])
    out = []
    for tokens in cases:
        got, frames = WhisperForConditionalGeneration._retrieve_segment(
            seek_sequence=torch.tensor(tokens), seek_outputs=[None], time_offset=torch.zeros(1, dtype=torch.float64),
            timestamp_begin=zero, seek_num_frames=torch.tensor([2 * window]), time_precision=1,
            time_precision_features=0.5, input_stride=2, prev_idx=0, idx=0, return_token_timestamps=False, decoder_input_ids=torch.zeros(1, 0))
        segments = []
        for s in got:
            first, last = s["idxs"]
            closing = len(tokens[first:last]) > 2 and tokens[last - 2] >= zero and tokens[last - 1] >= zero
            segments.append([first, last - closing, int(s["start"]), int(s["end"])])
        out.append(dict(tokens=tokens, segments=segments, advance=int(frames) // 2))
    return dict(no_times=zero - 1, window=window, cases=out)


def ctc(rng, out):
    """Frames of letters to text."""
    folder = out / "ctc"
    folder.mkdir(exist_ok=True)
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOINÄ'"]
    (folder / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(letters)}) + "\n")
    cases = []
    for lower in (False, True):
        tokenizer = tf.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), do_lower_case=lower)
        for _ in range(12):
            ids = np.repeat(rng.choice([0, 0, 0, 4, 4, 5, 6, 7, 8, 11, 12, 3], 14), rng.integers(1, 3, 14)).tolist()
            cases.append(dict(lower=lower, ids=ids, text=tokenizer.decode(ids)))
    (folder / "cases.json").write_text(json.dumps(cases) + "\n")


def main():
    out = pathlib.Path(sys.argv[1])
    cases = {
        "mel": (tf.WhisperFeatureExtractor(feature_size=20, sampling_rate=RATE, hop_length=90, n_fft=250,
                                           chunk_length=1),
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
    rng = np.random.default_rng(15)
    (out / "whisper_rules.json").write_text(json.dumps(whisper_rules(rng)) + "\n")
    (out / "whisper_segments.json").write_text(json.dumps(whisper_segments(rng)) + "\n")
    ctc(rng, out)


if __name__ == "__main__":
    main()
