// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include <cmath>
#include <limits>

namespace weft::detail {
namespace {

constexpr int kDeepest = 200; // far beyond any real file; keeps recursive users of a value within their stack

// Python writes bare Infinity and NaN. They become {"__float__": ...}, the spelling that newer files use.
std::string quote_python_floats(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            out += c;
            if (c == '\\' && i + 1 < text.size()) out += text[++i];
            else if (c == '"') in_string = false;
            continue;
        }
        bool replaced = false;
        for (std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
            if (text.substr(i, word.size()) == word) {
                out += "{\"__float__\":\"" + std::string(word) + "\"}";
                i += word.size() - 1;
                replaced = true;
                break;
            }
        }
        if (replaced) continue;
        in_string = c == '"';
        out += c;
    }
    return out;
}

bool too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            else if (c == '"') in_string = false;
        } else if (c == '"') in_string = true;
        else if (c == '{' || c == '[') {
            if (++depth > kDeepest) return true;
        } else if (c == '}' || c == ']') --depth;
    }
    return false;
}

std::optional<double> as_number(const Json& value) {
    if (value.is_number()) return value.get<double>();
    if (value.is_object() && value.size() == 1) {
        const auto it = value.find("__float__");
        if (it != value.end() && it->is_string()) {
            const auto& word = it->get_ref<const std::string&>();
            if (word == "Infinity") return std::numeric_limits<double>::infinity();
            if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
            if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
        }
    }
    return std::nullopt;
}

} // namespace

Result<Json> parse_json(std::string_view text, const std::string& origin) {
    const auto refuse = [&](const std::string& why) {
        return Error{ErrorCode::malformed, origin + ": not valid JSON: " + why, {}};
    };
    if (text.find('\0') != text.npos) return refuse("it holds a zero byte"); // nlohmann would take it as the end
    if (too_deep(text)) return refuse("nested deeper than " + std::to_string(kDeepest));
    try { // the one place where nlohmann's exceptions are met: they carry the position
        if (text.find("Infinity") == text.npos && text.find("NaN") == text.npos) return Json::parse(text);
        return Json::parse(quote_python_floats(text));
    } catch (const Json::exception& e) {
        std::string why = e.what();
        if (const auto at = why.find("] "); at != why.npos) why = why.substr(at + 2);
        return refuse(why);
    }
}

JsonObject JsonObject::noting(KeysRead& read, const std::string& path) const {
    JsonObject view = *this;
    view.read_ = &read;
    view.paths_ = {path};
    return view;
}

JsonObject JsonObject::changed(const Json& copy, const std::vector<std::string>& inside, const char* what) const {
    JsonObject view = *this;
    view.value_ = &copy;
    if (*what) view.origin_ += std::string(": ") + what;
    for (const std::string& path : paths_)
        for (const std::string& member : inside) view.paths_.push_back(path + member + ".");
    return view;
}

const Json* JsonObject::find(const std::string& key) const {
    if (!value_->is_object()) return nullptr;
    const auto it = value_->find(key);
    if (it == value_->end()) return nullptr;
    if (read_)
        for (const std::string& path : paths_) read_->note(path + key);
    return it->is_null() ? nullptr : &*it;
}

bool JsonObject::has(const std::string& key) const { return find(key) != nullptr; }

Error JsonObject::bad(const std::string& key, const std::string& rule) const {
    return {has(key) ? ErrorCode::malformed : ErrorCode::not_found,
            origin_ + ": key '" + key + "' " + (has(key) ? rule : "is missing"),
            {}};
}

Result<int64_t> JsonObject::integer(const std::string& key) const {
    const Json* v = find(key);
    if (!v || !v->is_number()) return bad(key, "must be an integer");
    if (v->is_number_unsigned() && v->get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
        return bad(key, "must be an integer below 2^63");
    if (v->is_number_integer()) return v->get<int64_t>();
    const double d = v->get<double>();
    if (d != std::floor(d) || std::abs(d) > 0x1p53) return bad(key, "must be an integer");
    return int64_t(d);
}

Result<int64_t> JsonObject::integer_or(const std::string& key, int64_t otherwise) const {
    return has(key) ? integer(key) : Result<int64_t>(otherwise);
}

Result<uint32_t> JsonObject::count(const std::string& key) const {
    weft_ASSIGN(const int64_t v, integer(key));
    if (v < 1 || v > std::numeric_limits<int32_t>::max())
        return bad(key, "must be between 1 and 2^31 - 1, is " + std::to_string(v));
    return uint32_t(v);
}

Result<uint32_t> JsonObject::count_or(const std::string& key, uint32_t otherwise) const {
    return has(key) ? count(key) : Result<uint32_t>(otherwise);
}

Result<double> JsonObject::number(const std::string& key) const {
    const Json* v = find(key);
    const auto n = v ? as_number(*v) : std::nullopt;
    if (!n || !std::isfinite(*n)) return bad(key, n ? "must be finite" : "must be a number");
    return *n;
}

Result<double> JsonObject::bound(const std::string& key) const {
    const Json* v = find(key);
    const auto n = v ? as_number(*v) : std::nullopt;
    if (!n || std::isnan(*n)) return bad(key, n ? "must not be NaN" : "must be a number");
    return *n;
}

Result<double> JsonObject::number_or(const std::string& key, double otherwise) const {
    return has(key) ? number(key) : Result<double>(otherwise);
}

Result<bool> JsonObject::boolean_or(const std::string& key, bool otherwise) const {
    const Json* v = find(key);
    if (!v) return otherwise;
    if (!v->is_boolean()) return bad(key, "must be true or false");
    return v->get<bool>();
}

Result<std::string> JsonObject::string(const std::string& key) const {
    const Json* v = find(key);
    if (!v || !v->is_string()) return bad(key, "must be a string");
    return v->get<std::string>();
}

Result<std::string> JsonObject::string_or(const std::string& key, const std::string& otherwise) const {
    return has(key) ? string(key) : Result<std::string>(otherwise);
}

Result<std::vector<double>> JsonObject::numbers(const std::string& key) const {
    const Json* v = find(key);
    if (!v || !v->is_array()) return bad(key, "must be a list of numbers");
    std::vector<double> out;
    for (const Json& item : *v) {
        const auto n = as_number(item);
        if (!n || std::isnan(*n)) return bad(key, n ? "must not hold NaN" : "must be a list of numbers");
        out.push_back(*n);
    }
    return out;
}

Result<std::vector<std::string>> JsonObject::strings(const std::string& key) const {
    const Json* v = find(key);
    if (!v || !v->is_array()) return bad(key, "must be a list of strings");
    std::vector<std::string> out;
    for (const Json& item : *v) {
        if (!item.is_string()) return bad(key, "must be a list of strings");
        out.push_back(item.get<std::string>());
    }
    return out;
}

Result<JsonObject> JsonObject::object(const std::string& key) const {
    const Json* v = find(key);
    if (!v || !v->is_object()) return bad(key, "must be an object");
    JsonObject inner(*v, origin_ + ": " + key);
    inner.read_ = read_;
    inner.paths_.clear();
    for (const std::string& path : paths_) inner.paths_.push_back(path + key + ".");
    return inner;
}

} // namespace weft::detail
