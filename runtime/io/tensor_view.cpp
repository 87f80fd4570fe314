// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_view.hpp"
#include "base/blocks.hpp"
#include "base/half.hpp"
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace weft::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian and are read in place");

struct TypeRow {
    const char* name;
    uint32_t bits;
};

constexpr std::array<TypeRow, kFileTypes> kTypes{{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

// Calls `put(value)` for each element of type T.
template <class T, class Put>
void each(const TensorView& tensor, Put put) {
    for (size_t at = 0; at + sizeof(T) <= tensor.bytes.size(); at += sizeof(T)) {
        T value;
        std::memcpy(&value, tensor.bytes.data() + at, sizeof(T));
        put(value);
    }
}

// Value of an 8-bit float with sign, exponent and mantissa, NaN and infinity aside.
float small_float(uint8_t word, int mantissa_bits, int bias) {
    const int mantissa = word & ((1 << mantissa_bits) - 1), exponent = (word & 0x7f) >> mantissa_bits;
    const float magnitude = exponent == 0
                                ? std::ldexp(float(mantissa), 1 - bias - mantissa_bits)
                                : std::ldexp(float(mantissa + (1 << mantissa_bits)), exponent - bias - mantissa_bits);
    return word & 0x80 ? -magnitude : magnitude;
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

float from_e4m3(uint8_t w) { return (w & 0x7f) == 0x7f ? kNaN : small_float(w, 3, 7); } // OCP: no infinity
float from_e5m2(uint8_t w) { return half_to_float(uint16_t(w << 8)); }
float from_e8m0(uint8_t w) { return w == 0xff ? kNaN : std::ldexp(1.0f, int(w) - 127); }
float from_e4m3fnuz(uint8_t w) { return w == 0x80 ? kNaN : small_float(w, 3, 8); }
float from_e5m2fnuz(uint8_t w) { return w == 0x80 ? kNaN : small_float(w, 2, 16); }

Error not_readable(const TensorView& tensor, const char* as) {
    return {ErrorCode::unsupported,
            "tensor " + in_quotes(tensor.name) + ": is of type " + name_of(tensor.type) + ", which cannot be read as " +
                as,
            {}};
}

} // namespace

const char* name_of(FileType type) {
    return size_t(type) < kFileTypes ? kTypes[size_t(type)].name : block_info(*dtype_of(type)).file_name;
}

std::optional<FileType> file_type(std::string_view name) {
    for (size_t i = 0; i < kTypes.size(); ++i)
        if (name == kTypes[i].name) return FileType(i);
    return std::nullopt;
}

uint32_t bits_of(FileType type) {
    weft_CHECK(size_t(type) < kFileTypes, "an element of a block has no size of its own");
    return kTypes[size_t(type)].bits;
}

std::optional<DType> dtype_of(FileType type) {
    switch (type) {
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    case FileType::id: return DType::id;
        PLAIN_TYPES(weft_ROW)
        BLOCK_TYPES(weft_ROW)
#undef weft_ROW
    default: return std::nullopt;
    }
}

uint64_t TensorView::count() const {
    uint64_t product = 1;
    for (const uint64_t size : shape) product *= size;
    return product;
}

std::string shape_text(std::span<const uint64_t> shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

std::string in_quotes(std::string_view name) {
    constexpr size_t longest = 160;
    std::string text = "'";
    for (const char c : name.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            text += c;
        } else {
            text += "\\x";
            text += "0123456789abcdef"[byte >> 4];
            text += "0123456789abcdef"[byte & 15];
        }
    }
    return text + (name.size() > longest ? "...'" : "'");
}

Result<std::vector<float>> read_f32(const TensorView& tensor) {
    std::vector<float> out;
    out.reserve(tensor.count());
    const auto plain = [&](auto v) { out.push_back(float(v)); };
    switch (tensor.type) {
    case FileType::f32: each<float>(tensor, plain); break;
    case FileType::f64: each<double>(tensor, plain); break;
    case FileType::f16: each<uint16_t>(tensor, [&](uint16_t w) { out.push_back(half_to_float(w)); }); break;
    case FileType::bf16: each<uint16_t>(tensor, [&](uint16_t w) { out.push_back(bf16_to_float(w)); }); break;
    case FileType::f8_e4m3: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(from_e4m3(w)); }); break;
    case FileType::f8_e5m2: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(from_e5m2(w)); }); break;
    case FileType::f8_e8m0: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(from_e8m0(w)); }); break;
    case FileType::f8_e4m3fnuz: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(from_e4m3fnuz(w)); }); break;
    case FileType::f8_e5m2fnuz: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(from_e5m2fnuz(w)); }); break;
    case FileType::boolean: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(w ? 1.0f : 0.0f); }); break;
    case FileType::u8: each<uint8_t>(tensor, plain); break;
    case FileType::i8: each<int8_t>(tensor, plain); break;
    case FileType::u16: each<uint16_t>(tensor, plain); break;
    case FileType::i16: each<int16_t>(tensor, plain); break;
    case FileType::u32: each<uint32_t>(tensor, plain); break;
    case FileType::i32: each<int32_t>(tensor, plain); break;
    case FileType::u64: each<uint64_t>(tensor, plain); break;
    case FileType::i64: each<int64_t>(tensor, plain); break;
    case FileType::f4:
    case FileType::f6_e2m3:
    case FileType::f6_e3m2:
    case FileType::c64: return not_readable(tensor, "floats");
    default: // blocks
        out.resize(tensor.count());
        unpack_blocks(*dtype_of(tensor.type), tensor.bytes, out);
    }
    return out;
}

Result<std::vector<int64_t>> read_i64(const TensorView& tensor) {
    std::vector<int64_t> out;
    out.reserve(tensor.count());
    const auto plain = [&](auto v) { out.push_back(int64_t(v)); };
    switch (tensor.type) {
    case FileType::boolean: each<uint8_t>(tensor, [&](uint8_t w) { out.push_back(w != 0); }); break;
    case FileType::u8: each<uint8_t>(tensor, plain); break;
    case FileType::i8: each<int8_t>(tensor, plain); break;
    case FileType::u16: each<uint16_t>(tensor, plain); break;
    case FileType::i16: each<int16_t>(tensor, plain); break;
    case FileType::u32: each<uint32_t>(tensor, plain); break;
    case FileType::i32: each<int32_t>(tensor, plain); break;
    case FileType::i64: each<int64_t>(tensor, plain); break;
    case FileType::u64: {
        bool fits = true;
        each<uint64_t>(tensor, [&](uint64_t v) {
            fits = fits && v <= uint64_t(std::numeric_limits<int64_t>::max());
            out.push_back(int64_t(v));
        });
        if (!fits) return not_readable(tensor, "int64: a value is beyond 2^63 - 1");
        break;
    }
    default: return not_readable(tensor, "integers");
    }
    return out;
}

} // namespace weft::detail
