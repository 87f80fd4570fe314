# SPDX-License-Identifier: Apache-2.0
"""Makes tests/goldens/pictures: picture files, and what Pillow, torch and transformers make of them.

    python tests/goldens/make_pictures.py tests/goldens/pictures

decoded.safetensors has each file as transformers is shown it, [height, width, 3] of bytes: turned by EXIF, over white;
resized.safetensors `input`, and it in other sizes, FILTER.HEIGHTxWIDTH by Pillow and torch.FILTER.HEIGHTxWIDTH by what
torchvision resizes bytes with; processed.json and .safetensors what image processors make of `input`; fitted.json the
sizes to which they bring others. Needs pillow, torch and transformers, as references; weft itself needs none of them.
"""
import io
import json
import pathlib
import random
import struct
import sys
import zlib

import numpy as np
import PIL.Image
import PIL.ImageOps
import torch
import transformers as tf
from safetensors.torch import save_file
from transformers.image_transforms import convert_to_rgb

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def photograph(height, width, seed):
    """Smooth shades with edges and noise, so that every filter and rounding shows."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    shades = np.stack([np.sin(7 * x + 3 * y), np.cos(5 * y - 2 * x), np.sin(11 * x * y)], -1) * 100 + 128
    shades[height // 3:height // 2, width // 4:width // 2] = (255, 0, 20)
    return np.clip(shades + rng.normal(0, 25, shades.shape), 0, 255).astype(np.uint8)


def png(header, *chunks):
    """A PNG by hand, for what Pillow does not write."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    body = [chunk(b"IHDR", struct.pack(">IIBBBBB", *header))] + [chunk(*c) for c in chunks] + [chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def files():
    rgb = photograph(11, 14, 1)
    im = PIL.Image.fromarray(rgb)
    alpha = np.linspace(0, 255, 11 * 14).astype(np.uint8).reshape(11, 14)
    rgba = PIL.Image.fromarray(np.dstack([rgb, alpha]))
    grey = im.convert("L")

    def saved(image, kind, **options):
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    def turned(orientation):
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        return exif

    yield "rgb.png", saved(im, "png")
    yield "rgba.png", saved(rgba, "png")
    yield "grey.png", saved(grey, "png")
    yield "grey_alpha.png", saved(rgba.convert("LA"), "png")
    yield "bits.png", saved(im.convert("1"), "png")
    yield "palette.png", saved(im.quantize(13), "png")
    yield "palette_transparent.png", saved(im.quantize(13), "png", transparency=bytes(range(0, 255, 20)))
    yield "one_transparent.png", saved(im, "png", transparency=tuple(int(v) for v in rgb[2, 3]))
    yield "turned.png", saved(im, "png", exif=turned(6))
    deep = rgb.astype(np.uint16) * 256 + np.arange(14, dtype=np.uint16)[None, :, None] * 18
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    yield "16bit.png", png((14, 11, 16, 2, 0, 0, 0), (b"IDAT", zlib.compress(rows)))
    four = (np.asarray(grey) // 16).astype(np.uint8)
    rows = b"".join(b"\0" + bytes(int(a) << 4 | int(b) for a, b in zip(row[::2], row[1::2])) for row in four)
    yield "grey4.png", png((14, 11, 4, 0, 0, 0, 0), (b"IDAT", zlib.compress(rows)))
    passes = b""
    for y0, x0, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
                           (1, 0, 2, 1)):
        for row in rgb[y0::dy, x0::dx]:
            passes += b"\0" + row.tobytes() if len(row) else b""
    yield "interlaced.png", png((14, 11, 8, 2, 0, 0, 1), (b"IDAT", zlib.compress(passes)))
    yield "rgb.jpg", saved(im, "jpeg", quality=90)
    yield "halved.jpg", saved(im, "jpeg", quality=60, subsampling="4:2:0")
    yield "progressive.jpg", saved(im, "jpeg", progressive=True)
    yield "grey.jpg", saved(grey, "jpeg")
    yield "cmyk.jpg", saved(PIL.Image.fromarray(np.dstack([rgb, alpha]), "CMYK"), "jpeg", quality=95)
    for orientation in range(1, 9):
        yield f"turned{orientation}.jpg", saved(im, "jpeg", exif=turned(orientation))
    yield "lossy.webp", saved(im, "webp", quality=80)
    yield "lossless.webp", saved(im, "webp", lossless=True)
    yield "alpha.webp", saved(rgba, "webp", lossless=True, exact=True)
    yield "turned.webp", saved(im, "webp", lossless=True, exif=turned(8))


def resizings(picture):
    im = PIL.Image.fromarray(picture)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None]
    for height, width in ((9, 7), (40, 31), (23, 5), (4, 57), (50, 17), (1, 1)):
        for name, number in FILTERS.items():
            yield f"{name}.{height}x{width}", torch.from_numpy(np.asarray(im.resize((width, height), number)).copy())
        for name in ("bilinear", "bicubic"):
            t = torch.nn.functional.interpolate(tensor, size=(height, width), mode=name, antialias=True)
            yield f"torch.{name}.{height}x{width}", t[0].permute(1, 2, 0).contiguous()


def processors():
    """Class, settings and the sizes that it is tried with."""
    yield tf.ViTImageProcessorPil, dict(size=20)
    yield tf.ViTImageProcessorPil, dict(size=[12, 18], resample=0, image_mean=0.25, image_std=0.75)
    yield tf.ViTImageProcessorPil, dict(size=dict(max_height=20, max_width=14), do_normalize=False)
    yield tf.ViTImageProcessorPil, dict(size=dict(height=9, width=9), do_rescale=False)
    yield tf.ViTImageProcessorPil, dict(do_resize=False)
    yield tf.DeiTImageProcessorPil, dict(size=19, crop_size=16)
    yield tf.DeiTImageProcessorPil, dict(size=dict(height=8, width=21), crop_size=dict(height=11, width=16))
    yield tf.CLIPImageProcessorPil, dict(size=15, crop_size=15)
    yield tf.CLIPImageProcessorPil, dict(size=dict(shortest_edge=15, longest_edge=18), do_center_crop=False)
    yield tf.CLIPImageProcessorPil, dict(size=9, crop_size=12, resample=1)
    yield tf.BitImageProcessorPil, dict(size=18, crop_size=dict(height=14, width=14), image_mean=[0.1, 0.2, 0.3])
    yield tf.SiglipImageProcessorPil, dict(size=dict(height=16, width=16), rescale_factor=1 / 127.5)
    yield tf.SiglipImageProcessorPil, dict(size=13)
    yield tf.Gemma3ImageProcessorPil, dict(size=dict(height=24, width=24))
    yield tf.PixtralImageProcessorPil, dict(size=dict(longest_edge=21), patch_size=4)
    yield tf.PixtralImageProcessorPil, dict(size=dict(longest_edge=64), patch_size=dict(height=6, width=4))
    yield tf.Qwen2VLImageProcessorPil, dict(min_pixels=64, max_pixels=600, patch_size=3, merge_size=2)
    yield tf.Qwen2VLImageProcessorPil, dict(size=dict(shortest_edge=1200, longest_edge=2000), patch_size=4)


def tiled():
    """Settings and sizes of pictures that are cut into pieces."""
    for settings in (dict(size=dict(height=16, width=16)), dict(size=dict(height=12, width=12), max_patches=5),
                     dict(size=dict(height=10, width=10), max_patches=7, resize_to_max_canvas=True),
                     dict(size=dict(height=9, width=9), max_patches=1, image_mean=[0.1, 0.2, 0.3])):
        for height, width in ((23, 17), (7, 40), (61, 19), (5, 3)):
            yield settings, photograph(height, width, 4)


def whole(values, grid, patch, merge):
    """Qwen's rows of patches as the picture that they are of."""
    down, across = int(grid[1]), int(grid[2])
    rows = values.reshape(down // merge, across // merge, merge, merge, 3, -1, patch, patch)[:, :, :, :, :, 0]
    return rows.permute(4, 0, 2, 5, 1, 3, 6).reshape(3, down * patch, across * patch)


def process(kind, settings, picture):
    p = kind(**settings)
    r = p(images=PIL.Image.fromarray(picture), return_tensors="pt")
    if "image_grid_thw" in r:
        return whole(r.pixel_values, r.image_grid_thw[0], p.patch_size, p.merge_size)
    return torch.as_tensor(r.pixel_values[0])


def write_tiled(out):
    cases, tensors = [], {}
    for settings, picture in tiled():
        r = tf.Llama4ImageProcessor(**settings)(images=PIL.Image.fromarray(picture), return_tensors="pt")
        tensors[f"input.{len(cases)}"] = torch.from_numpy(picture)
        tensors[f"output.{len(cases)}"] = r.pixel_values.contiguous()
        cases.append({"settings": {"image_processor_type": "Llama4ImageProcessor", **settings},
                      "pieces": r.aspect_ratios[0].tolist()})
    save_file(tensors, out / "tiled.safetensors")
    (out / "tiled.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    decoded = {}
    for name, data in files():
        (out / name).write_bytes(data)
        image = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data)))
        decoded[name] = torch.from_numpy(convert_to_rgb(image, return_numpy=True).copy())
    save_file(decoded, out / "decoded.safetensors")
    picture = photograph(23, 17, 2)
    save_file({"input": torch.from_numpy(picture), **dict(resizings(picture))}, out / "resized.safetensors")
    cases, tensors, fits = [], {}, []
    draw = random.Random(3)
    for kind, settings in processors():
        name = kind.__name__.removesuffix("Pil")
        said = {"image_processor_type": name, **settings}
        tensors[str(len(cases))] = process(kind, settings, picture).float().contiguous()
        cases.append(said)
        tried = []
        while len(tried) < 8:
            size = [draw.choice((1, 7, 30, 91, 200)) + draw.randrange(40) for _ in range(2)]
            try:
                tried.append([size, list(process(kind, settings, np.zeros((*size, 3), np.uint8)).shape[1:])])
            except ValueError:
                tried.append([size, None])
        fits.append(tried)
    save_file(tensors, out / "processed.safetensors")
    write_tiled(out)
    lines = ",\n".join(json.dumps({"settings": c, "sizes": f}) for c, f in zip(cases, fits))
    (out / "processed.json").write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
