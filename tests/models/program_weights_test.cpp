// SPDX-License-Identifier: Apache-2.0
// Weights that a schedule makes of others when a model is loaded: against plain loops, as files, and what is refused.
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "layers/gate.hpp"
#include "models/architecture.hpp"
#include "repository.hpp"
#include "schedule/weight_order.hpp"
#include "schedule/weight_program.hpp"
#include "schedules.hpp"
#include "unit/temporary_directory.hpp"
#include <cmath>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr uint32_t kRows = 5000, kFeatures = 3, kMade = 7; // more rows than are made at a time

// 3 sin(W features) times exp(-|rate|) with something left of it.
Schedule program_of(Builder& builder, Schedule& s) {
    Stage stage{.name = "made", .width = kFeatures, .streams = {{"wave", kMade}, {"decay", kMade}}};
    EmbedSpec features;
    features.rows = kRows;
    features.table = builder.matrix("features", kRows, kFeatures);
    LinearSpec wave{builder.linear("wave", kMade, kFeatures)};
    wave.activation = kernel::Activation::sine;
    wave.scale = 3;
    WeightPiece rates{.names = builder.names("rates"), .file_shape = {kMade, kFeatures}};
    rates.transform = WeightTransform::negative_abs;
    const LinearSpec decay{
        {builder.add({"rates", {kMade, kFeatures}, true, {rates}, {}, {}}), kNoWeight, kFeatures, kMade}};
    stage.first = {{.read = {}, .branches = {{features}}, .base = Base::none},
                   {.branches = {{wave}}, .write = 1, .base = Base::none},
                   {.branches = {{decay}}, .write = 2, .base = Base::none},
                   {.read = {2, 1},
                    .join = Join::columns,
                    .branches = {{GateSpec{kernel::Activation::exp}}},
                    .write = 1,
                    .base_scale = 0.25f}};
    s.stages.push_back(std::move(stage));
    s.outputs.push_back({"made", 0, 1});
    return std::move(s);
}

struct Made {
    TemporaryDirectory folder;
    std::vector<float> features, wave, rates;
    std::optional<ModelFiles> files;
    Schedule outer;

    Made() {
        uint32_t seed = 1;
        const auto numbers = [&](size_t count) {
            std::vector<float> all;
            for (size_t i = 0; i < count; ++i) all.push_back(float(int32_t(seed = seed * 1664525 + 1013904223)) / 2e9f);
            return all;
        };
        features = numbers(kRows * kFeatures);
        wave = numbers(kMade * kFeatures);
        rates = numbers(kMade * kFeatures);
        const auto view = [](const char* name, uint64_t rows, const std::vector<float>& values) {
            return TensorView{name, FileType::f32, {rows, kFeatures}, std::as_bytes(std::span(values))};
        };
        REQUIRE(write_safetensors(folder / "model.safetensors",
                                  std::vector{view("features", kRows, features), view("wave.weight", kMade, wave),
                                              view("rates", kMade, rates)}));
        folder.write("config.json", "{}");
        auto opened = ModelFiles::open(folder.path());
        REQUIRE(opened);
        files = std::move(*opened);
        Builder builder(outer, *files, {""});
        Schedule inner;
        Builder own(inner, *files, {""});
        const auto id = builder.made("table", kRows, program_of(own, inner));
        REQUIRE(id);
    }
};

} // namespace

TEST_CASE("a weight that a schedule makes is what it says, row by row", "[models]") {
    Made m;
    REQUIRE(m.outer.weights.size() == 1);
    CHECK(m.outer.weights[0].parameters() == (kRows + 2 * kMade) * kFeatures);
    CHECK(unused_tensors(m.outer.weights, {}, *m.files).empty());
    const auto weights = DeviceWeights::load(gpu(), m.outer.weights, *m.files, WeightType::stored, {});
    INFO((weights ? "" : weights.error().text()));
    REQUIRE(weights);
    auto uploader = vk::Uploader::create(gpu());
    REQUIRE(uploader);
    std::vector<float> got(size_t(kRows) * kMade);
    REQUIRE(uploader->read(weights->all()[0].parts[0].slice, std::as_writable_bytes(std::span(got))));
    double worst = 0;
    for (uint32_t row = 0; row < kRows; ++row)
        for (uint32_t c = 0; c < kMade; ++c) {
            double sum = 0, rate = 0;
            for (uint32_t i = 0; i < kFeatures; ++i) {
                const double feature = m.features[row * kFeatures + i];
                sum += feature * m.wave[c * kFeatures + i];
                rate -= feature * std::abs(m.rates[c * kFeatures + i]);
            }
            worst = std::max(worst, std::abs(3 * std::sin(sum) * (std::exp(rate) + 0.25) - got[row * kMade + c]));
        }
    CHECK(worst < 1e-5); // numbers up to 20, of some roundings each
    require_no_validation_messages();
}

TEST_CASE("programs of weights that cannot make them are refused by name", "[models]") {
    Made m;
    const WeightSlot good = m.outer.weights[0];
    CHECK(program_problem(good).empty());
    const auto changed = [&](const auto& change) {
        Schedule s = *good.program;
        change(s);
        WeightSlot slot = good;
        slot.program = std::make_shared<const Schedule>(std::move(s));
        return program_problem(slot);
    };
    CHECK(changed([](Schedule& s) { s.outputs[0].stream = kResidual; }) ==
          "its program must have one output, as wide as the weight");
    CHECK(changed([](Schedule& s) { s.outputs.clear(); }) == "its program must have one output, as wide as the weight");
    CHECK(changed([](Schedule& s) { s.stages.push_back(s.stages[0]); }) ==
          "its program must have one stage, of tokens that know nothing of each other");
    CHECK(changed([](Schedule& s) { s.inputs[0].limit = kRows - 1; }) ==
          "its program must read tokens alone, and know one for each row of the weight");
    CHECK(changed([&](Schedule& s) { s.weights.push_back(good); }) ==
          "the weights of its program must come from files");
    WeightSlot flat = good;
    flat.shape = {kRows * kMade};
    CHECK(program_problem(flat) == "only a table of rows of f32 can be made by a program");
}

TEST_CASE("a schedule with a made weight is written and read back without a change", "[models]") {
    const Schedule s = require_schedule(config_of(repository() / "tests/goldens/models/hyenadna-order"));
    const auto parsed = parse_json(schedule_text(s), "hyenadna.json");
    REQUIRE(parsed);
    const Json& json = *parsed;
    const auto again = schedule_from_json(json, "hyenadna.json");
    INFO((again ? "" : again.error().text()));
    REQUIRE(again);
    CHECK(schedule_text(*again) == schedule_text(s));
    CHECK(hash_of(*again) == hash_of(s));
    std::string name;
    for (const auto& [key, weight] : json["weights"].items())
        if (weight.contains("program")) name = key;
    const auto refused = [&](const auto& change) {
        Json changed = json;
        change(changed["weights"][name]["program"]);
        const auto read = schedule_from_json(changed, "hyenadna.json");
        REQUIRE_FALSE(read);
        return read.error().message;
    };
    const std::string at = "hyenadna.json: key 'weights." + name + ".program'";
    CHECK(refused([](Json& program) { program = 5; }) == at + " must be an object");
    CHECK(
        refused([](Json& program) { program["stages"][0]["width"] = 0; }).starts_with(at + ": key 'stages[0].width'"));
    CHECK(refused([&](Json& program) {
              program["weights"][name] = json["weights"][name];
          }).find("belong to a weight of the schedule") != std::string::npos);
}
