// SPDX-License-Identifier: Apache-2.0
#include "base/quantize.hpp"
#include "base/half.hpp"
#include "base/quantize_search.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace weft::detail {
namespace {

using Values = std::span<const float>;

void put_half(std::byte* to, float v) {
    const uint16_t half = float_to_half(v);
    std::memcpy(to, &half, 2);
}
float as_half(float v) { return half_to_float(float_to_half(v)); }
bool fits_half(float v) { return std::isfinite(as_half(v)); }
// 0 for scales that are 0 or so small that nothing of the block is left.
float inverse_of(float d) { return std::isfinite(1 / d) ? 1 / d : 0; }

// The element of the largest magnitude, with its sign; the first of equal ones.
float extreme(Values x) {
    float found = 0;
    for (const float v : x)
        if (std::abs(v) > std::abs(found)) found = v;
    return found;
}

// Two numbers of 4 bits a byte: element i and element i + 16.
void put_nibbles(std::byte* to, const std::array<uint8_t, 32>& q) {
    for (size_t i = 0; i < 16; ++i) to[i] = std::byte((q[i] & 15) | (q[i + 16] & 15) << 4);
}
// The fifth bits of 32 numbers.
void put_fifths(std::byte* to, const std::array<uint8_t, 32>& q) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 32; ++i) bits |= uint32_t(q[i] >> 4 & 1) << i;
    std::memcpy(to, &bits, 4);
}

// Each of these is false if a scale or a minimum does not fit its half: what it has written then is nothing.

bool pack_q8_0(Values x, std::byte* to) {
    const float d = std::abs(extreme(x)) / 127, inverse = inverse_of(d);
    put_half(to, d);
    for (size_t i = 0; i < 32; ++i) to[2 + i] = std::byte(int8_t(std::round(x[i] * inverse)));
    return fits_half(d);
}

// The extreme element stands for the most negative number, of which there is one more.
std::array<uint8_t, 32> signed_numbers(Values x, int half_range, float& d) {
    d = extreme(x) / float(-half_range);
    const float inverse = inverse_of(d);
    std::array<uint8_t, 32> q{};
    if (d != 0 && inverse == 0) return q; // as ggml writes such blocks
    for (size_t i = 0; i < 32; ++i)
        q[i] = uint8_t(std::clamp(int(x[i] * inverse + float(half_range) + 0.5f), 0, 2 * half_range - 1));
    return q;
}

bool pack_q4_0(Values x, std::byte* to) {
    float d;
    const auto q = signed_numbers(x, 8, d);
    put_half(to, d);
    put_nibbles(to + 2, q);
    return fits_half(d);
}

bool pack_q5_0(Values x, std::byte* to) {
    float d;
    const auto q = signed_numbers(x, 16, d);
    put_half(to, d);
    put_fifths(to + 2, q);
    put_nibbles(to + 6, q);
    return fits_half(d);
}

bool pack_q5_1(Values x, std::byte* to) {
    const auto [low, high] = std::ranges::minmax(x);
    const float d = (high - low) / 31, inverse = inverse_of(d);
    if (!fits_half(d) || !fits_half(low)) return false;
    std::array<uint8_t, 32> q;
    for (size_t i = 0; i < 32; ++i) q[i] = uint8_t(std::min(31, int((x[i] - low) * inverse + 0.5f)));
    put_half(to, d);
    put_half(to + 2, low);
    put_fifths(to + 4, q);
    put_nibbles(to + 8, q);
    return true;
}

// Eight scales and minima of 6 bits in 12 bytes: the lower four whole, with the upper
// two bits of the others above them.
void put_six_bits(std::byte* to, const std::array<uint8_t, 8>& scales, const std::array<uint8_t, 8>& minima) {
    for (size_t i = 0; i < 4; ++i) {
        to[i] = std::byte(scales[i] | (scales[i + 4] >> 4) << 6);
        to[4 + i] = std::byte(minima[i] | (minima[i + 4] >> 4) << 6);
        to[8 + i] = std::byte((scales[i + 4] & 15) | (minima[i + 4] & 15) << 4);
    }
}

// q4_k (most = 15) and q5_k (31): eight groups of 32, each with a scale and a minimum that are multiples of the
// block's.
bool pack_k(Values x, uint32_t most, std::byte* to) {
    std::array<ScaleAndMinimum, 8> found;
    float largest_scale = 0, largest_minimum = 0;
    for (size_t g = 0; g < 8; ++g) {
        found[g] = best_scale_and_minimum(x.subspan(32 * g, 32), most);
        largest_scale = std::max(largest_scale, found[g].scale);
        largest_minimum = std::max(largest_minimum, found[g].minimum);
    }
    put_half(to, largest_scale / 63);
    put_half(to + 2, largest_minimum / 63);
    const float d = as_half(largest_scale / 63), m = as_half(largest_minimum / 63);
    if (!std::isfinite(d) || !std::isfinite(m)) return false;
    std::array<uint8_t, 8> scales{}, minima{};
    std::array<uint8_t, 256> q{};
    for (size_t g = 0; g < 8; ++g) {
        scales[g] = uint8_t(d > 0 ? std::clamp(std::lround(found[g].scale / d), 0l, 63l) : 0);
        minima[g] = uint8_t(m > 0 ? std::clamp(std::lround(found[g].minimum / m), 0l, 63l) : 0);
        const float step = d * scales[g], below = m * minima[g];
        for (size_t i = 0; i < 32; ++i)
            q[32 * g + i] =
                uint8_t(step > 0 ? std::clamp(std::lround((x[32 * g + i] + below) / step), 0l, long(most)) : 0);
    }
    put_six_bits(to + 4, scales, minima);
    std::byte* const fifths = to + 16; // of q5_k
    std::byte* const nibbles = most > 15 ? to + 48 : to + 16;
    if (most > 15)
        for (size_t i = 0; i < 32; ++i) {
            uint32_t bits = 0;
            for (size_t g = 0; g < 8; ++g) bits |= uint32_t(q[32 * g + i] >> 4) << g;
            fifths[i] = std::byte(bits);
        }
    for (size_t g = 0; g < 8; g += 2)
        for (size_t i = 0; i < 32; ++i)
            nibbles[16 * g + i] = std::byte((q[32 * g + i] & 15) | (q[32 * g + 32 + i] & 15) << 4);
    return true;
}

// Sixteen groups of 16, each with a scale that is a signed multiple of the block's.
bool pack_q6_k(Values x, std::byte* to) {
    std::array<float, 16> scales;
    for (size_t g = 0; g < 16; ++g) scales[g] = best_scale(x.subspan(16 * g, 16), 32);
    const float d = extreme(scales) / -128;
    put_half(to + 208, d);
    const float held = as_half(d);
    if (!std::isfinite(held)) return false;
    std::array<uint8_t, 256> q;
    for (size_t g = 0; g < 16; ++g) {
        const long scale = held != 0 ? std::clamp(std::lround(scales[g] / held), -128l, 127l) : 0;
        to[192 + g] = std::byte(int8_t(scale));
        const float step = held * float(scale);
        for (size_t i = 16 * g; i < 16 * g + 16; ++i)
            q[i] = uint8_t(step != 0 ? std::clamp(std::lround(x[i] / step), -32l, 31l) + 32 : 32);
    }
    for (size_t n = 0; n < 2; ++n) // 128 elements each
        for (size_t i = 0; i < 32; ++i) {
            const uint8_t* const e = &q[128 * n + i];
            to[64 * n + i] = std::byte((e[0] & 15) | (e[64] & 15) << 4);
            to[64 * n + 32 + i] = std::byte((e[32] & 15) | (e[96] & 15) << 4);
            to[128 + 32 * n + i] = std::byte(e[0] >> 4 | e[32] >> 4 << 2 | e[64] >> 4 << 4 | e[96] >> 4 << 6);
        }
    return true;
}

bool pack_one(DType type, Values x, std::byte* to) {
    const float v = x[0];
    const uint16_t half = type == DType::f16 ? float_to_half(v) : float_to_bf16(v);
    if (type == DType::f32) std::memcpy(to, &v, 4);
    else std::memcpy(to, &half, 2);
    return type == DType::f32 || std::isfinite(type == DType::f16 ? half_to_float(half) : bf16_to_float(half));
}

// False if the type cannot hold these values, which are finite.
bool pack(DType type, Values x, std::byte* to) {
    switch (type) {
    case DType::q8_0: return pack_q8_0(x, to);
    case DType::q4_0: return pack_q4_0(x, to);
    case DType::q5_0: return pack_q5_0(x, to);
    case DType::q5_1: return pack_q5_1(x, to);
    case DType::q4_k: return pack_k(x, 15, to);
    case DType::q5_k: return pack_k(x, 31, to);
    case DType::q6_k: return pack_q6_k(x, to);
    default: return pack_one(type, x, to);
    }
}

} // namespace

bool can_quantize(DType type) {
    constexpr DType known[] = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0, DType::q4_0,
                               DType::q5_0, DType::q5_1, DType::q4_k, DType::q5_k, DType::q6_k};
    return std::ranges::find(known, type) != std::end(known);
}

std::optional<size_t> quantize_blocks(DType type, std::span<const float> values, std::span<std::byte> blocks) {
    const BlockInfo info = block_info(type);
    weft_CHECK(can_quantize(type), "this type is not made");
    weft_CHECK(values.size() % info.elements == 0 && blocks.size() == bytes_of(type, values.size()),
               "blocks must have room for all values");
    for (size_t at = 0, to = 0; at < values.size(); at += info.elements, to += info.bytes) {
        const Values block = values.subspan(at, info.elements);
        const auto odd = std::ranges::find_if(block, [](float v) { return !std::isfinite(v); });
        if (odd != block.end()) return at + size_t(odd - block.begin());
        if (!pack(type, block, &blocks[to]))
            return at +
                   size_t(std::ranges::max_element(block, {}, [](float v) { return std::abs(v); }) - block.begin());
    }
    return std::nullopt;
}

} // namespace weft::detail
