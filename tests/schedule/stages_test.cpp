// SPDX-License-Identifier: Apache-2.0
// Schedules of several stages: what they may not say, and what sessions refuse to be fed.
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// An encoder whose memory a decoder reads, and two heads of the decoder.
constexpr const char* kPair = R"({"weft_schedule": 2, "vocabulary": 50, "begin_token": 1,
    "blocks": {
        "both ways": {"pre": {}, "branches": [{"op": "attention", "heads": 2, "causal": false, "bias_columns": 5}]},
        "self": {"pre": {}, "branches": [{"op": "attention", "heads": 2}]},
        "cross": {"pre": {}, "branches": [{"op": "cross_attention", "heads": 2, "memory": "source"}]}},
    "stages": [
        {"name": "encoder", "when": "once", "width": 16,
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}, {"op": "embed", "rows": 3,
                    "input": "types"}]}],
         "layers": [{"repeat": 2, "blocks": ["both ways"]}],
         "last": [{"pre": {}, "base": "none", "branches": [{"op": "identity"}]},
                  {"base": "none", "branches": [{"op": "memory", "memory": "source", "heads": 2, "head_size": 8}]}]},
        {"name": "decoder", "width": 16, "rows": {"input": "answer"},
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed", "input": "answer"}]}],
         "layers": [{"blocks": ["self", "cross"]}]},
        {"name": "head", "width": 16, "rows": {"of": "wanted", "from": "decoder"},
         "streams": [{"name": "logits", "width": 50}],
         "first": [{"pre": {}, "write": "logits", "base": "none", "branches": [{"op": "linear"}]}]},
        {"name": "state", "width": 16, "rows": {"of": "last", "from": "decoder"},
         "first": [{"pre": {"kind": "l2", "weight": false}, "base": "none", "branches": [{"op": "identity"}]}]}],
    "outputs": [{"name": "logits", "stage": "head", "stream": "logits"}, {"name": "state", "stage": "state"}]})";

std::string refused(const std::function<void(Json&)>& edit) { return refusal_of(json_of(kPair), edit); }

} // namespace

TEST_CASE("schedules of several stages are written and read back without a change", "[schedule]") {
    const Schedule s = require_round_trip(json_of(kPair));
    CHECK(s.inputs.size() == 3);
    CHECK(s.inputs[1].limit == 3);
    CHECK(s.states.size() == 4); // the encoder's layers keep nothing, its memory and the decoder's layer do
    CHECK(has_encoder(s));
    CHECK_FALSE(takes_whole(s));
    CHECK(generating_stage(s) == 1);
}

TEST_CASE("what stages say that cannot be is refused by its path", "[schedule]") {
    const std::string at = "a.json: key '";
    CHECK(refused([](Json& j) { j["stages"][2]["rows"]["from"] = "nobody"; }) ==
          at + "stages[2].rows.from' must name earlier stages; there is no 'nobody'");
    CHECK(refused([](Json& j) { j["stages"][2]["first"][0].erase("write"); }) ==
          at + "outputs[0].stream' must be one that a block of the stage writes");
    CHECK(refused([](Json& j) { j["stages"][2]["rows"]["from"] = "state"; }) == // a stage behind it: a cycle
          at + "stages[2].rows.from' must name earlier stages; there is no 'state'");
    CHECK(refused([](Json& j) { j["stages"][2]["rows"]["from"] = "head"; }) ==
          at + "stages[2].rows.from' must name earlier stages; there is no 'head'");
    CHECK(refused([](Json& j) { j["stages"][2]["rows"]["from"] = "encoder"; }) ==
          at + "stages[2].rows.from' must name a stage that runs at the same time");
    CHECK(refused([](Json& j) { j["stages"][3]["rows"]["from"] = "head"; }) ==
          at + "stages[3].rows.from' must name a stage whose rows are its own, not picked from another");
    CHECK(refused([](Json& j) { j["stages"][2]["streams"][0]["width"] = 49; }) ==
          "a.json: output 'logits' is 49 wide, and continues texts of 50 tokens");
    CHECK(refused([](Json& j) { j["stages"][3]["width"] = 8; }) ==
          at + "stages[3].rows.from' must name a stage of the same width, whose rows are taken as they are");
    CHECK(refused([](Json& j) { j["stages"][3]["rows"]["of"] = "middle"; }) ==
          at + "stages[3].rows.of' must be one of tokens, patches, wanted, first, last, mean, extra, merged, padded, "
               "marked");
    CHECK(refused([](Json& j) { j["stages"][3]["name"] = "head"; }) ==
          at + "stages[3].name' must be given, and that of no other stage");
    CHECK(refused([](Json& j) { j["stages"][0].erase("width"); }) == at + "stages[0].width' must be given");
    CHECK(refused([](Json& j) { j["stages"] = Json::array(); }) == at + "stages' must be given");
    CHECK(refused([](Json& j) { j.erase("outputs"); }) == at + "outputs' must be given");
    CHECK(refused([](Json& j) { j["outputs"][0]["stage"] = "nobody"; }) ==
          at + "outputs[0].stage' must name stages; there is no 'nobody'");
    CHECK(refused([](Json& j) { j["outputs"][0]["stream"] = "nobody"; }) ==
          at + "outputs[0].stream' must name streams of the stage; there is no 'nobody'");
    CHECK(refused([](Json& j) { j["outputs"][1]["name"] = "logits"; }) ==
          at + "outputs[1].name' must be given, and that of no other output");
    CHECK(refused([](Json& j) { j["stages"][1]["first"] = Json::array(); }) ==
          at + "first' must hold a block that writes 'x' in stage 'decoder': its rows come from nowhere else");
    CHECK(refused([](Json& j) { j["stages"][1]["first"][0]["base"] = "stream"; }) ==
          at + "write' must not name 'x' in 'first' of stage 'decoder': no block before writes that stream");
    CHECK(refused([](Json& j) { j["stages"][1]["first"][0].erase("read"); }) ==
          at + "stages[1].first[0].branches[0].op' must be in a block that reads no stream");
    CHECK(refused([](Json& j) {
              j["stages"][0]["last"][1]["branches"].push_back({{"op", "identity"}});
          }) == at + "stages[0].last[1].branches' must not hold ops with and without a result");
    CHECK(refused([](Json& j) { j["stages"][0]["last"][1]["branches"][0]["out_scale"] = 2; }) ==
          at + "stages[0].last[1].branches[0].op' must not have its result scaled or normed: it has none");
    CHECK(refused([](Json& j) { j["stages"][0]["last"][1]["branches"][0].erase("memory"); }) ==
          at + "stages[0].last[1].branches[0].memory' must be given: the name by which cross attention finds it");
    CHECK(refused([](Json& j) { j["blocks"]["both ways"]["branches"][0]["bias_columns"] = 4; }) ==
          at + "blocks.both ways.branches[0].bias_columns' must be odd: as many distances ahead as behind");
    CHECK(refused([](Json& j) { j["blocks"]["self"]["branches"][0]["ahead"] = 4; }) ==
          at + "blocks.self.branches[0].ahead' must not be there with causal attention, which sees nothing ahead");
    // What only the whole schedule shows.
    CHECK(refused([](Json& j) { j["blocks"]["cross"]["branches"][0]["memory"] = "nobody"; }) ==
          at + "blocks.cross.branches[0].memory' must be what an earlier op leaves; none leaves the keys of nobody in "
               "this shape");
    CHECK(refused([](Json& j) { j["blocks"]["cross"]["branches"][0]["head_size"] = 12; }) ==
          at + "blocks.cross.branches[0].memory' must be what an earlier op leaves; none leaves the keys of source in "
               "this shape");
    CHECK(refused([](Json& j) { j["stages"][1]["rows"]["input"] = "question"; }) ==
          "a.json: no op of stage 'decoder' reads 'question', which counts its rows");
}

TEST_CASE("inputs of the wrong name, size or range are refused, and nothing is lost by it", "[schedule]") {
    const auto model = random_model_of(kPair);
    const auto s = make(model, 2, 16, 32);
    const std::vector<uint32_t> text = {3, 4, 5, 6}, answer = {1, 7, 8}, types = {0, 2, 1, 0};
    const auto message = [&](auto&& call) {
        const Status status = call();
        return status ? std::string("taken") : status.error().message;
    };
    const auto encode = [&](Feed feed) { return message([&] { return s->encode({&feed, 1}); }); };
    const auto forward = [&](Feed feed) { return message([&] { return s->forward({&feed, 1}, Want::last); }); };
    CHECK(forward({0, answer}) == "slot 0 has no memory: encode() what it is to answer first");
    REQUIRE(encode({0, text, 0, {{"types", types}}}) == "taken");
    REQUIRE(forward({0, answer}) == "taken");
    const auto expected = last_logits(*s, 0, text);
    REQUIRE(s->truncate(0, 3));

    const std::vector<uint32_t> far = {3, 50}, three = {0, 3, 0, 0}, few = {0, 1}, many(33, 3);
    CHECK(encode({0, far}) == "token id 50 is outside the vocabulary of 50");
    CHECK(encode({0, text, 0, {{"types", three}}}) == "types: 3 is outside the table of 3");
    CHECK(encode({0, text, 0, {{"types", few}}}) == "types has 2 numbers for 4 tokens");
    CHECK(encode({0, text, 0, {{"kinds", types}}}) == "the model has no input 'kinds'");
    CHECK(encode({0, many}) == "the sequence would be 33 tokens long, the context is 32");
    CHECK(encode({0, {}}) == "slot 0: no tokens to feed");
    CHECK(encode({2, text}) == "slot 2 is not a slot of this session, or is fed twice");
    CHECK(forward({0, answer, 0, {{"types", few}}}) == "the model has no input 'types'"); // it is the encoder's
    CHECK(last_logits(*s, 0, text) == expected);

    CHECK_FALSE(make(load(bundled()), 1)->encode({}));

    // A forward that was begun goes on where another is refused.
    const Feed more{0, answer};
    REQUIRE(s->truncate(0, 3));
    REQUIRE(s->begin({&more, 1}, Want::last));
    CHECK(forward({0, far}) == "token id 50 is outside the vocabulary of 50");
    for (bool done = false; !done;) {
        const auto advanced = s->advance(1);
        REQUIRE(advanced);
        done = *advanced;
    }
    CHECK(s->length(0) == 6);

    // Another memory gives other logits; the same one the same.
    const auto answered = [&](uint32_t slot, std::span<const uint32_t> from) {
        const Feed feed{slot, from};
        REQUIRE(s->encode({&feed, 1}));
        return last_logits(*s, slot, answer);
    };
    const auto one = answered(0, text), other = answered(1, answer);
    CHECK(one != other);
    CHECK(answered(1, text) == one);
    const auto state = s->output("state");
    REQUIRE(state);
    REQUIRE(state->size() == 16);
    double length = 0;
    for (const float v : *state) length += double(v) * double(v);
    CHECK(std::abs(length - 1) < 1e-5);
    CHECK_FALSE(s->output("nothing"));
    require_no_validation_messages();
}
