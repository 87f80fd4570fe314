// SPDX-License-Identifier: Apache-2.0
// A schedule to JSON: the fields of schedule_fields.hpp that are not what they are where absent,
// blocks under names, layers that repeat once.
#include "base/check.hpp"
#include "schedule/rotary_base.hpp"
#include "schedule/schedule_fields.hpp"
#include "schedule/schedule_json.hpp"
#include <charconv>
#include <map>
#include <set>

namespace weft::detail {
namespace {

using Ordered = nlohmann::ordered_json;
using Names = std::vector<std::string>;

constexpr size_t kLongestPeriod = 64; // layers of a group that repeats

// The shortest decimal that reads back as this float: 0.1 and not 0.10000000149011612.
Ordered decimal(float f) {
    if (!std::isfinite(f)) return {{"__float__", std::isnan(f) ? "NaN" : f > 0 ? "Infinity" : "-Infinity"}};
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, f).ptr;
    double d = 0;
    std::from_chars(text, end, d);
    return d;
}

bool same(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }
bool same(const std::vector<float>& a, const std::vector<float>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return same(x, y); });
}
template <class T>
bool same(const T& a, const T& b) {
    return a == b;
}

// The first part of a dotted name that is the layer's number becomes {layer}, so that the
// names of all layers can be the same.
std::string marked(const std::string& name, uint32_t layer) {
    const std::string number = std::to_string(layer);
    for (size_t at = 0; (at = name.find(number, at)) != name.npos; ++at) {
        const size_t end = at + number.size();
        if ((at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.'))
            return name.substr(0, at) + "{layer}" + name.substr(end);
    }
    return name;
}

/// Runs of equal layers, and of equal groups of layers, as entries of "layers".
Ordered repeated(const std::vector<Names>& layers) {
    Ordered entries = Ordered::array();
    for (size_t at = 0; at < layers.size();) {
        size_t best = 1, times = 1;
        for (size_t period = 1; period <= kLongestPeriod && at + 2 * period <= layers.size(); ++period) {
            size_t n = 1;
            while (at + (n + 1) * period <= layers.size() &&
                   std::equal(layers.begin() + long(at), layers.begin() + long(at + period),
                              layers.begin() + long(at + n * period)))
                ++n;
            if (n > 1 && n * period > best * times) {
                best = period;
                times = n;
            }
        }
        Ordered entry = Ordered::object();
        if (times > 1) entry["repeat"] = times;
        if (best == 1) entry["blocks"] = layers[at];
        else
            for (size_t i = 0; i < best; ++i) entry["layers"].push_back({{"blocks", layers[at + i]}});
        entries.push_back(std::move(entry));
        at += best * times;
    }
    return entries;
}

class Writer final : public ScheduleFields {
public:
    explicit Writer(const Schedule& s) : s_(s), written_(s.weights.size(), false) {
        frames_.push_back({Ordered::object(), "", "", false});
    }

    Ordered run() {
        top()[kScheduleKey] = kScheduleVersion;
        visit_const(*this, s_);
        if (top()["blocks"].empty()) top().erase("blocks");
        if (!layouts_.empty()) {
            top()["weights"] = Ordered::object();
            for (auto& [name, layout] : layouts_) top()["weights"][name] = std::move(layout);
        }
        return std::move(top());
    }

    using Fields::list;
    using Fields::value;
    void size(const char* key, uint32_t& x) override { top()[key] = x; }
    void size(const char* key, uint32_t& x, uint32_t otherwise) override { write(key, x, otherwise); }
    void value(const char* key, bool& x, bool otherwise) override { write(key, x, otherwise); }
    void value(const char* key, uint32_t& x, uint32_t otherwise) override { write(key, x, otherwise); }
    void value(const char* key, uint64_t& x, uint64_t otherwise) override { write(key, x, otherwise); }
    void value(const char* key, int64_t& x, int64_t otherwise) override { write(key, x, otherwise); }
    void number(const char* key, float& x, float otherwise, Reach) override { write(key, x, otherwise); }
    void value(const char* key, std::string& x, const std::string& otherwise) override { write(key, x, otherwise); }
    void value(const char* key, std::vector<uint64_t>& x, const std::vector<uint64_t>& otherwise) override {
        write(key, x, otherwise);
    }
    void value(const char* key, std::vector<float>& x, const std::vector<float>& otherwise) override {
        write(key, x, otherwise);
    }
    void value(const char* key, Names& x, const Names& otherwise) override { write(key, x, otherwise); }
    void choice(const char* key, uint32_t& x, uint32_t otherwise, std::span<const char* const> names) override {
        if (x != otherwise) top()[key] = names[x];
    }
    void reference(const char* key, uint32_t& id, uint32_t otherwise, const Names& names, const char*) override {
        if (id != otherwise) top()[key] = names.at(id);
    }
    void references(const char* key, std::vector<uint32_t>& ids, const std::vector<uint32_t>& otherwise,
                    const Names& names, const char*) override {
        if (ids == otherwise) return;
        top()[key] = Ordered::array();
        for (const uint32_t id : ids) top()[key].push_back(names.at(id));
    }
    void program(const char* key, std::shared_ptr<const Schedule>& program) override {
        if (program) top()[key] = to_json(*program);
    }
    void derived(bool&, bool) override {}
    void derived(uint32_t&, uint64_t) override {}
    void rule(bool, const char*, const std::string&) override {}

    bool enter(const char* key, bool there, bool optional) override {
        if (there) frames_.push_back({Ordered::object(), key, frames_.back().name + key + ".", optional});
        return there;
    }
    void leave() override {
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        if (frame.optional || !frame.json.empty()) top()[frame.key] = std::move(frame.json);
    }
    void list(const char* key, size_t count, const std::function<void(size_t)>& each) override {
        if (count == 0) return;
        Ordered all = Ordered::array();
        for (size_t i = 0; i < count; ++i) {
            frames_.push_back(
                {Ordered::object(), key, frames_.back().name + key + "." + std::to_string(i) + ".", true});
            each(i);
            all.push_back(std::move(top()));
            frames_.pop_back();
        }
        top()[key] = std::move(all);
    }
    void op(Op& op) override { top()["op"] = op.name(); }

    void stages(std::vector<Stage>& all, const std::function<void(Stage&)>& each) override {
        top()["blocks"] = Ordered::object();
        list("stages", all, [&](Stage& stage) {
            stage_name_ = &stage == all.data() ? "" : stage.name + ".";
            frames_.back().name = stage_name_;
            each(stage);
        });
    }
    void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) override {
        if (all.empty()) return;
        Ordered& named = frames_.front().json["blocks"];
        std::vector<Names> list;
        for (size_t i = 0; i < all.size(); ++i) {
            layer_ = uint32_t(i);
            Names names;
            for (size_t b = 0; b < all[i].blocks.size(); ++b) {
                frames_.push_back(
                    {Ordered::object(), "", stage_name_ + "layers.{layer}.blocks." + std::to_string(b) + ".", true});
                each(all[i].blocks[b]);
                const Ordered block = std::move(top());
                frames_.pop_back();
                std::string& name = name_of_block_[block.dump()];
                if (name.empty()) {
                    for (const Branch& branch : all[i].blocks[b].branches)
                        name += std::string(name.empty() ? "" : "+") + branch.op.name();
                    name = free_name(name, [&](const std::string& n) { return named.contains(n); });
                    named[name] = block;
                }
                names.push_back(name);
            }
            list.push_back(std::move(names));
        }
        layer_.reset();
        top()["layers"] = repeated(list);
    }

    void weight(const char* key, WeightId& id, WeightShape, WeightUse use, WeightKind) override {
        if (id == kNoWeight) {
            if (use != WeightUse::rare) top()[key] = false;
            return;
        }
        const WeightSlot& slot = s_.weights[id];
        const std::string usual = frames_.back().name + key, name = layer_ ? marked(slot.name, *layer_) : slot.name;
        if (name != usual) top()[key] = name;
        else if (use == WeightUse::rare) top()[key] = true;
        if (!written_[id]) layout(slot, name);
        written_[id] = true;
        taken_.insert(slot.name);
    }
    void frequencies(Rope& r) override {
        const WeightSlot& slot = s_.weights[r.frequencies];
        const bool known = bases_.count(r.frequencies) != 0;
        const std::string name =
            free_name(kFrequenciesName, [&](const std::string& n) { return taken_.count(n) != 0; });
        const std::optional<double> theta = r.rows() > 1 || !(known || (!written_[r.frequencies] && slot.name == name))
                                                ? std::nullopt
                                                : base_of(slot.computed, r.rotary);
        if (!theta) return weight("frequencies", r.frequencies, {}, WeightUse::always, WeightKind::vector);
        write("theta", *theta, kUsualTheta);
        bases_.insert(r.frequencies);
        written_[r.frequencies] = true;
        taken_.insert(slot.name);
    }

private:
    template <class T>
    void write(const char* key, const T& x, const T& otherwise) {
        if (!same(x, otherwise)) top()[key] = json(x);
    }
    struct Frame {
        Ordered json;
        std::string key, name;
        bool optional;
    };
    Ordered& top() { return frames_.back().json; }

    static Ordered json(float x) { return decimal(x); }
    static Ordered json(const std::vector<float>& x) { // runs as [n, value]
        Ordered list = Ordered::array();
        for (size_t i = 0, end; i < x.size(); i = end) {
            for (end = i + 1; end < x.size() && same(x[end], x[i]);) ++end;
            if (end - i == 1) list.push_back(decimal(x[i]));
            else list.push_back({end - i, decimal(x[i])});
        }
        return list;
    }
    Ordered json(const std::vector<std::string>& x) const {
        Ordered list = Ordered::array();
        for (const auto& name : x) list.push_back(layer_ ? marked(name, *layer_) : name);
        return list;
    }
    template <class T>
    static Ordered json(const T& x) {
        return x;
    }

    /// The theta that gives these frequencies to the last bit, if there is one with few digits.
    static std::optional<double> base_of(const std::vector<float>& values, uint32_t rotary) {
        if (same(values, rotary_frequencies(kUsualTheta, rotary))) return kUsualTheta;
        if (values.size() < 2 || !(values.back() > 0)) return std::nullopt;
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", std::pow(double(values.back()), -double(rotary) / (rotary - 2)));
        const double theta = std::strtod(text, nullptr);
        return theta > 0 && std::isfinite(theta) && same(values, rotary_frequencies(theta, rotary))
                   ? std::optional(theta)
                   : std::nullopt;
    }

    // A layer whose weight of this name is put together otherwise gets an entry of its own.
    void layout(const WeightSlot& slot, const std::string& name) {
        frames_.push_back({Ordered::object(), "", "", false});
        const WeightPiece itself{{slot.name}, {slot.shape.begin(), slot.shape.end()}};
        if (!(slot.of_files() && slot.alternatives.empty() && slot.pieces == std::vector{itself}))
            visit_const(*this, slot);
        Ordered made = std::move(top());
        frames_.pop_back();
        const auto [known, fresh] = layout_of_.emplace(name, made);
        if (!fresh && known->second != made) layouts_.push_back({slot.name, std::move(made)});
        else if (fresh && !made.empty()) layouts_.push_back({name, std::move(made)});
    }

    const Schedule& s_;
    std::vector<Frame> frames_;
    std::optional<uint32_t> layer_;
    std::string stage_name_;                           // how names of weights begin in this stage
    std::map<std::string, std::string> name_of_block_; // by its text
    std::vector<bool> written_;                        // slots whose layout has been seen to
    std::set<std::string> taken_;                      // their names
    std::set<WeightId> bases_;                         // slots written as theta
    std::map<std::string, Ordered> layout_of_;         // by name as written
    std::vector<std::pair<std::string, Ordered>> layouts_;
};

constexpr size_t kLine = 160;

void print(const Ordered& json, size_t indent, std::string& out) {
    const std::string flat = json.dump();
    if (indent + flat.size() <= kLine || (!json.is_object() && !json.is_array()) || json.empty()) {
        out += flat;
        return;
    }
    const std::string start = "\n" + std::string(indent + 2, ' ');
    out += json.is_object() ? "{" : "[";
    size_t column = 0; // numbers and words fill lines
    for (auto it = json.begin(); it != json.end(); ++it) {
        if (it != json.begin()) out += ",";
        const bool filling = json.is_array() && !it->is_structured();
        const std::string item = filling ? it->dump() : "";
        if (!filling || column == 0 || column + item.size() > kLine) {
            out += start;
            column = indent + 2;
        } else out += " ";
        column += item.size() + 2;
        if (json.is_object()) out += Ordered(it.key()).dump() + ": ";
        if (filling) out += item;
        else print(*it, indent + 2, out);
    }
    out += "\n" + std::string(indent, ' ') + (json.is_object() ? "}" : "]");
}

} // namespace

Ordered to_json(const Schedule& schedule) { return Writer(schedule).run(); }

std::string schedule_text(const Schedule& schedule) {
    std::string text;
    print(to_json(schedule), 0, text);
    return text;
}

} // namespace weft::detail
