// SPDX-License-Identifier: Apache-2.0
// Schedules of models that scan pictures and sounds: what their configs ask for, and what is refused by name.
#include "layers/cross_scan.hpp"
#include "schedules.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

const CrossScanSpec& scan_of(const Schedule& s, size_t layer = 0) {
    for (const Stage& stage : s.stages)
        if (layer < stage.layers.size())
            for (const Block& block : stage.layers[layer].blocks)
                if (const auto* scan = block.branches[0].op.as<CrossScanSpec>()) return *scan;
    FAIL("no layer scans");
    static const CrossScanSpec none;
    return none;
}

struct Edit {
    const char *name, *key;
    Json value;
};
Json edited(const Edit& e) {
    return weft::test::edited(config_of(goldens() / e.name), [&](Json& c) { c[e.key] = e.value; });
}

} // namespace

TEST_CASE("settings that scans of pictures and sounds do not have are refused by name", "[models]") {
    weft_GOLDEN(there, "vim");
    const Edit edits[] = {{"vim", "if_bidirectional", true},
                          {"vim", "if_rope", true},
                          {"vim", "if_rope_residual", true},
                          {"vim", "bimamba_type", "v3"},
                          {"vim", "final_pool_type", "max"},
                          {"vim", "img_size", 7},
                          {"vim", "patch_size", Json::array({8, 8, 8})},
                          {"vim", "depth", 100000},
                          {"aum-v1", "channels", 2},
                          {"aum-v1", "spectrogram_size", Json::array({8, 96})},
                          {"vmamba", "forward_type", "v052dc_noz"},
                          {"vmamba", "gmlp", true},
                          {"vmamba", "post_norm", true},
                          {"vmamba", "posembed", true},
                          {"vmamba", "norm_layer", "bn"},
                          {"vmamba", "downsample_version", "v4"},
                          {"vmamba", "patchembed_version", "v3"},
                          {"vmamba", "ssm_conv", 1},
                          {"vmamba", "ssm_ratio", 0},
                          {"vmamba", "dims", Json::array({16, 32})},
                          {"plainmamba", "arch", "L1"},
                          {"plainmamba", "patch_size", 7},
                          {"plainmamba", "layers_with_dwconv", Json::array({2})},
                          {"mambavision", "depths", Json::array({1, 2, 4})},
                          {"mambavision", "num_heads", Json::array({1, 2, 3, 4})},
                          {"mambavision", "qk_scale", true},
                          {"mambavision", "mlp_ratio", 0}};
    for (const Edit& e : edits) {
        CAPTURE(e.name, e.key);
        CHECK(error_of(edited(e)).find(std::string("'") + e.key + "'") != std::string::npos);
    }
    CHECK(error_of(edited({"vim", "ssm_cfg", {{"d_state", 4}}})).find("'d_state'") != std::string::npos);
}

TEST_CASE("the scans of a picture follow the config", "[models]") {
    weft_GOLDEN(there, "vim");
    const auto views = [](const Schedule& s) {
        std::vector<uint32_t> all;
        for (const ScanDirection& d : scan_of(s).directions) all.push_back(d.view);
        return all;
    };
    using Views = std::vector<uint32_t>;
    const auto vim = [](const char* type) { return require_schedule(edited({"vim", "bimamba_type", type})); };
    CHECK(views(vim("none")) == Views{0});
    CHECK(views(vim("v1")) == Views{0, 1});
    CHECK(views(vim("v2")) == Views{0, 1});
    CHECK(scan_of(vim("v1")).conv.weight != kNoWeight);
    CHECK(scan_of(vim("v2")).conv.weight == kNoWeight);
    // Only two directions apart are halved; the factor is in the weight, and a bias stays.
    const auto factor = [](const Schedule& s) { return s.weights[scan_of(s).out.weight].pieces[0].rescale.factor; };
    CHECK(factor(vim("v2")) == 0.5f);
    CHECK(factor(vim("v1")) == 1);
    const Schedule biased =
        require_schedule(edited({"vim", "ssm_cfg", {{"bias", true}, {"dt_rank", 5}, {"expand", 3}, {"d_conv", 3}}}));
    const CrossScanSpec& scan = scan_of(biased);
    CHECK(scan.rank == 5);
    CHECK(scan.inner == 144);
    CHECK(scan.directions[1].conv.taps_across == 3);
    CHECK(biased.weights[scan.out.bias].pieces[0].rescale.nothing());

    const auto vmamba = [](const char* type) { return require_schedule(edited({"vmamba", "forward_type", type})); };
    CHECK(views(vmamba("v05")) == Views{0, 1, 2, 3});
    CHECK(views(vmamba("v051d")) == Views{0, 0, 0, 0});
    CHECK(views(vmamba("v052d_no32")) == Views{0, 0, 1, 1});
    CHECK(scan_of(vmamba("v05_noz")).gate == ScanGate::none);
    CHECK(scan_of(vmamba("v05_nozact")).activation == kernel::Activation::none);
    CHECK_FALSE(scan_of(vmamba("v05_onnone_noz")).norm.present);
}
