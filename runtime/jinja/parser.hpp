// SPDX-License-Identifier: Apache-2.0
// L0: from tokens to the tree, by Jinja's grammar.
#pragma once
#include "jinja/lexer.hpp"
#include "jinja/tree.hpp"

namespace weft::detail::jinja {

/// Parses a template and binds its names. Messages begin with "line N: ".
Result<Template> parse_template(std::string_view source);

/// Recursive descent over the tokens; statements in parse_statements.cpp, expressions in parse_expressions.cpp.
class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
    Result<Body> all();

private:
    using Made = Result<Ref>;

    // Statements.
    Result<Body> body_until(std::initializer_list<std::string_view> ends); // ends before the tag's name
    Result<Body> block_body(std::initializer_list<std::string_view> ends); // the same from the block's end on
    Result<Body> block_body_to(std::string_view end);                      // and past the tag's name
    Result<Statement> statement();
    Result<Statement> parse_for();
    Result<Statement> parse_if();
    Result<Statement> parse_set();
    Result<Statement> parse_macro();
    Result<Statement> parse_call_block();
    Result<Statement> parse_with();
    Result<Statement> parse_block();
    Status parse_parameters(MacroBody& macro);
    Result<Target> target(bool with_namespace);
    Result<Target> one_target(bool with_namespace);
    Result<std::string> target_name();

    // Expressions, from the loosest operator to the tightest.
    Made expression() { return conditional(); }
    Made tuple(bool with_conditional, bool parentheses = false);
    Made conditional();
    Made disjunction();
    Made conjunction();
    Made negation();
    Made comparison();
    Made sum();
    Made concatenation();
    Made product();
    Made power();
    Made unary(bool with_filter);
    Made primary();
    Made list();
    Made mapping();
    Made postfix(Ref of);
    Made filters_and_tests(Ref of);
    Made subscript(Ref of);
    Made slice_or_item(Ref of);
    Made call(Ref of);
    Made filters(Ref of, bool first_is_named);
    Made test(Ref of);
    Result<CallArguments> arguments();

    const Token& now() const { return tokens_[at_]; }
    const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
    const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
    bool skip_op(std::string_view symbol);
    bool skip_name(std::string_view word);
    Status expect(Token::Kind kind);
    Status expect_op(std::string_view symbol);
    Status expect_name(std::string_view word);
    Error unexpected(const std::string& wanted) const;
    bool at_tuple_end() const;

    template <class Node>
    Made make(uint32_t line, Node node);
    Status deeper();

    // One level of the descent.
    struct Level {
        explicit Level(Parser& parser) : parser(parser) { ++parser.depth_; }
        ~Level() { --parser.depth_; }
        Parser& parser;
    };

    std::vector<Token> tokens_;
    size_t at_ = 0;
    uint32_t depth_ = 0, loops_ = 0;
};

} // namespace weft::detail::jinja
