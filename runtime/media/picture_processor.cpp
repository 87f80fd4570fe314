// SPDX-License-Identifier: Apache-2.0
#include "media/picture_processor.hpp"
#include "base/half.hpp"
#include <algorithm>
#include <cmath>

namespace weft::detail {
namespace {

using Fit = PictureSettings::Fit;

constexpr uint32_t kMostSide = 1u << 16;

// What a class of transformers takes for what the file leaves out. Sizes are written as files have them.
struct Class {
    const char* name;
    Fit fit;     // of a size with height and width: exact, or the class's own rule
    bool square; // a size that is a number is a square's side, and else the shorter side's length
    Filter filter;
    std::array<double, 3> mean, std;
    Json size, crop; // null: there is none
    bool crops;
};

const std::array<double, 3> kHalf = {0.5, 0.5, 0.5}, kClipMean = {0.48145466, 0.4578275, 0.40821073},
                            kClipStd = {0.26862954, 0.26130258, 0.27577711};

Json square(uint32_t side) { return {{"height", side}, {"width", side}}; }

const std::vector<Class>& classes() {
    static const std::vector<Class> all = {
        {"ViTImageProcessor", Fit::exact, true, Filter::bilinear, kHalf, kHalf, square(224), nullptr, false},
        {"DeiTImageProcessor", Fit::exact, true, Filter::bicubic, kHalf, kHalf, square(256), square(224), true},
        {"BitImageProcessor",
         Fit::exact,
         false,
         Filter::bicubic,
         kClipMean,
         kClipStd,
         {{"shortest_edge", 224}},
         square(224),
         true},
        {"CLIPImageProcessor",
         Fit::exact,
         false,
         Filter::bicubic,
         kClipMean,
         kClipStd,
         {{"shortest_edge", 224}},
         square(224),
         true},
        {"SiglipImageProcessor", Fit::exact, false, Filter::bicubic, kHalf, kHalf, square(224), nullptr, false},
        {"Gemma3ImageProcessor", Fit::exact, true, Filter::bilinear, kHalf, kHalf, square(224), nullptr, false},
        {"PixtralImageProcessor",
         Fit::patches,
         true,
         Filter::bicubic,
         kClipMean,
         kClipStd,
         {{"longest_edge", 1024}},
         nullptr,
         false},
        {"Qwen2VLImageProcessor",
         Fit::pixels,
         false,
         Filter::bicubic,
         kClipMean,
         kClipStd,
         {{"shortest_edge", 56 * 56}, {"longest_edge", 28 * 28 * 1280}},
         nullptr,
         false},
        {"Llama4ImageProcessor", Fit::tiles, true, Filter::bilinear, kHalf, kHalf, square(336), nullptr, false},
    };
    return all;
}

// Keys without a say in what the picture becomes.
constexpr const char* kNotRead[] = {
    "auto_map",         "backend",        "data_format",         "device",
    "disable_grouping", "do_convert_rgb", "image_seq_length",    "input_data_format",
    "processor_class",  "return_tensors", "temporal_patch_size",
};

// What a byte of a channel becomes, in steps that round as those of transformers.
float number_of(const PictureSettings& s, size_t channel, double byte) {
    if (s.bf16) {
        const auto rounded = [](float x) { return bf16_to_float(float_to_bf16(x)); };
        const float x = rounded(float(byte) * float(s.factor));
        return rounded(rounded(x - rounded(s.mean[channel])) / rounded(s.std[channel]));
    }
    return (float(byte * s.factor) - s.mean[channel]) / s.std[channel];
}

class Reader {
public:
    explicit Reader(const JsonObject& file) : c_(file.noting(read_)) {}

    Result<PictureSettings> run() {
        weft_TRY(find_class());
        weft_TRY(read_filter());
        weft_ASSIGN(const bool resize, c_.boolean_or("do_resize", true));
        if (!resize && class_->fit == Fit::tiles)
            return c_.bad("do_resize", "is false; pictures that are cut into squares are always resized");
        if (resize) weft_TRY(read_size());
        weft_TRY(read_crop());
        weft_TRY(read_numbers());
        weft_TRY(refuse_others());
        for (const auto& [key, value] : c_.json().items())
            if (!read_.has(key) && std::ranges::find(kNotRead, key) == std::end(kNotRead))
                s_.warnings.push_back(c_.origin() + ": key '" + key + "' is not used");
        return s_;
    }

private:
    Status find_class() {
        const char* const key = c_.has("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
        weft_ASSIGN(std::string type, c_.string(key));
        const std::string given = type;
        const auto strip = [&](std::string_view end) {
            const bool has = type.ends_with(end);
            if (has) type.resize(type.size() - end.size());
            return has;
        };
        if (strip("Fast")) s_.rounding = Rounding::torchvision;
        else strip("Pil");
        if (strip("FeatureExtractor")) type += "ImageProcessor";
        const auto found = std::ranges::find(classes(), type, [](const Class& k) { return std::string(k.name); });
        if (found != classes().end()) {
            class_ = &*found;
            if (class_->fit == Fit::tiles) s_.rounding = Rounding::torchvision; // there is no other of it
            return Ok{};
        }
        Error error{ErrorCode::unsupported, c_.bad(key, "is '" + given + "', which weft does not know").message, {}};
        for (const Class& known : classes()) error.reasons.push_back(known.name);
        return error;
    }

    Status read_filter() {
        weft_ASSIGN(const int64_t number, c_.integer_or("resample", int64_t(class_->filter)));
        if (number < 0 || number > int64_t(Filter::hamming))
            return c_.bad("resample", "must be a filter of Pillow's, from 0 to 5");
        s_.filter = Filter(number);
        // torchvision has the two alone; others it takes from elsewhere.
        if (s_.filter != Filter::bilinear && s_.filter != Filter::bicubic) s_.rounding = Rounding::pillow;
        return Ok{};
    }

    Result<uint32_t> side(const JsonObject& in, const std::string& key, uint32_t most = kMostSide) const {
        weft_ASSIGN(const uint32_t n, in.count(key));
        if (n > most) return in.bad(key, "must be at most " + std::to_string(most));
        return n;
    }

    // A number, two of them, or an object.
    Result<Json> sizes(const std::string& key, const Json& otherwise, bool square_of_number) const {
        if (!c_.has(key)) return otherwise;
        const Json& given = c_.json()[key];
        if (given.is_object()) {
            weft_TRY(c_.object(key)); // which notes that it is read
            return given;
        }
        if (given.is_array()) {
            weft_ASSIGN(const auto two, c_.numbers(key));
            if (two.size() != 2) return c_.bad(key, "must be a number, a height and a width, or an object");
            return Json{{"height", given[0]}, {"width", given[1]}};
        }
        weft_ASSIGN(const uint32_t n, c_.count(key));
        return square_of_number ? square(n) : Json{{"shortest_edge", n}};
    }

    Status read_size() {
        weft_ASSIGN(const bool square_of_number, c_.boolean_or("default_to_square", class_->square));
        weft_ASSIGN(Json size, sizes("size", class_->size, square_of_number));
        for (const auto& [own, named] : {std::pair("min_pixels", "shortest_edge"), {"max_pixels", "longest_edge"}})
            if (class_->fit == Fit::pixels && c_.has(own)) {
                weft_ASSIGN(const uint32_t n, c_.count(own));
                size[named] = n;
            }
        const JsonObject o(size, c_.origin() + ": size");
        const auto has = [&](std::initializer_list<const char*> keys) {
            return size.size() == keys.size() && std::ranges::all_of(keys, [&](const char* k) { return o.has(k); });
        };
        const auto set = [&](Fit fit, const char* a, const char* b, uint32_t most = kMostSide) -> Status {
            s_.fit = fit;
            weft_ASSIGN(s_.a, side(o, a, most));
            if (!b) return Ok{};
            weft_ASSIGN(s_.b, side(o, b, most));
            return Ok{};
        };
        if (class_->fit == Fit::pixels) {
            if (!has({"shortest_edge", "longest_edge"}))
                return c_.bad("size", "must hold 'shortest_edge' and 'longest_edge', in pixels of the whole picture");
            weft_TRY(set(Fit::pixels, "shortest_edge", "longest_edge", uint32_t(Picture::kMostPixels)));
            if (s_.a > s_.b) return c_.bad("size", "must hold no 'shortest_edge' above its 'longest_edge'");
            return read_patch();
        }
        if (class_->fit == Fit::patches) {
            if (has({"longest_edge"})) weft_TRY(set(Fit::patches, "longest_edge", "longest_edge"));
            else if (has({"height", "width"})) weft_TRY(set(Fit::patches, "height", "width"));
            else return c_.bad("size", "must hold 'longest_edge', or 'height' and 'width'");
            return read_patch();
        }
        if (class_->fit == Fit::tiles) {
            if (!has({"height", "width"}) || o.json()["height"] != o.json()["width"])
                return c_.bad("size", "must hold a 'height' and the same 'width'");
            weft_TRY(set(Fit::tiles, "height", nullptr));
            weft_ASSIGN(s_.b, c_.count_or("max_patches", 16));
            if (s_.b > 256) return c_.bad("max_patches", "must be at most 256");
            weft_ASSIGN(s_.enlarge, c_.boolean_or("resize_to_max_canvas", false));
            return Ok{};
        }
        if (has({"height", "width"})) return set(Fit::exact, "height", "width");
        if (has({"shortest_edge"})) return set(Fit::shortest, "shortest_edge", nullptr);
        if (has({"shortest_edge", "longest_edge"})) return set(Fit::shortest, "shortest_edge", "longest_edge");
        if (has({"max_height", "max_width"})) return set(Fit::within, "max_height", "max_width");
        return c_.bad("size",
                      "must hold 'height' and 'width', 'shortest_edge', that and 'longest_edge', or 'max_height' "
                      "and 'max_width'");
    }

    Status read_patch() {
        const bool merges = class_->fit == Fit::pixels;
        weft_ASSIGN(const Json patch, sizes("patch_size", square(merges ? 14 : 16), true));
        const JsonObject o(patch, c_.origin() + ": patch_size");
        weft_ASSIGN(s_.patch.height, side(o, "height"));
        weft_ASSIGN(s_.patch.width, side(o, "width"));
        if (!merges) return Ok{};
        weft_ASSIGN(const uint32_t merge, c_.count_or("merge_size", 2));
        if (merge > kMostSide / std::max(s_.patch.height, s_.patch.width))
            return c_.bad("merge_size",
                          "must make rectangles of at most " + std::to_string(kMostSide) + " pixels a side");
        if (s_.patch.height != s_.patch.width) return c_.bad("patch_size", "must be a number");
        s_.patch = {s_.patch.height * merge, s_.patch.width * merge};
        return Ok{};
    }

    Status read_crop() {
        weft_ASSIGN(const bool crop, c_.boolean_or("do_center_crop", class_->crops));
        if (!crop || class_->fit == Fit::pixels) {
            read_.note("crop_size");
            return Ok{};
        }
        weft_ASSIGN(const Json size, sizes("crop_size", class_->crop, true));
        if (size.is_null()) return c_.bad("do_center_crop", "is true, and there is no crop_size");
        const JsonObject o(size, c_.origin() + ": crop_size");
        weft_ASSIGN(s_.crop.height, side(o, "height"));
        weft_ASSIGN(s_.crop.width, side(o, "width"));
        if (uint64_t(s_.crop.height) * s_.crop.width > Picture::kMostPixels)
            return c_.bad("crop_size", "must be of at most " + std::to_string(Picture::kMostPixels) + " pixels");
        return Ok{};
    }

    Result<std::array<float, 3>> each(const std::string& key, const std::array<double, 3>& otherwise) const {
        std::array<float, 3> all{};
        std::vector<double> given(otherwise.begin(), otherwise.end());
        if (c_.has(key) && c_.json()[key].is_array()) {
            weft_ASSIGN(given, c_.numbers(key));
        } else if (c_.has(key)) {
            weft_ASSIGN(const double one, c_.number(key));
            given.assign(3, one);
        }
        if (given.size() != 3) return c_.bad(key, "must be a number, or three, for red, green and blue");
        for (size_t i = 0; i < 3; ++i) all[i] = float(given[i]);
        return all;
    }

    Status read_numbers() {
        weft_ASSIGN(const bool rescale, c_.boolean_or("do_rescale", true));
        weft_ASSIGN(const double factor, c_.number_or("rescale_factor", 1.0 / 255));
        if (rescale) s_.factor = factor;
        weft_ASSIGN(const bool normalize, c_.boolean_or("do_normalize", true));
        weft_ASSIGN(const auto mean, each("image_mean", class_->mean));
        weft_ASSIGN(const auto std, each("image_std", class_->std));
        if (std::ranges::any_of(std, [](float s) { return !(s > 0 && std::isfinite(s)); }))
            return c_.bad("image_std", "must hold positive numbers");
        if (normalize) {
            s_.mean = mean;
            s_.std = std;
        }
        s_.bf16 = class_->fit == Fit::tiles && rescale && normalize;
        for (size_t c = 0; c < 3; ++c)
            if (!std::isfinite(number_of(s_, c, 0)) || !std::isfinite(number_of(s_, c, 255)))
                return c_.bad("rescale_factor", "must, with image_mean and image_std, leave finite numbers");
        return Ok{};
    }

    // Settings by which one picture would become another one, or several.
    Status refuse_others() {
        weft_ASSIGN(const bool scan, c_.boolean_or("do_pan_and_scan", false));
        if (scan)
            return Error{ErrorCode::unsupported,
                         c_.bad("do_pan_and_scan", "is true; weft shows a model whole pictures").message,
                         {}};
        for (const char* key :
             {"pan_and_scan_min_crop_size", "pan_and_scan_max_num_crops", "pan_and_scan_min_ratio_to_activate"})
            read_.note(key);
        weft_ASSIGN(const bool pad, c_.boolean_or("do_pad", false));
        read_.note("pad_size");
        // Pixtral's is of the pictures of a batch; here each keeps its own size.
        if (pad && class_->fit != Fit::patches)
            return Error{ErrorCode::unsupported, c_.bad("do_pad", "is true; weft pads no pictures").message, {}};
        return Ok{};
    }

    KeysRead read_;
    JsonObject c_;
    const Class* class_ = nullptr;
    PictureSettings s_;
};

// As Python's round(): halves to even.
double rounded(double x) { return std::nearbyint(x); }

struct Size {
    double height, width;
};

Size shortest_side(const PictureSettings& s, Extent p) {
    const double height = p.height, width = p.width, small = std::min(height, width), large = std::max(height, width);
    if (!s.b) {
        const double longer = std::floor(double(s.a) * large / small);
        return width <= height ? Size{longer, double(s.a)} : Size{double(s.a), longer};
    }
    // Where the longer side would be too long, the shorter one follows from it, and it from what is not rounded yet.
    double side = s.a, exact = s.a;
    if (large / small * side > s.b) {
        exact = s.b * small / large;
        side = rounded(exact);
    }
    if ((height <= width && height == side) || (width <= height && width == side)) return {height, width};
    if (width < height) return {std::floor(exact * height / width), side};
    return {side, std::floor(exact * width / height)};
}

Size whole_patches(const PictureSettings& s, Extent p) {
    double height = p.height, width = p.width;
    if (const double ratio = std::max(height / s.a, width / s.b); ratio > 1) {
        height = std::floor(height / ratio);
        width = std::floor(width / ratio);
    }
    const auto up = [](double pixels, uint32_t patch) { return (std::floor((pixels - 1) / patch) + 1) * patch; };
    return {up(height, s.patch.height), up(width, s.patch.width)};
}

Size some_pixels(const PictureSettings& s, Extent p) {
    const double f = s.patch.height, height = p.height, width = p.width;
    const Size near{rounded(height / f) * f, rounded(width / f) * f};
    if (near.height * near.width > s.b) {
        const double by = std::sqrt(height * width / s.b);
        return {std::max(f, std::floor(height / by / f) * f), std::max(f, std::floor(width / by / f) * f)};
    }
    if (near.height * near.width < s.a) {
        const double by = std::sqrt(s.a / (height * width));
        return {std::ceil(height * by / f) * f, std::ceil(width * by / f) * f};
    }
    return near;
}

Size size_of(const PictureSettings& s, Extent p) {
    switch (s.fit) {
    case Fit::keep: break;
    case Fit::exact: return {double(s.a), double(s.b)};
    case Fit::shortest: return shortest_side(s, p);
    case Fit::within: {
        const double by = std::min(double(s.a) / p.height, double(s.b) / p.width);
        return {std::floor(p.height * by), std::floor(p.width * by)};
    }
    case Fit::patches: return whole_patches(s, p);
    case Fit::pixels: return some_pixels(s, p);
    case Fit::tiles: return {double(s.a), double(s.a)};
    }
    return {double(p.height), double(p.width)};
}

} // namespace

Result<PictureSettings> read_picture_settings(const JsonObject& file) { return Reader(file).run(); }

Result<Extent> fitted(const PictureSettings& s, Extent p) {
    const auto refuse = [&](const std::string& rule) {
        return Error{ErrorCode::invalid_argument,
                     "a picture of " + std::to_string(p.width) + " x " + std::to_string(p.height) + " pixels " + rule,
                     {}};
    };
    if (p.height == 0 || p.width == 0) return refuse("has nothing to see");
    constexpr uint32_t most_ratio = 200;
    if (s.fit == Fit::pixels && std::max(p.height, p.width) > uint64_t(most_ratio) * std::min(p.height, p.width))
        return refuse("is more than " + std::to_string(most_ratio) + " times as long as it is wide");
    const Size size = size_of(s, p);
    if (size.height < 1 || size.width < 1) return refuse("would have no pixel left of one side");
    if (size.height > kMostSide || size.width > kMostSide ||
        size.height * size.width * pieces_of(s, p).count() > double(Picture::kMostPixels))
        return refuse("would become too large for weft");
    return Extent{uint32_t(size.height), uint32_t(size.width)};
}

Result<Extent> prepared_size(const PictureSettings& s, Extent p) {
    weft_ASSIGN(const Extent fit, fitted(s, p));
    return s.crop.height ? s.crop : fit;
}

// Of all canvases of at most `b` squares the one onto which a picture fits without being made smaller, and that
// enlarges it least, or most; else the one that makes it smaller least; of equals the smallest. In 32 bits, as the
// class has it.
Pieces pieces_of(const PictureSettings& s, Extent p) {
    Pieces best;
    if (s.fit != Fit::tiles) return best;
    float best_scale = 0;
    for (uint32_t squares = s.b; squares > 0; --squares)
        for (uint32_t down = 1; down <= squares; ++down) {
            if (squares % down) continue;
            const uint32_t across = squares / down;
            const float scale = std::min(float(across * s.a) / float(p.width), float(down * s.a) / float(p.height));
            const bool fits = scale >= 1, fitted = best_scale >= 1;
            const bool better = fits != fitted ? fits : fits && !s.enlarge ? scale < best_scale : scale > best_scale;
            if (!better && (scale != best_scale || squares >= best.down * best.across)) continue;
            best = {down, across};
            best_scale = scale;
        }
    return best;
}

namespace {

// How large a picture lies on its canvas: undistorted, and no larger than it is or than a square, unless it may be.
Extent on_canvas(const PictureSettings& s, Extent p, Pieces pieces) {
    // What the class has as a tensor is divided in 32 bits.
    const auto limit = [&](uint32_t own, uint32_t canvas) {
        const uint32_t wanted = std::max(own, s.a);
        return std::pair(s.enlarge ? canvas : std::min(wanted, canvas), s.enlarge || canvas < wanted);
    };
    const auto [height, height_narrow] = limit(p.height, pieces.down * s.a);
    const auto [width, width_narrow] = limit(p.width, pieces.across * s.a);
    const auto ratio = [](uint32_t to, uint32_t from, bool narrow) {
        return narrow ? double(float(to) / float(from)) : double(to) / double(from);
    };
    const double by_width = ratio(width, p.width, width_narrow), by_height = ratio(height, p.height, height_narrow);
    const bool narrow = height_narrow || width_narrow;
    const auto scaled = [](uint32_t side, double by, bool in_32_bits) {
        return in_32_bits ? uint32_t(std::floor(float(side) * float(by))) : uint32_t(std::floor(side * by));
    };
    if (narrow ? float(by_width) < float(by_height) : by_width < by_height)
        return {std::max(1u, std::min(scaled(p.height, by_width, width_narrow), height)), width};
    return {height, std::max(1u, std::min(scaled(p.width, by_height, height_narrow), width))};
}

// Where what is taken of a side begins. Where less is there, half of what is missing lies before it; of an odd number
// the larger half.
int64_t middle(uint32_t have, uint32_t want) {
    return have >= want ? int64_t(have - want) / 2 : -(int64_t(want - have + 1) / 2);
}

using Numbers = std::array<std::array<float, 256>, 3>;

// Rows and columns from `top` and `left` on; what lies outside is black.
void add_numbers(std::vector<float>& all, const Picture& p, const Numbers& number, int64_t top, int64_t left,
                 Extent to) {
    for (size_t c = 0; c < 3; ++c)
        for (int64_t y = top; y < top + int64_t(to.height); ++y)
            for (int64_t x = left; x < left + int64_t(to.width); ++x) {
                const bool inside = y >= 0 && y < int64_t(p.height) && x >= 0 && x < int64_t(p.width);
                all.push_back(number[c][inside ? p.pixels[(size_t(y) * p.width + size_t(x)) * 3 + c] : 0]);
            }
}

} // namespace

Result<Shown> shown(const PictureSettings& s, Extent p) {
    weft_ASSIGN(const Extent fit, fitted(s, p));
    const Extent to = s.crop.height ? s.crop : fit;
    const double down = double(p.height) / fit.height, across = double(p.width) / fit.width;
    return Shown{double(middle(fit.height, to.height)) * down, double(middle(fit.width, to.width)) * across,
                 to.height * down, to.width * across};
}

Result<std::vector<float>> prepared(const PictureSettings& s, const Picture& picture) {
    const Extent given{picture.height, picture.width};
    weft_ASSIGN(const Extent fit, fitted(s, given));
    const Extent to = s.crop.height ? s.crop : fit;
    Numbers number{};
    for (size_t c = 0; c < 3; ++c)
        for (size_t v = 0; v < 256; ++v) number[c][v] = number_of(s, c, double(v));
    const Pieces pieces = pieces_of(s, given);
    std::vector<float> all;
    all.reserve(size_t(3) * pieces.count() * to.height * to.width);
    if (s.fit == Fit::tiles) {
        const Extent size = on_canvas(s, given, pieces);
        const Picture p = resized(picture, size.height, size.width, s.filter, s.rounding);
        for (uint32_t y = 0; y < pieces.down; ++y)
            for (uint32_t x = 0; x < pieces.across; ++x)
                add_numbers(all, p, number, int64_t(y) * to.height, int64_t(x) * to.width, to);
        if (pieces.count() == 1) return all;
    }
    const Picture p = resized(picture, fit.height, fit.width, s.filter, s.rounding);
    add_numbers(all, p, number, middle(fit.height, to.height), middle(fit.width, to.width), to);
    return all;
}

} // namespace weft::detail
