// SPDX-License-Identifier: Apache-2.0
// Rows that are chosen on the device: with all of them chosen a layer is what it is without a router, and what it keeps
// obeys the laws of every other state, whatever stands in it.
#include "schedule/schedule_json.hpp"
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"
#include <catch2/catch_test_macros.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

// Three layers, of which the second is routed: the mixer and a feed-forward in `view`, or over all rows.
std::string routed(const std::string& mixer, const std::string& ffn, const std::string& choose,
                   const std::string& view = "chosen", const std::string& router = "") {
    return R"({"weft_schedule": 2, "vocabulary": 96, "stages": [
        {"name": "decoder", "width": 32, "views": [{"name": "chosen", "order": "routed"}],
         "streams": [{"name": "score", "width": 1}, {"name": "taken", "width": 1}, {"name": "inside"}],
         "first": [{"read": [], "base": "none", "branches": [{"op": "embed"}]}],
         "layers": [
            {"blocks": [{"pre": {}, "branches": [{"op": "attention", "heads": 4}]}]},
            {"blocks": [
                {"branches": [{"op": "linear")" +
           router + R"(}], "write": "score", "base": "none"},
                {"read": ["score"], "branches": [{"op": "choose", "view": "chosen")" +
           choose + R"(}], "write": "taken", "base": "none"},
                {"pre": {}, "view": ")" +
           view + R"(", "branches": [{)" + mixer + R"(}], "write": "inside", "base": "none"},
                {"read": ["x", "inside"], "pre": {}, "post": {}, "view": ")" +
           view + R"(", "branches": [{)" + ffn + R"(}], "write": "inside"},
                {"read": ["inside"], "branches": [{"op": "identity"}], "row_scale": "score", "residual_scale": 0.5}]},
            {"blocks": [{"pre": {}, "branches": [{"op": "mlp", "inner": 64}]}]}]},
        {"name": "head", "width": 32, "rows": {"of": "wanted", "from": "decoder"},
         "streams": [{"name": "logits", "width": 96}],
         "last": [{"pre": {}, "write": "logits", "base": "none", "branches": [{"op": "linear"}]}]}],
        "outputs": [{"name": "logits", "stage": "head", "stream": "logits"},
                    {"name": "taken", "stage": "decoder", "stream": "taken"}]})";
}

const char* const kAttention = R"("op": "attention", "heads": 4, "kv_heads": 2, "rope": {"theta": 10000})";
const char* const kMlp = R"("op": "mlp", "inner": 64)";
const char* const kExperts = R"("op": "moe", "experts": 4, "chosen": 2, "inner": 32)";
struct Parts {
    const char *mixer, *ffn;
};
const Parts kParts[] = {{kAttention, kMlp},
                        {R"("op": "attention", "heads": 4, "window": 5, "rope": {"theta": 10000})", kExperts},
                        {R"("op": "mamba")", kExperts},
                        {R"("op": "mamba2", "heads": 4, "head_size": 16, "state_size": 8)", kMlp},
                        {R"("op": "gated_delta", "key_heads": 4, "key_size": 8)", kMlp},
                        {R"("op": "linear_attention", "heads": 4, "decay": true)", kMlp}};

std::vector<float> output(Session& s, const char* name) {
    const auto rows = s.output(name);
    REQUIRE(rows);
    return *rows;
}

// Of all tokens, fed in pieces; of the last piece the rows that were chosen.
struct Fed {
    std::vector<float> logits, taken;
};
Fed feed(Session& s, uint32_t slot, std::span<const uint32_t> ids, uint32_t piece, bool steps = false) {
    Fed all;
    for (size_t at = 0; at < ids.size(); at += piece) {
        const Feed one{slot, ids.subspan(at, std::min<size_t>(piece, ids.size() - at)), 0};
        const auto status = s.forward({&one, 1}, Want::all, piece, false, steps);
        INFO((status ? "" : status.error().text()));
        REQUIRE(status);
        const auto logits = s.logits();
        REQUIRE(logits);
        all.logits.insert(all.logits.end(), logits->begin(), logits->end());
        const auto taken = output(s, "taken");
        all.taken.insert(all.taken.end(), taken.begin(), taken.end());
    }
    return all;
}

double count(const std::vector<float>& taken) {
    double sum = 0;
    for (const float x : taken) sum += x;
    return sum;
}

} // namespace

TEST_CASE("routed: with all rows chosen a layer is what it is without a router", "[schedule]") {
    const auto list = ids(45, 3);
    for (const Parts& p : kParts) {
        CAPTURE(p.mixer, p.ffn);
        // Sigmoids are above 0; a share of 1 is all of a sequence.
        for (const char* choose : {"", R"(, "capacity": 1)"}) {
            const std::string router = R"(, "activation": "sigmoid")";
            const auto all = make(random_model_of(routed(p.mixer, p.ffn, choose, "chosen", router)), 1),
                       dense = make(random_model_of(routed(p.mixer, p.ffn, choose, "same", router)), 1);
            const Fed got = feed(*all, 0, list, 64);
            CHECK(count(got.taken) == 45);
            CHECK(largest_difference(got.logits, feed(*dense, 0, list, 64).logits) < 1e-5);
        }
    }
    require_no_validation_messages();
}

TEST_CASE("routed: any chunk, one token at a time and sequences side by side give the same", "[schedule]") {
    const auto list = ids(45, 3), other = ids(23, 8);
    for (const Parts& p : kParts) {
        CAPTURE(p.mixer, p.ffn);
        const auto model = random_model_of(routed(p.mixer, p.ffn, ""));
        const auto s = make(model, 3, 128);
        const Fed whole = feed(*s, 0, list, 64);
        CHECK(count(whole.taken) > 5);
        CHECK(count(whole.taken) < 40);
        for (const uint32_t piece : {1u, 4u, 17u}) {
            s->reset(0);
            const Fed got = feed(*s, 0, list, piece);
            CHECK(got.taken == whole.taken);
            CHECK(largest_difference(got.logits, whole.logits) < 1e-5);
        }
        s->reset(0);
        const Fed steps = feed(*s, 0, list, 1, true);
        CHECK(steps.taken == whole.taken);
        CHECK(largest_difference(steps.logits, whole.logits) < 1e-5);
        const Fed alone = feed(*s, 1, other, 64);
        s->reset(0);
        s->reset(1);
        const Feed both[] = {{1, other, 0}, {0, list, 0}};
        REQUIRE(s->forward(both, Want::all, 0));
        const auto together = s->logits();
        REQUIRE(together);
        std::vector<float> expected = alone.logits;
        expected.insert(expected.end(), whole.logits.begin(), whole.logits.end());
        CHECK(largest_difference(*together, expected) < 1e-5);
    }
    require_no_validation_messages();
}

TEST_CASE("routed: what a layer keeps is forked, held, restored and cut as all states are", "[schedule]") {
    const auto prompt = ids(20, 3), tail = ids(9, 5), another = ids(7, 11);
    for (const Parts& p : kParts) {
        CAPTURE(p.mixer, p.ffn);
        const auto model = random_model_of(routed(p.mixer, p.ffn, ""));
        const auto s = make(model, 2, 64, 256, 2);
        // Token by token, so that some steps choose nothing and leave states where others are to read them.
        const auto behind = [&](uint32_t slot, const std::vector<uint32_t>& list) {
            return feed(*s, slot, list, 1, true).logits;
        };
        feed(*s, 0, prompt, 64);
        const auto expected = behind(0, tail);
        s->reset(0);
        feed(*s, 0, prompt, 64);
        const auto held = s->hold(0);
        const auto copy = s->snapshot(0);
        REQUIRE(held);
        REQUIRE(copy);
        REQUIRE(s->fork(0, 1));
        CHECK(behind(1, tail) == expected);
        CHECK(behind(0, tail) == expected); // and what is held stays
        REQUIRE(s->restore(0, *held));
        CHECK(behind(0, tail) == expected);
        (void)behind(0, another);
        REQUIRE(s->restore(1, *copy));
        CHECK(behind(1, tail) == expected);
        s->reset(0);
        feed(*s, 0, prompt, 64);
        (void)behind(0, another);
        if (!s->truncate(0, uint32_t(prompt.size()))) continue; // recurrent
        CHECK(largest_difference(behind(0, tail), expected) == 0);
    }
    require_no_validation_messages();
}

TEST_CASE("routed: decoding on the device is what feeding its tokens gives", "[schedule]") {
    for (const Parts& p : kParts) {
        CAPTURE(p.mixer, p.ffn);
        const auto model = random_model_of(routed(p.mixer, p.ffn, ""));
        const auto s = make(model, 2);
        const std::vector<uint32_t> prompts[] = {ids(13, 3), ids(30, 7)};
        std::vector<std::vector<uint32_t>> made, expected;
        for (uint32_t slot = 0; slot < 2; ++slot) {
            (void)last_logits(*s, slot, prompts[slot]);
            auto& list = expected.emplace_back();
            for (int i = 0; i < 12; ++i) {
                list.push_back(s->next_token(slot));
                (void)last_logits(*s, slot, std::span(list).last(1));
            }
            s->reset(slot);
        }
        for (uint32_t slot = 0; slot < 2; ++slot) {
            (void)last_logits(*s, slot, prompts[slot]);
            CHECK(s->next_token(slot) == expected[slot][0]);
        }
        const uint32_t slots[] = {0, 1};
        REQUIRE(s->decode(slots, 11, made));
        for (uint32_t slot = 0; slot < 2; ++slot) {
            made[slot].insert(made[slot].begin(), expected[slot][0]);
            CHECK(made[slot] == expected[slot]);
        }
    }
    require_no_validation_messages();
}

TEST_CASE("routed: a share of a sequence is chosen among its own tokens", "[schedule]") {
    const auto s = make(random_model_of(routed(kAttention, kMlp, R"(, "capacity": 0.35)")), 2);
    const auto a = ids(40, 3), b = ids(20, 9);
    const Feed both[] = {{0, a, 0}, {1, b, 0}};
    REQUIRE(s->forward(both, Want::all, 0));
    const auto taken = output(*s, "taken");
    CHECK(count({taken.begin(), taken.begin() + 40}) == 14);
    CHECK(count({taken.begin() + 40, taken.end()}) == 7);
    require_no_validation_messages();
}

TEST_CASE("routed: schedules are written and read, and refused where something has no meaning", "[schedule]") {
    const Json usual = json_of(routed(kAttention, kExperts, R"(, "capacity": 0.5)"));
    const Schedule s = require_round_trip(usual);
    CHECK(takes_whole(s));
    CHECK(hash_of(s) != hash_of(read_schedule(json_of(routed(kAttention, kExperts, "")))));
    const auto refused = [&](const char* at, const Json& value, const std::string& message) {
        CHECK(refusal_of(usual, [&](Json& j) { j["stages"][0][Json::json_pointer(at)] = value; }) ==
              "a.json: " + message);
    };
    const std::string blocks = "key 'stages[0].layers[1].blocks[";
    refused("/layers/1/blocks/1/branches/0/view", "other",
            blocks + "1].branches[0].view' must name views of the stage; there is no 'other'");
    refused("/layers/1/blocks/1/branches/0/view", "same",
            blocks + "1].branches[0].view' must be one whose order is routed");
    refused("/layers/1/blocks/1/branches/0/capacity", 1.5, blocks + "1].branches[0].capacity' must be at most 1");
    refused("/layers/1/blocks/1/branches/0/capacity", -1,
            blocks + "1].branches[0].capacity' must be finite and not negative");
    refused("/layers/1/blocks/1/read/0", "x",
            blocks +
                "1].branches[0].op' must be another op where the streams that are read and written are wider than 1");
    refused("/layers/1/blocks/1/view", "chosen",
            blocks + "1].branches[0].op' must be another op in a block that has a view");
    refused("/layers/1/blocks/2/after", Json::object(),
            blocks + "2].view' must not be routed where the sum is normed, or the base: both are of all rows");
    refused("/layers/1/blocks/2/base", "normed",
            blocks + "2].view' must not be routed where the sum is normed, or the base: both are of all rows");
    refused("/layers/1/blocks/4/row_scale", "inside", blocks + "4].row_scale' must name a stream of width 1");
    refused("/layers/1/blocks/4/row_scale", "x",
            blocks + "4].row_scale' must name streams of the stage; there is no 'x'");
    refused("/streams/2/name", "none", "key 'stages[0].streams[2].name' must be given, and that of no other stream");
    refused("/views/0/window", 4, "key 'stages[0].views[0].window' must not be there");
    refused("/layers/0/blocks/0/view", "chosen",
            "stage 'decoder' has the routed view 'chosen', which no op before makes");
    refused("/last", Json::array({usual["stages"][0]["layers"][1]["blocks"][1]}),
            "stage 'decoder' has the routed view 'chosen', which several ops make");
    refused(
        "/rows", json_of(R"({"placeholder": 95, "axes": 3})"),
        "key 'stages[0].views[0].order' must not be routed where the rows are no tokens, have several axes, or spans");
}
