// SPDX-License-Identifier: Apache-2.0
// L0: the metadata of a GGUF file: keys and typed values, read in place.
#pragma once
#include "base/result.hpp"
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detail {

/// Types of values, with their numbers in the file.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
constexpr uint32_t kGgufTypes = uint32_t(GgufType::f64) + 1;
const char* name_of(GgufType type);

/// One value. Strings may hold any bytes.
struct GgufValue {
    /// Of the elements, if it is an array; never `array`: the format's tools refuse arrays of arrays.
    GgufType type = GgufType::u32;
    bool array = false;
    uint64_t count = 1;               ///< elements
    std::span<const std::byte> bytes; ///< of all elements; strings: each after its length in 8 bytes
};

/// Reads values with their types. A missing key or a value of another type is an error that names the file, the key and
/// the rule, as with JsonObject. The bytes belong to the file. Immutable, but for the notes of what was read, which any
/// number of threads may leave.
class GgufMetadata {
public:
    struct Entry {
        std::string_view key;
        GgufValue value;
    };

    GgufMetadata() = default;
    /// `entries` in the file's order; fails if a key occurs twice.
    static Result<GgufMetadata> create(std::vector<Entry> entries, std::string origin);

    /// In the file's order.
    std::span<const Entry> entries() const { return entries_; }
    const std::string& origin() const { return origin_; }
    /// nullptr if there is no such key. This and all that follow note that the key was read.
    const GgufValue* find(std::string_view key) const;
    /// Whether anybody has read this key so far.
    bool was_read(std::string_view key) const;
    bool has(std::string_view key) const { return find(key) != nullptr; }
    bool is_array(std::string_view key) const {
        const GgufValue* value = find(key);
        return value && value->array;
    }

    /// Any integer type; a u64 beyond int64 is refused.
    Result<int64_t> integer(std::string_view key) const;
    Result<int64_t> integer_or(std::string_view key, int64_t otherwise) const;
    /// An integer in [1, 2^31), as counts and sizes are.
    Result<uint32_t> count(std::string_view key) const;
    Result<uint32_t> count_or(std::string_view key, uint32_t otherwise) const;
    /// Any integer or finite float.
    Result<double> number(std::string_view key) const;
    Result<double> number_or(std::string_view key, double otherwise) const;
    Result<bool> boolean_or(std::string_view key, bool otherwise) const;
    Result<std::string_view> string(std::string_view key) const;
    Result<std::string_view> string_or(std::string_view key, std::string_view otherwise) const;
    /// Arrays. Booleans count as 0 and 1; floats are finite.
    Result<std::vector<int64_t>> integers(std::string_view key) const;
    Result<std::vector<double>> numbers(std::string_view key) const;
    Result<std::vector<std::string_view>> strings(std::string_view key) const;

    Error bad(std::string_view key, const std::string& rule) const;

private:
    Result<const GgufValue*> require(std::string_view key, bool array, const char* what) const;
    const uint32_t* entry(std::string_view key) const; // its number

    std::string origin_;
    std::vector<Entry> entries_;
    std::vector<uint32_t> by_key_; // sorted
    std::shared_ptr<std::atomic<bool>[]> read_;
};

} // namespace weft::detail
