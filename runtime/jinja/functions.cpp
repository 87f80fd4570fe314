// SPDX-License-Identifier: Apache-2.0
// The functions that every template can call.
#include "jinja/builtins.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"

namespace weft::detail::jinja {
namespace {

constexpr int64_t kFarthest = int64_t(1) << 40; // of a range's bounds and step, so that no position overflows

Result<Value> range(Interpreter& in, Arguments& a) {
    if (a.positional.empty() || a.positional.size() > 3 || !a.keyword.empty())
        return failure("range expected 1 to 3 arguments, got " + std::to_string(a.positional.size()));
    int64_t bounds[3] = {0, 0, 1};
    for (size_t i = 0; i < a.positional.size(); ++i) {
        const Value& given = a.positional[i];
        if (given.is_undefined()) return undefined_error(given);
        if (!given.is_integral())
            return failure("'" + std::string(given.type_name()) + "' object cannot be interpreted as an integer");
        bounds[a.positional.size() == 1 ? 1 : i] = given.as_integer();
        if (given.as_integer() > kFarthest || given.as_integer() < -kFarthest)
            return failure("range() takes numbers up to 2^40 here");
    }
    if (bounds[2] == 0) return failure("range() arg 3 must not be zero");
    const Value made = in.object<Range>(bounds[0], bounds[1], bounds[2]);
    if (uint64_t(made.as<Range>()->length()) > kLongestRange)
        return failure("Range too big. The sandbox blocks ranges larger than MAX_RANGE (" +
                       std::to_string(kLongestRange) + ").");
    return made;
}

// A dict from a mapping or pairs and from keyword arguments.
Result<std::shared_ptr<Dict>> make_dict(Interpreter& in, const Arguments& a, const std::string& name) {
    auto made = in.new_dict();
    if (a.positional.size() > 1)
        return failure(name + " expected at most 1 argument, got " + std::to_string(a.positional.size()));
    if (!a.positional.empty() && a.positional[0].is(Kind::dict)) {
        for (const auto& [key, value] : a.positional[0].dict().items()) weft_TRY(made->put(in, key, value));
    } else if (!a.positional.empty()) {
        weft_ASSIGN(const std::vector<Value> pairs, collect(in, a.positional[0]));
        for (const Value& pair : pairs) {
            weft_ASSIGN(const std::vector<Value> parts, collect(in, pair));
            if (parts.size() != 2)
                return failure(name + " wants pairs, not sequences of length " + std::to_string(parts.size()));
            weft_TRY(made->put(in, parts[0], parts[1]));
        }
    }
    for (const auto& [key, value] : a.keyword) made->put(in.text(key), value);
    return made;
}

Result<Value> dict(Interpreter& in, Arguments& a) {
    weft_ASSIGN(auto made, make_dict(in, a, "dict()"));
    return in.dict(std::move(made));
}

Result<Value> make_namespace(Interpreter& in, Arguments& a) {
    weft_ASSIGN(auto values, make_dict(in, a, "namespace()"));
    for (const auto& [key, value] : values->items())
        if (key.is_string()) weft_TRY(Namespace::check_name(key.text()));
    const Value made = in.object<Namespace>(std::move(values));
    in.keep(made.object()); // it may come to refer to itself
    return made;
}

Result<Value> cycler(Interpreter& in, Arguments& a) {
    if (a.positional.empty()) return failure("at least one item has to be provided");
    return in.object<Cycler>(a.positional);
}

Result<Value> joiner(Interpreter& in, Arguments& a) {
    return in.object<Joiner>(a.positional[0].is_missing() ? in.text(", ") : a.positional[0]);
}

Result<Value> raise_exception(Interpreter& in, Arguments& a) {
    weft_ASSIGN(std::string message, str(in, a.positional[0]));
    in.set_raised();
    return failure(std::move(message));
}

Result<Value> strftime_now(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::string format, text_argument(a.positional[0], "format"));
    return in.text(in.clock().format(format));
}

const Builtin kFunctions[] = {
    {"range", {"*"}, 0, range},
    {"dict", {"*"}, 0, dict},
    {"namespace", {"*"}, 0, make_namespace},
    {"cycler", {"*"}, 0, cycler},
    {"joiner", {"sep"}, 0, joiner},
    {"raise_exception", {"message"}, 1, raise_exception},
    {"strftime_now", {"format"}, 1, strftime_now},
};

} // namespace

Table global_functions() { return kFunctions; }

} // namespace weft::detail::jinja
