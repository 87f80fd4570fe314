// SPDX-License-Identifier: Apache-2.0
// json.dumps() of a value.
#include "jinja/interpreter.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"
#include "unicode/utf8.hpp"
#include <cmath>

namespace weft::detail::jinja {
namespace {

std::string json_float(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_text(value);
}

class Writer {
public:
    Writer(Interpreter& in, std::string& out, const JsonStyle& style) : in_(in), out_(out), style_(style) {}

    Status write(const Value& value) {
        Interpreter::Nested nested(in_);
        weft_TRY(nested.check());
        weft_TRY(in_.step());
        weft_TRY(in_.room(out_.size()));
        switch (value.kind()) {
        case Kind::none: out_ += "null"; return Ok{};
        case Kind::boolean: out_ += value.as_boolean() ? "true" : "false"; return Ok{};
        case Kind::integer: out_ += std::to_string(value.as_integer()); return Ok{};
        case Kind::real: out_ += json_float(value.as_real()); return Ok{};
        case Kind::string:
            append_json_string(out_, value.text(), style_.ensure_ascii);
            return in_.step(value.text().size() / 64);
        case Kind::list:
        case Kind::tuple: return items(value.list().items());
        case Kind::dict: return members(value.dict());
        default: return failure("Object of type " + std::string(value.type_name()) + " is not JSON serializable");
        }
    }

private:
    void line_break() {
        if (!style_.indent) return;
        out_ += '\n';
        for (uint32_t i = 0; i < level_; ++i) out_ += *style_.indent;
    }

    Status items(const std::vector<Value>& all) {
        if (all.empty()) {
            out_ += "[]";
            return Ok{};
        }
        out_ += '[';
        ++level_;
        for (size_t i = 0; i < all.size(); ++i) {
            if (i > 0) out_ += style_.item_separator;
            line_break();
            weft_TRY(write(all[i]));
        }
        --level_;
        line_break();
        out_ += ']';
        return Ok{};
    }

    Result<std::string> key_text(const Value& key) const {
        switch (key.kind()) {
        case Kind::string: return key.text();
        case Kind::none: return std::string("null");
        case Kind::boolean: return std::string(key.as_boolean() ? "true" : "false");
        case Kind::integer: return std::to_string(key.as_integer());
        case Kind::real: return json_float(key.as_real());
        default: return failure("keys must be str, int, float, bool or None, not " + std::string(key.type_name()));
        }
    }

    Status members(const Dict& dict) {
        if (dict.items().empty()) {
            out_ += "{}";
            return Ok{};
        }
        std::vector<Value> keys, order;
        for (const auto& [key, value] : dict.items()) {
            keys.push_back(key);
            order.push_back(Value::integer(int64_t(order.size())));
        }
        if (style_.sort_keys) weft_TRY(sort_values(in_, keys, order, false));
        out_ += '{';
        ++level_;
        for (size_t i = 0; i < order.size(); ++i) {
            if (i > 0) out_ += style_.item_separator;
            line_break();
            const auto& [key, value] = dict.items()[size_t(order[i].as_integer())];
            weft_ASSIGN(const std::string name, key_text(key));
            append_json_string(out_, name, style_.ensure_ascii);
            out_ += style_.key_separator;
            weft_TRY(write(value));
        }
        --level_;
        line_break();
        out_ += '}';
        return Ok{};
    }

    Interpreter& in_;
    std::string& out_;
    const JsonStyle& style_;
    uint32_t level_ = 0;
};

void append_unit(std::string& out, uint32_t unit) {
    static constexpr char digits[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 15];
}

} // namespace

void append_json_string(std::string& out, std::string_view text, bool ensure_ascii) {
    out += '"';
    for (size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        switch (c.value) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        default:
            if (c.value < 0x20 || (ensure_ascii && c.value > 0x7e && c.value < 0x10000)) {
                append_unit(out, uint32_t(c.value));
            } else if (ensure_ascii && c.value >= 0x10000) {
                append_unit(out, uint32_t(0xd800 + ((c.value - 0x10000) >> 10)));
                append_unit(out, uint32_t(0xdc00 + ((c.value - 0x10000) & 0x3ff)));
            } else {
                out.append(text, at, c.bytes);
            }
        }
        at += c.bytes;
    }
    out += '"';
}

Status append_json(Interpreter& in, std::string& out, const Value& value, const JsonStyle& style) {
    return Writer(in, out, style).write(value);
}

} // namespace weft::detail::jinja
