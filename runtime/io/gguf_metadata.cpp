// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_metadata.hpp"
#include "io/tensor_view.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace weft::detail {
namespace {

constexpr const char* kNames[kGgufTypes] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                            "bool", "string", "array", "u64", "i64", "f64"};

template <class T>
T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

bool is_float(GgufType type) { return type == GgufType::f32 || type == GgufType::f64; }
bool is_integer(GgufType type) { return !is_float(type) && type != GgufType::string && type != GgufType::boolean; }

double float_at(const GgufValue& v, uint64_t i) {
    return v.type == GgufType::f32 ? double(load<float>(v.bytes.data() + 4 * i)) : load<double>(v.bytes.data() + 8 * i);
}

// Element i of an integer or boolean value; nothing if it is beyond int64.
std::optional<int64_t> integer_at(const GgufValue& v, uint64_t i) {
    const std::byte* at = v.bytes.data();
    switch (v.type) {
    case GgufType::u8:
    case GgufType::boolean: return load<uint8_t>(at + i);
    case GgufType::i8: return load<int8_t>(at + i);
    case GgufType::u16: return load<uint16_t>(at + 2 * i);
    case GgufType::i16: return load<int16_t>(at + 2 * i);
    case GgufType::u32: return load<uint32_t>(at + 4 * i);
    case GgufType::i32: return load<int32_t>(at + 4 * i);
    case GgufType::i64: return load<int64_t>(at + 8 * i);
    default: {
        const auto value = load<uint64_t>(at + 8 * i);
        if (value > uint64_t(std::numeric_limits<int64_t>::max())) return std::nullopt;
        return int64_t(value);
    }
    }
}

std::string kind_of(const GgufValue& v) { return (v.array ? "an array of " : "a ") + std::string(name_of(v.type)); }

} // namespace

const char* name_of(GgufType type) { return kNames[uint32_t(type)]; }

Result<GgufMetadata> GgufMetadata::create(std::vector<Entry> entries, std::string origin) {
    GgufMetadata m;
    m.origin_ = std::move(origin);
    m.entries_ = std::move(entries);
    m.by_key_.resize(m.entries_.size());
    m.read_.reset(new std::atomic<bool>[m.entries_.size()]());
    std::iota(m.by_key_.begin(), m.by_key_.end(), 0u);
    std::sort(m.by_key_.begin(), m.by_key_.end(),
              [&](uint32_t a, uint32_t b) { return m.entries_[a].key < m.entries_[b].key; });
    for (size_t i = 1; i < m.by_key_.size(); ++i)
        if (const auto key = m.entries_[m.by_key_[i]].key; key == m.entries_[m.by_key_[i - 1]].key)
            return m.bad(key, "occurs twice");
    return m;
}

const uint32_t* GgufMetadata::entry(std::string_view key) const {
    const auto at = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                                     [&](uint32_t i, std::string_view k) { return entries_[i].key < k; });
    return at != by_key_.end() && entries_[*at].key == key ? &*at : nullptr;
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
    const uint32_t* const at = entry(key);
    if (!at) return nullptr;
    read_[*at].store(true, std::memory_order_relaxed);
    return &entries_[*at].value;
}

bool GgufMetadata::was_read(std::string_view key) const {
    const uint32_t* const at = entry(key);
    return at && read_[*at].load(std::memory_order_relaxed);
}

Error GgufMetadata::bad(std::string_view key, const std::string& rule) const {
    return {ErrorCode::malformed, origin_ + ": key " + in_quotes(key) + " " + rule, {}};
}

Result<const GgufValue*> GgufMetadata::require(std::string_view key, bool array, const char* what) const {
    const GgufValue* value = find(key);
    if (!value) return bad(key, std::string("is missing; it must be ") + what);
    if (value->array != array) return bad(key, std::string("must be ") + what + ", is " + kind_of(*value));
    return value;
}

Result<int64_t> GgufMetadata::integer(std::string_view key) const {
    weft_ASSIGN(const GgufValue* value, require(key, false, "an integer"));
    if (!is_integer(value->type)) return bad(key, "must be an integer, is " + kind_of(*value));
    const auto number = integer_at(*value, 0);
    if (!number) return bad(key, "must be below 2^63");
    return *number;
}

Result<int64_t> GgufMetadata::integer_or(std::string_view key, int64_t otherwise) const {
    return has(key) ? integer(key) : otherwise;
}

Result<uint32_t> GgufMetadata::count(std::string_view key) const {
    weft_ASSIGN(const int64_t value, integer(key));
    if (value < 1 || value > std::numeric_limits<int32_t>::max())
        return bad(key, "must be at least 1 and below 2^31, is " + std::to_string(value));
    return uint32_t(value);
}

Result<uint32_t> GgufMetadata::count_or(std::string_view key, uint32_t otherwise) const {
    return has(key) ? count(key) : otherwise;
}

Result<double> GgufMetadata::number(std::string_view key) const {
    weft_ASSIGN(const GgufValue* value, require(key, false, "a number"));
    if (is_float(value->type)) {
        const double number = float_at(*value, 0);
        return std::isfinite(number) ? Result<double>(number) : bad(key, "must be finite");
    }
    weft_ASSIGN(const int64_t whole, integer(key));
    return double(whole);
}

Result<double> GgufMetadata::number_or(std::string_view key, double otherwise) const {
    return has(key) ? number(key) : otherwise;
}

Result<bool> GgufMetadata::boolean_or(std::string_view key, bool otherwise) const {
    if (!has(key)) return otherwise;
    weft_ASSIGN(const GgufValue* value, require(key, false, "a bool"));
    if (value->type != GgufType::boolean) return bad(key, "must be a bool, is " + kind_of(*value));
    return integer_at(*value, 0) != 0;
}

Result<std::string_view> GgufMetadata::string(std::string_view key) const {
    weft_ASSIGN(const GgufValue* value, require(key, false, "a string"));
    if (value->type != GgufType::string) return bad(key, "must be a string, is " + kind_of(*value));
    return std::string_view(reinterpret_cast<const char*>(value->bytes.data()) + 8, value->bytes.size() - 8);
}

Result<std::string_view> GgufMetadata::string_or(std::string_view key, std::string_view otherwise) const {
    return has(key) ? string(key) : otherwise;
}

Result<std::vector<int64_t>> GgufMetadata::integers(std::string_view key) const {
    weft_ASSIGN(const GgufValue* value, require(key, true, "an array of integers"));
    if (!is_integer(value->type) && value->type != GgufType::boolean)
        return bad(key, "must be an array of integers, is " + kind_of(*value));
    std::vector<int64_t> out(value->count);
    for (uint64_t i = 0; i < value->count; ++i) {
        const auto number = integer_at(*value, i);
        if (!number) return bad(key, "must hold numbers below 2^63");
        out[i] = *number;
    }
    return out;
}

Result<std::vector<double>> GgufMetadata::numbers(std::string_view key) const {
    weft_ASSIGN(const GgufValue* value, require(key, true, "an array of numbers"));
    std::vector<double> out(value->count);
    if (is_float(value->type)) {
        for (uint64_t i = 0; i < value->count; ++i) out[i] = float_at(*value, i);
        if (!std::ranges::all_of(out, [](double v) { return std::isfinite(v); }))
            return bad(key, "must hold finite numbers");
        return out;
    }
    weft_ASSIGN(const auto whole, integers(key));
    std::copy(whole.begin(), whole.end(), out.begin());
    return out;
}

Result<std::vector<std::string_view>> GgufMetadata::strings(std::string_view key) const {
    weft_ASSIGN(const GgufValue* value, require(key, true, "an array of strings"));
    if (value->type != GgufType::string) return bad(key, "must be an array of strings, is " + kind_of(*value));
    std::vector<std::string_view> out(value->count);
    const std::byte* at = value->bytes.data();
    for (auto& text : out) {
        const auto length = load<uint64_t>(at); // checked when the file was read
        text = {reinterpret_cast<const char*>(at) + 8, length};
        at += 8 + length;
    }
    return out;
}

} // namespace weft::detail
