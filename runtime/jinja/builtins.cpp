// SPDX-License-Identifier: Apache-2.0
#include "jinja/builtins.hpp"
#include "jinja/access.hpp"
#include "jinja/operators.hpp"
#include <algorithm>

namespace weft::detail::jinja {
namespace {

class Index {
public:
    Index(std::initializer_list<Table> tables) {
        for (const Table& table : tables)
            for (const Builtin& builtin : table) rows_.emplace(builtin.name, &builtin);
    }
    const Builtin* find(std::string_view name) const {
        const auto it = rows_.find(name);
        return it == rows_.end() ? nullptr : it->second;
    }

private:
    std::unordered_map<std::string_view, const Builtin*> rows_;
};

// How much an argument makes a function read.
uint64_t size_of(const Value& value) {
    if (value.is_string()) return value.text().size() / 64;
    if (value.is_sequence()) return value.list().items().size() / 16;
    return 0;
}

Status bind(const Builtin& builtin, Arguments& arguments) {
    const std::string name = std::string(builtin.name) + "()";
    const bool takes_more = !builtin.parameters.empty() && builtin.parameters.back() == "*";
    const size_t count = builtin.parameters.size() - (takes_more ? 1 : 0);
    auto& given = arguments.positional;
    if (given.size() > count && !takes_more)
        return failure(name + " takes at most " + std::to_string(count) + " arguments, " +
                       std::to_string(given.size()) + " were given");
    const size_t positional = given.size();
    if (positional < count) given.resize(count);
    std::vector<std::pair<std::string, Value>> rest;
    for (auto& [key, value] : arguments.keyword) {
        const auto it = std::find(builtin.parameters.begin(), builtin.parameters.begin() + ptrdiff_t(count), key);
        const size_t at = size_t(it - builtin.parameters.begin());
        if (at == count) {
            if (!takes_more) return failure(name + " got an unexpected keyword argument '" + key + "'");
            rest.emplace_back(key, std::move(value));
        } else if (at < positional) {
            return failure(name + " got multiple values for argument '" + key + "'");
        } else {
            given[at] = std::move(value);
        }
    }
    arguments.keyword = std::move(rest);
    for (size_t i = 0; i < builtin.required; ++i)
        if (given[i].is_missing())
            return failure(name + " is missing its argument '" + std::string(builtin.parameters[i]) + "'");
    return Ok{};
}

} // namespace

const Builtin* find_filter(std::string_view name) {
    static const Index index{text_filters(), sequence_filters(), number_filters(), choice_filters()};
    return index.find(name);
}

const Builtin* find_test(std::string_view name) {
    static const Index index{value_tests()};
    return index.find(name);
}

const Builtin* find_global(std::string_view name) {
    static const Index index{global_functions()};
    return index.find(name);
}

const Builtin* find_method(const Value& of, std::string_view name) {
    static const Index strings{string_search_methods(), string_case_methods(), string_layout_methods()},
        lists{container_methods(Kind::list)}, tuples{container_methods(Kind::tuple)},
        dicts{container_methods(Kind::dict)}, integers{container_methods(Kind::integer)},
        reals{container_methods(Kind::real)};
    switch (of.kind()) {
    case Kind::string: return strings.find(name);
    case Kind::list: return lists.find(name);
    case Kind::tuple: return tuples.find(name);
    case Kind::dict: return dicts.find(name);
    case Kind::boolean:
    case Kind::integer: return integers.find(name);
    case Kind::real: return reals.find(name);
    default: return nullptr;
    }
}

Result<Value> call_builtin(Interpreter& in, const Builtin& builtin, Arguments arguments) {
    Interpreter::Nested nested(in);
    weft_TRY(nested.check());
    weft_TRY(bind(builtin, arguments));
    uint64_t size = 1;
    for (const Value& value : arguments.positional) size += size_of(value);
    weft_TRY(in.step(size));
    return builtin.run(in, arguments);
}

Result<Value> Function::call(Interpreter& in, Arguments arguments) {
    if (!self_.is_missing()) arguments.positional.insert(arguments.positional.begin(), self_);
    return call_builtin(in, builtin_, std::move(arguments));
}

Result<Value> Function::attribute(Interpreter& in, std::string_view name) {
    static const Builtin from_keys{
        "fromkeys", {"iterable", "value"}, 1, [](Interpreter& inside, Arguments& a) -> Result<Value> {
            weft_ASSIGN(std::vector<Value> keys, collect(inside, a.positional[0]));
            auto made = inside.new_dict();
            for (Value& key : keys)
                weft_TRY(
                    made->put(inside, std::move(key), a.positional[1].is_missing() ? Value::none() : a.positional[1]));
            return inside.dict(std::move(made));
        }};
    return builtin_.name == "dict" && name == "fromkeys" ? in.object<Function>(from_keys, Value()) : Value();
}

Status Function::repr(Interpreter&, std::string& out) const {
    out += "<function " + std::string(builtin_.name) + ">";
    return Ok{};
}

Result<int64_t> integer_argument(const Value& value, std::string_view what) {
    if (value.is_integral()) return value.as_integer();
    if (value.is_undefined()) return undefined_error(value);
    return failure("'" + std::string(what) + "' must be an integer, not " + std::string(value.type_name()));
}

Result<int64_t> integer_or(const Value& value, int64_t otherwise, std::string_view what) {
    if (value.is_missing() || value.is_none()) return otherwise;
    return integer_argument(value, what);
}

Result<std::string> text_argument(const Value& value, std::string_view what) {
    if (value.is_string()) return value.text();
    if (value.is_undefined()) return undefined_error(value);
    return failure("'" + std::string(what) + "' must be str, not " + std::string(value.type_name()));
}

bool flag_or(const Value& value, bool otherwise) { return value.is_missing() ? otherwise : truth(value); }

} // namespace weft::detail::jinja
