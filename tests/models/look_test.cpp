// SPDX-License-Identifier: Apache-2.0
// PictureModel::map: what a map says, from the rows that enter the last layer and the tensors of the files, in double
// precision; and how it is drawn.
#include "device.hpp"
#include "io/safetensors.hpp"
#include "media/picture_processor.hpp"
#include "pipelines/load.hpp"
#include "pipelines/look.hpp"
#include "pipelines/seeing.hpp"
#include "schedule/session.hpp"
#include "schedules.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>
#include <weft/see.hpp>

using namespace weft;
using namespace weft::detail;
using namespace weft::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

using Rows = std::vector<std::vector<double>>;

std::filesystem::path own_model(const std::string& name) { return repository() / "tests/goldens/models" / name; }

Picture drawn_picture(uint32_t height, uint32_t width) {
    Picture p{"a picture", height, width, {}};
    for (size_t k = 0; k < size_t(height) * width * 3; ++k) p.pixels.push_back(uint8_t(k * 5 + k / 171 * 29));
    return p;
}

// The tensors of a model's file.
class Tensors {
public:
    explicit Tensors(const std::filesystem::path& model)
        : file_(*SafetensorsFile::open(model / "model.safetensors")) {}
    std::vector<float> operator()(const std::string& name) const {
        INFO(name);
        const TensorView* t = file_.find(name);
        REQUIRE(t);
        return *read_f32(*t);
    }
    Rows normed(Rows rows, const std::string& name, double eps) const {
        const auto weight = (*this)(name + ".weight"), bias = (*this)(name + ".bias");
        for (auto& row : rows) {
            double mean = 0, square = 0;
            for (const double x : row) mean += x / double(row.size());
            for (const double x : row) square += (x - mean) * (x - mean) / double(row.size());
            for (size_t i = 0; i < row.size(); ++i)
                row[i] = (row[i] - mean) / std::sqrt(square + eps) * double(weight[i]) + double(bias[i]);
        }
        return rows;
    }
    // Of a matrix the rows from `first` on.
    static Rows product(const Rows& rows, const std::vector<float>& weight, const std::vector<float>& bias,
                        size_t first, size_t count) {
        Rows all;
        for (const auto& row : rows) {
            all.emplace_back();
            for (size_t i = first; i < first + count; ++i) {
                double sum = double(bias[i]);
                for (size_t k = 0; k < row.size(); ++k) sum += double(weight[i * row.size() + k]) * row[k];
                all.back().push_back(sum);
            }
        }
        return all;
    }
    Rows product(const Rows& rows, const std::string& name) const {
        const auto bias = (*this)(name + ".bias");
        return product(rows, (*this)(name + ".weight"), bias, 0, bias.size());
    }

private:
    SafetensorsFile file_;
};

// The residual stream of a stage behind so many of its layers, of a model as it is in its files.
Rows stream_of(const std::filesystem::path& model, const Picture& picture, const std::string& stage, uint32_t layers,
               uint32_t rows) {
    const auto files = ModelFiles::open(model);
    REQUIRE(files);
    const auto settings = read_picture_settings(*files);
    REQUIRE(settings);
    const auto loaded = load_model(Access::state(device()), *files, WeightType::stored, {});
    REQUIRE(loaded);
    const bool apart = (*loaded)->schedule.stages[0].when != When::every_step;
    const uint32_t limit = (*loaded)->schedule.position_limit;
    const uint32_t room = limit && !apart ? limit : 4 * rows; // of patches that are merged two by two
    auto session = Session::create(*loaded, {.context = room, .max_chunk = room, .before = apart ? room : 0});
    if (!session) FAIL(session.error().text());
    const auto values = prepared(*settings, picture);
    const auto size = prepared_size(*settings, {picture.height, picture.width});
    REQUIRE(values);
    const Feed feed{.picture = {*values, size->height, size->width}};
    REQUIRE((apart ? (*session)->encode({&feed, 1}, true) : (*session)->forward({&feed, 1}, Want::nothing, 0, true)));
    const auto tap = (*session)->tap(stage, layers);
    REQUIRE(tap);
    const size_t width = tap->size() / rows;
    Rows all;
    for (auto at = tap->begin(); at != tap->end(); at += long(width)) all.emplace_back(at, at + long(width));
    return all;
}

// Of one head: what a query gives each key, with a number added to each score.
std::vector<double> given(std::span<const double> query, const Rows& keys, size_t head,
                          const std::function<double(size_t)>& bias) {
    const size_t size = query.size();
    std::vector<double> shares;
    double whole = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
        double score = 0;
        for (size_t c = 0; c < size; ++c) score += query[c] * keys[i][head * size + c];
        shares.push_back(std::exp(score / std::sqrt(double(size)) + bias(i)));
        whole += shares.back();
    }
    for (double& x : shares) x /= whole;
    return shares;
}

PictureMap map_of(const std::filesystem::path& model, const Picture& picture, bool embed = false) {
    auto loaded = PictureModel::load(device(), model, {.embed = embed, .map = true});
    if (!loaded) FAIL(loaded.error().text());
    const auto map = loaded->map(picture);
    if (!map) FAIL(map.error().text());
    return *map;
}

void check_values(const PictureMap& map, const std::vector<double>& expected) {
    REQUIRE(map.values.size() == expected.size());
    REQUIRE(map.values.size() == map.down * map.across);
    for (size_t i = 0; i < expected.size(); ++i) CHECK_THAT(map.values[i], WithinAbs(expected[i], 2e-5));
}

constexpr auto kNoBias = [](size_t) { return 0.0; };

} // namespace

TEST_CASE("map: the attention of a class token") {
    const auto model = own_model("vit");
    const Picture picture = drawn_picture(41, 57);
    const Tensors tensors(model);
    const std::string at = "vit.encoder.layer.1.";
    const Rows x = tensors.normed(stream_of(model, picture, "encoder", 1, 37), at + "layernorm_before", 1e-12);
    const Rows q = tensors.product(x, at + "attention.attention.query"),
               k = tensors.product(x, at + "attention.attention.key");
    std::vector<double> expected(36);
    for (size_t head = 0; head < 2; ++head) {
        const auto shares = given(std::span(q[0]).subspan(head * 12, 12), k, head, kNoBias);
        for (size_t i = 0; i < 36; ++i) expected[i] += shares[1 + i] / 2;
    }
    const PictureMap map = map_of(model, picture);
    CHECK_THAT(map.what, ContainsSubstring("class token"));
    CHECK(map.down == 6);
    check_values(map, expected);
    check_values(map_of(model, picture, true), expected);
    // 30 x 30 pixels of the model are all of the picture.
    CHECK_THAT(map.step_down, WithinAbs(41 / 6.0, 1e-9));
    CHECK_THAT(map.left, WithinAbs(57 / 12.0, 1e-9));
    CHECK_THAT(map.shown_bottom, WithinAbs(41, 1e-9));
}

TEST_CASE("map: attention in windows, with biases by distance") {
    const auto model = own_model("swin");
    const Picture picture = drawn_picture(24, 30);
    const Tensors tensors(model);
    const std::string at = "swin.encoder.layers.1.blocks.0.", self = at + "attention.self.";
    const Rows x = tensors.normed(stream_of(model, picture, "stage 1", 0, 36), at + "layernorm_before", 1e-5);
    const Rows q = tensors.product(x, self + "query"), k = tensors.product(x, self + "key");
    const auto table = tensors(self + "relative_position_bias_table");
    constexpr size_t side = 6, window = 3, heads = 3;
    std::vector<double> expected(side * side);
    for (size_t head = 0; head < heads; ++head)
        for (size_t i = 0; i < side * side; ++i) {
            const auto apart = [&](size_t j) { // as far as no window is wide, else the score's bias
                if (i / side / window != j / side / window || i % side / window != j % side / window) return -1e9;
                const size_t down = i / side + window - 1 - j / side, right = i % side + window - 1 - j % side;
                return double(table[(down * (2 * window - 1) + right) * heads + head]);
            };
            const auto shares = given(std::span(q[i]).subspan(head * 8, 8), k, head, apart);
            for (size_t j = 0; j < side * side; ++j) expected[j] += shares[j] / double(heads * side * side);
        }
    check_values(map_of(model, picture), expected);
}

TEST_CASE("map: the query that pools a picture's patches") {
    const auto model = own_model("siglip");
    const Picture picture = drawn_picture(33, 21);
    const Tensors tensors(model);
    const Rows x = tensors.normed(stream_of(model, picture, "vision", 2, 16), "vision_model.post_layernorm", 1e-6);
    const auto weight = tensors("vision_model.head.attention.in_proj_weight"),
               bias = tensors("vision_model.head.attention.in_proj_bias"), probe = tensors("vision_model.head.probe");
    const Rows q = Tensors::product({{probe.begin(), probe.end()}}, weight, bias, 0, 20),
               k = Tensors::product(x, weight, bias, 20, 20);
    std::vector<double> expected(16);
    for (size_t head = 0; head < 2; ++head) {
        const auto shares = given(std::span(q[0]).subspan(head * 10, 10), k, head, kNoBias);
        for (size_t i = 0; i < 16; ++i) expected[i] += shares[i] / 2;
    }
    check_values(map_of(model, picture, true), expected);
    auto compares = PictureModel::load(device(), model, {.texts = {"w5 w9"}, .map = true});
    REQUIRE(compares);
    const auto map = compares->map(picture);
    REQUIRE(map);
    check_values(*map, expected);
}

TEST_CASE("map: what the last scan adds to each patch, class tokens left out") {
    for (const char* name : {"vim", "vim-stride", "vim-v1-pool"}) {
        INFO(name);
        weft_GOLDEN(golden, name);
        const TemporaryDirectory folder;
        for (const auto& entry : std::filesystem::directory_iterator(golden))
            std::filesystem::copy(entry.path(), folder.path());
        const Json config = config_of(golden);
        folder.write("preprocessor_config.json",
                     Json{{"image_processor_type", "ViTImageProcessor"}, {"size", config["img_size"]}}.dump());
        const Picture picture = drawn_picture(50, 45);
        const PictureMap map = map_of(folder.path(), picture);
        const auto files = ModelFiles::open(folder.path());
        const auto schedule = make_schedule(*files);
        const auto layers = uint32_t(schedule->stages[0].layers.size());
        const uint32_t patches = map.down * map.across, extra = grid_of(*schedule, 0)->extra;
        const auto places = grid_of(*schedule, 0)->extra_places(patches);
        const Rows before = stream_of(folder.path(), picture, "encoder", layers - 1, patches + extra),
                   behind = stream_of(folder.path(), picture, "encoder", layers, patches + extra);
        std::vector<double> expected;
        for (uint32_t row = 0; row < patches + extra; ++row) {
            if (std::ranges::find(places, row) != places.end()) continue;
            double sum = 0;
            for (size_t c = 0; c < before[row].size(); ++c)
                sum += (behind[row][c] - before[row][c]) * (behind[row][c] - before[row][c]);
            expected.push_back(std::sqrt(sum / double(before[row].size())));
        }
        check_values(map, expected);
    }
}

TEST_CASE("map: results are those without it, and it says what it cannot do") {
    const auto bundled = repository() / "apps/models/cifar-mambavision";
    const Picture picture = drawn_picture(32, 32);
    auto plain = PictureModel::load(device(), bundled), mapping = PictureModel::load(device(), bundled, {.map = true});
    REQUIRE(plain);
    REQUIRE(mapping);
    const auto expected = plain->see({&picture, 1}), seen = mapping->see({&picture, 1});
    REQUIRE(expected);
    REQUIRE(seen);
    for (size_t i = 0; i < expected->size(); ++i) CHECK_THAT((*seen)[i], WithinAbs((*expected)[i], 1e-4));
    const auto map = mapping->map(picture);
    REQUIRE(map);
    CHECK_THAT(map->what, ContainsSubstring("last scan"));
    CHECK(map->down == 4); // of the last level
    CHECK_THAT(map->step_across, WithinAbs(8, 1e-9));
    CHECK(plain->map(picture).error().code == ErrorCode::invalid_argument);
    Picture broken = picture;
    broken.pixels.pop_back();
    CHECK(mapping->map(broken).error().code == ErrorCode::invalid_argument);
    Schedule s = require_schedule(config_of(own_model("vit")));
    for (Layer& layer : s.stages[0].layers) layer.blocks.erase(layer.blocks.begin()); // feed-forward blocks are left
    const auto none = add_look(s);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ErrorCode::unsupported);
    CHECK_THAT(none.error().message, ContainsSubstring("neither attention nor scans"));
}

TEST_CASE("see: windows that are filled up need room in a step") {
    weft_GOLDEN(golden, "mambavision");
    const TemporaryDirectory folder;
    for (const auto& entry : std::filesystem::directory_iterator(golden))
        std::filesystem::copy(entry.path(), folder.path());
    folder.write("preprocessor_config.json", R"({"image_processor_type": "ViTImageProcessor", "size": 64})");
    auto model = PictureModel::load(device(), folder.path(), {.batch = 2, .map = true});
    REQUIRE(model);
    const std::vector<Picture> two(2, drawn_picture(64, 64));
    const auto seen = model->see(two);
    if (!seen) FAIL(seen.error().text());
    const auto map = model->map(two[0]);
    REQUIRE(map);
    CHECK(map->down == 2); // of windows of 3 x 3
    CHECK(map->values.size() == 4);
}
