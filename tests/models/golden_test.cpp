// SPDX-License-Identifier: Apache-2.0
// Recorded cases of reference implementations, through the same code as `weft check`: every way of feeding the
// prompt, layer by layer, and the greedy continuation.
#include "device.hpp"
#include "repository.hpp"
#include "schedules.hpp"
#include "unit/goldens.hpp"
#include "unit/manifest.hpp"
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <weft/check.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// A directory of the hub's layout, or one that holds a GGUF file.
std::filesystem::path model_of(const std::filesystem::path& path) {
    return std::filesystem::exists(path / "model.gguf") ? path / "model.gguf" : path;
}

void run(const std::filesystem::path& directory) {
    auto& device = test::device();
    const auto path = model_of(directory);
    test::require_fit(path);
    const auto report = check(device, path);
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    std::map<std::string, std::vector<std::string>> fed; // by mode
    for (const auto& r : report->runs) {
        REQUIRE(!r.tensors.empty());
        fed[r.mode].push_back(r.prefill);
    }
    REQUIRE(!fed.empty());
    for (const auto& [mode, ways] : fed) {
        CAPTURE(mode);
        REQUIRE(ways.size() == (ways.back() == "alone" ? 2 : 6));
    }
    CHECK(report->ok());
    test::require_no_validation_messages(detail::Access::state(device));
}

} // namespace

// Each case is a test of its own (tests/CMakeLists.txt).
TEST_CASE("recorded case", "[.golden]") {
    static bool found = false; // over all passes: one that was skipped is followed by another
    for (const auto& path : repository_cases()) DYNAMIC_SECTION("repository " << path.filename().string()) {
            found = true;
            run(path);
        }
    for (const auto& [name, outcome] : manifest())
        if (outcome != kOwnTest) DYNAMIC_SECTION(name) {
                found = true;
                weft_GOLDEN(path, name);
                if (outcome == kPasses) run(path);
                else {
                    const auto report = check(test::device(), model_of(path));
                    REQUIRE_FALSE(bool(report));
                    CHECK(report.error().message.ends_with(": " + outcome));
                }
            }
    CHECK(found); // a name that is no case must not pass
}

TEST_CASE("the manifest names every recorded case", "[models]") {
    weft_GOLDEN(root, "README.md");
    std::vector<std::string> there, named;
    for (const auto& entry : std::filesystem::directory_iterator(root.parent_path()))
        // Those of one algorithm have no weights of their own, and are for tests of kernels.
        if (std::filesystem::exists(entry.path() / "io.safetensors") &&
            std::filesystem::exists(entry.path() / "config.json") &&
            !entry.path().filename().string().starts_with("op-"))
            there.push_back(entry.path().filename().string());
    for (const auto& entry : std::filesystem::directory_iterator(root.parent_path() / "gguf"))
        if (std::filesystem::exists(entry.path() / "model.gguf"))
            there.push_back("gguf/" + entry.path().filename().string());
    std::ranges::sort(there);
    for (const auto& [name, outcome] : manifest()) named.push_back(name);
    CHECK(there == named);
}

// With accuracies that their files say, and a part of the batch recorded stage by stage.
TEST_CASE("trained models of pictures and sounds give what was recorded", "[models]") {
    const auto name = GENERATE("cifar-mambavision", "digits-audiomamba");
    CAPTURE(name);
    weft_GOLDEN(path, std::filesystem::path("../models") / name);
    run(path);
}

TEST_CASE("the bundled models", "[models]") {
    auto& device = test::device();
    const std::string name = GENERATE("tales-hybrid", "cifar-mambavision", "digits-audiomamba");
    CAPTURE(name);
    auto report = check(device, weft::test::repository() / "apps/models" / name);
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    CHECK(report->ok());
    test::require_no_validation_messages(detail::Access::state(device));
}
