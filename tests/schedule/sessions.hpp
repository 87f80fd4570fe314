// SPDX-License-Identifier: Apache-2.0
// Small helpers of the tests of sessions.
#pragma once
#include "harness/gpu.hpp"
#include "pipelines/load.hpp"
#include "repository.hpp"
#include "schedule/session.hpp"
#include <cmath>

namespace weft::test {
using namespace detail;

inline std::filesystem::path bundled() { return weft::test::repository() / "apps/models/tales-hybrid"; }

inline std::shared_ptr<const LoadedModel> load(const std::filesystem::path& path) {
    auto files = ModelFiles::open(path);
    REQUIRE(bool(files));
    auto model = load_model(test::gpu(), *files, WeightType::stored, {});
    INFO((model ? "" : model.error().text()));
    REQUIRE(bool(model));
    return *model;
}

inline std::unique_ptr<Session> make(std::shared_ptr<const LoadedModel> model, uint32_t slots, uint32_t chunk = 64,
                                     uint32_t context = 256, uint32_t held = 0, DType kv = DType::f32) {
    SessionOptions o;
    o.context = context;
    o.slots = slots;
    o.max_chunk = chunk;
    o.held = held;
    o.kv_dtype = kv;
    auto s = Session::create(std::move(model), o);
    INFO((s ? "" : s.error().text()));
    REQUIRE(bool(s));
    return std::move(*s);
}

inline std::vector<uint32_t> tokens(uint32_t n, uint32_t seed) {
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < n; ++i) ids.push_back((seed + i * 2654435761u) % 4000 + 3);
    return ids;
}

inline std::vector<float> last_logits(Session& s, uint32_t slot, std::span<const uint32_t> ids, uint32_t chunk = 0) {
    const Feed feed{slot, ids, 0};
    const auto status = s.forward({&feed, 1}, Want::last, chunk);
    INFO((status ? "" : status.error().text()));
    REQUIRE(bool(status));
    auto l = s.logits();
    REQUIRE(bool(l));
    return *l;
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
    return worst;
}

} // namespace weft::test
