// SPDX-License-Identifier: Apache-2.0
// Paths that lead nowhere good: every public function that takes one gives an error that names it, and none throws.
#include "models/device.hpp"
#include "repository.hpp"
#include "unit/temporary_directory.hpp"
#include <weft/weft.hpp>

using namespace weft;
using namespace weft::detail;
namespace fs = std::filesystem;

namespace {

// What can go wrong with each path, beside a good one of each kind that another argument wants.
std::vector<fs::path> hostile_paths(const test::TemporaryDirectory& folder) {
    folder.write("file", "not a model");
    fs::create_directory(folder / "closed");
    folder.write("closed/config.json", "{}");
    fs::permissions(folder / "closed", fs::perms::none);
    fs::create_symlink(folder / "loop", folder / "loop");
    fs::create_directory(folder / "loops");
    for (const char* name : {"config.json", "tokenizer.json", "model.safetensors", "chat_templates", "io.safetensors"})
        fs::create_symlink(folder / "loops" / name, folder / "loops" / name);
    fs::create_directory(folder / "folders");
    for (const char* name : {"config.json", "tokenizer.json", "model.safetensors", "chat_template.jinja"})
        fs::create_directories(folder / "folders" / name);
    return {folder / "file",
            folder / "file" / "below a file",
            folder / "closed",
            folder / "closed" / "config.json",
            folder / "loop",
            folder / "loop" / "config.json",
            folder / "loops",
            folder / "folders",
            folder / "model.gguf" / "model.gguf",
            fs::path(std::string(5000, 'x')),
            folder / std::string(5000, 'x') / "config.json",
            fs::path(std::string("a\0b", 3)),
            fs::path("/dev/null"),
            fs::path()};
}

template <class R>
void refuse(const char* what, const fs::path& path, const R& result) {
    INFO(what << " of " << path.string().substr(0, 200));
    REQUIRE_FALSE(result);
    INFO(result.error().text().substr(0, 300));
    CHECK(result.error().code != ErrorCode::internal); // nothing that was not foreseen
    CHECK_FALSE(result.error().message.empty());
}

} // namespace

TEST_CASE("paths: hostile ones are errors of every public function", "[models]") {
    const test::TemporaryDirectory folder;
    const Device& device = test::device();
    const fs::path model = test::repository() / "tests/goldens/models/llama";
    for (const fs::path& path : hostile_paths(folder)) {
        refuse("Tokenizer::load", path, Tokenizer::load(path));
        refuse("ChatTemplate::load", path, ChatTemplate::load(path));
        refuse("ChatTemplate::load tokens", path, ChatTemplate::load(path, "", path));
        refuse("inspect", path, inspect(nullptr, path));
        refuse("schedule_text", path, schedule_text(path));
        refuse("Model::load", path, Model::load(device, path));
        refuse("Embedder::load", path, Embedder::load(device, path));
        refuse("check", path, check(device, path));
        if (!path.empty()) refuse("check io", path, check(device, model, {.io = path}));
        refuse("bench_model", path, bench_model(device, path, {.prompt = 1, .generate = 0}));
        refuse("quantize from", path, quantize(path, folder / "out.gguf", {}));
        refuse("quantize to", path, quantize(model, path, {}));
        if (std::error_code none; !fs::is_directory(path, none) && !path.empty()) // no folder to write to
            refuse("quantize to", path, quantize(model, path / "out.gguf", {}));
        // Caches and shaders: what cannot be read or written is done without, or named.
        const auto opened = Device::open({.cache_dir = path});
        CHECK((opened || opened.error().code != ErrorCode::internal));
    }
    CHECK_FALSE(fs::exists(folder / "out.gguf"));
    fs::permissions(folder / "closed", fs::perms::owner_all);
}
