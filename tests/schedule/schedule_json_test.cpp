// SPDX-License-Identifier: Apache-2.0
// Schedules as JSON: written and read back without a change, refused by key, hashed, and run.
#include "base/file.hpp"
#include "harness/gpu.hpp"
#include "layers/attention.hpp"
#include "models/architecture.hpp"
#include "models/schedules.hpp"
#include "pipelines/load.hpp"
#include "repository.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/session.hpp"
#include "schedule/weight_order.hpp"
#include "schedule/weights.hpp"
#include <cmath>
#include <set>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr const char* kFile = "hand.json";

Json parsed(const std::string& text) {
    auto json = parse_json(text, kFile);
    INFO((json ? "" : json.error().text()));
    REQUIRE(json);
    return *json;
}

// All that a hand-written schedule needs, with one more thing here and there.
Json small() {
    return parsed(R"({"weft_schedule": 2, "vocabulary": 100, "width": 32,
        "blocks": {"attention": {"pre": {}, "branches": [{"op": "attention", "heads": 4, "kv_heads": 2, "rope": {}}]},
                   "mlp": {"pre": {}, "branches": [{"op": "mlp", "inner": 48}]}},
        "layers": [{"repeat": 2, "blocks": ["attention", "mlp"]}], "head": {"norm": {}}})");
}

Schedule read(const Json& json) {
    auto s = schedule_from_json(json, kFile);
    INFO((s ? "" : s.error().text()));
    REQUIRE(s);
    return std::move(*s);
}

std::string refusal(const std::function<void(Json&)>& edit) {
    Json json = small();
    edit(json);
    auto s = schedule_from_json(json, kFile);
    REQUIRE_FALSE(s);
    CHECK(s.error().message.starts_with("hand.json: "));
    return s.error().text();
}

void require_same(const Schedule& a, const Schedule& b) {
    CHECK(text_of(a) == text_of(b));
    CHECK(schedule_text(a) == schedule_text(b));
    CHECK(hash_of(a) == hash_of(b));
    REQUIRE(a.weights.size() == b.weights.size());
    for (size_t i = 0; i < a.weights.size(); ++i) {
        const WeightSlot &x = a.weights[i], &y = b.weights[i];
        CHECK(x.name == y.name);
        CHECK(x.shape == y.shape);
        CHECK((x.matrix == y.matrix && x.decay == y.decay));
        CHECK(x.computed == y.computed);
        CHECK((x.pieces == y.pieces && x.alternatives == y.alternatives));
    }
    CHECK(a.begin_token == b.begin_token);
}

Schedule round_trip(const Schedule& s) { return read(parsed(schedule_text(s))); }

uint64_t hash_after(const std::function<void(Json&)>& edit) {
    Json json = small();
    edit(json);
    return hash_of(read(json));
}

Json& attention(Json& j) { return j["blocks"]["attention"]["branches"][0]; }
Json& mlp(Json& j) { return j["blocks"]["mlp"]["branches"][0]; }

} // namespace

TEST_CASE("every architecture's schedule is written and read back without a change", "[schedule]") {
    std::set<std::string> known, seen;
    for (const Architecture* a : all_architectures())
        for (const char* type : a->model_types) known.insert(type);
    for (const auto& root : {weft::test::repository() / "tests/goldens/models", goldens()}) {
        if (!std::filesystem::is_directory(root)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(root)) {
            if (!std::filesystem::exists(entry.path() / "config.json")) continue;
            const auto files = ModelFiles::open(entry.path());
            if (!files || !files->config() || !known.count(files->config()->value("model_type", ""))) continue;
            INFO(entry.path().string());
            const auto s = make_schedule(*files);
            if (!s) continue; // tests/models says why
            seen.insert(s->architecture);
            const Schedule again = round_trip(*s);
            require_same(*s, again);
            CHECK(check_weights(again.weights, *files).empty());
        }
    }
    if (seen.empty()) SKIP("no recorded cases; set WEFT_GOLDENS to run this test");
}

TEST_CASE("layers that repeat are written once, and names of weights follow the layer", "[schedule]") {
    const Schedule s = read(small());
    CHECK(decoder_of(s).layers.size() == 2);
    CHECK(head_linear(s).linear.weight != embedding_of(s).table);
    const auto json = to_json(s);
    const auto& layers = json["stages"][0]["layers"];
    CHECK(layers.size() == 1);
    CHECK(layers[0]["repeat"].get<int>() == 2);
    CHECK(json["blocks"].size() == 2);
    CHECK_FALSE(json.contains("weights"));
    CHECK(hash_of(read(parsed(schedule_text(s)))) == hash_of(s));
    const auto& second = *decoder_of(s).layers[1].blocks[0].branches[0].op.as<AttentionSpec>();
    CHECK(s.weights[second.qkv.weight].name == "layers.1.blocks.0.branches.0.qkv.weight");
    CHECK(s.weights[second.qkv.weight].shape == std::vector<uint32_t>{64, 32});
    CHECK(second.head_size == 8);
    CHECK(second.scale == float(1 / std::sqrt(8.0)));
    CHECK(s.weights[second.rope.frequencies].computed[1] == float(std::pow(10000.0, -0.25)));
}

TEST_CASE("numbers of a schedule file are within what their kernels take", "[schedule]") {
    // A schedule with every op, and every number's place in it.
    const Json full = parsed(R"({"weft_schedule": 2, "vocabulary": 100, "width": 32,
        "blocks": {"mixer": {"pre": {}, "branches": [{"op": "attention", "heads": 4, "rope": {}},
                             {"op": "mamba2", "head_size": 8, "state_size": 16},
                             {"op": "gated_delta", "key_heads": 2, "key_size": 16, "norm": {}}]},
                   "mlp": {"branches": [{"op": "mlp", "inner": 48},
                                        {"op": "moe", "experts": 4, "chosen": 2, "inner": 16}], "post": {}}},
        "layers": [{"blocks": ["mixer", "mlp"]}], "head": {"norm": {}}})");
    REQUIRE(schedule_from_json(full, kFile));
    struct Place {
        const char* pointer;
        float least; ///< 0: not negative, 1: above 0, -1: any finite number
        bool bound = false;
    };
    for (const auto& [pointer, least, bound] : {Place{"/blocks/mixer/pre/eps", 0},
                                                {"/blocks/mlp/post/eps", 0},
                                                {"/head/norm/eps", 0},
                                                {"/blocks/mixer/branches/0/rope/factor", 1},
                                                {"/blocks/mixer/branches/0/rope/long_factor", 1},
                                                {"/blocks/mixer/branches/0/rope/ntk", 0},
                                                {"/blocks/mixer/branches/0/rope/theta", 1},
                                                {"/blocks/mixer/branches/0/scale", -1},
                                                {"/blocks/mixer/branches/0/key_scale", -1},
                                                {"/blocks/mixer/branches/0/softcap", 0},
                                                {"/blocks/mixer/branches/0/in_scale", -1},
                                                {"/blocks/mixer/branches/0/out_scale", -1},
                                                {"/blocks/mixer/residual_scale", -1},
                                                {"/blocks/mixer/branches/1/dt_min", -1},
                                                {"/blocks/mixer/branches/1/dt_max", 0, true},
                                                {"/blocks/mixer/branches/2/beta_scale", -1},
                                                {"/blocks/mixer/branches/2/norm/eps", 0},
                                                {"/blocks/mlp/branches/0/gate_scale", -1},
                                                {"/blocks/mlp/branches/1/scale", -1},
                                                {"/blocks/mlp/branches/1/limit", 0},
                                                {"/blocks/mlp/branches/1/up_offset", -1},
                                                {"/embedding/scale", -1},
                                                {"/head/scale", -1},
                                                {"/head/softcap", 0}}) {
        const std::string path = pointer, key = path.substr(path.rfind('/') + 1);
        const auto with = [&](const Json& value) {
            Json json = full;
            json[Json::json_pointer(path)] = value;
            if (key == "ntk") json[Json::json_pointer("/blocks/mixer/branches/0/rope/original")] = 64;
            return schedule_from_json(json, kFile);
        };
        const auto word = [](const char* name) { return Json{{"__float__", name}}; };
        std::vector<Json> odd{word("NaN"), word("-Infinity")};
        if (key != "theta") odd.push_back(1e300); // which is no 32-bit float
        if (!bound) odd.push_back(word("Infinity"));
        if (least >= 0) odd.push_back(-0.5);
        if (least > 0) odd.push_back(0.0);
        for (const Json& value : odd) {
            CAPTURE(path, value.dump());
            const auto s = with(value);
            REQUIRE_FALSE(s);
            CHECK(s.error().code == ErrorCode::malformed);
            CHECK(s.error().message.find(key + "' must") != std::string::npos);
        }
        std::vector<Json> fine{0.25, 1};
        if (least <= 0) fine.push_back(0);
        if (least < 0) fine.push_back(-0.25);
        if (bound) fine.push_back(word("Infinity"));
        for (const Json& value : fine) {
            CAPTURE(path, value.dump());
            const auto s = with(value);
            INFO((s ? "" : s.error().text()));
            CHECK(bool(s));
        }
    }
    Json crossed = full;
    crossed["blocks"]["mixer"]["branches"][1].update({{"dt_min", 0.5}, {"dt_max", 0.25}});
    CHECK(schedule_from_json(crossed, kFile).error().message.find("dt_max' must not be below dt_min") !=
          std::string::npos);
    Json table = full; // numbers of weights that are computed
    table["blocks"]["mixer"]["branches"][0]["rope"]["frequencies"] = "f";
    table["weights"]["f"]["computed"] = {1.0, 0.5, 0.25, {{"__float__", "Infinity"}}};
    CHECK(schedule_from_json(table, kFile).error().message.find("'f' must hold finite numbers") != std::string::npos);
}

TEST_CASE("weights are shared by name, and put together as the file says", "[schedule]") {
    Json json = small();
    json["head"]["linear"]["weight"] = "embedding.table";
    attention(json)["qkv"] = {{"weight", "shared"}, {"bias", true}};
    attention(json)["out"] = {{"weight", "own.{layer}"}};
    json["weights"]["own.{layer}"] = {{"pieces",
                                       {{{"names", {"file.{layer}.a"}}, {"shape", {16, 32}}},
                                        {{"names", {"file.{layer}.b"}},
                                         {"shape", {64, 32}},
                                         {"rows", {{"first", 8}, {"axes", {{{"count", 16}}}}}}}}}};
    const Schedule s = read(json);
    const auto &first = *decoder_of(s).layers[0].blocks[0].branches[0].op.as<AttentionSpec>(),
               &second = *decoder_of(s).layers[1].blocks[0].branches[0].op.as<AttentionSpec>();
    CHECK(head_linear(s).linear.weight == embedding_of(s).table);
    CHECK(first.qkv.weight == second.qkv.weight);
    CHECK(first.qkv.bias != second.qkv.bias);
    CHECK(s.weights[second.out.weight].pieces[1].names == std::vector<std::string>{"file.1.b"});
    // A tensor of its own name.
    CHECK(s.weights[first.qkv.weight].pieces[0].names == std::vector<std::string>{"shared"});
    require_same(s, round_trip(s));
    json["weights"]["own.1"] = Json::object(); // one layer's is put together otherwise
    const Schedule other = read(json);
    CHECK(other.weights[decoder_of(other).layers[1].blocks[0].branches[0].op.as<AttentionSpec>()->out.weight]
              .pieces.size() == 1);
    require_same(other, round_trip(other));
}

TEST_CASE("a table may be computed: it is held in f32 whatever the others are", "[schedule]") {
    Json json = small();
    json["position_limit"] = 3;
    json["embedding"]["positions"] = "sinusoids";
    json["weights"]["sinusoids"]["computed"] = std::vector<float>(3 * 32, 0.5f);
    const Schedule s = read(json);
    require_same(s, round_trip(s));
    const WeightId id = embedding_of(s).positions;
    const auto weights = DeviceWeights::random(gpu(), s.weights, WeightType::bf16, 1);
    REQUIRE(weights);
    CHECK(weights->all()[id].parts[0].dtype == DType::f32);
    CHECK(weights->all()[embedding_of(s).table].parts[0].dtype == DType::bf16);
}

TEST_CASE("what a schedule file must not hold is refused by its key", "[schedule]") {
    const auto holds = [](const std::string& text, const std::string& part) {
        INFO(text);
        CHECK(text.find(part) != text.npos);
    };
    holds(refusal([](Json& j) { attention(j)["head_sise"] = 8; }),
          "key 'blocks.attention.branches[0].head_sise' must not be there");
    holds(refusal([](Json& j) { attention(j)["head_sise"] = 8; }), "known here: op, in_scale");
    holds(refusal([](Json& j) { attention(j)["heads"] = "four"; }),
          "key 'blocks.attention.branches[0].heads' must be an integer");
    holds(refusal([](Json& j) { attention(j)["heads"] = 0; }), "must be between 1 and 2^31 - 1");
    holds(refusal([](Json& j) { attention(j).erase("heads"); }),
          "key 'blocks.attention.branches[0].heads' must be given");
    holds(refusal([](Json& j) { attention(j)["kv_heads"] = 3; }), "must divide heads");
    std::string ops;
    for (const OpKind* kind : all_ops()) ops += (ops.empty() ? "" : ", ") + std::string(kind->name);
    holds(refusal([](Json& j) { attention(j)["op"] = "attend"; }), "must be one of " + ops + ", is 'attend'");
    holds(refusal([](Json& j) { attention(j)["rope"]["kind"] = "quarter"; }),
          "key 'blocks.attention.branches[0].rope.kind' must be one of none, half, pairs");
    holds(refusal([](Json& j) { attention(j)["k_norm"] = Json::object(), attention(j)["key_scale"] = 2; }),
          "key_scale' must be 1 where norms of k alone");
    holds(refusal([](Json& j) { attention(j)["qkv"] = {{"weight", false}}; }), "qkv.weight' must not be false");
    holds(refusal([](Json& j) { attention(j)["qkv"] = {{"weight", "embedding.table"}}; }), "another shape");
    holds(refusal([](Json& j) { mlp(j)["activation"] = 1; }), "mlp.branches[0].activation' must be one of none, silu");
    holds(refusal([](Json& j) { mlp(j)["inner"] = 2147483647; }), "2^31 - 1");
    holds(refusal([](Json& j) { mlp(j)["in_scale"] = 1e300; }), "must fit 32-bit floats");
    holds(refusal([](Json& j) { j["layers"][0]["blocks"][1] = "feed_forward"; }),
          "key 'layers[0].blocks[1]' must be the name of one of blocks; there is no 'feed_forward'");
    holds(refusal([](Json& j) {
              j["layers"][0]["blocks"][1] = j["blocks"]["mlp"];
              j["layers"][0]["blocks"][1]["branches"][0].erase("inner");
          }),
          "key 'layers[0].blocks[1].branches[0].inner' must be given");
    holds(refusal([](Json& j) { j["layers"][0]["repeat"] = 2001; }), "key 'layers[0].repeat' must be at most 2000");
    holds(refusal([](Json& j) {
              j["layers"] = Json::array(
                  {{{"repeat", 100}, {"layers", Json::array({{{"repeat", 21}, {"blocks", {"mlp", "mlp"}}}})}}});
          }),
          "key 'layers' must be at most 2000");
    holds(refusal([](Json& j) {
              j["layers"] = Json::array({{{"layers", Json::array()}}});
          }),
          "key 'layers[0].layers' must not be empty");
    holds(refusal([](Json& j) {
              j["weft_schedule"] = 1;
              j["blocks"]["mlp"]["input"] = "side";
          }),
          "key 'read' must not name 'side' in layer 0: no block before writes that stream");
    holds(refusal([](Json& j) { j["weights"]["nothing"] = Json::object(); }),
          "key 'weights.nothing' must belong to a weight");
    holds(refusal([](Json& j) {
              j["weights"]["embedding.table"]["pieces"] = Json::array({{{"names", {"a"}}, {"shape", {99, 32}}}});
          }),
          "must have 3200 elements in all");
    holds(refusal([](Json& j) { j["weft_schedule"] = 3; }), "key 'weft_schedule' must be 1 or 2");
    // Beyond what the kernels take.
    holds(refusal([](Json& j) { j["vocabulary"] = 1 << 20; }), "the vocabulary is 1048576");
}

TEST_CASE("a schedule of very many pieces can be read as it was written, or is refused when it is made", "[schedule]") {
    const auto made = [](uint32_t heads, uint32_t experts) {
        auto text = read_file(weft::test::repository() / "tests/goldens/models/qwen3-next/config.json");
        REQUIRE(text);
        Json config = parsed(*text);
        config["num_attention_heads"] = heads;
        config["num_experts"] = experts;
        return make_schedule(*ModelFiles::from_config(config, "config.json"));
    };
    const auto pieces_of = [](const Schedule& s) {
        size_t n = 0;
        for (const WeightSlot& slot : s.weights) n += slot.piece_count();
        return n;
    };
    // Each expert is a tensor of its own; q and its gate lie in turn in the file, head by head, which is a view.
    const auto many = made(60'000, 1000), few = made(60'000, 4);
    for (const auto* s : {&many, &few}) {
        INFO((*s ? "" : s->error().text()));
        REQUIRE(*s);
    }
    CHECK(pieces_of(*few) < 200);
    const auto again = schedule_from_json(Json(to_json(*many)), kFile);
    INFO((again ? "" : again.error().text()));
    REQUIRE(again);
    CHECK(hash_of(*again) == hash_of(*many));
    Schedule too_many = *few;
    too_many.weights[0].alternatives.resize(kMostPieces);
    const Status refused = check_limits(too_many, kFile);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("pieces; weft takes at most") != std::string::npos);
}

TEST_CASE("which rows a weight takes, and where it puts them, are views that a file can say", "[schedule]") {
    Json json = small();
    attention(json)["out"] = {{"weight", "own.{layer}"}}; // [32, 32]
    const auto rows = [](uint64_t first, const std::vector<std::pair<uint64_t, uint64_t>>& axes) {
        Json list = Json::array();
        for (const auto& [count, stride] : axes) list.push_back({{"count", count}, {"stride", stride}});
        return Json{{"first", first}, {"axes", list}};
    };
    const auto piece = [&](const char* name, const Json& taken, const Json& to) {
        return Json{{"names", {name}}, {"shape", {40, 32}}, {"rows", taken}, {"to", to}};
    };
    Json& pieces = json["weights"]["own.{layer}"]["pieces"];
    // Of each of 4 groups of 10 rows the last 6 in turn, then the first 2, one group below the other.
    pieces = {piece("a.{layer}", rows(4, {{4, 10}, {2, 1}, {3, 2}}), rows(0, {{4, 8}, {6, 1}})),
              piece("b", rows(0, {{4, 10}, {2, 1}}), rows(6, {{4, 8}, {2, 1}}))};
    const Schedule s = read(json);
    require_same(s, round_trip(s));
    const WeightPiece& first =
        s.weights[decoder_of(s).layers[1].blocks[0].branches[0].op.as<AttentionSpec>()->out.weight].pieces[0];
    CHECK(first.names == std::vector<std::string>{"a.1"});
    CHECK(first.rows == RowView{4, {{4, 10}, {2, 1}, {3, 2}}});
    CHECK(first.to == RowView{0, {{4, 8}, {6, 1}}});
    struct Broken {
        size_t piece;
        const char* key;
        Json view;
        const char* message;
    };
    for (const Broken& b : {Broken{0, "rows", rows(4, {{4, 10}, {2, 2}, {2, 2}}),
                                   "of 'a.0' must be different ones: an axis must step over"},
                            {0, "rows", rows(5, {{4, 10}, {2, 1}, {3, 2}}), "of 'a.0' must lie within its 40 rows"},
                            {0, "rows", rows(0, {{1ull << 45, 1ull << 45}}), "of 'a.0' must lie within its 40 rows"},
                            {0, "rows", rows(0, {{0, 1}}), "must be counted by axes from 1"},
                            {0, "rows", rows(0, {{1, 1}, {2, 1}, {2, 2}, {2, 4}}), "must be counted by at most 3 axes"},
                            {0, "rows", rows(1, {}), "must be counted by axes where the first is not row 0"},
                            {1, "to", rows(7, {{4, 8}, {2, 1}}), "that 'b' goes to must lie within its 32 rows"},
                            {1, "to", rows(6, {{4, 8}}), "that 'b' goes to must be as many as are taken of it, 8"},
                            {1, "to", rows(5, {{4, 8}, {2, 1}}), "the pieces must not go to the same places"}}) {
        Json broken = json;
        broken["weights"]["own.{layer}"]["pieces"][b.piece][b.key] = b.view;
        const auto refused = schedule_from_json(broken, kFile);
        REQUIRE_FALSE(refused);
        INFO(refused.error().message);
        CHECK(refused.error().message.find(b.message) != std::string::npos);
    }
}

TEST_CASE("what rescales a weight, and the order of its axes, are written and read back", "[schedule]") {
    Json json = small();
    attention(json)["out"] = {{"weight", "own.{layer}"}}; // [32, 32]
    Json& piece = json["weights"]["own.{layer}"]["pieces"][0];
    piece = {{"names", {"conv.{layer}"}},
             {"shape", {32, 8, 4}},
             {"order", {1, 0}},
             {"rescale",
              {{"axis", 1},
               {"factor", 2},
               {"minus", {"mean.{layer}"}},
               {"times", {"g"}},
               {"variance", {"var"}},
               {"plus", {"b", "c"}},
               {"eps", 0.5},
               {"scale", {"s"}}}}};
    const Schedule s = read(json);
    require_same(s, round_trip(s));
    const WeightPiece& read_piece =
        s.weights[decoder_of(s).layers[1].blocks[0].branches[0].op.as<AttentionSpec>()->out.weight].pieces[0];
    CHECK(read_piece.order == kTransposed);
    CHECK(read_piece.rescale == Rescale{1, 2, {"mean.1"}, {"g"}, {"var"}, {"b", "c"}, 0.5f, false, {"s"}});
    piece["rescale"]["axis"] = 3;
    const auto refused = schedule_from_json(json, kFile);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("the rescaling of 'conv.0' must be along one of its 3 axes") !=
          std::string::npos);
}

TEST_CASE("a table of sines and cosines is written by its name, and no other table is", "[schedule]") {
    Json json = small();
    json["position_limit"] = 6;
    json["embedding"]["positions"] = "table";
    json["weights"]["table"]["sinusoids"] = true;
    const Schedule s = read(json);
    require_same(s, round_trip(s));
    CHECK(parsed(schedule_text(s))["weights"]["table"] == Json{{"sinusoids", true}});
    Schedule other = s;
    WeightSlot& table = other.weights[embedding_of(other).positions];
    // fairseq's, in single precision: row 5 has sin(5 f) in its first half, cos(5 f) in its second.
    const float f = std::exp(3.0f * -float(std::log(10000.0) / 15));
    CHECK(table.computed[5 * 32 + 3] == std::sin(5.0f * f));
    CHECK(table.computed[5 * 32 + 16 + 3] == std::cos(5.0f * f));
    table.computed.back() = 0.5f;
    require_same(other, round_trip(other));
    CHECK(parsed(schedule_text(other))["weights"]["table"].contains("computed"));
    CHECK(hash_of(other) != hash_of(s));
    json["position_limit"] = 1 << 22; // 2^27 numbers
    const auto refused = schedule_from_json(json, kFile);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "hand.json: key 'weights.table.sinusoids' must be a table of rows of at least 4 "
                                     "numbers, with up to 2^26 in all");
}

TEST_CASE("a schedule's hash changes with what it computes, and with nothing else", "[schedule]") {
    const uint64_t hash = hash_of(read(small()));
    CHECK(hash == 0xe41f02269d929b90u); // the same on every machine
    CHECK(hash_after([](Json& j) {
              j["architecture"] = "other";
              j["trained_context"] = 77;
              j["begin_token"] = 3;
          }) == hash);
    CHECK(hash_after([](Json& j) {
              j["layers"] =
                  Json::array({j["layers"][0]["blocks"].size() ? Json{{"blocks", {"attention", "mlp"}}} : Json(),
                               Json{{"blocks", {"attention", "mlp"}}}});
          }) == hash);
    std::set<uint64_t> all{hash};
    const std::vector<std::function<void(Json&)>> changes{
        [](Json& j) { j["width"] = 36; },
        [](Json& j) { j["vocabulary"] = 101; },
        [](Json& j) { j["layers"][0]["repeat"] = 3; },
        [](Json& j) { j["head"]["scale"] = 0.5; },
        [](Json& j) { j["head"]["linear"]["weight"] = "embedding.table"; },
        [](Json& j) { j["blocks"]["mlp"]["residual_scale"] = -0.0; },
        [](Json& j) { j["blocks"]["mlp"]["residual_scale"] = 0.0; },
        [](Json& j) { attention(j)["kv_heads"] = 4; },
        [](Json& j) { attention(j)["window"] = 4; },
        [](Json& j) { attention(j)["chunk"] = 4; },
        [](Json& j) { attention(j)["rope"]["theta"] = 10001; },
        [](Json& j) { attention(j)["rope"]["kind"] = "pairs"; },
        [](Json& j) { attention(j)["qkv"]["bias"] = true; },
        [](Json& j) { attention(j)["qkv"]["weight"] = "one"; },
        [](Json& j) { mlp(j)["activation"] = "gelu"; },
        [](Json& j) { mlp(j)["gated"] = false; },
        [](Json& j) {
            j["weights"]["embedding.table"]["pieces"] =
                Json::array({{{"names", {"embedding.table"}}, {"shape", {32, 100}}, {"order", {1, 0}}}});
        },
        [](Json& j) { j["blocks"]["mlp"]["pre"]["eps"] = 1e-5; },
        [](Json& j) { j["blocks"]["mlp"]["pre"]["kind"] = "layer"; },
        [](Json& j) {
            j["layers"][0]["blocks"] = {"mlp", "attention"};
        }};
    for (const auto& change : changes) all.insert(hash_after(change));
    CHECK(all.size() == changes.size() + 1);
}

TEST_CASE("a hand-written hybrid with random weights runs, in one piece, in chunks and token by token", "[schedule]") {
    const auto files = ModelFiles::open(weft::test::repository() / "apps/models/hybrid.json");
    REQUIRE(files);
    const auto model = random_model(gpu(), *files, WeightType::f32, 1);
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    require_same((*model)->schedule, round_trip((*model)->schedule));
    std::vector<uint32_t> prompt;
    for (uint32_t i = 0; i < 37; ++i) prompt.push_back(i * 2654435761u % 4096);
    const auto logits = [&](uint32_t chunk, bool step_form) {
        SessionOptions o;
        o.context = 64;
        o.max_chunk = 64;
        auto session = Session::create(*model, o);
        REQUIRE(session);
        std::vector<float> last;
        for (size_t at = 0; at < prompt.size(); at += step_form ? 1 : prompt.size()) {
            const Feed feed{0, step_form ? std::span(prompt).subspan(at, 1) : std::span(prompt), 0};
            REQUIRE((*session)->forward({&feed, 1}, step_form ? Want::all : Want::last, chunk, false, step_form));
            auto l = (*session)->logits();
            REQUIRE(l);
            last = std::move(*l);
        }
        if (!step_form) { // and it goes on
            const uint32_t slot = 0;
            std::vector<std::vector<uint32_t>> tokens;
            REQUIRE((*session)->decode({&slot, 1}, 8, tokens));
            CHECK(tokens[0].size() == 8);
        }
        return last;
    };
    const auto whole = logits(0, false);
    REQUIRE(whole.size() == 4096);
    double size = 0;
    for (float l : whole) {
        REQUIRE(std::isfinite(l));
        size = std::max(size, std::abs(double(l)));
    }
    CHECK(size > 0.1);
    const double tolerance = 1e-4 * size; // f32 throughout: some thousand roundings of 2^-24 on the longest path
    for (const auto& other : {logits(1, false), logits(7, false), logits(0, true)}) {
        REQUIRE(other.size() == whole.size());
        double worst = 0;
        for (size_t i = 0; i < whole.size(); ++i)
            worst = std::max(worst, std::abs(double(other[i]) - double(whole[i])));
        CHECK(worst <= tolerance);
    }
    require_no_validation_messages();
}
