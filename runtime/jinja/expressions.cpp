// SPDX-License-Identifier: Apache-2.0
#include "jinja/access.hpp"
#include "jinja/builtins.hpp"
#include "jinja/markup.hpp"
#include "jinja/operators.hpp"
#include "jinja/python_text.hpp"

namespace weft::detail::jinja {

Result<Value> Interpreter::value(const Expression& e, const FramePtr& frame) {
    Nested nested(*this);
    weft_TRY(nested.check());
    line_ = e.line;
    weft_TRY(step());
    return std::visit([&](const auto& node) { return value(node, frame); }, e.node);
}

Result<Value> Interpreter::value(const Name& e, const FramePtr& frame) {
    const Value& found = slot(e.slot, frame);
    if (found.is_missing()) return undefined("'" + e.name + "' is undefined");
    return found;
}

Result<Value> Interpreter::value(const Sequence& e, const FramePtr& frame) {
    std::vector<Value> items;
    items.reserve(e.items.size());
    for (const Ref& item : e.items) {
        weft_ASSIGN(Value result, value(item, frame));
        items.push_back(std::move(result));
    }
    return e.tuple ? tuple(std::move(items)) : list(std::move(items));
}

Result<Value> Interpreter::value(const Mapping& e, const FramePtr& frame) {
    auto made = new_dict();
    for (const auto& [key, of] : e.items) {
        weft_ASSIGN(Value name, value(key, frame));
        weft_ASSIGN(Value result, value(of, frame));
        weft_TRY(made->put(*this, std::move(name), std::move(result)));
    }
    return dict(std::move(made));
}

Result<Value> Interpreter::value(const Unary& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value operand, value(e.operand, frame));
    line_ = line;
    return unary(*this, e.op, operand);
}

Result<Value> Interpreter::value(const Binary& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value left, value(e.left, frame));
    weft_ASSIGN(const Value right, value(e.right, frame));
    line_ = line;
    return binary(*this, e.op, left, right);
}

Result<Value> Interpreter::value(const Logical& e, const FramePtr& frame) {
    weft_ASSIGN(Value left, value(e.left, frame));
    if (truth(left) != e.is_and) return left;
    return value(e.right, frame);
}

Result<Value> Interpreter::value(const Comparison& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(Value left, value(e.first, frame));
    for (const auto& [op, operand] : e.rest) {
        weft_ASSIGN(Value right, value(operand, frame));
        line_ = line;
        bool holds = false;
        switch (op) {
        case CompareOp::equal:
        case CompareOp::unequal: {
            weft_ASSIGN(holds, equals(*this, left, right));
            break;
        }
        case CompareOp::in:
        case CompareOp::not_in: {
            weft_ASSIGN(holds, contains(*this, right, left));
            break;
        }
        default: {
            weft_ASSIGN(holds, ordered(*this, op, left, right));
        }
        }
        if (op == CompareOp::unequal || op == CompareOp::not_in) holds = !holds;
        if (!holds) return Value::boolean(false);
        left = std::move(right);
    }
    return Value::boolean(true);
}

Result<Value> Interpreter::value(const Concatenation& e, const FramePtr& frame) {
    std::vector<Value> parts;
    bool has_markup = false;
    for (const Ref& part : e.parts) {
        weft_ASSIGN(Value result, value(part, frame));
        has_markup = has_markup || (autoescape_ && result.is_string() && result.string().markup());
        parts.push_back(std::move(result));
    }
    std::string out;
    for (const Value& part : parts) {
        std::string text;
        weft_TRY(append_str(*this, text, part));
        weft_TRY(room(out.size() + text.size()));
        out += has_markup && !(part.is_string() && part.string().markup()) ? escaped(text) : text;
    }
    return make(std::move(out), has_markup);
}

Result<Value> Interpreter::value(const Conditional& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value test, value(e.test, frame));
    if (truth(test)) return value(e.then, frame);
    if (e.otherwise) return value(e.otherwise, frame);
    return undefined("the inline if-expression on line " + std::to_string(line) +
                     " evaluated to false and no else section was defined.");
}

Result<Value> Interpreter::value(const Attribute& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value object, value(e.object, frame));
    line_ = line;
    return get_attribute(*this, object, e.name);
}

Result<Value> Interpreter::value(const Item& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value object, value(e.object, frame));
    weft_ASSIGN(const Value key, value(e.key, frame));
    line_ = line;
    return get_item(*this, object, key);
}

Result<Value> Interpreter::value(const Slice& e, const FramePtr& frame) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value object, value(e.object, frame));
    Value bounds[3];
    const Ref* const parts[] = {&e.start, &e.stop, &e.step};
    for (size_t i = 0; i < 3; ++i) {
        if (!*parts[i]) continue;
        weft_ASSIGN(bounds[i], value(*parts[i], frame));
    }
    line_ = line;
    return get_slice(*this, object, bounds[0], bounds[1], bounds[2]);
}

Status Interpreter::add_arguments(const CallArguments& given, const FramePtr& frame, Arguments& out) {
    for (const Ref& e : given.positional) {
        weft_ASSIGN(Value result, value(e, frame));
        out.positional.push_back(std::move(result));
    }
    if (given.more_positional) {
        weft_ASSIGN(const Value more, value(given.more_positional, frame));
        if (!iterable(more))
            return failure("argument after * must be an iterable, not " + std::string(more.type_name()));
        weft_ASSIGN(std::vector<Value> items, collect(*this, more));
        for (Value& item : items) out.positional.push_back(std::move(item));
    }
    for (const auto& [key, e] : given.keyword) {
        weft_ASSIGN(Value result, value(e, frame));
        out.keyword.emplace_back(key, std::move(result));
    }
    if (!given.more_keyword) return Ok{};
    weft_ASSIGN(const Value more, value(given.more_keyword, frame));
    if (!more.is(Kind::dict))
        return failure("argument after ** must be a mapping, not " + std::string(more.type_name()));
    if (more.dict().items().size() > kMostKeywords)
        return failure("more than " + std::to_string(kMostKeywords) + " keyword arguments");
    for (const auto& [key, item] : more.dict().items()) {
        if (!key.is_string()) return failure("keywords must be strings");
        for (const auto& [other, ignored] : out.keyword)
            if (other == key.text()) return failure("got multiple values for keyword argument '" + other + "'");
        out.keyword.emplace_back(key.text(), item);
    }
    return Ok{};
}

Result<Value> Interpreter::call(const Call& e, const FramePtr& frame, Value caller) {
    const uint32_t line = line_;
    weft_ASSIGN(const Value callee, value(e.callee, frame));
    Arguments arguments;
    weft_TRY(add_arguments(e.arguments, frame, arguments));
    if (!caller.is_missing()) arguments.keyword.emplace_back("caller", std::move(caller));
    line_ = line;
    return call(callee, std::move(arguments));
}

Result<Value> Interpreter::call(const Value& callee, Arguments arguments) {
    Nested nested(*this);
    weft_TRY(nested.check());
    weft_TRY(step());
    if (callee.is_undefined()) return undefined_error(callee);
    if (!callee.callable()) return failure("'" + std::string(callee.type_name()) + "' object is not callable");
    return callee.object()->call(*this, std::move(arguments));
}

Result<Value> Interpreter::value(const Applied& e, const FramePtr& frame) {
    std::optional<Value> input;
    const uint32_t line = line_;
    if (e.input) {
        weft_ASSIGN(input, value(e.input, frame));
        line_ = line;
    }
    return apply(e, frame, std::move(input));
}

Result<Value> Interpreter::apply(const Applied& e, const FramePtr& frame, std::optional<Value> input) {
    const uint32_t line = line_;
    if (!e.builtin)
        return failure(std::string("No ") + (e.is_test ? "test" : "filter") + " named '" + e.name + "' found.");
    Arguments arguments;
    arguments.positional.push_back(input ? std::move(*input) : text(""));
    weft_TRY(add_arguments(e.arguments, frame, arguments));
    line_ = line;
    return call_builtin(*this, *e.builtin, std::move(arguments));
}

Result<Value> Interpreter::filtered(const Expression& e, const FramePtr& frame, Value text) {
    Nested nested(*this);
    weft_TRY(nested.check());
    const Applied& filter = std::get<Applied>(e.node);
    if (filter.input) {
        weft_ASSIGN(text, filtered(*filter.input, frame, std::move(text)));
    }
    line_ = e.line;
    return apply(filter, frame, std::move(text));
}

Result<Value> Interpreter::filter(const std::string& name, Arguments arguments) {
    const Builtin* builtin = find_filter(name);
    if (!builtin) return failure("No filter named '" + name + "'.");
    return call_builtin(*this, *builtin, std::move(arguments));
}

Result<Value> Interpreter::test(const std::string& name, Arguments arguments) {
    const Builtin* builtin = find_test(name);
    if (!builtin) return failure("No test named '" + name + "'.");
    return call_builtin(*this, *builtin, std::move(arguments));
}

} // namespace weft::detail::jinja
