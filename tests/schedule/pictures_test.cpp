// SPDX-License-Identifier: Apache-2.0
// Rows that are patches of pictures, and views that cut them into windows: a window is what a picture of its size is.
#include "schedule/pictures.hpp"
#include "schedule/schedule_text.hpp"
#include "schedule/small_models.hpp"

using namespace weft;
using namespace weft::detail;
using namespace weft::test;

namespace {

constexpr uint32_t kTowerWidth = 16;

// One layer of attention over `view`; the weights are the same whatever the view is.
std::string schedule(const std::string& view, const std::string& attention = "") {
    const std::string views = R"([{"name": "windows", "window": 4}, {"name": "shifted", "window": 4, "shift": 2}])";
    return R"({"weft_schedule": 2, "stages": [{"name": "tower", "width": 16, "rows": {"of": "patches"}, "views": )" +
           (view == "same" ? "[]" : views) +
           R"(, "first": [{"read": [], "base": "none", "branches": [{"op": "patch", "channels": 2, "patch": 3}]}],
        "layers": [{"blocks": [{"view": ")" +
           view + R"(", "pre": {}, "residual_scale": 0.5, "branches": [{"op": "attention", "heads": 2,
        "causal": false)" +
           attention + R"(}]}]}]}], "outputs": [{"name": "rows", "stage": "tower"}]})";
}

// Each rectangle of `p`, seen as a picture of its own by `alone`, against its rows among those of the whole.
void require_rectangles(const std::vector<float>& whole, const Picture& p, const std::vector<Rectangle>& rectangles,
                        Session& alone) {
    for (const Rectangle& r : rectangles) {
        CAPTURE(r.y, r.x, r.down, r.across);
        const Picture part = p.cut(r);
        const auto own = read_rows(alone, {part.feed(0)});
        std::vector<float> among;
        for (uint32_t y = 0; y < r.down; ++y) {
            const auto row = whole.begin() + long(((r.y + y) * p.across + r.x) * kTowerWidth);
            among.insert(among.end(), row, row + long(r.across * kTowerWidth));
        }
        CHECK(largest_difference(own, among) < 1e-5);
    }
}

std::vector<Rectangle> grid(const std::vector<uint32_t>& down, const std::vector<uint32_t>& across) {
    std::vector<Rectangle> all;
    for (size_t y = 0; y + 1 < down.size(); ++y)
        for (size_t x = 0; x + 1 < across.size(); ++x)
            all.push_back({down[y], across[x], down[y + 1] - down[y], across[x + 1] - across[x]});
    return all;
}

} // namespace

TEST_CASE("a window of a picture is what a picture of its size is", "[schedule]") {
    const auto same = make(random_model_of(schedule("same")), 1, 256, 256);
    const Picture p = Picture::random(8, 12, 3), q = Picture::random(4, 4, 4);
    for (const bool shifted : {false, true}) {
        INFO((shifted ? "shifted" : "windows"));
        const auto s = make(random_model_of(schedule(shifted ? "shifted" : "windows")), 2, 256, 128);
        const auto both = read_rows(*s, {q.feed(1), p.feed(0)}); // a batch of two sizes
        const std::vector<float> whole(both.begin() + 16 * kTowerWidth, both.end());
        const std::vector<float> small(both.begin(), both.begin() + 16 * kTowerWidth);
        require_rectangles(whole, p, shifted ? grid({0, 2, 6, 8}, {0, 2, 6, 10, 12}) : grid({0, 4, 8}, {0, 4, 8, 12}),
                           *same);
        require_rectangles(small, q, {{0, 0, 4, 4}}, *same); // one window is not shifted
    }
    require_no_validation_messages();
}

TEST_CASE("biases of a window go by its own places", "[schedule]") {
    const auto model = random_model_of(schedule("windows", R"(, "bias_side": 7)"));
    const auto s = make(model, 1, 256, 128), alone = make(model, 1, 256, 128);
    const Picture p = Picture::random(8, 8, 5);
    const auto whole = read_rows(*s, {p.feed(0)});
    require_rectangles(whole, p, grid({0, 4, 8}, {0, 4, 8}), *alone);
    const auto plain = make(random_model_of(schedule("windows")), 1, 256, 128);
    CHECK(largest_difference(read_rows(*plain, {p.feed(0)}), whole) > 1e-3);
    require_no_validation_messages();
}

TEST_CASE("pictures that a model cannot take are refused by their sizes", "[schedule]") {
    const auto s = make(random_model_of(schedule("windows")), 1, 256, 64);
    const auto refusal = [&](const Feed& feed) {
        const auto status = s->forward({&feed, 1}, Want::nothing);
        return status ? std::string("taken") : status.error().message;
    };
    const Picture odd = Picture::random(5, 4, 1), large = Picture::random(8, 12, 1), fits = Picture::random(4, 4, 1);
    CHECK(refusal(odd.feed(0)) == "slot 0: a picture of 15 x 12 has 5 x 4 rows where stage 'tower' needs multiples of "
                                  "4 x 4");
    CHECK(refusal(large.feed(0)) == "the sequence would be 96 tokens long, the context is 64");
    Feed wrong = fits.feed(0);
    wrong.picture.width += 1;
    CHECK(refusal(wrong) == "slot 0: pixel_values has 288 numbers, a picture of 2 channels, 12 x 13, other ones");
    CHECK(refusal({.slot = 0, .picture = {std::span(fits.values).first(8), 2, 2}}) ==
          "slot 0: a picture of 2 x 2 has no patch of 3 x 3, or more than 2147483648 pixels");
    // What no patch sees does not count: 14 pixels have as many patches as 12.
    std::vector<float> wide;
    for (size_t row = 0; row < fits.values.size() / 12; ++row) {
        wide.insert(wide.end(), fits.values.begin() + long(row * 12), fits.values.begin() + long(row * 12 + 12));
        wide.insert(wide.end(), {1e9f, 1e9f});
    }
    CHECK(read_rows(*s, {{.slot = 0, .picture = {wide, 12, 14}}}) == read_rows(*s, {fits.feed(0)}));
    CHECK(refusal_of(json_of(schedule("nothing")), [](Json&) {}) ==
          "a.json: key 'stages[0].layers[0].blocks[0].view' must name views of the stage; there is no 'nothing'");
    CHECK(refusal_of(json_of(schedule("windows")), [](Json& j) { j["stages"][0]["views"][1]["shift"] = 4; }) ==
          "a.json: key 'stages[0].views[1].shift' must be smaller than the window");
    (void)require_round_trip(json_of(schedule("shifted")));
}
