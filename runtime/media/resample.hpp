// SPDX-License-Identifier: Apache-2.0
// L5: pictures of another size.
#pragma once
#include <weft/picture.hpp>

namespace weft::detail {

/// By Pillow's numbers, which preprocessor_config.json has.
enum class Filter : uint32_t { nearest, lanczos, bilinear, bicubic, box, hamming };

/// How far weights are rounded: Pillow takes 22 bits of them; torchvision (of bytes, on CPUs) so many that the largest
/// has 15.
enum class Rounding : uint32_t { pillow, torchvision };

/// The picture as Pillow or torchvision resizes it, with antialias, bit for bit: along rows and along columns, with 8
/// bits between. Sizes are at least 1. Cost: pixels of the larger size times the filter's width.
Picture resized(const Picture& picture, uint32_t height, uint32_t width, Filter filter,
                Rounding rounding = Rounding::pillow);

} // namespace weft::detail
