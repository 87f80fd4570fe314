// SPDX-License-Identifier: Apache-2.0
// Tests of L5 media: pictures prepared as preprocessor_config.json says, against transformers.
#include "media/picture_processor.hpp"
#include "media/recorded.hpp"
#include "unit/goldens.hpp"
#include "unit/json_file.hpp"
#include <catch2/catch_all.hpp>
#include <cmath>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

PictureSettings settings_of(const Json& json) {
    auto settings = read_picture_settings(JsonObject(json, "preprocessor_config.json"));
    if (!settings) FAIL(settings.error().text());
    return std::move(*settings);
}

Error refused(const Json& json) {
    const auto settings = read_picture_settings(JsonObject(json, "preprocessor_config.json"));
    REQUIRE_FALSE(settings);
    CHECK_THAT(settings.error().message, ContainsSubstring("preprocessor_config.json"));
    return settings.error();
}

const TensorView& tensor(const SafetensorsFile& file, const std::string& name) {
    const TensorView* t = file.find(name);
    REQUIRE(t);
    return *t;
}

// The part of a prepared picture that a case of the goldens has.
struct Part {
    std::string name;
    uint32_t top = 0, left = 0;   // of a crop
    uint32_t rows = 0, patch = 0; // of Qwen's: so many patches from both ends
};

// Qwen's order: rectangles of 2 x 2 patches, each with two frames, which are one picture.
std::vector<float> rows_of_patches(const std::vector<float>& values, Extent size, uint32_t patch) {
    const uint32_t down = size.height / patch, across = size.width / patch;
    std::vector<float> all;
    for (uint32_t i = 0; i < down * across; ++i) {
        const uint32_t rectangle = i / 4, row = rectangle / (across / 2) * 2 + i % 4 / 2,
                       column = rectangle % (across / 2) * 2 + i % 2;
        for (uint32_t c = 0; c < 3; ++c)
            for (int frame = 0; frame < 2; ++frame)
                for (uint32_t y = 0; y < patch; ++y)
                    for (uint32_t x = 0; x < patch; ++x)
                        all.push_back(
                            values[(size_t(c) * size.height + row * patch + y) * size.width + column * patch + x]);
    }
    return all;
}

} // namespace

TEST_CASE("picture settings: pictures are prepared as transformers does it") {
    const Json cases = test::read_json(test::pictures() / "processed.json");
    const auto outputs = SafetensorsFile::open(test::pictures() / "processed.safetensors");
    REQUIRE(outputs);
    const Picture input = test::recorded_pictures("resized.safetensors").at("input");
    CHECK(cases.size() >= 18);
    for (size_t i = 0; i < cases.size(); ++i) {
        INFO(cases[i]["settings"].dump());
        const PictureSettings settings = settings_of(cases[i]["settings"]);
        CHECK(settings.warnings.empty());
        const TensorView& t = tensor(*outputs, std::to_string(i));
        const auto expected = read_f32(t);
        const auto values = prepared(settings, input);
        REQUIRE(values);
        CHECK(prepared_size(settings, {input.height, input.width}).value() ==
              Extent{uint32_t(t.shape[1]), uint32_t(t.shape[2])});
        CHECK((*values == *expected));
        for (const Json& tried : cases[i]["sizes"]) {
            INFO(tried.dump());
            const auto size = prepared_size(settings, {tried[0][0], tried[0][1]});
            REQUIRE(bool(size) == !tried[1].is_null());
            if (size) CHECK(*size == Extent{tried[1][0], tried[1][1]});
        }
    }
}

TEST_CASE("picture settings: pictures are cut into pieces as transformers does it") {
    const Json cases = test::read_json(test::pictures() / "tiled.json");
    const auto file = SafetensorsFile::open(test::pictures() / "tiled.safetensors");
    REQUIRE(file);
    CHECK(cases.size() == 16);
    for (size_t i = 0; i < cases.size(); ++i) {
        const TensorView &input = tensor(*file, "input." + std::to_string(i)),
                         &output = tensor(*file, "output." + std::to_string(i));
        INFO(cases[i].dump() << " of " << input.shape[0] << " x " << input.shape[1]);
        Picture picture{"", uint32_t(input.shape[0]), uint32_t(input.shape[1]), {}};
        for (const std::byte b : input.bytes) picture.pixels.push_back(uint8_t(b));
        const PictureSettings settings = settings_of(cases[i]["settings"]);
        const Pieces pieces = pieces_of(settings, {picture.height, picture.width});
        CHECK(pieces.down == cases[i]["pieces"][0]);
        CHECK(pieces.across == cases[i]["pieces"][1]);
        const auto values = prepared(settings, picture);
        REQUIRE(values);
        CHECK((*values == *read_f32(output)));
    }
    CHECK_THAT(refused({{"image_processor_type", "Llama4ImageProcessor"}, {"do_resize", false}}).message,
               ContainsSubstring("do_resize"));
    CHECK_THAT(
        refused({{"image_processor_type", "Llama4ImageProcessor"}, {"size", {{"height", 8}, {"width", 9}}}}).message,
        ContainsSubstring("must hold a 'height' and the same 'width'"));
}

TEST_CASE("picture settings: recorded cases of real checkpoints") {
    const Part part = GENERATE(values<Part>({{"vit-224"},
                                             {"deit-224"},
                                             {"dinov2-224"},
                                             {"clip-224"},
                                             {"siglip-384"},
                                             {"gemma3-896", 300, 300},
                                             {"pixtral", 100, 200},
                                             {"pixtral-448", 60, 100},
                                             {"qwen2-vl", 0, 0, 64, 14},
                                             {"qwen3-vl", 0, 0, 48, 16}}));
    INFO(part.name);
    weft_GOLDEN(path, "frontends/" + part.name);
    const Json described = test::read_json(path / "case.json");
    const auto picture = Picture::load(test::goldens() / "../data" / described["input"].get<std::string>());
    REQUIRE(picture);
    const Json json = test::read_json(path / "preprocessor_config.json");
    const PictureSettings settings = settings_of(json);
    const auto outputs = SafetensorsFile::open(path / "io.safetensors");
    REQUIRE(outputs);
    const TensorView& t = tensor(*outputs, "output.pixel_values");
    const auto expected = read_f32(t);
    const Extent size = prepared_size(settings, {picture->height, picture->width}).value();
    const auto values = prepared(settings, *picture);
    REQUIRE(values);
    std::vector<float> ours;
    if (part.rows) {
        const auto rows = rows_of_patches(*values, size, part.patch);
        const size_t count = part.rows * t.shape[1];
        ours.assign(rows.begin(), rows.begin() + long(count));
        ours.insert(ours.end(), rows.end() - long(count), rows.end());
    } else
        for (size_t c = 0; c < 3; ++c)
            for (size_t y = part.top; y < part.top + t.shape[1]; ++y) {
                const auto row = values->begin() + long((c * size.height + y) * size.width + part.left);
                ours.insert(ours.end(), row, row + long(t.shape[2]));
            }
    // All but what the file itself rounds to f16.
    const double tolerance = t.type == FileType::f16 ? 1e-3 : 1e-5;
    REQUIRE(ours.size() == expected->size());
    size_t off = 0;
    for (size_t i = 0; i < ours.size(); ++i) off += std::abs(double(ours[i]) - (*expected)[i]) > tolerance;
    CHECK(off == 0);
}

TEST_CASE("picture settings: photographs of a trained model, from files to numbers") {
    weft_GOLDEN(path, "../models/cifar-mambavision");
    const auto recorded = SafetensorsFile::open(path / "io.safetensors");
    REQUIRE(recorded);
    const auto pixels = tensor(*recorded, "input.pixels").bytes;
    const auto expected = read_f32(tensor(*recorded, "input.pixel_values"));
    const PictureSettings settings = settings_of(test::read_json(path / "preprocessor_config.json"));
    constexpr size_t each = 32 * 32 * 3;
    size_t at = 0;
    const Json described = test::read_json(path / "case.json");
    for (std::string name : described["pictures"]) {
        name[name.find('/')] = '-';
        INFO(name);
        const auto picture = Picture::load(test::goldens() / "../data/vision/cifar10-sample" / name);
        REQUIRE(picture);
        REQUIRE(picture->pixels.size() == each);
        CHECK(std::ranges::equal(std::as_bytes(std::span(picture->pixels)), pixels.subspan(at, each)));
        const auto values = prepared(settings, *picture);
        REQUIRE(values);
        double off = 0;
        for (size_t i = 0; i < each; ++i) off = std::max(off, std::abs(double((*values)[i]) - (*expected)[at + i]));
        CHECK(off < 1e-6);
        at += each;
    }
    CHECK(at == pixels.size());
}

TEST_CASE("picture settings: names of classes, old and new") {
    const Json size{{"height", 8}, {"width", 8}};
    CHECK(settings_of({{"feature_extractor_type", "ViTFeatureExtractor"}}).a == 224);
    CHECK(settings_of({{"image_processor_type", "CLIPImageProcessor"}}).crop == Extent{224, 224});
    const auto fast = settings_of({{"image_processor_type", "SiglipImageProcessorFast"}, {"size", size}});
    CHECK(fast.rounding == Rounding::torchvision);
    CHECK(fast.a == 8);
    CHECK(settings_of({{"image_processor_type", "ViTImageProcessorFast"}, {"resample", 1}}).rounding ==
          Rounding::pillow);
    const auto unread = settings_of({{"image_processor_type", "ViTImageProcessor"}, {"blur", 3}});
    REQUIRE(unread.warnings.size() == 1);
    CHECK(unread.warnings[0] == "preprocessor_config.json: key 'blur' is not used");
}

TEST_CASE("picture settings: what cannot be is refused by its key") {
    const Json vit{{"image_processor_type", "ViTImageProcessor"}}, clip{{"image_processor_type", "CLIPImageProcessor"}},
        qwen{{"image_processor_type", "Qwen2VLImageProcessor"}},
        pixtral{{"image_processor_type", "PixtralImageProcessor"}};
    const auto with = [](Json json, const char* key, Json value) {
        json[key] = std::move(value);
        return json;
    };
    CHECK_THAT(refused(Json::object()).message, ContainsSubstring("feature_extractor_type"));
    const Error unknown = refused({{"image_processor_type", "SamImageProcessor"}});
    CHECK(unknown.code == ErrorCode::unsupported);
    CHECK_THAT(unknown.text(), ContainsSubstring("'SamImageProcessor'") && ContainsSubstring("ViTImageProcessor"));
    CHECK_THAT(refused(with(vit, "size", {{"longest_edge", 9}})).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused(with(vit, "size", {{"height", 9}})).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused(with(vit, "size", 0)).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused(with(vit, "size", {1, 2, 3})).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused(with(vit, "size", {{"height", 9}, {"width", 70000}})).message, ContainsSubstring("'width'"));
    CHECK_THAT(refused(with(vit, "do_center_crop", true)).message, ContainsSubstring("crop_size"));
    CHECK_THAT(refused(with(vit, "resample", 6)).message, ContainsSubstring("'resample'"));
    CHECK_THAT(refused(with(vit, "image_mean", {1, 2})).message, ContainsSubstring("'image_mean'"));
    CHECK_THAT(refused(with(vit, "image_std", 0)).message, ContainsSubstring("'image_std'"));
    CHECK_THAT(refused(with(vit, "image_std", {1, 1, 1e-300})).message, ContainsSubstring("'image_std'"));
    CHECK_THAT(refused(with(vit, "rescale_factor", 1e300)).message, ContainsSubstring("'rescale_factor'"));
    CHECK_THAT(refused(with(vit, "do_resize", 3)).message, ContainsSubstring("'do_resize'"));
    CHECK_THAT(refused(with(vit, "do_pad", true)).message, ContainsSubstring("'do_pad'"));
    CHECK_THAT(refused(with(clip, "crop_size", {{"height", 9}})).message, ContainsSubstring("'width'"));
    CHECK_THAT(refused(with(clip, "crop_size", 65536)).message, ContainsSubstring("'crop_size'"));
    CHECK_THAT(refused(with(qwen, "size", {{"height", 9}, {"width", 9}})).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused(with(qwen, "min_pixels", 1 << 25)).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused(with(qwen, "merge_size", 1 << 30)).message, ContainsSubstring("'merge_size'"));
    CHECK_THAT(refused(with(pixtral, "size", {{"shortest_edge", 9}})).message, ContainsSubstring("'size'"));
    CHECK_THAT(refused({{"image_processor_type", "Gemma3ImageProcessor"}, {"do_pan_and_scan", true}}).message,
               ContainsSubstring("'do_pan_and_scan'"));
}

TEST_CASE("picture settings: pictures of shapes that cannot be prepared") {
    const auto message = [](const Json& json, Extent size) {
        const auto fit = prepared_size(settings_of(json), size);
        REQUIRE_FALSE(fit);
        CHECK(fit.error().code == ErrorCode::invalid_argument);
        return fit.error().message;
    };
    const Json qwen{{"image_processor_type", "Qwen2VLImageProcessor"}},
        bit{{"image_processor_type", "BitImageProcessor"}, {"size", 60000}},
        keep{{"image_processor_type", "ViTImageProcessor"}, {"do_resize", false}};
    CHECK_THAT(message(qwen, {1, 201}), ContainsSubstring("201 x 1 pixels is more than 200 times"));
    CHECK_THAT(message(bit, {10, 2000}), ContainsSubstring("too large"));
    CHECK_THAT(message(bit, {60000, 60000}), ContainsSubstring("too large"));
    CHECK_THAT(message(keep, {0, 5}), ContainsSubstring("nothing to see"));
    CHECK_FALSE(prepared(settings_of(keep), {}));
}
