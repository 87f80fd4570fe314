// SPDX-License-Identifier: Apache-2.0
// PictureMap::over: numbers of patches as colours over a picture.
#include <catch2/catch_all.hpp>
#include <weft/picture.hpp>

using namespace weft;

namespace {

// How light a pixel is, in one number that grows with it.
int light(const Picture& p, uint32_t row, uint32_t column) {
    const uint8_t* at = &p.pixels[(size_t(row) * p.width + column) * 3];
    return 2 * at[0] + 7 * at[1] + at[2];
}

} // namespace

TEST_CASE("map: colours grow lighter with the numbers, where the model was shown the picture") {
    const Picture grey{"", 400, 600, std::vector<uint8_t>(size_t(400) * 600 * 3, 90)};
    PictureMap map{.down = 1, .across = 4, .values = {0, 1, 2, 3}};
    map.top = 200;
    map.left = 150; // of 100 pixels a patch, from column 100 on
    map.step_down = 400;
    map.step_across = 100;
    map.shown_left = 100;
    map.shown_right = 500;
    map.shown_bottom = 400;
    const auto drawn = map.over(grey);
    REQUIRE(drawn);
    CHECK(drawn->height == 400);
    CHECK(drawn->width == 600);
    for (const uint32_t beside : {0u, 99u, 500u, 599u}) CHECK(light(*drawn, 200, beside) == 10 * 63); // dimmed alone
    for (uint32_t column = 150; column + 10 < 450; column += 10)
        CHECK(light(*drawn, 7, column) < light(*drawn, 7, column + 10));
    CHECK(light(*drawn, 0, 110) == light(*drawn, 399, 140)); // beyond the middles of those at the edges
    const uint8_t* yellow = &drawn->pixels[size_t(490) * 3];
    CHECK(yellow[0] > 150);
    CHECK(yellow[2] < 110);
}

TEST_CASE("map: small pictures are drawn larger, and what does not fit is refused") {
    const Picture small{"", 32, 20, std::vector<uint8_t>(size_t(32) * 20 * 3, 200)};
    PictureMap map{.down = 2, .across = 2, .values = {1, 1, 1, 1}, .shown_bottom = 32, .shown_right = 20};
    const auto drawn = map.over(small);
    REQUIRE(drawn);
    CHECK(drawn->height == 384);
    CHECK(drawn->width == 240);
    CHECK(drawn->png());
    map.values.pop_back();
    CHECK(map.over(small).error().code == ErrorCode::invalid_argument);
    map.values.push_back(1.0f / 0.0f);
    CHECK(map.over(small).error().code == ErrorCode::invalid_argument);
    CHECK(PictureMap{.down = 1, .across = 1, .values = {1}}.over({}).error().code == ErrorCode::invalid_argument);
}
