# SPDX-License-Identifier: Apache-2.0
"""Makes a golden case: a tiny model of a transformers class with random weights, and what it computes.

    python tests/goldens/make_case.py OUT --model BertForMaskedLM hidden_size=32 num_hidden_layers=2 vocab_size=99 ...
    python tests/goldens/make_case.py OUT --model CLIPModel 'vision_config={"image_size": 24, ...}' --pixels 30x18 ...

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
TASKS = {"ForCausalLM": "causal-lm", "ForMaskedLM": "masked-lm", "ForConditionalGeneration": "seq2seq",
         "ForImageClassification": "image", "ForImageClassificationWithTeacher": "image", "VisionModel": "image",
         "VisionModelWithProjection": "image", "Dinov2Model": "image", "DeiTModel": "image", "ViTModel": "image",
         "CLIPModel": "image-text", "SiglipModel": "image-text", "TextModel": "text", "TextModelWithProjection": "text",
         "ForAudioClassification": "spectrogram", "ForCTC": "waveform", "ForPrediction": "series",
         "PatchTSTForClassification": "series", "PatchTSTForRegression": "series", "PatchTSTModel": "series"}
SERIES = {"prediction_outputs": "prediction", "regression_outputs": "regression", "prediction_logits": "logits"}
MAIN = ("logits", "prediction", "regression", "logits_per_image", "image_embeds", "text_embeds", "last_hidden_state", "pooler_output")


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
    for name, b in model.named_buffers():
        if name.endswith("running_mean"):  # of BatchNorms
            b.copy_(torch.randn(b.shape, generator=generator) * 0.3)
        elif name.endswith("running_var"):
            b.copy_(torch.rand(b.shape, generator=generator) + 0.5)
        elif name.endswith("bias"):  # on the choice of experts
            b.copy_(torch.randn(b.shape, generator=generator) * 0.1)


def task_of(name, kind, config):
    task = max(((end, t) for end, t in TASKS.items() if name.endswith(end)), key=lambda t: len(t[0]), default=(0, 0))[1]
    if task == "seq2seq" and kind.main_input_name == "input_features":
        return "speech-seq2seq"
    return "image-text-to-text" if task == "seq2seq" and hasattr(config, "vision_config") else task


def with_pictures(config, count, rows, generator):
    """Words, and among them `count` times as many placeholders as a picture has rows."""
    words = lambda n: torch.randint(3, config.text_config.vocab_size - 5, (n,), generator=generator).tolist()
    ids = words(7)
    for n in range(count):
        ids += [config.image_token_id] * rows + words(5 + n)
    return torch.tensor([ids])


def inputs_of(o, task, config, model, generator):
    vocabulary = getattr(getattr(config, "text_config", config), "vocab_size", None)
    ids = lambda rows, n: torch.randint(3, vocabulary - 5, (rows, n), generator=generator)
    vision = getattr(config, "vision_config", config)
    x = {}
    if task.startswith("image"):
        size = getattr(vision, "image_size", None)
        height, width = o.pixels or (size, size)
        x["pixel_values"] = torch.randn(o.pictures, vision.num_channels, height, width, generator=generator)
        if (height, width) != (size, size) and not type(model).__name__.startswith("Dinov2"):
            x["interpolate_pos_encoding"] = True
    if task == "image-text-to-text":
        rows = features_of(model, x["pixel_values"]).shape[0] // o.pictures
        x["input_ids"] = with_pictures(config, o.pictures, rows, generator)
        if type(model).__name__.startswith("Gemma3"):
            x["token_type_ids"] = (x["input_ids"] == config.image_token_id).long()
    elif task in ("image-text", "text"):
        x["input_ids"] = ids(o.texts, o.length[0])
        end = getattr(config, "text_config", config).eos_token_id
        if end != 2 and end < vocabulary:
            x["input_ids"][torch.arange(o.texts), torch.randint(1, o.length[0], (o.texts,), generator=generator)] = end
    elif task == "spectrogram":
        x["input_values"] = torch.randn(2, config.max_length, config.num_mel_bins, generator=generator)
    elif task == "waveform":  # of several lengths: padded, and masked
        mask = (torch.arange(max(o.length))[None] < torch.tensor(o.length)[:, None]).long()
        x["input_values"] = torch.randn(mask.shape, generator=generator) * mask
        if len(o.length) > 1:
            x["attention_mask"] = mask
    elif task == "series":
        size = (2, config.context_length, config.num_input_channels)
        x["past_values"] = torch.randn(size, generator=generator).cumsum(1) + 3 * torch.arange(size[2])
        if o.missing:
            x["past_observed_mask"] = torch.rand(size, generator=generator) > 0.2
    elif task == "speech-seq2seq":
        frames = 2 * config.max_source_positions
        x["input_features"] = torch.randn(1, config.num_mel_bins, frames, generator=generator)
    elif task != "image":
        x["input_ids"] = ids(1, o.length[0])
    if task in SEQ2SEQ:
        x["decoder_input_ids"] = ids(1, 17)
        x["decoder_input_ids"][0, 0] = config.decoder_start_token_id
    return x


def features_of(model, pixels):
    """The rows of all pictures that stand among the tokens."""
    f = model.get_image_features(pixel_values=pixels, return_dict=True)
    if type(model).__name__.startswith("Llama4"):
        return model.multi_modal_projector(f.last_hidden_state.flatten(0, 1))
    f = f.pooler_output
    return torch.cat([t.reshape(-1, t.shape[-1]) for t in f])


@torch.no_grad()
def outputs_of(task, model, x):
    r = model(**x) if task == "image-text" else model(**x, output_hidden_states=True)
    out = {name: r[name] for name in MAIN if r.get(name) is not None}
    out |= {own: r[name] for name, own in SERIES.items() if r.get(name) is not None}
    if isinstance(out.get("prediction"), tuple):  # of a distribution, whose mean this is
        out["prediction"] = out["prediction"][-2] * r.scale + r.loc
    if task in SEQ2SEQ:
        out["encoder"] = r.encoder_last_hidden_state
        out |= {f"encoder_hidden.{i}": h for i, h in enumerate(r.encoder_hidden_states)}
        out |= {f"hidden.{i}": h for i, h in enumerate(r.decoder_hidden_states)}
    elif task not in ("image-text", "text"):
        out |= {f"hidden.{i}": h for i, h in enumerate(r.hidden_states)}
    if task == "image-text-to-text":
        out["image_features"] = features_of(model, x["pixel_values"])
    return out


def main_of(outputs):
    return next(name for name in MAIN if name in outputs)


@torch.no_grad()
def greedy_of(task, model, x, count=24):
    """The likeliest tokens, each from scratch, and the smallest gap between the two best logits."""
    margin, rows = float("inf"), x["decoder_input_ids"][:, :1] if task in SEQ2SEQ else x["input_ids"]
    first = rows.shape[1]
    for _ in range(count):
        fed = dict(x, decoder_input_ids=rows) if task in SEQ2SEQ else dict(x, input_ids=rows)
        if "token_type_ids" in x:
            fed["token_type_ids"] = torch.nn.functional.pad(x["token_type_ids"], (0, rows.shape[1] - first))
        best = model(**fed, use_cache=False).logits[:, -1].topk(2)
        margin = min(margin, (best.values[:, 0] - best.values[:, 1]).min().item())
        rows = torch.cat([rows, best.indices[:, :1]], 1)
    return rows[:, first:], margin


def noise_of(task, model, x, outputs):
    """The largest change of the main output when weights change by 1e-6 of themselves, or are rounded to a type."""
    saved = {k: v.clone() for k, v in model.state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    ways = {"f32": lambda p: p * (1 + 1e-6 * torch.randn(p.shape, generator=generator)),
            "f16": lambda p: p.half().float(), "bf16": lambda p: p.bfloat16().float()}
    noise = {}
    for name, change in ways.items():
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(change(p))
        main = main_of(outputs)
        noise[name] = (outputs_of(task, model, x)[main] - outputs[main]).abs().max().item()
        model.load_state_dict(saved)
    return noise


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("out", type=pathlib.Path)
    a.add_argument("--model", required=True, help="a class of transformers")
    a.add_argument("--length", type=int, nargs="+", default=[37], help="tokens, or samples of each sound")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--pixels", type=lambda t: tuple(map(int, t.split("x"))), help="height x width of pictures")
    a.add_argument("--pictures", type=int, default=2)
    a.add_argument("--texts", type=int, default=2)
    a.add_argument("--missing", action="store_true", help="some values of a series were not observed")
    a.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="of the model's config")
    o = a.parse_intermixed_args()
    kind = getattr(transformers, o.model)
    config = kind.config_class(**dict(parse(s) for s in o.settings))
    task = task_of(o.model, kind, config)
    if not task:
        a.error(f"--model must end in one of {', '.join(TASKS)}")
    generator = torch.Generator().manual_seed(o.seed)
    model = kind._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, generator)
    model.tie_weights()
    x = inputs_of(o, task, config, model, generator)
    r = outputs_of(task, model, x)
    case = {"name": o.out.name, "task": task, "model_class": o.model, "transformers": transformers.__version__,
            "seed": o.seed, "main_output": main_of(r), "std": r[main_of(r)].std().item()}
    if task in ("causal-lm", "image-text-to-text", *SEQ2SEQ):
        r["greedy"], case["greedy_min_margin"] = greedy_of(task, model, x)
    case["noise"] = noise_of(task, model, x, r)
    model.save_pretrained(o.out)
    (o.out / "generation_config.json").unlink(missing_ok=True)
    tensors = {"input." + k: v for k, v in x.items() if torch.is_tensor(v)} | {"output." + k: v for k, v in r.items()}
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, o.out / "io.safetensors")
    (o.out / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    print(f"{o.out}: {task}, {len(tensors)} tensors, noise {case['noise']}")


if __name__ == "__main__":
    main()
