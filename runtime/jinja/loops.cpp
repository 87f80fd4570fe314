// SPDX-License-Identifier: Apache-2.0
#include "jinja/access.hpp"
#include "jinja/objects.hpp"
#include "jinja/operators.hpp"

namespace weft::detail::jinja {

Result<Interpreter::Flow> Interpreter::run(const For& s, const FramePtr& frame) {
    weft_ASSIGN(const Value items, value(s.items, frame));
    return loop(s, frame, items, 0);
}

Result<Interpreter::Flow> Interpreter::loop(const For& s, const FramePtr& frame, const Value& items, uint32_t depth) {
    Nested nested(*this);
    weft_TRY(nested.check());
    weft_ASSIGN(auto all, jinja::iterate(*this, items));
    std::optional<int64_t> length;
    if (s.test) { // filtered as the loop goes on, in a scope of its own
        const FramePtr inside = enter(s.test_scope, frame);
        const Value chosen =
            generator(*this, all->depth(), [&s, inside, all](Interpreter& in, Value& item) -> Result<bool> {
                for (;;) {
                    weft_ASSIGN(const bool more, all->next(in, item));
                    if (!more) return false;
                    weft_TRY(in.step());
                    weft_TRY(in.assign(s.test_target, item, inside));
                    weft_ASSIGN(const Value passes, in.value(s.test, inside));
                    if (truth(passes)) return true;
                }
            });
        all = std::static_pointer_cast<Iterator>(chosen.object());
    } else if (has_length(items)) {
        weft_ASSIGN(length, length_of(items));
    }
    const auto variable = std::make_shared<Loop>(&meter_, s, frame, std::move(all), length, depth);
    bool completed = false;
    auto flow = iterate(s, frame, variable, completed);
    variable->release();
    if (!flow) return flow;
    // Jinja's rule: `else` runs unless a pass reached its end.
    if (!completed) return run(s.otherwise, enter(s.else_scope, frame));
    return Flow::next;
}

Result<Interpreter::Flow> Interpreter::iterate(const For& s, const FramePtr& frame,
                                               const std::shared_ptr<Loop>& variable, bool& completed) {
    for (;;) {
        Value item;
        weft_ASSIGN(const bool more, variable->advance(*this, item));
        if (!more) return Flow::next;
        weft_TRY(step());
        const FramePtr inside = enter(s.scope, frame);
        if (s.loop) inside->slots[*s.loop] = Value(Kind::object, variable);
        weft_TRY(assign(s.target, std::move(item), inside));
        weft_ASSIGN(const Flow flow, run(s.body, inside));
        if (flow == Flow::broken) return Flow::next;
        if (flow == Flow::next) completed = true;
    }
}

Result<Value> Interpreter::recurse(const For& s, const FramePtr& around, const Value& items, uint32_t depth) {
    Buffer buffer(*this);
    weft_TRY(loop(s, around, items, depth));
    return make(buffer.close(), autoescape_);
}

} // namespace weft::detail::jinja
