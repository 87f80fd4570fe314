// SPDX-License-Identifier: Apache-2.0
// L0: walking over a tree: what lies directly below an expression, and the names in it.
#pragma once
#include "jinja/tree.hpp"
#include <algorithm>

namespace weft::detail::jinja {

template <class... Each>
struct Overloaded : Each... {
    using Each::operator()...;
};
template <class... Each>
Overloaded(Each...) -> Overloaded<Each...>;

template <class Visit>
void for_each_argument(CallArguments& arguments, const Visit& visit) {
    for (Ref& value : arguments.positional) visit(*value);
    for (auto& [key, value] : arguments.keyword) visit(*value);
    if (arguments.more_positional) visit(*arguments.more_positional);
    if (arguments.more_keyword) visit(*arguments.more_keyword);
}

/// Calls `visit` with every expression directly below `of`.
template <class Visit>
void for_each_child(Expression& of, const Visit& visit) {
    const auto each = [&](Ref& child) {
        if (child) visit(*child);
    };
    std::visit(Overloaded{
                   [](Literal&) {},
                   [](Name&) {},
                   [&](Sequence& e) { std::for_each(e.items.begin(), e.items.end(), each); },
                   [&](Mapping& e) {
                       for (auto& [key, value] : e.items) {
                           visit(*key);
                           visit(*value);
                       }
                   },
                   [&](Unary& e) { each(e.operand); },
                   [&](Binary& e) {
                       each(e.left);
                       each(e.right);
                   },
                   [&](Logical& e) {
                       each(e.left);
                       each(e.right);
                   },
                   [&](Comparison& e) {
                       each(e.first);
                       for (auto& [op, value] : e.rest) visit(*value);
                   },
                   [&](Concatenation& e) { std::for_each(e.parts.begin(), e.parts.end(), each); },
                   [&](Conditional& e) {
                       each(e.test);
                       each(e.then);
                       each(e.otherwise);
                   },
                   [&](Attribute& e) { each(e.object); },
                   [&](Item& e) {
                       each(e.object);
                       each(e.key);
                   },
                   [&](Slice& e) {
                       each(e.object);
                       each(e.start);
                       each(e.stop);
                       each(e.step);
                   },
                   [&](Call& e) {
                       each(e.callee);
                       for_each_argument(e.arguments, visit);
                   },
                   [&](Applied& e) {
                       each(e.input);
                       for_each_argument(e.arguments, visit);
                   },
               },
               of.node);
}

/// Calls `expression` with every expression of a statement itself and `body` with every list of statements in it.
template <class OnExpression, class OnBody>
void for_each_part(Statement& of, const OnExpression& expression, const OnBody& body) {
    const auto each = [&](Ref& e) {
        if (e) expression(*e);
    };
    const auto macro = [&](MacroBody& m) {
        for (auto& parameter : m.parameters) each(parameter.value);
        body(m.body);
    };
    std::visit(Overloaded{
                   [](Text&) {},
                   [](Jump&) {},
                   [&](Output& s) { std::for_each(s.values.begin(), s.values.end(), each); },
                   [&](If& s) {
                       for (auto& [test, then] : s.branches) {
                           expression(*test);
                           body(then);
                       }
                       body(s.otherwise);
                   },
                   [&](For& s) {
                       each(s.items);
                       each(s.test);
                       body(s.body);
                       body(s.otherwise);
                   },
                   [&](Set& s) { each(s.value); },
                   [&](SetBlock& s) {
                       each(s.filter);
                       body(s.body);
                   },
                   [&](DefineMacro& s) { macro(s.macro); },
                   [&](CallBlock& s) {
                       each(s.call);
                       macro(s.caller);
                   },
                   [&](FilterBlock& s) {
                       each(s.filter);
                       body(s.body);
                   },
                   [&](With& s) {
                       for (auto& [to, value] : s.values) each(value);
                       body(s.body);
                   },
                   [&](Autoescape& s) {
                       each(s.on);
                       body(s.body);
                   },
                   [&](Block& s) { body(s.body); },
               },
               of.node);
}

} // namespace weft::detail::jinja
