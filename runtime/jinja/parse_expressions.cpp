// SPDX-License-Identifier: Apache-2.0
#include "jinja/builtins.hpp"
#include "jinja/parser.hpp"
#include "jinja/walk.hpp"
#include <algorithm>

namespace weft::detail::jinja {

template <class Node>
Parser::Made Parser::make(uint32_t line, Node node) {
    auto made = std::make_unique<Expression>();
    made->line = line;
    made->node = std::move(node);
    for_each_child(*made, [&](Expression& child) { made->depth = std::max(made->depth, child.depth + 1); });
    if (made->depth > kDeepestSource)
        return at_line(line, "the expression is nested deeper than " + std::to_string(kDeepestSource));
    return made;
}

Status Parser::deeper() {
    if (depth_ > kDeepestSource) return at_line(now().line, "nested deeper than " + std::to_string(kDeepestSource));
    return Ok{};
}

bool Parser::at_tuple_end() const {
    return now().is(Token::variable_end) || now().is(Token::block_end) || now().is_op(")");
}

// One expression, or several with commas between them: a tuple.
Parser::Made Parser::tuple(bool with_conditional, bool parentheses) {
    const uint32_t line = now().line;
    Sequence items{true, {}};
    bool has_comma = false;
    for (;;) {
        if (!items.items.empty()) weft_TRY(expect_op(","));
        if (at_tuple_end()) break;
        weft_ASSIGN(Ref item, with_conditional ? conditional() : disjunction());
        items.items.push_back(std::move(item));
        if (!now().is_op(",")) break;
        has_comma = true;
    }
    if (!has_comma && !items.items.empty()) return std::move(items.items[0]);
    if (items.items.empty() && !parentheses) return unexpected("an expression");
    return make(line, std::move(items));
}

Parser::Made Parser::conditional() {
    Level level(*this);
    weft_TRY(deeper());
    const uint32_t line = now().line;
    weft_ASSIGN(Ref left, disjunction());
    while (skip_name("if")) {
        Conditional node;
        node.then = std::move(left);
        weft_ASSIGN(node.test, disjunction());
        if (skip_name("else")) {
            weft_ASSIGN(node.otherwise, conditional());
        }
        weft_ASSIGN(left, make(line, std::move(node)));
    }
    return left;
}

Parser::Made Parser::disjunction() {
    const uint32_t line = now().line;
    weft_ASSIGN(Ref left, conjunction());
    while (skip_name("or")) {
        weft_ASSIGN(Ref right, conjunction());
        weft_ASSIGN(left, make(line, Logical{false, std::move(left), std::move(right)}));
    }
    return left;
}

Parser::Made Parser::conjunction() {
    const uint32_t line = now().line;
    weft_ASSIGN(Ref left, negation());
    while (skip_name("and")) {
        weft_ASSIGN(Ref right, negation());
        weft_ASSIGN(left, make(line, Logical{true, std::move(left), std::move(right)}));
    }
    return left;
}

Parser::Made Parser::negation() {
    const uint32_t line = now().line;
    if (!skip_name("not")) return comparison();
    Level level(*this);
    weft_TRY(deeper());
    weft_ASSIGN(Ref operand, negation());
    return make(line, Unary{UnaryOp::logical_not, std::move(operand)});
}

Parser::Made Parser::comparison() {
    static constexpr std::pair<std::string_view, CompareOp> kSymbols[] = {
        {"==", CompareOp::equal},      {"!=", CompareOp::unequal}, {"<", CompareOp::less},
        {"<=", CompareOp::less_equal}, {">", CompareOp::greater},  {">=", CompareOp::greater_equal}};
    const uint32_t line = now().line;
    Comparison node;
    weft_ASSIGN(node.first, sum());
    for (;;) {
        std::optional<CompareOp> op;
        for (const auto& [symbol, meaning] : kSymbols)
            if (!op && skip_op(symbol)) op = meaning;
        if (!op && skip_name("in")) op = CompareOp::in;
        if (!op && now().is_name("not") && next().is_name("in")) {
            at_ += 2;
            op = CompareOp::not_in;
        }
        if (!op) break;
        weft_ASSIGN(Ref right, sum());
        node.rest.emplace_back(*op, std::move(right));
    }
    if (node.rest.empty()) return std::move(node.first);
    return make(line, std::move(node));
}

Parser::Made Parser::sum() {
    const uint32_t line = now().line;
    weft_ASSIGN(Ref left, concatenation());
    while (now().is_op("+") || now().is_op("-")) {
        const BinaryOp op = take().text == "+" ? BinaryOp::add : BinaryOp::subtract;
        weft_ASSIGN(Ref right, concatenation());
        weft_ASSIGN(left, make(line, Binary{op, std::move(left), std::move(right)}));
    }
    return left;
}

Parser::Made Parser::concatenation() {
    const uint32_t line = now().line;
    Concatenation node;
    do {
        weft_ASSIGN(Ref part, product());
        node.parts.push_back(std::move(part));
    } while (skip_op("~"));
    if (node.parts.size() == 1) return std::move(node.parts[0]);
    return make(line, std::move(node));
}

Parser::Made Parser::product() {
    const uint32_t line = now().line;
    weft_ASSIGN(Ref left, power());
    for (;;) {
        const BinaryOp op = now().is_op("*")    ? BinaryOp::multiply
                            : now().is_op("/")  ? BinaryOp::divide
                            : now().is_op("//") ? BinaryOp::floor_divide
                                                : BinaryOp::modulo;
        if (op == BinaryOp::modulo && !now().is_op("%")) return left;
        take();
        weft_ASSIGN(Ref right, power());
        weft_ASSIGN(left, make(line, Binary{op, std::move(left), std::move(right)}));
    }
}

Parser::Made Parser::power() {
    const uint32_t line = now().line;
    weft_ASSIGN(Ref left, unary(true));
    while (skip_op("**")) {
        weft_ASSIGN(Ref right, unary(true));
        weft_ASSIGN(left, make(line, Binary{BinaryOp::power, std::move(left), std::move(right)}));
    }
    return left;
}

Parser::Made Parser::unary(bool with_filter) {
    const uint32_t line = now().line;
    Ref node;
    if (now().is_op("-") || now().is_op("+")) {
        Level level(*this);
        weft_TRY(deeper());
        const UnaryOp op = take().text == "-" ? UnaryOp::negative : UnaryOp::positive;
        weft_ASSIGN(Ref operand, unary(false));
        weft_ASSIGN(node, make(line, Unary{op, std::move(operand)}));
    } else {
        weft_ASSIGN(node, primary());
    }
    weft_ASSIGN(node, postfix(std::move(node)));
    if (!with_filter) return node;
    return filters_and_tests(std::move(node));
}

Parser::Made Parser::primary() {
    const uint32_t line = now().line;
    const Token& token = now();
    switch (token.kind) {
    case Token::name: {
        const std::string word = take().text;
        if (word == "true" || word == "True") return make(line, Literal{Value::boolean(true)});
        if (word == "false" || word == "False") return make(line, Literal{Value::boolean(false)});
        if (word == "none" || word == "None") return make(line, Literal{Value::none()});
        return make(line, Name{word, {}});
    }
    case Token::string: {
        std::string text;
        while (now().is(Token::string)) text += take().text;
        return make(line, Literal{Value(Kind::string, std::make_shared<String>(nullptr, std::move(text), false))});
    }
    case Token::integer: return make(line, Literal{Value::integer(take().integer_value)});
    case Token::real: return make(line, Literal{Value::real(take().real_value)});
    default: break;
    }
    if (skip_op("(")) {
        weft_ASSIGN(Ref inside, tuple(true, true));
        weft_TRY(expect_op(")"));
        return inside;
    }
    if (token.is_op("[")) return list();
    if (token.is_op("{")) return mapping();
    return unexpected("an expression");
}

Parser::Made Parser::list() {
    const uint32_t line = take().line;
    Sequence node;
    while (!now().is_op("]")) {
        if (!node.items.empty()) weft_TRY(expect_op(","));
        if (now().is_op("]")) break;
        weft_ASSIGN(Ref item, expression());
        node.items.push_back(std::move(item));
    }
    weft_TRY(expect_op("]"));
    return make(line, std::move(node));
}

Parser::Made Parser::mapping() {
    const uint32_t line = take().line;
    Mapping node;
    while (!now().is_op("}")) {
        if (!node.items.empty()) weft_TRY(expect_op(","));
        if (now().is_op("}")) break;
        weft_ASSIGN(Ref key, expression());
        weft_TRY(expect_op(":"));
        weft_ASSIGN(Ref value, expression());
        node.items.emplace_back(std::move(key), std::move(value));
    }
    weft_TRY(expect_op("}"));
    return make(line, std::move(node));
}

Parser::Made Parser::postfix(Ref of) {
    while (now().is_op(".") || now().is_op("[") || now().is_op("(")) {
        weft_ASSIGN(of, now().is_op("(") ? call(std::move(of)) : subscript(std::move(of)));
    }
    return of;
}

Parser::Made Parser::filters_and_tests(Ref of) {
    for (;;) {
        if (now().is_op("|")) {
            weft_ASSIGN(of, filters(std::move(of), false));
        } else if (now().is_name("is")) {
            weft_ASSIGN(of, test(std::move(of)));
        } else if (now().is_op("(")) {
            weft_ASSIGN(of, call(std::move(of)));
        } else {
            return of;
        }
    }
}

Parser::Made Parser::subscript(Ref of) {
    const uint32_t line = now().line;
    if (!skip_op(".")) {
        take();
        return slice_or_item(std::move(of));
    }
    if (now().is(Token::name)) return make(line, Attribute{std::move(of), take().text});
    if (!now().is(Token::integer)) return unexpected("a name or a number after the dot");
    weft_ASSIGN(Ref key, make(line, Literal{Value::integer(take().integer_value)}));
    return make(line, Item{std::move(of), std::move(key)});
}

// What follows "[": an item, several (a tuple as the key), or a slice.
Parser::Made Parser::slice_or_item(Ref of) {
    const uint32_t line = now().line;
    Sequence keys{true, {}};
    while (!now().is_op("]")) {
        if (!keys.items.empty()) weft_TRY(expect_op(","));
        Ref first;
        if (!now().is_op(":")) {
            weft_ASSIGN(first, expression());
        }
        if (!skip_op(":")) {
            keys.items.push_back(std::move(first));
            continue;
        }
        if (!keys.items.empty()) return at_line(line, "a slice among several keys is not supported");
        Slice node;
        node.start = std::move(first);
        if (!now().is_op(":") && !now().is_op("]")) {
            weft_ASSIGN(node.stop, expression());
        }
        if (skip_op(":") && !now().is_op("]")) {
            weft_ASSIGN(node.step, expression());
        }
        node.object = std::move(of);
        weft_TRY(expect_op("]"));
        return make(line, std::move(node));
    }
    weft_TRY(expect_op("]"));
    if (keys.items.size() == 1) return make(line, Item{std::move(of), std::move(keys.items[0])});
    weft_ASSIGN(Ref key, make(line, std::move(keys)));
    return make(line, Item{std::move(of), std::move(key)});
}

Parser::Made Parser::call(Ref of) {
    const uint32_t line = now().line;
    weft_ASSIGN(CallArguments with, arguments());
    return make(line, Call{std::move(of), std::move(with)});
}

Result<CallArguments> Parser::arguments() {
    CallArguments out;
    weft_TRY(expect_op("("));
    const auto misplaced = [&] { return at_line(now().line, "this argument cannot stand after the ones before it"); };
    bool first = true;
    while (!now().is_op(")")) {
        if (!first) weft_TRY(expect_op(","));
        if (now().is_op(")")) break;
        first = false;
        if (skip_op("*")) {
            if (out.more_positional || out.more_keyword) return misplaced();
            weft_ASSIGN(out.more_positional, expression());
        } else if (skip_op("**")) {
            if (out.more_keyword) return misplaced();
            weft_ASSIGN(out.more_keyword, expression());
        } else if (now().is(Token::name) && next().is_op("=")) {
            if (out.more_keyword) return misplaced();
            const std::string key = take().text;
            take();
            for (const auto& [other, value] : out.keyword)
                if (other == key) return at_line(now().line, "keyword argument '" + key + "' is given twice");
            weft_ASSIGN(Ref value, expression());
            out.keyword.emplace_back(key, std::move(value));
        } else {
            if (out.more_positional || out.more_keyword || !out.keyword.empty()) return misplaced();
            weft_ASSIGN(Ref value, expression());
            out.positional.push_back(std::move(value));
        }
    }
    weft_TRY(expect_op(")"));
    return out;
}

// One filter after another. The first has its name at once where a filter block begins.
Parser::Made Parser::filters(Ref of, bool first_is_named) {
    while (first_is_named || skip_op("|")) {
        first_is_named = false;
        const uint32_t line = now().line;
        Applied node;
        weft_ASSIGN(node.name, target_name());
        while (skip_op(".")) {
            weft_ASSIGN(const std::string more, target_name());
            node.name += "." + more;
        }
        if (now().is_op("(")) {
            weft_ASSIGN(node.arguments, arguments());
        }
        node.input = std::move(of);
        node.builtin = find_filter(node.name);
        weft_ASSIGN(of, make(line, std::move(node)));
    }
    return of;
}

Parser::Made Parser::test(Ref of) {
    const uint32_t line = take().line;
    const bool negated = skip_name("not");
    Applied node;
    node.is_test = true;
    weft_ASSIGN(node.name, target_name());
    while (skip_op(".")) {
        weft_ASSIGN(const std::string more, target_name());
        node.name += "." + more;
    }
    const bool operand = now().is(Token::name) || now().is(Token::string) || now().is(Token::integer) ||
                         now().is(Token::real) || now().is_op("[") || now().is_op("{");
    if (now().is_op("(")) {
        weft_ASSIGN(node.arguments, arguments());
    } else if (operand && !now().is_name("else") && !now().is_name("or") && !now().is_name("and")) {
        if (now().is_name("is")) return at_line(line, "tests cannot be chained with 'is'");
        weft_ASSIGN(Ref argument, primary());
        weft_ASSIGN(argument, postfix(std::move(argument)));
        node.arguments.positional.push_back(std::move(argument));
    }
    node.input = std::move(of);
    node.builtin = find_test(node.name);
    weft_ASSIGN(Ref made, make(line, std::move(node)));
    if (!negated) return made;
    return make(line, Unary{UnaryOp::logical_not, std::move(made)});
}

} // namespace weft::detail::jinja
