// SPDX-License-Identifier: Apache-2.0
// A trained three-layer GPT that sorts, made by others: every tensor of its first layer and every later
// block against theirs. Its own JSON becomes a GPT-2 directory as the hub has them; schedules cut off behind
// each operation then show what stands between.
#include "harness/gpu.hpp"
#include "io/safetensors_writer.hpp"
#include "layers/attention.hpp"
#include "layers/mlp.hpp"
#include "models/architecture.hpp"
#include "schedule/session.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <bit>
#include <cmath>
#include <cstring>

using namespace weft;
using namespace weft::detail;

namespace {

struct Named {
    std::vector<uint64_t> shape;
    std::vector<float> values;
};

std::vector<float> floats_of_base64(const std::string& text) {
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<unsigned char> bytes;
    uint32_t bits = 0, held = 0;
    for (char c : text) {
        const size_t digit = alphabet.find(c);
        if (digit == alphabet.npos) break; // padding
        bits = bits << 6 | uint32_t(digit);
        held += 6;
        if (held >= 8) bytes.push_back(uint8_t(bits >> (held -= 8)));
    }
    std::vector<float> values(bytes.size() / 4);
    std::memcpy(values.data(), bytes.data(), values.size() * 4);
    return values;
}

std::map<std::string, Named> read(const std::filesystem::path& path, Json& config) {
    std::map<std::string, Named> all;
    std::ifstream file(path);
    const Json json = Json::parse(file);
    for (const auto& [name, value] : json.items())
        if (name == "config") config = value;
        else
            all[name] = {value["shape"].get<std::vector<uint64_t>>(),
                         floats_of_base64(value["data"].get<std::string>())};
    return all;
}

// Linear layers as GPT-2's files hold them: [in, out].
Named transposed(const Named& t) {
    Named r{{t.shape[1], t.shape[0]}, std::vector<float>(t.values.size())};
    for (size_t o = 0; o < t.shape[0]; ++o)
        for (size_t i = 0; i < t.shape[1]; ++i) r.values[i * t.shape[0] + o] = t.values[o * t.shape[1] + i];
    return r;
}

struct Reference {
    Schedule schedule;
    std::optional<ModelFiles> files;
    std::map<std::string, Named> recorded;
    std::vector<uint32_t> ids;
    uint32_t rows = 0, tokens = 0;
};

Reference open(const std::filesystem::path& directory, const test::TemporaryDirectory& scratch) {
    Json config, unused;
    auto weights = read(directory / "gpt-nano-sort-model.json", config);
    std::vector<TensorView> views;
    for (auto& [name, t] : weights) {
        if (t.shape.size() == 2 && name.find(".c_") != name.npos) t = transposed(t);
        views.push_back({name, FileType::f32, t.shape, std::as_bytes(std::span(t.values))});
    }
    REQUIRE(write_safetensors(scratch / "model.safetensors", views));
    scratch.write("config.json", Json{{"model_type", "gpt2"},
                                      {"n_layer", config["n_layer"]},
                                      {"n_head", config["n_head"]},
                                      {"n_embd", config["n_embd"]},
                                      {"vocab_size", config["vocab_size"]},
                                      {"n_positions", config["block_size"]},
                                      {"tie_word_embeddings", false}}
                                     .dump());
    Reference r;
    auto files = ModelFiles::open(scratch.path());
    REQUIRE(files);
    r.files = std::move(*files);
    auto schedule = make_schedule(*r.files);
    INFO((schedule ? std::string() : schedule.error().text()));
    REQUIRE(schedule);
    r.schedule = std::move(*schedule);
    r.recorded = read(directory / "gpt-nano-sort-t0-partials.json", unused);
    const Named& idx = r.recorded.at("idx");
    r.rows = uint32_t(idx.shape[0]);
    r.tokens = uint32_t(idx.shape[1]);
    for (float v : idx.values) r.ids.push_back(uint32_t(v));
    return r;
}

std::vector<float> run(const Reference& r, Schedule schedule) {
    auto& device = test::gpu();
    auto weights = DeviceWeights::load(device, schedule.weights, *r.files, WeightType::stored, {});
    INFO((weights ? std::string() : weights.error().text()));
    REQUIRE(weights);
    const auto model =
        std::make_shared<const LoadedModel>(LoadedModel{device, std::move(schedule), std::move(*weights)});
    auto session = Session::create(model, {.context = r.tokens, .slots = r.rows, .max_chunk = r.rows * r.tokens});
    INFO((session ? std::string() : session.error().text()));
    REQUIRE(session);
    std::vector<Feed> feeds;
    for (uint32_t b = 0; b < r.rows; ++b)
        feeds.push_back({b, std::span(r.ids).subspan(b * r.tokens, r.tokens), r.tokens});
    auto done = (*session)->forward(feeds, Want::all);
    INFO((done ? std::string() : done.error().text()));
    REQUIRE(done);
    auto out = (*session)->logits();
    REQUIRE(out);
    return std::move(*out);
}

// Both sides are fp32 and differ by rounding: sums of up to 192 terms, a few in a row, each off by a few
// units in the last place of the largest value.
void compare(const std::string& name, const std::vector<float>& ours, const std::vector<float>& theirs) {
    REQUIRE(ours.size() == theirs.size());
    double largest = 1, error = 0;
    for (float v : theirs) largest = std::max(largest, std::abs(double(v)));
    for (size_t i = 0; i < ours.size(); ++i) error = std::max(error, std::abs(double(ours[i]) - double(theirs[i])));
    INFO(name << ": largest difference " << error << ", largest value " << largest);
    CHECK(error <= 64 * 0x1p-23 * largest);
}

} // namespace

TEST_CASE("a trained GPT, operation by operation", "[models]") {
    const auto directory = test::goldens() / "../data/gpt-nano-sort";
    if (!std::filesystem::exists(directory)) SKIP(directory.string() << " is not there");
    const test::TemporaryDirectory scratch;
    const Reference r = open(directory, scratch);
    const uint32_t width = decoder_of(r.schedule).width;
    const auto theirs = [&](const std::string& name) { return r.recorded.at(name).values; };
    const auto sum = [&](std::vector<float> a, const std::vector<float>& b) {
        for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
        return a;
    };

    // The first `layers` layers with the first `blocks` blocks of the last one; what remains is the
    // head's to show, through `norm` and `linear`.
    const auto cut = [&](size_t layers, size_t blocks) {
        Schedule s = r.schedule;
        decoder_of(s).layers.resize(layers);
        if (layers) decoder_of(s).layers.back().blocks.resize(blocks);
        return s;
    };
    // Rows [first, first + width) of the unit matrix of `in` columns.
    const auto pick = [&](Schedule& s, uint32_t in, uint32_t first) {
        std::vector<float> unit(size_t(width) * in, 0.0f);
        for (uint32_t i = 0; i < width; ++i) unit[size_t(i) * in + first + i] = 1;
        s.weights.push_back({"unit", {width, in}, true, {}, unit, {}});
        return Linear{WeightId(s.weights.size() - 1), kNoWeight, in, width};
    };
    const auto shown = [&](Schedule s, const Norm& norm, std::optional<Linear> linear = {}) {
        head_norm(s) = norm;
        head_linear(s).linear = linear ? *linear : pick(s, width, 0);
        stage_of(s, kHead)->streams[0].width = s.vocabulary = head_linear(s).linear.out;
        return run(r, std::move(s));
    };
    const Block &attends = decoder_of(r.schedule).layers[0].blocks[0],
                &feeds = decoder_of(r.schedule).layers[0].blocks[1];
    const auto& attention = *attends.branches[0].op.as<AttentionSpec>();
    const auto& mlp = *feeds.branches[0].op.as<MlpSpec>();

    compare("x", shown(cut(0, 0), {}), theirs("x"));
    compare("ln1", shown(cut(0, 0), attends.pre), theirs("ln1"));
    compare("qkv", shown(cut(0, 0), attends.pre, attention.qkv), theirs("qkv"));
    {
        Schedule s = cut(1, 1);
        decoder_of(s).layers[0].blocks[0].branches[0].op.as<AttentionSpec>()->out = pick(s, width, 0);
        compare("x + y", shown(s, {}), sum(theirs("x"), theirs("y")));
    }
    compare("attnResid", shown(cut(1, 1), {}), theirs("attnResid"));
    compare("ln2", shown(cut(1, 1), feeds.pre), theirs("ln2"));
    compare("fc", shown(cut(1, 1), feeds.pre, mlp.in), theirs("fc"));
    for (uint32_t first = 0; first < mlp.inner; first += width) {
        Schedule s = cut(1, 2);
        decoder_of(s).layers[0].blocks[1].branches[0].op.as<MlpSpec>()->out = pick(s, mlp.inner, first);
        std::vector<float> expected = theirs("attnResid");
        const auto gelu = theirs("gelu");
        for (size_t i = 0; i < expected.size(); ++i) expected[i] += gelu[i / width * mlp.inner + first + i % width];
        compare("attnResid + gelu from " + std::to_string(first), shown(s, {}), expected);
    }
    compare("mlpResid", shown(cut(1, 2), {}), theirs("mlpResid"));
    compare("block0", shown(cut(1, 2), {}), theirs("block0"));
    compare("block1", shown(cut(2, 2), {}), theirs("block1"));
    compare("block2", shown(cut(3, 2), {}), theirs("block2"));
    compare("ln_f", shown(cut(3, 2), head_norm(r.schedule)), theirs("ln_f"));
    compare("lm_head", run(r, r.schedule), theirs("lm_head"));
    test::require_no_validation_messages();
}
