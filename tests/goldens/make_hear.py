#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small models of random weights that hear, a sound, and what transformers makes of it: cases for tests/models.

Usage: make_hear.py DIR   (needs torch, transformers, safetensors, tokenizers)
"""
import json
import pathlib
import sys
import wave

import numpy as np
import torch
import transformers as tf

RATE, SECONDS = 8000, 7
WORDS = 40  # and behind them what is no word
END, START, LANGUAGES, TRANSCRIBE, TRANSLATE, PREVIOUS, NO_SPEECH, NO_TIMES = 40, 41, (42, 43, 44), 45, 46, 47, 48, 49
STEPS = 100  # of 20 ms
MOST = 32  # tokens of a window: half of what the model has, as its authors do


def sound(path):
    """Tones that change every third of a second, in noise, with a silence; 8 bits."""
    rng = np.random.default_rng(3)
    t = np.arange(RATE * SECONDS) / RATE
    pitch = np.repeat(rng.uniform(150, 3000, SECONDS * 3), RATE // 3 + 1)[: len(t)]
    loudness = (0.3 + 0.7 * rng.random(SECONDS * 3)).repeat(RATE // 3 + 1)[: len(t)]
    x = 0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * loudness
    x += 0.01 * rng.standard_normal(len(t))
    x[3 * RATE : 3 * RATE + RATE // 2] = 0
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1), w.setsampwidth(1), w.setframerate(RATE)
        w.writeframes((np.clip(x, -1, 1) * 100 + 128).astype(np.uint8).tobytes())
    return ((np.clip(x, -1, 1) * 100 + 128).astype(np.uint8).astype(np.float32) - 128) / 128


def random_weights(model, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * (0.35 if p.dim() > 1 else 0.2) + ("norm" in name and "weight" in name))
    return model.eval()


def save(model, extractor, folder):
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    extractor.save_pretrained(folder)


def tokenizer(folder):
    """A word a token; what is none is special, but for times."""
    special = {END: "<|endoftext|>", START: "<|startoftranscript|>", LANGUAGES[0]: "<|en|>", LANGUAGES[1]: "<|de|>",
               LANGUAGES[2]: "<|fr|>", TRANSCRIBE: "<|transcribe|>", TRANSLATE: "<|translate|>",
               PREVIOUS: "<|startofprev|>", NO_SPEECH: "<|nospeech|>", NO_TIMES: "<|notimestamps|>"}
    times = {NO_TIMES + 1 + i: f"<|{i * 0.02:.2f}|>" for i in range(STEPS + 1)}
    added = [dict(id=i, content=t, single_word=False, lstrip=False, rstrip=False, normalized=False,
                  special=i in special) for i, t in {**special, **times}.items()]
    vocabulary = {f"w{i}": i for i in range(WORDS)} | {t: i for i, t in {**special, **times}.items()}
    (folder / "tokenizer.json").write_text(json.dumps(dict(
        version="1.0", added_tokens=added, normalizer=None, pre_tokenizer=dict(type="Whitespace"), post_processor=None,
        decoder=None, model=dict(type="WordLevel", vocab=vocabulary, unk_token="w0"))) + "\n")


def whisper(out, samples):
    folder = out / "whisper"
    folder.mkdir(parents=True, exist_ok=True)
    config = tf.WhisperConfig(
        vocab_size=NO_TIMES + 1 + STEPS + 1, num_mel_bins=20, d_model=32, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=40,
        max_source_positions=STEPS, max_target_positions=64, decoder_start_token_id=START, eos_token_id=END,
        pad_token_id=END, bos_token_id=END, suppress_tokens=None, begin_suppress_tokens=None)
    model = random_weights(tf.WhisperForConditionalGeneration(config), 4)
    extractor = tf.WhisperFeatureExtractor(feature_size=20, sampling_rate=RATE, hop_length=80, n_fft=200,
                                           chunk_length=2)
    generation = dict(
        lang_to_id={"<|en|>": 42, "<|de|>": 43, "<|fr|>": 44},
        task_to_id={"transcribe": TRANSCRIBE, "translate": TRANSLATE}, is_multilingual=True,
        no_timestamps_token_id=NO_TIMES, prev_sot_token_id=PREVIOUS, max_initial_timestamp_index=50,
        suppress_tokens=[3, 7, START, *LANGUAGES, TRANSCRIBE, TRANSLATE, PREVIOUS, NO_SPEECH],
        begin_suppress_tokens=[1, END], return_timestamps=False, max_length=64, decoder_start_token_id=START,
        eos_token_id=END, pad_token_id=END, bos_token_id=END)
    model.generation_config = tf.GenerationConfig(**generation)
    save(model, extractor, folder)
    tokenizer(folder)

    # As the authors do: what is behind the sound is silence, where transformers fills windows up with zeros, and a
    # short sound ends where it does.
    hop, window = extractor.hop_length, STEPS * 2
    cases = []
    for seconds, settings in (
        (1.5, dict(task="translate", language="de")), (1.5, {}), (7, {}), (7, dict(language="de")),
        (7, dict(condition_on_prev_tokens=True))):
        settings = dict(task="transcribe") | settings
        part = samples[: int(RATE * seconds)]
        silent = np.concatenate([part, np.zeros(extractor.n_samples, np.float32)])
        features = extractor(silent, sampling_rate=RATE, return_tensors="pt", truncation=False,
                             padding="longest").input_features
        whole = extractor(part, sampling_rate=RATE, return_tensors="pt").input_features
        first = whole if len(part) <= extractor.n_samples else features[:, :, :window]
        tf.WhisperForConditionalGeneration._get_input_segment = staticmethod(
            lambda seek, first=first, features=features, **_: features[:, :, seek[0] : seek[0] + window]
            if seek[0] else first)
        detect = tf.WhisperForConditionalGeneration.detect_language
        model.detect_language = lambda input_features, first=first, **more: detect(model, input_features=first, **more)
        got = model.generate(features[:, :, : len(part) // hop], max_new_tokens=MOST, num_beams=1, temperature=0.0,
                             return_timestamps=True, return_segments=True, **settings)
        cases.append(dict(seconds=seconds, settings=settings, segments=[
            dict(begin=float(s["start"]), end=float(s["end"]), ids=s["tokens"].tolist()) for s in got["segments"][0]]))
    (folder / "heard.json").write_text(json.dumps(cases, indent=1) + "\n")


def wav2vec2(out, samples):
    folder = out / "wav2vec2"
    letters = ["<pad>", "<unk>", "|", *"ABCDEFGH"]
    config = tf.Wav2Vec2Config(
        vocab_size=len(letters), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        conv_dim=(16, 16, 24), conv_kernel=(10, 8, 4), conv_stride=(5, 4, 2), num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4, pad_token_id=0)
    model = random_weights(tf.Wav2Vec2ForCTC(config), 6)
    extractor = tf.Wav2Vec2FeatureExtractor(sampling_rate=RATE)
    save(model, extractor, folder)
    (folder / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(letters)}) + "\n")
    tokenizer = tf.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    logits = model(extractor(samples, sampling_rate=RATE, return_tensors="pt").input_values).logits[0]
    best = logits.topk(2).values
    print("wav2vec2: smallest margin", float((best[:, 0] - best[:, 1]).min()))
    text = tokenizer.decode(logits.argmax(-1))
    (folder / "heard.json").write_text(json.dumps(dict(text=text, frames=len(logits))) + "\n")


def ast(out, samples):
    folder = out / "ast"
    labels = ["dog", "cat", "rain", "bell", "speech"]
    config = tf.ASTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
                          patch_size=8,
                          frequency_stride=6, time_stride=5, max_length=100, num_mel_bins=24,
                          id2label=dict(enumerate(labels)), label2id={l: i for i, l in enumerate(labels)})
    model = random_weights(tf.ASTForAudioClassification(config), 5)
    extractor = tf.ASTFeatureExtractor(num_mel_bins=24, max_length=100, mean=-4, std=3)
    save(model, extractor, folder)
    # The same samples twice as fast: a case of the model, not of how rates are changed.
    logits = model(extractor(samples, sampling_rate=16000, return_tensors="pt").input_values).logits[0]
    heard = {labels[i]: float(p) for i, p in enumerate(logits.softmax(-1))}
    (folder / "heard.json").write_text(json.dumps(heard) + "\n")
    print(heard)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    samples = sound(out / "tones.wav")
    whisper(out, samples)
    with torch.no_grad():
        wav2vec2(out, samples)
        ast(out, samples)


if __name__ == "__main__":
    main()
