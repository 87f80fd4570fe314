// SPDX-License-Identifier: Apache-2.0
// Test support: writes GGUF files field by field, wrong ones too.
#pragma once
#include "base/dtype.hpp"
#include "io/gguf.hpp"
#include <cstring>

namespace weft::test {
using namespace detail;

class GgufBuilder {
public:
    uint32_t version = 3;
    uint64_t alignment = 32; ///< of the padding; written as a key only by the caller
    std::optional<uint64_t> keys_claimed, tensors_claimed;
    std::string data; ///< behind the header

    template <class T>
    static std::string raw(T value) {
        std::string bytes(sizeof value, '\0');
        std::memcpy(bytes.data(), &value, sizeof value);
        return bytes;
    }
    static std::string text(std::string_view s) { return raw<uint64_t>(s.size()) + std::string(s); }

    /// A key with the bytes of its value.
    GgufBuilder& key(std::string_view name, GgufType type, std::string_view value) {
        keys_ += text(name) + raw(uint32_t(type)) + std::string(value);
        ++key_count_;
        return *this;
    }
    GgufBuilder& string(std::string_view name, std::string_view value) {
        return key(name, GgufType::string, text(value));
    }
    template <class T>
    GgufBuilder& number(std::string_view name, GgufType type, T value) {
        return key(name, type, raw(value));
    }
    GgufBuilder& array(std::string_view name, GgufType element, uint64_t count, std::string_view values) {
        return key(name, GgufType::array, raw(uint32_t(element)) + raw(count) + std::string(values));
    }
    /// An entry; `shape` is outermost first.
    GgufBuilder& tensor(std::string_view name, std::vector<uint64_t> shape, uint32_t type, uint64_t offset) {
        tensors_ += text(name) + raw(uint32_t(shape.size()));
        for (size_t i = shape.size(); i-- > 0;) tensors_ += raw(shape[i]);
        tensors_ += raw(type) + raw(offset);
        ++tensor_count_;
        return *this;
    }

    std::string header() const {
        return "GGUF" + raw(version) + raw(tensors_claimed.value_or(tensor_count_)) +
               raw(keys_claimed.value_or(key_count_)) + keys_ + tensors_;
    }
    std::string file() const {
        std::string bytes = header();
        bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
        return bytes + data;
    }

private:
    std::string keys_, tensors_;
    uint64_t key_count_ = 0, tensor_count_ = 0;
};

} // namespace weft::test
