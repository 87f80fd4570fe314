// SPDX-License-Identifier: Apache-2.0
// L0: a tensor inside a mapped file: its name, type, shape and bytes, and copies of it as numbers.
#pragma once
#include "base/dtype.hpp"
#include "base/result.hpp"
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail {

/// Element types of the safetensors format, in the format's own order (by alignment, ascending), then GGUF's blocks.
#define weft_ROW(id, NAME, number, elements, bytes, scale) id,
enum class FileType : uint8_t {
    boolean,
    f4,
    f6_e2m3,
    f6_e3m2,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    f8_e8m0,
    f8_e4m3fnuz,
    f8_e5m2fnuz,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    c64,
    f64,
    i64,
    u64,
    BLOCK_TYPES(weft_ROW)
};
#undef weft_ROW
constexpr size_t kFileTypes = size_t(FileType::u64) + 1; ///< of safetensors

/// The spelling in the file: "BF16".
const char* name_of(FileType type);
/// The type that a safetensors file spells `name`, if the format has it.
std::optional<FileType> file_type(std::string_view name);
/// Bits of one element; 4 or 6 for the types that are packed. Not of a type in blocks.
uint32_t bits_of(FileType type);
/// The type on the device that holds the very same bits, for the types of weights.
std::optional<DType> dtype_of(FileType type);

/// A tensor in a file. The bytes belong to the file that gave the view and live as long as it does.
struct TensorView {
    std::string name;
    FileType type = FileType::f32;
    std::vector<uint64_t> shape;      ///< outermost dimension first; empty for a scalar
    std::span<const std::byte> bytes; ///< little-endian, row-major, at any alignment: copy, never cast
    /// Where the file has the elements' scales apart: their tensor. f8_e4m3: a number for each
    /// `scale_rows` x `scale_columns` elements of the last two dimensions.
    /// mxfp4: an exponent (E8M0) for each 32 elements of a row; `bytes` are the 4-bit numbers, of neighbours
    /// in one byte, as Hugging Face writes them.
    const TensorView* scales = nullptr;
    uint32_t scale_rows = 0, scale_columns = 0;

    /// The number of elements. The file's reader has checked that the product does not overflow.
    uint64_t count() const;
};

/// "[2, 3]", for messages.
std::string shape_text(std::span<const uint64_t> shape);
/// The name in quotes, cut to a length and without control characters: names come from
/// untrusted files and go to terminals.
std::string in_quotes(std::string_view name);

/// A copy as float. f64 and integers round to nearest; packed and complex types are refused.
Result<std::vector<float>> read_f32(const TensorView& tensor);
/// A copy as int64. Only integers and booleans; a u64 beyond int64 is refused.
Result<std::vector<int64_t>> read_i64(const TensorView& tensor);

} // namespace weft::detail
