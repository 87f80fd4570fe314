// SPDX-License-Identifier: Apache-2.0
// RWKV-7: its three kinds of files, what configs leave out, and what is refused.
#include "device.hpp"
#include "io/safetensors_writer.hpp"
#include "layers/rwkv7.hpp"
#include "layers/shifted_mlp.hpp"
#include "schedules.hpp"
#include <catch2/catch_all.hpp>
#include <map>
#include <weft/check.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("rwkv7: the schedule fits the file", "[models]") {
    for (const char* name : {"fla-rwkv7", "rwkv7-blink", "gguf/rwkv7/model.gguf"}) DYNAMIC_SECTION(name) {
            weft_GOLDEN(path, name);
            require_fit(path);
        }
}

TEST_CASE("rwkv7: a GGUF file's logits", "[models]") {
    weft_GOLDEN(path, "gguf/rwkv7/model.gguf");
    const auto report = check(device(), path, {});
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    CHECK(report->ok());
}

TEST_CASE("rwkv7: older files, with all proportions in one tensor and a value gate in the first layer", "[models]") {
    weft_GOLDEN(path, "fla-rwkv7");
    auto files = ModelFiles::open(path);
    REQUIRE(files);
    using Tensor = std::pair<std::vector<uint64_t>, std::vector<float>>;
    std::map<std::string, Tensor> tensors;
    for (const TensorView* t : files->tensors()) {
        auto values = read_f32(*t);
        REQUIRE(values);
        tensors[t->name] = {t->shape, std::move(*values)};
    }
    for (uint32_t i = 0; i < 3; ++i) {
        const std::string at = "model.layers." + std::to_string(i) + ".attn.x_";
        Tensor all{{6, 64}, {}};
        for (const char* part : {"r", "w", "k", "v", "a", "g"}) {
            const auto& values = tensors.at(at + part).second;
            all.second.insert(all.second.end(), values.begin(), values.end());
            tensors.erase(at + part);
        }
        tensors[at + "x"] = all;
    }
    for (const char* part : {"0.weight", "2.weight", "2.bias"})
        tensors[std::string("model.layers.0.attn.v_lora.lora.") + part] =
            tensors.at(std::string("model.layers.1.attn.v_lora.lora.") + part);
    const TemporaryDirectory directory;
    directory.write("config.json", files->config()->dump());
    std::vector<TensorView> views;
    for (const auto& [name, t] : tensors)
        views.push_back({name, FileType::f32, t.first, std::as_bytes(std::span(t.second))});
    REQUIRE(write_safetensors(directory / "model.safetensors", views));
    for (const char* recorded : {"io.safetensors", "case.json"})
        std::filesystem::copy_file(path / recorded, directory / recorded);
    require_fit(directory.path());
    const auto report = check(device(), directory.path(), {});
    INFO((report ? report->text() : report.error().text()));
    REQUIRE(bool(report));
    CHECK(report->ok());
}

TEST_CASE("rwkv7: what configs leave out", "[models]") {
    weft_GOLDEN(path, "fla-rwkv7");
    const Json config = config_of(path);
    const auto with = [&](const std::function<void(Json&)>& edit) { return require_schedule(edited(config, edit)); };
    const auto mixer = [](const Schedule& s, size_t layer) -> const Rwkv7Spec& {
        return op<Rwkv7Spec>(s, layer, decoder_of(s).layers.at(layer).blocks.size() - 2);
    };
    const Schedule s = require_schedule(config);
    CHECK(decoder_of(s).layers.size() == 3);
    CHECK(decoder_of(s).layers[0].blocks.size() == 4); // a norm, and the values that all layers read
    CHECK(!mixer(s, 0).value);
    CHECK(mixer(s, 1).value);
    CHECK(mixer(s, 1).head_norm.eps == 16e-5f);
    const Schedule later = with([](Json& c) { c["norm_first"] = false; });
    CHECK(decoder_of(later).layers[0].blocks.size() == 3);
    const Schedule plain = with([](Json& c) { c["norm_bias"] = false; });
    CHECK(head_norm(plain).bias == kNoWeight);
    CHECK(text_of(edited(config, [](Json& c) { c.erase("num_heads"); })) == text_of(config));
    CHECK(text_of(edited(config, [](Json& c) { c["num_heads"] = 8; })) == text_of(config)); // as the class has it
    CHECK(text_of(edited(config, [](Json& c) { c["head_dim"] = nullptr; })) == text_of(config));
    CHECK(mixer(with([](Json& c) { c.erase("head_dim"); }), 1).heads == 1);
    CHECK(op<ShiftedMlpSpec>(with([](Json& c) { c.erase("intermediate_size"); }), 1, 1).inner == 256);
    const Schedule wide = with([](Json& c) { // the ranks follow from the width where neither config nor file has them
        for (const char* key :
             {"a_low_rank_dim", "decay_low_rank_dim", "gate_low_rank_dim", "v_low_rank_dim", "value_dim", "num_heads"})
            c.erase(key);
        c["hidden_size"] = 1024;
        c["head_dim"] = 64;
    });
    const Rwkv7Spec& m = mixer(wide, 1);
    CHECK((m.heads == 16 && m.decay.down.out == 64 && m.rate.down.out == 64 && m.gate.down.out == 160 &&
           m.value_gate.down.out == 64));
}

TEST_CASE("rwkv7: what is refused", "[models]") {
    weft_GOLDEN(path, "fla-rwkv7");
    const Json config = config_of(path);
    const auto error = [&](const char* key, Json value) {
        return error_of(edited(config, [&](Json& c) { c[key] = std::move(value); }));
    };
    CHECK_THAT(error("hidden_act", "relu"), ContainsSubstring("hidden_act") && ContainsSubstring("sqrelu"));
    CHECK_THAT(error("attn", {{"layers", {1}}}), ContainsSubstring("attn") && ContainsSubstring("must be null"));
    CHECK_THAT(error("value_dim", {64, 128, 64}), ContainsSubstring("value_dim") && ContainsSubstring("hidden_size"));
    for (const double ratio : {1e-9, 1e12}) {
        const auto text = error_of(edited(config, [&](Json& c) {
            c.erase("intermediate_size");
            c["hidden_ratio"] = ratio;
        }));
        CHECK_THAT(text, ContainsSubstring("hidden_ratio") && ContainsSubstring("between 1 and 2^30"));
    }
    CHECK_THAT(error("value_dim", 128), ContainsSubstring("value_dim"));
    CHECK_THAT(error("head_dim", 24), ContainsSubstring("must divide hidden_size"));
    CHECK_THAT(error_of(edited(config,
                               [](Json& c) {
                                   c["head_dim"] = nullptr;
                                   c["num_heads"] = 7;
                               })),
               ContainsSubstring("num_heads") && ContainsSubstring("must divide hidden_size"));
}
