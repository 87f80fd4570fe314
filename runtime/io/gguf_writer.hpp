// SPDX-License-Identifier: Apache-2.0
// L0: the header of a GGUF file to be written: version 3, metadata and the entries of tensors.
#pragma once
#include "base/dtype.hpp"
#include "base/result.hpp"
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail {

/// Collects keys and tensors in the order in which they are to stand. The tensors' bytes follow the header
/// in the same order, each padded to kAlignment.
class GgufWriter {
public:
    static constexpr uint64_t kAlignment = 32;

    void string(std::string_view key, std::string_view value);
    void u32(std::string_view key, uint32_t value);
    void f32(std::string_view key, float value);
    void boolean(std::string_view key, bool value);
    void strings(std::string_view key, std::span<const std::string> values);
    void i32s(std::string_view key, std::span<const int32_t> values);
    void f32s(std::string_view key, std::span<const float> values);
    void bytes(std::string_view key, std::string_view values);
    void booleans(std::string_view key, const std::vector<bool>& values);

    /// `shape` outermost first; rows of whole blocks.
    void tensor(std::string_view name, std::span<const uint64_t> shape, DType type);

    /// Everything before the first tensor's bytes, padding included.
    std::string header() const;
    /// What all tensors take, padding included.
    uint64_t data_bytes() const { return end_; }
    static uint64_t padded(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

private:
    void key(std::string_view name, uint32_t type);
    void array(std::string_view name, uint32_t type, uint64_t count);

    std::string keys_, tensors_;
    uint64_t key_count_ = 0, tensor_count_ = 0, end_ = 0;
};

} // namespace weft::detail
