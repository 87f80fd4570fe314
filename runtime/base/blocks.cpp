// SPDX-License-Identifier: Apache-2.0
#include "base/blocks.hpp"
#include "base/half.hpp"
#include <array>
#include <bit>
#include <cstring>

namespace weft::detail {
namespace {

using uint = uint32_t;
float uintBitsToFloat(uint bits) { return std::bit_cast<float>(bits); }
float half_value(uint bits) { return half_to_float(uint16_t(bits)); }

#include "../../shaders/lib/blocks.glsl"

constexpr size_t kLargestBlock = 256;

// GLSL reads from the buffer that is bound; here it is a copy of one block.
struct Block {
    std::array<uint, kLargestBlock / 4> words{};
    uint four(uint, uint first, uint byte, uint n) const {
        return four_bytes(words[first + byte / 4 + n], words[first + byte / 4 + n + 1], byte % 4 * 8);
    }
#include "../../shaders/lib/block.glsl"
};

} // namespace

void unpack_blocks(DType type, std::span<const std::byte> blocks, std::span<float> values) {
    const BlockInfo info = block_info(type);
    weft_CHECK(in_blocks(type) && info.bytes <= kLargestBlock - 8, "only blocks can be unpacked");
    weft_CHECK(blocks.size() % info.bytes == 0 && values.size() == blocks.size() / info.bytes * info.elements,
               "values must have room for all elements");
    Block block;
    for (size_t at = 0, element = 0; at < blocks.size(); at += info.bytes) {
        std::memcpy(block.words.data(), &blocks[at], info.bytes);
        for (uint group = 0; group < block_groups(info.number); ++group)
            for (uint quarter = 0; quarter < 4; ++quarter) {
                const Eight e = block.read_eight(0, info.number, 0, group / 4, group % 4, quarter);
                for (uint i = 0; i < 8; ++i)
                    values[element++] =
                        e.scale * byte_value(info.number, ((i < 4 ? e.low : e.high) >> i % 4 * 8) & 255) - e.minimum;
            }
    }
}

} // namespace weft::detail
