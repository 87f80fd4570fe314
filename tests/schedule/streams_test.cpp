// SPDX-License-Identifier: Apache-2.0
// Blocks over streams against their definition in double precision: what they read, what they add to, and every norm.
#include "io/safetensors_writer.hpp"
#include "layers/linear.hpp"
#include "schedule/decoder.hpp"
#include "schedule/schedule_text.hpp"
#include "schedule/sessions.hpp"
#include "schedule/weight_order.hpp"
#include "unit/temporary_directory.hpp"
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <map>
#include <random>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

using Row = std::vector<double>;

constexpr uint32_t kWidth = 8, kVocabulary = 12;

// Every way of reading and writing, with the projection as the only op, so that each token stands alone.
constexpr const char* kSchedule = R"({"weft_schedule": 2, "vocabulary": 12, "width": 8,
    "streams": [{"name": "copy", "start": "input"}, {"name": "side"},
                {"name": "left", "width": 3, "start": "part", "column": 1},
                {"name": "right", "width": 4, "start": "part", "column": 4}],
    "blocks": {
        "normed base": {"pre": {}, "branches": [{"op": "linear"}, {"op": "linear", "in_scale": 0.5, "out_scale": 3}],
                        "base": "normed", "base_scale": 3.5, "residual_scale": 0.5},
        "columns": {"read": ["x", "copy"], "join": "columns", "pre": {}, "branches": [{"op": "linear"}],
                    "write": "side", "base": "none"},
        "sum": {"read": ["x", "copy", "side"], "after": {"kind": "layer", "bias": true},
                "branches": [{"op": "linear", "in_scale": 0.5, "out_norm": {}},
                             {"op": "linear", "out_scale": -2, "out_norm": {"kind": "layer"}}]},
        "beside": {"read": ["side"], "branches": [{"op": "linear"}], "write": "copy", "base_scale": -0.5},
        "own": {"read": ["copy"], "branches": [{"op": "linear"}, {"op": "linear"}], "post": {}, "base": "normed",
                "residual_scale": 0.25},
        "anew": {"read": ["side"], "pre": {}, "branches": [{"op": "linear"}], "post": {"kind": "layer"},
                 "base": "none", "after": {}},
        "plain": {"branches": [{"op": "linear"}], "base_scale": 0.75},
        "again": {"read": ["side"], "branches": [{"op": "linear"}], "write": "side", "base": "none"},
        "part": {"read": ["left"], "pre": {}, "branches": [{"op": "linear"}], "write": "left", "base_scale": 0.5},
        "part anew": {"read": ["right"], "branches": [{"op": "linear"}], "write": "right", "base": "none"},
        "part of itself": {"read": ["x"], "branches": [{"op": "linear", "in_scale": 0.5}, {"op": "linear"}],
                           "write": "right", "after": {}},
        "of parts": {"read": ["right", "left"], "join": "columns", "pre": {}, "branches": [{"op": "linear"}]}},
    "layers": [{"blocks": ["normed base"]}, {"blocks": ["columns", "sum"]}, {"blocks": ["beside", "own"]},
               {"blocks": ["again", "anew", "plain"]},
               {"blocks": ["part", "part anew"]}, {"blocks": ["of parts", "part of itself"]}, {"blocks": ["plain"]}],
    "head": {"norm": {}}})";

using Weights = std::map<std::string, std::vector<float>>;

std::shared_ptr<const LoadedModel> model_of(const Json& json, Weights& weights) {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "config.json") << json;
    const auto schedule = schedule_from_json(json, "config.json");
    INFO((schedule ? "" : schedule.error().text()));
    REQUIRE(schedule);
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<TensorView> tensors;
    for (const WeightSlot& slot : schedule->weights) {
        auto& values = weights[slot.name];
        for (uint64_t i = 0; i < slot.count(); ++i) values.push_back(normal(random) * (slot.matrix ? 0.3f : 1.0f));
        tensors.push_back(
            {slot.name, FileType::f32, {slot.shape.begin(), slot.shape.end()}, std::as_bytes(std::span(values))});
    }
    REQUIRE(write_safetensors(folder.path() / "model.safetensors", tensors));
    return load(folder.path());
}

// The definition (schedule.hpp), of one token.
class Reference {
public:
    Reference(const Schedule& s, const Weights& weights) : s_(s), weights_(weights) {}

    // The residual stream after the embedding and after every layer.
    std::vector<Row> run(uint32_t id) {
        Row x;
        for (uint32_t i = 0; i < stage_.width; ++i)
            x.push_back(value(embedding_of(s_).table, size_t(id) * stage_.width + i));
        streams_ = {x};
        for (const Stream& stream : stage_.streams)
            streams_.push_back(stream.start == Stream::Start::input ? x : Row{});
        std::vector<Row> all = {x};
        for (const Layer& layer : stage_.layers) {
            for (const Block& block : layer.blocks) run(block);
            all.push_back(streams_[kResidual]);
        }
        return all;
    }

private:
    double value(WeightId id, size_t i) const { return weights_.at(s_.weights[id].name)[i]; }

    Row norm(const Norm& n, Row x) const {
        if (!n) return x;
        const double count = double(x.size());
        double mean = 0, square = 0;
        if (n.kind == kernel::NormKind::layer)
            for (const double v : x) mean += v / count;
        for (double& v : x) {
            v -= mean;
            square += v * v / count;
        }
        for (size_t i = 0; i < x.size(); ++i) {
            x[i] /= std::sqrt(square + double(n.eps));
            if (n.weight != kNoWeight) x[i] *= value(n.weight, i);
            if (n.bias != kNoWeight) x[i] += value(n.bias, i);
        }
        return x;
    }
    static Row scaled(Row x, double by) {
        for (double& v : x) v *= by;
        return x;
    }
    static Row sum(Row a, const Row& b) {
        for (size_t i = 0; i < b.size(); ++i) a[i] += b[i];
        return a;
    }
    Row project(const Linear& l, const Row& x) const {
        Row y(l.out, 0.0);
        for (size_t o = 0; o < l.out; ++o)
            for (size_t i = 0; i < l.in; ++i) y[o] += value(l.weight, o * l.in + i) * x[i];
        return y;
    }

    // A stream's numbers, wherever they are.
    std::span<double> stream(StreamId id) {
        if (!stage_.is_part(id)) return streams_[id];
        const Stream& part = stage_.streams[id - 1];
        return std::span(streams_[kResidual]).subspan(part.column, part.width);
    }
    Row copy(StreamId id) {
        const auto numbers = stream(id);
        return {numbers.begin(), numbers.end()};
    }

    void run(const Block& b) {
        Row input;
        for (const StreamId id : b.read) {
            const Row from = copy(id);
            if (b.join == Join::sum && !input.empty()) input = sum(input, from);
            else input.insert(input.end(), from.begin(), from.end());
        }
        const Row normed = norm(b.pre, input);
        Row result(stage_.width_of(b.write), 0.0);
        for (const Branch& branch : b.branches) {
            const Row own = project(branch.op.as<LinearSpec>()->linear, scaled(normed, branch.in_scale));
            result = sum(result, scaled(norm(branch.out_norm, own), branch.out_scale));
        }
        result = scaled(norm(b.post, result), b.residual_scale);
        if (b.base == Base::stream) result = sum(result, scaled(copy(b.write), b.base_scale));
        if (b.base == Base::normed) result = sum(result, scaled(normed, b.base_scale));
        result = norm(b.after, result);
        if (stage_.is_part(b.write)) std::ranges::copy(result, stream(b.write).begin());
        else streams_[b.write] = std::move(result);
    }

    const Schedule& s_;
    const Stage& stage_ = decoder_of(s_);
    const Weights& weights_;
    std::vector<Row> streams_;
};

Json schedule_json() { return json_of(kSchedule); }

} // namespace

TEST_CASE("blocks read, add to and norm streams as they are defined", "[schedule]") {
    Weights weights;
    const auto model = model_of(schedule_json(), weights);
    const Stage& decoder = decoder_of(model->schedule);
    REQUIRE(decoder.width == kWidth);
    const size_t layers = decoder.layers.size();
    Reference reference(model->schedule, weights);
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < 21; ++i) ids.push_back(i * 5 % kVocabulary);
    for (const uint32_t chunk : {21u, 4u, 1u}) {
        const auto session = make(model, 1, 32, 64);
        for (size_t at = 0; at < ids.size(); at += chunk) {
            const std::span fed = std::span(ids).subspan(at, std::min<size_t>(chunk, ids.size() - at));
            const Feed feed{0, fed, 0};
            REQUIRE(session->forward({&feed, 1}, Want::all, 0, true, chunk == 1));
            for (size_t l = 0; l < layers; ++l) { // the last tap is behind the final norm
                const auto tap = session->tap(kDecoder, uint32_t(l));
                REQUIRE(tap);
                for (size_t t = 0; t < fed.size(); ++t) {
                    const Row expected = reference.run(fed[t])[l];
                    double worst = 0;
                    for (size_t i = 0; i < kWidth; ++i)
                        worst = std::max(worst, std::abs(expected[i] - double((*tap)[t * kWidth + i])));
                    CAPTURE(chunk, l, t, worst);
                    CHECK(worst < 2e-5);
                }
            }
        }
    }
}

TEST_CASE("schedules with streams are written and read back without a change", "[schedule]") {
    (void)require_round_trip(schedule_json());
}

TEST_CASE("what blocks say of streams changes a schedule's hash", "[schedule]") {
    const auto hash = [](const Json& json) {
        const auto s = schedule_from_json(json, "a.json");
        INFO((s ? "" : s.error().text()));
        REQUIRE(s);
        return hash_of(*s);
    };
    const uint64_t whole = hash(schedule_json());
    for (const auto& [place, value] : {std::pair<const char*, Json>{"/blocks/plain/base_scale", 0.5},
                                       {"/blocks/plain/base", "normed"},
                                       {"/blocks/sum/read", {"x", "side", "copy"}},
                                       {"/blocks/sum/after/kind", "rms"},
                                       {"/blocks/sum/branches/0/out_norm/eps", 1e-5},
                                       {"/blocks/own/write", "side"},
                                       {"/streams/1/start", "input"},
                                       {"/streams/2/column", 2}}) {
        Json json = schedule_json();
        json[Json::json_pointer(place)] = value;
        if (std::string_view(place) == "/blocks/sum/after/kind") json["blocks"]["sum"]["after"].erase("bias");
        CAPTURE(place);
        CHECK(hash(json) != whole);
    }
}

TEST_CASE("what a schedule says of streams that cannot be is refused", "[schedule]") {
    const auto refusal = [](const std::function<void(Json&)>& edit) { return refusal_of(schedule_json(), edit); };
    const std::string at = "a.json: key '";
    CHECK(refusal([](Json& j) { j["blocks"]["sum"]["read"][1] = "nobody"; }) ==
          at + "blocks.sum.read' must name streams of the stage; there is no 'nobody'");
    CHECK(refusal([](Json& j) { j["blocks"]["sum"]["write"] = ""; }) ==
          at + "blocks.sum.write' must name streams of the stage; there is no ''");
    CHECK(refusal([](Json& j) { j["blocks"]["sum"]["read"] = Json::array(); }) ==
          at + "blocks.sum.branches[0].op' must be in a block that reads a stream");
    CHECK(refusal([](Json& j) { j["blocks"]["sum"]["read"] = Json(std::vector<std::string>(9, "x")); }) ==
          at + "blocks.sum.read' must name at most 8 streams");
    CHECK(refusal([](Json& j) { j["blocks"]["columns"]["base"] = "normed"; }) ==
          at + "blocks.columns.base' must not be normed where the input has another width than what is written");
    CHECK(refusal([](Json& j) { j["blocks"]["columns"]["base_scale"] = 2; }) ==
          at + "blocks.columns.base_scale' must not be there without a base");
    CHECK(refusal([](Json& j) { j["streams"][1]["name"] = "copy"; }) ==
          at + "streams[1].name' must be given, and that of no other stream");
    CHECK(refusal([](Json& j) { j["streams"][1]["name"] = "x"; }) ==
          at + "streams[1].name' must be given, and that of no other stream");
    CHECK(refusal([](Json& j) { j["streams"][0]["start"] = "nothing"; }) ==
          at + "read' must not name 'copy' in layer 1: no block before writes that stream");
    CHECK(refusal([](Json& j) { j["streams"][3]["column"] = 5; }) ==
          at + "streams[3].column' must leave room for the part in the residual stream");
    CHECK(refusal([](Json& j) { j["blocks"]["columns"]["base"] = "stream"; }) ==
          at + "write' must not name 'side' in layer 1: no block before writes that stream");
}

TEST_CASE("schedules of version 1 mean what they did", "[schedule]") {
    const auto read = [](const char* text) {
        const auto json = parse_json(text, "a.json");
        REQUIRE(json);
        const auto s = schedule_from_json(*json, "a.json");
        INFO((s ? "" : s.error().text()));
        REQUIRE(s);
        return schedule_text(*s);
    };
    CHECK(read(R"({"weft_schedule": 1, "vocabulary": 12, "width": 8, "blocks": {
        "a": {"input": "residual_and_embedding", "pre": {}, "branches": [{"op": "linear"}], "output": "side"},
        "b": {"input": "side", "branches": [{"op": "linear"}], "output": "side"},
        "c": {"input": "residual_plus_side", "branches": [{"op": "linear"}], "output": "add_to_residual"}},
        "layers": [{"repeat": 2, "layers": [{"blocks": ["a", "b", "c"]},
                    {"blocks": [{"input": "residual", "branches": [{"op": "linear"}]}]}]}], "head": {"norm": {}}})") ==
          read(R"({"weft_schedule": 2, "vocabulary": 12, "width": 8,
        "streams": [{"name": "embedding", "start": "input"}, {"name": "side"}], "blocks": {
        "a": {"read": ["x", "embedding"], "join": "columns", "pre": {}, "branches": [{"op": "linear"}],
              "write": "side", "base": "none"},
        "b": {"read": ["side"], "branches": [{"op": "linear"}], "write": "side", "base": "none"},
        "c": {"read": ["x", "side"], "branches": [{"op": "linear"}]}},
        "layers": [{"repeat": 2, "layers": [{"blocks": ["a", "b", "c"]},
                    {"blocks": [{"branches": [{"op": "linear"}]}]}]}],
        "head": {"norm": {}}})"));
    // Most have neither.
    CHECK(read(R"({"weft_schedule": 1, "vocabulary": 12, "width": 8, "layers": [{"blocks":
        [{"branches": [{"op": "linear"}]}]}], "head": {}})") ==
          read(R"({"weft_schedule": 2, "vocabulary": 12, "width": 8, "layers": [{"blocks":
        [{"branches": [{"op": "linear"}]}]}], "head": {}})"));
    // Pieces of a weight from a first row on.
    const std::string plain = R"("vocabulary": 12, "width": 8, "layers": [{"blocks":
        [{"branches": [{"op": "linear", "linear": {"weight": "w"}}]}]}], "head": {}, "weights": {"w": {"pieces": [
        {"names": ["a"], "shape": [9, 8], )",
                      rest = R"({"names": ["b"], "shape": [4, 8]}]}}})";
    CHECK(read((R"({"weft_schedule": 1, )" + plain + R"("first_row": 2, "rows": 4}, )" + rest).c_str()) ==
          read((R"({"weft_schedule": 2, )" + plain + R"("rows": {"first": 2, "axes": [{"count": 4}]}}, )" + rest)
                   .c_str()));
    // Transposing was one of the transforms.
    CHECK(read((R"({"weft_schedule": 1, )" + plain + R"("rows": 4}, {"names": ["b"], "shape": [8, 4],
        "transform": "transpose"}]}}})")
                   .c_str()) ==
          read((R"({"weft_schedule": 2, )" + plain + R"("rows": {"axes": [{"count": 4}]}}, {"names": ["b"],
        "shape": [8, 4], "order": [1, 0]}]}}})")
                   .c_str()));
}
