// SPDX-License-Identifier: Apache-2.0
// Recorded cases of reference implementations, through the same code as `weft check`: every way of feeding the
// prompt, layer by layer, and the greedy continuation.
#include "device.hpp"
#include "io/model_files.hpp"
#include "io/safetensors.hpp"
#include "models/architecture.hpp"
#include "repository.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <set>
#include <weft/check.hpp>

using namespace weft;

namespace {

std::vector<std::filesystem::path> case_directories(const std::filesystem::path& root) {
    std::set<std::string> known;
    for (const Architecture* a : all_architectures())
        for (const char* type : a->model_types) known.insert(type);
    std::vector<std::filesystem::path> cases;
    if (!std::filesystem::is_directory(root)) return cases;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
        if (!std::filesystem::exists(entry.path() / "io.safetensors") ||
            !std::filesystem::exists(entry.path() / "config.json"))
            continue;
        const auto files = ModelFiles::open(entry.path());
        if (!files || !files->config() || !files->config()->is_object()) continue;
        const std::string type = files->config()->value("model_type", "");
        const auto io = SafetensorsFile::open(entry.path() / "io.safetensors");
        if (known.count(type) && io && io->find("input.input_ids"))
            cases.push_back(entry.path()); // cases of one algorithm name their inputs otherwise
    }
    std::sort(cases.begin(), cases.end());
    return cases;
}

void run(const std::filesystem::path& root) {
    auto& device = test::device();
    const auto cases = case_directories(root);
    if (cases.empty()) SKIP("no recorded cases in " << root.string());
    for (const auto& path : cases) DYNAMIC_SECTION(path.filename().string()) {
            CheckOptions options;
            auto report = check(device, path, options);
            INFO((report ? report->text() : report.error().text()));
            REQUIRE(bool(report));
            REQUIRE(report->runs.size() == 6);
            for (const auto& r : report->runs) REQUIRE(!r.tensors.empty());
            CHECK(report->ok());
            test::require_no_validation_messages(device.internal());
        }
}

} // namespace

TEST_CASE("recorded cases in the repository", "[models]") { run(weft::test::repository() / "tests/goldens/models"); }

TEST_CASE("recorded cases of WEFT_GOLDENS", "[models]") {
    const char* goldens = std::getenv("WEFT_GOLDENS");
    run(goldens ? std::filesystem::path(goldens) : weft::test::repository() / "../shared/goldens");
}

TEST_CASE("the bundled model", "[models]") {
    auto& device = test::device();
    auto report = check(device, weft::test::repository() / "apps/models/tales-hybrid");
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    CHECK(report->ok());
    test::require_no_validation_messages(device.internal());
}
