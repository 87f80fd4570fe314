// SPDX-License-Identifier: Apache-2.0
// Schedules of models of DNA: what their configs ask for, and what is refused by name.
#include "layers/cross_scan.hpp"
#include "layers/hyena.hpp"
#include "repository.hpp"
#include "schedules.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

Json dna_config(const char* name, const char* key, const Json& value) {
    Json config = config_of(repository() / "tests/goldens/models" / name);
    config[key] = value;
    return config;
}

} // namespace

TEST_CASE("settings that models of DNA do not have are refused by name", "[models]") {
    const char *both = "caduceus-apart", *hyena = "hyenadna-order";
    const std::tuple<const char*, const char*, Json> edits[] = {{both, "bidirectional_strategy", "ew_multiply"},
                                                                {both, "complement_map", {{"7", 16}}},
                                                                {both, "complement_map", {{"A", 10}}},
                                                                {both, "complement_map", {{"16", 10}}},
                                                                {both, "complement_map", 7},
                                                                {both, "vocab_size", 12371535},
                                                                {both, "n_layer", 100000},
                                                                {both, "d_model", 1 << 21},
                                                                {both, "vocab_size", 1 << 25},
                                                                {hyena, "hyena_order", 1},
                                                                {hyena, "hyena_order", 65},
                                                                {hyena, "max_seq_len", 1 << 25},
                                                                {hyena, "num_inner_mlps", -1},
                                                                {hyena, "filter_order", 1 << 17},
                                                                {hyena, "emb_dim", 1 << 17},
                                                                {hyena, "short_filter_order", 5000},
                                                                {hyena, "n_layer", 100000}};
    for (const auto& [name, key, value] : edits) {
        CAPTURE(name, key, value);
        CHECK(error_of(dna_config(name, key, value)).find("'" + std::string(key)) != std::string::npos);
    }
}

TEST_CASE("Caduceus reads one strand or two, and shares what its config says", "[models]") {
    const Schedule both = require_schedule(dna_config("caduceus-apart", "n_layer", 1));
    REQUIRE(both.stages[0].layers[0].blocks.size() == 2);
    for (const Block& block : both.stages[0].layers[0].blocks) CHECK(block.branches.size() == 2);
    const auto view = [&](size_t block, size_t branch) {
        const Branch& b = both.stages[0].layers[0].blocks[block].branches[branch];
        return b.op.as<CrossScanSpec>()->directions.at(0).view;
    };
    CHECK((view(0, 0) == 0 && view(0, 1) == 1 && view(1, 0) == 1 && view(1, 1) == 0)); // the other strand from its end
    const Schedule tied = require_schedule(dna_config("caduceus-apart", "bidirectional_weight_tie", true));
    for (const Block& block : tied.stages[0].layers[0].blocks) {
        REQUIRE(block.branches.size() == 1);
        CHECK(block.branches[0].op.as<CrossScanSpec>()->directions.size() == 2);
    }
    const Schedule one = require_schedule(dna_config("caduceus-apart", "rcps", false));
    CHECK(one.stages[0].layers[0].blocks.size() == 1);
    CHECK(one.stages[0].width == 24);
}

TEST_CASE("HyenaDNA's settings are the hub's, or the authors' own", "[models]") {
    const Schedule hub = require_schedule(dna_config("hyenadna-order", "n_layer", 2));
    Json own = dna_config("hyenadna-order", "layer",
                          {{"l_max", 330},
                           {"order", 3},
                           {"short_filter_order", 4},
                           {"emb_dim", 3},
                           {"filter_order", 10},
                           {"num_inner_mlps", 1}});
    for (const char* key : {"max_seq_len", "hyena_order", "short_filter_order", "emb_dim", "filter_order"})
        own.erase(key);
    CHECK(text_of(own) == text_of(hub));
    const auto* op = hub.stages[0].layers[0].blocks[0].branches[0].op.as<HyenaSpec>();
    REQUIRE(op);
    CHECK((op->order == 3 && op->length == 330 && hub.position_limit == 330));
    CHECK((takes_whole(hub) && !sees_ahead(hub.stages[0]) && generating_stage(hub) == kNoStage));
}
