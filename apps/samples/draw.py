# SPDX-License-Identifier: Apache-2.0
"""Draws the ten pictures in pictures/: one of each class that apps/models/cifar-mambavision tells apart.

    python apps/samples/draw.py        # needs Pillow

Colours of the cat and the frog, and of what is behind them, were chosen among thirty such that the model names them;
the other eight are the first that were drawn.
"""
import pathlib

from PIL import Image, ImageDraw, ImageFilter

SIZE = 256  # drawn; blurred a little and halved when written


def behind(draw, top, bottom, first=0, last=SIZE):
    for y in range(first, last):
        t = (y - first) / (last - first)
        draw.line([(0, y), (SIZE, y)], fill=tuple(int(a + (b - a) * t) for a, b in zip(top, bottom)))


def oval(draw, x, y, across, down, colour):
    draw.ellipse([x - across, y - down, x + across, y + down], fill=colour)


def darker(colour, by=0.6):
    return tuple(int(value * by) for value in colour)


def lighter(colour):
    return tuple(min(255, int(value * 1.25) + 20) for value in colour)


def airplane(draw):
    behind(draw, (90, 150, 215), (190, 215, 240))
    hull = (235, 235, 240)
    draw.polygon([(20, 120), (60, 108), (200, 108), (240, 122), (225, 140), (60, 140)], fill=hull)
    draw.polygon([(30, 115), (18, 60), (40, 60), (75, 110)], fill=hull)
    draw.polygon([(110, 130), (60, 195), (85, 198), (165, 135)], fill=darker(hull, 0.7))
    draw.polygon([(120, 110), (95, 70), (110, 68), (160, 110)], fill=darker(hull, 0.7))
    for x in range(90, 200, 14):
        draw.rectangle([x, 116, x + 6, 122], fill=(60, 70, 90))


def automobile(draw):
    behind(draw, (200, 205, 210), (215, 215, 215), 0, 150)
    behind(draw, (120, 120, 122), (90, 90, 92), 150)
    paint = (30, 60, 170)
    draw.polygon([(15, 165), (20, 125), (70, 112), (100, 78), (175, 78), (205, 115), (240, 128), (242, 170), (15, 172)],
                 fill=paint)
    draw.polygon([(82, 112), (105, 86), (135, 86), (135, 112)], fill=(40, 50, 65))
    draw.polygon([(142, 86), (172, 86), (195, 112), (142, 112)], fill=(40, 50, 65))
    draw.rectangle([15, 158, 242, 172], fill=darker(paint))
    for x in (65, 190):
        oval(draw, x, 172, 27, 27, (20, 20, 22))
        oval(draw, x, 172, 13, 13, (170, 170, 175))
    oval(draw, 24, 138, 7, 7, (250, 240, 200))


def bird(draw):
    behind(draw, (140, 170, 120), (90, 130, 80))
    feathers = (70, 90, 140)
    oval(draw, 125, 135, 70, 48, feathers)
    oval(draw, 190, 90, 30, 28, feathers)
    oval(draw, 140, 150, 50, 34, (225, 205, 170))
    draw.polygon([(70, 125), (10, 165), (25, 175), (90, 160)], fill=darker(feathers))
    draw.polygon([(70, 110), (150, 105), (110, 165), (60, 150)], fill=darker(feathers, 0.75))
    draw.polygon([(215, 85), (245, 93), (215, 100)], fill=(230, 170, 40))
    oval(draw, 197, 84, 5, 5, (10, 10, 10))
    for x in (115, 140):
        draw.line([(x, 180), (x + 4, 215)], fill=(90, 60, 40), width=5)
    draw.line([(0, 217), (SIZE, 210)], fill=(90, 65, 45), width=14)


def cat(draw):
    behind(draw, (120, 60, 50), darker((120, 60, 50), 0.7))
    fur = (150, 140, 130)
    oval(draw, 128, 240, 95, 80, darker(fur))
    for ear, inside in (([(45, 110), (50, 20), (120, 70)], [(58, 95), (60, 42), (102, 72)]),
                        ([(211, 110), (206, 20), (136, 70)], [(198, 95), (196, 42), (154, 72)])):
        draw.polygon(ear, fill=fur)
        draw.polygon(inside, fill=(200, 150, 140))
    oval(draw, 128, 125, 85, 78, fur)
    oval(draw, 128, 165, 38, 28, lighter(fur))
    for x in (92, 164):
        oval(draw, x, 115, 18, 15, (170, 190, 90))
        oval(draw, x, 115, 6, 14, (10, 10, 10))
    draw.polygon([(118, 145), (138, 145), (128, 157)], fill=(190, 110, 110))
    for side in (-1, 1):
        for k in (-8, 2, 12):
            draw.line([(128 + side * 25, 160), (128 + side * 95, 155 + k * 2)], fill=(240, 240, 240), width=2)
    for k in (-24, 0, 24):
        draw.line([(128 + k, 50), (128 + k * 0.6, 85)], fill=darker(fur), width=8)


def deer(draw):
    behind(draw, (110, 130, 80), (130, 140, 80))
    behind(draw, (120, 130, 70), (90, 110, 50), 170)
    coat = (165, 120, 80)
    oval(draw, 115, 135, 62, 32, coat)
    for x in (68, 82, 145, 160):
        draw.polygon([(x - 7, 150), (x + 7, 150), (x + 4, 232), (x - 3, 232)], fill=darker(coat, 0.7))
    draw.polygon([(150, 150), (140, 115), (180, 60), (200, 70), (178, 140)], fill=coat)
    draw.polygon([(175, 68), (190, 50), (232, 72), (228, 84), (190, 85)], fill=coat)
    draw.polygon([(180, 60), (162, 40), (172, 38)], fill=coat)
    for s in (0, 14):
        draw.line([(188 + s, 55), (180 + s * 2, 12)], fill=(90, 70, 45), width=5)
        draw.line([(184 + s, 34), (164 + s * 3, 22)], fill=(90, 70, 45), width=4)
    oval(draw, 200, 64, 4, 4, (10, 10, 10))
    oval(draw, 54, 125, 9, 13, (240, 235, 225))


def dog(draw):
    behind(draw, (110, 140, 90), (150, 160, 130))
    fur = (220, 200, 170)
    oval(draw, 128, 240, 95, 80, darker(fur))
    draw.ellipse([25, 60, 90, 190], fill=darker(fur))
    draw.ellipse([166, 60, 231, 190], fill=darker(fur))
    oval(draw, 128, 125, 85, 78, fur)
    oval(draw, 128, 165, 48, 40, lighter(fur))
    for x in (92, 164):
        oval(draw, x, 108, 11, 12, (25, 18, 15))
    oval(draw, 128, 150, 20, 14, (20, 18, 18))
    draw.polygon([(115, 185), (141, 185), (138, 215), (118, 215)], fill=(210, 90, 100))


def frog(draw):
    behind(draw, (60, 60, 55), darker((60, 60, 55), 0.7))
    skin = (90, 150, 50)
    oval(draw, 128, 155, 90, 58, skin)
    oval(draw, 60, 190, 42, 30, darker(skin, 0.65))
    oval(draw, 196, 190, 42, 30, darker(skin, 0.65))
    oval(draw, 128, 110, 66, 48, skin)
    oval(draw, 128, 185, 55, 30, (210, 205, 150))
    for x in (85, 171):
        oval(draw, x, 72, 22, 21, skin)
        oval(draw, x, 70, 14, 14, (220, 190, 60))
        oval(draw, x, 70, 7, 9, (10, 10, 10))
    draw.arc([78, 88, 178, 142], 10, 170, fill=darker(skin, 0.65), width=5)
    for x in (40, 90, 166, 216):
        oval(draw, x, 220, 22, 8, skin)


def horse(draw):
    behind(draw, (170, 200, 225), (200, 215, 220), 0, 150)
    behind(draw, (110, 140, 60), (90, 120, 45), 150)
    coat = (150, 90, 50)
    oval(draw, 110, 125, 68, 36, coat)
    for x, colour in ((58, darker(coat)), (78, coat), (145, coat), (165, darker(coat))):
        draw.polygon([(x - 9, 140), (x + 9, 140), (x + 5, 228), (x - 5, 228)], fill=colour)
    draw.polygon([(140, 145), (140, 105), (185, 45), (212, 62), (178, 135)], fill=coat)
    draw.polygon([(182, 50), (198, 36), (240, 88), (232, 102), (214, 96), (198, 78)], fill=coat)
    draw.polygon([(186, 45), (188, 22), (200, 38)], fill=coat)
    draw.polygon([(184, 36), (140, 80), (132, 112), (150, 110), (192, 56)], fill=darker(coat))
    draw.polygon([(50, 105), (28, 120), (22, 185), (38, 180), (54, 135)], fill=darker(coat))
    oval(draw, 208, 62, 4, 4, (5, 5, 5))


def ship(draw):
    behind(draw, (150, 185, 220), (210, 225, 235), 0, 165)
    behind(draw, (40, 90, 140), (30, 65, 110), 165)
    draw.polygon([(15, 140), (245, 130), (215, 185), (40, 185)], fill=(150, 30, 30))
    draw.rectangle([70, 100, 180, 140], fill=(240, 240, 240))
    draw.rectangle([95, 72, 160, 100], fill=(225, 225, 228))
    draw.rectangle([110, 35, 135, 72], fill=(190, 50, 40))
    for x in range(78, 176, 16):
        draw.rectangle([x, 112, x + 8, 122], fill=(60, 80, 110))
    draw.line([(205, 135), (205, 55)], fill=(70, 70, 70), width=4)


def truck(draw):
    behind(draw, (190, 205, 220), (215, 215, 215), 0, 160)
    behind(draw, (115, 115, 115), (85, 85, 85), 160)
    draw.rectangle([85, 50, 246, 175], fill=(160, 60, 50))
    draw.line([(85, 52), (246, 52)], fill=(120, 120, 120), width=4)
    draw.polygon([(12, 178), (12, 128), (32, 88), (84, 88), (84, 178)], fill=(230, 160, 40))
    draw.polygon([(24, 122), (38, 96), (68, 96), (68, 122)], fill=(40, 55, 70))
    draw.rectangle([8, 168, 246, 182], fill=(45, 45, 48))
    for x in (48, 170, 212):
        oval(draw, x, 186, 24, 24, (20, 20, 22))
        oval(draw, x, 186, 11, 11, (150, 150, 155))


def main():
    folder = pathlib.Path(__file__).parent / "pictures"
    for draw in (airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck):
        picture = Image.new("RGB", (SIZE, SIZE))
        draw(ImageDraw.Draw(picture))
        picture = picture.filter(ImageFilter.GaussianBlur(2)).resize((SIZE // 2, SIZE // 2), Image.LANCZOS)
        picture.save(folder / f"{draw.__name__}.png")


if __name__ == "__main__":
    main()
