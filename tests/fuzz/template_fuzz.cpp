// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as a chat template, and after a zero byte as the conversation that it renders.
#include "base/check.hpp"
#include "text/chat/chat_template.hpp"
#include "unicode/utf8.hpp"

using namespace weft;
using namespace weft::detail;

namespace {

constexpr std::string_view kConversation =
    R"({"messages": [{"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Gr\u00fc\u00dfe \ud83d\ude00 <think>a</think>"},
    {"role": "assistant", "content": null, "reasoning": "r", "tool_calls": [{"type": "function", "id": "call_0001",
        "function": {"name": "f", "arguments": {"x": 1.5, "y": [1, null, true]}}}]},
    {"role": "tool", "content": [{"type": "text", "text": "t"}, {"type": "image"}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "add_generation_prompt": true,
    "kwargs": {"n": 3, "f": 0.5, "s": "text", "l": [3, 1, 2], "d": {"b": 1, "a": "x"}}})";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t zero = input.find('\0');
    ChatTemplateState state;
    state.limits = {.work = 200'000, .memory = 64 << 20, .output = 1 << 20};
    state.tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    state.add("default", input.substr(0, zero), "t.jinja");
    const auto text =
        render_chat(state, zero == input.npos ? kConversation : input.substr(zero + 1), {"2026-01-15T12:34:56"});
    if (text) weft_CHECK(valid_utf8_prefix(*text) == text->size(), "rendered text is UTF-8");
    else
        weft_CHECK(text.error().message.starts_with("t.jinja: ") ||
                       text.error().message.starts_with("the conversation: ") || !text.error().reasons.empty(),
                   "a message begins with the file");
    return 0;
}
