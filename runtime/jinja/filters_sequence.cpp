// SPDX-License-Identifier: Apache-2.0
// Filters that take or make sequences.
#include "jinja/access.hpp"
#include "jinja/arithmetic.hpp"
#include "jinja/attributes.hpp"
#include "jinja/builtins.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"
#include "jinja/strings.hpp"
#include <algorithm>
#include <utility>

namespace weft::detail::jinja {
namespace {

Result<Value> length(Interpreter&, Arguments& a) {
    weft_ASSIGN(const int64_t count, length_of(a.positional[0]));
    return Value::integer(count);
}

Result<Value> list(Interpreter& in, Arguments& a) {
    weft_ASSIGN(std::vector<Value> items, collect(in, a.positional[0]));
    return in.list(std::move(items));
}

Result<Value> first(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const auto items, iterate(in, a.positional[0]));
    Value item;
    weft_ASSIGN(const bool more, items->next(in, item));
    return more ? item : in.undefined("No first item, sequence was empty.");
}

Result<Value> last(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const Value items, reversed(in, a.positional[0]));
    Value item;
    weft_ASSIGN(const bool more, items.as<Iterator>()->next(in, item));
    return more ? item : in.undefined("No last item, sequence was empty.");
}

Result<Value> reverse(Interpreter& in, Arguments& a) {
    const Value& value = a.positional[0];
    if (value.is_string()) return get_slice(in, value, Value(), Value(), Value::integer(-1));
    if (has_length(value)) return reversed(in, value);
    if (!iterable(value)) return failure("argument must be iterable");
    weft_ASSIGN(std::vector<Value> items, collect(in, value));
    std::reverse(items.begin(), items.end());
    return in.list(std::move(items));
}

Result<Value> items(Interpreter& in, Arguments& a) {
    const Value value = a.positional[0];
    if (value.is_undefined()) return generator(in, 0, [](Interpreter&, Value&) -> Result<bool> { return false; });
    return generator(in, value.depth(),
                     [value, at = size_t(0)](Interpreter& inside, Value& item) mutable -> Result<bool> {
                         if (!value.is(Kind::dict)) return failure("Can only get item pairs from a mapping.");
                         if (at == value.dict().items().size()) return false;
                         const auto& [key, of] = value.dict().items()[at++];
                         item = inside.tuple({key, of});
                         return true;
                     });
}

Result<Value> join(Interpreter& in, Arguments& a) {
    std::string separator, out;
    if (!a.positional[1].is_missing()) weft_TRY(append_str(in, separator, a.positional[1]));
    weft_ASSIGN(const std::vector<Value> path, attribute_path(in, a.positional[2]));
    weft_ASSIGN(const auto items, iterate(in, a.positional[0]));
    for (bool is_first = true;; is_first = false) {
        Value item;
        weft_ASSIGN(const bool more, items->next(in, item));
        if (!more) return in.text(std::move(out));
        weft_ASSIGN(const Value part, follow(in, item, path));
        if (!is_first) out += separator;
        weft_TRY(append_str(in, out, part));
        weft_TRY(in.step(1 + separator.size() / 64));
        weft_TRY(in.room(out.size()));
    }
}

Result<Value> sort(Interpreter& in, Arguments& a) {
    const bool reverse = flag_or(a.positional[1], false), case_sensitive = flag_or(a.positional[2], false);
    std::vector<std::vector<Value>> paths;
    if (a.positional[3].is_string()) {
        std::string_view rest = a.positional[3].text();
        for (bool more = true; more;) {
            const size_t comma = std::min(rest.find(','), rest.size());
            weft_ASSIGN(std::vector<Value> path, attribute_path(in, in.text(std::string(rest.substr(0, comma)))));
            paths.push_back(std::move(path));
            more = comma < rest.size();
            if (more) rest.remove_prefix(comma + 1);
        }
    } else {
        weft_ASSIGN(std::vector<Value> path, attribute_path(in, a.positional[3]));
        paths.push_back(std::move(path));
    }
    weft_ASSIGN(std::vector<Value> values, collect(in, a.positional[0]));
    std::vector<Value> keys;
    for (const Value& value : values) {
        std::vector<Value> parts;
        for (const auto& path : paths) {
            weft_ASSIGN(const Value part, follow(in, value, path));
            parts.push_back(sort_key(in, part, case_sensitive));
        }
        weft_TRY(in.step());
        keys.push_back(in.list(std::move(parts)));
    }
    weft_TRY(sort_values(in, keys, values, reverse));
    return in.list(std::move(values));
}

Result<Value> unique(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::vector<Value> path, attribute_path(in, a.positional[2]));
    weft_ASSIGN(const auto items, iterate(in, a.positional[0]));
    const bool case_sensitive = flag_or(a.positional[1], false);
    return generator(
        in, items->depth(),
        [path, items, case_sensitive, seen = in.new_dict()](Interpreter& inside, Value& item) -> Result<bool> {
            for (;;) {
                weft_ASSIGN(const bool more, items->next(inside, item));
                if (!more) return false;
                weft_TRY(inside.step());
                weft_ASSIGN(const Value part, follow(inside, item, path));
                const Value key = sort_key(inside, part, case_sensitive);
                weft_ASSIGN(const Value* found, seen->find(inside, key));
                if (found) continue;
                weft_TRY(seen->put(inside, key, Value::none()));
                return true;
            }
        });
}

template <bool kMax>
Result<Value> extreme(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::vector<Value> path, attribute_path(in, a.positional[2]));
    weft_ASSIGN(const auto items, iterate(in, a.positional[0]));
    const bool case_sensitive = flag_or(a.positional[1], false);
    Value best, best_key;
    for (;;) {
        Value item;
        weft_ASSIGN(const bool more, items->next(in, item));
        if (!more) break;
        weft_TRY(in.step());
        weft_ASSIGN(const Value part, follow(in, item, path));
        const Value key = sort_key(in, part, case_sensitive);
        bool better = best.is_missing();
        if (!better) {
            weft_ASSIGN(better, ordered(in, kMax ? CompareOp::greater : CompareOp::less, key, best_key));
        }
        if (!better) continue;
        best = item;
        best_key = key;
    }
    return best.is_missing() ? in.undefined("No aggregated item, sequence was empty.") : best;
}

Result<Value> sum(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::vector<Value> path, attribute_path(in, a.positional[1]));
    weft_ASSIGN(const auto items, iterate(in, a.positional[0]));
    Value total = a.positional[2].is_missing() ? Value::integer(0) : a.positional[2];
    if (total.is_string()) return failure("sum() can't sum strings [use ''.join(seq) instead]");
    for (;;) {
        Value item;
        weft_ASSIGN(const bool more, items->next(in, item));
        if (!more) return total;
        weft_TRY(in.step());
        weft_ASSIGN(const Value part, follow(in, item, path));
        weft_ASSIGN(total, binary(in, BinaryOp::add, total, part));
    }
}

Result<Value> groupby(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const std::vector<Value> path, attribute_path(in, a.positional[1]));
    const Value otherwise = a.positional[2].is_none() ? Value() : a.positional[2];
    const bool case_sensitive = flag_or(a.positional[3], false);
    weft_ASSIGN(std::vector<Value> values, collect(in, a.positional[0]));
    std::vector<Value> keys, groups;
    for (const Value& value : values) {
        weft_ASSIGN(const Value part, follow(in, value, path, otherwise));
        weft_TRY(in.step());
        keys.push_back(sort_key(in, part, case_sensitive));
    }
    weft_TRY(sort_values(in, keys, values, false));
    for (size_t begin = 0; begin < values.size();) {
        size_t end = begin + 1;
        for (; end < values.size(); ++end) {
            weft_ASSIGN(const bool equal, equals(in, keys[begin], keys[end]));
            if (!equal) break;
        }
        weft_ASSIGN(const Value name, follow(in, values[begin], path, otherwise));
        groups.push_back(in.tuple({name, in.list({values.begin() + ptrdiff_t(begin), values.begin() + ptrdiff_t(end)})},
                                  "_GroupTuple"));
        begin = end;
    }
    return in.list(std::move(groups));
}

Result<Value> dictsort(Interpreter& in, Arguments& a) {
    if (!a.positional[0].is(Kind::dict))
        return failure("dictsort() wants a dict, not " + std::string(a.positional[0].type_name()));
    std::string by = "key";
    if (!a.positional[2].is_missing()) {
        weft_ASSIGN(by, text_argument(a.positional[2], "by"));
    }
    if (by != "key" && by != "value") return failure("You can only sort by either \"key\" or \"value\"");
    std::vector<Value> keys, pairs;
    for (const auto& [key, value] : a.positional[0].dict().items()) {
        keys.push_back(sort_key(in, by == "key" ? key : value, flag_or(a.positional[1], false)));
        pairs.push_back(in.tuple({key, value}));
        weft_TRY(in.step());
    }
    weft_TRY(sort_values(in, keys, pairs, flag_or(a.positional[3], false)));
    return in.list(std::move(pairs));
}

Result<Value> batch(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const int64_t count, integer_argument(a.positional[1], "linecount"));
    weft_ASSIGN(const auto items, iterate(in, a.positional[0]));
    const Value fill = a.positional[2].is_none() ? Value() : a.positional[2];
    // The first of the next batch waits in `ahead`: Jinja draws one item more before it gives a batch.
    return generator(in, std::max(items->depth(), fill.depth() + 1),
                     [=, ahead = std::optional<Value>()](Interpreter& inside, Value& out) mutable -> Result<bool> {
                         std::vector<Value> row;
                         if (ahead) row.push_back(*std::exchange(ahead, std::nullopt));
                         for (;;) {
                             Value item;
                             weft_ASSIGN(const bool more, items->next(inside, item));
                             if (!more) break;
                             weft_TRY(inside.step());
                             if (int64_t(row.size()) == count) {
                                 ahead = std::move(item);
                                 out = inside.list(std::move(row));
                                 return true;
                             }
                             row.push_back(std::move(item));
                         }
                         if (row.empty()) return false;
                         if (!fill.is_missing() && int64_t(row.size()) < count) {
                             weft_TRY(inside.room(uint64_t(count), sizeof(Value)));
                             row.resize(size_t(count), fill);
                         }
                         out = inside.list(std::move(row));
                         return true;
                     });
}

Result<Value> slice(Interpreter& in, Arguments& a) {
    weft_ASSIGN(const int64_t slices, integer_argument(a.positional[1], "slices"));
    weft_ASSIGN(const std::vector<Value> items, collect(in, a.positional[0]));
    if (slices == 0) return failure("integer division or modulo by zero");
    const Value fill = a.positional[2].is_none() ? Value() : a.positional[2], all = in.list(items);
    return generator(in, std::max(all.depth(), fill.depth() + 1),
                     [=, number = int64_t(0)](Interpreter& inside, Value& out) mutable -> Result<bool> {
                         if (number >= slices) return false;
                         weft_TRY(inside.step());
                         const auto& from = all.list().items();
                         const int64_t each = int64_t(from.size()) / slices, longer = int64_t(from.size()) % slices;
                         const int64_t begin = number * each + std::min(number, longer),
                                       end = begin + each + (number < longer ? 1 : 0);
                         std::vector<Value> row(from.begin() + begin, from.begin() + end);
                         if (!fill.is_missing() && number >= longer) row.push_back(fill);
                         ++number;
                         out = inside.list(std::move(row));
                         return true;
                     });
}

const Builtin kSequenceFilters[] = {
    {"length", {"obj"}, 1, length},
    {"count", {"obj"}, 1, length},
    {"list", {"value"}, 1, list},
    {"first", {"seq"}, 1, first},
    {"last", {"seq"}, 1, last},
    {"reverse", {"value"}, 1, reverse},
    {"items", {"value"}, 1, items},
    {"join", {"value", "d", "attribute"}, 1, join},
    {"sort", {"value", "reverse", "case_sensitive", "attribute"}, 1, sort},
    {"unique", {"value", "case_sensitive", "attribute"}, 1, unique},
    {"min", {"value", "case_sensitive", "attribute"}, 1, extreme<false>},
    {"max", {"value", "case_sensitive", "attribute"}, 1, extreme<true>},
    {"sum", {"iterable", "attribute", "start"}, 1, sum},
    {"groupby", {"value", "attribute", "default", "case_sensitive"}, 2, groupby},
    {"dictsort", {"value", "case_sensitive", "by", "reverse"}, 1, dictsort},
    {"batch", {"value", "linecount", "fill_with"}, 2, batch},
    {"slice", {"value", "slices", "fill_with"}, 2, slice},
};

} // namespace

Table sequence_filters() { return kSequenceFilters; }

Result<std::vector<Value>> attribute_path(Interpreter& in, const Value& attribute) {
    std::vector<Value> path;
    if (attribute.is_missing() || attribute.is_none()) return path;
    if (!attribute.is_string()) {
        path.push_back(attribute);
        return path;
    }
    std::string_view rest = attribute.text();
    for (bool more = true; more;) {
        const size_t dot = std::min(rest.find('.'), rest.size());
        const std::string_view part = rest.substr(0, dot);
        const bool is_index = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
        weft_ASSIGN(Value step, is_index ? parse_integer(part, 10) : Result<Value>(in.text(std::string(part))));
        path.push_back(std::move(step));
        more = dot < rest.size();
        if (more) rest.remove_prefix(dot + 1);
    }
    return path;
}

Result<Value> follow(Interpreter& in, Value item, const std::vector<Value>& path, const Value& otherwise) {
    for (const Value& part : path) {
        weft_TRY(in.step());
        weft_ASSIGN(item, get_item(in, item, part));
        if (item.is_undefined() && !otherwise.is_missing()) item = otherwise;
    }
    return item;
}

Value sort_key(Interpreter& in, const Value& value, bool case_sensitive) {
    if (case_sensitive || !value.is_string()) return value;
    return in.make(lower_case(value.text()), value.string().markup());
}

} // namespace weft::detail::jinja
