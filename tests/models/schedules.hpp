// SPDX-License-Identifier: Apache-2.0
// Test support: schedules from edited configs, and schedules as text so that two can be compared.
#pragma once
#include "layers/attention.hpp"
#include "layers/gated_delta.hpp"
#include "layers/linear.hpp"
#include "layers/mamba.hpp"
#include "layers/mamba2.hpp"
#include "layers/moe.hpp"
#include "models/keys.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/weights.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <functional>

namespace weft::test {
using namespace detail;

inline Json config_of(const std::filesystem::path& directory) {
    auto files = ModelFiles::open(directory);
    REQUIRE(files);
    REQUIRE(files->config());
    return *files->config();
}

inline Json edited(Json config, const std::function<void(Json&)>& edit) {
    edit(config);
    return config;
}

/// The schedule of a config without weights.
inline Result<Schedule> schedule_of(const Json& config) {
    const TemporaryDirectory directory;
    weft_ASSIGN(const auto files, ModelFiles::open(directory.write("config.json", config.dump())));
    return make_schedule(files);
}

inline Schedule require_schedule(const Json& config) {
    auto s = schedule_of(config);
    INFO((s ? std::string() : s.error().text()));
    REQUIRE(s);
    return std::move(*s);
}

inline std::string error_of(const Json& config) {
    auto s = schedule_of(config);
    REQUIRE_FALSE(s);
    return s.error().text();
}

/// All that a schedule says, as text: equal texts, equal schedules.
inline std::string text_of(const Schedule& s) { return schedule_text(s); }
inline std::string text_of(const Json& config) { return text_of(require_schedule(config)); }

/// The only op of a block.
template <class T>
const T& op(const Schedule& s, size_t layer, size_t block = 0) {
    const auto& branches = decoder_of(s).layers.at(layer).blocks.at(block).branches;
    REQUIRE(branches.size() == 1);
    REQUIRE(branches[0].op.as<T>());
    return *branches[0].op.as<T>();
}

/// Opens a golden, makes its schedule and requires that the files have every weight in its shape, and nothing that is
/// not used.
inline void require_fit(const std::filesystem::path& directory) {
    auto files = ModelFiles::open(directory);
    REQUIRE(files);
    std::vector<KeyUse> keys;
    auto s = make_schedule(*files, &keys);
    INFO(directory.string() << ' ' << (s ? std::string() : s.error().text()));
    REQUIRE(s);
    std::string problems;
    for (const auto& p : check_weights(s->weights, *files)) problems += p + "\n";
    for (const auto& p : unused_tensors(s->weights, s->unneeded, *files)) problems += p + "\n";
    problems += unused_keys(keys, files->origin());
    INFO(problems);
    CHECK(problems.empty());
}

} // namespace weft::test
