// SPDX-License-Identifier: Apache-2.0
// Conversations as files.
#include "base/base64.hpp"
#include "base/json.hpp"
#include "pipelines/chat_state.hpp"

namespace weft::detail {
namespace {

using OrderedJson = nlohmann::ordered_json;
constexpr int kVersion = 1;

Result<std::vector<Picture>> read_pictures(const JsonObject& message) {
    std::vector<Picture> all;
    if (!message.has("pictures")) return all;
    const Json& list = message.json()["pictures"];
    if (!list.is_array()) return message.bad("pictures", "must be a list");
    for (const Json& given : list) {
        const std::string where = message.origin() + ": picture " + std::to_string(all.size() + 1);
        if (!given.is_object()) return Error{ErrorCode::malformed, where + ": must be an object", {}};
        const JsonObject o(given, where);
        weft_ASSIGN(const std::string name, o.string_or("name", ""));
        weft_ASSIGN(const std::string png, o.string("png"));
        const auto bytes = from_base64(png);
        if (!bytes) return o.bad("png", "must be base64");
        weft_ASSIGN(Picture picture, Picture::decode(std::as_bytes(std::span(*bytes)), where));
        picture.name = name;
        all.push_back(std::move(picture));
    }
    return all;
}

} // namespace

// What a conversation's tokens must have in common with a model to be its own.
std::string ChatState::model_name() const {
    const Schedule& s = state_.schedule();
    return s.architecture + "/" + std::to_string(s.parameters()) + "/" + std::to_string(s.vocabulary);
}

Result<std::string> ChatState::save() const {
    bool shown = false;
    auto messages = OrderedJson::array();
    for (const ChatMessage& m : messages_) {
        OrderedJson message{{"role", m.role}, {"content", m.content}};
        if (!m.reasoning.empty()) message["reasoning_content"] = m.reasoning;
        for (const Picture& picture : m.pictures) {
            shown = true;
            weft_ASSIGN(const std::vector<std::byte> png, picture.png());
            message["pictures"].push_back({{"name", picture.name}, {"png", to_base64(png)}});
        }
        messages.push_back(std::move(message));
    }
    OrderedJson file{{"weft_chat", kVersion}, {"system", options_.system}, {"messages", std::move(messages)}};
    if (!shown) { // numbers of pictures are this conversation's alone
        const auto said = render(messages_, false);
        OrderedJson state = memory_.to_json(said ? *said : "");
        state["model"] = model_name();
        file["state"] = std::move(state);
    }
    return file.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Status ChatState::load(std::string_view json, const std::string& origin) {
    if (turn_) return Error{ErrorCode::invalid_argument, "the last question is still being answered", {}};
    weft_ASSIGN(const Json file, parse_json(json, origin));
    if (!file.is_object()) return Error{ErrorCode::malformed, origin + ": must be an object", {}};
    const JsonObject o(file, origin);
    weft_ASSIGN(const int64_t version, o.integer("weft_chat"));
    if (version != kVersion)
        return Error{ErrorCode::unsupported, origin + ": key 'weft_chat' must be " + std::to_string(kVersion), {}};
    weft_ASSIGN(std::string system, o.string_or("system", ""));
    if (!o.has("messages") || !file["messages"].is_array()) return o.bad("messages", "must be a list of messages");
    std::vector<ChatMessage> messages;
    for (const Json& given : file["messages"]) {
        const std::string where = origin + ": message " + std::to_string(messages.size() + 1);
        if (!given.is_object()) return Error{ErrorCode::malformed, where + ": must be an object", {}};
        const JsonObject m(given, where);
        ChatMessage message;
        weft_ASSIGN(message.role, m.string("role"));
        weft_ASSIGN(message.content, m.string("content"));
        weft_ASSIGN(message.reasoning, m.string_or("reasoning_content", ""));
        weft_ASSIGN(message.pictures, read_pictures(m));
        if (message.role != (messages.size() % 2 ? "assistant" : "user"))
            return m.bad("role", "must be 'user' and 'assistant' in turn");
        messages.push_back(std::move(message));
    }
    if (messages.size() % 2)
        return Error{ErrorCode::malformed, origin + ": the last message must be the assistant's", {}};
    options_.system = std::move(system);
    messages_ = std::move(messages);
    memory_.clear();
    session_->reset(0);
    // Tokens of another model, or none: the messages are then read as any text.
    if (const auto state = file.find("state");
        state != file.end() && state->is_object() && state->value("model", Json()) == model_name())
        memory_.from_json(*state, state_.schedule().vocabulary);
    return Ok{};
}

} // namespace weft::detail
