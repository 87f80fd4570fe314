// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer/charsmap.hpp"
#include "unicode/utf8.hpp"

namespace weft::detail::text {
namespace {

uint32_t u32_at(std::string_view bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= uint32_t(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    return value;
}

constexpr uint32_t label_of(uint32_t unit) { return unit & 0x800000ffu; }
constexpr uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }
constexpr bool has_value(uint32_t unit) { return (unit & 0x100u) != 0; }
constexpr uint32_t value_of(uint32_t unit) { return unit & 0x7fffffffu; }

} // namespace

Result<Charsmap> Charsmap::read(std::string_view blob, const std::string& where) {
    const auto bad = [&](const std::string& why) {
        return Error{ErrorCode::malformed, where + ": the character map " + why, {}};
    };
    if (blob.size() < 8) return bad("is shorter than 8 bytes");
    const uint32_t bytes = u32_at(blob, 0);
    if (bytes == 0 || bytes % 4 != 0 || bytes > blob.size() - 4)
        return bad("says that its tree has " + std::to_string(bytes) +
                   " bytes, which must be a multiple of 4 inside it");
    Charsmap map;
    map.units_.resize(bytes / 4);
    for (size_t i = 0; i < map.units_.size(); ++i) map.units_[i] = u32_at(blob, 4 + 4 * i);
    map.replacements_ = blob.substr(4 + bytes);
    if (const size_t valid = valid_utf8_prefix(map.replacements_); valid != map.replacements_.size())
        return bad("holds a replacement that is not UTF-8, at offset " + std::to_string(4 + bytes + valid));
    return map;
}

std::optional<Charsmap::Match> Charsmap::find(std::string_view text, bool longest) const {
    std::optional<Match> found;
    uint32_t node = offset_of(units_[0]);
    for (size_t i = 0; i < text.size(); ++i) {
        const uint32_t byte = static_cast<unsigned char>(text[i]);
        node ^= byte;
        if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) break;
        const bool ends = has_value(units_[node]);
        node ^= offset_of(units_[node]);
        if (!ends) continue;
        if (node >= units_.size()) break;
        const size_t begin = value_of(units_[node]);
        const std::string_view all = replacements_;
        // A replacement may begin inside a character only in a broken file.
        if (begin > all.size() || (begin < all.size() && (static_cast<unsigned char>(all[begin]) & 0xc0) == 0x80))
            break;
        found = Match{i + 1, all.substr(begin, all.find('\0', begin) - begin)};
        if (!longest) break;
    }
    return found;
}

} // namespace weft::detail::text
