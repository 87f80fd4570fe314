// SPDX-License-Identifier: Apache-2.0
// Test support: small models with random weights, from schedules written in the test.
#pragma once
#include "schedule/sessions.hpp"
#include "unit/temporary_directory.hpp"

namespace weft::test {
using namespace detail;

inline std::shared_ptr<const LoadedModel> random_model_of(const std::string& schedule, vk::Device& device = gpu()) {
    const TemporaryDirectory folder;
    const auto files = ModelFiles::open(folder.write("schedule.json", schedule));
    REQUIRE(files);
    const auto model = random_model(device, *files, WeightType::f32, 1);
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    return *model;
}

/// Of attention alone, with 96 tokens; `attention` are further keys of it, `inner` the width inside the MLP.
inline std::string attention_schedule(const std::string& attention, uint32_t inner = 64) {
    return R"({"weft_schedule": 2, )"
           R"("architecture": "small", "vocabulary": 96, "width": 32, "trained_context": 1000000, )"
           R"("blocks": {"a": {"pre": {}, "branches": [{"op": "attention", "heads": 4, "kv_heads": 2, )" +
           attention + R"(}]}, "m": {"pre": {}, "branches": [{"op": "mlp", "inner": )" + std::to_string(inner) +
           R"(}]}}, "layers": [{"repeat": 2, "layers": [{"blocks": ["a", "m"]}]}], )"
           R"("head": {"norm": {}, "linear": {"weight": "embedding.table"}}})";
}

inline std::shared_ptr<const LoadedModel> attention_model(const std::string& attention) {
    return random_model_of(attention_schedule(attention));
}

/// Tokens of such a model.
inline std::vector<uint32_t> ids(uint32_t n, uint32_t seed) {
    auto list = tokens(n, seed);
    for (uint32_t& id : list) id %= 96;
    return list;
}

inline std::vector<uint32_t> decoded(Session& s, uint32_t slot, uint32_t steps) {
    std::vector<std::vector<uint32_t>> out;
    const auto status = s.decode({&slot, 1}, steps, out);
    INFO((status ? "" : status.error().text()));
    REQUIRE(status);
    return out[0];
}

} // namespace weft::test
