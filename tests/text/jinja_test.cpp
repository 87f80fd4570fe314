// SPDX-License-Identifier: Apache-2.0
// Tests of chat templates: what transformers renders, the errors' lines, the limits,
// and where a model keeps its templates.
#include "base/file.hpp"
#include "repository.hpp"
#include "text/chat/chat_template.hpp"
#include "unit/gguf_builder.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using OrderedJson = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

const ChatRenderOptions kThen{"2026-01-15T12:34:56"};

OrderedJson read_ordered(const fs::path& path) {
    const auto text = read_file(path);
    REQUIRE(text);
    return OrderedJson::parse(*text);
}

// Renders with these variables and no messages.
Result<std::string> render(const std::string& source, const OrderedJson& variables = OrderedJson::object()) {
    weft_ASSIGN(const ChatTemplate chat, ChatTemplate::parse(source, {}, "t.jinja"));
    return chat.render(OrderedJson{{"messages", OrderedJson::array()}, {"kwargs", variables}}.dump(), kThen);
}

std::string rendered(const std::string& source) {
    const auto text = render(source);
    INFO((text ? "" : text.error().text()));
    REQUIRE(text);
    return *text;
}

std::string refused(const std::string& source) {
    const auto text = render(source);
    REQUIRE_FALSE(text);
    return text.error().message;
}

Result<std::string> with_limits(const std::string& source, const jinja::Limits& limits) {
    ChatTemplateState state;
    state.limits = limits;
    state.add("default", source, "t.jinja");
    return render_chat(state, R"({"messages": []})", kThen);
}

// The message of a template that goes beyond limits which are soon reached.
std::string stopped(const std::string& source) {
    const auto text = with_limits(source, {.work = 1'000'000, .memory = 32 << 20, .output = 1 << 20});
    REQUIRE_FALSE(text);
    return text.error().message;
}

// How many cases there were.
size_t check_folder(const fs::path& folder) {
    CAPTURE(folder.filename().string());
    const auto chat = ChatTemplate::load(folder / "template.jinja", "", folder / "tokens.json");
    REQUIRE(chat);
    const OrderedJson cases = read_ordered(folder / "cases.json");
    for (const OrderedJson& row : cases) {
        CAPTURE(row["name"].get<std::string>());
        const auto text = chat->render(row.dump(), kThen);
        if (row.contains("expected")) {
            INFO((text ? "" : text.error().text()));
            REQUIRE(text);
            CHECK(*text == row["expected"].get<std::string>());
        } else if (row["error_kind"] == "raise_exception") {
            REQUIRE_FALSE(text);
            CHECK(text.error().message.starts_with(row["error"].get<std::string>())); // cut at 300 characters there
        } else {
            CHECK_FALSE(text);
        }
    }
    return cases.size();
}

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

} // namespace

TEST_CASE("chat template: the small goldens") {
    CHECK(check_folder(weft::test::repository() / "tests/goldens/templates/weather") > 5);
}

TEST_CASE("chat template: all goldens") {
    weft_GOLDEN(root, "chat-templates");
    size_t folders = 0, cases = 0;
    for (const auto& entry : fs::directory_iterator(root)) {
        if (!entry.is_directory()) continue;
        cases += check_folder(entry.path());
        ++folders;
    }
    CHECK(folders > 30);
    CHECK(cases > 1500);
}

TEST_CASE("chat template: the language as jinja2 has it") {
    const OrderedJson file = read_ordered(weft::test::repository() / "tests/goldens/templates/language.json");
    for (const OrderedJson& row : file["cases"]) {
        const std::string source = row["template"];
        CAPTURE(source);
        const auto text = render(source, file["variables"]);
        if (row.contains("expected")) {
            INFO((text ? "" : text.error().text()));
            REQUIRE(text);
            CHECK(*text == row["expected"].get<std::string>());
        } else {
            REQUIRE_FALSE(text);
            if (row["fails"].is_string()) CHECK(text.error().message == row["fails"].get<std::string>());
            else CHECK_THAT(text.error().message, StartsWith("t.jinja: line "));
        }
    }
    CHECK(file["cases"].size() > 600);
}

TEST_CASE("chat template: errors name the file and the line") {
    const std::pair<const char*, const char*> cases[] = {
        {"a\n{% if x %}", "t.jinja: line 2: this block has no 'endif'"},
        {"\n\n{% include 'x' %}", "t.jinja: line 3: 'include' is refused: a chat template may not read other files"},
        {"{% import 'x' as y %}", "t.jinja: line 1: 'import' is refused"},
        {"{% from 'x' import y %}", "t.jinja: line 1: 'from' is refused"},
        {"{% extends 'x' %}", "t.jinja: line 1: 'extends' is refused"},
        {"{{ 1 +\n }}", "t.jinja: line 2: expected an expression, got end of the expression"},
        {"{{ 'a'|nosuch }}", "t.jinja: line 1: no filter named 'nosuch'"},
        {"{{ 'a' is nosuch }}", "t.jinja: line 1: no test named 'nosuch'"},
        {"x\n{{ missing.name }}", "t.jinja: line 2: 'missing' is undefined"},
        {"{{\n\n1 / 0 }}", "t.jinja: line 3: division by zero"},
        {"{{ 99999999999999999999 }}", "t.jinja: line 1: the integer does not fit 64 bits"},
        {"{{ 2 ** 64 }}", "t.jinja: line 1: the result does not fit the 64 bits"},
        {"{{ [].append(1) }}", "t.jinja: line 1: access to attribute 'append' of 'list' object is unsafe."},
        {"{{ ''.__class__ ~ x }}{{ ''.__class__.y }}",
         "t.jinja: line 1: access to attribute '__class__' of 'str' object is unsafe."},
        {"{% break %}", "t.jinja: line 1: 'break' outside a loop"},
    };
    for (const auto& [source, message] : cases) {
        CAPTURE(source);
        CHECK_THAT(refused(source), StartsWith(message));
    }
    const auto chat = ChatTemplate::parse("\n{{ raise_exception('No!') }}", {}, "t.jinja");
    const auto raised = chat->render(R"({"messages": []})");
    REQUIRE_FALSE(raised);
    CHECK(raised.error().message == "No!");
    REQUIRE(raised.error().reasons.size() == 1);
    CHECK(raised.error().reasons[0] == "t.jinja: line 2 refuses the conversation");
}

TEST_CASE("chat template: conversations that are none") {
    const auto chat = ChatTemplate::parse("{{ messages }}", {}, "t.jinja");
    REQUIRE(chat);
    const std::pair<const char*, const char*> cases[] = {
        {"", "not valid JSON"},
        {"[]", "must be an object"},
        {"{}", "'messages' must be a list"},
        {R"({"messages": [1]})", "every message must be an object"},
        {R"({"messages": [], "tools": {}})", "'tools' must be a list of objects"},
        {R"({"messages": [], "documents": [1]})", "'documents' must be a list of objects"},
        {R"({"messages": [], "kwargs": []})", "'kwargs' must be an object"},
        {R"({"messages": [{"n": 99999999999999999999}]})", "does not fit 64 bits"},
        {"{\"messages\": [{\"n\": \"\xff\"}]}", "invalid UTF-8 at byte 21"},
    };
    for (const auto& [conversation, message] : cases) {
        CAPTURE(conversation);
        const auto text = chat->render(conversation);
        REQUIRE_FALSE(text);
        CHECK_THAT(text.error().message, StartsWith("the conversation: ") && ContainsSubstring(message));
    }
    CHECK_FALSE(chat->render(R"({"messages": []})", {"yesterday"}));
    CHECK_FALSE(chat->render("{\"messages\": " + std::string(100'000, '[') + "}"));
    CHECK(*chat->render(R"({"messages": [{"b": 1, "a": {"z": null, "y": 1.0}}]})") ==
          "[{'b': 1, 'a': {'z': None, 'y': 1.0}}]");
}

TEST_CASE("chat template: limits end in errors") {
    CHECK_THAT(stopped("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"),
               ContainsSubstring("was stopped after"));
    CHECK_THAT(stopped("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), ContainsSubstring("recursion depth"));
    CHECK_THAT(stopped("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}"),
               ContainsSubstring("nested deeper"));
    CHECK_THAT(
        stopped(
            "{% set ns = namespace(x=[1]) %}{% for i in range(1000) %}{% set ns.x = ns.x|map('string') %}{% endfor %}"),
        ContainsSubstring("nested deeper"));
    CHECK_THAT(stopped("{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor "
                       "%}{{ ns.x|tojson }}"),
               ContainsSubstring("was stopped after"));
    CHECK_THAT(
        stopped("{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"),
        ContainsSubstring("was stopped after"));
    CHECK_THAT(stopped("{% set a = 'a' * 20000000 %}{% set b = 'b' * 20000000 %}"),
               ContainsSubstring("more than 32 MiB"));
    CHECK_THAT(stopped("{% for i in range(1000) %}{{ 'x' * 10000 }}{% endfor %}"),
               ContainsSubstring("longer than 1 MiB"));
    CHECK_THAT(
        stopped(
            "{% set ns = namespace() %}{% for i in range(100000) %}{% call(x) range(1) %}{% endcall %}{% endfor %}"),
        StartsWith("t.jinja: line 1: "));
    for (const char* huge :
         {"'ab' * 9000000000", "[1] * 9000000000", "'a'.center(9000000000)", "'a'.ljust(9000000000)",
          "'%9000000000d' % 1", "'{:9000000000}'.format(1)", "'\\t'.expandtabs(9000000000)",
          "'a'|indent(9000000000, true)", "['a']|batch(9000000000, 1)|list", "[1]|tojson(indent=9000000000)",
          "('a' * 1000000).replace('a', 'b' * 1000000)", "range(9000000000)", "[1]|slice(9000000000)|list",
          "('a ' * 9000000).split()", "('a' * 9000000)|list", "range(100000)|map('string')|join('-' * 1000000)"}) {
        CAPTURE(huge);
        stopped("{{ (" + std::string(huge) + ")|length }}");
    }
    refused("{{ " + std::string(100'000, '(') + "}}");
    refused("{{ " + std::string(100'000, '-') + "1 }}");
    std::string chain = "1";
    for (int i = 0; i < 100'000; ++i) chain += "+1";
    refused("{{ " + chain + " }}");
    std::string blocks;
    for (int i = 0; i < 100'000; ++i) blocks += "{% if x %}";
    refused(blocks);
}

TEST_CASE("chat template: values that refer to themselves are given back") {
    CHECK(
        rendered("{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.list = [ns] %}{{ ns.me.me.list|length }}") ==
        "1");
    CHECK(rendered("{% macro m() %}{{ m.name }}{% endmacro %}{% set ns = namespace(m=m) %}{{ ns.m() }}") == "m");
    CHECK(rendered("{% set ns = namespace() %}{% for i in [1, 2] %}{% set ns.l = loop %}{{ loop.changed(loop) }}{% "
                   "endfor %}{{ ns.l.index }}") == "TrueFalse2");
    CHECK_THAT(refused("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"), ContainsSubstring("recursion depth"));
}

TEST_CASE("chat template: time is linear in what is given") {
    const auto took = [](const std::string& source, const std::string& conversation) {
        const auto begin = std::chrono::steady_clock::now();
        const auto chat = ChatTemplate::parse(source, {}, "t.jinja");
        REQUIRE(chat);
        const auto text = chat->render(conversation);
        INFO((text ? "" : text.error().text()));
        REQUIRE(text);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    std::string large;
    while (large.size() < 1 << 20)
        large += "{% if messages %}text {{ messages[0].role|upper }}{% set v" + std::to_string(large.size()) +
                 " = 1 %}{% endif %}\n";
    CHECK(took(large, R"({"messages": [{"role": "a"}]})") < 30);
    // Half a second where it is linear, hours where it is not.
    std::string content;
    while (content.size() < 10'000'000) content += "</think> a\xc3\xa9 <|x|>\n";
    const std::string message =
        OrderedJson{{"messages", OrderedJson::array({{{"role", "user"}, {"content", content}}})}}.dump();
    CHECK(took("{% for m in messages %}{{ m.content.split('</think>')[-1] }}{{ m.content|trim|replace('<|x|>', '') "
               "}}{{ m.content[5:-5]|length }}{{ m.content[4000000] }}"
               "{{ 'aaaaaaaaaaaaaaaaaaab' in m.content }}{{ m.content|tojson|length }}{{ "
               "m.content.rstrip('\\n').upper()|length }}{% endfor %}",
               message) < 60);
}

TEST_CASE("chat template: threads share one template") {
    const auto chat =
        ChatTemplate::parse("{% set ns = namespace(s='') %}{% for i in range(200) %}{% set ns.s = ns.s ~ \"\xc3\xa9\" "
                            "~ 'constant text'[i % 5] %}{% endfor %}{{ ns.s|length }}{{ messages[0].n }}",
                            {}, "t.jinja");
    REQUIRE(chat);
    std::vector<std::string> results(4);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < results.size(); ++i)
        threads.emplace_back(
            [&, i] { results[i] = chat->render("{\"messages\": [{\"n\": " + std::to_string(i) + "}]}").value(); });
    for (auto& thread : threads) thread.join();
    for (size_t i = 0; i < results.size(); ++i) CHECK(results[i] == "400" + std::to_string(i));
}

TEST_CASE("chat template: where a model keeps it") {
    const test::TemporaryDirectory directory;
    const fs::path root = directory.path();
    const std::string plain = R"({"messages": []})", with_tools = R"({"messages": [], "tools": [{}]})";
    CHECK_THAT(ChatTemplate::load(root).error().message, ContainsSubstring("has no chat template"));
    CHECK(ChatTemplate::load(root / "none").error().code == ErrorCode::not_found);

    write(root / "tokenizer_config.json",
          R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": true, )"
          R"("extra_special_tokens": {"image_token": "<i>"}, "chat_template": "old {{ bos_token }}"})");
    CHECK(*ChatTemplate::load(root)->render(plain) == "old <s>");
    CHECK(*ChatTemplate::load(root / "tokenizer_config.json")->render(plain) == "old <s>");

    write(root / "tokenizer_config.json",
          R"({"bos_token": "<s>", "chat_template": [{"name": "default", "template": "plain"}, )"
          R"({"name": "tool_use", "template": "tools"}, {"name": "broken", "template": "{{"}]})");
    write(root / "special_tokens_map.json", R"({"bos_token": "not this", "eos_token": "</s>"})");
    const auto named = ChatTemplate::load(root);
    REQUIRE(named);
    CHECK(named->names() == std::vector<std::string>{"broken", "default", "tool_use"});
    CHECK(*named->render(plain) == "plain");
    CHECK(*named->render(with_tools) == "tools");
    CHECK(*ChatTemplate::load(root, "tool_use")->render(plain) == "tools");
    CHECK_THAT(ChatTemplate::load(root, "rag").error().message, ContainsSubstring("no template named 'rag'"));
    CHECK_THAT(ChatTemplate::load(root, "broken").error().message,
               ContainsSubstring("tokenizer_config.json: chat_template 'broken': line 1"));

    write(root / "chat_template.jinja", "new {{ bos_token }}{{ eos_token }}");
    write(root / "chat_templates/rag.jinja", "rag");
    CHECK(*ChatTemplate::load(root)->render(plain) == "new <s></s>");
    CHECK(*ChatTemplate::load(root, "rag")->render(plain) == "rag");
    write(root / "tokens.json", R"({"bos_token": "<b>", "licence": "x"})");
    CHECK(*ChatTemplate::load(root / "chat_template.jinja", "", root / "tokens.json")->render(plain) == "new <b>");
    write(root / "tokenizer_config.json", R"({"chat_template": 5})");
    CHECK_THAT(ChatTemplate::load(root).error().message, ContainsSubstring("'chat_template' must be"));
    CHECK(ChatTemplate::load(root / "tokens.json").error().code == ErrorCode::not_found);
}

TEST_CASE("chat template: of a GGUF file") {
    const test::TemporaryDirectory directory;
    const fs::path path = directory.path() / "model.gguf";
    const std::string plain = R"({"messages": []})";
    test::GgufBuilder file;
    file.array("tokenizer.ggml.tokens", GgufType::string, 3,
               test::GgufBuilder::text("<s>") + test::GgufBuilder::text("</s>") + test::GgufBuilder::text("a"));
    write(path, file.file());
    CHECK_THAT(ChatTemplate::load(path).error().message, ContainsSubstring("has no chat template"));
    file.string("tokenizer.chat_template", "{{ bos_token ~ eos_token ~ pad_token }}")
        .string("tokenizer.chat_template.rag", "rag")
        .string("tokenizer.chat_templates", "not a template");
    file.number<uint32_t>("tokenizer.ggml.bos_token_id", GgufType::u32, 0)
        .number<uint32_t>("tokenizer.ggml.eos_token_id", GgufType::u32, 1)
        .number<uint32_t>("tokenizer.ggml.padding_token_id", GgufType::u32, 3);
    write(path, file.file());
    CHECK(*ChatTemplate::load(path)->render(plain) == "<s></s>");
    CHECK(*ChatTemplate::load(path, "rag")->render(plain) == "rag");
    file.key("tokenizer.chat_template.bad", GgufType::u32, test::GgufBuilder::raw<uint32_t>(1));
    write(path, file.file());
    CHECK_THAT(ChatTemplate::load(path).error().message,
               ContainsSubstring("model.gguf") && ContainsSubstring("tokenizer.chat_template.bad"));
    write(path, "GGUF");
    CHECK_THAT(ChatTemplate::load(path).error().message, ContainsSubstring("model.gguf"));
}
