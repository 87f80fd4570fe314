// SPDX-License-Identifier: Apache-2.0
// L0: element types of tensors, in files and on the device. Those of weights come from the list that the shaders have.
#pragma once
#include "../../shaders/lib/block_types.glsl"
#include "base/check.hpp"
#include <cstddef>
#include <cstdint>

namespace weft::detail {

#define weft_ROW(id, NAME, number, elements, bytes, scale) id,
enum class DType : uint8_t { f32, f16, bf16, u32, i32, BLOCK_TYPES(weft_ROW) OWN_TYPES(weft_ROW) };
#undef weft_ROW

/// How elements are laid out: one by one, or in blocks that share a scale.
struct BlockInfo {
    const char* name;         ///< as messages spell it
    const char* file_name;    ///< as files do
    uint32_t number;          ///< in GGUF files, and TYPE in shaders
    uint32_t elements, bytes; ///< of a block; a row is a whole number of blocks
    uint32_t scale_at;        ///< the byte where a block's scale lies
};

constexpr BlockInfo block_info(DType t) {
    switch (t) {
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    case DType::id: return {#id, #NAME, number, elements, bytes, scale};
        PLAIN_TYPES(weft_ROW)
        BLOCK_TYPES(weft_ROW)
        OWN_TYPES(weft_ROW)
#undef weft_ROW
    case DType::u32: return {"u32", "U32", ~0u, 1, 4, 0};
    case DType::i32: return {"i32", "I32", 26, 1, 4, 0};
    }
    return {};
}

constexpr const char* name_of(DType t) { return block_info(t).name; }

/// True of the quantized types, whose elements have no address of their own.
constexpr bool in_blocks(DType t) { return block_info(t).elements > 1; }

/// Bytes of an element; not of a type in blocks.
constexpr size_t size_of(DType t) {
    weft_CHECK(!in_blocks(t), "an element of a block has no size of its own");
    return block_info(t).bytes;
}

/// Bytes of that many elements, whole blocks.
constexpr uint64_t bytes_of(DType t, uint64_t elements) {
    const BlockInfo info = block_info(t);
    weft_CHECK(elements % info.elements == 0, "a row must be whole blocks");
    return elements / info.elements * info.bytes;
}

/// Bytes that a buffer of so many elements must have: shaders read blocks by words, and a word more than they need.
constexpr uint64_t storage_bytes(DType t, uint64_t elements) {
    return in_blocks(t) ? (bytes_of(t, elements) + 3) / 4 * 4 + 4 : bytes_of(t, elements);
}

} // namespace weft::detail
