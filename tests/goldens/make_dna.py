#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden cases of models of DNA, which transformers does not have: what their papers' equations give in double
precision, written down once more here.

    python tests/goldens/make_dna.py tests/goldens/models    (needs torch, safetensors)

HyenaDNA (Nguyen et al. 2023) under the hub's keys, of order 3 and with a head; Caduceus (Schiff et al. 2024) with both
strands and two mixers that share nothing, and one that reads one strand, LayerNorm, and biases.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file


class Weights(dict):
    def __init__(self, seed):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, name, *shape, deviation=None, centre=0.0):
        deviation = deviation if deviation is not None else (0.1 if len(shape) == 1 else 1.5 / shape[-1] ** 0.5)
        self[name] = torch.randn(shape, generator=self.generator) * deviation + centre

    def linear(self, name, out, width, bias=True):
        self.normal(name + ".weight", out, width)
        if bias:
            self.normal(name + ".bias", out)

    def norm(self, name, width, bias=True):
        self.normal(name + ".weight", width, centre=1.0)
        if bias:
            self.normal(name + ".bias", width)


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))


def layer_norm(w, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)


def rms_norm(w, name, x, eps):
    return x * (x.pow(2).mean(-1, keepdim=True) + eps).rsqrt() * w[name + ".weight"]


def causal(w, name, x):
    """Each channel by itself over the rows before: x [B, T, C]."""
    taps = w[name + ".weight"]
    y = F.conv1d(F.pad(x.transpose(1, 2), (taps.shape[-1] - 1, 0)), taps, w.get(name + ".bias"), groups=x.shape[-1])
    return y.transpose(1, 2)


# HyenaDNA

def hyena_weights(c, seed):
    w = Weights(seed)
    d, order, hidden, length = c["d_model"], c["hyena_order"], c["filter_order"], c["max_seq_len"]
    w.normal("hyena.backbone.embeddings.word_embeddings.weight", 16, d, deviation=1)
    for i in range(c["n_layer"]):
        at = f"hyena.backbone.layers.{i}."
        w.norm(at + "norm1", d)
        w.norm(at + "norm2", d)
        w.normal(at + "mixer.in_proj.weight", (order + 1) * d, d, deviation=0.2)
        w.normal(at + "mixer.in_proj.bias", (order + 1) * d)
        w.linear(at + "mixer.out_proj", d, d)
        w.normal(at + "mixer.short_filter.weight", (order + 1) * d, 1, c["short_filter_order"])
        w.normal(at + "mixer.short_filter.bias", (order + 1) * d)
        w.linear(at + "mlp.fc1", c["d_inner"], d)
        w.linear(at + "mlp.fc2", d, c["d_inner"])
        f, filters = at + "mixer.filter_fn.", (order - 1) * d
        w.normal(f + "bias", filters, deviation=0.5)
        w.linear(f + "implicit_filter.0", hidden, c["emb_dim"])
        for n in range(1, c["num_inner_mlps"] + 1):
            w.linear(f + f"implicit_filter.{2 * n}", hidden, hidden)
        w.normal(f + f"implicit_filter.{2 * c['num_inner_mlps'] + 2}.weight", filters, hidden, deviation=0.03)
        w.normal(f + "implicit_filter.1.freq", 1, hidden, deviation=1, centre=3.0)
        w.normal(f + "modulation.deltas", 1, 1, filters, deviation=6)
        w[f + "pos_emb.t"] = torch.linspace(0, 1, length)[None, :, None]
        w.normal(f + "pos_emb.z", 1, length, c["emb_dim"], deviation=1)
    w.norm("hyena.backbone.ln_f", d)
    w.normal("lm_head.weight", 16, d)
    return w


def hyena_filter(w, f, c):
    h = w[f + "pos_emb.z"][0]
    for n in range(c["num_inner_mlps"] + 1):
        h = torch.sin(w[f + "implicit_filter.1.freq"] * linear(w, f + f"implicit_filter.{2 * n}", h))
    h = linear(w, f + f"implicit_filter.{2 * c['num_inner_mlps'] + 2}", h)
    return h * (torch.exp(-w[f + "pos_emb.t"][0] * w[f + "modulation.deltas"][0].abs()) + 0.05)


def hyena(w, c, ids):
    d, order, eps = c["d_model"], c["hyena_order"], c["layer_norm_epsilon"]
    x, hidden, (b, t) = w["hyena.backbone.embeddings.word_embeddings.weight"][ids], [], ids.shape
    for i in range(c["n_layer"]):
        hidden.append(x)
        at = f"hyena.backbone.layers.{i}."
        u = linear(w, at + "mixer.in_proj", layer_norm(w, at + "norm1", x, eps))
        *gates, v = causal(w, at + "mixer.short_filter", u).split(d, dim=-1)
        filters = hyena_filter(w, at + "mixer.filter_fn.", c)[:t].split(d, dim=-1)
        skips = w[at + "mixer.filter_fn.bias"].split(d)
        lags = torch.arange(t)[:, None] - torch.arange(t)[None, :]
        for k, gate in enumerate(reversed(gates[1:])):
            v = v * gate
            toeplitz = filters[k][lags.clamp(min=0)] * (lags >= 0)[..., None]
            v = torch.einsum("tsd,bsd->btd", toeplitz, v) + skips[k] * v
        x = x + linear(w, at + "mixer.out_proj", v * gates[0])
        y = linear(w, at + "mlp.fc1", layer_norm(w, at + "norm2", x, eps))
        x = x + linear(w, at + "mlp.fc2", F.gelu(y, approximate="tanh"))
    return hidden + [x], linear(w, "lm_head", layer_norm(w, "hyena.backbone.ln_f", x, eps))


# Caduceus

def caduceus_weights(c, seed):
    w, s, d = Weights(seed), c["ssm_cfg"], c["d_model"]
    inner, rank, n, wrapped = s["expand"] * d, s["dt_rank"], s["d_state"], "submodule." if c["rcps"] else ""
    w.normal("caduceus.backbone.embeddings.word_embeddings." + ("embedding." if c["rcps"] else "") + "weight", 16, d,
             deviation=1)
    for i in range(c["n_layer"]):
        at = f"caduceus.backbone.layers.{i}."
        w.norm(at + "norm." + wrapped.rstrip(".") if wrapped else at + "norm", d, not c["rms_norm"])
        for way in ("mamba_fwd.", "mamba_rev."):
            m = at + "mixer." + wrapped + way
            if way == "mamba_fwd." or not c["bidirectional_weight_tie"]:
                w.linear(m + "in_proj", 2 * inner, d, s["bias"])
                w.linear(m + "out_proj", d, inner, s["bias"])
            w.normal(m + "conv1d.weight", inner, 1, s["d_conv"])
            if s["conv_bias"]:
                w.normal(m + "conv1d.bias", inner)
            w.linear(m + "x_proj", rank + 2 * n, inner, bias=False)
            w.linear(m + "dt_proj", inner, rank)
            w[m + "A_log"] = torch.rand((inner, n), generator=w.generator) * 2
            w.normal(m + "D", inner, deviation=0.3, centre=1)
    w.norm("caduceus.backbone.norm_f" + ("." + wrapped.rstrip(".") if wrapped else ""), d, not c["rms_norm"])
    return w


def mamba(w, own, shared, s, x):
    rank, n = s["dt_rank"], s["d_state"]
    u, z = linear(w, shared + "in_proj", x).chunk(2, dim=-1)
    u = F.silu(causal(w, own + "conv1d", u))
    dt, b, c = linear(w, own + "x_proj", u).split([rank, n, n], dim=-1)
    dt = F.softplus(linear(w, own + "dt_proj", dt))
    a, h, rows = -torch.exp(w[own + "A_log"]), torch.zeros(*x.shape[:1], u.shape[-1], n, dtype=x.dtype), []
    for t in range(x.shape[1]):
        h = torch.exp(dt[:, t, :, None] * a) * h + (dt * u)[:, t, :, None] * b[:, t, None, :]
        rows.append((h * c[:, t, None, :]).sum(-1) + w[own + "D"] * u[:, t])
    return linear(w, shared + "out_proj", torch.stack(rows, 1) * F.silu(z))


def caduceus(w, c, ids):
    s, eps, wrapped, d = c["ssm_cfg"], c["norm_epsilon"], "submodule." if c["rcps"] else "", c["d_model"]
    table = w["caduceus.backbone.embeddings.word_embeddings." + ("embedding." if c["rcps"] else "") + "weight"]
    complement = torch.tensor([c["complement_map"][str(i)] for i in range(16)]) if c["rcps"] else None
    norm = lambda name, x: (rms_norm if c["rms_norm"] else layer_norm)(w, name + wrapped.rstrip(".") if wrapped else
                                                                       name.rstrip("."), x, eps)
    other = lambda x: x.flip(-1, -2)
    strands = (lambda f, x: torch.cat([f(x[..., :d]), other(f(other(x[..., d:])))], -1)) if c["rcps"] else (
        lambda f, x: f(x))

    def both_ways(at):
        forward, back = at + wrapped + "mamba_fwd.", at + wrapped + "mamba_rev."
        shared = forward if c["bidirectional_weight_tie"] else back
        return lambda x: mamba(w, forward, forward, s, x) + mamba(w, back, shared, s, x.flip(1)).flip(1)

    x = table[ids]
    if c["rcps"]:
        x = torch.cat([x, other(table[complement[ids.flip(-1)]])], -1)
    hidden = []
    for i in range(c["n_layer"]):
        hidden.append(x)
        at = f"caduceus.backbone.layers.{i}."
        x = x + strands(both_ways(at + "mixer."), strands(lambda y: norm(at + "norm.", y), x))
    hidden.append(x)
    y = strands(lambda z: norm("caduceus.backbone.norm_f.", z), x)
    if not c["rcps"]:
        return hidden, y @ table.T
    return hidden, y[..., :d] @ table.T + y[..., d:].flip(-1) @ table[complement].T


def write(out, name, config, task, w, run, ids):
    directory = pathlib.Path(out) / name
    directory.mkdir(parents=True, exist_ok=True)
    rounded = lambda kind: {k: v.to(kind).double() for k, v in w.items()}
    with torch.no_grad():
        hidden, logits = run(rounded(torch.float32), config, ids)
        generator = torch.Generator().manual_seed(1)
        changed = {k: v.double() * (1 + 1e-6 * torch.randn(v.shape, generator=generator)) for k, v in w.items()}
        noise = {"f32": float((run(changed, config, ids)[1] - logits).abs().max())}
        for key, kind in (("f16", torch.float16), ("bf16", torch.bfloat16)):
            noise[key] = float((run(rounded(kind), config, ids)[1] - logits).abs().max())
    tensors = {"input.input_ids": ids, "output.logits": logits.float().contiguous()}
    for i, h in enumerate(hidden):
        tensors[f"output.hidden.{i}"] = h.float().contiguous()
    save_file(tensors, directory / "io.safetensors")
    save_file({k: v.contiguous() for k, v in w.items()}, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    case = {"task": task, "std": float(logits.std()), "noise": noise}
    (directory / "case.json").write_text(json.dumps(case, indent=1) + "\n")


def main(out):
    letters = lambda seed, *shape: torch.randint(7, 12, shape, generator=torch.Generator().manual_seed(seed))
    config = {"model_type": "hyenadna", "architectures": ["HyenaDNAForCausalLM"], "d_model": 20, "d_inner": 36,
              "n_layer": 2, "vocab_size": 12, "pad_vocab_size_multiple": 8, "max_seq_len": 330, "hyena_order": 3,
              "short_filter_order": 4, "emb_dim": 3, "filter_order": 10, "num_inner_mlps": 1,
              "layer_norm_epsilon": 1e-4, "tie_word_embeddings": False}
    write(out, "hyenadna-order", config, "causal-lm", hyena_weights(config, 3), hyena, letters(1, 2, 290))
    complement = {str(i): i for i in range(16)} | {"7": 10, "8": 9, "9": 8, "10": 7}
    mixer = {"d_state": 5, "d_conv": 3, "expand": 2, "dt_rank": 3, "bias": False, "conv_bias": True}
    config = {"model_type": "caduceus", "architectures": ["CaduceusForMaskedLM"], "d_model": 24, "n_layer": 2,
              "vocab_size": 12, "pad_vocab_size_multiple": 8, "norm_epsilon": 1e-4, "rms_norm": True,
              "bidirectional": True, "bidirectional_strategy": "add", "bidirectional_weight_tie": False, "rcps": True,
              "complement_map": {k: v for k, v in complement.items() if int(k) < 12}, "ssm_cfg": mixer}
    padded = config | {"complement_map": complement}
    write(out, "caduceus-apart", padded, "masked-lm", caduceus_weights(config, 4), caduceus, letters(2, 2, 70))
    (pathlib.Path(out) / "caduceus-apart" / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    config = config | {"rcps": False, "rms_norm": False, "bidirectional_weight_tie": True,
                       "ssm_cfg": mixer | {"bias": True, "conv_bias": False}}
    write(out, "caduceus-biased", config, "masked-lm", caduceus_weights(config, 5), caduceus, letters(3, 2, 70))


if __name__ == "__main__":
    main(sys.argv[1])
