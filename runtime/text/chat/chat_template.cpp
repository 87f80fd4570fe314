// SPDX-License-Identifier: Apache-2.0
#include "text/chat/chat_template.hpp"
#include "jinja/interpreter.hpp"
#include "jinja/json_input.hpp"
#include "jinja/operators.hpp"
#include "jinja/parser.hpp"
#include "unicode/utf8.hpp"

namespace weft::detail {
namespace {

using namespace jinja;

constexpr const char* kOrigin = "the conversation";

Error malformed_template(const std::string& what) {
    return {ErrorCode::malformed, std::string(kOrigin) + ": " + what, {}};
}

// A message's reasoning has had several names; transformers gives the first that is set under two of them.
Value with_reasoning(Interpreter& in, const Value& message) {
    const Value* reasoning = nullptr;
    for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
        const Value* found = message.dict().find(name);
        if (!reasoning && found && !found->is_none()) reasoning = found;
    }
    if (!reasoning) return message;
    auto made = in.new_dict();
    made->put(in.text("thinking"), *reasoning);
    for (const auto& [key, value] : message.dict().items()) made->put(key, value);
    made->put(in.text("reasoning_content"), *reasoning);
    return in.dict(std::move(made));
}

Result<Value> messages_of(Interpreter& in, const Dict& conversation) {
    const Value* given = conversation.find("messages");
    if (!given || !given->is(Kind::list)) return malformed_template("key 'messages' must be a list");
    std::vector<Value> messages;
    for (const Value& message : given->list().items()) {
        if (!message.is(Kind::dict)) return malformed_template("every message must be an object");
        messages.push_back(with_reasoning(in, message));
    }
    return in.list(std::move(messages));
}

// A list of objects, or None where there is none.
Result<Value> objects_of(const Dict& conversation, const std::string& key) {
    const Value* given = conversation.find(key);
    if (!given || given->is_none()) return Value::none();
    if (!given->is(Kind::list)) return malformed_template("key '" + key + "' must be a list of objects");
    for (const Value& item : given->list().items())
        if (!item.is(Kind::dict)) return malformed_template("key '" + key + "' must be a list of objects");
    return *given;
}

Result<std::shared_ptr<Dict>> variables_of(Interpreter& in, const Dict& conversation, const SpecialTokens& tokens) {
    auto made = in.new_dict();
    for (const auto& [name, token] : tokens) made->put(in.text(name), in.text(token));
    if (const Value* more = conversation.find("kwargs"); more && !more->is_none()) {
        if (!more->is(Kind::dict)) return malformed_template("key 'kwargs' must be an object");
        for (const auto& [key, value] : more->dict().items()) made->put(key, value);
    }
    weft_ASSIGN(const Value messages, messages_of(in, conversation));
    made->put(in.text("messages"), messages);
    for (const char* key : {"tools", "documents"}) {
        weft_ASSIGN(const Value objects, objects_of(conversation, key));
        made->put(in.text(key), objects);
    }
    const Value* prompt = conversation.find("add_generation_prompt");
    made->put(in.text("add_generation_prompt"), prompt ? *prompt : Value::boolean(false));
    return made;
}

} // namespace

void ChatTemplateState::add(const std::string& name, std::string_view source, const std::string& from) {
    Named& named = templates[name];
    named.origin = from;
    named.tree.reset();
    const size_t valid = valid_utf8_prefix(source);
    if (source.size() > kLargestSource) {
        named.error = {
            ErrorCode::unsupported, from + ": larger than " + std::to_string(kLargestSource >> 20) + " MiB", {}};
    } else if (valid < source.size()) {
        named.error = {ErrorCode::malformed, from + ": invalid UTF-8 at byte " + std::to_string(valid), {}};
    } else if (auto tree = parse_template(source)) {
        named.tree = std::move(*tree);
    } else {
        named.error = {ErrorCode::malformed, from + ": " + tree.error().message, {}};
    }
}

Result<const ChatTemplateState::Named*> ChatTemplateState::choose(bool has_tools) const {
    auto it = templates.find(!chosen.empty()                               ? chosen
                             : has_tools && templates.contains("tool_use") ? "tool_use"
                                                                           : "default");
    if (it == templates.end() && chosen.empty() && templates.size() == 1) it = templates.begin();
    if (it == templates.end()) {
        Error error{ErrorCode::invalid_argument,
                    origin + ": there is no template named '" + (chosen.empty() ? "default" : chosen) + "'; there are:",
                    {}};
        for (const auto& [name, named] : templates) error.reasons.push_back(name);
        return error;
    }
    if (!it->second.tree) return it->second.error;
    return &it->second;
}

Result<std::string> render_chat(const ChatTemplateState& state, std::string_view conversation,
                                const ChatRenderOptions& options) {
    Clock clock;
    if (options.now.empty()) {
        clock = Clock::now();
    } else {
        weft_ASSIGN(clock, Clock::parse(options.now));
    }
    const size_t valid = valid_utf8_prefix(conversation);
    if (valid < conversation.size()) return malformed_template("invalid UTF-8 at byte " + std::to_string(valid));

    // Values belong to the interpreter, and which template it is depends on them: they are read once to know.
    static const Template kEmpty;
    Interpreter reader(kEmpty, state.limits, clock);
    weft_ASSIGN(const Value given, read_json(reader, conversation, kOrigin));
    if (!given.is(Kind::dict)) return malformed_template("it must be an object with 'messages'");
    const Value* tools = given.dict().find("tools");
    weft_ASSIGN(const ChatTemplateState::Named* named, state.choose(tools && !tools->is_none()));

    Interpreter in(*named->tree, state.limits, clock);
    weft_ASSIGN(const auto variables, variables_of(in, given.dict(), state.tokens));
    auto text = in.render(*variables);
    if (text) return text;
    Error error = std::move(text).error();
    const std::string place = named->origin + ": line " + std::to_string(in.line());
    if (in.raised()) error.reasons.push_back(place + " refuses the conversation");
    else error.message = place + ": " + error.message;
    return error;
}

} // namespace weft::detail

namespace weft {
using namespace detail;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, SpecialTokens tokens, const std::string& origin) try {
    auto state = std::make_shared<ChatTemplateState>();
    state->origin = origin;
    state->tokens = std::move(tokens);
    state->add("default", source, origin);
    weft_TRY(state->choose(false));
    return ChatTemplate(std::move(state));
}
weft_CATCH

Result<std::string> ChatTemplate::render(std::string_view conversation, const ChatRenderOptions& options) const try {
    return render_chat(*state_, conversation, options);
}
weft_CATCH

const SpecialTokens& ChatTemplate::tokens() const { return state_->tokens; }

std::vector<std::string> ChatTemplate::names() const {
    std::vector<std::string> names;
    for (const auto& [name, named] : state_->templates) names.push_back(name);
    return names;
}

} // namespace weft
