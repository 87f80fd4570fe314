// SPDX-License-Identifier: Apache-2.0
#include "jinja/objects.hpp"

namespace weft::detail::jinja {

Value Interpreter::define(const MacroBody& macro, const FramePtr& frame) {
    keep(frame); // it may refer back to the macro
    return object<Macro>(macro, frame);
}

Result<Interpreter::Flow> Interpreter::run(const DefineMacro& s, const FramePtr& frame) {
    weft_TRY(assign(s.target, define(s.macro, frame), frame));
    return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run(const CallBlock& s, const FramePtr& frame) {
    weft_ASSIGN(const Value result, call(std::get<Call>(s.call->node), frame, define(s.caller, frame)));
    weft_TRY(write(result));
    return Flow::next;
}

Result<Value> Interpreter::call_macro(const MacroBody& macro, const FramePtr& around, Arguments arguments) {
    Nested nested(*this);
    weft_TRY(nested.check());
    const std::string name = "macro '" + macro.name + "'";
    const FramePtr frame = enter(macro.scope, around);
    const size_t wanted = macro.parameters.size(), given = arguments.positional.size();
    const auto take = [&](std::string_view key) -> std::optional<Value> {
        for (auto it = arguments.keyword.begin(); it != arguments.keyword.end(); ++it) {
            if (it->first != key) continue;
            Value found = std::move(it->second);
            arguments.keyword.erase(it);
            return found;
        }
        return std::nullopt;
    };
    for (size_t i = 0; i < wanted; ++i) {
        const auto& parameter = macro.parameters[i];
        if (i < given) frame->slots[parameter.slot] = arguments.positional[i];
        else frame->slots[parameter.slot] = take(parameter.name).value_or(Value());
    }
    if (macro.caller) {
        auto caller = take("caller");
        frame->slots[*macro.caller] =
            caller && !caller->is_none() ? std::move(*caller) : undefined("No caller defined");
    }
    if (macro.kwargs) {
        auto rest = new_dict();
        for (auto& [key, value] : arguments.keyword) rest->put(text(key), std::move(value));
        frame->slots[*macro.kwargs] = dict(std::move(rest));
    } else if (!arguments.keyword.empty()) {
        const std::string& key = arguments.keyword[0].first;
        if (key == "caller") return failure(name + " was invoked with two values for the special caller argument");
        return failure(name + " takes no keyword argument '" + key + "'");
    }
    if (macro.varargs) {
        std::vector<Value> rest;
        if (given > wanted) rest.assign(arguments.positional.begin() + ptrdiff_t(wanted), arguments.positional.end());
        frame->slots[*macro.varargs] = tuple(std::move(rest));
    } else if (given > wanted) {
        return failure(name + " takes not more than " + std::to_string(wanted) + " argument(s)");
    }
    Buffer buffer(*this);
    for (const auto& parameter : macro.parameters) {
        Value& slot = frame->slots[parameter.slot];
        if (!slot.is_missing()) continue;
        if (!parameter.value) {
            slot = undefined("parameter '" + parameter.name + "' was not provided");
            continue;
        }
        weft_ASSIGN(Value result, value(parameter.value, frame));
        frame->slots[parameter.slot] = std::move(result);
    }
    weft_TRY(run(macro.body, frame));
    return make(buffer.close(), autoescape_);
}

} // namespace weft::detail::jinja
