# SPDX-License-Identifier: Apache-2.0
"""Records what the bundled picture and sound models compute of the bundled pictures and digits.

    python tests/goldens/make_bundled.py TRAINING        # the folder of train_vision.py and train_audio.py

Writes io.safetensors and case.json into apps/models/{cifar-mambavision,digits-audiomamba}: the front end's values, a
picture's stages and all logits, by the code that trained the models. Needs torch, pillow, soundfile and safetensors.
"""
import json
import pathlib
import sys

import numpy as np
import PIL.Image
import soundfile
import torch
from safetensors.torch import load_file, save_file

APPS = pathlib.Path(__file__).resolve().parents[2] / "apps"
RECORDED_SOUNDS = (0, 3, 7)  # their filter banks are 57 KB each


def write(folder, tensors, **case):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "io.safetensors")
    case = {"name": folder.name, "torch": torch.__version__.split("+")[0], "dtype": "float32"} | case
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")


def pictures(training):
    folder = APPS / "models/cifar-mambavision"
    model = training.MambaVision(json.loads((folder / "config.json").read_text()))
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({name.removeprefix("model."): weight for name, weight in weights.items()})
    model.eval()
    files = sorted((APPS / "samples/pictures").glob("*.png"))
    small = [PIL.Image.open(file).resize((32, 32), PIL.Image.BICUBIC) for file in files]
    pixels, stages = torch.from_numpy(np.stack([np.asarray(picture) for picture in small])), []
    values = training.normalise(pixels)
    tensors = {"input.pixel_values": values, "output.logits": model(values, stages)}
    tensors |= {f"output.stage.{i}": stage[:2] for i, stage in enumerate(stages)}
    write(folder, tensors, task="image-classification", pictures=[file.name for file in files])
    print([training.CLASSES[i] for i in tensors["output.logits"].argmax(1)])


def sounds(training):
    folder = APPS / "models/digits-audiomamba"
    model, _, front = training.restore(folder)
    banks = []
    for digit in RECORDED_SOUNDS:
        wave, rate = soundfile.read(APPS / f"samples/digits/{digit}.flac", dtype="float32")
        assert rate == training.RATE
        bank = training.fixed(training.fbank(torch.from_numpy(wave)))
        banks.append((bank - front["mean"]) / (2 * front["std"]))
    tensors = {"input.fbank": torch.stack(banks), "output.logits": model(torch.stack(banks))}
    write(folder, tensors, task="audio-classification", clips=[f"{digit}.flac" for digit in RECORDED_SOUNDS])
    print(tensors["output.logits"].argmax(1).tolist())


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import train_audio
    import train_vision
    with torch.no_grad():
        pictures(train_vision)
        sounds(train_audio)
