// SPDX-License-Identifier: Apache-2.0
#include "jinja/scopes.hpp"
#include "jinja/lexer.hpp"
#include "jinja/walk.hpp"
#include <algorithm>

namespace weft::detail::jinja {
namespace {

// The names of one scope while it is planned.
class Names {
public:
    Names(Scope& scope, const Names* around) : scope_(scope), around_(around) {}

    uint32_t declare(const std::string& name) { return add(name, {SlotPlan::missing, name, {}}); }

    void load(const std::string& name) {
        if (!find(name)) add(name, {SlotPlan::context, name, {}});
    }

    // A name assigned here hides one of the same name around, but begins as it. One assigned only
    // under a condition may also be the context's.
    void store(const std::string& name, bool in_condition) {
        if (own_.contains(name)) return;
        const auto outer = around_ ? around_->find(name) : std::nullopt;
        add(name, {outer          ? SlotPlan::copy
                   : in_condition ? SlotPlan::context
                                  : SlotPlan::missing,
                   name, outer.value_or(Slot{})});
    }

    std::optional<Slot> find(const std::string& name) const {
        uint32_t up = 0;
        for (const Names* names = this; names; names = names->around_, ++up)
            if (const auto it = names->own_.find(name); it != names->own_.end()) return Slot{up, it->second};
        return std::nullopt;
    }

private:
    uint32_t add(const std::string& name, SlotPlan plan) {
        const auto [it, is_new] = own_.try_emplace(name, uint32_t(scope_.slots.size()));
        if (is_new) scope_.slots.push_back(std::move(plan));
        return it->second;
    }

    Scope& scope_;
    const Names* around_;
    std::unordered_map<std::string, uint32_t> own_;
};

void load_all(Names& names, Expression& e) {
    if (const Name* name = std::get_if<Name>(&e.node)) names.load(name->name);
    for_each_child(e, [&](Expression& child) { load_all(names, child); });
}

void load_all(Names& names, const Ref& e) {
    if (e) load_all(names, *e);
}

void store_all(Names& names, const Target& target, bool in_condition) {
    for (const Target& part : target.parts) store_all(names, part, in_condition);
    if (target.is_tuple) return;
    if (target.attribute.empty()) names.store(target.name, in_condition);
    else names.load(target.name);
}

void declare_all(Names& names, const Target& target) {
    for (const Target& part : target.parts) declare_all(names, part);
    if (!target.is_tuple) names.declare(target.name);
}

// The names that statements use in the scope they stand in; what has a scope of its own is left out.
void use(Names& names, Body& body, bool in_condition = false) {
    for (Statement& statement : body) {
        std::visit(Overloaded{
                       [](Text&) {},
                       [](Jump&) {},
                       [](Autoescape&) {},
                       [](Block&) {},
                       [&](Output& s) {
                           for (const Ref& value : s.values) load_all(names, value);
                       },
                       [&](If& s) {
                           for (auto& [test, then] : s.branches) {
                               load_all(names, test);
                               use(names, then, true);
                           }
                           use(names, s.otherwise, true);
                       },
                       [&](For& s) { load_all(names, s.items); },
                       [&](Set& s) {
                           load_all(names, s.value);
                           store_all(names, s.target, in_condition);
                       },
                       [&](SetBlock& s) { store_all(names, s.target, in_condition); },
                       [&](DefineMacro& s) { store_all(names, s.target, in_condition); },
                       [&](CallBlock& s) { load_all(names, s.call); },
                       [&](FilterBlock& s) { load_all(names, s.filter); },
                       [&](With& s) {
                           for (auto& [to, value] : s.values) load_all(names, value);
                       },
                   },
                   statement.node);
    }
}

bool mentions(Expression& e, std::string_view name) {
    if (const Name* n = std::get_if<Name>(&e.node)) return n->name == name;
    bool found = false;
    for_each_child(e, [&](Expression& child) { found = found || mentions(child, name); });
    return found;
}

// Whether a name stands anywhere in these statements, however deep.
bool mentions(Body& body, std::string_view name) {
    bool found = false;
    for (Statement& statement : body)
        for_each_part(
            statement, [&](Expression& e) { found = found || mentions(e, name); },
            [&](Body& inner) { found = found || mentions(inner, name); });
    return found;
}

class Binder {
public:
    bool has_isolated = false; ///< a block outside the scopes around it was met

    Status body(const Names& names, Body& statements, bool soft = false) {
        for (Statement& statement : statements)
            weft_TRY(std::visit([&](auto& s) { return bind(names, s, soft); }, statement.node));
        return Ok{};
    }

private:
    // `soft`: under a condition, where an unknown filter is an error only once it runs.
    Status expression(const Names& names, Expression& e, bool soft) {
        if (Name* name = std::get_if<Name>(&e.node)) name->slot = names.find(name->name).value_or(Slot{});
        if (const Applied* applied = std::get_if<Applied>(&e.node); applied && !applied->builtin && !soft)
            return at_line(e.line, std::string("no ") + (applied->is_test ? "test" : "filter") + " named '" +
                                       applied->name + "'");
        const bool softly = soft || std::holds_alternative<Conditional>(e.node);
        Status status = Ok{};
        for_each_child(e, [&](Expression& child) {
            if (status) status = expression(names, child, softly);
        });
        return status;
    }
    Status expression(const Names& names, const Ref& e, bool soft) {
        return e ? expression(names, *e, soft) : Status(Ok{});
    }

    void target(const Names& names, Target& to) {
        for (Target& part : to.parts) target(names, part);
        if (!to.is_tuple) to.slot = names.find(to.name).value_or(Slot{});
    }

    Status macro(const Names& around, MacroBody& m) {
        Names names(m.scope, &around);
        for (auto& parameter : m.parameters) parameter.slot = names.declare(parameter.name);
        for (const auto& [name, slot] :
             {std::pair("caller", &m.caller), std::pair("varargs", &m.varargs), std::pair("kwargs", &m.kwargs)}) {
            const bool is_parameter =
                std::any_of(m.parameters.begin(), m.parameters.end(),
                            [&, wanted = std::string_view(name)](const auto& p) { return p.name == wanted; });
            if (!is_parameter && mentions(m.body, name)) *slot = names.declare(name);
        }
        for (const auto& parameter : m.parameters) load_all(names, parameter.value);
        use(names, m.body);
        for (const auto& parameter : m.parameters) weft_TRY(expression(names, parameter.value, false));
        return body(names, m.body);
    }

    Status bind(const Names&, Text&, bool) { return Ok{}; }
    Status bind(const Names&, Jump&, bool) { return Ok{}; }

    Status bind(const Names& names, Output& s, bool soft) {
        for (const Ref& value : s.values) weft_TRY(expression(names, value, soft));
        return Ok{};
    }

    Status bind(const Names& names, If& s, bool) {
        for (auto& [test, then] : s.branches) {
            weft_TRY(expression(names, test, true));
            weft_TRY(body(names, then, true));
        }
        return body(names, s.otherwise, true);
    }

    Status bind(const Names& names, For& s, bool soft) {
        weft_TRY(expression(names, s.items, soft));
        Names inside(s.scope, &names), test(s.test_scope, &names), otherwise(s.else_scope, &names);
        if (s.recursive || mentions(s.body, "loop")) s.loop = inside.declare("loop");
        declare_all(inside, s.target);
        use(inside, s.body);
        target(inside, s.target);
        if (s.test) {
            declare_all(test, s.test_target);
            load_all(test, s.test);
            target(test, s.test_target);
            weft_TRY(expression(test, s.test, false));
        }
        use(otherwise, s.otherwise);
        weft_TRY(body(inside, s.body));
        return body(otherwise, s.otherwise);
    }

    Status bind(const Names& names, Set& s, bool soft) {
        target(names, s.target);
        return expression(names, s.value, soft);
    }

    Status bind(const Names& names, SetBlock& s, bool) {
        target(names, s.target);
        return inner(&names, s.scope, s.body, s.filter);
    }

    Status bind(const Names& names, DefineMacro& s, bool) {
        target(names, s.target);
        return macro(names, s.macro);
    }

    Status bind(const Names& names, CallBlock& s, bool soft) {
        weft_TRY(expression(names, s.call, soft));
        return macro(names, s.caller);
    }

    Status bind(const Names& names, FilterBlock& s, bool) { return inner(&names, s.scope, s.body, s.filter); }
    Status bind(const Names& names, Autoescape& s, bool) { return inner(&names, s.scope, s.body, s.on); }

    Status bind(const Names& names, Block& s, bool) {
        static const Ref none;
        has_isolated = has_isolated || s.isolated;
        return inner(s.isolated ? nullptr : &names, s.scope, s.body, none);
    }

    Status bind(const Names& names, With& s, bool soft) {
        Names inside(s.scope, &names);
        for (auto& [to, value] : s.values) {
            weft_TRY(expression(names, value, soft));
            declare_all(inside, to);
            target(inside, to);
        }
        use(inside, s.body);
        return body(inside, s.body);
    }

    // A body with a scope of its own, and an expression that belongs to it.
    Status inner(const Names* around, Scope& scope, Body& statements, const Ref& with) {
        Names names(scope, around);
        load_all(names, with);
        use(names, statements);
        weft_TRY(expression(names, with, false));
        return body(names, statements);
    }
};

} // namespace

Status bind_names(Template& tree) {
    Names names(tree.scope, nullptr);
    use(names, tree.body);
    Binder binder;
    weft_TRY(binder.body(names, tree.body));
    if (binder.has_isolated) {
        for (uint32_t i = 0; i < tree.scope.slots.size(); ++i) tree.exported.emplace(tree.scope.slots[i].name, i);
    }
    return Ok{};
}

} // namespace weft::detail::jinja
