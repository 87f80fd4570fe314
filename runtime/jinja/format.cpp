// SPDX-License-Identifier: Apache-2.0
#include "jinja/format.hpp"
#include "jinja/access.hpp"
#include "jinja/arithmetic.hpp"
#include "jinja/interpreter.hpp"
#include "jinja/markup.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"
#include <algorithm>
#include <cmath>
#include <utility>

namespace weft::detail::jinja {
namespace {

constexpr int kDeepestFields = 2; // fields within a field's layout, as Python

// "%..." one after another.
class Percent {
public:
    Percent(Interpreter& in, const Value& format, const Value& arguments)
        : in_(in), format_(format.text()), escapes_(format.string().markup()), arguments_(arguments) {}

    Result<std::string> run() {
        while (at_ < format_.size()) {
            const size_t percent = std::min(format_.find('%', at_), format_.size());
            out_.append(format_, at_, percent - at_);
            at_ = percent + 1;
            if (percent < format_.size()) weft_TRY(conversion());
        }
        const bool is_mapping = arguments_.is(Kind::dict) || arguments_.is(Kind::list);
        if (!is_mapping && used_ < (arguments_.is(Kind::tuple) ? arguments_.list().items().size() : 1))
            return failure("not all arguments converted during string formatting");
        return std::move(out_);
    }

private:
    Result<Value> next() {
        if (arguments_.is(Kind::tuple) ? used_ == arguments_.list().items().size() : used_ == 1)
            return failure("not enough arguments for format string");
        ++used_;
        return arguments_.is(Kind::tuple) ? arguments_.list().items()[used_ - 1] : arguments_;
    }

    Result<int64_t> count(int64_t most) {
        if (at_ < format_.size() && format_[at_] == '*') {
            ++at_;
            weft_ASSIGN(const Value given, next());
            if (!given.is_integral()) return failure("* wants int");
            if (std::abs(given.as_integer()) > most)
                return failure("a width or precision above " + std::to_string(most) + " in a format");
            return given.as_integer();
        }
        int64_t value = 0;
        for (; at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9'; ++at_) {
            value = value * 10 + (format_[at_] - '0');
            if (value > most) return failure("a width or precision above " + std::to_string(most) + " in a format");
        }
        return value;
    }

    Status conversion() {
        weft_TRY(in_.step());
        weft_TRY(in_.room(out_.size()));
        std::optional<Value> named;
        if (at_ < format_.size() && format_[at_] == '(') {
            const size_t close = format_.find(')', at_);
            if (close == std::string::npos) return failure("incomplete format key");
            if (!arguments_.is(Kind::dict)) return failure("format requires a mapping");
            const std::string key = format_.substr(at_ + 1, close - at_ - 1);
            const Value* found = arguments_.dict().find(key);
            if (!found) return failure("'" + key + "'");
            named = *found;
            at_ = close + 1;
        }
        FormatSpec spec;
        bool zeros = false;
        for (; at_ < format_.size() && std::string_view("-+ #0").find(format_[at_]) != std::string_view::npos; ++at_) {
            const char flag = format_[at_];
            if (flag == '-') spec.align = '<';
            if (flag == '+' || (flag == ' ' && spec.sign != '+')) spec.sign = flag;
            if (flag == '#') spec.alternate = true;
            if (flag == '0') zeros = true;
        }
        weft_ASSIGN(spec.width, count(kWidest));
        if (spec.width < 0) {
            spec.align = '<';
            spec.width = -spec.width;
        }
        if (at_ < format_.size() && format_[at_] == '.') {
            ++at_;
            weft_ASSIGN(spec.precision, count(kMostDigits));
            spec.precision = std::max<int64_t>(spec.precision, 0);
        }
        while (at_ < format_.size() && (format_[at_] == 'l' || format_[at_] == 'h' || format_[at_] == 'L')) ++at_;
        if (at_ == format_.size()) return failure("incomplete format");
        spec.type = format_[at_++];
        if (spec.type == '%') {
            out_ += '%';
            return Ok{};
        }
        if (!named) {
            weft_ASSIGN(named, next());
        }
        if (zeros && spec.align != '<' && spec.type != 's' && spec.type != 'r' && spec.type != 'a' &&
            spec.type != 'c') {
            spec.align = '=';
            spec.fill = "0";
        }
        if (!spec.align) spec.align = '>';
        weft_ASSIGN(const std::string text, one(*named, spec));
        out_ += text;
        return Ok{};
    }

    Result<std::string> one(const Value& value, FormatSpec spec) {
        const std::string shown = std::string("%") + spec.type + " format: ";
        switch (spec.type) {
        case 's':
        case 'r':
        case 'a': {
            std::string text;
            if (spec.type == 's') weft_TRY(append_str(in_, text, value));
            else weft_TRY(append_repr(in_, text, value));
            if (escapes_ && !(value.is_string() && value.string().markup())) text = escaped(text);
            spec.type = 's';
            return format_value(in_, in_.text(std::move(text)), spec);
        }
        case 'd':
        case 'i':
        case 'u': {
            if (value.is_undefined()) return undefined_error(value);
            if (!value.is_number())
                return failure(shown + "a real number is required, not " + std::string(value.type_name()));
            weft_ASSIGN(const Value whole, value.is_integral() ? Result<Value>(value) : truncated(value.as_real()));
            return integer(whole.as_integer(), spec, 'd');
        }
        case 'o':
        case 'x':
        case 'X':
            if (!value.is_integral())
                return failure(shown + "an integer is required, not " + std::string(value.type_name()));
            return integer(value.as_integer(), spec, spec.type);
        case 'c':
            if (value.is_string() && value.string().length() == 1) {
                spec.type = 's';
                return format_value(in_, value, spec);
            }
            if (!value.is_integral()) return failure("%c requires int or char");
            return integer(value.as_integer(), spec, 'c');
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
            if (value.is_undefined()) return undefined_error(value);
            if (!value.is_number()) return failure("must be real number, not " + std::string(value.type_name()));
            return format_value(in_, Value::real(value.as_real()), spec);
        default: return failure("unsupported format character '" + std::string(1, spec.type) + "'");
        }
    }

    // A precision is the least number of digits here.
    Result<std::string> integer(int64_t value, FormatSpec spec, char type) {
        const int64_t precision = std::exchange(spec.precision, -1);
        spec.type = type;
        if (precision < 0 || type == 'c') return format_value(in_, Value::integer(value), spec);
        FormatSpec digits;
        digits.type = type;
        weft_ASSIGN(std::string text, format_value(in_, Value::integer(value), digits));
        const bool negative = value < 0;
        if (negative) text = text.substr(1);
        if (precision > int64_t(text.size())) text.insert(0, size_t(precision) - text.size(), '0');
        return aligned(in_, negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "", text, spec, '>');
    }

    Interpreter& in_;
    const std::string& format_;
    const bool escapes_;
    const Value& arguments_;
    size_t at_ = 0, used_ = 0;
    std::string out_;
};

// "{...}" one after another.
class Braces {
public:
    Braces(Interpreter& in, const Arguments& arguments) : in_(in), arguments_(arguments) {}

    Result<std::string> run(std::string_view format, int depth) {
        if (depth > kDeepestFields) return failure("Max string recursion exceeded");
        std::string out;
        for (size_t at = 0; at < format.size(); ++at) {
            const char c = format[at];
            if (c != '{' && c != '}') {
                out += c;
                continue;
            }
            if (at + 1 < format.size() && format[at + 1] == c) {
                out += c;
                ++at;
                continue;
            }
            if (c == '}') return failure("Single '}' encountered in format string");
            size_t end = at + 1;
            for (int open = 1; end < format.size(); ++end) {
                if (format[end] == '{') ++open;
                if (format[end] == '}' && --open == 0) break;
            }
            if (end >= format.size())
                return failure(at + 1 == format.size() ? "Single '{' encountered in format string"
                                                       : "expected '}' before end of string");
            weft_TRY(in_.step());
            weft_ASSIGN(const std::string text, field(format.substr(at + 1, end - at - 1), depth));
            weft_TRY(in_.room(out.size() + text.size()));
            out += text;
            at = end;
        }
        return out;
    }

private:
    Result<std::string> field(std::string_view inside, int depth) {
        size_t name_end = 0;
        for (bool in_item = false; name_end < inside.size(); ++name_end) {
            if (inside[name_end] == '[') in_item = true;
            if (inside[name_end] == ']') in_item = false;
            if (!in_item && (inside[name_end] == '!' || inside[name_end] == ':')) break;
        }
        weft_ASSIGN(Value value, named(inside.substr(0, name_end)));
        std::string_view rest = inside.substr(name_end);
        if (rest.starts_with('!')) {
            if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':'))
                return failure("expected ':' after conversion specifier");
            std::string text;
            if (rest[1] == 's') weft_TRY(append_str(in_, text, value));
            else if (rest[1] == 'r' || rest[1] == 'a') weft_TRY(append_repr(in_, text, value));
            else return failure("Unknown conversion specifier " + std::string(1, rest[1]));
            value = in_.text(std::move(text));
            rest.remove_prefix(2);
        }
        if (rest.starts_with(':')) rest.remove_prefix(1);
        weft_ASSIGN(const std::string layout, run(rest, depth + 1));
        if (layout.empty()) return str(in_, value);
        weft_ASSIGN(const FormatSpec spec, parse_format_spec(layout));
        return format_value(in_, value, spec);
    }

    Result<Value> first(std::string_view name) {
        const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
        if (!name.empty() && !is_number) {
            for (const auto& [key, value] : arguments_.keyword)
                if (key == name) return value;
            return failure("'" + std::string(name) + "'");
        }
        if ((is_number && automatic_ > 0) || (!is_number && numbered_))
            return failure("cannot switch from manual field specification to automatic field numbering");
        numbered_ = numbered_ || is_number;
        int64_t index = int64_t(automatic_);
        if (is_number) {
            weft_ASSIGN(const Value given, parse_integer(name, 10));
            index = given.as_integer();
        } else {
            ++automatic_;
        }
        if (index >= int64_t(arguments_.positional.size()))
            return failure("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
        return arguments_.positional[size_t(index)];
    }

    Result<Value> named(std::string_view name) {
        const size_t end = std::min(name.find_first_of(".["), name.size());
        weft_ASSIGN(Value value, first(name.substr(0, end)));
        name.remove_prefix(end);
        while (!name.empty()) {
            if (name[0] == '.') {
                const size_t stop = std::min(name.find_first_of(".[", 1), name.size());
                weft_ASSIGN(value, get_attribute(in_, value, std::string(name.substr(1, stop - 1))));
                name.remove_prefix(stop);
                continue;
            }
            const size_t close = name.find(']');
            if (name[0] != '[' || close == name.npos) return failure("Missing ']' in format string");
            const std::string_view key = name.substr(1, close - 1);
            weft_ASSIGN(Value index, key.find_first_not_of("0123456789") == key.npos
                                         ? parse_integer(key, 10)
                                         : Result<Value>(in_.text(std::string(key))));
            if (index.is_missing()) return failure("Empty attribute in format string");
            weft_ASSIGN(value, get_item(in_, value, index));
            name.remove_prefix(close + 1);
        }
        return value;
    }

    Interpreter& in_;
    const Arguments& arguments_;
    size_t automatic_ = 0;
    bool numbered_ = false;
};

} // namespace

Result<std::string> format_percent(Interpreter& in, const Value& format, const Value& arguments) {
    return Percent(in, format, arguments).run();
}

Result<std::string> format_braces(Interpreter& in, const std::string& format, const Arguments& arguments) {
    return Braces(in, arguments).run(format, 0);
}

} // namespace weft::detail::jinja
