// SPDX-License-Identifier: Apache-2.0
// Tests of L0 io: which files of a directory make a model, and what is said when they do not fit together.
#include "io/model_files.hpp"
#include "io/safetensors_writer.hpp"
#include "unit/gguf_builder.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

// A weight file whose tensors are one float each.
void write_weights(const test::TemporaryDirectory& directory, const std::string& file,
                   const std::vector<std::string>& names) {
    static const std::vector<float> one{1};
    std::vector<TensorView> tensors;
    for (const auto& name : names) tensors.push_back({name, FileType::f32, {1}, std::as_bytes(std::span(one))});
    REQUIRE(write_safetensors(directory / file, tensors));
}

Error refused(const std::filesystem::path& path) {
    auto files = ModelFiles::open(path);
    REQUIRE_FALSE(files);
    return files.error();
}

constexpr const char* kIndex = "model.safetensors.index.json";

} // namespace

TEST_CASE("model files: a directory with one weight file") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "model.safetensors", {"b", "a"});
    write_weights(directory, "io.safetensors", {"logits"});
    directory.write("config.json", R"({"model_type": "llama", "time_step_limit": [0.0, Infinity]})");
    directory.write("generation_config.json", R"({"eos_token_id": 2})");
    directory.write("tokenizer.json", "{}");
    auto opened = ModelFiles::open(directory.path());
    REQUIRE(opened);
    const ModelFiles files = std::move(*opened); // moving keeps the views
    REQUIRE(files.config());
    CHECK(*JsonObject(*files.config(), files.config_origin()).string("model_type") == "llama");
    CHECK(files.config_origin() == (directory / "config.json").string());
    REQUIRE(files.generation_config());
    CHECK(*JsonObject(*files.generation_config(), files.generation_config_origin()).integer("eos_token_id") == 2);
    CHECK(files.tokenizer() == directory / "tokenizer.json");
    CHECK_FALSE(files.tokenizer_config());
    REQUIRE(files.tensors().size() == 2);
    CHECK(files.tensors()[0]->name == "b");
    REQUIRE(files.find("a"));
    CHECK(*read_f32(*files.find("a")) == std::vector<float>{1});
    CHECK(files.find("logits") == nullptr);
    CHECK(files.total_bytes() == 8);
    CHECK(files.shards().size() == 1);
}

TEST_CASE("model files: shards are joined by their index") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "model-00001-of-00002.safetensors", {"a", "twice"});
    write_weights(directory, "model-00002-of-00002.safetensors", {"b", "twice", "unlisted"});
    write_weights(directory, "consolidated.safetensors", {"c"});
    directory.write(kIndex, R"({"metadata": {"total_size": 1}, "weight_map": {"a": "model-00001-of-00002.safetensors",
        "b": "model-00002-of-00002.safetensors", "twice": "model-00002-of-00002.safetensors"}})");
    const auto files = ModelFiles::open(directory.path());
    REQUIRE(files);
    CHECK_FALSE(files->config());
    CHECK(files->shards().size() == 2);
    CHECK(files->tensors().size() == 4);
    CHECK(files->total_bytes() == 16);
    CHECK(files->find("twice") == files->shards()[1].find("twice"));
    CHECK(files->find("unlisted"));
    CHECK_FALSE(files->find("c"));

    // Where both are there, the one file counts, as in transformers.
    write_weights(directory, "model.safetensors", {"whole"});
    CHECK(ModelFiles::open(directory.path())->find("whole"));
}

TEST_CASE("model files: an index that does not fit its shards is refused") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "one.safetensors", {"a"});
    const auto index = directory / kIndex;
    const auto refuse = [&](const std::string& text, const std::string& rule) {
        directory.write(kIndex, text);
        const Error error = refused(directory.path());
        CAPTURE(text);
        CHECK_THAT(error.text(), ContainsSubstring(index.string()));
        CHECK_THAT(error.text(), ContainsSubstring(rule));
    };
    refuse(R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}})",
           (directory / "two.safetensors").string() + ": the shard is missing");
    refuse(R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "three.safetensors"}})",
           "'two.safetensors' with 1 tensors is missing");
    refuse(R"({"weight_map": {}})", "names no tensors");
    refuse(R"({"weights": {}})", "key 'weight_map' is missing");
    refuse(R"({"weight_map": [1]})", "key 'weight_map' must be an object");
    refuse(R"({"weight_map": {"a": 1}})", "key 'a' must be the name of a shard");
    refuse("[]", "key 'weight_map' is missing");
    refuse("{", "not valid JSON");
    for (const char* shard : {"../one.safetensors", "/etc/passwd", "x/one.safetensors", "x\\\\one.safetensors", "..",
                              ".", "", "one\\u0000"})
        refuse(std::string(R"({"weight_map": {"a": ")") + shard + "\"}}",
               "must be the name of a file in the same directory");

    write_weights(directory, "two.safetensors", {"b", "same"});
    write_weights(directory, "one.safetensors", {"a", "same"});
    directory.write(kIndex, R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
    CHECK_THAT(refused(directory.path()).message, ContainsSubstring("tensor 'same': is in several shards"));
    directory.write("two.safetensors", "rubbish");
    CHECK_THAT(refused(directory.path()).message, StartsWith((directory / "two.safetensors").string()));
}

TEST_CASE("model files: what the index promises and its shards lack") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "one.safetensors", {"a", "moved"});
    write_weights(directory, "two.safetensors", {"c"});
    directory.write(kIndex, R"({"weight_map": {"a": "one.safetensors", "b": "one.safetensors",
        "c": "two.safetensors", "moved": "two.safetensors"}})");
    const auto files = ModelFiles::open(directory.path());
    INFO((files ? "" : files.error().text()));
    REQUIRE(files);
    CHECK(files->tensors().size() == 3);
    CHECK_FALSE(files->find("b"));
    CHECK(files->promised("b") == (directory / kIndex).string() + " says that it is in the shard 'one.safetensors'");
    CHECK(files->find("moved")); // in another shard than the one that is named
    CHECK(files->promised("a").empty());
    CHECK(files->promised("nowhere").empty());
}

TEST_CASE("model files: a GGUF file is known by its beginning") {
    const test::TemporaryDirectory directory;
    test::GgufBuilder gguf;
    gguf.string("general.architecture", "llama");
    for (const char* name : {"M.GGUF", "sha256-0a1b", "weights.bin", "model.safetensors", "config.json"}) {
        CAPTURE(name);
        const auto path = directory.write(name, gguf.file());
        CHECK(is_gguf(path));
        const auto files = ModelFiles::open(path);
        REQUIRE(files);
        CHECK(files->gguf());
    }
    const auto page = directory.write("page.GGUF", "<html>");
    CHECK(is_gguf(page)); // to say what is wrong with it
    CHECK_THAT(refused(page).message, StartsWith(page.string() + ": is no GGUF file"));
    CHECK_FALSE(is_gguf(directory.path()));
    CHECK_FALSE(is_gguf(directory / "nothing"));
    CHECK_FALSE(is_gguf(directory.write("short", "GGU")));
}

TEST_CASE("model files: extensions in another case") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "X.SafeTensors", {"a"});
    directory.write("CONFIG.JSON", R"({"n": 1})");
    const auto weights = ModelFiles::open(directory / "X.SafeTensors");
    REQUIRE(weights);
    CHECK(weights->find("a"));
    const auto config = ModelFiles::open(directory / "CONFIG.JSON");
    REQUIRE(config);
    CHECK(config->config());
    CHECK(ModelFiles::open(directory.path())); // the only weights there
}

TEST_CASE("model files: without the usual names exactly one weight file is accepted") {
    const test::TemporaryDirectory directory;
    CHECK_THAT(refused(directory.path()).text(), ContainsSubstring("the directory is empty"));
    directory.write("config.json", "{}");
    directory.write("pytorch_model.bin", "");
    const Error none = refused(directory.path());
    CHECK(none.code == ErrorCode::not_found);
    CHECK_THAT(none.message,
               StartsWith(directory.path().string() + ": holds no weights to choose: there is no *.safetensors file"));
    CHECK_THAT(none.text(), ContainsSubstring("it has 'pytorch_model.bin'"));

    write_weights(directory, "tower.safetensors", {"a"});
    const auto only = ModelFiles::open(directory.path());
    REQUIRE(only);
    CHECK(only->find("a"));

    write_weights(directory, "adapter.safetensors", {"b"});
    const Error several = refused(directory.path());
    CHECK_THAT(several.message, ContainsSubstring("several *.safetensors files"));
    CHECK(several.reasons == std::vector<std::string>{"it has 'adapter.safetensors'", "it has 'tower.safetensors'"});
}

TEST_CASE("model files: one shard of several is not taken for the model") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "model-00001-of-00002.safetensors", {"a"});
    CHECK_THAT(refused(directory.path()).message, ContainsSubstring("one of several shards"));
    const test::TemporaryDirectory whole;
    write_weights(whole, "model-00001-of-00001.safetensors", {"a"});
    CHECK(ModelFiles::open(whole.path()));
}

TEST_CASE("model files: a lone weight file and a lone configuration") {
    const test::TemporaryDirectory directory;
    write_weights(directory, "x.safetensors", {"a"});
    directory.write("config.json", R"({"n": 1})");
    const auto weights = ModelFiles::open(directory / "x.safetensors");
    REQUIRE(weights);
    CHECK(weights->find("a"));
    CHECK_FALSE(weights->config());
    CHECK_FALSE(weights->tokenizer());

    const auto config = ModelFiles::open(directory / "config.json");
    REQUIRE(config);
    CHECK(config->config());
    CHECK(config->tensors().empty());
    CHECK(config->total_bytes() == 0);
}

TEST_CASE("model files: what is no model is refused with its path") {
    const test::TemporaryDirectory directory;
    const Error missing = refused(directory / "nowhere");
    CHECK(missing.code == ErrorCode::not_found);
    CHECK(missing.message == (directory / "nowhere").string() + ": no such file or directory");
    const auto text = directory.write("notes.txt", "x");
    CHECK_THAT(refused(text).message, StartsWith(text.string() + ": is neither a model directory"));

    write_weights(directory, "model.safetensors", {"a"});
    const auto config = directory.write("config.json", "[1]");
    CHECK(refused(directory.path()).message == config.string() + ": must be a JSON object");
    directory.write("config.json", "{");
    CHECK_THAT(refused(directory.path()).message, StartsWith(config.string() + ": not valid JSON"));
    directory.write("config.json", "{}");
    directory.write("generation_config.json", "7");
    CHECK_THAT(refused(directory.path()).message, StartsWith((directory / "generation_config.json").string()));
}

TEST_CASE("model files: a link to weights that were never fetched is named") {
    const test::TemporaryDirectory directory; // an interrupted download leaves the hub's cache so
    std::filesystem::create_symlink(directory / "blobs" / "0123", directory / "model.safetensors");
    write_weights(directory, "other.safetensors", {"a"});
    const Error error = refused(directory.path());
    CHECK(error.code == ErrorCode::not_found);
    CHECK_THAT(error.message, StartsWith((directory / "model.safetensors").string()));
}

TEST_CASE("model files: the sharded reference model is joined") {
    weft_GOLDEN(path, "mixtral");
    const auto files = ModelFiles::open(path);
    INFO((files ? "" : files.error().text()));
    REQUIRE(files);
    CHECK(files->shards().size() == 3);
    CHECK(files->find("lm_head.weight"));
    CHECK(files->total_bytes() == 545536); // total_size of its index
    REQUIRE(files->config());
    CHECK(*JsonObject(*files->config(), files->config_origin()).string("model_type") == "mixtral");
}
