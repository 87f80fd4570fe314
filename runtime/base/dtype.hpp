// SPDX-License-Identifier: Apache-2.0
// L0: element types of tensors, in files and on the device.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weft {

enum class DType : uint8_t { f32, f16, bf16, u32, i32 };

constexpr size_t size_of(DType t) { return t == DType::f16 || t == DType::bf16 ? 2 : 4; }

constexpr const char* name_of(DType t) {
    switch (t) {
    case DType::f32: return "f32";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::u32: return "u32";
    case DType::i32: return "i32";
    }
    return "?";
}

} // namespace weft
