// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_writer.hpp"
#include "io/gguf_metadata.hpp"

namespace weft::detail {
namespace {

constexpr uint32_t kVersion = 3;

template <class T>
void put(std::string& to, T value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& to, std::string_view text) {
    put(to, uint64_t(text.size()));
    to += text;
}

} // namespace

void GgufWriter::key(std::string_view name, uint32_t type) {
    put_text(keys_, name);
    put(keys_, type);
    ++key_count_;
}

void GgufWriter::array(std::string_view name, uint32_t type, uint64_t count) {
    key(name, uint32_t(GgufType::array));
    put(keys_, type);
    put(keys_, count);
}

void GgufWriter::string(std::string_view name, std::string_view value) {
    key(name, uint32_t(GgufType::string));
    put_text(keys_, value);
}
void GgufWriter::u32(std::string_view name, uint32_t value) {
    key(name, uint32_t(GgufType::u32));
    put(keys_, value);
}
void GgufWriter::f32(std::string_view name, float value) {
    key(name, uint32_t(GgufType::f32));
    put(keys_, value);
}
void GgufWriter::boolean(std::string_view name, bool value) {
    key(name, uint32_t(GgufType::boolean));
    put(keys_, uint8_t(value));
}

void GgufWriter::strings(std::string_view name, std::span<const std::string> values) {
    array(name, uint32_t(GgufType::string), values.size());
    for (const std::string& v : values) put_text(keys_, v);
}

void GgufWriter::i32s(std::string_view name, std::span<const int32_t> values) {
    array(name, uint32_t(GgufType::i32), values.size());
    for (const int32_t v : values) put(keys_, v);
}

void GgufWriter::f32s(std::string_view name, std::span<const float> values) {
    array(name, uint32_t(GgufType::f32), values.size());
    for (const float v : values) put(keys_, v);
}

void GgufWriter::bytes(std::string_view name, std::string_view values) {
    array(name, uint32_t(GgufType::u8), values.size());
    keys_ += values;
}

void GgufWriter::booleans(std::string_view name, const std::vector<bool>& values) {
    array(name, uint32_t(GgufType::boolean), values.size());
    for (const bool v : values) put(keys_, uint8_t(v));
}

void GgufWriter::tensor(std::string_view name, std::span<const uint64_t> shape, DType type) {
    put_text(tensors_, name);
    put(tensors_, uint32_t(shape.size()));
    uint64_t elements = 1;
    for (size_t i = shape.size(); i-- > 0;) {
        put(tensors_, shape[i]);
        elements *= shape[i];
    }
    put(tensors_, block_info(type).number);
    put(tensors_, end_);
    end_ += padded(bytes_of(type, elements));
    ++tensor_count_;
}

std::string GgufWriter::header() const {
    std::string bytes = "GGUF";
    put(bytes, kVersion);
    put(bytes, tensor_count_);
    put(bytes, key_count_);
    bytes += keys_;
    bytes += tensors_;
    bytes.resize(padded(bytes.size()));
    return bytes;
}

} // namespace weft::detail
