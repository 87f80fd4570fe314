// SPDX-License-Identifier: Apache-2.0
// JSON to a schedule. One pass over the fields of schedule_fields.hpp; the first error ends it.
#include "io/tensor_view.hpp"
#include "schedule/rotary_base.hpp"
#include "schedule/schedule_fields.hpp"
#include "schedule/schedule_json.hpp"
#include "schedule/schedule_short.hpp"
#include "schedule/weights.hpp"
#include <limits>
#include <map>
#include <set>

namespace weft::detail {
namespace {

constexpr uint32_t kMostRotary = 65536; // a file of a few bytes must not make weft allocate
constexpr size_t kMostBlocks = 100000, kMostComputed = size_t(1) << 24, kLongestName = 512;
constexpr uint32_t kMostCount = std::numeric_limits<int32_t>::max();
constexpr const char* kLayerMark = "{layer}";

class Reader final : public ScheduleFields {
public:
    /// `inner`: of a weight's program.
    Reader(const Json& json, const std::string& origin, bool short_form, bool inner = false)
        : origin_(origin), short_form_(short_form), inner_(inner), whole_(short_form ? long_form_of(json) : json) {
        frames_.push_back({&whole_, "", "", {}});
    }

    Result<Schedule> run() {
        int64_t version = 0;
        value(kScheduleKey, version, int64_t(0));
        rule(version == kScheduleVersion, kScheduleKey, "be 1 or 2, the versions of the format that weft reads");
        if (short_form_) {
            uint32_t vocabulary = 0;
            size("vocabulary", vocabulary);
        }
        layouts_ = object("weights");
        named_blocks_ = object("blocks");
        visit(*this, schedule_);
        leave();
        for (const Stage& stage : schedule_.stages)
            if (!error_) check_streams(stage);
        if (!error_ && layouts_)
            for (const auto& [name, layout] : layouts_->items())
                if (!used_layouts_.count(name)) fail_at("weights." + name, "belong to a weight of the schedule");
        if (error_) return *error_;
        weft_TRY(check_limits(schedule_, origin_));
        weft_TRY(settle(schedule_, origin_));
        return std::move(schedule_);
    }

    using Fields::list;
    using Fields::value;
    void size(const char* key, uint32_t& x) override {
        value(key, x, 0u);
        at_least_one(key, x);
    }
    void size(const char* key, uint32_t& x, uint32_t otherwise) override {
        value(key, x, otherwise);
        at_least_one(key, x);
    }
    void value(const char* key, bool& x, bool otherwise) override { read_or(key, x, otherwise); }
    void value(const char* key, uint32_t& x, uint32_t otherwise) override { read_or(key, x, otherwise); }
    void value(const char* key, uint64_t& x, uint64_t otherwise) override { read_or(key, x, otherwise); }
    void value(const char* key, int64_t& x, int64_t otherwise) override { read_or(key, x, otherwise); }
    void number(const char* key, float& x, float otherwise, Reach reach) override {
        read_or(key, x, otherwise);
        rule(within(reach, x), key, rule_of(reach));
    }
    void value(const char* key, std::string& x, const std::string& otherwise) override { read_or(key, x, otherwise); }
    void value(const char* key, std::vector<uint64_t>& x, const std::vector<uint64_t>& otherwise) override {
        read_or(key, x, otherwise);
    }
    void value(const char* key, std::vector<float>& x, const std::vector<float>& otherwise) override {
        read_or(key, x, otherwise);
    }
    void value(const char* key, std::vector<std::string>& x, const std::vector<std::string>& otherwise) override {
        read_or(key, x, otherwise);
    }
    void choice(const char* key, uint32_t& x, uint32_t otherwise, std::span<const char* const> names) override {
        const Json* json = find(key);
        x = otherwise;
        if (!json) return;
        if (json->is_string())
            for (size_t i = 0; i < names.size(); ++i)
                if (json->get_ref<const std::string&>() == names[i]) {
                    x = uint32_t(i);
                    return;
                }
        fail(key, "be one of " + joined(names));
    }
    void reference(const char* key, uint32_t& id, uint32_t otherwise, const std::vector<std::string>& names,
                   const char* what) override {
        std::string name;
        read_or(key, name, otherwise < names.size() ? names[otherwise] : "");
        id = found(key, name, names, what);
    }
    void references(const char* key, std::vector<uint32_t>& ids, const std::vector<uint32_t>& otherwise,
                    const std::vector<std::string>& names, const char* what) override {
        std::vector<std::string> list;
        for (const uint32_t id : otherwise) list.push_back(names[id]);
        read_or(key, list, list);
        ids.clear();
        for (const std::string& name : list) ids.push_back(found(key, name, names, what));
    }
    void program(const char* key, std::shared_ptr<const Schedule>& program) override {
        const Json* json = object(key);
        if (!json) return;
        if (inner_) return fail(key, "not be there: weights of such a schedule come from files");
        auto made = Reader(*json, origin_ + ": key " + in_quotes(path_of(key)), false, true).run();
        if (made) program = std::make_shared<const Schedule>(std::move(*made));
        else if (!error_) error_ = made.error();
    }
    void derived(bool& x, bool value) override { x = value; }
    void derived(uint32_t& x, uint64_t value) override {
        x = uint32_t(value);
        if (value < 1 || value > kMostCount)
            fail_at(frames_.back().path, "not need a size of " + std::to_string(value) + "; weft takes 1 to 2^31 - 1");
    }
    void rule(bool holds, const char* key, const std::string& text) override {
        if (!holds) fail(key, text);
    }

    bool enter(const char* key, bool, bool optional) override {
        const Json* json = find(key);
        if (error_ || (!json && optional)) return false;
        static const Json nothing = Json::object();
        if (json && !json->is_object()) {
            fail(key, "be an object");
            return false;
        }
        push(json ? *json : nothing, path_of(key), frames_.back().name + key + ".");
        return true;
    }
    void leave() override {
        const Frame& frame = frames_.back();
        if (!error_ && frame.json->is_object())
            for (const auto& [key, value] : frame.json->items())
                if (std::find(frame.asked.begin(), frame.asked.end(), key) == frame.asked.end()) {
                    std::string known;
                    for (const std::string& name : frame.asked) known += (known.empty() ? "" : ", ") + name;
                    fail(key.c_str(), "not be there");
                    error_->reasons.push_back("known here: " + known);
                    break;
                }
        frames_.pop_back();
    }
    void list(const char* key, size_t, const std::function<void(size_t)>& each) override {
        const Json* json = array(key);
        if (!json) return;
        if (json->size() > kMostPieces) return fail(key, "be shorter");
        for (size_t i = 0; i < json->size() && !error_; ++i) {
            const std::string index = std::to_string(i);
            if (!(*json)[i].is_object()) return fail_at(path_of(key) + "[" + index + "]", "be an object");
            push((*json)[i], path_of(key) + "[" + index + "]", frames_.back().name + key + "." + index + ".");
            each(i);
            leave();
        }
    }
    void op(Op& op) override {
        std::string name;
        value("op", name, std::string());
        std::vector<const char*> known;
        for (const OpKind* kind : all_ops()) {
            if (name == kind->name) op = kind->make();
            known.push_back(kind->name);
        }
        if (op) return;
        fail("op", "be one of " + joined(known) + ", is " + in_quotes(name));
        op = all_ops()[0]->make(); // whose fields are passed over
    }
    // Of a copy: states are numbered when the whole schedule is there.
    void states(const Op& described) override {
        if (error_) return;
        Op(described).states(states_);
        rule(states_.problem().empty(), "memory", states_.problem());
    }

    // The names of the first stage's weights begin with nothing, those of others with the stage's name.
    void stages(std::vector<Stage>& all, const std::function<void(Stage&)>& each) override {
        list("stages", all, [&](Stage& stage) {
            Frame& frame = frames_.back();
            const auto name = frame.json->find("name");
            stage_name_ = all.size() == 1 || name == frame.json->end() || !name->is_string()
                              ? ""
                              : name->get_ref<const std::string&>() + ".";
            frame.name = stage_name_;
            each(stage);
        });
    }
    void layers(std::vector<Layer>& all, const std::function<void(Block&)>& each) override {
        entries(all, each);
        if (short_form_ && schedule_.stages.size() == 1) rule(!all.empty(), "layers", "be given");
    }

    void weight(const char* key, WeightId& id, WeightShape shape, WeightUse use, WeightKind kind) override {
        const Json* json = find(key);
        bool there = use != WeightUse::rare;
        std::string name = named(frames_.back().name + key);
        if (json) {
            if (json->is_boolean()) there = json->get<bool>();
            else if (json->is_string()) {
                there = true;
                name = json->get<std::string>();
            } else return fail(key, "be a name, true or false");
        }
        if (!there) {
            id = kNoWeight;
            if (use == WeightUse::always) fail(key, "not be false: this weight is needed");
            return;
        }
        WeightSlot slot{expanded(name), {}, kind == WeightKind::matrix, {}, {}, {}, kind == WeightKind::decay};
        if (slot.name.empty() || slot.name.size() > kLongestName || slot.name.find_first_of("{}") != slot.name.npos)
            return fail(key, "be a name of up to " + std::to_string(kLongestName) +
                                 " characters, with braces only around {layer}, and that in layers only");
        long double elements = 1;
        for (uint64_t d : shape) {
            if (d < 1 || d > kMostCount)
                return fail(key, "not need a size of " + std::to_string(d) + "; weft takes 1 to 2^31 - 1");
            slot.shape.push_back(uint32_t(d));
            elements *= (long double)(d);
        }
        if (elements > kMostElements) return fail(key, "have at most 2^46 elements");
        if (error_) return;
        if (const auto known = ids_.find(slot.name); known != ids_.end()) {
            const WeightSlot& other = schedule_.weights[known->second];
            id = known->second;
            if (other.shape != slot.shape || other.matrix != slot.matrix || other.decay != slot.decay)
                fail(key,
                     "be another name than " + in_quotes(slot.name) + ", which is a weight of another shape or kind");
            return;
        }
        layout(key, name, slot);
        id = add(std::move(slot));
    }

    void frequencies(Rope& r) override {
        const uint32_t pairs = r.rotary / 2;
        if (frames_.back().json->contains("frequencies")) {
            if (r.rows() > 1)
                weight("frequencies", r.frequencies, {r.rows(), pairs}, WeightUse::always, WeightKind::vector);
            else weight("frequencies", r.frequencies, {pairs}, WeightUse::always, WeightKind::vector);
            return;
        }
        frames_.back().asked.push_back("frequencies");
        double theta = 0;
        read_or("theta", theta, kUsualTheta);
        rule(theta > 0 && std::isfinite(theta), "theta", rule_of(Reach::positive));
        rule(r.rows() == 1, "frequencies", "be given with long_table or several axes");
        rule(r.rotary <= kMostRotary, "rotary", "be at most " + std::to_string(kMostRotary));
        if (error_) return;
        std::vector<float> values = rotary_frequencies(theta, r.rotary);
        for (float f : values)
            if (!std::isfinite(f)) return fail("theta", "give finite frequencies");
        for (WeightId known : bases_)
            if (schedule_.weights[known].computed == values) {
                r.frequencies = known;
                return;
            }
        r.frequencies = add({free_name(kFrequenciesName, [&](const std::string& n) { return ids_.count(n) != 0; }),
                             {pairs},
                             false,
                             {},
                             std::move(values),
                             {}});
        bases_.push_back(r.frequencies);
    }

private:
    struct Frame {
        const Json* json;
        std::string path, name; // of this object in the file; how the names of its weights begin
        std::vector<std::string> asked;
    };

    static std::string joined(std::span<const char* const> names) {
        std::string all;
        for (const char* name : names) all += (all.empty() ? "" : ", ") + std::string(name);
        return all;
    }

    void push(const Json& json, std::string path, std::string name) {
        frames_.push_back({&json, std::move(path), std::move(name), {}});
    }
    std::string path_of(const std::string& key) const {
        return frames_.back().path.empty() ? key : frames_.back().path + "." + key;
    }
    std::string named(const std::string& path) const { return short_form_ ? short_path_of(path) : path; }
    void fail_at(const std::string& path, const std::string& rule) {
        if (!error_)
            error_ = Error{ErrorCode::malformed, origin_ + ": key " + in_quotes(named(path)) + " must " + rule, {}};
    }
    void fail(const char* key, const std::string& rule) { fail_at(path_of(key), rule); }

    uint32_t found(const char* key, const std::string& name, const std::vector<std::string>& names, const char* what) {
        const auto it = std::ranges::find(names, name);
        rule(it != names.end(), key, std::string("name ") + what + "; there is no " + in_quotes(name));
        return it == names.end() ? 0 : uint32_t(it - names.begin());
    }
    const Json* find(const char* key) {
        Frame& frame = frames_.back();
        if (std::find(frame.asked.begin(), frame.asked.end(), key) == frame.asked.end()) frame.asked.push_back(key);
        if (error_ || !frame.json->is_object()) return nullptr;
        const auto it = frame.json->find(key);
        return it == frame.json->end() || it->is_null() ? nullptr : &*it;
    }
    const Json* object(const char* key) {
        const Json* json = find(key);
        if (json && !json->is_object()) fail(key, "be an object");
        return error_ ? nullptr : json;
    }
    const Json* array(const char* key) {
        const Json* json = find(key);
        if (json && !json->is_array()) fail(key, "be a list");
        return error_ ? nullptr : json;
    }
    void at_least_one(const char* key, uint32_t& x) {
        if (x >= 1 && x <= kMostCount) return;
        fail(key, x == 0 && !frames_.back().json->contains(key) ? "be given" : "be between 1 and 2^31 - 1");
        x = 1; // what follows may divide by it
    }

    template <class T>
    void read_or(const char* key, T& x, const T& otherwise) {
        const Json* json = find(key);
        if (!json) x = otherwise;
        else read(key, *json, x);
    }
    void read(const char* key, const Json& json, bool& x) {
        if (!json.is_boolean()) return fail(key, "be true or false");
        x = json.get<bool>();
    }
    bool integer(const char* key, const Json& json, int64_t least, int64_t most, int64_t& x) {
        const auto read = JsonObject(*frames_.back().json, origin_).integer(key);
        if (json.is_number() && read && *read >= least && *read <= most) {
            x = *read;
            return true;
        }
        fail(key, "be an integer between " + std::to_string(least) + " and " + std::to_string(most));
        return false;
    }
    void read(const char* key, const Json& json, uint32_t& x) {
        int64_t n = 0;
        if (integer(key, json, 0, kMostCount, n)) x = uint32_t(n);
    }
    void read(const char* key, const Json& json, uint64_t& x) {
        int64_t n = 0;
        if (integer(key, json, 0, int64_t(kMostElements), n)) x = uint64_t(n);
    }
    void read(const char* key, const Json& json, int64_t& x) { integer(key, json, -1, kMostCount, x); }
    void read(const char* key, const Json&, double& x) {
        const auto number =
            JsonObject(*frames_.back().json, origin_).bound(key); // takes {"__float__": "Infinity"} as well
        if (!number) return fail(key, "be a number, and not NaN");
        x = *number;
    }
    void read(const char* key, const Json& json, float& x) {
        double d = 0;
        read(key, json, d);
        if (std::isfinite(d) && std::abs(d) > double(std::numeric_limits<float>::max()))
            return fail(key, "fit 32-bit floats");
        x = float(d);
    }
    void read(const char* key, const Json& json, std::string& x) {
        if (!json.is_string()) return fail(key, "be a string");
        x = json.get<std::string>();
    }
    // Lists of numbers; of floats, [n, value] stands for n times the value.
    template <class T>
    void read(const char* key, const Json& json, std::vector<T>& x) {
        if (!json.is_array()) return fail(key, "be a list");
        x.clear();
        const Json* const outer = frames_.back().json;
        Json item = Json::object();
        frames_.back().json = &item;
        for (const Json& one : json) {
            uint64_t times = 1;
            if (std::is_same_v<T, float> && one.is_array() && one.size() == 2) {
                item[key] = one[0];
                read(key, item[key], times);
                item[key] = one[1];
            } else item[key] = one;
            T value{};
            read(key, item[key], value);
            if (x.size() + times > kMostComputed) fail(key, "hold fewer values");
            if (error_) break;
            if constexpr (std::is_same_v<T, std::string>) value = expanded(value);
            x.insert(x.end(), times, value);
        }
        frames_.back().json = outer;
    }

    std::string expanded(std::string name) const {
        if (layer_)
            for (size_t at = 0; (at = name.find(kLayerMark, at)) != name.npos;)
                name.replace(at, std::string_view(kLayerMark).size(), std::to_string(*layer_));
        return name;
    }
    WeightId add(WeightSlot slot) {
        ids_[slot.name] = WeightId(schedule_.weights.size());
        schedule_.weights.push_back(std::move(slot));
        return WeightId(schedule_.weights.size() - 1);
    }
    // How the slot is put together: under its own name, or under the name as it is written with {layer}.
    void layout(const char* key, const std::string& written, WeightSlot& slot) {
        for (const std::string& name : {slot.name, written}) {
            const auto it = layouts_ ? layouts_->find(name) : Json::const_iterator();
            if (!layouts_ || it == layouts_->end()) continue;
            used_layouts_.insert(name);
            if (!it->is_object()) return fail_at("weights." + name, "be an object");
            push(*it, "weights." + name, "");
            visit(*this, slot);
            leave();
            break;
        }
        if (slot.pieces.empty() && slot.of_files())
            slot.pieces.push_back({{slot.name}, {slot.shape.begin(), slot.shape.end()}});
        pieces_ += slot.piece_count();
        if (pieces_ > kMostPieces)
            fail(key, "not bring the pieces of all weights above " + std::to_string(kMostPieces));
        if (const std::string problem = error_ ? "" : layout_problem(slot); !problem.empty())
            fail(key, "fit its layout under weights: " + problem);
    }

    void entries(std::vector<Layer>& all, const std::function<void(Block&)>& each) {
        const Json* list = array("layers");
        if (!list) return;
        if (list->empty()) return fail("layers", "not be empty");
        for (size_t i = 0; i < list->size() && !error_; ++i) {
            const Json& entry = (*list)[i];
            const std::string path = path_of("layers") + "[" + std::to_string(i) + "]";
            if (!entry.is_object() || entry.contains("blocks") == entry.contains("layers"))
                return fail_at(path, "be an object with either blocks or layers");
            push(entry, path, stage_name_);
            uint32_t times = 1;
            size("repeat", times, 1u);
            rule(times <= kMostLayers, "repeat", "be at most " + std::to_string(kMostLayers));
            for (uint32_t n = 0; n < times && !error_; ++n) {
                if (entry.contains("layers")) entries(all, each);
                else layer(all, each);
                if (all.size() > kMostLayers) fail_at("layers", "be at most " + std::to_string(kMostLayers));
            }
            leave();
        }
    }
    void layer(std::vector<Layer>& all, const std::function<void(Block&)>& each) {
        const Json* list = array("blocks");
        if (!list) return;
        layer_ = uint32_t(all.size());
        Layer made;
        for (size_t i = 0; i < list->size() && !error_; ++i) {
            const Json* block = &(*list)[i];
            std::string path = path_of("blocks") + "[" + std::to_string(i) + "]";
            if (block->is_string()) {
                const std::string& name = block->get_ref<const std::string&>();
                const auto it = named_blocks_ ? named_blocks_->find(name) : Json::const_iterator();
                if (!named_blocks_ || it == named_blocks_->end())
                    return fail_at(path, "be the name of one of blocks; there is no " + in_quotes(name));
                block = &*it;
                path = "blocks." + name;
            }
            if (!block->is_object()) return fail_at(path, "be an object");
            if (++blocks_ > kMostBlocks)
                return fail_at(path, "not bring the blocks of all layers above " + std::to_string(kMostBlocks));
            push(*block, path, stage_name_ + "layers." + kLayerMark + ".blocks." + std::to_string(i) + ".");
            each(made.blocks.emplace_back());
            leave();
        }
        layer_.reset();
        all.push_back(std::move(made));
    }

    // A block can only read a stream, or add to it, that has a value.
    void check_streams(const Stage& stage) {
        const bool rows = stage.rows.taken();
        std::vector<bool> there = {rows};
        for (size_t i = 0; i < stage.streams.size(); ++i) there.push_back(false);
        const auto check = [&](const Block& block, const std::string& place) {
            const auto need = [&](const char* key, StreamId id) {
                if (!there[stage.is_part(id) ? kResidual : id])
                    fail_at(key, "not name " + in_quotes(id == kResidual ? kResidualName : stage.streams[id - 1].name) +
                                     " in " + place + ": no block before writes that stream");
            };
            for (const StreamId id : block.read) need("read", id);
            if (block.branches[0].op.sink()) return;
            if (block.base == Base::stream || stage.is_part(block.write)) need("write", block.write);
            there[block.write] = true;
        };
        const std::string of = schedule_.stages.size() == 2 ? "" : " of stage " + in_quotes(stage.name);
        for (const Block& block : stage.first) check(block, "'first'" + of);
        if (!error_) need_input(stage, there[kResidual]);
        for (size_t i = 0; i < stage.streams.size(); ++i)
            if (stage.streams[i].start == Stream::Start::input) there[i + 1] = true;
        for (size_t i = 0; i < stage.layers.size() && !error_; ++i)
            for (const Block& block : stage.layers[i].blocks) check(block, "layer " + std::to_string(i) + of);
        for (const Block& block : stage.last) check(block, "'last'" + of);
    }
    void need_input(const Stage& stage, bool there) {
        if (!there)
            fail_at("first", "hold a block that writes " + in_quotes(kResidualName) + " in stage " +
                                 in_quotes(stage.name) + ": its rows come from nowhere else");
    }

    const std::string origin_;
    const bool short_form_, inner_;
    const Json whole_;
    std::string stage_name_; // how names of weights begin in this stage
    std::vector<Frame> frames_;
    std::optional<Error> error_;
    Schedule schedule_;
    const Json *layouts_ = nullptr, *named_blocks_ = nullptr;
    std::set<std::string> used_layouts_;
    std::map<std::string, WeightId> ids_;
    States states_{{}};
    std::vector<WeightId> bases_; // slots made from a theta
    std::optional<uint32_t> layer_;
    size_t blocks_ = 0, pieces_ = 0;
};

} // namespace

Result<Schedule> schedule_from_json(const Json& json, const std::string& origin) {
    if (!json.is_object()) return Error{ErrorCode::malformed, origin + ": must be a JSON object", {}};
    const auto version = json.find(kScheduleKey);
    const bool short_form = is_short_form(json);
    if (version != json.end() && *version == 1) return Reader(version_2_of(json), origin, short_form).run();
    return Reader(json, origin, short_form).run();
}

} // namespace weft::detail
