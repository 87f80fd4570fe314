// SPDX-License-Identifier: Apache-2.0
#include "jinja/parser.hpp"
#include "jinja/scopes.hpp"
#include <algorithm>
#include <utility>

namespace weft::detail::jinja {
namespace {

bool is_call(const Ref& e) { return std::holds_alternative<Call>(e->node); }

template <class Node>
Result<Statement> finish(uint32_t line, Node node) {
    Statement statement;
    statement.line = line;
    statement.node = std::move(node);
    return statement;
}

} // namespace

bool Parser::skip_op(std::string_view symbol) {
    if (!now().is_op(symbol)) return false;
    take();
    return true;
}

bool Parser::skip_name(std::string_view word) {
    if (!now().is_name(word)) return false;
    take();
    return true;
}

Error Parser::unexpected(const std::string& wanted) const {
    return at_line(now().line, "expected " + wanted + ", got " + now().described());
}

Status Parser::expect(Token::Kind kind) {
    Token wanted;
    wanted.kind = kind;
    if (!now().is(kind)) return unexpected(wanted.described());
    take();
    return Ok{};
}

Status Parser::expect_op(std::string_view symbol) {
    if (!skip_op(symbol)) return unexpected("'" + std::string(symbol) + "'");
    return Ok{};
}

Status Parser::expect_name(std::string_view word) {
    if (!skip_name(word)) return unexpected("'" + std::string(word) + "'");
    return Ok{};
}

Result<std::string> Parser::target_name() {
    if (!now().is(Token::name)) return unexpected("a name");
    return take().text;
}

Result<Body> Parser::all() {
    weft_ASSIGN(Body body, body_until({}));
    return body;
}

// Statements up to a tag with one of these names, of which "{%" is read and the name is next;
// without names, to the template's end.
Result<Body> Parser::body_until(std::initializer_list<std::string_view> ends) {
    Level level(*this);
    weft_TRY(deeper());
    const uint32_t begin = now().line;
    Body body;
    for (;;) {
        const uint32_t line = now().line;
        switch (now().kind) {
        case Token::end:
            if (ends.size() == 0) return body;
            return at_line(begin, "this block has no '" + std::string(*(ends.end() - 1)) + "'");
        case Token::data: {
            weft_ASSIGN(Statement text, finish(line, Text{take().text}));
            body.push_back(std::move(text));
            break;
        }
        case Token::variable_begin: {
            take();
            Output output;
            weft_ASSIGN(Ref value, tuple(true));
            weft_TRY(expect(Token::variable_end));
            output.values.push_back(std::move(value));
            weft_ASSIGN(Statement made, finish(line, std::move(output)));
            body.push_back(std::move(made));
            break;
        }
        default: {
            weft_TRY(expect(Token::block_begin));
            for (const std::string_view end : ends)
                if (now().is_name(end)) return body;
            weft_ASSIGN(Statement made, statement());
            weft_TRY(expect(Token::block_end));
            body.push_back(std::move(made));
        }
        }
    }
}

Result<Body> Parser::block_body(std::initializer_list<std::string_view> ends) {
    skip_op(":");
    weft_TRY(expect(Token::block_end));
    return body_until(ends);
}

Result<Body> Parser::block_body_to(std::string_view end) {
    weft_ASSIGN(Body body, block_body({end}));
    take();
    return body;
}

Result<Statement> Parser::statement() {
    if (!now().is(Token::name)) return unexpected("the name of a tag");
    const uint32_t line = now().line;
    const std::string tag = now().text;
    if (tag == "for") return parse_for();
    if (tag == "if") return parse_if();
    if (tag == "set") return parse_set();
    if (tag == "macro") return parse_macro();
    if (tag == "call") return parse_call_block();
    if (tag == "with") return parse_with();
    if (tag == "block" || tag == "generation") return parse_block();
    take();
    if (tag == "filter") {
        FilterBlock node;
        weft_ASSIGN(node.filter, filters(nullptr, true));
        weft_ASSIGN(node.body, block_body_to("endfilter"));
        return finish(line, std::move(node));
    }
    if (tag == "autoescape") {
        Autoescape node;
        weft_ASSIGN(node.on, expression());
        weft_ASSIGN(node.body, block_body_to("endautoescape"));
        return finish(line, std::move(node));
    }
    if (tag == "print") {
        Output node;
        while (!now().is(Token::block_end)) {
            if (!node.values.empty()) weft_TRY(expect_op(","));
            weft_ASSIGN(Ref value, expression());
            node.values.push_back(std::move(value));
        }
        return finish(line, std::move(node));
    }
    if (tag == "break" || tag == "continue") {
        if (loops_ == 0) return at_line(line, "'" + tag + "' outside a loop");
        return finish(line, Jump{tag == "break"});
    }
    if (tag == "include" || tag == "import" || tag == "from" || tag == "extends")
        return at_line(line, "'" + tag + "' is refused: a chat template may not read other files");
    return at_line(line, "unknown tag '" + tag + "'");
}

Result<Statement> Parser::parse_for() {
    const uint32_t line = take().line;
    For node;
    weft_ASSIGN(node.target, target(false));
    node.test_target = node.target;
    weft_TRY(expect_name("in"));
    weft_ASSIGN(node.items, tuple(false));
    if (skip_name("if")) {
        weft_ASSIGN(node.test, expression());
    }
    node.recursive = skip_name("recursive");
    ++loops_;
    auto body = block_body({"endfor", "else"});
    --loops_;
    if (!body) return std::move(body).error();
    node.body = std::move(*body);
    if (take().text == "else") {
        weft_ASSIGN(node.otherwise, block_body_to("endfor"));
    }
    return finish(line, std::move(node));
}

Result<Statement> Parser::parse_if() {
    const uint32_t line = now().line;
    If node;
    for (std::string tag = "elif"; tag == "elif";) {
        take();
        weft_ASSIGN(Ref test, tuple(false));
        weft_ASSIGN(Body body, block_body({"elif", "else", "endif"}));
        node.branches.emplace_back(std::move(test), std::move(body));
        tag = now().text;
    }
    if (take().text == "else") {
        weft_ASSIGN(node.otherwise, block_body_to("endif"));
    }
    return finish(line, std::move(node));
}

Result<Statement> Parser::parse_set() {
    const uint32_t line = take().line;
    weft_ASSIGN(Target to, target(true));
    if (skip_op("=")) {
        Set node{std::move(to), nullptr};
        weft_ASSIGN(node.value, tuple(true));
        return finish(line, std::move(node));
    }
    SetBlock node;
    node.target = std::move(to);
    weft_ASSIGN(node.filter, filters(nullptr, false));
    weft_ASSIGN(node.body, block_body_to("endset"));
    return finish(line, std::move(node));
}

Status Parser::parse_parameters(MacroBody& macro) {
    weft_TRY(expect_op("("));
    while (!now().is_op(")")) {
        if (!macro.parameters.empty()) weft_TRY(expect_op(","));
        MacroBody::Parameter parameter;
        weft_ASSIGN(parameter.name, target_name());
        if (skip_op("=")) {
            weft_ASSIGN(parameter.value, expression());
        } else if (!macro.parameters.empty() && macro.parameters.back().value) {
            return at_line(now().line, "a parameter without a default follows one with a default");
        }
        for (const auto& other : macro.parameters)
            if (other.name == parameter.name)
                return at_line(now().line, "parameter '" + parameter.name + "' is named twice");
        macro.parameters.push_back(std::move(parameter));
    }
    return expect_op(")");
}

Result<Statement> Parser::parse_macro() {
    const uint32_t line = take().line;
    DefineMacro node;
    node.target.line = now().line;
    weft_ASSIGN(node.target.name, target_name());
    node.macro.name = node.target.name;
    weft_TRY(parse_parameters(node.macro));
    const uint32_t around = std::exchange(loops_, 0); // a loop around the macro is not one to leave
    auto body = block_body_to("endmacro");
    loops_ = around;
    if (!body) return std::move(body).error();
    node.macro.body = std::move(*body);
    return finish(line, std::move(node));
}

Result<Statement> Parser::parse_call_block() {
    const uint32_t line = take().line;
    CallBlock node;
    if (now().is_op("(")) weft_TRY(parse_parameters(node.caller));
    weft_ASSIGN(node.call, expression());
    if (!is_call(node.call)) return at_line(line, "a call block wants a call");
    const uint32_t around = std::exchange(loops_, 0);
    auto body = block_body_to("endcall");
    loops_ = around;
    if (!body) return std::move(body).error();
    node.caller.body = std::move(*body);
    return finish(line, std::move(node));
}

Result<Statement> Parser::parse_with() {
    const uint32_t line = take().line;
    With node;
    while (!now().is(Token::block_end) && !now().is_op(":")) {
        if (!node.values.empty()) weft_TRY(expect_op(","));
        weft_ASSIGN(Target to, target(false));
        weft_TRY(expect_op("="));
        weft_ASSIGN(Ref value, expression());
        node.values.emplace_back(std::move(to), std::move(value));
    }
    weft_ASSIGN(node.body, block_body_to("endwith"));
    return finish(line, std::move(node));
}

Result<Statement> Parser::parse_block() {
    const uint32_t line = now().line;
    Block node;
    std::string name;
    const bool generation = take().text == "generation";
    if (!generation) {
        weft_ASSIGN(name, target_name());
        node.isolated = !skip_name("scoped");
        skip_name("required");
    }
    const uint32_t around = std::exchange(loops_, 0);
    auto body = block_body_to(generation ? "endgeneration" : "endblock");
    loops_ = around;
    if (!body) return std::move(body).error();
    node.body = std::move(*body);
    if (!generation) skip_name(name);
    return finish(line, std::move(node));
}

Result<Target> Parser::one_target(bool with_namespace) {
    Target out;
    out.line = now().line;
    if (skip_op("(")) {
        weft_ASSIGN(out, target(with_namespace));
        weft_TRY(expect_op(")"));
        return out;
    }
    weft_ASSIGN(out.name, target_name());
    for (const std::string_view word : {"true", "false", "none", "True", "False", "None"})
        if (out.name == word) return at_line(out.line, "cannot assign to '" + out.name + "'");
    if (with_namespace && skip_op(".")) {
        weft_ASSIGN(out.attribute, target_name());
    }
    return out;
}

// One target, or several with commas between them.
Result<Target> Parser::target(bool with_namespace) {
    Level level(*this);
    weft_TRY(deeper());
    Target all;
    all.line = now().line;
    all.is_tuple = true;
    bool has_comma = false;
    do {
        if (has_comma && (now().is_name("in") || now().is_op("=") || now().is_op(")") || now().is(Token::block_end)))
            break;
        weft_ASSIGN(Target one, one_target(with_namespace));
        all.parts.push_back(std::move(one));
        has_comma = has_comma || now().is_op(",");
    } while (skip_op(","));
    if (!has_comma) return std::move(all.parts[0]);
    return all;
}

Result<Template> parse_template(std::string_view source) {
    weft_ASSIGN(std::vector<Token> tokens, tokenize(source));
    Template made;
    weft_ASSIGN(made.body, Parser(std::move(tokens)).all());
    weft_TRY(bind_names(made));
    return made;
}

} // namespace weft::detail::jinja
