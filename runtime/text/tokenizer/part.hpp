// SPDX-License-Identifier: Apache-2.0
// L5: how the parts of a tokenizer.json find their reader: a table from the key `type`
// to a function, one table a stage.
#pragma once
#include "base/json.hpp"
#include "unicode/utf8.hpp"
#include <memory>
#include <string_view>
#include <vector>

namespace weft::detail::text {

constexpr int kDeepestSequence = 16;   ///< Sequences inside Sequences
constexpr size_t kLongestAffix = 4096; ///< bytes of what a part may prepend or put in for each match

/// The object in hand and how deep in Sequences it lies.
struct PartReader : JsonObject {
    PartReader(const JsonObject& object, int depth_in) : JsonObject(object), depth(depth_in) {}
    int depth;
};

template <class Part>
struct PartType {
    std::string_view name;
    Result<std::unique_ptr<Part>> (*read)(const PartReader&);
};

/// Reads a part by its `type`. An unknown type is `unsupported`, naming the file, the part and the type.
template <class Part, size_t N>
Result<std::unique_ptr<Part>> read_typed(const PartReader& part, const PartType<Part> (&types)[N]) {
    weft_ASSIGN(const std::string type, part.string("type"));
    for (const auto& known : types) {
        if (known.name == type) return known.read(part);
    }
    return Error{ErrorCode::unsupported, part.origin() + ": type '" + type.substr(0, 64) + "' is not supported", {}};
}

/// Reads the list under `key` of a Sequence, one part after the other.
template <class Part>
Result<std::vector<std::unique_ptr<Part>>> read_list(const PartReader& part, const std::string& key,
                                                     Result<std::unique_ptr<Part>> (*read)(const PartReader&)) {
    const auto it = part.json().is_object() ? part.json().find(key) : part.json().end();
    if (it == part.json().end() || !it->is_array()) return part.bad(key, "must be a list");
    if (part.depth >= kDeepestSequence)
        return part.bad(key, "is nested more than " + std::to_string(kDeepestSequence) + " deep");
    std::vector<std::unique_ptr<Part>> list;
    for (size_t i = 0; i < it->size(); ++i) {
        const JsonObject item((*it)[i], part.origin() + ": " + key + "[" + std::to_string(i) + "]");
        weft_ASSIGN(auto one, read(PartReader(item, part.depth + 1)));
        list.push_back(std::move(one));
    }
    return list;
}

/// A string of exactly one character.
inline Result<std::string> read_character(const JsonObject& part, const std::string& key) {
    auto text = part.string(key);
    if (text && (text->empty() || code_point_at(*text, 0).bytes != text->size()))
        return part.bad(key, "must be one character");
    return text;
}

/// A string of at most kLongestAffix bytes.
inline Result<std::string> read_affix(const JsonObject& part, const std::string& key) {
    weft_ASSIGN(std::string text, part.string(key));
    if (text.size() > kLongestAffix)
        return part.bad(key, "must have at most " + std::to_string(kLongestAffix) + " bytes");
    return text;
}

} // namespace weft::detail::text
