# SPDX-License-Identifier: Apache-2.0
"""Makes a golden case: a tiny model of a transformers class with random weights, and what it computes.

    python tests/goldens/make_case.py OUT --model BertForMaskedLM hidden_size=32 num_hidden_layers=2 vocab_size=99 ...

OUT gets config.json, model.safetensors, io.safetensors (input.NAME, output.NAME, hidden states) and case.json (task and
noise: how far rounding carries). Put it under tests/goldens/models: `weft check OUT` compares, `golden.` and `laws.`
entries of CTest follow. Needs torch and transformers, as references; weft itself needs neither. Weights are drawn so
that all of them matter: no zeros, no ones, biases and norms included. Positions must reach 64, which laws open.
"""
import argparse
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

SEQ2SEQ = ("seq2seq", "speech-seq2seq")
TASKS = {"CausalLM": "causal-lm", "MaskedLM": "masked-lm", "ConditionalGeneration": "seq2seq",
         "ImageClassification": "image", "AudioClassification": "spectrogram", "CTC": "waveform"}


def parse(text):
    key, value = text.split("=", 1)
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def randomise(model, generator):
    for name, p in model.named_parameters():
        wide = p.dim() > 1
        deviation = 1.5 / p.shape[-1] ** 0.5 if wide else 0.1
        centre = 1.0 if not wide and name.endswith("weight") else 0.0
        with torch.no_grad():
            p.copy_(torch.randn(p.shape, generator=generator) * deviation + centre)


def inputs_of(task, config, lengths, generator):
    length = lengths[0]
    ids = lambda n: torch.randint(3, config.vocab_size - 5, (1, n), generator=generator)
    if task == "image":
        size = config.image_size
        return {"pixel_values": torch.randn(2, config.num_channels, size, size, generator=generator)}
    if task == "spectrogram":
        return {"input_values": torch.randn(2, config.max_length, config.num_mel_bins, generator=generator)}
    if task == "waveform":  # of several lengths: padded, and masked
        mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
        x = {"input_values": torch.randn(mask.shape, generator=generator) * mask}
        return x | ({"attention_mask": mask} if len(lengths) > 1 else {})
    if task == "speech-seq2seq":
        x = {"input_features": torch.randn(1, config.num_mel_bins, 2 * config.max_source_positions, generator=generator)}
    else:
        x = {"input_ids": ids(length)}
    if task in SEQ2SEQ:
        x["decoder_input_ids"] = ids(17)
        x["decoder_input_ids"][0, 0] = config.decoder_start_token_id
    return x


@torch.no_grad()
def outputs_of(task, model, x):
    r = model(**x, output_hidden_states=True)
    out = {"logits": r.logits}
    if task in SEQ2SEQ:
        out["encoder"] = r.encoder_last_hidden_state
        out |= {f"encoder_hidden.{i}": h for i, h in enumerate(r.encoder_hidden_states)}
        out |= {f"hidden.{i}": h for i, h in enumerate(r.decoder_hidden_states)}
    else:
        out |= {f"hidden.{i}": h for i, h in enumerate(r.hidden_states)}
    return out


@torch.no_grad()
def greedy_of(task, model, x, count=24):
    """The likeliest tokens, each from scratch, and the smallest gap between the two best logits."""
    margin, rows = float("inf"), x["decoder_input_ids"][:, :1] if task in SEQ2SEQ else x["input_ids"]
    first = rows.shape[1]
    for _ in range(count):
        fed = dict(x, decoder_input_ids=rows) if task in SEQ2SEQ else {"input_ids": rows}
        best = model(**fed, use_cache=False).logits[:, -1].topk(2)
        margin = min(margin, (best.values[:, 0] - best.values[:, 1]).min().item())
        rows = torch.cat([rows, best.indices[:, :1]], 1)
    return rows[:, first:], margin


def noise_of(task, model, x, logits):
    """The largest change of the logits when weights change by 1e-6 of themselves, or are rounded to a type."""
    saved = {k: v.clone() for k, v in model.state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    ways = {"f32": lambda p: p * (1 + 1e-6 * torch.randn(p.shape, generator=generator)),
            "f16": lambda p: p.half().float(), "bf16": lambda p: p.bfloat16().float()}
    noise = {}
    for name, change in ways.items():
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(change(p))
        noise[name] = (outputs_of(task, model, x)["logits"] - logits).abs().max().item()
        model.load_state_dict(saved)
    return noise


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("out", type=pathlib.Path)
    a.add_argument("--model", required=True, help="a class of transformers")
    a.add_argument("--length", type=int, nargs="+", default=[37], help="tokens, or samples of each sound")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="of the model's config")
    o = a.parse_intermixed_args()
    task = next((t for end, t in TASKS.items() if o.model.endswith("For" + end)), None)
    if task is None:
        a.error(f"--model must end in one of {', '.join('For' + end for end in TASKS)}")
    kind = getattr(transformers, o.model)
    if task == "seq2seq" and kind.main_input_name == "input_features":
        task = "speech-seq2seq"
    config = kind.config_class(**dict(parse(s) for s in o.settings))
    generator = torch.Generator().manual_seed(o.seed)
    model = kind._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, generator)
    model.tie_weights()
    x = inputs_of(task, config, o.length, generator)
    r = outputs_of(task, model, x)
    case = {"name": o.out.name, "task": task, "model_class": o.model, "transformers": transformers.__version__,
            "seed": o.seed, "main_output": "logits", "std": r["logits"].std().item()}
    if task == "causal-lm" or task in SEQ2SEQ:
        r["greedy"], case["greedy_min_margin"] = greedy_of(task, model, x)
    case["noise"] = noise_of(task, model, x, r["logits"])
    model.save_pretrained(o.out)
    (o.out / "generation_config.json").unlink(missing_ok=True)
    tensors = {"input." + k: v for k, v in x.items()} | {"output." + k: v for k, v in r.items()}
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, o.out / "io.safetensors")
    (o.out / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    print(f"{o.out}: {task}, {len(tensors)} tensors, noise {case['noise']}")


if __name__ == "__main__":
    main()
