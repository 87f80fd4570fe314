// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_header.hpp"
#include "io/foreign_file.hpp"
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace weft::detail {
namespace {

constexpr uint64_t kLongestName = 65535; // the format's limit for keys
constexpr uint32_t kMostDimensions = 4;

// Types that GGUF has and weft does not read.
struct Unsupported {
    uint32_t number;
    const char* name;
};
constexpr Unsupported kUnsupported[] = {{9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
                                        {19, "IQ1_S"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {29, "IQ1_M"},  {34, "TQ1_0"},
                                        {35, "TQ2_0"}, {40, "NVFP4"}, {41, "Q1_0"},    {42, "Q2_0"}};

std::optional<FileType> tensor_type(uint32_t number) {
    switch (number) {
#define weft_ROW(id, NAME, number, elements, bytes, scale)                                                             \
    case number: return FileType::id;
        PLAIN_TYPES(weft_ROW)
        BLOCK_TYPES(weft_ROW)
#undef weft_ROW
    case 24: return FileType::i8;
    case 25: return FileType::i16;
    case 26: return FileType::i32;
    case 27: return FileType::i64;
    case 28: return FileType::f64;
    default: return std::nullopt;
    }
}

uint64_t bytes_of(GgufType type) {
    switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean: return 1;
    case GgufType::u16:
    case GgufType::i16: return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32: return 4;
    default: return 8;
    }
}

// Reads from the front on; every step is checked against what is left.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    uint64_t at() const { return at_; }
    uint64_t left() const { return bytes_.size() - at_; }

    Error fail(uint64_t at, const std::string& rule) const {
        return malformed("offset " + std::to_string(at) + ": " + rule);
    }

    template <class T>
    Result<T> number(const char* what) {
        if (left() < sizeof(T)) return fail(at_, std::string("the file ends inside ") + what);
        T value;
        std::memcpy(&value, bytes_.data() + at_, sizeof value);
        at_ += sizeof value;
        return value;
    }

    Result<std::span<const std::byte>> take(uint64_t count, uint64_t size, const char* what) {
        if (count > left() / size)
            return fail(at_, std::string(what) + " of " + std::to_string(count) + (size > 1 ? " elements" : " bytes") +
                                 " reaches beyond the end of the file, " + std::to_string(left()) + " bytes on");
        const auto taken = bytes_.subspan(at_, count * size);
        at_ += count * size;
        return taken;
    }

    Result<std::string_view> string(const char* what) {
        weft_ASSIGN(const uint64_t length, number<uint64_t>(what));
        weft_ASSIGN(const auto text, take(length, 1, what));
        return std::string_view(reinterpret_cast<const char*>(text.data()), text.size());
    }

    Result<std::string_view> name(const char* what) {
        const uint64_t begin = at_;
        weft_ASSIGN(const auto text, string(what));
        if (text.empty() || text.size() > kLongestName)
            return fail(begin, std::string(what) + " must have 1 to 65535 bytes, has " + std::to_string(text.size()));
        return text;
    }

    Result<GgufType> value_type() {
        const uint64_t begin = at_;
        weft_ASSIGN(const uint32_t number, this->number<uint32_t>("the type of a value"));
        if (number >= kGgufTypes) return fail(begin, "value type " + std::to_string(number) + " does not exist");
        return GgufType(number);
    }

    Result<GgufValue> value() {
        GgufValue v;
        uint64_t begin = at_;
        weft_ASSIGN(v.type, value_type());
        if (v.type == GgufType::array) {
            v.array = true;
            begin = at_;
            weft_ASSIGN(v.type, value_type());
            if (v.type == GgufType::array) return fail(begin, "an array must not hold arrays");
            weft_ASSIGN(v.count, number<uint64_t>("the length of an array"));
        }
        begin = at_;
        if (v.type == GgufType::string) {
            if (v.count > left() / 8)
                return fail(begin, "an array of " + std::to_string(v.count) +
                                       " strings reaches beyond the end of the file, " + std::to_string(left()) +
                                       " bytes on");
            for (uint64_t i = 0; i < v.count; ++i) weft_TRY(string("a string"));
            v.bytes = bytes_.subspan(begin, at_ - begin);
        } else {
            weft_ASSIGN(v.bytes, take(v.count, bytes_of(v.type), v.array ? "an array" : "a value"));
        }
        if (v.type == GgufType::boolean &&
            std::any_of(v.bytes.begin(), v.bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
            return fail(begin, "a bool must be 0 or 1");
        return v;
    }

    Result<GgufHeader::Tensor> tensor();

private:
    std::span<const std::byte> bytes_;
    uint64_t at_ = 0;
};

Status read_type(GgufHeader::Tensor& tensor, uint32_t number) {
    if (const auto type = tensor_type(number)) {
        tensor.type = *type;
        return Ok{};
    }
    for (const Unsupported& row : kUnsupported)
        if (row.number == number)
            return Error{ErrorCode::unsupported,
                         "tensor " + in_quotes(tensor.name) + ": is of type " + row.name + ", which weft does not read",
                         {}};
    return about(tensor, "type " + std::to_string(number) + " does not exist");
}

// The bytes of shape and type, which must not overflow, nor end inside a block.
Status read_size(GgufHeader::Tensor& tensor) {
    const auto type = dtype_of(tensor.type);
    const uint64_t elements = type ? block_info(*type).elements : 1,
                   bytes = type ? block_info(*type).bytes : bits_of(tensor.type) / 8;
    const std::string shape = "shape " + shape_text(tensor.shape) + " of " + name_of(tensor.type);
    const uint64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (row % elements != 0)
        return about(tensor,
                     shape + ": a row must be a whole number of blocks of " + std::to_string(elements) + " elements");
    // Extents of 0 do not excuse others that overflow.
    uint64_t product = row == 0 ? 1 : row, count = 1;
    bool fits = true;
    for (size_t i = 0; i + 1 < tensor.shape.size(); ++i)
        fits = fits && !__builtin_mul_overflow(product, std::max<uint64_t>(1, tensor.shape[i]), &product);
    for (const uint64_t extent : tensor.shape) count *= extent;
    if (!fits || product > uint64_t(std::numeric_limits<int64_t>::max()) / bytes)
        return about(tensor, shape + " overflows 64 bits");
    tensor.bytes = count / elements * bytes;
    return Ok{};
}

Result<GgufHeader::Tensor> Reader::tensor() {
    GgufHeader::Tensor t;
    weft_ASSIGN(t.name, name("the name of a tensor"));
    weft_ASSIGN(const uint32_t dimensions, number<uint32_t>("the number of dimensions of a tensor"));
    if (dimensions > kMostDimensions)
        return about(t, std::to_string(dimensions) + " dimensions are more than the format's 4");
    t.shape.resize(dimensions);
    for (uint64_t& extent : t.shape) {
        weft_ASSIGN(extent, number<uint64_t>("the dimensions of a tensor"));
    }
    std::reverse(t.shape.begin(), t.shape.end());
    weft_ASSIGN(const uint32_t type, number<uint32_t>("the type of a tensor"));
    weft_TRY(read_type(t, type));
    weft_TRY(read_size(t));
    weft_ASSIGN(t.offset, number<uint64_t>("the offset of a tensor"));
    return t;
}

// Magic and version.
Result<uint32_t> read_version(Reader& reader, std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    constexpr const char* swapped = "is a big-endian GGUF file; weft reads little-endian ones, to which "
                                    "gguf_convert_endian.py of llama.cpp converts it";
    if (!begins_as_gguf(text)) return not_a_file_of("GGUF", bytes);
    if (text.starts_with("FUGG")) return Error{ErrorCode::unsupported, swapped, {}};
    weft_TRY(reader.number<uint32_t>("the magic"));
    weft_ASSIGN(const uint32_t version, reader.number<uint32_t>("the version"));
    if (version == 2 || version == 3) return version;
    if (version != 0 && (version & 0xffffu) == 0) return Error{ErrorCode::unsupported, swapped, {}};
    return Error{version == 1 ? ErrorCode::unsupported : ErrorCode::malformed,
                 "offset 4: is of GGUF version " + std::to_string(version) + "; weft reads versions 2 and 3",
                 {}};
}

} // namespace

Error about(const GgufHeader::Tensor& tensor, const std::string& rule) {
    return malformed("tensor " + in_quotes(tensor.name) + ": " + rule);
}

Result<GgufHeader> read_gguf_header(std::span<const std::byte> bytes) {
    Reader reader(bytes);
    GgufHeader header;
    weft_ASSIGN(header.version, read_version(reader, bytes));
    weft_ASSIGN(const uint64_t tensors, reader.number<uint64_t>("the number of tensors"));
    weft_ASSIGN(const uint64_t keys, reader.number<uint64_t>("the number of metadata keys"));
    // A key with its value takes 14 bytes at least, and a tensor's entry 25.
    if (keys > reader.left() / 14)
        return reader.fail(16, "the file has no room for " + std::to_string(keys) + " metadata keys");
    for (uint64_t i = 0; i < keys; ++i) {
        weft_ASSIGN(const auto key, reader.name("a metadata key"));
        auto value = reader.value();
        if (!value) return in_context("key " + in_quotes(key), value.error());
        header.metadata.push_back({key, *value});
    }
    if (tensors > reader.left() / 25)
        return reader.fail(8, "the file has no room for " + std::to_string(tensors) + " tensors");
    for (uint64_t i = 0; i < tensors; ++i) {
        weft_ASSIGN(auto tensor, reader.tensor());
        header.tensors.push_back(std::move(tensor));
    }
    header.end = reader.at();
    return header;
}

} // namespace weft::detail
